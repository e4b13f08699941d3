//! `memstate schema`: what the writers of a journal said of their commands and types.

use std::{
    io::{self, Write},
    ops::ControlFlow,
    sync::Arc,
};

use serde::{Serialize, Serializer, ser::SerializeMap};

use super::{
    Directory, Terminal,
    describe::write_json,
    failure::{Code, Failure},
    output::grouped,
    records::{Item, Records, Writer},
    terminal::{Look, Paint},
};
use crate::{
    Position,
    engine::{
        Today,
        preamble::{Command, Preamble},
        schema::all_differences,
    },
    schema::compare::{Class, Difference},
    schema::{Content, Field, Kind, Named, Schema, Shape},
};

/// Show the model of a journal: its commands, its state, its events and all their types, and when they changed
///
/// A writer says in front of each segment what its code looks like; this shows the newest, or the one at a position.
/// `?` is a type that could not be found out.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  memstate schema data/bank\n  memstate schema data/bank --at 1 --json")]
pub(super) struct Arguments {
    #[command(flatten)]
    directory: Directory,
    /// As of this position instead of the end
    #[arg(long, value_name = "POSITION")]
    at: Option<u64>,
    /// Write a JSON object
    #[arg(long)]
    json: bool,
}

/// Shows what the journal says, and what `today`'s code makes of it.
pub(super) fn run(
    arguments: &Arguments,
    today: Option<&Today>,
    terminal: &mut Terminal<'_>,
) -> Result<Code, Failure> {
    let mut records = Records::of_journal(&arguments.directory.dir, Position::START)?;
    let mut writers: Vec<Arc<Writer>> = Vec::new();
    records.read_all(terminal, &mut |item| {
        if let Item::Writer(writer) = item {
            writers.push(Arc::clone(writer));
        }
        Ok(ControlFlow::Continue(()))
    })?;
    let at = Position::new(arguments.at.unwrap_or(u64::MAX));
    // Segments that hold no record before the next one begin at the same position: the last one counts.
    let Some(shown) = writers.iter().rfind(|writer| writer.first <= at).or(writers.first()) else {
        return Err(super::records::no_journal(&arguments.directory.dir));
    };
    let differences = today.map(|today| all_differences(&shown.preamble, today));
    if arguments.json {
        let report = Report { shown, writers: &writers, differences: differences.as_deref() };
        write_json(&report, &mut *terminal.out)?;
        return Ok(Code::Fine);
    }
    let paint = terminal.paint();
    let out = &mut *terminal.out;
    let preamble = &shown.preamble;
    let version =
        if preamble.version <= 1 { String::new() } else { format!(", version {}", preamble.version) };
    writeln!(out, "{}{version}", paint.of(Look::Strong, &preamble.model))?;
    let since = format!("since position {}, segment {}", grouped(shown.first.get()), shown.segment);
    writeln!(out, "{}\n", paint.of(Look::Dim, since))?;
    section(out, paint, "commands", preamble.commands.iter().map(|command| signature(preamble, command)))?;
    section(out, paint, "state", [preamble.state().to_string()].into_iter())?;
    section(out, paint, "events", [preamble.schema.of(&preamble.events).to_string()].into_iter())?;
    section(
        out,
        paint,
        "types",
        preamble.schema.types.iter().map(|named| definition(&preamble.schema, named)),
    )?;
    if writers.len() > 1 {
        section(out, paint, "changes", writers.windows(2).map(|pair| change(&pair[0], &pair[1])))?;
    }
    if let Some(differences) = differences {
        let same = ["it is the same".to_owned()];
        match differences.is_empty() {
            true => section(out, paint, "today's code", same.into_iter())?,
            false => section(out, paint, "today's code", differences.iter().map(difference))?,
        }
    }
    Ok(Code::Fine)
}

fn section(
    out: &mut dyn Write,
    paint: Paint,
    heading: &str,
    lines: impl ExactSizeIterator<Item = String>,
) -> io::Result<()> {
    if lines.len() == 0 {
        return Ok(());
    }
    writeln!(out, "{}", paint.of(Look::Heading, heading))?;
    for text in lines {
        for line in text.lines() {
            writeln!(out, "  {line}")?;
        }
    }
    writeln!(out)
}

