//! The model: flights, and what they need to fly.

use memstate::collections::{self, BTreeSet, HashMap, HashSet};

use crate::{clock::Moment, code::Code};

/// A flight's number in the year's timetable.
pub type FlightId = u32;

/// What the timetable says of a flight.
#[memstate::data]
#[derive(Debug, Copy, PartialEq)]
pub struct Plan {
    /// Who flies it.
    pub carrier: Code,
    /// The carrier's number for it, which comes back every day.
    pub number: u16,
    /// What it is flown with, if that is known.
    pub aircraft: Option<Code>,
    /// From where.
    pub origin: Code,
    /// Where to.
    pub destination: Code,
    /// When it is to leave.
    pub departs: Moment,
}

/// How far a flight has come.
#[memstate::data]
#[derive(Debug, Copy, PartialEq)]
pub enum Status {
    /// It is to leave.
    Scheduled,
    /// It left, this many minutes late.
    Departed { delay: i32 },
    /// It left and came down; how late is not known of every flight.
    Arrived { departure_delay: i32, at: Moment, delay: Option<i32> },
    /// It will not leave.
    Cancelled,
}

/// A flight of the timetable and what has become of it.
#[memstate::data]
#[derive(Debug, Copy, PartialEq)]
pub struct Flight {
    /// What the timetable says.
    pub plan: Plan,
    /// What has become of it.
    pub status: Status,
}

/// What the register says of an aircraft.
#[memstate::data]
#[derive(Debug, PartialEq)]
pub struct AircraftType {
    /// Manufacturer and model.
    pub name: String,
    /// How many passengers it can carry.
    pub seats: u16,
}

/// Where an aircraft is.
#[memstate::data]
#[derive(Debug, Copy, PartialEq)]
pub enum Place {
    /// Flying.
    InTheAir { flight: FlightId },
    /// It came down here.
    At { airport: Code, since: Moment },
    /// Not on the flight it was on; nobody knows more.
    Unknown,
}

/// An aircraft that was taken off a flight whose end nobody had reported.
#[memstate::data]
#[derive(Debug, Copy, PartialEq)]
pub struct Correction {
    /// The aircraft.
    pub aircraft: Code,
    /// The flight that it was on.
    pub flight: FlightId,
}

/// Flights and their delays, counted.
#[memstate::data]
#[derive(Debug, Copy, PartialEq, Default)]
pub struct Tally {
    /// Flights of the timetable.
    pub flights: u32,
    /// Those that never left.
    pub cancelled: u32,
    /// Those that left.
    pub departed: u32,
    /// The sum of their delays at departure.
    pub departure_delay_min: i64,
    /// Those that arrived and have a delay.
    pub arrived: u32,
    /// The sum of their delays at arrival.
    pub arrival_delay_min: i64,
}

impl Tally {
    /// The mean delay at departure, in minutes.
    pub fn mean_departure_delay(&self) -> f64 {
        self.departure_delay_min as f64 / f64::from(self.departed.max(1))
    }

    /// The mean delay at arrival, in minutes.
    pub fn mean_arrival_delay(&self) -> f64 {
        self.arrival_delay_min as f64 / f64::from(self.arrived.max(1))
    }

    fn add(&mut self, other: &Tally) {
        self.flights += other.flights;
        self.cancelled += other.cancelled;
        self.departed += other.departed;
        self.departure_delay_min += other.departure_delay_min;
        self.arrived += other.arrived;
        self.arrival_delay_min += other.arrival_delay_min;
    }
}

/// All flights together.
#[memstate::data]
#[derive(Debug, Copy, PartialEq)]
pub struct Totals {
    /// Their number and their delays.
    pub all: Tally,
    /// Carriers that have a flight.
    pub carriers: u32,
    /// Airports that a flight goes to.
    pub destinations: u32,
    /// Aircraft that were taken off a flight.
    pub corrections: u32,
}

