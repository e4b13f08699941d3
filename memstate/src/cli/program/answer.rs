//! What a query, a command or a state says, as text and as JSON.

use super::{
    methods::{Method, Methods},
    paths,
};
use crate::{
    Value,
    cli::{
        describe::write_json,
        failure::{Code, Failure},
        terminal::Terminal,
    },
    codec::whole,
    model::Verdict,
    schema::{Shape, Type, value},
};

/// Reads what a method answered.
///
/// # Errors
///
/// If it holds a type that cannot be shown without its code.
pub(super) fn read(
    methods: &Methods,
    method: &Method,
    verdict: Verdict,
    bytes: &[u8],
) -> Result<Value, Failure> {
    let shape = match verdict {
        Verdict::Accepted => &method.command.accepted,
        Verdict::Rejected => method.command.rejected.as_ref().unwrap_or(&Shape::Opaque),
    };
    of_bytes(methods.of_shape(shape), bytes, &format!("what `{}` answered", method.command.name))
}

/// Reads a value by its type.
///
/// # Errors
///
/// If it holds a type that cannot be shown without its code.
pub(super) fn of_bytes(of: Type<'_>, bytes: &[u8], what: &str) -> Result<Value, Failure> {
    whole(bytes, |bytes| value::read(of, bytes)).map_err(|error| {
        Failure::new(Code::No, format!("{what} cannot be shown: {error}"))
            .help("a type in it tells nothing of itself to serde; a query that answers with other types can be shown")
    })
}

/// Prints a value: JSON in a line, or text with a line for each part.
pub(super) fn print(value: &Value, json: bool, terminal: &mut Terminal<'_>) -> Result<(), Failure> {
    let out = &mut *terminal.out;
    if json {
        return write_json(value, out);
    }
    match seen_through(value) {
        Value::List(values) => values.iter().try_for_each(|value| writeln!(out, "{value}"))?,
        Value::Map(entries) => {
            entries.iter().try_for_each(|(key, value)| writeln!(out, "{key}: {value}"))?;
        }
        Value::Struct(fields) => {
            fields.iter().try_for_each(|(name, value)| writeln!(out, "{name}: {value}"))?;
        }
        value => writeln!(out, "{value}")?,
    }
    Ok(())
}

/// Prints a state: JSON in a line, or a line for each path.
pub(super) fn print_state(value: &Value, json: bool, terminal: &mut Terminal<'_>) -> Result<(), Failure> {
    match json {
        true => write_json(value, &mut *terminal.out),
        false => Ok(paths::write(value, &mut *terminal.out)?),
    }
}

fn seen_through(value: &Value) -> &Value {
    match value {
        Value::Option(Some(inner)) => seen_through(inner),
        value => value,
    }
}
