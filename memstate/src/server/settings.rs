//! Settings: defaults, then a file, then the environment, then the command line.

use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf, time::Duration};

use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;

use super::ServeError;

mod layers;
pub(crate) mod quantity;
#[cfg(test)]
mod tests;

pub(crate) use layers::{Loaded, Sources};

/// What a server is set to.
///
/// A program has the defaults and changes what it wants otherwise, or [`load`](Settings::load)s them. `bank serve` takes each value
/// from the last of these that has it: the defaults, a file in TOML or JSON, the environment, the command line. The file is
/// that of `--config` or of `MEMSTATE_CONFIG`, and otherwise `memstate.toml` in the current directory, if it is there. In the environment a
/// key is in capitals behind `MEMSTATE_`, with `__` for each dot: `MEMSTATE_LIMITS__CONNECTIONS=100`. On the command line it is
/// `--set limits.connections=100`. `bank serve --print-config` shows every value, and where it came from.
///
/// A key that there is not is an error. Durations are texts such as `"500ms"`, `"2s"`, `"5m"`, `"1h"` and `"30d"`; sizes are numbers of
/// bytes, or texts such as `"4KiB"`, `"16MiB"` and `"1GiB"`. Files are relative to the file of the settings that names them, and
/// otherwise to the current directory.
///
/// | key | default | what it is |
/// |---|---|---|
/// | `listen` | `"127.0.0.1:7117"` | where typed clients are answered, or `"off"` |
/// | `http` | `"127.0.0.1:7118"` | where HTTP is answered, or `"off"` |
/// | `cors_origins` | `[]` | origins of web pages that may call over HTTP, such as `"https://bank.example"`; a page that this server serves always may |
/// | `insecure_listen_beyond_loopback` | `false` | listen to other machines without TLS or without authentication: everybody who reaches the port may read and change everything, or listen in |
/// | `tls.certificate` | | the certificates of the server in PEM, its own first; with it and `tls.key` everything is answered over TLS |
/// | `tls.key` | | the private key of the first certificate, in PEM |
/// | `tls.client_ca` | | the certificates in PEM that those of clients have to be signed by: mutual TLS |
/// | `tls.clients` | `"required"` | with `tls.client_ca`, whether a client must have a certificate: `"required"` or `"optional"` |
/// | `auth.tokens` | | the file of the tokens, see `bank token new --help` |
/// | `auth.jwt.key` | | the file of the secret (HS256) or of the public key in PEM (RS256, ES256) that verifies JWTs |
/// | `auth.jwt.algorithm` | `"RS256"` | how JWTs are signed: `"HS256"`, `"RS256"` or `"ES256"`; no other is accepted, whatever a JWT says |
/// | `auth.jwt.issuer` | | the `iss` that a JWT must have |
/// | `auth.jwt.audience` | | the `aud` that a JWT must have; without it, a JWT that has one is refused |
/// | `auth.jwt.roles_claim` | `"roles"` | the claim with the roles: a list, or a text with spaces between; dots lead into objects |
/// | `auth.jwt.leeway` | `"30s"` | by how much the clock of the issuer may differ |
/// | `auth.certificates.NAME` | | the roles of the client whose certificate has this name, by its subject's common name or an alternative name |
/// | `roles.NAME.commands` | `[]` | the commands that the role may call: names, with `*` for anything |
/// | `roles.NAME.queries` | `[]` | the queries that it may ask, likewise, of now and of the past |
/// | `roles.NAME.events` | `false` | whether it may follow events, of the present and of the past |
/// | `roles.NAME.history` | `false` | whether it may read the records of the journal, and what differs between two moments; the events of records are for whoever has `events` too |
/// | `roles.NAME.describe` | `false` | whether it may read the description of the model: `/openapi.json`, the docs page |
/// | `roles.NAME.snapshot` | `false` | whether it may have a snapshot written |
/// | `roles.NAME.metrics` | `false` | whether it may read `/metrics` |
/// | `roles.NAME.as_caller` | `false` | whether it may send commands in another's name |
/// | `limits.bytes_before_authentication` | `"4KiB"` | bytes of all that a client sends before it is known |
/// | `limits.time_before_authentication` | `"2s"` | how long it may take for that |
/// | `limits.frame_bytes` | `"16MiB"` | bytes of one frame, or of the body of one request of HTTP |
/// | `limits.calls_in_flight` | `4096` | calls in flight on one connection |
/// | `limits.bytes_in_flight` | `"64MiB"` | bytes of arguments of the calls in flight on one connection |
/// | `limits.connections` | `16384` | connections at once |
/// | `limits.idle` | `"2m"` | how long a connection may be without a call, a subscription or a ping |
/// | `limits.subscriptions` | `64` | subscriptions on one connection |
/// | `limits.answer_bytes` | `"64MiB"` | bytes of the answer of one query, streamed or not |
/// | `limits.past_states` | `2` | states of the past that are kept for those who ask for them again |
/// | `stop.drain` | `"10s"` | how long what is in flight may take when the server stops |
/// | `stop.snapshot` | `true` | whether a snapshot is written when the server stops |
/// | `log.level` | `"info"` | what is logged: `"error"`, `"warn"`, `"info"`, `"debug"`, `"trace"` or `"off"`, or directives such as `"info,memstate=debug"` |
/// | `log.format` | `"text"` | how it is logged: `"text"` or `"json"` |
/// | `otel.endpoint` | | where traces are sent to, as OTLP over HTTP: `"http://localhost:4318"` |
///
/// A role `anonymous` holds for those who show no credential. Where there is neither that nor any other authentication, everybody may do
/// everything, and the server refuses to listen beyond loopback.
///
/// ```
/// let mut settings = memstate::server::Settings::default();
/// settings.listen = Some("127.0.0.1:0".parse()?);
/// settings.limits.connections = 100;
/// # Ok::<_, std::net::AddrParseError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Settings {
    /// Where typed clients are answered; `None` for nowhere.
    #[serde(with = "quantity::address")]
    pub listen: Option<SocketAddr>,
    /// Where HTTP is answered; `None` for nowhere.
    #[serde(with = "quantity::address")]
    pub http: Option<SocketAddr>,
    /// Origins of web pages that may call over HTTP, such as `https://bank.example`; a page that this server serves always may.
    pub cors_origins: Vec<String>,
    /// Whether it may listen to other machines without TLS or without authentication.
    pub insecure_listen_beyond_loopback: bool,
    /// The files of TLS.
    pub tls: Tls,
    /// How callers show who they are.
    pub auth: Auth,
    /// What callers may do, by the names of roles.
    pub roles: BTreeMap<String, Role>,
    /// How much anybody may take.
    pub limits: Limits,
    /// How it stops.
    pub stop: Stop,
    /// What is logged, and how.
    pub log: Log,
    /// Where traces go.
    pub otel: Otel,
}

