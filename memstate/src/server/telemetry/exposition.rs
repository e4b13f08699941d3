//! What a scrape shows, as text in the format of OpenMetrics.
//!
//! The names and labels are a promise: the table in the guide `observing` lists them all, and a test holds the two together.

use std::{
    fmt,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, SystemTime},
};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeLabelSet, NoLabelSet, text},
    metrics::MetricType,
    registry::{Registry, Unit},
};

use super::{CallOutcome, Front, Names, OfFront, OfMethod, REASONS, Telemetry};
use crate::{
    VERSION,
    engine::meters::{NANOSECONDS, TIMES, distribution},
    metrics::{Distribution, Metrics},
    service::Service,
};

/// What the text of [`Telemetry::render`] is.
pub(crate) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

impl Telemetry {
    /// All metrics of the server and of the engine behind it.
    pub(crate) fn render(&self, service: &dyn Service) -> String {
        let metrics = service.metrics();
        let scrape = Scrape {
            model: self.model,
            started: self.started,
            snapshot_age: metrics.snapshots.age(),
            metrics,
            commands: self.methods(&self.commands, |calls, number| &calls.commands[number]),
            queries: self.methods(&self.queries, |calls, number| &calls.queries[number]),
            fronts: Front::ALL.map(|front| (front, Counted::of(&self.fronts[front as usize]))),
        };
        let mut registry = Registry::default();
        registry.register_collector(Box::new(scrape));
        let mut text = String::new();
        text::encode(&mut text, &registry).expect("a string takes everything");
        text
    }

    fn methods(&self, names: &Names, of: impl Fn(&super::Calls, usize) -> &OfMethod) -> Vec<Method> {
        let method = |(number, name): (usize, &str)| {
            let shards = || self.calls.iter().map(|calls| of(calls, number));
            let sum = |counter: &dyn Fn(&OfMethod) -> &AtomicU64| shards().map(|one| get(counter(one))).sum();
            let calls = Front::ALL.map(|front| {
                CallOutcome::ALL
                    .map(|outcome| sum(&|one: &OfMethod| &one.outcomes[front as usize][outcome as usize]))
            });
            let times = (0..=TIMES.len()).map(|bucket| sum(&|one: &OfMethod| &one.times[bucket]));
            let nanoseconds = sum(&|one: &OfMethod| &one.nanoseconds);
            Method {
                name: name.to_string(),
                calls,
                times: distribution(TIMES, times, nanoseconds, NANOSECONDS),
            }
        };
        names.iter().map(|name| &**name).enumerate().map(method).collect()
    }
}

fn get(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

/// All numbers, as of one scrape.
#[derive(Debug)]
struct Scrape {
    model: &'static str,
    started: SystemTime,
    metrics: Metrics,
    snapshot_age: Option<Duration>,
    commands: Vec<Method>,
    queries: Vec<Method>,
    fronts: [(Front, Counted); Front::ALL.len()],
}

#[derive(Debug)]
struct Method {
    name: String,
    calls: [[u64; CallOutcome::ALL.len()]; Front::ALL.len()],
    times: Distribution,
}

#[derive(Debug)]
struct Counted {
    opened: u64,
    open: u64,
    not_known: [u64; 3],
    subscriptions: u64,
    events_sent: u64,
    events_missed: u64,
    received: u64,
    sent: u64,
}

impl Counted {
    fn of(front: &OfFront) -> Self {
        // What ends is read first, so that there are never more of them than have begun.
        let (disconnected, unsubscribed) = (get(&front.disconnected), get(&front.unsubscribed));
        let opened = get(&front.connected);
        Counted {
            opened,
            open: opened.saturating_sub(disconnected),
            not_known: [0, 1, 2].map(|reason: usize| get(&front.not_known[reason])),
            subscriptions: get(&front.subscribed).saturating_sub(unsubscribed),
            events_sent: get(&front.events_sent),
            events_missed: get(&front.events_missed),
            received: get(&front.bytes_received),
            sent: get(&front.bytes_sent),
        }
    }
}

/// Writes families one after another.
struct Page<'a>(DescriptorEncoder<'a>);

