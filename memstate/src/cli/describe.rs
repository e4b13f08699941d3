//! A record as a line of text or of JSON.

use std::io::{self, Write};

use serde::{Serialize, Serializer, ser::SerializeMap};

use super::{
    args,
    failure::bytes_as_hex,
    output::{Fields, fitted},
    records::{Entry, outcome_name, outcome_text},
    terminal::{Look, Paint},
};
use crate::engine::{
    Amended,
    preamble::Preamble,
    record::{Record, Recorded},
};

/// How wide the column of the callers gets at most.
const CALLER_CHARS_MAX: usize = 20;

/// Writes records as lines with columns. What has a bounded width comes first, so that the columns stay where they are.
pub(super) struct Lines {
    pub(super) paint: Paint,
    /// Where lines are cut; `None` to show all of them.
    pub(super) width: Option<usize>,
    /// Whether long values are shown to their ends.
    pub(super) full: bool,
    position_chars: usize,
    caller_chars: usize,
}

impl Lines {
    /// For positions up to about `end`.
    pub(super) fn new(paint: Paint, width: Option<usize>, full: bool, end: u64) -> Self {
        let position_chars = end.to_string().len().max(4);
        Lines { paint, width, full, position_chars, caller_chars: 1 }
    }

    /// Writes a record.
    pub(super) fn write(&mut self, entry: &Entry<'_>, out: &mut dyn Write) -> io::Result<()> {
        let caller = fitted(entry.record.caller.unwrap_or("-"), CALLER_CHARS_MAX);
        self.caller_chars = self.caller_chars.max(caller.chars().count());
        let position = format!("{:>width$}", entry.position.get(), width = self.position_chars);
        self.position_chars = position.len();
        let time = entry.time.to_string();
        let outcome = outcome_text(entry);
        let call = args::call(&entry.writer.preamble, entry.record, self.full);
        let before =
            position.len() + 2 + time.len() + 2 + outcome.chars().count().max(8) + 2 + self.caller_chars + 2;
        let call = match self.width {
            Some(width) => fitted(&call, width.saturating_sub(before).max(16)),
            None => call,
        };
        let (name, rest) = call.split_at(call.find('(').unwrap_or(call.len()));
        let paint = self.paint;
        writeln!(
            out,
            "{}  {}  {}  {}  {}{rest}",
            paint.of(Look::Strong, position),
            paint.of(Look::Dim, time),
            paint.of(look_of(entry.outcome), format_args!("{outcome:<8}")),
            paint.of(
                if entry.record.caller.is_some() { Look::Warning } else { Look::Dim },
                format_args!("{caller:<width$}", width = self.caller_chars)
            ),
            paint.of(Look::Name, name),
        )
    }
}

/// The look of an outcome.
pub(super) fn look_of(outcome: Option<Recorded>) -> Look {
    match outcome {
        Some(Recorded::Accepted(_)) => Look::Good,
        Some(Recorded::Rejected(_) | Recorded::Repeated | Recorded::Refused) => Look::Warning,
        Some(Recorded::Panicked | Recorded::Poisoned) => Look::Bad,
        None => Look::Dim,
    }
}

/// A record as a JSON object.
///
/// `position`, `time`, `caller` (or null), `request` (or null), `command`, `version`, `arguments` (an object, or null with
/// the reason in `unreadable` and the bytes in `bytes`), `outcome`, `digest` where the outcome has one, and `amended` if
/// another outcome was recorded first: that in `was`, and in `time` when this one was accepted.
///
/// An atomic batch has the command `atomically`, version 1, null as arguments, and `commands`, each an object with `command`,
/// `version` and `arguments` as above.
pub(super) struct Line<'a>(pub(super) &'a Entry<'a>);

impl Serialize for Line<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let Line(entry) = self;
        let record = entry.record;
        let preamble = &entry.writer.preamble;
        let mut map = to.serialize_map(None)?;
        map.serialize_entry("position", &entry.position.get())?;
        map.serialize_entry("time", &entry.time.to_string())?;
        map.serialize_entry("caller", &record.caller)?;
        map.serialize_entry("request", &record.request.map(|request| request.to_string()))?;
        match record.is_atomic_batch() {
            true => serialize_batch(preamble, record, &mut map)?,
            false => serialize_command(preamble, record, &mut map)?,
        }
        map.serialize_entry("outcome", outcome_name(entry.outcome))?;
        if let Some(Recorded::Accepted(digest) | Recorded::Rejected(digest)) = entry.outcome {
            map.serialize_entry("digest", &format!("{digest:08x}"))?;
        }
        if let Some(Amended { was, time }) = entry.amended {
            map.serialize_entry("amended", &AmendedText { was: outcome_name(was), time: time.to_string() })?;
        }
        map.end()
    }
}

fn serialize_batch<M: SerializeMap>(
    preamble: &Preamble,
    record: &Record<'_>,
    map: &mut M,
) -> Result<(), M::Error> {
    map.serialize_entry("command", preamble.name(record.method))?;
    map.serialize_entry("version", &1)?;
    map.serialize_entry("arguments", &())?;
    match record.commands() {
        Ok(commands) => {
            let calls: Vec<_> = commands.iter().map(|record| Call { preamble, record }).collect();
            map.serialize_entry("commands", &calls)
        }
        Err(error) => {
            map.serialize_entry("unreadable", &error.to_string())?;
            map.serialize_entry("bytes", &bytes_as_hex(record.arguments))
        }
    }
}

/// A command with its arguments.
fn serialize_command<M: SerializeMap>(
    preamble: &Preamble,
    record: &Record<'_>,
    map: &mut M,
) -> Result<(), M::Error> {
    let command = preamble.command(record.method);
    map.serialize_entry("command", preamble.name(record.method))?;
    map.serialize_entry("version", &command.map_or(0, |command| command.version))?;
    let decoded = match command {
        Some(command) => args::decode(preamble, command, record.arguments).map_err(|error| error.to_string()),
        None => Err("there is no such command in its writer's table".to_owned()),
    };
    match &decoded {
        Ok(arguments) => map.serialize_entry("arguments", &Fields(arguments)),
        Err(why) => {
            map.serialize_entry("arguments", &())?;
            map.serialize_entry("unreadable", why)?;
            map.serialize_entry("bytes", &bytes_as_hex(record.arguments))
        }
    }
}

/// A command of an atomic batch, as a JSON object.
pub(super) struct Call<'a> {
    pub(super) preamble: &'a Preamble,
    pub(super) record: &'a Record<'a>,
}

impl Serialize for Call<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(None)?;
        serialize_command(self.preamble, self.record, &mut map)?;
        map.end()
    }
}

/// The outcome that was recorded first.
#[derive(Serialize)]
struct AmendedText {
    was: &'static str,
    time: String,
}

/// Writes a value as a line of JSON.
pub(super) fn write_json(value: &impl Serialize, out: &mut dyn Write) -> Result<(), super::Failure> {
    serde_json::to_writer(&mut *out, value)?;
    Ok(out.write_all(b"\n")?)
}
