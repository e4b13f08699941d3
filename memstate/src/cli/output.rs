//! Numbers and names, as they are printed.

use serde::{Serialize, Serializer};

use crate::Value;

/// Names with their values, as a JSON object.
pub(super) struct Fields<'a>(pub(super) &'a [(String, Value)]);

impl Serialize for Fields<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_map(self.0.iter().map(|(name, value)| (name, value)))
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

    #[test]
    fn lines_are_shortened_to_what_fits() {
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
