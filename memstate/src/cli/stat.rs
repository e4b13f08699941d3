//! `memstate stat`: what there is in a journal, in numbers.

use std::{
    collections::BTreeMap,
    io::{self, Write},
    ops::ControlFlow,
    path::Path,
    time::Duration,
};

use serde::Serialize;

use super::{
    Directory, Terminal,
    describe::write_json,
    failure::{Code, Failure},
    output::{bytes, count, fitted, grouped},
    records::{Entry, Item, Records, outcome_name, remark},
    snapshots::{self, Snapshot},
    terminal::{Look, Paint},
};
use crate::journal::file::inspect::Kind;

pub(super) mod sizes;
mod timeline;

use sizes::Sizes;
use timeline::{Timeline, bars};

const OUTCOMES: [&str; 7] =
    ["accepted", "rejected", "panicked", "repeated", "refused", "poisoned", "pending"];
/// How many lines the drawing has.
const ROWS: usize = 4;

/// Show what there is in a journal, in numbers: records, times, sizes, rates, outcomes
///
/// Sizes are those of the arguments in the journal, in bytes. Percentiles are at most 1.6 % too large.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  memstate stat data/bank\n  memstate stat data/bank --json | jq .commands"
)]
pub(super) struct Arguments {
    #[command(flatten)]
    directory: Directory,
    /// Write a JSON object
    #[arg(long)]
    json: bool,
}

/// What is counted.
struct Numbers {
    model: String,
    records: u64,
    /// The first position and the last.
    positions: Option<(u64, u64)>,
    batches: u64,
    segments: u64,
    used_bytes: u64,
    file_bytes: u64,
    payload_bytes: u64,
    timeline: Timeline,
    commands: BTreeMap<String, Command>,
    callers: u64,
    requests: u64,
    amended: u64,
    snapshots: Vec<Snapshot>,
    is_closed: bool,
}

#[derive(Default)]
struct Command {
    records: u64,
    sizes: Sizes,
    outcomes: [u64; OUTCOMES.len()],
}

pub(super) fn run(arguments: &Arguments, terminal: &mut Terminal<'_>) -> Result<Code, Failure> {
    let dir = &arguments.directory.dir;
    let mut records = Records::of_journal(dir, Default::default())?;
    records.know_amendments(dir, Default::default())?;
    let mut numbers = Numbers::new();
    let ending = records.read_all(terminal, &mut |item| {
        numbers.take(&item);
        Ok(ControlFlow::Continue(()))
    })?;
    let listing = records.inspector().listing()?;
    (numbers.segments, numbers.file_bytes) = (listing.segments.len() as u64, listing.segment_bytes);
    numbers.snapshots = snapshots::list(dir)?;
    numbers.is_closed = ending.as_ref().is_some_and(|ending| ending.closed);
    match arguments.json {
        true => write_json(&numbers.to_json(dir), &mut *terminal.out)?,
        false => {
            let (paint, width) = (terminal.paint(), terminal.drawing_width());
            numbers.write(dir, paint, width, &mut *terminal.out)?;
        }
    }
    if let Some(remark) = ending.and_then(|ending| remark(&ending, records.inspector().end())) {
        terminal.out.flush()?;
        terminal.note(remark)?;
    }
    Ok(Code::Fine)
}

impl Numbers {
    fn new() -> Self {
        Numbers {
            model: String::new(),
            records: 0,
            positions: None,
            batches: 0,
            segments: 0,
            used_bytes: 0,
            file_bytes: 0,
            payload_bytes: 0,
            timeline: Timeline::new(),
            commands: BTreeMap::new(),
            callers: 0,
            requests: 0,
            amended: 0,
            snapshots: Vec::new(),
            is_closed: false,
        }
    }

    fn take(&mut self, item: &Item<'_>) {
        match item {
            Item::Group(seen) => {
                self.used_bytes += seen.bytes;
                if seen.kind == Kind::Batch {
                    self.batches += u64::from(seen.count > 0);
                    self.payload_bytes += seen.payload.len() as u64;
                }
            }
            Item::Writer(writer) => self.model.clone_from(&writer.preamble.model),
            Item::Genesis { .. } => {}
            Item::Record(entry) => self.count(entry),
        }
    }

