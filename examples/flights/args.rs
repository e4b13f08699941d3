//! The command line.

use std::path::PathBuf;

use crate::{
    clock::{Moment, Zone, parse_day},
    code::Code,
};

pub const HELP: &str = "\
Every flight that left New York in 2013, as commands to a memstate model.

Usage: cargo run --release --example flights -- [OPTIONS]

  --data DIR           where the journal is                       [default: data/flights]
  --limit N            take only the first N flights; always the same N for one journal
  --until MM-DD        stop after this day; go on later without it
  --report             import nothing, only show what is there
  --board AIRPORT      the departures of EWR, JFK or LGA          [default: JFK]
  --at MM-DDThh:mm     from this time on, by New York's clock     [default: 17:00 of the last day]
  --aircraft TAIL      where this aircraft is                     [default: three of the board]
  --acknowledged FILE  keep the last acknowledged step in this file
  --quiet              print nothing but errors
  --help               show this
";

/// What the command line asks for.
#[derive(Debug, PartialEq)]
pub struct Args {
    pub data: PathBuf,
    pub limit: Option<usize>,
    pub until: Option<Moment>,
    pub report_only: bool,
    pub board: Code,
    pub at: Option<Moment>,
    pub aircraft: Option<Code>,
    pub acknowledged: Option<PathBuf>,
    pub quiet: bool,
    pub help: bool,
}

impl Args {
    /// Reads the arguments after the program's name.
    pub fn read(arguments: impl IntoIterator<Item = std::ffi::OsString>) -> Result<Args, lexopt::Error> {
        use lexopt::prelude::*;

        let mut args = Args {
            data: PathBuf::from("data/flights"),
            limit: None,
            until: None,
            report_only: false,
            board: "JFK".parse().expect("a code"),
            at: None,
            aircraft: None,
            acknowledged: None,
            quiet: false,
            help: false,
        };
        let mut parser = lexopt::Parser::from_args(arguments);
        while let Some(argument) = parser.next()? {
            match argument {
                Long("data") => args.data = parser.value()?.into(),
                Long("limit") => args.limit = Some(parser.value()?.parse()?),
                Long("until") => args.until = Some(parser.value()?.parse_with(end_of_day)?),
                Long("report") => args.report_only = true,
                Long("board") => args.board = parser.value()?.parse()?,
                Long("at") => args.at = Some(parser.value()?.parse_with(moment)?),
                Long("aircraft") => args.aircraft = Some(parser.value()?.parse()?),
                Long("acknowledged") => args.acknowledged = Some(parser.value()?.into()),
                Long("quiet") => args.quiet = true,
                Long("help") | Short('h') => args.help = true,
                other => return Err(other.unexpected()),
            }
        }
        Ok(args)
    }
}

fn end_of_day(date: &str) -> Result<Moment, &'static str> {
    let day = parse_day(date).ok_or("not a day of 2013 such as 07-04")?;
    Ok(Zone::NEW_YORK.moment(day + 1, 0))
}

fn moment(text: &str) -> Result<Moment, &'static str> {
    let parsed = text.split_once('T').and_then(|(date, clock)| {
        let (hour, minute) = clock.split_once(':')?;
        let (hour, minute) = (hour.parse::<i32>().ok()?, minute.parse::<i32>().ok()?);
        let is_clock = (0..24).contains(&hour) && (0..60).contains(&minute);
        is_clock.then_some(Zone::NEW_YORK.moment(parse_day(date)?, hour * 60 + minute))
    });
    parsed.ok_or("not a time of 2013 such as 07-04T17:00")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Args, String> {
        Args::read(line.split_whitespace().map(Into::into)).map_err(|error| error.to_string())
    }

    #[test]
    fn options_are_read() {
        let args = read("--data=x --limit 10 --until 01-02 --at 07-04T17:05 --board LGA --quiet").unwrap();
        assert_eq!((args.data, args.limit, args.quiet), ("x".into(), Some(10), true));
        assert_eq!(args.until, Some(Zone::NEW_YORK.moment(2, 0)));
        assert_eq!(args.at.unwrap().to_string(), "07-04 17:05");
        assert_eq!(args.board.as_str(), "LGA");
    }

    #[test]
    fn mistakes_are_named() {
        for (line, mistake) in [
            ("--limits 1", "--limits"),
            ("--limit many", "many"),
            ("--until 02-30", "not a day of 2013"),
            ("--at 07-04", "not a time of 2013"),
            ("--data", "--data"),
            ("more", "more"),
        ] {
            let error = read(line).unwrap_err();
            assert!(error.contains(mistake), "{line}: {error}");
        }
    }
}