impl Page<'_> {
    fn gauge(&mut self, name: &str, unit: Option<Unit>, help: &str, value: f64) -> fmt::Result {
        self.0.encode_descriptor(name, help, unit.as_ref(), MetricType::Gauge)?.encode_gauge(&value)
    }

    fn gauges<L: EncodeLabelSet>(
        &mut self,
        name: &str,
        help: &str,
        values: impl IntoIterator<Item = (L, u64)>,
    ) -> fmt::Result {
        let mut family = self.0.encode_descriptor(name, help, None, MetricType::Gauge)?;
        for (labels, value) in values {
            family.encode_family(&labels)?.encode_gauge(&(value as f64))?;
        }
        Ok(())
    }

    fn counter(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        let mut family = self.0.encode_descriptor(name, help, None, MetricType::Counter)?;
        family.encode_counter::<NoLabelSet, _, u64>(&value, None)
    }

    fn counters<L: EncodeLabelSet>(
        &mut self,
        name: &str,
        unit: Option<Unit>,
        help: &str,
        values: impl IntoIterator<Item = (L, u64)>,
    ) -> fmt::Result {
        let mut family = self.0.encode_descriptor(name, help, unit.as_ref(), MetricType::Counter)?;
        for (labels, value) in values {
            family.encode_family(&labels)?.encode_counter::<NoLabelSet, _, u64>(&value, None)?;
        }
        Ok(())
    }

    fn histogram(&mut self, name: &str, unit: Option<Unit>, help: &str, seen: &Distribution) -> fmt::Result {
        let mut family = self.0.encode_descriptor(name, help, unit.as_ref(), MetricType::Histogram)?;
        family.encode_histogram::<NoLabelSet>(seen.sum, seen.count(), &seen.buckets, None)
    }

    fn times(&mut self, name: &str, help: &str, methods: &[Method]) -> fmt::Result {
        let mut family = self.0.encode_descriptor(name, help, Some(&Unit::Seconds), MetricType::Histogram)?;
        for Method { name, times, .. } in methods {
            let labels = [("method", name.as_str())];
            let mut one = family.encode_family(&labels)?;
            one.encode_histogram::<NoLabelSet>(times.sum, times.count(), &times.buckets, None)?;
        }
        Ok(())
    }

    /// Of each method the calls that were accepted, on every front, and of other outcomes those that there were.
    fn calls(&mut self, name: &str, help: &str, methods: &[Method]) -> fmt::Result {
        let all = methods.iter().flat_map(|method| {
            Front::ALL.into_iter().flat_map(move |front| {
                CallOutcome::ALL.into_iter().map(move |outcome| {
                    let labels = [
                        ("method", method.name.as_str()),
                        ("front", front.name()),
                        ("outcome", outcome.name()),
                    ];
                    (labels, method.calls[front as usize][outcome as usize])
                })
            })
        });
        let shown = all.filter(|(labels, calls)| *calls > 0 || labels[2].1 == CallOutcome::Accepted.name());
        self.counters(name, None, help, shown)
    }
}

impl Collector for Scrape {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut page = Page(encoder);
        self.traffic(&mut page)?;
        self.connections(&mut page)?;
        self.engine(&mut page)?;
        self.journal(&mut page)?;
        self.snapshots(&mut page)?;
        self.process(&mut page)
    }
}

impl Scrape {
    fn traffic(&self, page: &mut Page<'_>) -> fmt::Result {
        page.calls(
            "memstate_commands",
            "Commands that were answered to callers from outside",
            &self.commands,
        )?;
        page.calls("memstate_queries", "Queries that were answered to callers from outside", &self.queries)?;
        page.times(
            "memstate_command_duration",
            "From the arrival of a command to its durable reply",
            &self.commands,
        )?;
        page.times("memstate_query_duration", "From the arrival of a query to its answer", &self.queries)
    }

