//! [`Year`]: the files of `examples/data`, read.

use std::{io::Read, str::FromStr};

use ruzstd::decoding::StreamingDecoder;

use crate::{
    clock::{Moment, Zone, parse_day},
    code::Code,
    model::{AircraftType, FlightId, Plan},
};

const CARRIERS: &str = include_str!("../data/airlines.csv");
const AIRPORTS: &[u8] = include_bytes!("../data/airports.csv.zst");
const AIRCRAFT: &[u8] = include_bytes!("../data/planes.csv.zst");
const FLIGHTS: &[u8] = include_bytes!("../data/flights-2013.csv.zst");

/// Destinations that the list of airports lacks: Puerto Rico and the Virgin Islands.
const MORE_AIRPORTS: [(&str, &str); 4] =
    [("BQN", "Aguadilla"), ("PSE", "Ponce"), ("SJU", "San Juan"), ("STT", "Charlotte Amalie")];

/// What flew from New York in 2013, and with whom.
pub struct Year {
    /// Carriers with their names.
    pub carriers: Vec<(Code, String)>,
    /// Airports with their names.
    pub airports: Vec<(Code, String)>,
    /// Aircraft, as far as they are in the register.
    pub aircraft: Vec<(Code, AircraftType)>,
    /// Flights by day and scheduled departure. A flight's id is its place in here.
    pub flights: Vec<Flown>,
}

/// A flight, and what became of it.
pub struct Flown {
    /// What the timetable says.
    pub plan: Plan,
    /// How late it left, in minutes; `None` if it was cancelled.
    pub departure_delay: Option<i32>,
    /// When and how late it arrived; `None` if nobody wrote that down.
    pub arrival: Option<(Moment, Option<i32>)>,
}

impl Flown {
    /// When it left.
    pub fn departure(&self) -> Option<Moment> {
        self.departure_delay.map(|delay| self.plan.departs.plus(delay))
    }
}

/// A line of a file that cannot be understood.
#[derive(Debug, thiserror::Error)]
#[error("{file}, line {line}: {why}")]
pub struct BadLine {
    file: &'static str,
    line: usize,
    why: String,
}

impl Year {
    /// Reads the year, or only its first `limit` flights.
    pub fn read(limit: Option<usize>) -> Result<Year, BadLine> {
        let mut airports = Vec::new();
        let mut zones = std::collections::HashMap::new();
        for (code, name, zone) in parse("airports.csv", &unpack(AIRPORTS), None, airport)? {
            airports.push((code, name));
            zones.insert(code, zone);
        }
        for (code, name) in MORE_AIRPORTS {
            let code = code.parse().expect("they are codes");
            airports.push((code, name.to_owned()));
            zones.insert(code, Zone::ATLANTIC);
        }
        let flown = |line: &mut Columns<'_>| flight(line, |airport| zones.get(&airport).copied());
        Ok(Year {
            carriers: parse("airlines.csv", CARRIERS, None, carrier)?,
            airports,
            aircraft: parse("planes.csv", &unpack(AIRCRAFT), None, aircraft)?,
            flights: parse("flights-2013.csv", &unpack(FLIGHTS), limit, flown)?,
        })
    }

    /// A flight by its id.
    pub fn flight(&self, id: FlightId) -> &Flown {
        &self.flights[id as usize]
    }
}

fn unpack(packed: &[u8]) -> String {
    let mut text = String::new();
    let mut decoder = StreamingDecoder::new(packed).expect("the data begins with a zstd frame");
    decoder.read_to_string(&mut text).expect("the data is a whole zstd frame of text");
    text
}