    fn count(&mut self, entry: &Entry<'_>) {
        let position = entry.position.get();
        self.records += 1;
        self.positions = Some((self.positions.map_or(position, |(first, _)| first), position));
        self.timeline.add(entry.time);
        self.callers += u64::from(entry.record.caller.is_some());
        self.requests += u64::from(entry.record.request.is_some());
        self.amended += u64::from(entry.amended.is_some());
        if !self.commands.contains_key(entry.command()) {
            self.commands.insert(entry.command().to_owned(), Command::default());
        }
        if let Some(command) = self.commands.get_mut(entry.command()) {
            command.records += 1;
            command.sizes.add(entry.record.arguments.len() as u64);
            let outcome = outcome_name(entry.outcome);
            let at = OUTCOMES.iter().position(|it| *it == outcome).unwrap_or(OUTCOMES.len() - 1);
            command.outcomes[at] += 1;
        }
    }

    fn outcome_sum(&self, outcome: usize) -> u64 {
        self.commands.values().map(|command| command.outcomes[outcome]).sum()
    }

    /// The commands, the most frequent first.
    fn by_frequency(&self) -> Vec<(&String, &Command)> {
        let mut commands: Vec<_> = self.commands.iter().collect();
        commands.sort_by_key(|(_, command)| std::cmp::Reverse(command.records));
        commands
    }

    /// Records a second, over all.
    fn rate(&self) -> Option<f64> {
        let (first, last) = self.timeline.span()?;
        let seconds = last.since(first).as_secs_f64();
        (seconds > 0.0).then(|| self.records as f64 / seconds)
    }

    fn write(&self, dir: &Path, paint: Paint, width: usize, out: &mut dyn Write) -> io::Result<()> {
        let (model, dir) = (&self.model, dir.display());
        writeln!(out, "{} in {dir}\n", paint.of(Look::Strong, model))?;
        let mut line = |name: &str, text: String| {
            writeln!(out, "{}  {text}", paint.of(Look::Dim, format_args!("{name:>10}")))
        };
        let positions = self.positions.map_or(String::new(), |(first, last)| {
            format!(", positions {} to {}", grouped(first), grouped(last))
        });
        line("records", format!("{}{positions}", grouped(self.records)))?;
        if let Some((first, last)) = self.timeline.span() {
            line("time", format!("{first} to {last}, {}", duration(last.since(first))))?;
        }
        if let Some(rate) = self.rate() {
            line("rate", format!("{} on average", per_time(rate)))?;
        }
        if self.batches > 0 {
            let mean = self.records as f64 / self.batches as f64;
            line("batches", format!("{}, {mean:.1} records each on average", grouped(self.batches)))?;
        }
        let used = bytes(self.used_bytes);
        line(
            "files",
            format!(
                "{}, {}, of which {used} are written",
                count(self.segments, "segment"),
                bytes(self.file_bytes)
            ),
        )?;
        line("snapshots", self.snapshots_text())?;
        let outcomes: Vec<_> = OUTCOMES
            .iter()
            .enumerate()
            .filter(|(at, _)| self.outcome_sum(*at) > 0)
            .map(|(at, name)| format!("{} {name}", grouped(self.outcome_sum(at))))
            .collect();
        if !outcomes.is_empty() {
            line("outcomes", outcomes.join(", "))?;
        }
        if self.amended > 0 {
            let text = count(self.amended, "outcome");
            line("amended", format!("{text} took the place of what was recorded first"))?;
        }
        if self.callers + self.requests > 0 {
            let text =
                format!("{} have a caller, {} a request id", grouped(self.callers), grouped(self.requests));
            line("identity", text)?;
        }
        line(
            "state",
            if self.is_closed { "closed" } else { "open, or not closed by its last writer" }.to_owned(),
        )?;
        self.write_commands(paint, width, out)?;
        self.write_timeline(paint, width, out)
    }

    fn snapshots_text(&self) -> String {
        let total = self.snapshots.iter().map(|snapshot| snapshot.bytes).sum();
        match self.snapshots.last() {
            None => "none".to_owned(),
            Some(newest) => {
                let number = grouped(self.snapshots.len() as u64);
                format!(
                    "{number}, {}, the newest of position {}",
                    bytes(total),
                    grouped(newest.position.get())
                )
            }
        }
    }

