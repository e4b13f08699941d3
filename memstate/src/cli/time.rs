//! Times, as they are typed.

use crate::Timestamp;

const SECOND: i64 = 1_000_000;

/// Reads RFC 3339, also without the parts that are usually plain: `2013-02-08`, `2013-02-08T17:05`, `2013-02-08 17:05:00Z`.
/// What says no zone is UTC.
pub(super) fn parse_timestamp(text: &str) -> Result<Timestamp, String> {
    parse(text.trim()).ok_or_else(|| {
        format!(
            "`{text}` is no time; write it as 2013-02-08, 2013-02-08T17:05Z or 2013-02-08T17:05:00.25+01:00"
        )
    })
}

fn parse(text: &str) -> Option<Timestamp> {
    let (date, rest) = match text.split_once(['T', 't', ' ']) {
        Some((date, rest)) => (date, Some(rest)),
        None => (text, None),
    };
    let days = days_of(date)?;
    let micros = rest.map_or(Some(0), time_of_day)?;
    days.checked_mul(86_400 * SECOND)?.checked_add(micros).map(Timestamp::from_micros)
}

/// Days since 1970-01-01 of `2013-02-08`.
fn days_of(date: &str) -> Option<i64> {
    let mut parts = date.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || year.len() != 4 {
        return None;
    }
    let (year, month, day) = (digits(year)?, two(month)?, two(day)?);
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = match month {
        2 if is_leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if !(1..=length).contains(&day) {
        return None;
    }
    // Years begin in March here, so that the leap day is the last of its year.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let before_year = year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    Some(before_year + (153 * month + 2) / 5 + day - 1 - 719_468)
}

/// Microseconds of `17:05`, `17:05:00.25Z` or `17:05+01:00`, less the zone.
fn time_of_day(text: &str) -> Option<i64> {
    let (time, zone) = match text.find(['Z', 'z', '+', '-']) {
        Some(at) => text.split_at(at),
        None => (text, ""),
    };
    let (whole, fraction) = time.split_once('.').unwrap_or((time, ""));
    let mut parts = whole.split(':');
    let (hours, minutes) = (two(parts.next()?)?, two(parts.next()?)?);
    let seconds = parts.next().map(two);
    if parts.next().is_some() || seconds.is_none() && !fraction.is_empty() {
        return None;
    }
    let seconds = seconds.unwrap_or(Some(0))?;
    if hours > 23 || minutes > 59 || seconds > 59 || time.ends_with('.') {
        return None;
    }
    let fraction = match fraction {
        "" => 0,
        text => digits(text.get(..6).unwrap_or(text))? * 10i64.pow(6 - text.len().min(6) as u32),
    };
    Some((hours * 3600 + minutes * 60 + seconds) * SECOND + fraction - offset(zone)?)
}

fn offset(zone: &str) -> Option<i64> {
    let sign = match zone.chars().next() {
        None | Some('Z' | 'z') if zone.len() <= 1 => return Some(0),
        Some('+') => 1,
        Some('-') => -1,
        _ => return None,
    };
    let (hours, minutes) = zone[1..].split_once(':')?;
    let (hours, minutes) = (two(hours)?, two(minutes)?);
    (hours < 24 && minutes < 60).then_some(sign * (hours * 3600 + minutes * 60) * SECOND)
}

fn two(text: &str) -> Option<i64> {
    if text.len() == 2 { digits(text) } else { None }
}

fn digits(text: &str) -> Option<i64> {
    let are_digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if are_digits { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_they_are_printed_and_shorter() {
        for (text, printed) in [
            ("2013-02-08", "2013-02-08T00:00:00.000000Z"),
            ("2013-02-08T17:05Z", "2013-02-08T17:05:00.000000Z"),
            ("2013-02-08 17:05:09", "2013-02-08T17:05:09.000000Z"),
            ("2013-02-08T17:05:00.25+01:00", "2013-02-08T16:05:00.250000Z"),
            ("2000-02-29T00:00:00.000001-00:30", "2000-02-29T00:30:00.000001Z"),
            ("1969-12-31T23:59:59.9999999Z", "1969-12-31T23:59:59.999999Z"),
            ("0001-01-01", "0001-01-01T00:00:00.000000Z"),
        ] {
            assert_eq!(parse_timestamp(text).unwrap().to_string(), printed, "{text}");
        }
        for wrong in [
            "",
            "x",
            "2013",
            "2013-02",
            "2013-02-29",
            "2013-13-01",
            "2013-00-01",
            "2013-1-1",
            "2013-02-08T",
            "2013-02-08T17",
            "2013-02-08T24:00",
            "2013-02-08T17:05:",
            "2013-02-08T17:05:00.",
            "2013-02-08T17:05+1",
            "2013-02-08T17:05Zx",
            "-013-02-08",
            "2013-02-08T17:05.5",
            "2013-02-08Tä",
        ] {
            assert!(parse_timestamp(wrong).is_err(), "{wrong:?}");
        }
    }
}
