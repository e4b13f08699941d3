//! A disk that is full at each write.

mod real;

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
    name: "full",
    promise: "a full disk loses nothing",
    unit: "positions",
    counts: [500, 5_000, 200_000],
    run,
};

fn run(run: &Run) -> Result<(), String> {
    if !run.is_of_one_case() {
        real::run(run)?;
    }
    run.cases(script)
}

/// A script on a simulated disk, once for each of its calls that may need space: from that one on there is none.
fn script(case: &Case<'_>) -> Result<(), String> {
    let calls = simulated::concerned(case.seed, Fault::Full)?;
    ensure!(calls > 20, "the script has only {calls} calls that need space");
    for nth in 1..=calls {
        full_at(case, nth).map_err(|why| format!("full at call {nth} of {calls}: {why}"))?;
        case.run.tried(1);
    }
    Ok(())
}

fn full_at(case: &Case<'_>, nth: u64) -> Result<(), String> {
    let disk = Watched::new(FaultyDisk::new(), Some(Fault::Full(nth)));
    let mut oracle = Oracle::default();
    let outcome = simulated::run(&disk, case.seed, &mut oracle)?;
    let (call, _) = disk.since_the_fault().ok_or("the script of one seed is not always the same")?;
    let path = call.path.display().to_string();
    let (kind, why) = match outcome {
        Outcome::NotOpened(why) => ("while it was opened", why),
        Outcome::Ended(why) => ("while it was written or closed", why),
        Outcome::NoSnapshot(why) => ("of a snapshot", why),
        Outcome::Unharmed => return Err(format!("{:?} of {path} failed, and nobody says so", call.kind)),
    };
    case.run.fact(&format!("simulated: full disks {kind}"), 1);
    if call.path.ends_with("attempt") {
        case.run.fact("simulated: of them for the file `attempt`", 1);
    }
    if call.kind != Kind::Write {
        case.run.fact(&format!("simulated: of them at a {:?}", call.kind), 1);
    }
    says_what_to_do(&why, &["/books"])?;

    let seed = case.seed.wrapping_add(nth);
    // Before there is space the power goes, and there is some after it.
    let cut = simulated::after_a_cut(&disk, seed);
    simulated::go_on(&cut, seed, &mut oracle.clone()).map_err(|why| format!("after a cut: {why}"))?;
    // Another process tries without, and may not get far.
    if let Ok(engine) = simulated::open(&disk, seed, false) {
        oracle.find(&engine.client().read(crate::machine::books::Books::statement))?;
        case.run.fact("simulated: opened while the disk was full", 1);
    }
    let disk = Watched::new(disk.disk, None);
    simulated::go_on(&disk, 7, &mut oracle)
        .map_err(|why| format!("opened again when there was space: {why}"))?;
    for cut in 0..2 {
        let disk = simulated::after_a_cut(&disk, seed.wrapping_add(cut));
        simulated::go_on(&disk, cut, &mut oracle.clone())
            .map_err(|why| format!("opened again when there was space, and then a cut: {why}"))?;
    }
    Ok(())
}

/// That an error says what happened, where, and what to do.
fn says_what_to_do(why: &str, paths: &[&str]) -> Result<(), String> {
    ensure!(why.contains("No space left on device"), "the error does not say that there is no space: {why}");
    ensure!(paths.iter().any(|path| why.contains(path)), "the error does not say where: {why}");
    ensure!(why.contains("make room"), "the error does not say what to do: {why}");
    Ok(())
}