    fn write_commands(&self, paint: Paint, width: usize, out: &mut dyn Write) -> io::Result<()> {
        if self.commands.is_empty() {
            return Ok(());
        }
        let name_chars =
            self.commands.keys().map(|name| name.chars().count()).max().unwrap_or(0).clamp(7, 32);
        let outcomes: Vec<_> = (1..OUTCOMES.len()).filter(|at| self.outcome_sum(*at) > 0).collect();
        let mut heading = format!(
            "{:<name_chars$}  {:>13}  {:>7}  {:>9}  {:>9}  {:>9}  {:>9}",
            "command", "records", "share", "min", "median", "p99", "max"
        );
        for at in &outcomes {
            heading.push_str(&format!("  {:>9}", OUTCOMES[*at]));
        }
        let used = heading.chars().count();
        writeln!(out, "\n{}", paint.of(Look::Heading, heading))?;
        // A bar beside, where there is room.
        let bar_chars = width.saturating_sub(used + 2);
        let most = self.commands.values().map(|command| command.records).max().unwrap_or(1);
        for (name, command) in self.by_frequency() {
            let share = command.records as f64 * 100.0 / self.records as f64;
            let sizes = &command.sizes;
            let size = [sizes.min(), sizes.percentile(50), sizes.percentile(99), sizes.max()].map(bytes);
            let name = format!("{:<name_chars$}", fitted(name, name_chars));
            let [min, median, p99, max] = size;
            write!(
                out,
                "{}  {:>13}  {share:>5.1} %  {min:>9}  {median:>9}  {p99:>9}  {max:>9}",
                paint.of(Look::Name, name),
                grouped(command.records),
            )?;
            for at in &outcomes {
                write!(out, "  {:>9}", grouped(command.outcomes[*at]))?;
            }
            if bar_chars >= 8 {
                let bar = "█".repeat((command.records * bar_chars as u64).div_ceil(most) as usize);
                write!(out, "  {}", paint.of(Look::Bar, bar))?;
            }
            writeln!(out)?;
        }
        Ok(())
    }

    fn write_timeline(&self, paint: Paint, width: usize, out: &mut dyn Write) -> io::Result<()> {
        let Some((first, last)) = self.timeline.span().filter(|(first, last)| first < last) else {
            return Ok(());
        };
        let label_chars = 11;
        let counts = self.timeline.columns(width.saturating_sub(label_chars + 2));
        let most = counts.iter().copied().max().unwrap_or(0);
        let column = self.timeline.column_micros(counts.len());
        let each = duration(Duration::from_micros(column.unsigned_abs()));
        writeln!(out, "\n{}", paint.of(Look::Heading, format_args!("records over time, {each} a column")))?;
        for (row, bar) in bars(&counts, ROWS).into_iter().enumerate() {
            let label = match row {
                0 => grouped(most),
                row if row + 1 == ROWS => "0".to_owned(),
                _ => String::new(),
            };
            writeln!(
                out,
                "{} ▕{}",
                paint.of(Look::Dim, format_args!("{label:>label_chars$}")),
                paint.of(Look::Bar, bar)
            )?;
        }
        let [first, last] = [first, last].map(|time| time.to_string()[..19].to_owned());
        let gap = counts.len().saturating_sub(first.len() + last.len());
        let axis = match gap {
            0 => format!("{first} to {last}"),
            gap => format!("{first}{}{last}", " ".repeat(gap)),
        };
        writeln!(out, "{}{}", " ".repeat(label_chars + 2), paint.of(Look::Dim, axis))
    }

