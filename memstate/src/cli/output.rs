//! Values as text and as JSON.
//!
//! As text a value looks as a Rust programmer would write it. As JSON, numbers are numbers, a variant is its name or
//! `{"Name": what it holds}`, none is `null`, a map is an object if its keys are texts, characters, numbers or booleans and
//! a list of pairs otherwise, bytes are hexadecimal text after `0x`, and floats that JSON does not have are `"NaN"`, `"Infinity"` and
//! `"-Infinity"`.

use std::fmt::{self, Write};

use serde::{Serialize, Serializer, ser::SerializeMap};

use super::failure::bytes_as_hex;
use crate::Value;

/// A value as text.
pub(super) struct Text<'a> {
    pub(super) value: &'a Value,
    /// Whether long texts and lists are shown to their ends.
    pub(super) full: bool,
}

/// How much of a long text, and of a long list, is shown.
const TEXT_CHARS: usize = 80;
const LIST_ITEMS: usize = 12;

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let full = self.full;
        fn of(value: &Value, full: bool) -> Text<'_> {
            Text { value, full }
        }
        match self.value {
            Value::Unit => f.write_str("()"),
            Value::Bool(it) => write!(f, "{it}"),
            Value::Signed(it) => write!(f, "{it}"),
            Value::Unsigned(it) => write!(f, "{it}"),
            Value::F32(it) => write!(f, "{it:?}"),
            Value::F64(it) => write!(f, "{it:?}"),
            Value::Char(it) => write!(f, "{it:?}"),
            Value::Text(text) => match text.char_indices().nth(TEXT_CHARS).filter(|_| !self.full) {
                Some((at, _)) => write!(f, "{:?}…", &text[..at]),
                None => write!(f, "{text:?}"),
            },
            Value::Bytes(bytes) => {
                let shown = if self.full { bytes.len() } else { bytes.len().min(TEXT_CHARS / 2) };
                write!(f, "0x{}", bytes_as_hex(&bytes[..shown]))?;
                f.write_str(if shown < bytes.len() { "…" } else { "" })
            }
            Value::Option(None) => f.write_str("None"),
            Value::Option(Some(it)) => write!(f, "Some({})", of(it, full)),
            Value::List(list) => self.all(f, ['[', ']'], list, |f, it| of(it, full).fmt(f)),
            Value::Tuple(parts) => self.all(f, ['(', ')'], parts, |f, it| of(it, full).fmt(f)),
            Value::Map(pairs) => self.all(f, ['{', '}'], pairs, |f, (key, value)| {
                write!(f, "{}: {}", of(key, full), of(value, full))
            }),
            Value::Struct(fields) => self.fields(f, fields),
            Value::Variant(name, content) => {
                f.write_str(name)?;
                match &**content {
                    Value::Unit => Ok(()),
                    content @ Value::Tuple(_) => of(content, full).fmt(f),
                    Value::Struct(fields) => {
                        f.write_str(" ")?;
                        self.fields(f, fields)
                    }
                    content => write!(f, "({})", of(content, full)),
                }
            }
        }
    }
}

impl Text<'_> {
    fn all<T>(
        &self,
        f: &mut fmt::Formatter<'_>,
        [open, close]: [char; 2],
        items: &[T],
        each: impl Fn(&mut fmt::Formatter<'_>, &T) -> fmt::Result,
    ) -> fmt::Result {
        let shown = if self.full || items.len() <= LIST_ITEMS + 1 { items.len() } else { LIST_ITEMS };
        f.write_char(open)?;
        for (number, item) in items[..shown].iter().enumerate() {
            f.write_str(if number == 0 { "" } else { ", " })?;
            each(f, item)?;
        }
        if shown < items.len() {
            write!(f, ", … {} more", items.len() - shown)?;
        }
        f.write_char(close)
    }

    fn fields(&self, f: &mut fmt::Formatter<'_>, fields: &[(String, Value)]) -> fmt::Result {
        f.write_str("{ ")?;
        for (number, (name, value)) in fields.iter().enumerate() {
            let comma = if number == 0 { "" } else { ", " };
            write!(f, "{comma}{name}: {}", Text { value, full: self.full })?;
        }
        f.write_str(" }")
    }
}

/// A value as JSON.
pub(super) struct Json<'a>(pub(super) &'a Value);

impl Serialize for Json<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Unit | Value::Option(None) => to.serialize_unit(),
            Value::Bool(it) => to.serialize_bool(*it),
            Value::Signed(it) => to.serialize_i128(*it),
            Value::Unsigned(it) => to.serialize_u128(*it),
            Value::F32(it) if it.is_finite() => to.serialize_f32(*it),
            Value::F32(it) => to.serialize_str(not_finite(f64::from(*it))),
            Value::F64(it) if it.is_finite() => to.serialize_f64(*it),
            Value::F64(it) => to.serialize_str(not_finite(*it)),
            Value::Char(it) => to.serialize_char(*it),
            Value::Text(it) => to.serialize_str(it),
            Value::Bytes(it) => to.serialize_str(&format!("0x{}", bytes_as_hex(it))),
            Value::Option(Some(it)) => Json(it).serialize(to),
            Value::List(list) | Value::Tuple(list) => to.collect_seq(list.iter().map(Json)),
            Value::Map(pairs) if pairs.iter().all(|(key, _)| key_text(key).is_some()) => {
                to.collect_map(pairs.iter().map(|(key, value)| (key_text(key), Json(value))))
            }
            Value::Map(pairs) => to.collect_seq(pairs.iter().map(|(key, value)| [Json(key), Json(value)])),
            Value::Struct(fields) => Fields(fields).serialize(to),
            Value::Variant(name, content) => match &**content {
                Value::Unit => to.serialize_str(name),
                content => {
                    let mut map = to.serialize_map(Some(1))?;
                    map.serialize_entry(name, &Json(content))?;
                    map.end()
                }
            },
        }
    }
}