/// Reads each line but the first, or the first `limit` of them.
fn parse<T>(
    file: &'static str,
    text: &str,
    limit: Option<usize>,
    read: impl Fn(&mut Columns<'_>) -> Result<T, String>,
) -> Result<Vec<T>, BadLine> {
    let lines = text.lines().enumerate().skip(1).take(limit.unwrap_or(usize::MAX));
    lines
        .map(|(index, line)| {
            read(&mut Columns(line.split(','))).map_err(|why| BadLine { file, line: index + 1, why })
        })
        .collect()
}

/// `carrier,name`
fn carrier(line: &mut Columns<'_>) -> Result<(Code, String), String> {
    Ok((line.parse()?, line.text()?.to_owned()))
}

/// `faa,name,lat,lon,alt,tz,dst,tzone`
fn airport(line: &mut Columns<'_>) -> Result<(Code, String, Zone), String> {
    let (code, name) = (line.parse()?, line.text()?.to_owned());
    let _latitude_longitude_altitude = (line.text()?, line.text()?, line.text()?);
    let zone = Zone { standard: line.parse::<i32>()? * 60, summer_time: line.text()? == "A" };
    Ok((code, name, zone))
}

/// `tailnum,year,type,manufacturer,model,engines,seats,speed,engine`
fn aircraft(line: &mut Columns<'_>) -> Result<(Code, AircraftType), String> {
    let code = line.parse()?;
    let _year_type = (line.text()?, line.text()?);
    let (manufacturer, model) = (line.text()?, line.text()?);
    let name = format!("{manufacturer} {model}");
    let _engines = line.text()?;
    Ok((code, AircraftType { name, seats: line.parse()? }))
}

/// `date,sched_dep,dep,sched_arr,arr,dep_delay_min,arr_delay_min,carrier,flight,tailnum,origin,dest,air_time_min,distance_mi`
///
/// Times are clocks, without a date but that of the scheduled departure. The departure is the scheduled one plus its
/// delay, which is exact. The arrival is the first moment at which a clock at the destination shows it that is not
/// earlier than the departure plus the time in the air: taxiing takes minutes or a few hours, and never a day.
fn flight(line: &mut Columns<'_>, zone: impl Fn(Code) -> Option<Zone>) -> Result<Flown, String> {
    let date = line.text()?;
    let day = parse_day(date).ok_or_else(|| format!("`{date}` is not a day of 2013"))?;
    let scheduled = line.clock()?.ok_or("it is not scheduled")?;
    let _departed_scheduled_arrival = (line.clock()?, line.clock()?);
    let arrived = line.clock()?;
    let (departure_delay, arrival_delay) = (line.known()?, line.known()?);
    let plan = Plan {
        carrier: line.parse()?,
        number: line.parse()?,
        aircraft: line.known()?,
        origin: line.parse()?,
        destination: line.parse()?,
        departs: Zone::NEW_YORK.moment(day, scheduled),
    };
    let air_time: Option<i32> = line.known()?;
    let zone =
        zone(plan.destination).ok_or_else(|| format!("the airport {} is unknown", plan.destination))?;
    let arrival = departure_delay.zip(arrived).map(|(delay, clock)| {
        let earliest = plan.departs.plus(delay + air_time.unwrap_or(0));
        (zone.next(earliest, clock), arrival_delay)
    });
    Ok(Flown { plan, departure_delay, arrival })
}

/// The columns of a line, from the left. No field of these files is quoted.
struct Columns<'a>(std::str::Split<'a, char>);