/// The files of TLS.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Tls {
    /// The certificates of the server in PEM, its own first.
    pub certificate: Option<PathBuf>,
    /// The private key of the first certificate, in PEM.
    pub key: Option<PathBuf>,
    /// The certificates in PEM that those of clients have to be signed by.
    pub client_ca: Option<PathBuf>,
    /// Whether a client must have one.
    pub clients: Clients,
}

/// Whether a client must have a certificate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Clients {
    /// Who has none is not connected to.
    #[default]
    Required,
    /// Who has none may show another credential.
    Optional,
}

/// How callers show who they are.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Auth {
    /// The file of the tokens.
    pub tokens: Option<PathBuf>,
    /// How JWTs are verified.
    pub jwt: Jwt,
    /// The roles of those with a certificate, by the name in it.
    pub certificates: BTreeMap<String, Vec<String>>,
}

/// How JWTs are verified.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Jwt {
    /// The file of the secret, or of the public key in PEM. Without it, no JWT is accepted.
    pub key: Option<PathBuf>,
    /// How they are signed.
    pub algorithm: Algorithm,
    /// The `iss` that they must have.
    pub issuer: Option<String>,
    /// The `aud` that they must have.
    pub audience: Option<String>,
    /// The claim with the roles.
    pub roles_claim: String,
    /// By how much the clock of the issuer may differ.
    #[serde(with = "quantity::duration")]
    pub leeway: Duration,
}

