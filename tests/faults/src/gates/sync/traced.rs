//! Every sync that the real engine makes on the real disk, failed by the tracer.

use crate::{
    ensure,
    gates::kill,
    harness::{Run, Tier},
    machine::{
        mounts::Place,
        oracle::Oracle,
        told::{Plan, Told},
        tracer::{self, Act, Fault, syncs},
        workers,
    },
};

/// How many runs the syncs are counted in.
const COUNTED: u64 = 5;
/// How often a sync is sought that a run did not come to.
const TRIES: u64 = 10;

pub fn run(run: &Run) -> Result<(), String> {
    if let Some(why) = tracer::missing() {
        return run.skip_part("syncs that fail in the real engine", &why);
    }
    let place = Place::new().map_err(|error| error.to_string())?;
    let plan = |name: &str| Plan {
        lanes: 2,
        window: 3,
        transfers: 6,
        lives: 2,
        padding: 900,
        snapshots: true,
        segment_bytes: 4 << 10,
        ..Plan::look(place.path().join(name), false)
    };
    // Threads meet in another order each time, so one run has some more and another some fewer: each run has the fewest.
    let mut all = u64::MAX;
    for counted in 0..COUNTED {
        all = all.min(tracer::trace(&plan(&format!("counted-{counted}")), syncs, None)?.calls);
    }
    ensure!(all > 20, "the engine makes only {all} syncs");
    let each = if run.tier == Tier::Quick { all.div_ceil(10) as usize } else { 1 };
    let (mut wanted, mut hits) = (0, 0);
    for nth in (1..=all + 5).step_by(each) {
        let mut hit = false;
        let tries = if nth <= all { TRIES } else { 1 };
        for again in 0..tries {
            let plan = plan(&format!("{nth}-{again}"));
            hit |= one(run, &plan, nth)
                .map_err(|why| format!("sync {nth} of {all} of the real engine failed: {why}"))?;
            if hit {
                break;
            }
        }
        if nth <= all {
            (wanted, hits) = (wanted + 1, hits + u64::from(hit));
        }
    }
    ensure!(hits * 10 >= wanted * 9, "of {wanted} syncs of the real engine only {hits} were made to fail");
    Ok(())
}

/// Fails one sync; whether it came to it.
fn one(run: &Run, plan: &Plan, nth: u64) -> Result<bool, String> {
    let mut oracle = Oracle::default();
    let fault = Fault { act: Act::Fail(libc::EIO), nth };
    let traced = tracer::trace(plan, syncs, Some(fault))?;
    traced.ended.sound()?;
    let heard = oracle.hear(&traced.ended.told)?;
    let no_snapshot = traced.ended.told.iter().find_map(|told| match told {
        Told::Snapshot(Err(why)) => Some(why.clone()),
        _ => None,
    });
    if traced.done_at.is_some() {
        let why = heard.why.clone().or(no_snapshot);
        let why = why.ok_or("nobody says so")?;
        // A new journal syncs the directory that it is in, too, and to make a directory is to sync where it is entered.
        let (dir, parent) = (plan.dir.display(), plan.dir.parent().unwrap_or(&plan.dir).display());
        let named = [
            format!("cannot sync {dir}/"),
            format!("cannot sync {dir}:"),
            format!("cannot sync {parent}:"),
            format!("cannot create the directory {dir}:"),
            // To write a snapshot is to sync it.
            format!("cannot write the snapshot {dir}/"),
        ];
        ensure!(
            why.contains("Input/output error") && named.iter().any(|named| why.contains(&**named)),
            "the error does not say that {dir} could not be synced: {why}"
        );
        run.fact("real engine: syncs that failed by the tracer", 1);
        run.tried(1);
    }
    let again = Plan { again: oracle.again(2, 1), lives: 1, snapshots: false, ..plan.clone() };
    let ended = workers::run(&again)?;
    let heard = oracle.hear(&ended.told)?;
    ensure!(!heard.failed, "it does not go on: {}", heard.why.unwrap_or_default());
    kill::read_it_all(run, &plan.dir, &mut oracle)?;
    Ok(traced.done_at.is_some())
}
