//! Every flight that left New York in 2013, as commands in the order of the day: schedule, depart, arrive, cancel.
//!
//! cargo run --release --example flights
//!
//! Kill it at any moment and start it again: it goes on where its journal ends. Started once more, it finds everything
//! there and imports nothing twice. `-- --help` shows the options.
//!
//! `flights/model.rs` is the model, `flights/log.rs` turns the files of `data` into commands, and this file sends them.

use std::{
    collections::VecDeque,
    fs::File,
    io::{self, Write},
    path::Path,
    process::ExitCode,
    time::Instant,
};

use memstate::{Error, OpenError};

use crate::{
    args::{Args, HELP},
    clock::{Calendar, DAY, Moment, Zone},
    log::{Entry, Log},
    meter::Meter,
    model::{FlightError, Flights, FlightsClient},
    report::{WHOLE_YEAR, differences, report, thousands},
    year::{BadLine, Year},
};

#[path = "flights/args.rs"]
mod args;
#[path = "flights/clock.rs"]
mod clock;
#[path = "flights/code.rs"]
mod code;
#[path = "flights/log.rs"]
mod log;
#[path = "flights/meter.rs"]
mod meter;
#[path = "flights/model.rs"]
mod model;
#[path = "flights/report.rs"]
mod report;
#[path = "flights/year.rs"]
mod year;

/// How many commands may be on their way. Their replies come as fast as the disk takes them, thousands at a time.
const WINDOW: usize = 4096;

/// Why the program ends early.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Data(#[from] BadLine),
    #[error("{file}: {source}")]
    Acknowledged { file: String, source: io::Error },
    #[error(
        "{data} holds a log of {found} flights, this is one of {expected}; give the same --limit or another --data"
    )]
    OtherLog { data: String, found: u32, expected: usize },
    #[error("step {step}, {entry:?}: {source}")]
    Unexpected { step: u64, entry: Entry, source: Error<FlightError> },
    #[error("step {step}, {entry:?}, should have been refused")]
    NotRefused { step: u64, entry: Entry },
    #[error("the year is complete, but its totals are wrong:\n  {}", .0.join("\n  "))]
    WrongTotals(Vec<String>),
    #[error(transparent)]
    Engine(#[from] Error),
}

#[tokio::main]
async fn main() -> ExitCode {
    let args = match Args::read(std::env::args_os().skip(1)) {
        Ok(args) => args,
        Err(error) => {
            eprintln!("flights: {error}; --help shows the options");
            return ExitCode::from(2);
        }
    };
    if args.help {
        print!("{HELP}");
        return ExitCode::SUCCESS;
    }
    match run(&args).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("flights: {failure}");
            ExitCode::FAILURE
        }
    }
}

async fn run(args: &Args) -> Result<(), Failure> {
    // Who reads no further (`| head`) wants no error for it.
    let say = |line: String| drop((!args.quiet).then(|| writeln!(io::stdout(), "{line}")));
    let log = Log::new(Year::read(args.limit)?, args.until);
    let calendar = Calendar::default();
    let flights = open(args, &log, &calendar).await?;
    let (taken, last) = (flights.taken().await?, log.last_step());

    if args.report_only || taken >= last {
        say(format!("{} of {} steps are there; nothing is imported", thousands(taken), thousands(last)));
    } else {
        say(format!("{} of {} steps are there; going on", thousands(taken), thousands(last)));
        let start = Instant::now();
        import(args, &log, &calendar, &flights).await?;
        let (steps, seconds) = (last - taken, start.elapsed().as_secs_f64());
        let rate = (steps as f64 / seconds) as u64;
        say(format!("{} steps in {seconds:.1} s, {} a second", thousands(steps), thousands(rate)));
    }

    let at = args.at.unwrap_or_else(|| evening(&log, args.until));
    say(flights.read(|flights| report(flights, args.board, at, args.aircraft)));
    let totals = flights.totals().await?;
    let is_whole_year = flights.taken().await? == last && args.limit.is_none() && args.until.is_none();
    flights.close().await?;

    if is_whole_year {
        let differences = differences(&totals, &WHOLE_YEAR);
        if !differences.is_empty() {
            return Err(Failure::WrongTotals(differences));
        }
        say("These are the known totals of the year.".to_owned());
    }
    Ok(())
}

