//! The arguments of a record: from its bytes by what its writer said of their types, without the model.

use std::fmt::Write;

use crate::{
    Value,
    codec::{Unreadable, whole},
    engine::{
        preamble::{Command, Preamble},
        record::Record,
    },
    schema::{
        Content, Kind, Schema, Shape,
        value::{self, show::Shown},
    },
};

/// Names with their values.
pub(super) type Named = Vec<(String, Value)>;

/// Reads the arguments of a command.
///
/// # Errors
///
/// If the bytes are no such arguments, or are of a type that was not written down; see [`is_opaque`].
pub(super) fn decode(preamble: &Preamble, command: &Command, bytes: &[u8]) -> Result<Named, Unreadable> {
    whole(bytes, |bytes| {
        let read = |argument: &crate::schema::Field| {
            let value = value::read(preamble.schema.of(&argument.shape), bytes)?;
            Ok((argument.name.clone(), value))
        };
        command.arguments.iter().map(read).collect()
    })
}

/// Whether there are arguments whose types could not be found out by their writer: those cannot be read without its
/// code, and that is no damage.
pub(super) fn is_opaque(preamble: &Preamble, command: &Command) -> bool {
    let mut met = vec![false; preamble.schema.types.len()];
    command.arguments.iter().any(|argument| has_opaque(&preamble.schema, &argument.shape, &mut met))
}

fn has_opaque(schema: &Schema, shape: &Shape, met: &mut [bool]) -> bool {
    match shape {
        Shape::Opaque => true,
        Shape::Option(inner) | Shape::List(inner) => has_opaque(schema, inner, met),
        Shape::Tuple(parts) => parts.iter().any(|part| has_opaque(schema, part, met)),
        Shape::Map(key, value) => has_opaque(schema, key, met) || has_opaque(schema, value, met),
        Shape::Named(number) => {
            let Some(is_met) = met.get_mut(*number as usize) else { return true };
            if std::mem::replace(is_met, true) {
                return false;
            }
            match schema.named(*number).map(|named| &named.kind) {
                Some(Kind::Struct(content)) => content_is_opaque(schema, content, met),
                Some(Kind::Enum(variants)) => {
                    variants.iter().any(|variant| content_is_opaque(schema, &variant.content, met))
                }
                None => true,
            }
        }
        _ => false,
    }
}

fn content_is_opaque(schema: &Schema, content: &Content, met: &mut [bool]) -> bool {
    match content {
        Content::Unit => false,
        Content::Newtype(shape) => has_opaque(schema, shape, met),
        Content::Tuple(parts) => parts.iter().any(|part| has_opaque(schema, part, met)),
        Content::Fields(fields) => fields.iter().any(|field| has_opaque(schema, &field.shape, met)),
    }
}

/// How many commands of an atomic batch are shown where not all of them are wanted.
const COMMANDS_SHOWN: usize = 12;

/// A record's call as text: `transfer(from: 1, to: 2)`; of an atomic batch `atomically(open(owner: "Ann"), transfer(from: 1, to: 2))`.
pub(super) fn call(preamble: &Preamble, record: &Record<'_>, full: bool) -> String {
    if !record.is_atomic_batch() {
        return one_call(preamble, record.method, record.arguments, full);
    }
    let name = preamble.name(record.method);
    let commands = match record.commands() {
        Ok(commands) => commands,
        Err(error) => return format!("{name}(commands cannot be shown: {error})"),
    };
    // One more is shorter than saying so.
    let shown = if full || commands.len() <= COMMANDS_SHOWN + 1 { commands.len() } else { COMMANDS_SHOWN };
    let call = |command: &Record<'_>| one_call(preamble, command.method, command.arguments, full);
    let mut calls: Vec<_> = commands[..shown].iter().map(call).collect();
    if shown < commands.len() {
        calls.push(format!("… {} more", commands.len() - shown));
    }
    format!("{name}({})", calls.join(", "))
}

fn one_call(preamble: &Preamble, method: u16, bytes: &[u8], full: bool) -> String {
    let Some(command) = preamble.command(method) else {
        return format!("?(there is no command {method} in its writer's table)");
    };
    let mut text = format!("{}(", command.name);
    match decode(preamble, command, bytes) {
        Ok(arguments) => {
            for (number, (name, value)) in arguments.iter().enumerate() {
                let comma = if number == 0 { "" } else { ", " };
                let _ = write!(text, "{comma}{name}: {}", Shown { value, full });
            }
        }
        Err(_) if is_opaque(preamble, command) => {
            let bytes = super::output::bytes(bytes.len() as u64);
            let _ = write!(text, "arguments cannot be shown: {bytes} of a type that was not written down");
        }
        Err(error) => {
            let _ = write!(text, "arguments cannot be shown: {error}");
        }
    }
    text.push(')');
    text
}
