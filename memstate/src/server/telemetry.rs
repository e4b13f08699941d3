//! What is told of a running server: metrics, traces, logs.
//!
//! Calls are counted here as they happen, in places that are found by the number of their method; everything else that a scrape
//! shows is asked of the engine when it comes. What has a name, a label or a text is made then, and never for a call.

mod exposition;
pub(crate) mod logs;
#[cfg(feature = "otel")]
mod otlp;
mod spans;
#[cfg(test)]
mod tests;

use std::{
    cell::Cell,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, SystemTime},
};

use crossbeam_utils::CachePadded;

#[allow(unused_imports, reason = "the command `serve` is about to use them")]
pub(crate) use self::{
    exposition::CONTENT_TYPE,
    logs::{Logs, Telling, init},
    spans::{Incoming, became, command_span, incoming, query_span},
};
use super::access::NotKnown;
use crate::{
    cli::program::methods::Methods,
    engine::meters::{TIMES, nanoseconds, place},
    service::Described,
};

/// The ways a call comes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Front {
    Link,
    Http,
}

impl Front {
    const ALL: [Front; 2] = [Front::Link, Front::Http];

    fn name(self) -> &'static str {
        match self {
            Front::Link => "link",
            Front::Http => "http",
        }
    }
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

impl CallOutcome {
    const ALL: [CallOutcome; 8] = [
        CallOutcome::Accepted,
        CallOutcome::Rejected,
        CallOutcome::Panicked,
        CallOutcome::Invalid,
        CallOutcome::Denied,
        CallOutcome::Overloaded,
        CallOutcome::Unknown,
        CallOutcome::Failed,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            CallOutcome::Accepted => "accepted",
            CallOutcome::Rejected => "rejected",
            CallOutcome::Panicked => "panicked",
            CallOutcome::Invalid => "invalid",
            CallOutcome::Denied => "denied",
            CallOutcome::Overloaded => "overloaded",
            CallOutcome::Unknown => "unknown",
            CallOutcome::Failed => "failed",
        }
    }
}

/// Calls are counted apart by thread, so that threads do not take a line of the cache from each other at every call.
const SHARDS: usize = 8;

/// Counts and measures. All of it is cheap enough to be asked at every call.
pub(crate) struct Telemetry {
    model: &'static str,
    commands: Names,
    queries: Names,
    calls: Box<[CachePadded<Calls>]>,
    fronts: Arc<[CachePadded<OfFront>; Front::ALL.len()]>,
    started: SystemTime,
}

/// What methods are called, by their numbers.
type Names = Box<[Box<str>]>;

/// What some of the threads have counted.
struct Calls {
    commands: Box<[OfMethod]>,
    queries: Box<[OfMethod]>,
}

/// Calls of a method.
struct OfMethod {
    outcomes: [[AtomicU64; CallOutcome::ALL.len()]; Front::ALL.len()],
    /// How many took how long, without those that were denied.
    times: [AtomicU64; TIMES.len() + 1],
    nanoseconds: AtomicU64,
}

/// What happens on the connections of a front.
#[derive(Default)]
struct OfFront {
    connected: AtomicU64,
    disconnected: AtomicU64,
    not_known: [AtomicU64; 3],
    subscribed: AtomicU64,
    unsubscribed: AtomicU64,
    events_sent: AtomicU64,
    events_missed: AtomicU64,
    bytes_received: AtomicU64,
    bytes_sent: AtomicU64,
}

impl OfMethod {
    fn new() -> Self {
        OfMethod {
            outcomes: Default::default(),
            times: std::array::from_fn(|_| AtomicU64::new(0)),
            nanoseconds: AtomicU64::new(0),
        }
    }

    fn count(&self, front: Front, outcome: CallOutcome, took: Duration) {
        self.outcomes[front as usize][outcome as usize].fetch_add(1, Ordering::Relaxed);
        // Who may not is told so at once, which says nothing of how long the method takes.
        if outcome != CallOutcome::Denied {
            let took = nanoseconds(took);
            self.times[place(TIMES, took)].fetch_add(1, Ordering::Relaxed);
            self.nanoseconds.fetch_add(took, Ordering::Relaxed);
        }
    }
}