/// Names with their values, as a JSON object.
pub(super) struct Fields<'a>(pub(super) &'a [(String, Value)]);

impl Serialize for Fields<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_map(self.0.iter().map(|(name, value)| (name, Json(value))))
    }
}

fn key_text(key: &Value) -> Option<String> {
    match key {
        Value::Text(text) => Some(text.clone()),
        Value::Char(it) => Some(it.to_string()),
        Value::Bool(it) => Some(it.to_string()),
        Value::Signed(it) => Some(it.to_string()),
        Value::Unsigned(it) => Some(it.to_string()),
        _ => None,
    }
}

fn not_finite(number: f64) -> &'static str {
    match number {
        number if number.is_nan() => "NaN",
        number if number > 0.0 => "Infinity",
        _ => "-Infinity",
    }
}

/// A number with its digits in groups of three.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number of bytes as people say it.
pub(super) fn bytes(number: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if number < 1024 {
        return format!("{number} B");
    }
    let (mut amount, mut unit) = (number as f64 / 1024.0, 0);
    while amount >= 1023.95 && unit + 1 < UNITS.len() {
        (amount, unit) = (amount / 1024.0, unit + 1);
    }
    format!("{amount:.1} {}", UNITS[unit])
}

/// `1 record`, `2 records`.
pub(super) fn count(number: u64, one: &str) -> String {
    format!("{} {one}{}", grouped(number), if number == 1 { "" } else { "s" })
}

/// `position 7`, `positions 7–9`.
pub(super) fn span(first: u64, last: u64) -> String {
    if first == last {
        format!("position {}", grouped(first))
    } else {
        format!("positions {}–{}", grouped(first), grouped(last))
    }
}

/// Shortens a line without its looks to what fits.
pub(super) fn fitted(text: &str, width: usize) -> String {
    match text.char_indices().nth(width) {
        Some(_) => {
            let mut short: String = text.chars().take(width.saturating_sub(1)).collect();
            short.push('…');
            short
        }
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Value {
        let text = |text: &str| Value::Text(text.to_owned());
        Value::Struct(vec![
            ("owner".to_owned(), text("Änn \"A\"")),
            ("balance".to_owned(), Value::Unsigned(u128::from(u64::MAX) + 1)),
            ("limit".to_owned(), Value::Option(Some(Box::new(Value::Signed(-5))))),
            ("gone".to_owned(), Value::Option(None)),
            ("kind".to_owned(), Value::Variant("Plain".to_owned(), Box::new(Value::Unit))),
            ("why".to_owned(), Value::Variant("NoAccount".to_owned(), Box::new(Value::Unsigned(7)))),
            ("names".to_owned(), Value::Map(vec![(Value::Unsigned(1), text("one"))])),
            ("odd".to_owned(), Value::Map(vec![(Value::Tuple(vec![Value::Bool(true)]), Value::Char('x'))])),
            ("rate".to_owned(), Value::F64(f64::NEG_INFINITY)),
            ("key".to_owned(), Value::Bytes(vec![1, 255])),
        ])
    }

    #[test]
    fn a_value_reads_as_rust_and_as_json() {
        let value = sample();
        assert_eq!(
            Text { value: &value, full: true }.to_string(),
            r#"{ owner: "Änn \"A\"", balance: 18446744073709551616, limit: Some(-5), gone: None, kind: Plain, why: NoAccount(7), names: {1: "one"}, odd: {(true): 'x'}, rate: -inf, key: 0x01ff }"#
        );
        assert_eq!(
            serde_json::to_string(&Json(&value)).unwrap(),
            r#"{"owner":"Änn \"A\"","balance":18446744073709551616,"limit":-5,"gone":null,"kind":"Plain","why":{"NoAccount":7},"names":{"1":"one"},"odd":[[[true],"x"]],"rate":"-Infinity","key":"0x01ff"}"#
        );
    }

    #[test]
    fn what_is_long_is_shortened_unless_all_of_it_is_wanted() {
        let list = Value::List(vec![Value::Unsigned(1); 100]);
        assert!(Text { value: &list, full: false }.to_string().ends_with(", … 88 more]"));
        assert!(!Text { value: &list, full: true }.to_string().contains('…'));
        let text = Value::Text("ä".repeat(81));
        assert_eq!(Text { value: &text, full: false }.to_string(), format!("\"{}\"…", "ä".repeat(80)));
        assert_eq!(fitted("äöü", 3), "äöü");
        assert_eq!(fitted("äöüß", 3), "äö…");
    }

    #[test]
    fn numbers_are_grouped_and_bytes_have_units() {
        assert_eq!(["7", "1,000", "12,345,678"].map(str::to_owned), [7, 1000, 12_345_678].map(grouped));
        assert_eq!(bytes(1023), "1023 B");
        assert_eq!(bytes(1536), "1.5 KiB");
        assert_eq!(bytes((1 << 20) - 1), "1.0 MiB");
    }
}
