//! Commands that fail at any point, and leave no trace.
//!
//! Each case has a [`Zoo`] with one of everything that a model may hold, and a twin of it. Commands of one to thirty steps fail
//! in the zoo: the bytes of the state, which tell the order of everything as well, are what they were. Between
//! them commands succeed, in the zoo and, outside of any transaction, in the twin that never failed: replies and states
//! are the same. Some of the cases go through an engine, whose journal is then replayed: a replay passes failed commands
//! by, so the outcomes that it compares are those of a twin as well.

mod steps;
mod wild;
mod zoo;

use std::{collections::BTreeMap, sync::Arc};

use memstate::{
    Error, Timestamp,
    state::Failed,
    testing::undo::{Trace, traced},
    testing::{Simulated, disk::FaultyDisk},
};
use memstate_tests::random::Random;

use self::{
    wild::Trap,
    zoo::{Step, Zoo},
};
use crate::{
    ensure,
    harness::{Case, Gate, Run},
};

pub const GATE: Gate = Gate {
    name: "undo",
    promise: "a failed command leaves no trace",
    unit: "failures",
    counts: [30_000, 1_000_000, 20_000_000],
    run,
};

/// How many commands fail in a case.
const FAILURES: u64 = 200;
/// After so many failures each kind of step and of failure must have come.
const FAILURES_WITH_ALL: u64 = 10_000;

const TRAPS: [(Trap, &str); 9] = [
    (Trap::Refusal, "Err"),
    (Trap::Panic, "a panic"),
    (Trap::Drop, "a panic in Drop"),
    (Trap::DropInUndo, "Err, and a panic in Drop while it was undone"),
    (Trap::Clone, "a panic in Clone"),
    (Trap::Hash, "a panic in Hash"),
    (Trap::Ord, "a panic in Ord"),
    (Trap::Eq, "a panic in Eq"),
    (Trap::Serialize, "a panic in Serialize"),
];

fn run(run: &Run) -> Result<(), String> {
    run.cases(|case| match case.index % 16 {
        15 => through_an_engine(case),
        _ => in_transactions(case),
    })?;
    if run.done() >= FAILURES_WITH_ALL {
        for (_, what) in TRAPS {
            ensure!(run.fact_so_far(&by(what)) > 0, "no command failed by {what}");
        }
        for step in (0..steps::KINDS).map(steps::name) {
            ensure!(run.fact_so_far(&in_step(step)) > 0, "no command that failed had a step {step}");
        }
    }
    Ok(())
}

fn by(what: &str) -> String {
    format!("failed by {what}")
}

fn in_step(step: &str) -> String {
    format!("steps of failed commands: {step}")
}

/// A command: what it does and how it fails.
#[derive(Debug, Clone)]
struct Command {
    steps: Vec<Step>,
    trap: Trap,
    calls: u32,
    goes_on: bool,
}

impl Command {
    fn random(random: &mut Random, steps_max: u64, fails: bool) -> Command {
        let count = 1 + random.below(steps_max);
        let steps: Vec<_> = (0..count).map(|_| step(random)).collect();
        let trap = match fails {
            true => TRAPS[random.below(TRAPS.len() as u64) as usize].0,
            false => Trap::Nothing,
        };
        // How often each is called in a command, so that most traps spring and at any point.
        let calls = match trap {
            Trap::Nothing => 0,
            Trap::Refusal => random.below(count),
            Trap::Panic => random.below(2 * count),
            Trap::Drop | Trap::DropInUndo => random.below(3 * count),
            Trap::Clone => random.below(1 + count / 2),
            Trap::Hash | Trap::Eq => random.below(4 * count),
            Trap::Ord => random.below(5 * count),
            Trap::Serialize => random.below(1 + count / 4),
        };
        Command { steps, trap, calls: calls as u32, goes_on: fails && random.below(6) == 0 }
    }

    /// One that succeeds, and leaves a state that is not too large.
    fn calm(random: &mut Random, steps_max: u64) -> Command {
        let mut command = Command::random(random, steps_max, false);
        let trim = (0..steps::KINDS).find(|index| steps::name(*index) == "trim").expect("it is one of them");
        command.steps.push(Step { op: trim as u8, a: 0, b: 0 });
        command
    }

