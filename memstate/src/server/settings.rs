//! Settings: defaults, then a file, then the environment, then the command line.

use std::{net::SocketAddr, time::Duration};

/// What a server is set to.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Settings {
    /// Where typed clients are answered; `None` for nowhere.
    pub listen: Option<SocketAddr>,
    /// Where HTTP is answered; `None` for nowhere.
    pub http: Option<SocketAddr>,
    /// Origins of web pages that may call over HTTP, such as `https://bank.example`; a page that this server serves always may.
    pub cors_origins: Vec<String>,
    /// How much anybody may take.
    pub limits: Limits,
}

/// How much anybody may take.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of all that a client sends before it is known.
    pub bytes_before_authentication: usize,
    /// How long it may take for that.
    pub time_before_authentication: Duration,
    /// Bytes of one frame, or of the body of one request of HTTP.
    pub frame_bytes: usize,
    /// Calls in flight on one connection.
    pub calls_in_flight: usize,
    /// Bytes of arguments of the calls in flight on one connection.
    pub bytes_in_flight: usize,
    /// Connections at once.
    pub connections: usize,
    /// How long a connection may be without a call, a subscription or a ping.
    pub idle: Duration,
    /// Subscriptions on one connection.
    pub subscriptions: usize,
    /// Bytes of the answer of one query, streamed or not.
    pub answer_bytes: usize,
    /// States of the past that are kept for those who ask for them again.
    pub past_states: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            bytes_before_authentication: 4096,
            time_before_authentication: Duration::from_secs(2),
            frame_bytes: 16 << 20,
            calls_in_flight: 4096,
            bytes_in_flight: 64 << 20,
            connections: 16_384,
            idle: Duration::from_secs(120),
            subscriptions: 64,
            answer_bytes: 64 << 20,
            past_states: 2,
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            listen: Some(SocketAddr::from(([127, 0, 0, 1], 7117))),
            http: Some(SocketAddr::from(([127, 0, 0, 1], 7118))),
            cors_origins: Vec::new(),
            limits: Limits::default(),
        }
    }
}
