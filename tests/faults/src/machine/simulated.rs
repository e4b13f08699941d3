//! A script of commands, snapshots, closings and openings on an engine without threads, with one fault somewhere in it: one seed is
//! one script.

use std::{
    future::Future,
    path::Path,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use memstate::{
    Call, Error, NotJournaled, OpenError, Timestamp,
    testing::{Simulated, disk::FaultyDisk},
};
use memstate_tests::random::Random;

use super::{
    books::{Books, Statement, mark},
    oracle::Oracle,
    watched::{self, Fault, Kind, Watched},
};
use crate::ensure;

/// Where the journal is.
pub const DIR: &str = "/books";
const LANES: u64 = 3;
/// How often the journal is opened in a script.
const LIVES: u64 = 3;

/// What the fault did.
#[derive(Debug)]
pub enum Outcome {
    /// It never came.
    Unharmed,
    /// The journal was not opened, and why.
    NotOpened(String),
    /// The engine has ended, and why.
    Ended(String),
    /// A snapshot was not written, and why; everything else went on.
    NoSnapshot(String),
}

/// Opens the journal on this disk.
pub fn open(disk: &Watched, seed: u64, replay_all: bool) -> Result<Simulated<Books>, OpenError> {
    let mut time = 1_700_000_000_000_000 + (seed % 1_000_000) as i64;
    let mut open = memstate::open::<Books>(Path::new(DIR))
        .on_disk(Arc::new(disk.clone()))
        .segment_bytes([3_000, 70_000, 200_000][(seed % 3) as usize])
        .clock(move || {
            time += 1;
            Timestamp::from_micros(time)
        });
    if replay_all {
        open = open.replay_all();
    }
    Simulated::open(open, seed)
}

/// Runs the script of `seed` on a disk with a fault, until the fault ends it or it is done.
///
/// # Errors
///
/// What is not as promised.
pub fn run(disk: &Watched, seed: u64, oracle: &mut Oracle) -> Result<Outcome, String> {
    let mut random = Random::new(seed);
    let mut no_snapshot = None;
    for life in 0..LIVES {
        let life_seed = random.below(u64::MAX);
        let engine = match open(disk, seed.wrapping_add(life), random.below(4) == 0) {
            Ok(engine) => engine,
            Err(error) => return Ok(Outcome::NotOpened(error.to_string())),
        };
        oracle.find(&engine.client().read(Books::statement))?;
        let mut life = Life {
            engine,
            disk,
            random: Random::new(life_seed),
            oracle,
            waiting: Vec::new(),
            next: [0; LANES as usize],
        };
        life.begin();
        for _ in 0..12 {
            match life.step()? {
                Outcome::Unharmed => {}
                Outcome::NoSnapshot(why) => no_snapshot = Some(why),
                outcome => return Ok(outcome),
            }
        }
        match life.end()? {
            Outcome::Unharmed => {}
            Outcome::NoSnapshot(why) => no_snapshot = Some(why),
            outcome => return Ok(outcome),
        }
    }
    Ok(no_snapshot.map_or(Outcome::Unharmed, Outcome::NoSnapshot))
}

/// From an opening to a closing.
struct Life<'a> {
    engine: Simulated<Books>,
    disk: &'a Watched,
    random: Random,
    oracle: &'a mut Oracle,
    waiting: Vec<(u64, Call<u64>)>,
    next: [u32; LANES as usize],
}