/// A command as Rust: `transfer(from: u64, to: u64) -> Result<(), BankError>`.
pub(super) fn signature(preamble: &Preamble, command: &Command) -> String {
    let of = |shape| preamble.schema.of(shape);
    let arguments: Vec<_> = command
        .arguments
        .iter()
        .map(|argument| format!("{}: {}", argument.name, of(&argument.shape)))
        .collect();
    let returns = match &command.rejected {
        Some(rejected) => format!(" -> Result<{}, {}>", of(&command.accepted), of(rejected)),
        None if command.accepted == Shape::Unit => String::new(),
        None => format!(" -> {}", of(&command.accepted)),
    };
    let mut text = format!("{}({}){returns}", command.name, arguments.join(", "));
    if command.version > 1 {
        text.push_str(&format!("  // version {}", command.version));
    }
    if let Some((name, version)) = &command.replays {
        text.push_str(&format!("  // replays {name}, version {version}"));
    }
    if !command.was.is_empty() {
        text.push_str(&format!("  // was {}", command.was.join(", ")));
    }
    text
}

/// A named type as Rust.
fn definition(schema: &Schema, named: &Named) -> String {
    match &named.kind {
        Kind::Struct(content @ (Content::Fields(_) | Content::Unit)) => {
            format!("struct {}{}", named.name, content_text(schema, content))
        }
        Kind::Struct(content) => format!("struct {}{};", named.name, content_text(schema, content)),
        Kind::Enum(variants) => {
            let mut text = format!("enum {} {{\n", named.name);
            for variant in variants {
                let content = content_text(schema, &variant.content).replace('\n', "\n    ");
                text.push_str(&format!("    {}{content},\n", variant.name));
            }
            text + "}"
        }
    }
}

fn content_text(schema: &Schema, content: &Content) -> String {
    let of = |shape: &Shape| schema.of(shape).to_string();
    match content {
        Content::Unit => String::new(),
        Content::Newtype(shape) => format!("({})", of(shape)),
        Content::Tuple(parts) => format!("({})", parts.iter().map(of).collect::<Vec<_>>().join(", ")),
        Content::Fields(fields) => {
            let field = |field: &Field| format!("    {}: {},\n", field.name, of(&field.shape));
            format!(" {{\n{}}}", fields.iter().map(field).collect::<String>())
        }
    }
}

/// What today's code has that the journal has otherwise.
fn difference((subject, difference): &(String, Difference)) -> String {
    let Difference { class, path, was, now, what, remedy } = difference;
    let place = if path.is_empty() { String::new() } else { format!(", `{path}`") };
    let types = match (was.as_str(), now.as_str()) {
        ("", "") => String::new(),
        (was, "") => format!(" (it was `{was}`)"),
        ("", now) => format!(" (it is `{now}`)"),
        (was, now) => format!(" (it was `{was}` and is `{now}`)"),
    };
    let remedy = if remedy.is_empty() { String::new() } else { format!("\n    {remedy}") };
    format!("{}: {subject}{place}: {what}{types}{remedy}", class_name(*class))
}

fn class_name(class: Class) -> &'static str {
    match class {
        Class::Compatible => "compatible",
        Class::Checked => "checked value by value",
        Class::NeedsDefault => "needs a default",
        Class::Breaking => "breaking",
    }
}

/// What a writer changed.
fn change(before: &Writer, after: &Writer) -> String {
    let mut text = format!("at position {} (segment {}):", grouped(after.first.get()), after.segment);
    let changes = changes(&before.preamble, &after.preamble);
    for change in &changes {
        text.push_str("\n  ");
        text.push_str(change);
    }
    if changes.is_empty() {
        text.push_str("\n  the order of commands, or names that they had before");
    }
    text
}

/// The lines that differ between two writers: `-` is gone, `+` is new.
fn changes(before: &Preamble, after: &Preamble) -> Vec<String> {
    let lines = |preamble: &Preamble| {
        let mut lines = vec![
            format!("version {}", preamble.version),
            format!("state {}", preamble.state()),
            format!("events {}", preamble.schema.of(&preamble.events)),
        ];
        lines.extend(preamble.commands.iter().map(|command| signature(preamble, command)));
        for named in &preamble.schema.types {
            // Only what changed in a type, each part with the type's name.
            let whole = definition(&preamble.schema, named);
            let mut parts = whole.lines().map(str::trim).filter(|line| *line != "}");
            let head = parts.next().unwrap_or_default().trim_end_matches('{').trim_end().to_owned();
            lines.extend(parts.map(|part| format!("{head}: {}", part.trim_end_matches(','))));
            lines.push(head);
        }
        lines
    };
    let (before, after) = (lines(before), lines(after));
    let gone = before.iter().filter(|line| !after.contains(line)).map(|line| format!("- {line}"));
    let new = after.iter().filter(|line| !before.contains(line)).map(|line| format!("+ {line}"));
    gone.chain(new).collect()
}

