//! [`Position`] and [`Timestamp`]: where and when.

use std::{
    fmt,
    str::FromStr,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde::{Deserialize, Serialize};

use crate::{
    calendar,
    state::{State, by_copy},
};

/// A record's number in the journal. The first command has 1; there are no gaps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Position(u64);

impl Position {
    /// Before the first record.
    pub const START: Position = Position(0);

    /// The position with this number.
    pub const fn new(number: u64) -> Self {
        Position(number)
    }

    /// The number.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The position after this one. Nothing comes after `u64::MAX`, which no journal reaches but anybody can write.
    pub const fn next(self) -> Self {
        self.plus(1)
    }

    /// The position `count` further, at most `u64::MAX`.
    pub const fn plus(self, count: u64) -> Self {
        Position(self.0.saturating_add(count))
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl From<u64> for Position {
    fn from(number: u64) -> Self {
        Position(number)
    }
}

/// A moment, in microseconds since 1970-01-01 00:00 UTC: what `Ctx::now` gives.
///
/// Times of records never go backwards, whatever the machine's clock does.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
// Not only `Timestamp`, so that no type of a user's is taken for it; see `Timestamp::NAME`.
#[serde(rename = "memstate::Timestamp")]
pub struct Timestamp(i64);

impl Timestamp {
    /// As what it is written down in a schema: no type of Rust is called so by itself.
    pub(crate) const NAME: &str = "memstate::Timestamp";

    /// Before the first record, whenever that was.
    pub(crate) const BEFORE_ALL: Timestamp = Timestamp(i64::MIN);

    /// The moment this many microseconds after 1970-01-01 00:00 UTC.
    pub const fn from_micros(micros: i64) -> Self {
        Timestamp(micros)
    }

    /// Microseconds since 1970-01-01 00:00 UTC.
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// Whole seconds since 1970-01-01 00:00 UTC, rounded down.
    pub const fn as_secs(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// The time that has passed since `earlier`; zero if `earlier` is later.
    pub fn since(self, earlier: Timestamp) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0).max(0) as u64)
    }

    /// The machine's clock.
    pub(crate) fn of_the_clock() -> Self {
        SystemTime::now().into()
    }
}

impl std::ops::Add<Duration> for Timestamp {
    type Output = Timestamp;
    fn add(self, duration: Duration) -> Timestamp {
        Timestamp(self.0.saturating_add(i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)))
    }
}

impl std::ops::Sub<Duration> for Timestamp {
    type Output = Timestamp;
    fn sub(self, duration: Duration) -> Timestamp {
        Timestamp(self.0.saturating_sub(i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)))
    }
}

impl From<SystemTime> for Timestamp {
    fn from(time: SystemTime) -> Self {
        let micros = |duration: Duration| i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
        match time.duration_since(UNIX_EPOCH) {
            Ok(after) => Timestamp(micros(after)),
            Err(before) => Timestamp(-micros(before.duration())),
        }
    }
}

impl From<Timestamp> for SystemTime {
    fn from(time: Timestamp) -> Self {
        let micros = Duration::from_micros(time.0.unsigned_abs());
        if time.0 < 0 { UNIX_EPOCH - micros } else { UNIX_EPOCH + micros }
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// As RFC 3339 in UTC, such as `2013-02-08T17:05:00.000000Z`.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let days = self.0.div_euclid(86_400_000_000);
        let micros = self.0.rem_euclid(86_400_000_000);
        let (year, month, day) = calendar::civil_from_days(days);
        let seconds = micros / 1_000_000;
        write!(
            f,
            "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}.{:06}Z",
            seconds / 3600,
            seconds / 60 % 60,
            seconds % 60,
            micros % 1_000_000
        )
    }
}

/// The text is not a time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is not a time: {why}. Write it like `2013-02-08`, `2013-02-08 17:05` or `2013-02-08T17:05:30.5+01:00`"
)]
pub struct InvalidTimestamp {
    text: String,
    why: String,
}

/// Reads RFC 3339 and what is near to it: `2013-02-08T17:05:30.5Z`, with an offset such as `+01:00` or `-0700` instead
/// of the `Z`, with a space or a lower-case letter instead of the `T`, without seconds, or a date alone, which is its
/// first moment. Without a zone it is UTC. What is finer than a microsecond is cut off.
impl FromStr for Timestamp {
    type Err = InvalidTimestamp;

    fn from_str(text: &str) -> Result<Self, InvalidTimestamp> {
        calendar::parse(text).map_err(|why| InvalidTimestamp { text: text.to_owned(), why })
    }
}

impl TryFrom<&str> for Timestamp {
    type Error = InvalidTimestamp;

    fn try_from(text: &str) -> Result<Self, InvalidTimestamp> {
        text.parse()
    }
}

by_copy!(Position, Timestamp);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_comes_after_the_last_position() {
        let last = Position::new(u64::MAX);
        assert_eq!(last.next(), last);
        assert_eq!(Position::new(u64::MAX - 3).plus(17), last);
        assert_eq!(Position::START.next().plus(2), Position::new(3));
    }

    #[test]
    fn timestamps_print_as_rfc_3339() {
        assert_eq!(Timestamp::from_micros(0).to_string(), "1970-01-01T00:00:00.000000Z");
        assert_eq!(Timestamp::from_micros(1_360_343_100_000_001).to_string(), "2013-02-08T17:05:00.000001Z");
        assert_eq!(Timestamp::from_micros(951_782_400_000_000).to_string(), "2000-02-29T00:00:00.000000Z");
        assert_eq!(Timestamp::from_micros(-1).to_string(), "1969-12-31T23:59:59.999999Z");
    }

    #[test]
    fn a_text_that_is_no_time_is_refused_with_an_example() {
        assert_eq!("2013-02-08".parse(), Ok(Timestamp::from_micros(1_360_281_600_000_000)));
        let error = "yesterday".parse::<Timestamp>().unwrap_err().to_string();
        assert!(
            error.starts_with("`yesterday` is not a time: ") && error.contains("`2013-02-08`"),
            "{error}"
        );
    }

    #[test]
    fn timestamps_survive_the_way_through_system_time() {
        for micros in [-62_135_596_800_000_000, -1, 0, 1, 1_360_343_100_000_001] {
            let time = Timestamp::from_micros(micros);
            assert_eq!(Timestamp::from(SystemTime::from(time)), time);
        }
    }
}