/// How JWTs are signed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Algorithm {
    /// With a secret that both ends have.
    HS256,
    /// With a key of RSA.
    #[default]
    RS256,
    /// With a key of the elliptic curve P-256.
    ES256,
}

/// What some callers may do; nothing, unless it is said.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Role {
    /// The commands that it may call: names, with `*` for anything.
    pub commands: Vec<String>,
    /// The queries that it may ask, likewise.
    pub queries: Vec<String>,
    /// Events of the present and of the past.
    pub events: bool,
    /// The records of the journal, and what differs between two moments. The events of records are for whoever has `events` too.
    pub history: bool,
    /// The description of the model.
    pub describe: bool,
    /// A snapshot.
    pub snapshot: bool,
    /// `/metrics`.
    pub metrics: bool,
    /// Commands in another's name.
    pub as_caller: bool,
}

/// How much anybody may take.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of all that a client sends before it is known.
    #[serde(with = "quantity::size")]
    pub bytes_before_authentication: usize,
    /// How long it may take for that.
    #[serde(with = "quantity::duration")]
    pub time_before_authentication: Duration,
    /// Bytes of one frame, or of the body of one request of HTTP.
    #[serde(with = "quantity::size")]
    pub frame_bytes: usize,
    /// Calls in flight on one connection.
    pub calls_in_flight: usize,
    /// Bytes of arguments of the calls in flight on one connection.
    #[serde(with = "quantity::size")]
    pub bytes_in_flight: usize,
    /// Connections at once.
    pub connections: usize,
    /// How long a connection may be without a call, a subscription or a ping.
    #[serde(with = "quantity::duration")]
    pub idle: Duration,
    /// Subscriptions on one connection.
    pub subscriptions: usize,
    /// Bytes of the answer of one query, streamed or not.
    #[serde(with = "quantity::size")]
    pub answer_bytes: usize,
    /// States of the past that are kept for those who ask for them again.
    pub past_states: usize,
}

/// How a server stops.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Stop {
    /// How long what is in flight may take.
    #[serde(with = "quantity::duration")]
    pub drain: Duration,
    /// Whether `bank serve` writes a snapshot before it ends.
    pub snapshot: bool,
}

/// What `bank serve` logs, and how.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Log {
    /// A level, or directives such as `info,memstate=debug`.
    pub level: String,
    /// How it is logged.
    pub format: LogFormat,
}

/// How it is logged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum LogFormat {
    /// Lines for people.
    #[default]
    Text,
    /// An object of JSON a line.
    Json,
}

/// Where traces go.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Otel {
    /// The address of a collector that takes OTLP over HTTP.
    pub endpoint: Option<String>,
}

impl Default for Jwt {
    fn default() -> Self {
        Jwt {
            key: None,
            algorithm: Algorithm::default(),
            issuer: None,
            audience: None,
            roles_claim: "roles".to_owned(),
            leeway: Duration::from_secs(30),
        }
    }
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

impl Default for Stop {
    fn default() -> Self {
        Stop { drain: Duration::from_secs(10), snapshot: true }
    }
}

impl Default for Log {
    fn default() -> Self {
        Log { level: "info".to_owned(), format: LogFormat::default() }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            listen: Some(SocketAddr::from(([127, 0, 0, 1], 7117))),
            http: Some(SocketAddr::from(([127, 0, 0, 1], 7118))),
            cors_origins: Vec::new(),
            insecure_listen_beyond_loopback: false,
            tls: Tls::default(),
            auth: Auth::default(),
            roles: BTreeMap::new(),
            limits: Limits::default(),
            stop: Stop::default(),
            log: Log::default(),
            otel: Otel::default(),
        }
    }
}

/// The role of those who show no credential.
pub(crate) const ANONYMOUS: &str = "anonymous";