/// Opens the model and makes sure that its journal is one of this log.
async fn open(args: &Args, log: &Log, calendar: &Calendar) -> Result<FlightsClient, Failure> {
    let meter = Meter::new("recovering", args.quiet);
    let shown = meter.clone();
    // A snapshot now and then, so that a start after a kill has little to replay.
    let open = memstate::open::<Flights>(&args.data).snapshot_every(200_000);
    // The records have the time of the log: `flights_as_of` asks what was known on a day of 2013.
    let calendar = calendar.clone();
    let open = open.clock(move || calendar.time());
    let opened = open.progress(move |p| shown.show(p.done, p.total)).await;
    meter.finish();
    let flights = opened?;
    let expected = log.year.flights.len();
    match flights.expected().await? {
        Some(found) if found as usize != expected => {
            Err(Failure::OtherLog { data: args.data.display().to_string(), found, expected })
        }
        _ => Ok(flights),
    }
}

/// Sends everything that the model has not taken yet, and waits until it is durable.
async fn import(args: &Args, log: &Log, calendar: &Calendar, flights: &FlightsClient) -> Result<(), Failure> {
    let mut acknowledged = args.acknowledged.as_deref().map(Acknowledged::create).transpose()?;
    let meter = Meter::new("importing", args.quiet);
    let (taken, last) = (flights.taken().await?, log.last_step());
    let mut on_their_way = VecDeque::with_capacity(WINDOW);
    let mut entries = log.after(taken).peekable();
    loop {
        // Commands that are sent together share a time, so a day is over before the next begins.
        let may_send = |at| on_their_way.is_empty() || on_their_way.len() < WINDOW && calendar.shows(at);
        if let Some((step, at, entry)) = entries.next_if(|(_, at, _)| may_send(*at)) {
            calendar.turn(at);
            // The command is sent here; what is kept is the future of its reply.
            on_their_way.push_back((step, entry, log.send(flights, step, entry)));
            continue;
        }
        let Some((step, entry, reply)) = on_their_way.pop_front() else { break };
        match (entry, reply.await) {
            (Entry::RefusedDeparture(_), Err(Error::Rejected(FlightError::StillInTheAir { .. }))) => continue,
            (Entry::RefusedDeparture(_), Ok(())) => return Err(Failure::NotRefused { step, entry }),
            (_, Ok(())) => {}
            (_, Err(source)) => return Err(Failure::Unexpected { step, entry, source }),
        }
        if let Some(file) = &mut acknowledged {
            file.write(step)?;
        }
        meter.show(step, last);
    }
    meter.finish();
    Ok(())
}

/// 17:00 of the last day of the log.
fn evening(log: &Log, until: Option<Moment>) -> Moment {
    let last = log.year.flights.last().map_or(Moment(0), |flown| flown.plan.departs);
    let last = until.map_or(last, |until| last.min(until.plus(-1)));
    let day = Zone::NEW_YORK.local(last).div_euclid(DAY);
    Zone::NEW_YORK.moment(day, 17 * 60)
}

/// A file with the last step whose reply has come: after a kill, the journal must have at least this one.
struct Acknowledged<'a> {
    path: &'a Path,
    file: File,
}

impl<'a> Acknowledged<'a> {
    fn create(path: &'a Path) -> Result<Self, Failure> {
        // Not truncated: until the first reply comes, what is in it still holds.
        match File::options().create(true).truncate(false).write(true).open(path) {
            Ok(file) => Ok(Acknowledged { path, file }),
            Err(source) => Err(failed(path, source)),
        }
    }

    fn write(&mut self, step: u64) -> Result<(), Failure> {
        use io::Seek;
        // Of one width, so that each overwrites the one before as a whole.
        let line = format!("{step:020}\n");
        let written = self.file.rewind().and_then(|()| self.file.write_all(line.as_bytes()));
        written.map_err(|source| failed(self.path, source))
    }
}

fn failed(path: &Path, source: io::Error) -> Failure {
    Failure::Acknowledged { file: path.display().to_string(), source }
}