impl<'a> Columns<'a> {
    fn text(&mut self) -> Result<&'a str, String> {
        self.0.next().ok_or_else(|| "a column is missing".to_owned())
    }

    fn parse<T: FromStr<Err: ToString>>(&mut self) -> Result<T, String> {
        let text = self.text()?;
        text.parse().map_err(|error: T::Err| format!("`{text}`: {}", error.to_string()))
    }

    /// `None` if it is `NA`.
    fn known<T: FromStr<Err: ToString>>(&mut self) -> Result<Option<T>, String> {
        if self.0.clone().next() == Some("NA") {
            self.text()?;
            return Ok(None);
        }
        self.parse().map(Some)
    }

    /// A clock's `hmm` as minutes of the day. Midnight is `2400`, the day's last minute and not its first.
    fn clock(&mut self) -> Result<Option<i32>, String> {
        let Some(clock) = self.known::<i32>()? else { return Ok(None) };
        let minute = clock / 100 * 60 + clock % 100;
        let is_clock = clock >= 0 && clock % 100 < 60 && minute <= 24 * 60;
        if is_clock { Ok(Some(minute)) } else { Err(format!("`{clock}` is not a time of day")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::DAY;

    fn read(line: &str) -> Result<Flown, String> {
        let los_angeles = Zone { standard: -8 * 60, summer_time: true };
        flight(&mut Columns(line.split(',')), |airport| match airport.as_str() {
            "LAX" => Some(los_angeles),
            "BOS" => Some(Zone::NEW_YORK),
            _ => None,
        })
    }

    #[test]
    fn a_flight_arrives_by_the_clock_of_its_destination() {
        let flown = read("01-01,600,610,917,905,10,-12,UA,15,N14228,JFK,LAX,330,2475").unwrap();
        let six = Zone::NEW_YORK.moment(0, 6 * 60);
        assert_eq!(flown.plan.departs, six);
        assert_eq!(flown.departure(), Some(six.plus(10)));
        assert_eq!(flown.arrival, Some((six.plus(3 * 60 + 5 + 3 * 60), Some(-12))));
        assert_eq!((flown.plan.number, flown.plan.aircraft), (15, "N14228".parse().ok()));
    }

    #[test]
    fn a_flight_may_arrive_the_next_day_and_leave_at_midnight() {
        let flown = read("01-01,2359,2400,105,2400,1,-65,B6,608,N346JB,JFK,BOS,40,187");
        assert_eq!(
            flown.unwrap().arrival.unwrap().0,
            Zone::NEW_YORK.moment(2, 0),
            "the midnight after the next"
        );
        let flown = read("01-01,2359,2400,105,55,1,-10,B6,608,N346JB,JFK,BOS,40,187").unwrap();
        assert_eq!(flown.departure(), Some(Zone::NEW_YORK.moment(1, 0)));
        assert_eq!(flown.arrival, Some((Zone::NEW_YORK.moment(1, 55), Some(-10))));
    }

    #[test]
    fn what_is_not_available_is_none() {
        let cancelled = read("01-01,1630,NA,1815,NA,NA,NA,EV,4308,NA,EWR,BOS,NA,416").unwrap();
        assert_eq!((cancelled.departure(), cancelled.arrival), (None, None));
        assert_eq!(cancelled.plan.aircraft, None);
        let lost = read("01-01,1630,1630,1815,NA,0,NA,EV,4308,N1,EWR,BOS,NA,416").unwrap();
        assert_eq!((lost.departure(), lost.arrival), (Some(lost.plan.departs), None));
        let diverted = read("01-01,1630,1630,1815,1900,0,NA,EV,4308,N1,EWR,BOS,NA,416").unwrap();
        assert_eq!(diverted.arrival, Some((diverted.plan.departs.plus(150), None)));
    }

    #[test]
    fn a_bad_line_says_what_is_wrong() {
        let why = |line: &str| read(line).err().unwrap();
        assert_eq!(why("02-29,600"), "`02-29` is not a day of 2013");
        assert_eq!(why("01-01,660"), "`660` is not a time of day");
        assert_eq!(why("01-01,600,NA"), "a column is missing");
        let line = "01-01,600,NA,917,NA,NA,NA,UA,15,N14228,JFK,XXX,NA,2475";
        assert_eq!(why(line), "the airport XXX is unknown");
        assert_eq!(why(&line.replace("UA,15,", "UA,x,")), "`x`: invalid digit found in string");
    }

    #[test]
    fn every_flight_arrives_within_a_day_of_its_departure() {
        let year = Year::read(None).unwrap();
        assert_eq!(year.flights.len(), 336_776);
        for flown in &year.flights {
            let (Some(departure), Some((arrival, _))) = (flown.departure(), flown.arrival) else { continue };
            assert!((departure..departure.plus(DAY)).contains(&arrival), "{:?}", flown.plan);
        }
    }
}
