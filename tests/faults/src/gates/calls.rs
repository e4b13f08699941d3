//! SIGKILL at every system call of a scripted run.

use std::{collections::BTreeSet, path::PathBuf, sync::Mutex};

use memstate_tests::random::Random;

use crate::{
    ensure,
    gates::kill,
    harness::{Case, Gate, Run, Tier},
    machine::{
        mounts::Place,
        oracle::Oracle,
        told::Plan,
        tracer::{self, Act, Fault, Traced, touches_files},
    },
};

pub const GATE: Gate = Gate {
    name: "kill-at-calls",
    promise: "killed at any system call, nothing is lost",
    unit: "system calls",
    counts: [60, 1_200, 6_000],
    run,
};

/// About how many calls an opening after a kill makes.
const CALLS_OF_AN_OPENING: u64 = 250;
/// How often a run that ended before its call is made once more: how many calls there are depends on how its threads meet.
const TRIES: usize = 40;
/// How many runs are counted, to know how many calls there are always.
const COUNTED: u64 = 5;

fn run(run: &Run) -> Result<(), String> {
    if let Some(why) = tracer::missing() {
        return run.skip(&why);
    }
    // How many calls a run makes that nothing happens to.
    let (mut least, mut most) = (u64::MAX, 0);
    for _ in 0..COUNTED {
        let place = Place::new().map_err(|error| error.to_string())?;
        let mut oracle = Oracle::default();
        let counted = traced(&script(place.path().join("books")), None, &mut oracle)?.calls;
        (least, most) = (least.min(counted), most.max(counted));
    }
    ensure!(least > 500, "the script makes {least} calls only");
    run.fact("calls that the script makes at least", least);
    run.fact("calls that the script makes at most", most);
    // Outside the quick tier each call is one of those.
    let count = if run.tier == Tier::Quick { run.count } else { run.count.max(least) };
    let hit = Mutex::new(BTreeSet::new());
    run.cases_until(count, |case| {
        let nth = match run.tier {
            // A few, from all over the script.
            Tier::Quick => 1 + case.random().below(least),
            // Each of them, and then again: no two runs of several threads are the same.
            _ => 1 + case.index % least,
        };
        killed(case, nth)?;
        hit.lock().expect("nothing panics with it").insert(nth);
        Ok(())
    })?;
    let hit = hit.into_inner().expect("nothing panics with it");
    run.fact("different calls at which it was killed", hit.len() as u64);
    if run.tier != Tier::Quick && !run.is_of_one_case() {
        let missed: Vec<_> = (1..=least).filter(|nth| !hit.contains(nth)).collect();
        ensure!(missed.is_empty(), "of the calls 1 to {least} it was never killed at {missed:?}");
    }
    let ran = run.fact_so_far(OVER);
    ensure!(ran < run.done().max(40), "{ran} runs were over before their call, and {} were not", run.done());
    Ok(())
}

const OVER: &str = "runs that were over before their call, and are not counted";

/// Opens a new journal, sends from two tasks, with snapshots and several segments, closes, and does it again twice.
fn script(dir: PathBuf) -> Plan {
    Plan {
        lanes: 2,
        window: 3,
        transfers: 10,
        lives: 3,
        padding: 700,
        snapshot_every: 9,
        snapshots: true,
        segment_bytes: 8 << 10,
        ..Plan::look(dir, false)
    }
}

/// Kills it at a call, and again while it is opened. What counts is that it came to that call.
fn killed(case: &Case<'_>, nth: u64) -> Result<(), String> {
    for _ in 0..TRIES {
        if killed_at(case, nth)? {
            case.run.tried(1);
            return Ok(());
        }
        case.run.fact(OVER, 1);
    }
    Err(format!("in {TRIES} runs it never came to call {nth}, and is killed nowhere"))
}

fn killed_at(case: &Case<'_>, nth: u64) -> Result<bool, String> {
    let mut random: Random = case.random();
    let place = Place::new().map_err(|error| error.to_string())?;
    let dir = place.path().join("books");
    let mut oracle = Oracle::default();
    let what = format!("killed at call {nth}");
    let first = script(dir.clone());
    let run = traced(&first, Some(nth), &mut oracle).map_err(|why| format!("{what}: {why}"))?;
    let was_killed = run.done_at.is_some();
    // Once more, while it is opened again.
    let again = Plan { again: oracle.again(2, 2), lives: 1, ..first };
    let then = 1 + random.below(CALLS_OF_AN_OPENING);
    let what = format!("{what}, then at call {then}");
    let run = traced(&again, Some(then), &mut oracle).map_err(|why| format!("{what}: {why}"))?;
    case.run.fact("kills at a call after that", u64::from(run.done_at.is_some()));
    let last = Plan { again: oracle.again(2, 2), transfers: 2, lives: 1, ..again };
    let ended = crate::machine::workers::run(&last)?;
    let heard = oracle.hear(&ended.told).map_err(|why| format!("{what}, then: {why}"))?;
    ensure!(!heard.failed, "{what}: it does not go on: {}", heard.why.unwrap_or_default());
    ensure!(heard.acknowledged >= 4, "{what}: it goes on, and only {} were acknowledged", heard.acknowledged);
    kill::read_it_all(case.run, &dir, &mut oracle).map_err(|why| format!("{what}, then: {why}"))?;
    Ok(was_killed)
}

/// Runs a plan, kills it at the nth call, and hears it.
fn traced(plan: &Plan, nth: Option<u64>, oracle: &mut Oracle) -> Result<Traced, String> {
    let fault = nth.map(|nth| Fault { act: Act::Kill, nth });
    let traced = tracer::trace(plan, touches_files, fault)?;
    traced.ended.sound()?;
    let heard = oracle.hear(&traced.ended.told)?;
    ensure!(!heard.failed, "it is refused: {}", heard.why.unwrap_or_default());
    Ok(traced)
}