    fn to_json<'a>(&'a self, dir: &Path) -> Report<'a> {
        let span = self.timeline.span();
        let columns = self.timeline.columns(100);
        Report {
            directory: dir.display().to_string(),
            model: &self.model,
            records: self.records,
            first_position: self.positions.map(|(first, _)| first),
            last_position: self.positions.map(|(_, last)| last),
            first_time: span.map(|(first, _)| first.to_string()),
            last_time: span.map(|(_, last)| last.to_string()),
            records_per_second: self.rate(),
            batches: self.batches,
            segments: self.segments,
            bytes: self.file_bytes,
            bytes_written: self.used_bytes,
            bytes_of_payloads: self.payload_bytes,
            closed: self.is_closed,
            with_caller: self.callers,
            with_request: self.requests,
            amended: self.amended,
            snapshots: self
                .snapshots
                .iter()
                .map(|it| SnapshotReport { position: it.position.get(), bytes: it.bytes })
                .collect(),
            outcomes: OUTCOMES.iter().enumerate().map(|(at, name)| (*name, self.outcome_sum(at))).collect(),
            commands: self
                .by_frequency()
                .into_iter()
                .map(|(name, it)| it.to_json(name, self.records))
                .collect(),
            histogram: Histogram {
                column_seconds: self.timeline.column_micros(columns.len()) as f64 / 1e6,
                records: columns,
            },
        }
    }
}

impl Command {
    fn to_json<'a>(&self, name: &'a str, all: u64) -> CommandReport<'a> {
        CommandReport {
            name,
            records: self.records,
            share: self.records as f64 / all as f64,
            bytes: self.sizes.sum,
            bytes_min: self.sizes.min(),
            bytes_median: self.sizes.percentile(50),
            bytes_p99: self.sizes.percentile(99),
            bytes_max: self.sizes.max(),
            outcomes: OUTCOMES.into_iter().zip(self.outcomes).filter(|(_, count)| *count > 0).collect(),
        }
    }
}

/// What `--json` gives.
#[derive(Serialize)]
struct Report<'a> {
    directory: String,
    model: &'a str,
    records: u64,
    first_position: Option<u64>,
    last_position: Option<u64>,
    first_time: Option<String>,
    last_time: Option<String>,
    records_per_second: Option<f64>,
    batches: u64,
    segments: u64,
    bytes: u64,
    bytes_written: u64,
    bytes_of_payloads: u64,
    closed: bool,
    with_caller: u64,
    with_request: u64,
    amended: u64,
    snapshots: Vec<SnapshotReport>,
    outcomes: BTreeMap<&'static str, u64>,
    commands: Vec<CommandReport<'a>>,
    histogram: Histogram,
}

#[derive(Serialize)]
struct SnapshotReport {
    position: u64,
    bytes: u64,
}

#[derive(Serialize)]
struct CommandReport<'a> {
    name: &'a str,
    records: u64,
    share: f64,
    bytes: u64,
    bytes_min: u64,
    bytes_median: u64,
    bytes_p99: u64,
    bytes_max: u64,
    outcomes: BTreeMap<&'static str, u64>,
}

#[derive(Serialize)]
struct Histogram {
    column_seconds: f64,
    records: Vec<u64>,
}

/// A duration in its two largest units.
fn duration(duration: Duration) -> String {
    let micros = duration.as_micros() as u64;
    let two = |large: u64, one: &str, small: u64, two: &str| match small {
        0 => format!("{large} {one}"),
        small => format!("{large} {one} {small} {two}"),
    };
    match micros / 1_000_000 {
        0 if micros < 1000 => format!("{micros} µs"),
        0 => format!("{:.1} ms", micros as f64 / 1e3),
        1..60 => format!("{:.1} s", micros as f64 / 1e6),
        s @ 60..3600 => two(s / 60, "min", s % 60, "s"),
        s @ 3600..86_400 => two(s / 3600, "h", s % 3600 / 60, "min"),
        s => two(s / 86_400, "d", s % 86_400 / 3600, "h"),
    }
}

/// A rate in a unit in which it is no tiny fraction.
fn per_time(per_second: f64) -> String {
    match per_second {
        rate if rate >= 100.0 => format!("{} a second", grouped(rate as u64)),
        rate if rate >= 1.0 => format!("{rate:.1} a second"),
        rate if rate * 60.0 >= 1.0 => format!("{:.1} a minute", rate * 60.0),
        rate if rate * 3600.0 >= 1.0 => format!("{:.1} an hour", rate * 3600.0),
        rate => format!("{:.2} a day", rate * 86_400.0),
    }
}
