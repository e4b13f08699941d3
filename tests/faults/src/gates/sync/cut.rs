//! A real file system that is cut off under a process that lives on: from then on each of its syncs fails with a real EIO.

use std::{fs::File, os::fd::AsRawFd};

use memstate_tests::random::Random;

use super::real::{alone, served};
use crate::{
    ensure,
    gates::kill,
    harness::Run,
    machine::{
        mounts::{self, Ext4},
        oracle::{Oracle, Phase},
        told::Plan,
        tracer::{self, Act, Fault, syncs},
        workers,
    },
};

const IMAGE_BYTES: u64 = 16 << 20;
/// More of each lane than come before the cut: at most four are in one sync.
const TRANSFERS: u32 = 200;
/// After so many syncs it is open, and has acknowledged something.
const SYNCS_BEFORE: u64 = 20;
/// How many cuts there may be for each that is wanted: while one thread syncs another may write, and fail first.
const CUTS_MAX: u64 = 3;

const SYNCS: &str = "cut off: syncs that failed with a real EIO";

pub fn run(run: &Run) -> Result<(), String> {
    if let Some(why) = mounts::missing().or_else(tracer::missing) {
        return run.skip_part("syncs that fail with a real EIO", &why);
    }
    let wanted = [4, 24, 500][run.tier as usize];
    let mut random = Random::new(run.seed);
    for time in 0..wanted * CUTS_MAX {
        if run.fact_so_far(SYNCS) >= wanted {
            break;
        }
        let seed = random.below(u64::MAX);
        alone(|| one(run, seed)).map_err(|why| format!("cut off under a process, time {time}: {why}"))?;
    }
    let syncs = run.fact_so_far(SYNCS);
    ensure!(syncs >= wanted, "of {} cuts only {syncs} made a sync fail", wanted * CUTS_MAX);
    Ok(())
}

/// One file system, one process, one cut.
fn one(run: &Run, seed: u64) -> Result<(), String> {
    let text = |error: std::io::Error| error.to_string();
    let mut random = Random::new(seed);
    let mut ext4 = Ext4::new(IMAGE_BYTES).map_err(text)?;
    let dir = ext4.path().join("books");
    let mut oracle = Oracle::default();
    let plan = Plan {
        seed,
        lanes: 2,
        window: 2,
        transfers: TRANSFERS,
        padding: [200, 3_000][random.below(2) as usize],
        ..Plan::look(dir.clone(), false)
    };
    // When what is to be synced was written. It is not killed: it tries on, reads, closes, and ends by itself.
    let top = File::open(ext4.path()).map_err(text)?;
    let nth = SYNCS_BEFORE + random.below(40);
    let traced = tracer::trace(&plan, syncs, Some(Fault { act: Act::CutOff(top.as_raw_fd()), nth }))?;
    drop(top);
    ensure!(traced.done_at.is_some(), "it was to be cut off at sync {nth}, and made {}", traced.calls);
    let ended = traced.ended;
    ended.sound()?;
    // Here it is looked at that nothing that was sent after the failure is acknowledged.
    let heard = oracle.hear(&ended.told)?;
    ensure!(
        heard.acknowledged > 0 && heard.failures > 0 && heard.phase == Phase::Working,
        "cut off at sync {nth}, and no call was answered before, or none failed: {:?}",
        heard.phase
    );
    let why = heard.why.unwrap_or_default();
    ensure!(why.contains("Input/output error"), "the disk was cut off, and the error says: {why}");
    let served = served(&ended)?;
    let is_sync = why.contains("cannot sync");
    match is_sync {
        true => run.fact(SYNCS, 1),
        false => run.fact("cut off: writes that failed before there was a sync", 1),
    }
    run.fact("cut off: replies before it", heard.acknowledged);
    run.fact("cut off: calls that failed", heard.failures);

    ext4.remount().map_err(text)?;
    let truth = workers::run(&Plan::look(dir.clone(), true))?;
    let heard = oracle.hear(&truth.told).map_err(|why| format!("after the remount: {why}"))?;
    ensure!(!heard.failed, "after the remount it is refused: {}", heard.why.unwrap_or_default());
    ensure!(oracle.transfers() >= served.trail.len(), "what was served after the failure is not there");
    let last = Plan { again: oracle.again(2, 1), transfers: 3, ..plan };
    let ended = workers::run(&last)?;
    let heard = oracle.hear(&ended.told)?;
    ensure!(!heard.failed && heard.acknowledged >= 6, "it does not go on: {}", heard.why.unwrap_or_default());
    kill::read_it_all(run, &dir, &mut oracle)?;
    run.tried(u64::from(is_sync));
    Ok(())
}