/// What `--json` gives: the description, and where it changed.
struct Report<'a> {
    shown: &'a Writer,
    writers: &'a [Arc<Writer>],
    /// What today's code has otherwise, if there is such code.
    differences: Option<&'a [(String, Difference)]>,
}

impl Serialize for Report<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(None)?;
        let changes: Vec<_> = self
            .writers
            .iter()
            .enumerate()
            .map(|(number, writer)| Change {
                position: writer.first.get(),
                segment: writer.segment,
                changes: match number.checked_sub(1) {
                    Some(before) => changes(&self.writers[before].preamble, &writer.preamble),
                    None => Vec::new(),
                },
            })
            .collect();
        map.serialize_entry("schema", &Description(self.shown))?;
        map.serialize_entry("writers", &changes)?;
        if let Some(differences) = self.differences {
            let differences: Vec<_> = differences.iter().map(DifferenceText::of).collect();
            map.serialize_entry("today", &differences)?;
        }
        map.end()
    }
}

#[derive(Serialize)]
struct DifferenceText<'a> {
    class: &'static str,
    subject: &'a str,
    place: &'a str,
    was: &'a str,
    now: &'a str,
    what: &'a str,
    remedy: &'a str,
}

impl<'a> DifferenceText<'a> {
    fn of((subject, difference): &'a (String, Difference)) -> Self {
        let Difference { class, path: place, was, now, what, remedy } = difference;
        DifferenceText { class: class_name(*class), subject, place, was, now, what, remedy }
    }
}

#[derive(Serialize)]
struct Change {
    position: u64,
    segment: u64,
    changes: Vec<String>,
}

/// A writer's schema as a JSON object: `model`, `version`, `from` (the first position), `segment`, `state`, `events`,
/// `commands` (`name`, `version`, `was`, `replays`, `arguments`, `accepted`, `rejected`) and `types`. A type is an object of
/// `type`, as Rust writes it, and `shape`, in which `Named` is a place in `types`.
pub(super) struct Description<'a>(pub(super) &'a Writer);

impl Serialize for Description<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let preamble = &self.0.preamble;
        let of = |shape| TypeText::of(preamble, shape);
        let commands: Vec<_> = preamble
            .commands
            .iter()
            .map(|command| CommandText {
                name: &command.name,
                version: command.version,
                was: &command.was,
                replays: &command.replays,
                arguments: command
                    .arguments
                    .iter()
                    .map(|it| ArgumentText { name: &it.name, was: &it.aliases, of: of(&it.shape) })
                    .collect(),
                accepted: of(&command.accepted),
                rejected: command.rejected.as_ref().map(of),
            })
            .collect();
        let mut map = to.serialize_map(None)?;
        map.serialize_entry("model", &preamble.model)?;
        map.serialize_entry("version", &preamble.version)?;
        map.serialize_entry("from", &self.0.first.get())?;
        map.serialize_entry("segment", &self.0.segment)?;
        map.serialize_entry("state", &of(&preamble.state))?;
        map.serialize_entry("events", &of(&preamble.events))?;
        map.serialize_entry("commands", &commands)?;
        map.serialize_entry("types", &preamble.schema.types)?;
        map.end()
    }
}

#[derive(Serialize)]
struct CommandText<'a> {
    name: &'a str,
    version: u32,
    was: &'a [String],
    replays: &'a Option<(String, u32)>,
    arguments: Vec<ArgumentText<'a>>,
    accepted: TypeText<'a>,
    rejected: Option<TypeText<'a>>,
}

#[derive(Serialize)]
struct ArgumentText<'a> {
    name: &'a str,
    was: &'a [String],
    #[serde(flatten)]
    of: TypeText<'a>,
}

#[derive(Serialize)]
struct TypeText<'a> {
    #[serde(rename = "type")]
    text: String,
    shape: &'a Shape,
}

impl<'a> TypeText<'a> {
    fn of(preamble: &'a Preamble, shape: &'a Shape) -> Self {
        TypeText { text: preamble.schema.of(shape).to_string(), shape }
    }
}
