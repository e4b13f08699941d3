//! [`When`] and [`Span`]: how a moment and a stretch of the past are named.

use std::{
    ops::{Bound, Range, RangeFrom, RangeFull, RangeInclusive, RangeTo, RangeToInclusive},
    str::FromStr,
    time::{Duration, SystemTime},
};

use crate::{Position, Timestamp, position::InvalidTimestamp};

/// A moment of the past: after a position, or at a time.
///
/// It is made from a [`Position`] or a `u64`, from a [`Timestamp`] or a [`SystemTime`], and from text: digits alone are a
/// position, everything else is read as a [`Timestamp`] is. Text that is neither becomes [`When::Unknown`], which
/// is refused where it is used; to have the error at once, use `parse`.
///
/// A date alone, `"2013-02-08"`, is a day in UTC. The state as of a day is that after everything of the day, so it is that
/// at its end. In a [`Span`] a day stands for all of it.
///
/// ```
/// use memstate::{Position, Timestamp, When};
///
/// assert_eq!(When::from(4711), When::Position(Position::new(4711)));
/// assert_eq!(When::from("4711"), When::Position(Position::new(4711)));
/// assert_eq!(When::from("1970-01-01 00:01"), When::Time(Timestamp::from_micros(60_000_000)));
/// assert_eq!(When::from("1970-01-02"), When::Day(Timestamp::from_micros(86_400_000_000)));
/// assert!("tomorrow".parse::<When>().is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum When {
    /// After the record at this position.
    Position(Position),
    /// After the last record whose time is at or before this one.
    Time(Timestamp),
    /// After the last record of the day that begins then.
    Day(Timestamp),
    /// Text that is neither.
    Unknown(InvalidTimestamp),
}

impl FromStr for When {
    type Err = InvalidTimestamp;

    fn from_str(text: &str) -> Result<Self, InvalidTimestamp> {
        let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        match text.parse::<u64>() {
            Ok(number) if is_number => Ok(When::Position(Position::new(number))),
            // A date has this many characters, and everything that goes on has more.
            _ if text.len() == DATE_CHARS => text.parse().map(When::Day),
            _ => text.parse().map(When::Time),
        }
    }
}

const DATE_CHARS: usize = "2013-02-08".len();

/// The last moment of the day that begins at `day`: the one before the next day's first.
pub(crate) fn end_of_day(day: Timestamp) -> Timestamp {
    just_before(day + Duration::from_secs(86_400))
}

/// The moment before this one.
pub(crate) fn just_before(time: Timestamp) -> Timestamp {
    Timestamp::from_micros(time.as_micros().saturating_sub(1))
}

impl From<&str> for When {
    fn from(text: &str) -> Self {
        text.parse().unwrap_or_else(When::Unknown)
    }
}

impl From<String> for When {
    fn from(text: String) -> Self {
        text.as_str().into()
    }
}

impl From<&String> for When {
    fn from(text: &String) -> Self {
        text.as_str().into()
    }
}

impl From<Position> for When {
    fn from(position: Position) -> Self {
        When::Position(position)
    }
}

impl From<u64> for When {
    fn from(position: u64) -> Self {
        When::Position(position.into())
    }
}

impl From<Timestamp> for When {
    fn from(time: Timestamp) -> Self {
        When::Time(time)
    }
}

impl From<SystemTime> for When {
    fn from(time: SystemTime) -> Self {
        When::Time(time.into())
    }
}

/// A stretch of the past: any range of what [`When`] is made from, such as `..`, `1..=100`, `position..` or
/// `"2013-02-08".."2013-02-09"`.
///
/// A bound that is a position means that record. A bound that is a time means the records of that time, and one that is a date
/// alone all records of that day: `"2013-02-08".."2013-02-09"` is the 8th of February, and `..="2013-02-08"` ends with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    pub(crate) from: Bound<When>,
    pub(crate) to: Bound<When>,
}

impl From<RangeFull> for Span {
    fn from(_: RangeFull) -> Self {
        Span { from: Bound::Unbounded, to: Bound::Unbounded }
    }
}

impl<T: Into<When>> From<Range<T>> for Span {
    fn from(range: Range<T>) -> Self {
        Span { from: Bound::Included(range.start.into()), to: Bound::Excluded(range.end.into()) }
    }
}

impl<T: Into<When>> From<RangeFrom<T>> for Span {
    fn from(range: RangeFrom<T>) -> Self {
        Span { from: Bound::Included(range.start.into()), to: Bound::Unbounded }
    }
}

impl<T: Into<When>> From<RangeTo<T>> for Span {
    fn from(range: RangeTo<T>) -> Self {
        Span { from: Bound::Unbounded, to: Bound::Excluded(range.end.into()) }
    }
}

impl<T: Into<When>> From<RangeInclusive<T>> for Span {
    fn from(range: RangeInclusive<T>) -> Self {
        let (start, end) = range.into_inner();
        Span { from: Bound::Included(start.into()), to: Bound::Included(end.into()) }
    }
}

impl<T: Into<When>> From<RangeToInclusive<T>> for Span {
    fn from(range: RangeToInclusive<T>) -> Self {
        Span { from: Bound::Unbounded, to: Bound::Included(range.end.into()) }
    }
}

impl<T: Into<When>> From<(Bound<T>, Bound<T>)> for Span {
    fn from((from, to): (Bound<T>, Bound<T>)) -> Self {
        Span { from: from.map(Into::into), to: to.map(Into::into) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_a_position_and_everything_else_a_time() {
        assert_eq!("007".parse(), Ok(When::Position(Position::new(7))));
        assert_eq!(When::from("1970-01-02"), When::Day(Timestamp::from_micros(86_400_000_000)));
        assert_eq!(
            When::from("1970-01-02 00:00"),
            When::Time(Timestamp::from_micros(86_400_000_000)),
            "with a time of day it is that moment"
        );
        for wrong in ["", "+7", "99999999999999999999", "seven", "1970-02-30"] {
            assert!(wrong.parse::<When>().is_err(), "{wrong}");
            assert!(matches!(When::from(wrong), When::Unknown(_)), "{wrong}");
        }
    }

    #[test]
    fn every_kind_of_range_is_a_span() {
        let at = |number: u64| When::Position(Position::new(number));
        for (span, from, to) in [
            (Span::from(..), Bound::Unbounded, Bound::Unbounded),
            (Span::from(1..3), Bound::Included(at(1)), Bound::Excluded(at(3))),
            (Span::from(1..=3), Bound::Included(at(1)), Bound::Included(at(3))),
            (Span::from(Position::new(2)..), Bound::Included(at(2)), Bound::Unbounded),
            (Span::from(.."3"), Bound::Unbounded, Bound::Excluded(at(3))),
            (Span::from(..=3), Bound::Unbounded, Bound::Included(at(3))),
        ] {
            assert_eq!(span, Span { from, to });
        }
    }
}
