//! `memstate check`: whether a journal is whole.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Write,
    ops::ControlFlow,
    path::Path,
};

use super::{
    Directory, Terminal, args,
    failure::{Code, Failure},
    output::{bytes, count, grouped, span},
    records::{Entry, Item, Records, remark},
    repair::Lost,
    snapshots,
    terminal::Look,
};
use crate::{
    Position,
    disk::RealDisk,
    engine::record::Record,
    journal::{
        JournalError,
        file::{cut, inspect::Ending},
    },
};

/// How many records with a fault are told one by one.
const FAULTS_TOLD: usize = 10;

/// Read all of a journal and say whether it is whole
///
/// Verified are the checksum and the place of every sector, the hash chain, the structure, that every record can be taken
/// apart, that its arguments can be read by the types that its writer wrote down, that outcomes come for all records, and
/// the checksums of the snapshots. Nothing is changed.
///
/// Exit code 0: whole. 1: damaged; the report says what, where, and what is still whole. A batch that a crash cut before it
/// was acknowledged is no damage.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  memstate check data/bank\n  memstate check --quiet data/bank >/dev/null || alert"
)]
pub(super) struct Arguments {
    #[command(flatten)]
    directory: Directory,
}

/// What was found.
#[derive(Default)]
struct Findings {
    batches: u64,
    records: u64,
    pending: u64,
    writers: u64,
    genesis: Genesis,
    /// Commands whose arguments cannot be read without their code, and how many records.
    opaque: BTreeMap<String, u64>,
    /// Faults of records.
    faults: Vec<String>,
    faults_count: u64,
}

/// The parts of the initial state.
#[derive(Default)]
struct Genesis {
    next: u64,
    is_whole: bool,
}

pub(super) fn run(arguments: &Arguments, terminal: &mut Terminal<'_>) -> Result<Code, Failure> {
    let dir = &arguments.directory.dir;
    let mut records = Records::of_journal(dir, Position::START)?;
    let mut findings = Findings::default();
    let read = records.read_all(terminal, &mut |item| {
        findings.take(&item);
        Ok(ControlFlow::Continue(()))
    });
    let end = records.inspector().end();
    let (ending, damage) = match read {
        Ok(ending) => (ending, None),
        Err(failure @ Failure::Told { code: Code::No, .. }) => (None, Some(failure)),
        Err(failure) => return Err(failure),
    };
    if damage.is_none() && findings.records > 0 && !findings.genesis.is_whole {
        findings.fault("the initial state in front of the first record is not complete".to_owned());
    }
    let mut report = Report { terminal, is_damaged: damage.is_some() };
    report.journal(&mut records, &findings, damage.is_some(), end)?;
    report.records(&findings)?;
    report.snapshots(dir, end, damage.is_some())?;
    report.end(ending.as_ref(), end)?;
    let is_damaged = report.is_damaged;
    if let Some(damage) = damage {
        terminal.out.flush()?;
        damage.tell(terminal);
        tell_rest(dir, terminal)?;
    }
    Ok(if is_damaged { Code::No } else { Code::Fine })
}

impl Findings {
    fn take(&mut self, item: &Item<'_>) {
        match item {
            Item::Group(seen) => self.batches += u64::from(seen.count > 0),
            Item::Writer(_) => self.writers += 1,
            Item::Genesis { index, last, .. } => {
                // A writer that ended before it had written all is followed by one that starts anew.
                let is_next = *index == 0 || *index == self.genesis.next;
                self.genesis.next = if is_next { index + 1 } else { u64::MAX };
                self.genesis.is_whole |= is_next && *last;
            }
            Item::Record(entry) => self.check(entry),
        }
    }

    fn check(&mut self, entry: &Entry<'_>) {
        self.records += 1;
        self.pending += u64::from(entry.outcome.is_none());
        match entry.record.commands() {
            Ok(commands) => {
                let opaque: BTreeSet<_> =
                    commands.iter().filter_map(|command| self.check_command(entry, command)).collect();
                for command in opaque {
                    *self.opaque.entry(command).or_default() += 1;
                }
            }
            Err(error) => {
                let position = entry.position;
                self.fault(format!(
                    "position {position}: the commands of an atomic batch cannot be read: {error}"
                ));
            }
        }
    }

    /// Checks a command of a record. Gives its name if its arguments cannot be read without its code.
    fn check_command(&mut self, entry: &Entry<'_>, record: &Record<'_>) -> Option<String> {
        let (position, preamble) = (entry.position, &entry.writer.preamble);
        let Some(command) = preamble.command(record.method) else {
            let number = record.method;
            self.fault(format!("position {position}: there is no command {number} in its writer's table"));
            return None;
        };
        let error = args::decode(preamble, command, record.arguments).err()?;
        if args::is_opaque(preamble, command) {
            return Some(command.name.clone());
        }
        let name = &command.name;
        self.fault(format!("position {position}: the arguments of `{name}` cannot be read: {error}"));
        None
    }

    fn fault(&mut self, what: String) {
        self.faults_count += 1;
        if self.faults.len() < FAULTS_TOLD {
            self.faults.push(what);
        }
    }
}

