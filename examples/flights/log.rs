//! [`Log`]: the year as a list of commands in the order of time.

use std::collections::HashMap;

use memstate::Error;

use crate::{
    clock::{DAY, Moment, Zone},
    model::{FlightError, FlightId, FlightsClient},
    year::Year,
};

/// A command to the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry {
    /// Begins the log.
    Begin,
    /// Registers the carrier at this place in the [`Year`].
    Carrier(u32),
    /// Registers the airport at this place.
    Airport(u32),
    /// Registers the aircraft at this place.
    Aircraft(u32),
    /// Puts a flight into the timetable.
    Schedule(FlightId),
    /// A departure that is refused, because the flight's aircraft has not come down yet.
    RefusedDeparture(FlightId),
    /// Takes the flight's aircraft off the flight that it is on.
    Release(FlightId),
    /// A departure.
    Depart(FlightId),
    /// An arrival.
    Arrive(FlightId),
    /// A cancellation.
    Cancel(FlightId),
}

/// The year as an airport's desk would have written it, one line after another.
///
/// First the registers; then, at the start of each day, its timetable; then what happens, as it happens: arrivals before
/// cancellations before departures within a minute, and by the timetable among equals. Whoever reads the same files
/// gets the same log.
///
/// The files are not free of contradictions. Some flights left and nobody wrote down their arrival; now and then two
/// flights have the same aircraft at the same time. So there are departures with an aircraft that by the books is in
/// the air, and the model refuses them. The desk then does what a desk does: it takes the aircraft off the earlier
/// flight and enters the departure again. These lines are part of the log, because with thousands of commands on their
/// way nobody can wait for a refusal before writing on.
///
/// Every line that the model takes has a number, its *step*. A refused departure has the same one as the release that
/// follows it: it changes nothing, not even the model's count of steps. That is what makes going on after a kill
/// exact: the model knows the last step that it took, and the log goes on after it.
pub struct Log {
    /// What it is about.
    pub year: Year,
    /// Each with the moment at which it was written.
    entries: Vec<(Moment, Entry)>,
}

impl Log {
    /// Writes the log of a year, as far as `until`.
    pub fn new(year: Year, until: Option<Moment>) -> Log {
        let mut entries = vec![Entry::Begin];
        entries.extend((0..year.carriers.len() as u32).map(Entry::Carrier));
        entries.extend((0..year.airports.len() as u32).map(Entry::Airport));
        entries.extend((0..year.aircraft.len() as u32).map(Entry::Aircraft));
        // The registers are there when the year begins.
        let new_year = Zone::NEW_YORK.moment(0, 0);
        let mut entries = entries.into_iter().map(|entry| (new_year, entry)).collect();
        append_reports(&mut entries, &year, until);
        Log { year, entries }
    }

    /// The number of the last step.
    pub fn last_step(&self) -> u64 {
        let is_refused = |(_, entry): &&(Moment, Entry)| matches!(entry, Entry::RefusedDeparture(_));
        let refused = self.entries.iter().filter(is_refused).count();
        (self.entries.len() - refused) as u64
    }

    /// What comes after a step, each entry with its own step and its moment.
    pub fn after(&self, taken: u64) -> impl Iterator<Item = (u64, Moment, Entry)> {
        let mut next = 1;
        let steps = self.entries.iter().map(move |&(at, entry)| {
            let step = next;
            next += u64::from(!matches!(entry, Entry::RefusedDeparture(_)));
            (step, at, entry)
        });
        steps.skip_while(move |(step, ..)| *step <= taken)
    }

