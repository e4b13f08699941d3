//! The samples that are given for simple values. Their order is fixed: the first that is accepted is taken.

/// Whole numbers; a type takes those that fit into it.
const WHOLE: &[i128] = &[
    1,
    0,
    2,
    3,
    4,
    5,
    7,
    8,
    10,
    12,
    16,
    20,
    24,
    31,
    32,
    42,
    50,
    60,
    64,
    100,
    -1,
    127,
    128,
    200,
    255,
    256,
    443,
    1000,
    1024,
    2000,
    2024,
    4096,
    8080,
    10_000,
    65_535,
    65_536,
    86_400,
    1_000_000,
    20_240_229,
    1_700_000_000,
    i32::MAX as i128,
    i64::MAX as i128,
    -1000,
    i32::MIN as i128,
];

/// Numbers with a point.
const REAL: &[f64] =
    &[1.0, 0.0, 0.5, 2.0, 10.0, 45.0, 100.0, -1.0, 0.25, 1000.0, 1.0e9, -100.0, f64::INFINITY];

/// Characters.
const CHARS: &[char] = &[
    'a', 'A', '1', '0', 'x', 'X', 'n', 'N', 'm', 'f', 'y', 'k', 'K', 's', 'S', 'W', 'E', 'b', 'B', 'w', 'q',
    '9', ' ', '-', '+', '_', '.', ',', '/', '#', '@', '\n', '\t', '|', 'ä', 'ß', '€', '中', '😀',
];

/// Texts of the kinds that types are parsed from.
const TEXTS: &[&str] = &[
    "a",
    "1",
    "",
    "2024-02-29",
    "2024-02-29T12:30:00Z",
    "2024-02-29T12:30:00",
    "2024-02-29 12:30:00",
    "2024-02-29T12:30:00+00:00[UTC]",
    "2024-02-29T12:30:00.123456789Z",
    "12:30:00",
    "12:30",
    "Thu, 29 Feb 2024 12:30:00 GMT",
    "1709209800",
    "6f1c7b52-3f0a-4d0e-9a57-0a4f1d1c2b3e",
    "127.0.0.1",
    "::1",
    "127.0.0.1:8080",
    "[::1]:8080",
    "10.0.0.0/8",
    "fe80::/10",
    "00:1b:44:11:3a:b7",
    "https://example.com/path?query=1",
    "ann@example.com",
    "example.com",
    "localhost:8080",
    "/tmp/a",
    "a.b",
    "{}",
    "{\"a\":1}",
    "[]",
    "[1]",
    "null",
    "true",
    "1.0",
    "1.0.0",
    "^1.0",
    "12.50",
    "-1",
    "+12025550123",
    "ff",
    "0xff",
    "#ff8800",
    "00112233445566778899aabbccddeeff",
    "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
    "YQ==",
    "AAAAAAAAAAAAAAAAAAAAAA==",
    "01ARZ3NDEKTSV4RRFFQ69G5FAV",
    "A",
    "AB",
    "ABC",
    "abc",
    "USD",
    "EUR",
    "12.50 EUR",
    "EUR 12.50",
    "DE89370400440532013000",
    "9780306406157",
    "978-0-306-40615-7",
    "en",
    "en-US",
    "US",
    "UTC",
    "Europe/Berlin",
    "+01:00",
    "P1D",
    "PT1H",
    "1s",
    "1h 30m",
    "Mon",
    "Monday",
    "January",
    "red",
    "N",
    "50%",
    "1/2",
    "1,2",
    "1:2",
    "a=b",
    "a:b",
    "a/b",
    "a-b",
    "a_b",
    "text/plain",
    "Ann Example",
    "AB-123",
    "AB123",
    "A1",
    "a1",
    "password123!A",
    "0.0.0.0",
    "255",
    "1000",
    "1e3",
    "12345",
    "123456",
    "12345678",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "^a$",
    "*",
];

/// How many bytes; none of a type's own checks can be guessed beyond that.
const LENGTHS: &[usize] = &[16, 0, 32, 4, 8, 1, 2, 3, 6, 12, 20, 24, 28, 33, 48, 64, 65, 96, 128, 256];

/// How many elements a list is given where it refused one.
pub(super) const COUNTS: &[usize] = &[1, 0, 2, 3, 4, 5, 6, 7, 8, 10, 12, 16, 20, 24, 28, 32, 48, 64];

static ZEROS: [u8; 256] = [0; 256];

/// Simple values that samples are taken of.
#[derive(Debug, Clone, Copy)]
pub(super) enum Of {
    Bool,
    Signed(u8),
    Unsigned(u8),
    Real,
    Char,
    Text,
    Bytes,
    One,
}

/// How many samples there are.
pub(super) fn count(of: Of) -> usize {
    match of {
        Of::Bool => 2,
        Of::Signed(_) | Of::Unsigned(_) => fitting(of).count(),
        Of::Real => REAL.len(),
        Of::Char => CHARS.len(),
        Of::Text => TEXTS.len(),
        Of::Bytes => LENGTHS.len(),
        Of::One => 1,
    }
}

/// The most samples that any kind of value has.
pub(super) const MOST: usize = TEXTS.len();

fn fitting(of: Of) -> impl Iterator<Item = i128> {
    WHOLE.iter().copied().filter(move |number| match of {
        Of::Signed(bits) => (-1 << (bits - 1).min(126)..1 << (bits - 1).min(126)).contains(number),
        Of::Unsigned(bits) => *number >= 0 && (bits > 64 || *number < 1 << bits),
        _ => false,
    })
}

/// The whole number with this index.
pub(super) fn whole(of: Of, index: usize) -> i128 {
    fitting(of).nth(index).unwrap_or(1)
}

/// The number with a point with this index.
pub(super) fn real(index: usize) -> f64 {
    REAL.get(index).copied().unwrap_or(1.0)
}

/// The character with this index.
pub(super) fn character(index: usize) -> char {
    CHARS.get(index).copied().unwrap_or('a')
}

/// The text with this index.
pub(super) fn text(index: usize) -> &'static str {
    TEXTS.get(index).copied().unwrap_or("a")
}

/// The bytes with this index.
pub(super) fn bytes(index: usize) -> &'static [u8] {
    let length = LENGTHS.get(index).copied().unwrap_or(16);
    &ZEROS[..length]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_fit_into_their_types() {
        for bits in [8, 16, 32, 64, 128] {
            for of in [Of::Signed(bits), Of::Unsigned(bits)] {
                assert!(count(of) > 10);
                for index in 0..count(of) {
                    let number = whole(of, index);
                    let fits = match (of, bits) {
                        (Of::Signed(_), 8) => i8::try_from(number).is_ok(),
                        (Of::Signed(_), 16) => i16::try_from(number).is_ok(),
                        (Of::Signed(_), 32) => i32::try_from(number).is_ok(),
                        (Of::Unsigned(_), 8) => u8::try_from(number).is_ok(),
                        (Of::Unsigned(_), 16) => u16::try_from(number).is_ok(),
                        (Of::Unsigned(_), 32) => u32::try_from(number).is_ok(),
                        (Of::Unsigned(_), _) => u64::try_from(number).is_ok(),
                        (_, 64) => i64::try_from(number).is_ok(),
                        _ => true,
                    };
                    assert!(fits, "{number} as {of:?}");
                }
            }
        }
    }

    #[test]
    fn no_sample_stands_twice() {
        let mut texts = TEXTS.to_vec();
        texts.sort_unstable();
        texts.dedup();
        assert_eq!(texts.len(), TEXTS.len());
    }
}
