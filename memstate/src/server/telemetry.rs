//! What is told of a running server: metrics, traces, logs.

use std::time::Duration;

/// The ways a call comes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Front {
    Link,
    Http,
}

/// What became of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CallOutcome {
    Accepted,
    Rejected,
    Panicked,
    /// The bytes were no arguments of it.
    Invalid,
    Denied,
    Overloaded,
    Unknown,
    Failed,
}

/// Counts and measures. All of it is cheap enough to be asked at every call.
pub(crate) struct Telemetry {}

impl Telemetry {
    pub(crate) fn new() -> Self {
        Telemetry {}
    }

    pub(crate) fn command(&self, number: u16, front: Front, outcome: CallOutcome, took: Duration) {
        let _ = (number, front, outcome, took);
    }

    pub(crate) fn query(&self, number: u16, front: Front, outcome: CallOutcome, took: Duration) {
        let _ = (number, front, outcome, took);
    }

    pub(crate) fn connected(&self, front: Front) {
        let _ = front;
    }

    pub(crate) fn disconnected(&self, front: Front) {
        let _ = front;
    }
}