/// Writes what was found.
struct Report<'a, 't> {
    terminal: &'a mut Terminal<'t>,
    is_damaged: bool,
}

impl Report<'_, '_> {
    fn line(&mut self, look: Look, what: &str) -> Result<(), Failure> {
        let sign = match look {
            Look::Good => "✓",
            Look::Bad => "✗",
            _ => "·",
        };
        let sign = self.terminal.paint().of(look, sign);
        Ok(writeln!(self.terminal.out, "{sign} {what}")?)
    }

    fn journal(
        &mut self,
        records: &mut Records,
        findings: &Findings,
        is_damaged: bool,
        end: Position,
    ) -> Result<(), Failure> {
        let listing = records.inspector().listing()?;
        let (batches, writers) = (
            count(findings.batches, "batch").replace("batchs", "batches"),
            count(findings.writers, "schema"),
        );
        let whole = match end.get() {
            0 => "no records".to_owned(),
            end => span(1, end),
        };
        if is_damaged {
            return self.line(
                Look::Bad,
                &format!("the journal is damaged; before that, {whole} in {batches} are whole"),
            );
        }
        let segments = count(listing.segments.len() as u64, "segment");
        let size = bytes(listing.segment_bytes);
        self.line(
            Look::Good,
            &format!("{segments}, {size}: checksums, places, chain and structure are right"),
        )?;
        self.line(Look::Good, &format!("{whole} in {batches}, {writers}"))
    }

    fn records(&mut self, findings: &Findings) -> Result<(), Failure> {
        let opaque = findings.opaque.values().sum::<u64>();
        for fault in &findings.faults {
            self.line(Look::Bad, fault)?;
        }
        if findings.faults_count > findings.faults.len() as u64 {
            let more = findings.faults_count - findings.faults.len() as u64;
            self.line(Look::Bad, &format!("and {} more of that kind", grouped(more)))?;
        }
        self.is_damaged |= findings.faults_count > 0;
        let read = findings.records - opaque - findings.faults_count.min(findings.records - opaque);
        if read > 0 {
            self.line(
                Look::Good,
                &format!("the arguments of {} were read by their types", count(read, "record")),
            )?;
        }
        if opaque > 0 {
            let names: Vec<_> = findings.opaque.keys().map(String::as_str).collect();
            self.line(
                Look::Dim,
                &format!(
                    "the arguments of {} cannot be read without the code, which did not tell their types: {}",
                    count(opaque, "record"),
                    names.join(", ")
                ),
            )?;
        }
        if findings.pending > 0 {
            let pending = count(findings.pending, "record");
            self.line(Look::Dim, &format!("the outcomes of the last {pending} are not written down yet"))?;
        }
        Ok(())
    }

    fn snapshots(&mut self, dir: &Path, end: Position, is_end_unknown: bool) -> Result<(), Failure> {
        for snapshot in snapshots::list(dir)? {
            let name = format!(
                "the snapshot of position {} ({})",
                grouped(snapshot.position.get()),
                bytes(snapshot.bytes)
            );
            // It may be newer than what was read, if the journal is in use.
            let is_ahead = snapshot.position > end && !is_end_unknown && {
                let mut again = Records::open(dir, Position::new(u64::MAX))?;
                while again.inspector().next()?.is_some() {}
                snapshot.position > again.inspector().end()
            };
            match snapshots::fault(&snapshot)? {
                Some(fault) => {
                    self.is_damaged = true;
                    self.line(
                        Look::Bad,
                        &format!("{name} is damaged: {fault}; the journal makes up for it"),
                    )?;
                }
                None if is_ahead => {
                    self.is_damaged = true;
                    self.line(
                        Look::Bad,
                        &format!(
                            "{name} is whole, and the journal ends before it, at {end}: it lost its end"
                        ),
                    )?;
                }
                None => self.line(Look::Good, &format!("{name} is whole"))?,
            }
        }
        Ok(())
    }

    fn end(&mut self, ending: Option<&Ending>, end: Position) -> Result<(), Failure> {
        let Some(ending) = ending else { return Ok(()) };
        if let Some(remark) = remark(ending, end) {
            self.line(Look::Dim, &remark)?;
        }
        if let Some(segment) = ending.unannounced {
            self.line(Look::Dim, &format!("segment {segment} was made and is not in use yet"))?;
        }
        let state = match (ending.closed, ending.growing) {
            (_, true) => "it is being written",
            (true, _) => "its last writer closed it",
            (false, _) => "it is open, or its last writer did not close it",
        };
        self.line(Look::Dim, state)
    }
}

/// Says what a repair would keep, and what can be read behind the damage.
fn tell_rest(dir: &Path, terminal: &mut Terminal<'_>) -> Result<(), Failure> {
    let cut = match cut::find(&RealDisk, dir, Position::new(u64::MAX)) {
        Ok(cut) => cut,
        Err(JournalError::Damaged { .. }) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    let lost = Lost::after(dir, &cut)?;
    terminal.note(format!("a cut of the journal would keep it up to position {}; {lost}", cut.keep.end))?;
    Ok(())
}