    /// Runs it outside of any transaction, without its trap.
    fn calmly(&self, twin: &mut Zoo) -> Result<u64, String> {
        let reply = twin.act(self.steps.clone(), Trap::Nothing, 0, self.goes_on);
        reply.map_err(|_| "a command that should succeed was refused by the twin".to_owned())
    }
}

fn step(random: &mut Random) -> Step {
    let op = random.below(steps::KINDS as u64) as u8;
    Step { op, a: random.below(256) as u8, b: random.below(1 << 20) as u32 }
}

/// Everything that is in it, in its order.
fn bytes(zoo: &Zoo) -> Vec<u8> {
    postcard::to_stdvec(zoo).expect("it can be written")
}

/// What was counted in a case.
#[derive(Default)]
struct Counts {
    traps: BTreeMap<Trap, u64>,
    steps: Vec<u64>,
    caught: u64,
    late: u64,
}

impl Counts {
    fn failed(&mut self, command: &Command, sprung: bool) {
        self.steps.resize(steps::KINDS, 0);
        for step in &command.steps {
            self.steps[steps::index(step)] += 1;
        }
        match command.trap {
            // Nothing was called often enough: it refused at its end.
            trap if !sprung && trap != Trap::Refusal => self.late += 1,
            trap => {
                *self.traps.entry(trap).or_default() += 1;
                self.caught += u64::from(command.goes_on);
            }
        }
    }

    fn tell(self, run: &Run) {
        for (trap, what) in TRAPS {
            run.fact(&by(what), self.traps.get(&trap).copied().unwrap_or(0));
        }
        run.fact("failed by Err at the end", self.late);
        run.fact("panics that the command caught, to fail later", self.caught);
        for (index, count) in self.steps.iter().enumerate() {
            run.fact(&in_step(steps::name(index)), *count);
        }
    }
}

fn in_transactions(case: &Case<'_>) -> Result<(), String> {
    let mut random = case.random();
    let (mut zoo, mut twin) = (Zoo::default(), Zoo::default());
    let (mut before, mut counts, mut failures) = (bytes(&zoo), Counts::default(), 0);
    while failures < FAILURES {
        if random.below(3) == 0 {
            let command = Command::calm(&mut random, 20);
            let reply = traced(&mut zoo, &mut Trace::default(), |zoo| {
                zoo.act(command.steps.clone(), Trap::Nothing, 0, false)
            });
            wild::disarm();
            let reply =
                reply.map_err(|failed| format!("{failed:?} by a command that succeeds: {command:?}"))?;
            succeeded(&zoo, &mut twin, &command, reply)?;
            before = bytes(&zoo);
            continue;
        }
        let command = Command::random(&mut random, 30, true);
        let while_saved = command.trap == Trap::Clone && random.below(8) == 0;
        if while_saved {
            // Not in the command: the field that is saved as a clone is cloned before it runs.
            wild::set(Trap::Clone, 0);
        }
        let outcome = traced(&mut zoo, &mut Trace::default(), |zoo| {
            zoo.act(command.steps.clone(), command.trap, command.calls, command.goes_on)
        });
        wild::undo_begins(false);
        let sprung = wild::disarm();
        match outcome {
            Ok(reply) if command.trap == Trap::Serialize && !sprung => {
                succeeded(&zoo, &mut twin, &command, reply)?;
                before = bytes(&zoo);
                continue;
            }
            Err(Failed::Refused(_) | Failed::Panicked(_)) => {}
            outcome => return Err(format!("{outcome:?} of {:?}", smaller(&before, command))),
        }
        counts.failed(&command, sprung);
        failures += 1;
        case.run.tried(1);
        if bytes(&zoo) != before {
            let was: Zoo = postcard::from_bytes(&before).map_err(|error| error.to_string())?;
            return Err(format!("it left a trace: {command:?}\n  before {was:?}\n  after  {zoo:?}"));
        }
        if let Some(flaw) = zoo.flaw() {
            return Err(format!("{flaw} after {command:?}"));
        }
    }
    counts.tell(case.run);
    Ok(())
}