    /// Sends an entry. It is on its way when this returns, and the future gives its reply.
    pub fn send(
        &self,
        flights: &FlightsClient,
        step: u64,
        entry: Entry,
    ) -> impl Future<Output = Result<(), Error<FlightError>>> + use<> {
        let year = &self.year;
        match entry {
            Entry::Begin => flights.begin(step, year.flights.len() as u32),
            Entry::Carrier(index) => {
                let (code, name) = &year.carriers[index as usize];
                flights.add_carrier(step, *code, name)
            }
            Entry::Airport(index) => {
                let (code, name) = &year.airports[index as usize];
                flights.add_airport(step, *code, name)
            }
            Entry::Aircraft(index) => {
                let (code, of) = &year.aircraft[index as usize];
                flights.add_aircraft(step, *code, of.clone())
            }
            Entry::Schedule(id) => flights.schedule(step, id, year.flight(id).plan),
            Entry::Depart(id) | Entry::RefusedDeparture(id) => {
                flights.depart(step, id, year.flight(id).departure_delay.expect("it left"))
            }
            Entry::Release(id) => {
                flights.release(step, year.flight(id).plan.aircraft.expect("it has an aircraft"))
            }
            Entry::Arrive(id) => {
                let (at, delay) = year.flight(id).arrival.expect("it arrived");
                flights.arrive(step, id, at, delay)
            }
            Entry::Cancel(id) => flights.cancel(step, id),
        }
    }
}

fn append_reports(entries: &mut Vec<(Moment, Entry)>, year: &Year, until: Option<Moment>) {
    // The aircraft that are in the air by the books, each with its flight.
    let mut in_the_air = HashMap::new();
    for (at, entry) in reports(year).into_iter().take_while(|(at, _)| until.is_none_or(|until| *at < until)) {
        match entry {
            Entry::Depart(id) => {
                if let Some(aircraft) = year.flight(id).plan.aircraft
                    && in_the_air.insert(aircraft, id).is_some()
                {
                    entries.extend([(at, Entry::RefusedDeparture(id)), (at, Entry::Release(id))]);
                }
            }
            Entry::Arrive(id) => {
                if let Some(aircraft) = year.flight(id).plan.aircraft
                    && in_the_air.get(&aircraft) == Some(&id)
                {
                    in_the_air.remove(&aircraft);
                }
            }
            _ => {}
        }
        entries.push((at, entry));
    }
}

/// What is reported of the flights, in the order of time.
fn reports(year: &Year) -> Vec<(Moment, Entry)> {
    let mut reports = Vec::with_capacity(3 * year.flights.len());
    for (id, flown) in (0..).zip(&year.flights) {
        let departs = flown.plan.departs;
        let day = Zone::NEW_YORK.local(departs).div_euclid(DAY);
        reports.push((Zone::NEW_YORK.moment(day, 0), Entry::Schedule(id)));
        match flown.departure() {
            None => reports.push((departs, Entry::Cancel(id))),
            Some(departure) => reports.push((departure, Entry::Depart(id))),
        }
        if let Some((arrival, _)) = flown.arrival {
            reports.push((arrival, Entry::Arrive(id)));
        }
    }
    reports.sort_by_key(|(at, entry)| (*at, rank(*entry)));
    reports
}

