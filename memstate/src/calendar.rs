//! Dates and times of day, to and from text.
//!
//! By hand and not with a library: it is three forms of one notation on the calendar that [`Timestamp`] prints with
//! anyway, and a library of time zones would be the largest dependency of the default feature set.

use crate::Timestamp;

const MICROS_PER_SECOND: i64 = 1_000_000;
const SECONDS_PER_DAY: i64 = 86_400;

/// The date that is `days` after 1970-01-01 in the Gregorian calendar.
///
/// The method is Howard Hinnant's "chrono-Compatible Low-Level Date Algorithms": count in eras of 400 years that
/// begin in March, so that the leap day is a year's last.
pub(crate) fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// How many days a date is after 1970-01-01: the inverse of [`civil_from_days`].
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let month_from_march = (month + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

fn days_in_month(year: i64, month: i64) -> i64 {
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 => 28 + i64::from(is_leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Reads a date, a date with a time of day, or one with a zone too. The error says what is wrong.
pub(crate) fn parse(text: &str) -> Result<Timestamp, String> {
    let mut rest = Rest(text);
    let day = date(&mut rest)?;
    if rest.is_empty() {
        return Ok(Timestamp::from_micros(day * SECONDS_PER_DAY * MICROS_PER_SECOND));
    }
    if !rest.take_any(['T', 't', ' ']) {
        return Err("after the date comes `T` or a space, and the time of day".to_owned());
    }
    let (second_of_day, micros, is_leap_second) = time_of_day(&mut rest)?;
    let offset = zone(&mut rest)?;
    let seconds = day * SECONDS_PER_DAY + second_of_day - offset;
    if is_leap_second && seconds.rem_euclid(SECONDS_PER_DAY) != 0 {
        return Err("a second 60 is only the last one of a day in UTC".to_owned());
    }
    Ok(Timestamp::from_micros(seconds * MICROS_PER_SECOND + micros))
}

/// Days since 1970-01-01.
fn date(rest: &mut Rest<'_>) -> Result<i64, String> {
    const FORM: &str = "it does not begin with a date of four, two and two digits";
    let year = rest.digits(4).ok_or(FORM)?;
    let month = rest.after('-').and_then(|rest| rest.digits(2)).ok_or(FORM)?;
    let day = rest.after('-').and_then(|rest| rest.digits(2)).ok_or(FORM)?;
    if !(1..=12).contains(&month) {
        return Err(format!("there is no month {month}"));
    }
    let last = days_in_month(year, month);
    if !(1..=last).contains(&day) {
        return Err(format!("{year:04}-{month:02} has the days 1 to {last}, and no {day}"));
    }
    Ok(days_from_civil(year, month, day))
}

/// The second of the day, the microseconds after it, and whether it is a leap second.
fn time_of_day(rest: &mut Rest<'_>) -> Result<(i64, i64, bool), String> {
    const FORM: &str =
        "the time of day is hours and minutes of two digits with a `:` between, and perhaps seconds";
    let hour = rest.digits(2).ok_or(FORM)?;
    let minute = rest.after(':').and_then(|rest| rest.digits(2)).ok_or(FORM)?;
    let (mut second, mut micros) = (0, 0);
    if let Some(rest) = rest.after(':') {
        second = rest.digits(2).ok_or(FORM)?;
        if let Some(rest) = rest.after('.') {
            micros = rest.fraction().ok_or("there are no digits after the point")?;
        }
    }
    match (hour, minute, second) {
        (24.., ..) => Err(format!("there is no hour {hour}")),
        (_, 60.., _) => Err(format!("there is no minute {minute}")),
        (.., 61..) => Err(format!("there is no second {second}")),
        _ => Ok((hour * 3600 + minute * 60 + second, micros, second == 60)),
    }
}

/// How many seconds the zone is ahead of UTC, which is what it is without one.
fn zone(rest: &mut Rest<'_>) -> Result<i64, String> {
    const FORM: &str = "after the time of day comes nothing, `Z`, or an offset such as `+01:00`";
    if rest.is_empty() {
        return Ok(0);
    }
    rest.take_any([' ']);
    if rest.take_any(['Z', 'z']) {
        return if rest.is_empty() { Ok(0) } else { Err(FORM.to_owned()) };
    }
    let sign = match (rest.take_any(['+']), rest.take_any(['-'])) {
        (true, false) => 1,
        (false, true) => -1,
        _ => return Err(FORM.to_owned()),
    };
    let hours = rest.digits(2).ok_or(FORM)?;
    let minutes = match rest.is_empty() {
        true => 0,
        false => {
            rest.take_any([':']);
            rest.digits(2).filter(|_| rest.is_empty()).ok_or(FORM)?
        }
    };
    if hours > 23 || minutes > 59 {
        return Err(format!("there is no offset of {hours:02}:{minutes:02}"));
    }
    Ok(sign * (hours * 3600 + minutes * 60))
}

/// What is still to be read.
struct Rest<'a>(&'a str);

impl Rest<'_> {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn take_any<const N: usize>(&mut self, any: [char; N]) -> bool {
        let rest = self.0.strip_prefix(any);
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }

    fn after(&mut self, mark: char) -> Option<&mut Self> {
        self.take_any([mark]).then_some(self)
    }

    /// A number of exactly `count` digits.
    fn digits(&mut self, count: usize) -> Option<i64> {
        let digits = self.0.get(..count).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))?;
        self.0 = &self.0[count..];
        digits.parse().ok()
    }

    /// Microseconds from any number of digits after the point; what is finer is cut off.
    fn fraction(&mut self) -> Option<i64> {
        let length = self.0.bytes().take_while(u8::is_ascii_digit).count();
        let digits = self.0[..length].bytes().chain(std::iter::repeat(b'0')).take(6);
        let micros = digits.fold(0, |micros, digit| micros * 10 + i64::from(digit - b'0'));
        self.0 = &self.0[length..];
        (length > 0).then_some(micros)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(text: &str) -> String {
        parse(text).unwrap_or_else(|why| panic!("{text}: {why}")).to_string()
    }

    #[test]
    fn a_date_alone_is_its_first_moment_in_utc() {
        assert_eq!(shown("2013-02-08"), "2013-02-08T00:00:00.000000Z");
        assert_eq!(shown("1970-01-01"), "1970-01-01T00:00:00.000000Z");
        assert_eq!(shown("0000-03-01"), "0000-03-01T00:00:00.000000Z");
        assert_eq!(shown("9999-12-31"), "9999-12-31T00:00:00.000000Z");
    }

    #[test]
    fn times_of_day_are_read_with_and_without_seconds_and_fractions() {
        for (text, expected) in [
            ("2013-02-08 17:05", "2013-02-08T17:05:00.000000Z"),
            ("2013-02-08T17:05:30", "2013-02-08T17:05:30.000000Z"),
            ("2013-02-08t17:05:30.5z", "2013-02-08T17:05:30.500000Z"),
            ("2013-02-08T17:05:30.123456789Z", "2013-02-08T17:05:30.123456Z"),
            ("2013-02-08T17:05Z", "2013-02-08T17:05:00.000000Z"),
        ] {
            assert_eq!(shown(text), expected);
        }
    }

    #[test]
    fn an_offset_is_taken_off() {
        for text in [
            "2013-02-09T00:05:00+07:00",
            "2013-02-08T10:05-07",
            "2013-02-08 22:50:00 +0545",
            "2013-02-08T17:05:00-00:00",
        ] {
            assert_eq!(shown(text), "2013-02-08T17:05:00.000000Z", "{text}");
        }
    }

    #[test]
    fn days_are_checked_against_the_calendar() {
        assert_eq!(shown("2000-02-29"), "2000-02-29T00:00:00.000000Z");
        assert_eq!(shown("2012-02-29"), "2012-02-29T00:00:00.000000Z");
        for text in ["2013-02-29", "1900-02-29", "2013-04-31", "2013-13-01", "2013-00-01", "2013-01-00"] {
            assert!(parse(text).is_err(), "{text}");
        }
        assert_eq!(parse("2013-02-29").unwrap_err(), "2013-02 has the days 1 to 28, and no 29");
    }

    #[test]
    fn a_leap_second_is_the_last_of_a_day_in_utc() {
        assert_eq!(shown("2016-12-31T23:59:60Z"), "2017-01-01T00:00:00.000000Z");
        assert_eq!(shown("2017-01-01T05:29:60+05:30"), "2017-01-01T00:00:00.000000Z");
        assert!(parse("2016-12-31T12:00:60Z").is_err());
    }

    #[test]
    fn what_is_no_time_is_refused_with_the_reason() {
        for text in [
            "",
            "x",
            "2013",
            "13-02-08",
            "2013-2-8",
            "2013/02/08",
            "+013-02-08",
            "2013-02-08T",
            "2013-02-08 ",
            "2013-02-08T1:05",
            "2013-02-08T17",
            "2013-02-08T24:00",
            "2013-02-08T17:60",
            "2013-02-08T17:05:61",
            "2013-02-08T17:05:30.",
            "2013-02-08T17:05:30,5",
            "2013-02-08T17:05 ",
            "2013-02-08T17:05X",
            "2013-02-08T17:05ZZ",
            "2013-02-08T17:05+1",
            "2013-02-08T17:05+24:00",
            "2013-02-08T17:05+01:00x",
            "2013-02-08T17:05+-1:00",
            "2013-02-08Z",
            "２０１３-02-08",
            "2013-02-0é",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_printed_is_read(micros in -62_167_219_200_000_000i64..253_402_300_800_000_000) {
            let time = Timestamp::from_micros(micros);
            prop_assert_eq!(parse(&time.to_string()), Ok(time));
        }

        #[test]
        fn every_day_has_one_date(days in -1_000_000i64..3_000_000) {
            let (year, month, day) = civil_from_days(days);
            prop_assert_eq!(days_from_civil(year, month, day), days);
            prop_assert!((1..=days_in_month(year, month)).contains(&day));
        }

        #[test]
        fn no_text_panics(text in "[0-9TtZz :.+-]{0,30}|.{0,30}") {
            let _ = parse(&text);
        }
    }
}