impl Settings {
    /// The settings of a file in TOML or JSON, over the defaults and under the environment. Without one it is that of
    /// `MEMSTATE_CONFIG`, or `memstate.toml` in the current directory, if it is there.
    ///
    /// # Errors
    ///
    /// [`ServeError::Settings`], with the file or variable, the key, and what is wanted of it.
    pub fn load(file: Option<&std::path::Path>) -> Result<Self, ServeError> {
        let sources = Sources { file: file.map(Into::into), ..Sources::of_this_process() };
        Ok(sources.load()?.settings)
    }

    /// Whether callers have to show who they are.
    pub(crate) fn authenticates(&self) -> bool {
        self.auth.tokens.is_some() || self.auth.jwt.key.is_some() || !self.auth.certificates.is_empty()
    }

    /// Refuses what contradicts itself, and what is too dangerous to be meant.
    pub(crate) fn check(&self) -> Result<(), ServeError> {
        let wrong = |what: String| Err(ServeError::Settings(what));
        let Limits { connections, calls_in_flight, frame_bytes, bytes_before_authentication, .. } =
            self.limits;
        for (key, value, least, most) in [
            ("connections", connections, 1, Semaphore::MAX_PERMITS),
            ("calls_in_flight", calls_in_flight, 1, Semaphore::MAX_PERMITS),
            ("frame_bytes", frame_bytes, 1024, u32::MAX as usize),
            ("bytes_before_authentication", bytes_before_authentication, 256, frame_bytes),
        ] {
            if !(least..=most).contains(&value) {
                return wrong(format!(
                    "`limits.{key}` is {value}, and has to be from {least} through {most}"
                ));
            }
        }
        if self.listen.is_none() && self.http.is_none() {
            return wrong(
                "there is nothing to listen on: `listen` and `http` are both off; give an address to one"
                    .into(),
            );
        }
        let Tls { certificate, key, client_ca, .. } = &self.tls;
        match (certificate, key) {
            (Some(_), None) => {
                return wrong("`tls.certificate` is set, and `tls.key` is not; TLS needs both".into());
            }
            (None, Some(_)) => {
                return wrong("`tls.key` is set, and `tls.certificate` is not; TLS needs both".into());
            }
            (None, None) if client_ca.is_some() => {
                return wrong(
                    "`tls.client_ca` is set without TLS; set `tls.certificate` and `tls.key` too".into(),
                );
            }
            _ => {}
        }
        if !self.auth.certificates.is_empty() && client_ca.is_none() {
            return wrong(
                "`auth.certificates` is set, and clients have no certificates without `tls.client_ca`".into(),
            );
        }
        let has_anonymous = self.roles.contains_key(ANONYMOUS);
        if !self.authenticates() && !has_anonymous && (!self.roles.is_empty() || client_ca.is_some()) {
            let what = if self.roles.is_empty() { "`tls.client_ca` is set" } else { "there are roles" };
            return wrong(format!(
                "{what}, and nothing says who has which role; set `auth.tokens`, `auth.jwt.key` or \
                 `auth.certificates`, or a role `{ANONYMOUS}` for everybody"
            ));
        }
        self.check_reach()
    }

    /// Refuses to be reached by other machines without TLS and authentication.
    fn check_reach(&self) -> Result<(), ServeError> {
        if self.insecure_listen_beyond_loopback {
            return Ok(());
        }
        let (is_secured, is_known) = (self.tls.certificate.is_some(), self.authenticates());
        let missing = match (is_secured, is_known) {
            (true, true) => return Ok(()),
            (false, true) => "TLS (`tls.certificate`, `tls.key`)",
            (true, false) => "authentication (`auth.tokens`, `auth.jwt.key` or `auth.certificates`)",
            (false, false) => {
                "TLS (`tls.certificate`, `tls.key`) and authentication (`auth.tokens`, `auth.jwt.key` or `auth.certificates`)"
            }
        };
        for (key, address) in [("listen", self.listen), ("http", self.http)] {
            if let Some(address) = address
                && !address.ip().to_canonical().is_loopback()
            {
                return Err(ServeError::Settings(format!(
                    "`{key}` is {address}, which other machines reach, and there is no {missing}; listen on 127.0.0.1 or [::1], \
                     or say `--insecure-listen-beyond-loopback` if everybody who reaches it may do everything"
                )));
            }
        }
        Ok(())
    }
}
