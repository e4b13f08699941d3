//! What the records that come next will ask the model for; see [`Fetch`].

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::{
    evolution::Today,
    record::{Record, Records},
};
use crate::{
    codec::{Unreadable, get_bytes, get_varint},
    schema::{Content, Kind, Schema, Shape},
    state::{
        State, Visitor,
        fetch::{Fetch, Number},
    },
};

/// How many records are looked at before they are applied: few enough that what they ask for is still near when it is their turn.
const RECORDS_AHEAD: usize = 32;
/// How many of a command's arguments are looked at.
const ARGUMENTS_MAX: usize = 4;

/// For each of today's commands, what its arguments begin with.
#[derive(Debug)]
pub(super) struct Ahead {
    commands: Vec<Vec<Argument>>,
}

/// An argument, or a part of one, as it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Argument {
    Number(Number),
    Text,
}

impl Ahead {
    pub(super) fn of(today: &Today) -> Self {
        let preamble = &today.preamble;
        let arguments = |command: &super::preamble::Command| {
            let mut plain = Vec::new();
            let _all =
                command.arguments.iter().all(|argument| flat(&preamble.schema, &argument.shape, &mut plain));
            plain.truncate(ARGUMENTS_MAX);
            plain
        };
        Ahead { commands: preamble.commands.iter().map(arguments).collect() }
    }

    /// Looks for what the next records name in the model, and says how many records later it is worth while to do that again.
    ///
    /// The records must be in the form of today.
    pub(super) fn look<M: State>(&self, model: &mut M, mut records: Records<'_>) -> usize {
        let mut visitor = Visitor::fetching();
        // A model may have a `visit` of its own that panics.
        let looked = catch_unwind(AssertUnwindSafe(|| {
            // The first tells whether there is anything large.
            for count in [1, RECORDS_AHEAD - 1] {
                let fetch = visitor.fetch()?;
                fetch.clear();
                for _ in 0..count {
                    if !records.is_empty() {
                        self.add(&records.take().ok()?, fetch).ok()?;
                    }
                }
                model.visit(&mut visitor);
                if !visitor.fetch()?.found_large() {
                    return None;
                }
            }
            Some(RECORDS_AHEAD)
        }));
        looked.ok().flatten().unwrap_or(usize::MAX)
    }

    /// Adds the arguments of a record that may be keys.
    fn add(&self, record: &Record<'_>, fetch: &mut Fetch) -> Result<(), Unreadable> {
        // An atomic batch has a number that is no command's.
        let Some(arguments) = self.commands.get(usize::from(record.method)) else { return Ok(()) };
        let mut bytes = record.arguments;
        for argument in arguments {
            match *argument {
                Argument::Number(number @ Number::U8) => {
                    fetch.add_number(number, get_bytes(&mut bytes, 1)?[0].into());
                }
                Argument::Number(number @ (Number::U16 | Number::U32 | Number::U64)) => {
                    fetch.add_number(number, get_varint(&mut bytes)?);
                }
                Argument::Number(number @ (Number::I16 | Number::I32 | Number::I64)) => {
                    let zigzag = get_varint(&mut bytes)?;
                    fetch.add_number(number, zigzag >> 1 ^ (zigzag & 1).wrapping_neg());
                }
                Argument::Text => {
                    let length = usize::try_from(get_varint(&mut bytes)?).unwrap_or(usize::MAX);
                    let text = std::str::from_utf8(get_bytes(&mut bytes, length)?);
                    fetch.add_text(text.map_err(|_| Unreadable::new("a text is not UTF-8"))?);
                }
            }
        }
        Ok(())
    }
}

/// Adds what values of this shape begin with; `false` if what comes after is not known.
fn flat(schema: &Schema, shape: &Shape, plain: &mut Vec<Argument>) -> bool {
    if plain.len() >= ARGUMENTS_MAX {
        return false;
    }
    let argument = match shape {
        Shape::Unit => return true,
        Shape::Bool | Shape::Unsigned(8) => Argument::Number(Number::U8),
        Shape::Unsigned(16) => Argument::Number(Number::U16),
        Shape::Unsigned(32) => Argument::Number(Number::U32),
        Shape::Unsigned(64) => Argument::Number(Number::U64),
        Shape::Signed(16) => Argument::Number(Number::I16),
        Shape::Signed(32) => Argument::Number(Number::I32),
        Shape::Signed(64) => Argument::Number(Number::I64),
        Shape::Text => Argument::Text,
        Shape::Tuple(parts) => return parts.iter().all(|part| flat(schema, part, plain)),
        Shape::Named(number) => {
            return match schema.named(*number).map(|named| &named.kind) {
                Some(Kind::Struct(Content::Unit)) => true,
                Some(Kind::Struct(Content::Newtype(inner))) => flat(schema, inner, plain),
                Some(Kind::Struct(Content::Tuple(parts))) => {
                    parts.iter().all(|part| flat(schema, part, plain))
                }
                Some(Kind::Struct(Content::Fields(fields))) => {
                    fields.iter().all(|field| flat(schema, &field.shape, plain))
                }
                _ => false,
            };
        }
        _ => return false,
    };
    plain.push(argument);
    true
}
