//! Durations, sizes and addresses as they stand in settings.

use std::time::Duration;

const DURATIONS: [(&str, u64); 5] =
    [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)];
const SIZES: [(&str, u64); 4] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];

/// A number and its unit.
fn parse(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let text = text.trim();
    let end = text.find(|letter: char| !letter.is_ascii_digit())?;
    let (number, unit) = text.split_at(end);
    let (_, factor) = units.iter().find(|(name, _)| *name == unit.trim_start())?;
    number.parse::<u64>().ok()?.checked_mul(*factor)
}

/// In the largest unit that it is a multiple of.
fn show(value: u64, units: &[(&str, u64)]) -> String {
    let (name, factor) = units
        .iter()
        .find(|(_, factor)| value >= *factor && value.is_multiple_of(*factor))
        .or(units.last())
        .expect("there are units");
    format!("{}{name}", value / factor)
}

/// # Errors
///
/// If it is none; the text says what is wanted.
pub(crate) fn parse_duration(text: &str) -> Result<Duration, String> {
    parse(text, &DURATIONS).map(Duration::from_millis).ok_or_else(|| {
        format!("{text:?} is no duration; wanted is a whole number with ms, s, m, h or d, such as \"500ms\" or \"2s\"")
    })
}

fn parse_size(text: &str) -> Result<usize, String> {
    // What comes from the environment may be a number in quotes.
    let bytes = parse(text, &SIZES).or_else(|| text.trim().parse().ok());
    bytes.and_then(|bytes| usize::try_from(bytes).ok()).ok_or_else(|| {
        format!("{text:?} is no size; wanted is a whole number of bytes, or one with KiB, MiB or GiB, such as \"4KiB\"")
    })
}

/// Durations, as `"2s"`.
pub(super) mod duration {
    use std::{fmt, time::Duration};

    use serde::{Deserializer, Serializer, de};

    pub(in crate::server::settings) fn serialize<S: Serializer>(
        duration: &Duration,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        to.serialize_str(&super::show(millis, &super::DURATIONS))
    }

    pub(in crate::server::settings) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Duration, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Duration;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a duration with its unit, such as \"500ms\" or \"2s\"")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Duration, E> {
                super::parse_duration(text).map_err(E::custom)
            }
        }
        from.deserialize_str(Visitor)
    }
}

/// Sizes, as `"4KiB"` or `4096`.
pub(super) mod size {
    use std::fmt;

    use serde::{Deserializer, Serializer, de};

    pub(in crate::server::settings) fn serialize<S: Serializer>(
        bytes: &usize,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        to.serialize_str(&super::show(*bytes as u64, &super::SIZES))
    }

    pub(in crate::server::settings) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<usize, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = usize;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a size, such as \"4KiB\" or 4096")
            }

            fn visit_u64<E: de::Error>(self, bytes: u64) -> Result<usize, E> {
                usize::try_from(bytes).map_err(E::custom)
            }

            fn visit_i64<E: de::Error>(self, bytes: i64) -> Result<usize, E> {
                usize::try_from(bytes).map_err(|_| E::invalid_value(de::Unexpected::Signed(bytes), &self))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<usize, E> {
                super::parse_size(text).map_err(E::custom)
            }
        }
        from.deserialize_any(Visitor)
    }
}

/// Addresses to listen on, or `"off"`.
pub(super) mod address {
    use std::{fmt, net::SocketAddr};

    use serde::{Deserializer, Serializer, de};

    const OFF: &str = "off";

    pub(in crate::server::settings) fn serialize<S: Serializer>(
        address: &Option<SocketAddr>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        match address {
            Some(address) => to.collect_str(address),
            None => to.serialize_str(OFF),
        }
    }

    pub(in crate::server::settings) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<SocketAddr>, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Option<SocketAddr>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an address with its port, such as \"127.0.0.1:7117\", or \"off\"")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
                if text == OFF {
                    return Ok(None);
                }
                text.parse().map(Some).map_err(|_| E::invalid_value(de::Unexpected::Str(text), &self))
            }
        }
        from.deserialize_str(Visitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_and_sizes_are_read_and_shown_in_their_units() {
        let of = |millis| Ok(Duration::from_millis(millis));
        assert_eq!(
            ["500ms", "2s", "5 m", "1h", "30d", "0s"].map(parse_duration),
            [of(500), of(2000), of(300_000), of(3_600_000), of(2_592_000_000), of(0)]
        );
        assert_eq!(["4KiB", "7B", "12", "3 MiB"].map(parse_size), [Ok(4096), Ok(7), Ok(12), Ok(3 << 20)]);
        for wrong in
            ["", "2", "s", "-2s", "2.5s", "2 parsecs", "99999999999999999999d", "18446744073709551615d"]
        {
            assert!(parse_duration(wrong).is_err_and(|why| why.contains("wanted")), "{wrong}");
        }
        for wrong in ["", "KiB", "4KB", "-1", "1.5MiB", "18446744073709551615GiB"] {
            assert!(parse_size(wrong).is_err_and(|why| why.contains("wanted")), "{wrong}");
        }
        let shown = [0, 1, 1500, 120_000, 86_400_000].map(|millis| show(millis, &DURATIONS));
        assert_eq!(shown, ["0ms", "1ms", "1500ms", "2m", "1d"]);
        assert_eq!(
            [0, 4096, 4097, 1 << 30].map(|bytes| show(bytes, &SIZES)),
            ["0B", "4KiB", "4097B", "1GiB"]
        );
    }
}