/// Leaves steps out as long as the state is still broken by what is left.
fn smaller(before: &[u8], mut command: Command) -> Command {
    let breaks = |command: &Command| {
        let mut zoo: Zoo = postcard::from_bytes(before).expect("it was written so");
        let outcome = traced(&mut zoo, &mut Trace::default(), |zoo| {
            zoo.act(command.steps.clone(), command.trap, command.calls, command.goes_on)
        });
        wild::undo_begins(false);
        wild::disarm();
        matches!(outcome, Err(Failed::Broken(_)))
    };
    let mut place = 0;
    while place < command.steps.len() {
        let smaller = (0..=command.calls).rev().find_map(|calls| {
            let mut smaller = Command { calls, ..command.clone() };
            smaller.steps.remove(place);
            breaks(&smaller).then_some(smaller)
        });
        match smaller {
            Some(smaller) => command = smaller,
            None => place += 1,
        }
    }
    command
}

/// The twin does what has succeeded, and comes to the same.
fn succeeded(zoo: &Zoo, twin: &mut Zoo, command: &Command, reply: u64) -> Result<(), String> {
    let expected = command.calmly(twin)?;
    ensure!(reply == expected, "a reply unlike that of the twin, which never failed: {command:?}");
    if let Some(flaw) = zoo.flaw() {
        return Err(format!("{flaw} after {command:?}"));
    }
    ensure!(
        bytes(zoo) == bytes(twin),
        "a state unlike that of the twin, which never failed, after {command:?}\n  zoo  {zoo:?}\n  twin {twin:?}"
    );
    Ok(())
}

fn through_an_engine(case: &Case<'_>) -> Result<(), String> {
    let mut random = case.random();
    let disk = FaultyDisk::new();
    let open = |disk: &FaultyDisk| {
        let now = Timestamp::from_micros(1);
        memstate::open::<Zoo>("/zoo")
            .on_disk(Arc::new(disk.clone()))
            .no_snapshot_on_close()
            .clock(move || now)
    };
    let said = |error: memstate::OpenError| error.to_string();
    let mut zoo = Simulated::open(open(&disk), case.seed).map_err(said)?;
    let (mut twin, mut counts, mut failures) = (Zoo::default(), Counts::default(), 0);
    while failures < FAILURES {
        // A batch of several, which are applied one after another in one step.
        let batch: Vec<_> = (0..1 + random.below(8))
            .map(|_| match random.below(3) {
                0 => Command::calm(&mut random, 20),
                _ => loop {
                    let command = Command::random(&mut random, 30, true);
                    // That one would spring in a later command, whose outcome is digested too.
                    if command.trap != Trap::Serialize {
                        break command;
                    }
                },
            })
            .collect();
        let send = |command: &Command| {
            zoo.client().act(command.steps.clone(), command.trap, command.calls, command.goes_on)
        };
        let calls: Vec<_> = batch.iter().map(send).collect();
        zoo.settle();
        wild::undo_begins(false);
        wild::disarm();
        for (command, call) in batch.iter().zip(calls) {
            match (zoo.wait(call), command.trap) {
                (Ok(reply), Trap::Nothing) => {
                    ensure!(
                        reply == command.calmly(&mut twin)?,
                        "a reply unlike that of the twin: {command:?}"
                    );
                }
                (Err(Error::Rejected(_) | Error::Panicked { .. }), trap) if trap != Trap::Nothing => {
                    // In an engine it is not seen whether it was its trap.
                    counts.failed(command, trap == Trap::Refusal);
                    failures += 1;
                    case.run.tried(1);
                }
                (outcome, _) => return Err(format!("{outcome:?} of {command:?}")),
            }
        }
        let state = zoo.client().read(bytes);
        ensure!(state == bytes(&twin), "a state unlike that of the twin after {batch:?}");
        if random.below(20) == 0 {
            zoo.close().map_err(|error| error.to_string())?;
            zoo = Simulated::open(open(&disk).replay_all(), case.seed).map_err(said)?;
        }
    }
    zoo.close().map_err(|error| error.to_string())?;
    let again = Simulated::open(open(&disk).replay_all(), case.seed).map_err(said)?;
    ensure!(again.client().read(bytes) == bytes(&twin), "a replay comes to another state than the twin");
    case.run.fact("failures through an engine", failures);
    counts.tell(case.run);
    Ok(())
}
