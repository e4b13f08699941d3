//! SIGKILL at random moments.

use std::time::Duration;

use memstate_tests::random::Random;

use crate::{
    ensure,
    harness::{Case, Gate, Run},
    machine::{
        mounts::Place,
        oracle::{Oracle, Phase},
        told::{Plan, Told},
        workers::{self, Worker},
    },
};

pub const GATE: Gate = Gate {
    name: "kill",
    promise: "killed processes lose nothing",
    unit: "kills",
    counts: [100, 2_000, 20_000],
    run,
};

/// How many kills a journal sees before it is read once more from its beginning, and another is begun.
const KILLS: u64 = 25;

fn run(run: &Run) -> Result<(), String> {
    run.cases(journal)?;
    for phase in ["while it was opened", "while commands were in flight", "while it was closed"] {
        let hits = run.fact_so_far(&format!("killed {phase}"));
        ensure!(run.count < 1_000 || hits > run.count / 100, "only {hits} kills {phase} of {}", run.count);
    }
    Ok(())
}

/// One journal, killed again and again.
fn journal(case: &Case<'_>) -> Result<(), String> {
    let mut random = case.random();
    let place = Place::new().map_err(|error| error.to_string())?;
    let dir = place.path().join("books");
    let mut oracle = Oracle::default();
    let base = plan(&mut random, dir.clone());
    for _ in 0..KILLS {
        let plan = next(&base, &mut random, &mut oracle);
        let worker = Worker::start(&plan).map_err(|error| error.to_string())?;
        let patience = Duration::from_micros(match random.below(3) {
            // While the process starts and the journal is opened.
            0 => random.below(15_000),
            // After it was opened, until it is closed and opened again.
            _ => {
                worker.wait_for(Duration::from_secs(60), |told| matches!(told, Told::Opened(_)));
                random.below(20_000)
            }
        });
        std::thread::sleep(patience);
        let ended = worker.kill().map_err(|error| error.to_string())?;
        ended.sound()?;
        let heard = oracle.hear(&ended.told)?;
        ensure!(!heard.failed, "a journal that was killed is refused: {}", heard.why.unwrap_or_default());
        count(case.run, "killed", heard.phase);
        case.run.fact("replies", heard.acknowledged);
        case.run.fact("states that were checked", heard.opened);
        case.run.tried(1);
    }
    read_it_all(case.run, &dir, &mut oracle)
}

/// What a worker does to a journal, over and over.
pub fn plan(random: &mut Random, dir: std::path::PathBuf) -> Plan {
    Plan {
        lanes: 1 + random.below(4) as u8,
        window: 1 + random.below(8) as usize,
        transfers: 2 + random.below(30) as u32,
        lives: 50,
        padding: [0, 100, 700, 5_000][random.below(4) as usize],
        snapshot_every: [0, 7, 40][random.below(3) as usize],
        snapshots: random.below(2) == 0,
        segment_bytes: [4 << 10, 80 << 10, 64 << 20][random.below(3) as usize],
        ..Plan::look(dir, false)
    }
}

/// The plan of the next process on the same journal.
pub fn next(base: &Plan, random: &mut Random, oracle: &mut Oracle) -> Plan {
    oracle.forget();
    let mut plan = Plan { seed: random.below(u64::MAX), ..base.clone() };
    plan.replay_all = random.below(8) == 0;
    if random.below(4) > 0 {
        plan.again = oracle.again(plan.lanes, random.below(3) as usize);
    }
    plan
}

/// Opens a journal from its newest snapshot, and from its beginning, and looks for everything that is known.
pub fn read_it_all(run: &Run, dir: &std::path::Path, oracle: &mut Oracle) -> Result<(), String> {
    for replay_all in [false, true] {
        let ended = workers::run(&Plan::look(dir.to_owned(), replay_all))?;
        let heard = oracle.hear(&ended.told)?;
        ensure!(!heard.failed && heard.opened == 1, "it cannot be opened: {}", heard.why.unwrap_or_default());
    }
    run.fact("journals that were read again from the beginning", 1);
    run.fact("transfers in them", oracle.transfers() as u64);
    Ok(())
}

/// Counts what a process was doing when it was ended.
pub fn count(run: &Run, ended: &str, phase: Phase) {
    let phase = match phase {
        Phase::Starting => "before it did anything",
        Phase::Opening => "while it was opened",
        Phase::Working => "while commands were in flight",
        Phase::Closing => "while it was closed",
        Phase::Closed => "between closing and opening",
    };
    run.fact(&format!("{ended} {phase}"), 1);
}
