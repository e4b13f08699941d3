//! Records in words: what a command was called with and what it answered, for errors and for the log.

use super::{atomically, evolution::signature, kernel::Answer, preamble::Preamble, record::Record};
use crate::{
    Value,
    codec::{Unreadable, whole},
    schema::{Shape, value},
};

/// How long a text an error shows of a value, in characters.
const SHOWN_MAX: usize = 500;

/// The arguments of a record, by the writer's names and types.
pub(crate) fn values(written: &Preamble, record: &Record<'_>) -> Result<Value, Unreadable> {
    let command = written.command(record.method).ok_or_else(|| {
        Unreadable::new(format!("there is no command number {} in its table", record.method))
    })?;
    whole(record.arguments, |bytes| {
        let arguments = command.arguments.iter().map(|argument| {
            Ok((argument.name.clone(), value::read(written.schema.of(&argument.shape), bytes)?))
        });
        arguments.collect::<Result<_, Unreadable>>().map(Value::Struct)
    })
}

/// The arguments of a record as text: `from: 1, to: 2`; of an atomic batch `2 commands: open(), deposit(amount: 3)`.
pub(crate) fn arguments(written: &Preamble, record: &Record<'_>) -> String {
    let commands = match record.is_atomic_batch().then(|| record.commands()) {
        Some(Ok(commands)) => commands,
        Some(Err(error)) => return format!("{} bytes that cannot be shown: {error}", record.arguments.len()),
        None => return of_command(written, record),
    };
    let plural = if commands.len() == 1 { "" } else { "s" };
    let mut text = format!("{} command{plural}: ", commands.len());
    for (index, command) in commands.iter().enumerate() {
        if text.chars().count() > SHOWN_MAX {
            break;
        }
        let comma = if index == 0 { "" } else { ", " };
        text += &format!("{comma}{}({})", written.name(command.method), of_command(written, command));
    }
    shorten(text)
}

fn of_command(written: &Preamble, record: &Record<'_>) -> String {
    match values(written, record) {
        Ok(Value::Struct(values)) => {
            let values: Vec<_> = values.iter().map(|(name, value)| format!("{name}: {value}")).collect();
            shorten(values.join(", "))
        }
        Ok(other) => shorten(other.to_string()),
        Err(error) => format!("{} bytes that cannot be shown: {error}", record.arguments.len()),
    }
}

/// What a record of today's code was answered.
pub(crate) fn answer(today: &Preamble, record: &Record<'_>, answer: &Answer) -> String {
    if record.is_atomic_batch() {
        return of_batch(today, record, answer);
    }
    of_method(today, record.method, answer)
}

/// What an atomic batch was answered: a refusal is that of one command.
fn of_batch(today: &Preamble, record: &Record<'_>, answer: &Answer) -> String {
    match answer {
        Answer::Accepted(_) => "accepted".to_owned(),
        Answer::Rejected(bytes) => {
            let commands = record.commands().unwrap_or_default();
            let refusal = atomically::refusal(bytes).ok();
            let refused =
                refusal.and_then(|(index, reply)| Some((index, commands.get(index)?.method, reply)));
            let Some((index, method, reply)) = refused else { return "rejected".to_owned() };
            let why = of_method(today, method, &Answer::Rejected(reply.to_vec()));
            format!("{why} by {}", atomically::at(index, today.name(method)))
        }
        other => of_method(today, record.method, other),
    }
}

pub(crate) fn of_method(today: &Preamble, method: u16, answer: &Answer) -> String {
    let show = |shape: Option<&Shape>, bytes: &[u8]| {
        let shape = shape?;
        let value = whole(bytes, |bytes| value::read(today.schema.of(shape), bytes)).ok()?;
        Some(shorten(value.to_string()))
    };
    let command = today.command(method);
    match answer {
        Answer::Accepted(bytes) => match show(command.map(|command| &command.accepted), bytes) {
            Some(value) if !bytes.is_empty() => format!("accepted with {value}"),
            _ => "accepted".to_owned(),
        },
        Answer::Rejected(bytes) => match show(command.and_then(|command| command.rejected.as_ref()), bytes) {
            Some(value) => format!("rejected with {value}"),
            None => "rejected".to_owned(),
        },
        Answer::Panicked(message) => format!("panicked: {message}"),
        Answer::Expired | Answer::Reused => "refused as a repetition".to_owned(),
        Answer::Lost => "repeated".to_owned(),
    }
}

fn shorten(text: String) -> String {
    match text.char_indices().nth(SHOWN_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// All types of a model, for people.
pub(crate) fn schema_text(preamble: &Preamble) -> String {
    let schema = &preamble.schema;
    let mut text = format!("state {}", schema.of(&preamble.state));
    if preamble.version > 1 {
        text += &format!(", version {}", preamble.version);
    }
    text += &format!("\nevents {}\n", schema.of(&preamble.events));
    for command in &preamble.commands {
        text += &format!("\ncommand {}", signature(schema, command));
        let accepted = schema.of(&command.accepted);
        match &command.rejected {
            Some(rejected) => text += &format!(" -> Result<{accepted}, {}>", schema.of(rejected)),
            None if command.accepted == Shape::Unit => {}
            None => text += &format!(" -> {accepted}"),
        }
        let mut remarks = Vec::new();
        if command.version > 1 {
            remarks.push(format!("version {}", command.version));
        }
        if let Some((name, version)) = &command.replays {
            remarks.push(format!("replays version {version} of {name}"));
        }
        if !command.was.is_empty() {
            remarks.push(format!("was {}", command.was.join(", ")));
        }
        for argument in command.arguments.iter().filter(|argument| !argument.aliases.is_empty()) {
            remarks.push(format!("{} was {}", argument.name, argument.aliases.join(", ")));
        }
        if !remarks.is_empty() {
            text += &format!(" // {}", remarks.join("; "));
        }
    }
    text.push('\n');
    for definition in schema.definitions() {
        text += &format!("\n{definition:#}\n");
    }
    text
}
