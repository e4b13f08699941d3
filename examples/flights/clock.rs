//! [`Moment`], the clocks of the airports in 2013, and [`Calendar`], the clock of the journal.

use std::{
    fmt,
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use memstate::Timestamp;

/// The minutes of a day.
pub const DAY: i32 = 24 * 60;

/// The first day of each month in 2013, counted from the first of January.
const MONTHS: [i32; 13] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365];

/// Summer time in the United States, in minutes of the year by a clock that is never put forward: from 10 March, 2:00,
/// to 3 November, 1:00.
const SUMMER: Range<i32> = (day(3, 10) * DAY + 2 * 60)..(day(11, 3) * DAY + 60);

const fn day(month: usize, day: i32) -> i32 {
    MONTHS[month - 1] + day - 1
}

/// The number of a date such as `07-04` in 2013, counted from the first of January.
pub fn parse_day(date: &str) -> Option<i32> {
    let (month, day) = date.split_once('-')?;
    let (month, day) = (month.parse::<usize>().ok()?, day.parse::<i32>().ok()?);
    let first = *MONTHS.get(month.checked_sub(1)?)?;
    let number = first + day - 1;
    (first..*MONTHS.get(month)?).contains(&number).then_some(number)
}

/// A moment, in minutes since 2013-01-01 00:00 UTC. It prints as a clock in New York shows it.
#[memstate::data]
#[derive(Debug, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(pub i32);

impl Moment {
    /// The moment this many minutes later; earlier if negative.
    pub fn plus(self, minutes: i32) -> Self {
        Moment(self.0 + minutes)
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let local = Zone::NEW_YORK.local(*self);
        let (number, minute) = (local.div_euclid(DAY), local.rem_euclid(DAY));
        // What is in the air on New Year's Eve lands in 2014.
        let number = number.rem_euclid(MONTHS[12]);
        let month = MONTHS.partition_point(|&first| first <= number);
        let text =
            format!("{month:02}-{:02} {:02}:{:02}", number - MONTHS[month - 1] + 1, minute / 60, minute % 60);
        f.pad(&text)
    }
}

/// How the clocks of a place are set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Zone {
    /// Minutes that its standard time is ahead of UTC.
    pub standard: i32,
    /// Whether it has the summer time of the United States.
    pub summer_time: bool,
}

impl Zone {
    /// The zone of the three airports that all flights leave from.
    pub const NEW_YORK: Zone = Zone { standard: -5 * 60, summer_time: true };
    /// The zone of Puerto Rico and the Virgin Islands.
    pub const ATLANTIC: Zone = Zone { standard: -4 * 60, summer_time: false };

    /// The minutes of the year that a clock here shows.
    pub fn local(self, moment: Moment) -> i32 {
        moment.0 + self.offset(moment)
    }

    /// The moment at which a clock here shows `minute` on `day`; the earlier one in the hour that comes twice.
    pub fn moment(self, day: i32, minute: i32) -> Moment {
        let standard = Moment(day * DAY + minute - self.standard);
        let summer = standard.plus(-60);
        if self.offset(summer) == self.standard { standard } else { summer }
    }

    /// The first moment, from `from` on, at which a clock here shows `minute` of a day.
    pub fn next(self, from: Moment, minute: i32) -> Moment {
        let then = from.plus((minute - self.local(from)).rem_euclid(DAY));
        // The clock may have been put forward or back in between.
        then.plus(self.offset(from) - self.offset(then))
    }

    fn offset(self, moment: Moment) -> i32 {
        let summer = self.summer_time && SUMMER.contains(&(moment.0 + self.standard));
        self.standard + if summer { 60 } else { 0 }
    }
}

/// 2013-01-01 00:00 UTC, in seconds since 1970.
const NEW_YEAR_S: i64 = 1_356_998_400;

/// What day it is in the log, for the time of the records: so that the journal can be asked what was known on that day.
#[derive(Debug, Clone, Default)]
pub struct Calendar {
    /// In minutes since 2013-01-01 00:00 UTC.
    day: Arc<AtomicI64>,
}

impl Calendar {
    /// Whether a moment is on the day that it shows, by New York's clock.
    pub fn shows(&self, at: Moment) -> bool {
        self.day.load(Ordering::Relaxed) == Calendar::first_minute(at)
    }

    /// Turns the leaf to the day of a moment.
    pub fn turn(&self, at: Moment) {
        self.day.store(Calendar::first_minute(at), Ordering::Relaxed);
    }

    /// When the day that it shows began in New York.
    pub fn time(&self) -> Timestamp {
        Timestamp::from_micros((NEW_YEAR_S + self.day.load(Ordering::Relaxed) * 60) * 1_000_000)
    }

    fn first_minute(at: Moment) -> i64 {
        let day = Zone::NEW_YORK.local(at).div_euclid(DAY);
        Zone::NEW_YORK.moment(day, 0).0.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_calendar_shows_a_day_of_new_york() {
        let calendar = Calendar::default();
        let evening = Zone::NEW_YORK.moment(parse_day("02-08").unwrap(), 23 * 60);
        calendar.turn(evening);
        assert!(
            calendar.shows(evening) && calendar.shows(evening.plus(59)) && !calendar.shows(evening.plus(60))
        );
        assert_eq!(calendar.time().to_string(), "2013-02-08T05:00:00.000000Z");
    }

    #[test]
    fn dates_are_days_of_2013() {
        assert_eq!(parse_day("01-01"), Some(0));
        assert_eq!(parse_day("12-31"), Some(364));
        for date in ["02-29", "13-01", "00-01", "01-00", "1", "a-b", ""] {
            assert_eq!(parse_day(date), None, "{date}");
        }
    }

    #[test]
    fn new_york_is_four_hours_behind_in_summer_and_five_in_winter() {
        assert_eq!(Zone::NEW_YORK.moment(0, 0), Moment(5 * 60));
        let july = parse_day("07-04").unwrap();
        assert_eq!(Zone::NEW_YORK.moment(july, 0), Moment(july * DAY + 4 * 60));
        assert_eq!(Zone::NEW_YORK.moment(july, 17 * 60 + 5).to_string(), "07-04 17:05");
    }

    #[test]
    fn the_clock_is_put_forward_in_march_and_back_in_november() {
        let march = parse_day("03-10").unwrap();
        let before = Zone::NEW_YORK.moment(march, 119);
        assert_eq!(before.plus(1), Zone::NEW_YORK.moment(march, 180));
        assert_eq!(before.plus(1).to_string(), "03-10 03:00");

        let november = parse_day("11-03").unwrap();
        let before = Zone::NEW_YORK.moment(november, 119);
        assert_eq!(before.plus(1).to_string(), "11-03 01:00");
        assert_eq!(before.plus(61), Zone::NEW_YORK.moment(november, 120));
    }

    #[test]
    fn the_next_time_that_a_clock_shows_a_minute_may_be_tomorrow() {
        let los_angeles = Zone { standard: -8 * 60, summer_time: true };
        let evening = Zone::NEW_YORK.moment(0, 23 * 60);
        assert_eq!(los_angeles.next(evening, 20 * 60), evening);
        assert_eq!(los_angeles.next(evening, 60), evening.plus(5 * 60));
        assert_eq!(los_angeles.next(evening, 19 * 60 + 59), evening.plus(DAY - 1));

        let night = Zone::NEW_YORK.moment(parse_day("03-10").unwrap(), 60);
        assert_eq!(Zone::NEW_YORK.next(night, 4 * 60), night.plus(2 * 60));
    }
}