/// Why a command was refused.
#[memstate::data(error)]
pub enum FlightError {
    /// The journal's next step is another one: it has this one already, or the one before it is missing.
    NotTheNextStep { step: u64, next: u64 },
    /// The log has begun already.
    AlreadyBegun,
    /// No such carrier is registered.
    UnknownCarrier(Code),
    /// No such airport is registered.
    UnknownAirport(Code),
    /// No such flight is scheduled.
    UnknownFlight(FlightId),
    /// A flight with this id is in the timetable.
    AlreadyScheduled(FlightId),
    /// The flight has left, or arrived, or is cancelled: it can no longer do what it should.
    NotWaiting(FlightId),
    /// The flight is not under way, so it cannot arrive.
    NotUnderWay(FlightId),
    /// The aircraft is flying already.
    StillInTheAir { aircraft: Code, flight: FlightId },
    /// The aircraft is not flying.
    NotInTheAir(Code),
}

/// The flights of a year.
#[memstate::model]
#[derive(Default)]
pub struct Flights {
    carriers: HashMap<Code, String>,
    airports: HashMap<Code, String>,
    register: HashMap<Code, AircraftType>,
    flights: HashMap<FlightId, Flight>,
    /// The flights of each airport by time.
    departures: BTreeSet<(Code, Moment, FlightId)>,
    destinations: HashSet<Code>,
    aircraft: HashMap<Code, Place>,
    // Apart from the carrier's name: what a command may change is saved before, so it had better be small.
    tallies: HashMap<Code, Tally>,
    corrections: collections::Vec<Correction>,
    /// How many flights the log is about.
    expected: Option<u32>,
    /// The step of the log that was taken last.
    taken: u64,
}

/// Each command is a step of the log, numbered from 1, and takes exactly the next one. So a log can be sent again from
/// anywhere: what is there already is refused, and so is what would leave a gap.
#[memstate::model]
impl Flights {
    /// Begins the log of so many flights.
    pub fn begin(&mut self, step: u64, flights: u32) -> Result<(), FlightError> {
        self.take(step)?;
        match self.expected.replace(flights) {
            None => Ok(()),
            Some(_) => Err(FlightError::AlreadyBegun),
        }
    }

    /// Registers a carrier.
    pub fn add_carrier(&mut self, step: u64, code: Code, name: String) -> Result<(), FlightError> {
        self.take(step)?;
        self.carriers.insert(code, name);
        Ok(())
    }

    /// Registers an airport.
    pub fn add_airport(&mut self, step: u64, code: Code, name: String) -> Result<(), FlightError> {
        self.take(step)?;
        self.airports.insert(code, name);
        Ok(())
    }

    /// Registers an aircraft.
    pub fn add_aircraft(&mut self, step: u64, code: Code, of: AircraftType) -> Result<(), FlightError> {
        self.take(step)?;
        self.register.insert(code, of);
        Ok(())
    }

    /// Puts a flight into the timetable.
    pub fn schedule(&mut self, step: u64, flight: FlightId, plan: Plan) -> Result<(), FlightError> {
        self.take(step)?;
        if !self.carriers.contains_key(&plan.carrier) {
            return Err(FlightError::UnknownCarrier(plan.carrier));
        }
        for airport in [plan.origin, plan.destination] {
            if !self.airports.contains_key(&airport) {
                return Err(FlightError::UnknownAirport(airport));
            }
        }
        if self.flights.insert(flight, Flight { plan, status: Status::Scheduled }).is_some() {
            return Err(FlightError::AlreadyScheduled(flight));
        }
        self.departures.insert((plan.origin, plan.departs, flight));
        self.destinations.insert(plan.destination);
        self.tally(plan.carrier).flights += 1;
        Ok(())
    }

    /// A flight leaves, `delay` minutes late, if its aircraft is not flying already.
    pub fn depart(&mut self, step: u64, flight: FlightId, delay: i32) -> Result<(), FlightError> {
        self.take(step)?;
        let plan = self.set_out(flight, Status::Departed { delay })?;
        let tally = self.tally(plan.carrier);
        tally.departed += 1;
        tally.departure_delay_min += i64::from(delay);
        // This may refuse, when much has changed already: none of it will have happened.
        match plan.aircraft {
            Some(aircraft) => self.take_off(aircraft, flight),
            None => Ok(()),
        }
    }