impl Life<'_> {
    fn begin(&mut self) {
        let found = self.engine.client().read(Books::statement);
        self.next = std::array::from_fn(|lane| found.last_of(lane as u8) + 1);
    }

    /// One thing, by the toss of a die.
    fn step(&mut self) -> Result<Outcome, String> {
        match self.random.below(16) {
            0..6 => {
                for _ in 0..1 + self.random.below(5) {
                    self.send();
                }
            }
            6..10 => drop(self.engine.write()),
            10..12 => drop(self.engine.apply()),
            12 => drop(self.engine.client().spoil(0)),
            13 => self.engine.settle(),
            14 => self.engine.idle(),
            _ => {
                if let Err(error) = self.engine.snapshot()
                    && self.engine.ended().is_none()
                {
                    ensure!(matches!(error, Error::Failed(_)), "a snapshot that failed says {error:?}");
                    self.settle()?;
                    return Ok(Outcome::NoSnapshot(error.to_string()));
                }
            }
        }
        self.settle()
    }

    fn send(&mut self) {
        let lane = self.random.below(LANES) as u8;
        let number = self.next[usize::from(lane)];
        self.next[usize::from(lane)] += 1;
        let client = self.engine.client();
        let request = client.new_request();
        let length = [0, 300, 1_500, 9_000][self.random.below(4) as usize];
        let call = client.with_request(request).transfer(lane, number, vec![lane; length]);
        self.oracle.sends(lane, number, request);
        self.waiting.push((mark(lane, number), call));
    }

    /// Hears what was answered, and what has become of the engine.
    fn settle(&mut self) -> Result<Outcome, String> {
        let failures = self.answers()?;
        let Some(why) = self.engine.ended().map(str::to_owned) else {
            ensure!(failures == 0, "{failures} calls failed, and the engine goes on");
            return Ok(Outcome::Unharmed);
        };
        self.after_the_end()?;
        Ok(Outcome::Ended(why))
    }

    /// Takes the answers that are there; how many are errors.
    fn answers(&mut self) -> Result<u64, String> {
        let mut failures = 0;
        let mut left = Vec::new();
        for (mark, mut call) in self.waiting.drain(..) {
            match Pin::new(&mut call).poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Pending => left.push((mark, call)),
                Poll::Ready(Ok(serial)) => self.oracle.acknowledge(mark, serial)?,
                Poll::Ready(Err(Error::OutcomeUnknown(_) | Error::Stopped(_))) => failures += 1,
                Poll::Ready(Err(error)) => return Err(format!("a call says {error:?}")),
            }
        }
        self.waiting = left;
        Ok(failures)
    }

    /// The journal has failed: nothing more is acknowledged or written by this engine, and reads go on.
    fn after_the_end(&mut self) -> Result<(), String> {
        while self.engine.apply() {}
        self.answers()?;
        ensure!(self.waiting.is_empty(), "{} calls are never answered", self.waiting.len());
        let before = self.oracle.acknowledged;
        for _ in 0..3 {
            self.send();
        }
        self.engine.settle();
        self.engine.idle();
        let failures = self.answers()?;
        ensure!(
            failures == 3 && self.oracle.acknowledged == before,
            "after the journal has failed, {failures} of 3 calls fail, and {} are acknowledged",
            self.oracle.acknowledged - before
        );
        // What is seen now may never be taken back.
        self.oracle.find(&self.engine.client().read(Books::statement))?;
        let snapshot = self.engine.snapshot();
        ensure!(
            matches!(snapshot, Err(Error::Stopped(_))),
            "after the journal has failed a snapshot says {snapshot:?}"
        );
        let refused = self.engine.client().transfer(0, 0, Vec::new());
        let refused = self.engine.wait(refused);
        ensure!(
            matches!(refused, Err(Error::Stopped(_) | Error::NotJournaled(NotJournaled::Overloaded { .. }))),
            "after the journal has failed a call says {refused:?}"
        );
        untouched_since(self.disk)
    }

    /// Closes it, or ends it as a process ends.
    fn end(mut self) -> Result<Outcome, String> {
        if self.random.below(3) == 0 {
            return Ok(Outcome::Unharmed);
        }
        self.engine.settle();
        match self.settle()? {
            Outcome::Unharmed => {}
            outcome => return Ok(outcome),
        }
        match self.engine.close() {
            Ok(()) => Ok(Outcome::Unharmed),
            Err(Error::Failed(why)) => Ok(Outcome::NoSnapshot(why.to_string())),
            Err(error) => {
                untouched_since(self.disk)?;
                Ok(Outcome::Ended(error.to_string()))
            }
        }
    }
}

/// That no segment was written or synced after the fault was in one, and that no snapshot got its name whose sync had failed.
fn untouched_since(disk: &Watched) -> Result<(), String> {
    let Some((failed, after)) = disk.since_the_fault() else { return Ok(()) };
    let is_segment = |call: &watched::Call| call.path.to_string_lossy().contains("/journal-");
    // A directory is synced for a segment or for a snapshot.
    if !is_segment(&failed) {
        return Ok(());
    }
    for call in after {
        ensure!(
            !(is_segment(&call)
                && matches!(call.kind, Kind::Write | Kind::Sync | Kind::Rename | Kind::Create)),
            "after {:?} of {} had failed there was {:?} of {}",
            failed.kind,
            failed.path.display(),
            call.kind,
            call.path.display()
        );
    }
    Ok(())
}

/// That no snapshot got its name after a sync of it had failed.
pub fn no_name_for_what_failed(disk: &Watched) -> Result<(), String> {
    let Some((failed, after)) = disk.since_the_fault() else { return Ok(()) };
    let mut calls = after.iter().filter(|call| call.path == failed.path);
    let next = calls.find(|call| matches!(call.kind, Kind::Create | Kind::Rename));
    let renamed = failed.kind == Kind::Sync && next.is_some_and(|call| call.kind == Kind::Rename);
    ensure!(!renamed, "{} got its name after its sync had failed", failed.path.display());
    Ok(())
}

/// What a disk holds after its power was cut.
pub fn after_a_cut(disk: &Watched, seed: u64) -> Watched {
    Watched::new(disk.disk.crash(seed), None)
}

/// Opens a disk on which nothing fails any more, looks for all that is known, lets it go on, and looks once more.
///
/// # Errors
///
/// What is not as promised.
pub fn go_on(disk: &Watched, seed: u64, oracle: &mut Oracle) -> Result<Statement, String> {
    let engine = open(disk, seed, false).map_err(|error| format!("it cannot be opened: {error}"))?;
    oracle.find(&engine.client().read(Books::statement))?;
    let random = Random::new(seed);
    let mut life = Life { engine, disk, random, oracle, waiting: Vec::new(), next: [0; LANES as usize] };
    life.begin();
    let before = life.oracle.acknowledged;
    (0..3).for_each(|_| life.send());
    life.engine.settle();
    life.answers()?;
    let more = life.oracle.acknowledged - before;
    ensure!(more == 3, "it was opened again, and only {more} of 3 calls are acknowledged");
    Ok(life.engine.client().read(Books::statement))
}

/// Counts the calls of the script of `seed` that a fault of this kind concerns.
pub fn concerned(seed: u64, fault: fn(u64) -> Fault) -> Result<u64, String> {
    let disk = Watched::new(FaultyDisk::new(), Some(fault(u64::MAX)));
    match run(&disk, seed, &mut Oracle::default())? {
        Outcome::Unharmed => Ok(disk.concerned()),
        outcome => Err(format!("without a fault the script ends with {outcome:?}")),
    }
}