/// Which of the shards this thread counts in.
fn shard() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static MINE: Cell<usize> = const { Cell::new(usize::MAX) };
    }
    MINE.with(|mine| {
        if mine.get() == usize::MAX {
            mine.set(NEXT.fetch_add(1, Ordering::Relaxed) % SHARDS);
        }
        mine.get()
    })
}

impl Telemetry {
    pub(crate) fn new(described: &Described) -> Self {
        let names = |methods: &Methods| -> Names {
            methods.all().map(|method| method.command.name.as_str().into()).collect()
        };
        let (commands, queries) = (names(&described.commands), names(&described.queries));
        let of = |names: &Names| names.iter().map(|_| OfMethod::new()).collect();
        let calls = (0..SHARDS).map(|_| Calls { commands: of(&commands), queries: of(&queries) }.into());
        let calls = calls.collect();
        Telemetry {
            model: described.model,
            commands,
            queries,
            calls,
            fronts: Arc::default(),
            started: SystemTime::now(),
        }
    }

    /// The name of a command, to be shown.
    pub(crate) fn command_name(&self, number: u16) -> &str {
        self.commands.get(usize::from(number)).map_or("?", |name| name)
    }

    /// The name of a query, to be shown.
    pub(crate) fn query_name(&self, number: u16) -> &str {
        self.queries.get(usize::from(number)).map_or("?", |name| name)
    }

    /// A command was answered.
    pub(crate) fn command(&self, number: u16, front: Front, outcome: CallOutcome, took: Duration) {
        // There is none of a number that somebody made up.
        if let Some(method) = self.calls[shard()].commands.get(usize::from(number)) {
            method.count(front, outcome, took);
        }
    }

    /// A query was answered.
    pub(crate) fn query(&self, number: u16, front: Front, outcome: CallOutcome, took: Duration) {
        if let Some(method) = self.calls[shard()].queries.get(usize::from(number)) {
            method.count(front, outcome, took);
        }
    }
}

#[cfg_attr(not(test), allow(dead_code, reason = "each is told by the fronts to which it happens"))]
impl Telemetry {
    fn of(&self, front: Front) -> &OfFront {
        &self.fronts[front as usize]
    }

    pub(crate) fn connected(&self, front: Front) {
        self.of(front).connected.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn disconnected(&self, front: Front) {
        self.of(front).disconnected.fetch_add(1, Ordering::Relaxed);
    }

    /// Somebody could not be told who they are.
    pub(crate) fn not_known(&self, front: Front, why: &NotKnown) {
        self.of(front).not_known[reason(why)].fetch_add(1, Ordering::Relaxed);
    }

    /// So many bytes were read from connections.
    pub(crate) fn received(&self, front: Front, bytes: usize) {
        self.of(front).bytes_received.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// So many bytes were written to connections.
    pub(crate) fn sent(&self, front: Front, bytes: usize) {
        self.of(front).bytes_sent.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Somebody subscribes to events, until what this gives is dropped.
    pub(crate) fn subscribed(&self, front: Front) -> Subscribed {
        self.of(front).subscribed.fetch_add(1, Ordering::Relaxed);
        Subscribed { fronts: Arc::clone(&self.fronts), front }
    }
}

/// A subscription to events that is counted.
pub(crate) struct Subscribed {
    fronts: Arc<[CachePadded<OfFront>; Front::ALL.len()]>,
    front: Front,
}

#[cfg_attr(not(test), allow(dead_code, reason = "each is told by the fronts to which it happens"))]
impl Subscribed {
    /// So many events were given to the subscriber.
    pub(crate) fn sent(&self, events: u64) {
        self.fronts[self.front as usize].events_sent.fetch_add(events, Ordering::Relaxed);
    }

    /// The subscriber was told that it has missed the events of so many commands.
    pub(crate) fn missed(&self, commands: u64) {
        self.fronts[self.front as usize].events_missed.fetch_add(commands, Ordering::Relaxed);
    }
}

impl Drop for Subscribed {
    fn drop(&mut self) {
        self.fronts[self.front as usize].unsubscribed.fetch_add(1, Ordering::Relaxed);
    }
}

/// Why somebody is not known, in the order of [`reason`].
const REASONS: [&str; 3] = ["missing", "wrong", "expired"];

fn reason(why: &NotKnown) -> usize {
    match why {
        NotKnown::Missing => 0,
        NotKnown::Wrong => 1,
        NotKnown::Expired => 2,
    }
}