    /// A flight arrives, `delay` minutes late if that is known.
    pub fn arrive(
        &mut self,
        step: u64,
        flight: FlightId,
        at: Moment,
        delay: Option<i32>,
    ) -> Result<(), FlightError> {
        self.take(step)?;
        let Flight { plan, status } =
            self.flights.get_mut(&flight).ok_or(FlightError::UnknownFlight(flight))?;
        let Status::Departed { delay: departure_delay } = *status else {
            return Err(FlightError::NotUnderWay(flight));
        };
        *status = Status::Arrived { departure_delay, at, delay };
        let Plan { carrier, aircraft, destination, .. } = *plan;
        if let Some(delay) = delay {
            let tally = self.tally(carrier);
            tally.arrived += 1;
            tally.arrival_delay_min += i64::from(delay);
        }
        // An aircraft that was taken off this flight is elsewhere.
        if let Some(place) = aircraft.and_then(|aircraft| self.aircraft.get_mut(&aircraft))
            && *place == (Place::InTheAir { flight })
        {
            *place = Place::At { airport: destination, since: at };
        }
        Ok(())
    }

    /// A flight will not leave.
    pub fn cancel(&mut self, step: u64, flight: FlightId) -> Result<(), FlightError> {
        self.take(step)?;
        let plan = self.set_out(flight, Status::Cancelled)?;
        self.tally(plan.carrier).cancelled += 1;
        Ok(())
    }

    /// Takes an aircraft off the flight that it is on, because it is seen elsewhere: the flight has ended and nobody
    /// said so, or it is flown with another aircraft than was said.
    pub fn release(&mut self, step: u64, aircraft: Code) -> Result<(), FlightError> {
        self.take(step)?;
        match self.aircraft.insert(aircraft, Place::Unknown) {
            Some(Place::InTheAir { flight }) => {
                self.corrections.push(Correction { aircraft, flight });
                Ok(())
            }
            _ => Err(FlightError::NotInTheAir(aircraft)),
        }
    }

    /// The step of the log that was taken last.
    pub fn taken(&self) -> u64 {
        self.taken
    }

    /// How many flights the log is about, once it has begun.
    pub fn expected(&self) -> Option<u32> {
        self.expected
    }

    /// How many flights were cancelled so far, by the airport that they were to leave.
    pub fn cancellations(&self) -> std::collections::BTreeMap<Code, u32> {
        let mut cancelled = std::collections::BTreeMap::new();
        for flight in self.flights.values().filter(|flight| flight.status == Status::Cancelled) {
            *cancelled.entry(flight.plan.origin).or_default() += 1;
        }
        cancelled
    }

    /// All flights, counted.
    pub fn totals(&self) -> Totals {
        let mut all = Tally::default();
        self.tallies.values().for_each(|tally| all.add(tally));
        Totals {
            all,
            carriers: self.tallies.len() as u32,
            destinations: self.destinations.len() as u32,
            corrections: self.corrections.len() as u32,
        }
    }

    /// Each carrier's code, name and flights, the most delayed first.
    pub fn delays(&self) -> Vec<(Code, String, Tally)> {
        let name = |code| self.carriers.get(code).cloned().unwrap_or_default();
        let mut delays: Vec<_> =
            self.tallies.iter().map(|(code, tally)| (*code, name(code), *tally)).collect();
        delays.sort_by(|(.., a), (.., b)| b.mean_departure_delay().total_cmp(&a.mean_departure_delay()));
        delays
    }

    /// The first `limit` flights that are to leave an airport from a moment on.
    pub fn board(&self, airport: Code, from: Moment, limit: u32) -> Vec<(FlightId, Flight)> {
        self.departures
            .range((airport, from, 0)..)
            .take_while(|(origin, ..)| *origin == airport)
            .filter_map(|(_, _, flight)| Some((*flight, *self.flights.get(flight)?)))
            .take(limit as usize)
            .collect()
    }

    /// The name of an airport.
    pub fn airport(&self, code: Code) -> Option<String> {
        self.airports.get(&code).cloned()
    }

