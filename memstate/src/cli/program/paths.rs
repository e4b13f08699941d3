//! A value as lines, one for each place in it that holds no more places: `accounts[7].balance: 10`.

use std::io::{self, Write};

use crate::Value;

/// Writes all of a value.
pub(super) fn write(value: &Value, out: &mut dyn Write) -> io::Result<()> {
    parts(value, &mut String::new(), out)
}

fn parts(value: &Value, path: &mut String, out: &mut dyn Write) -> io::Result<()> {
    let length = path.len();
    let mut step = |path: &mut String, step: String, value: &Value| {
        path.push_str(if length == 0 { step.trim_start_matches('.') } else { &step });
        let written = parts(value, path, out);
        path.truncate(length);
        written
    };
    match value {
        Value::Option(Some(value)) => parts(value, path, out),
        Value::Struct(fields) if !fields.is_empty() => {
            fields.iter().try_for_each(|(name, value)| step(path, format!(".{name}"), value))
        }
        Value::Map(entries) if !entries.is_empty() => {
            entries.iter().try_for_each(|(key, value)| step(path, format!("[{key}]"), value))
        }
        Value::List(values) if values.iter().any(has_parts) => {
            let mut numbered = values.iter().enumerate();
            numbered.try_for_each(|(number, value)| step(path, format!("[{number}]"), value))
        }
        value if path.is_empty() => writeln!(out, "{value}"),
        value => writeln!(out, "{path}: {value}"),
    }
}

/// Whether it is worth lines of its own.
fn has_parts(value: &Value) -> bool {
    match value {
        Value::Option(Some(value)) => has_parts(value),
        Value::Struct(_) | Value::Map(_) | Value::List(_) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_that_holds_no_more_is_a_line_with_its_path() {
        let field = |name: &str, value| (name.to_owned(), value);
        let account = Value::Struct(vec![
            field("balance", Value::Unsigned(10)),
            field("note", Value::Option(Some(Box::new(Value::Text("x".to_owned()))))),
        ]);
        let value = Value::Struct(vec![
            field("accounts", Value::Map(vec![(Value::Unsigned(7), account.clone())])),
            field("names", Value::List(vec![Value::Char('a'), Value::Char('b')])),
            field("queue", Value::List(vec![account])),
            field("empty", Value::Map(Vec::new())),
        ]);
        let mut out = Vec::new();
        write(&value, &mut out).unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "accounts[7].balance: 10\naccounts[7].note: \"x\"\nnames: ['a', 'b']\nqueue[0].balance: 10\n\
             queue[0].note: \"x\"\nempty: {}\n"
        );
    }
}