/// The order within a minute. Sorting is stable, so what is equal stays in the timetable's order.
fn rank(entry: Entry) -> u8 {
    match entry {
        Entry::Arrive(_) => 1,
        Entry::Cancel(_) => 2,
        Entry::Depart(_) => 3,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use memstate::state::{Failed, transaction};

    use super::*;
    use crate::{
        model::Flights,
        report::{WHOLE_YEAR, differences},
    };

    /// What [`Log::send`] does, without an engine.
    fn apply(log: &Log, flights: &mut Flights, step: u64, entry: Entry) -> Result<(), Failed<FlightError>> {
        let year = &log.year;
        transaction(flights, |flights| match entry {
            Entry::Begin => flights.begin(step, year.flights.len() as u32),
            Entry::Carrier(index) => {
                let (code, name) = &year.carriers[index as usize];
                flights.add_carrier(step, *code, name.clone())
            }
            Entry::Airport(index) => {
                let (code, name) = &year.airports[index as usize];
                flights.add_airport(step, *code, name.clone())
            }
            Entry::Aircraft(index) => {
                let (code, of) = &year.aircraft[index as usize];
                flights.add_aircraft(step, *code, of.clone())
            }
            Entry::Schedule(id) => flights.schedule(step, id, year.flight(id).plan),
            Entry::Depart(id) | Entry::RefusedDeparture(id) => {
                flights.depart(step, id, year.flight(id).departure_delay.unwrap())
            }
            Entry::Release(id) => flights.release(step, year.flight(id).plan.aircraft.unwrap()),
            Entry::Arrive(id) => {
                let (at, delay) = year.flight(id).arrival.unwrap();
                flights.arrive(step, id, at, delay)
            }
            Entry::Cancel(id) => flights.cancel(step, id),
        })
    }

    fn play(log: &Log, flights: &mut Flights, count: usize) -> u64 {
        let mut refused = 0;
        for (step, _, entry) in log.after(flights.taken()).take(count) {
            match (entry, apply(log, flights, step, entry)) {
                (Entry::RefusedDeparture(_), Err(Failed::Refused(FlightError::StillInTheAir { .. }))) => {
                    refused += 1
                }
                (_, Ok(())) if !matches!(entry, Entry::RefusedDeparture(_)) => {}
                (_, other) => panic!("step {step}, {entry:?}: {other:?}"),
            }
        }
        refused
    }

    /// Of the whole year; this is not known from elsewhere, it is what the rules above make of the files.
    const REFUSALS: u64 = 582;

    #[test]
    fn the_whole_year_gives_the_known_totals() {
        let log = Log::new(Year::read(None).unwrap(), None);
        let mut flights = Flights::default();
        let refused = play(&log, &mut flights, usize::MAX);
        assert_eq!(flights.taken(), log.last_step());
        let totals = flights.totals();
        assert_eq!(differences(&totals, &WHOLE_YEAR), Vec::<String>::new());
        assert_eq!((refused, totals.corrections), (REFUSALS, REFUSALS as u32));
    }

    #[test]
    fn the_log_is_in_the_order_of_time_and_each_flight_is_scheduled_first() {
        let year = Year::read(Some(20_000)).unwrap();
        let reports = reports(&year);
        assert!(reports.is_sorted_by_key(|(at, _)| *at));
        let mut scheduled = std::collections::HashSet::new();
        let mut departed = std::collections::HashSet::new();
        for (_, entry) in reports {
            match entry {
                Entry::Schedule(id) => assert!(scheduled.insert(id)),
                Entry::Depart(id) => assert!(scheduled.contains(&id) && departed.insert(id)),
                Entry::Arrive(id) => assert!(departed.contains(&id)),
                Entry::Cancel(id) => assert!(scheduled.contains(&id) && !departed.contains(&id)),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(scheduled.len(), 20_000);
    }

    #[test]
    fn going_on_after_any_interruption_gives_the_same_model() {
        let log = Log::new(Year::read(Some(3_000)).unwrap(), None);
        let mut whole = Flights::default();
        let refused = play(&log, &mut whole, usize::MAX);
        assert!(refused > 0, "there is something to refuse in these days");

        let refused_at =
            log.entries.iter().position(|(_, entry)| matches!(entry, Entry::RefusedDeparture(_))).unwrap();
        // Before the refused departure, between it and the release, and between the release and the departure.
        for interruption in [1, refused_at, refused_at + 1, refused_at + 2, refused_at + 3, log.entries.len()]
        {
            let mut flights = Flights::default();
            play(&log, &mut flights, interruption);
            play(&log, &mut flights, usize::MAX);
            assert_eq!(flights.taken(), log.last_step());
            assert_eq!(flights.totals(), whole.totals());
            assert_eq!(flights.corrections(), whole.corrections());
        }
    }

    #[test]
    fn a_log_until_a_day_is_the_beginning_of_the_whole_one() {
        let until = Zone::NEW_YORK.moment(2, 0);
        let some = Log::new(Year::read(Some(3_000)).unwrap(), Some(until));
        let whole = Log::new(Year::read(Some(3_000)).unwrap(), None);
        assert!(whole.entries.starts_with(&some.entries));
        assert!(some.last_step() < whole.last_step());
    }
}