    /// Where an aircraft is, if it has flown at all.
    pub fn whereabouts(&self, aircraft: Code) -> Option<Place> {
        self.aircraft.get(&aircraft).copied()
    }

    /// What an aircraft is, if it is in the register.
    pub fn aircraft_type(&self, aircraft: Code) -> Option<AircraftType> {
        self.register.get(&aircraft).cloned()
    }

    /// A flight.
    pub fn flight(&self, flight: FlightId) -> Option<Flight> {
        self.flights.get(&flight).copied()
    }

    /// Every aircraft that was taken off a flight.
    pub fn corrections(&self) -> Vec<Correction> {
        self.corrections.iter().copied().collect()
    }
}

/// What the commands share.
impl Flights {
    fn take(&mut self, step: u64) -> Result<(), FlightError> {
        let next = self.taken + 1;
        if step != next {
            return Err(FlightError::NotTheNextStep { step, next });
        }
        self.taken = step;
        Ok(())
    }

    /// Gives a flight that waits for its departure another status.
    fn set_out(&mut self, flight: FlightId, status: Status) -> Result<Plan, FlightError> {
        let waiting = self.flights.get_mut(&flight).ok_or(FlightError::UnknownFlight(flight))?;
        if waiting.status != Status::Scheduled {
            return Err(FlightError::NotWaiting(flight));
        }
        waiting.status = status;
        Ok(waiting.plan)
    }

    fn take_off(&mut self, aircraft: Code, flight: FlightId) -> Result<(), FlightError> {
        match self.aircraft.insert(aircraft, Place::InTheAir { flight }) {
            Some(Place::InTheAir { flight }) => Err(FlightError::StillInTheAir { aircraft, flight }),
            _ => Ok(()),
        }
    }

    fn tally(&mut self, carrier: Code) -> &mut Tally {
        self.tallies.entry(carrier).or_default()
    }
}

#[cfg(test)]
mod tests {
    use memstate::state::{Failed, transaction};

    use super::*;

    const NOON: Moment = Moment(17 * 60);

    fn code(text: &str) -> Code {
        text.parse().unwrap()
    }

    fn plan() -> Plan {
        Plan {
            carrier: code("UA"),
            number: 1545,
            aircraft: Some(code("N14228")),
            origin: code("EWR"),
            destination: code("IAH"),
            departs: NOON,
        }
    }

    /// A model with the flights 0 and 1, both of the same plan.
    fn flights() -> Flights {
        let mut flights = Flights::default();
        flights.begin(1, 2).unwrap();
        flights.add_carrier(2, code("UA"), "United".to_owned()).unwrap();
        flights.add_airport(3, code("EWR"), "Newark".to_owned()).unwrap();
        flights.add_airport(4, code("IAH"), "Houston".to_owned()).unwrap();
        flights.schedule(5, 0, plan()).unwrap();
        flights.schedule(6, 1, plan()).unwrap();
        flights
    }

    /// Runs a command as the engine does: the refusal, after it was undone.
    fn refused(
        flights: &mut Flights,
        command: impl FnOnce(&mut Flights, u64) -> Result<(), FlightError>,
    ) -> FlightError {
        let step = flights.taken() + 1;
        let seen = |flights: &Flights| {
            let known: Vec<_> = [0, 1, 2].map(|id| flights.flight(id)).to_vec();
            let place = flights.whereabouts(code("N14228"));
            (flights.taken(), flights.expected(), flights.totals(), flights.delays(), known, place)
        };
        let before = seen(flights);
        let Err(Failed::Refused(error)) = transaction(flights, |flights| command(flights, step)) else {
            panic!("the command was not refused")
        };
        assert_eq!(seen(flights), before);
        error
    }