    fn connections(&self, page: &mut Page<'_>) -> fmt::Result {
        fn by<'a>(
            fronts: &'a [(Front, Counted)],
            of: impl Fn(&Counted) -> u64 + 'a,
        ) -> impl Iterator<Item = ([(&'static str, &'static str); 1], u64)> + 'a {
            fronts.iter().map(move |(front, counted)| ([("front", front.name())], of(counted)))
        }
        let all = &self.fronts[..];
        page.gauges("memstate_connections", "Connections that are open", by(all, |front| front.open))?;
        page.counters(
            "memstate_connections_opened",
            None,
            "Connections that were opened",
            by(all, |front| front.opened),
        )?;
        let failures = all.iter().flat_map(|(front, counted)| {
            REASONS
                .iter()
                .zip(counted.not_known)
                .map(|(reason, failures)| ([("front", front.name()), ("reason", *reason)], failures))
        });
        page.counters(
            "memstate_authentication_failures",
            None,
            "Credentials that were missing, wrong or expired",
            failures,
        )?;
        page.counters(
            "memstate_received",
            Some(Unit::Bytes),
            "Bytes that were read from connections",
            by(all, |front| front.received),
        )?;
        page.counters(
            "memstate_sent",
            Some(Unit::Bytes),
            "Bytes that were written to connections",
            by(all, |front| front.sent),
        )?;
        page.gauges(
            "memstate_subscriptions",
            "Subscriptions to events that are open",
            by(all, |front| front.subscriptions),
        )?;
        page.counters(
            "memstate_events_sent",
            None,
            "Events that were sent to subscribers",
            by(all, |front| front.events_sent),
        )?;
        page.counters(
            "memstate_events_missed",
            None,
            "Commands whose events a subscriber was too slow for, and was told so",
            by(all, |front| front.events_missed),
        )
    }

    fn engine(&self, page: &mut Page<'_>) -> fmt::Result {
        let metrics = &self.metrics;
        let position = metrics.position.get() as f64;
        page.gauge("memstate_position", None, "Position of the last command that was applied", position)?;
        page.gauge(
            "memstate_apply_lag",
            None,
            "Commands that are durable and wait to be applied",
            metrics.lag() as f64,
        )?;
        page.gauge(
            "memstate_in_flight",
            None,
            "Calls in flight; a large one counts as several",
            metrics.in_flight as f64,
        )?;
        page.gauge(
            "memstate_in_flight_max",
            None,
            "Calls that may be in flight before others are refused",
            metrics.in_flight_max as f64,
        )?;
        let commands = &metrics.commands;
        let outcomes = [
            ("accepted", commands.accepted),
            ("rejected", commands.rejected),
            ("panicked", commands.panicked),
            ("repeated", commands.repeated),
            ("refused", commands.refused),
        ];
        page.counters(
            "memstate_engine_commands",
            None,
            "Commands that were journaled, from outside or not, by what became of them",
            outcomes.map(|(outcome, count)| ([("outcome", outcome)], count)),
        )?;
        page.counter("memstate_undone_commands", "Commands whose changes were taken back", metrics.undone())?;
        page.counter("memstate_query_panics", "Queries that panicked", metrics.queries_panicked)?;
        page.histogram(
            "memstate_apply_duration",
            Some(Unit::Seconds),
            "How long it took to apply a batch and to answer it",
            &metrics.apply_seconds,
        )?;
        page.counter("memstate_events", "Events that were announced", metrics.events)?;
        page.counter(
            "memstate_subscribers_behind",
            "How often a subscriber fell behind what is kept in memory",
            metrics.subscribers_behind,
        )?;
        let running = if metrics.stopped { 0.0 } else { 1.0 };
        page.gauge(
            "memstate_running",
            None,
            "1 as long as the engine takes commands, 0 after it ended",
            running,
        )
    }

    fn journal(&self, page: &mut Page<'_>) -> fmt::Result {
        let metrics = &self.metrics;
        page.gauge(
            "memstate_journal_position",
            None,
            "Position of the last command that is durable",
            metrics.journal_position.get() as f64,
        )?;
        page.histogram("memstate_batch_commands", None, "Commands in a batch", &metrics.batch_commands)?;
        page.histogram("memstate_batch", Some(Unit::Bytes), "Bytes of a batch", &metrics.batch_bytes)?;
        page.histogram(
            "memstate_append_duration",
            Some(Unit::Seconds),
            "How long it took to append a batch and to make it durable",
            &metrics.append_seconds,
        )?;
        let recovery = &metrics.recovery;
        page.gauge(
            "memstate_recovery_read",
            Some(Unit::Bytes),
            "Bytes of the journal that the opening has read",
            recovery.done_bytes as f64,
        )?;
        page.gauge(
            "memstate_recovery_total",
            Some(Unit::Bytes),
            "Bytes of the journal that the opening had to read",
            recovery.total_bytes as f64,
        )?;
        page.gauge(
            "memstate_recovery_duration",
            Some(Unit::Seconds),
            "How long the opening took",
            recovery.seconds,
        )
    }

    fn snapshots(&self, page: &mut Page<'_>) -> fmt::Result {
        let snapshots = &self.metrics.snapshots;
        let results = [("written", snapshots.written), ("failed", snapshots.failed)];
        page.counters(
            "memstate_snapshots",
            None,
            "Snapshots by what became of them",
            results.map(|(result, count)| ([("result", result)], count)),
        )?;
        let unit = Unit::Seconds;
        let mut time = page.0.encode_descriptor(
            "memstate_snapshot_work",
            "Time that went into snapshots that were written",
            Some(&unit),
            MetricType::Counter,
        )?;
        time.encode_counter::<NoLabelSet, _, u64>(&snapshots.seconds, None)?;
        page.gauge(
            "memstate_snapshot_size",
            Some(Unit::Bytes),
            "Bytes of the last snapshot that was written, 0 before the first",
            snapshots.last_bytes as f64,
        )?;
        page.gauge(
            "memstate_snapshot_position",
            None,
            "Position of the last snapshot, 0 before the first",
            snapshots.last_position.get() as f64,
        )?;
        // Without a snapshot there is none that could be too old: all of the journal is.
        let age = self.snapshot_age.map_or(f64::NAN, |age| age.as_secs_f64());
        page.gauge("memstate_snapshot_age", Some(Unit::Seconds), "How old the last snapshot is", age)
    }

    fn process(&self, page: &mut Page<'_>) -> fmt::Result {
        let build = [("version", VERSION), ("model", self.model)];
        page.0
            .encode_descriptor("memstate_build", "What runs here", None, MetricType::Info)?
            .encode_info(&build)?;
        let started = self.started.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        page.gauge(
            "memstate_start_time",
            Some(Unit::Seconds),
            "When the server was started, in seconds since 1970",
            started.as_secs_f64(),
        )?;
        match resident_bytes() {
            Some(bytes) => page.gauge(
                "process_resident_memory",
                Some(Unit::Bytes),
                "Memory that the process holds",
                bytes as f64,
            ),
            None => Ok(()),
        }
    }
}

/// The memory that this process holds, where the system tells it in a file.
fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kibibytes| kibibytes * 1024)
}
