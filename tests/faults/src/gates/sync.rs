//! Syncs that fail, injected and real.

mod cut;
mod real;
mod traced;

use memstate::testing::disk::FaultyDisk;

use crate::{
    ensure,
    harness::{Case, Gate, Run},
    machine::{
        oracle::Oracle,
        simulated::{self, Outcome},
        watched::{Fault, Kind, Watched},
    },
};

pub const GATE: Gate = Gate {
    name: "sync",
    promise: "a failed sync is never forgotten",
    unit: "failed syncs",
    counts: [500, 6_000, 300_000],
    run,
};

fn run(run: &Run) -> Result<(), String> {
    if !run.is_of_one_case() {
        real::run(run)?;
        cut::run(run)?;
        traced::run(run)?;
    }
    run.cases(script)
}

/// A script on a simulated disk, once for each of its syncs, which fails.
fn script(case: &Case<'_>) -> Result<(), String> {
    let syncs = simulated::concerned(case.seed, Fault::Sync)?;
    ensure!(syncs > 10, "the script has only {syncs} syncs");
    for nth in 1..=syncs {
        failed_sync(case, nth).map_err(|why| format!("sync {nth} of {syncs} failed: {why}"))?;
        case.run.tried(1);
    }
    case.run.fact("simulated: syncs that scripts made", syncs);
    Ok(())
}

fn failed_sync(case: &Case<'_>, nth: u64) -> Result<(), String> {
    let disk = Watched::new(FaultyDisk::new(), Some(Fault::Sync(nth)));
    let mut oracle = Oracle::default();
    let outcome = simulated::run(&disk, case.seed, &mut oracle)?;
    let (call, _) = disk.since_the_fault().ok_or("the script of one seed is not always the same")?;
    let (kind, why) = match outcome {
        Outcome::NotOpened(why) => ("while it was opened", why),
        Outcome::Ended(why) => ("while it was written or closed", why),
        Outcome::NoSnapshot(why) => ("of a snapshot", why),
        Outcome::Unharmed => {
            return Err(format!("a sync of {} failed, and nobody says so", call.path.display()));
        }
    };
    case.run.fact(&format!("simulated: failed syncs {kind}"), 1);
    if call.kind == Kind::SyncDir {
        case.run.fact("simulated: of them of a directory", 1);
    }
    // A segment is made under another name, and renamed while it is open.
    let path = call.path.display().to_string().trim_end_matches(".tmp").to_owned();
    ensure!(
        why.contains(&path) && why.contains("cannot "),
        "the error does not say what was done to {path}: {why}"
    );
    ensure!(why.contains("Input/output error"), "the error does not say what the system said: {why}");
    simulated::no_name_for_what_failed(&disk)?;

    // What there is after a loss of power.
    let seed = case.seed.wrapping_add(nth);
    for cut in 0..2 {
        let disk = simulated::after_a_cut(&disk, seed.wrapping_add(cut));
        simulated::go_on(&disk, cut, &mut oracle.clone()).map_err(|why| format!("after a cut: {why}"))?;
    }
    // Another process finds the cache as it is, which shows what never reached the disk. It goes on, and then the power goes.
    disk.disk.mend();
    simulated::go_on(&disk, 7, &mut oracle).map_err(|why| format!("opened again: {why}"))?;
    for cut in 0..3 {
        let disk = simulated::after_a_cut(&disk, seed.wrapping_add(cut));
        simulated::go_on(&disk, cut, &mut oracle.clone())
            .map_err(|why| format!("opened again, gone on, and then a cut: {why}"))?;
    }
    Ok(())
}