    #[test]
    fn a_flight_leaves_and_arrives_and_its_aircraft_with_it() {
        let mut flights = flights();
        flights.depart(7, 0, 2).unwrap();
        assert_eq!(flights.whereabouts(code("N14228")), Some(Place::InTheAir { flight: 0 }));
        flights.arrive(8, 0, NOON.plus(233), Some(11)).unwrap();
        let there = Place::At { airport: code("IAH"), since: NOON.plus(233) };
        assert_eq!(flights.whereabouts(code("N14228")), Some(there));
        flights.cancel(9, 1).unwrap();
        let all = flights.totals().all;
        assert_eq!((all.flights, all.cancelled, all.departed, all.arrived), (2, 1, 1, 1));
        assert_eq!((all.departure_delay_min, all.arrival_delay_min), (2, 11));
        assert_eq!(flights.board(code("EWR"), NOON, 1).len(), 1);
        assert_eq!(flights.board(code("EWR"), NOON.plus(1), 9), []);
    }

    #[test]
    fn an_aircraft_that_is_in_the_air_cannot_depart_until_it_is_released() {
        let mut flights = flights();
        flights.depart(7, 0, 0).unwrap();
        let error = refused(&mut flights, |flights, step| flights.depart(step, 1, 5));
        assert!(matches!(error, FlightError::StillInTheAir { flight: 0, .. }));

        flights.release(8, code("N14228")).unwrap();
        flights.depart(9, 1, 5).unwrap();
        // The earlier flight does arrive, and the aircraft stays on the later one.
        flights.arrive(10, 0, NOON.plus(200), Some(0)).unwrap();
        assert_eq!(flights.whereabouts(code("N14228")), Some(Place::InTheAir { flight: 1 }));
        assert_eq!(flights.corrections(), [Correction { aircraft: code("N14228"), flight: 0 }]);
    }

    #[test]
    fn a_flight_does_nothing_twice_and_nothing_before_its_time() {
        let mut flights = flights();
        let early = refused(&mut flights, |flights, step| flights.arrive(step, 0, NOON, None));
        assert!(matches!(early, FlightError::NotUnderWay(0)));
        flights.depart(7, 0, 0).unwrap();
        let twice = refused(&mut flights, |flights, step| flights.depart(step, 0, 0));
        assert!(matches!(twice, FlightError::NotWaiting(0)));
        let late = refused(&mut flights, |flights, step| flights.cancel(step, 0));
        assert!(matches!(late, FlightError::NotWaiting(0)));
        flights.arrive(8, 0, NOON, None).unwrap();
        let twice = refused(&mut flights, |flights, step| flights.arrive(step, 0, NOON, None));
        assert!(matches!(twice, FlightError::NotUnderWay(0)));
        let twice = refused(&mut flights, |flights, step| flights.schedule(step, 0, plan()));
        assert!(matches!(twice, FlightError::AlreadyScheduled(0)));
        let twice = refused(&mut flights, |flights, step| flights.begin(step, 3));
        assert!(matches!(twice, FlightError::AlreadyBegun));
        let twice = refused(&mut flights, |flights, step| flights.release(step, code("N14228")));
        assert!(matches!(twice, FlightError::NotInTheAir(_)));
    }

    #[test]
    fn what_is_unknown_is_refused() {
        let mut flights = flights();
        let error = refused(&mut flights, |flights, step| flights.arrive(step, 2, NOON, None));
        assert!(matches!(error, FlightError::UnknownFlight(2)));
        let error = refused(&mut flights, |flights, step| flights.depart(step, 2, 0));
        assert!(matches!(error, FlightError::UnknownFlight(2)));
        let nobody = Plan { carrier: code("XX"), ..plan() };
        let error = refused(&mut flights, |flights, step| flights.schedule(step, 2, nobody));
        assert!(matches!(error, FlightError::UnknownCarrier(_)));
        let nowhere = Plan { destination: code("XXX"), ..plan() };
        let error = refused(&mut flights, |flights, step| flights.schedule(step, 2, nowhere));
        assert!(matches!(error, FlightError::UnknownAirport(_)));
    }

    #[test]
    fn only_the_next_step_is_taken() {
        let mut flights = flights();
        for wrong in [0, 6, 8] {
            let error = refused(&mut flights, |flights, _| flights.cancel(wrong, 0));
            assert!(matches!(error, FlightError::NotTheNextStep { next: 7, .. }));
        }
    }
}
