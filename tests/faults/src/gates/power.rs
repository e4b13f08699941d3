//! A real file system that is cut off under load.

use std::{fs, io::Write, path::Path, time::Duration};

use crate::{
    ensure,
    gates::kill,
    harness::{Case, Gate, Run},
    machine::{
        mounts::{self, Ext4},
        oracle::Oracle,
        told::Told,
        workers::Worker,
    },
};

pub const GATE: Gate = Gate {
    name: "power",
    promise: "real power cuts lose nothing",
    unit: "cuts",
    counts: [10, 300, 10_000],
    run,
};

/// How many cuts a file system sees before another is made.
const CUTS: u64 = 20;
const IMAGE_BYTES: u64 = 48 << 20;

/// What [`kill::count`] calls the cuts that count most.
const IN_FLIGHT: &str = "cut off while commands were in flight";

/// What is written and not synced before a cut, and has to be gone after it, or the cut is none.
const UNSYNCED: &str = "unsynced";

fn run(run: &Run) -> Result<(), String> {
    if let Some(why) = mounts::missing() {
        return run.skip(&why);
    }
    run.cases(file_system)?;
    let (cuts, gone) = (run.done(), run.fact_so_far("unsynced files that were gone, as they should"));
    let hits = run.fact_so_far(IN_FLIGHT);
    ensure!(cuts < 40 || hits > cuts / 10, "only {hits} of {cuts} cuts came while commands were in flight");
    ensure!(gone * 10 > cuts * 9, "of {cuts} unsynced files only {gone} were gone: nothing was cut");
    Ok(())
}

/// One file system, cut again and again.
fn file_system(case: &Case<'_>) -> Result<(), String> {
    let text = |error: std::io::Error| error.to_string();
    let mut random = case.random();
    let mut ext4 = Ext4::new(IMAGE_BYTES).map_err(text)?;
    let dir = ext4.path().join("books");
    let mut oracle = Oracle::default();
    let base = kill::plan(&mut random, dir.clone());
    for _ in 0..CUTS {
        let plan = kill::next(&base, &mut random, &mut oracle);
        let worker = Worker::start(&plan).map_err(text)?;
        if random.below(3) > 0 {
            worker.wait_for(Duration::from_secs(60), |told| matches!(told, Told::Opened(_)));
        }
        let synced = ext4.path().join("synced");
        write(&synced, true).map_err(text)?;
        std::thread::sleep(Duration::from_micros(random.below(40_000)));
        let unsynced = ext4.path().join(UNSYNCED);
        write(&unsynced, false).map_err(text)?;
        ext4.cut().map_err(text)?;
        // Whatever it still says is heard: after the cut it cannot have synced anything.
        std::thread::sleep(Duration::from_millis(2));
        let ended = worker.kill().map_err(text)?;
        ended.sound()?;
        let heard = oracle.hear(&ended.told)?;
        kill::count(case.run, "cut off", heard.phase);
        case.run.fact("replies", heard.acknowledged);
        case.run.fact("states that were checked", heard.opened);
        case.run.fact("calls that failed when it was cut off", heard.failures);
        ext4.remount().map_err(text)?;
        ensure!(
            fs::read(&synced).is_ok_and(|found| found == CONTENT),
            "what was synced is gone: the disk is broken"
        );
        let gone = fs::read(&unsynced).is_ok_and(|found| found == CONTENT);
        case.run.fact("unsynced files that were gone, as they should", u64::from(!gone));
        fs::remove_file(&synced).map_err(text)?;
        let _ = fs::remove_file(&unsynced);
        case.run.tried(1);
    }
    kill::read_it_all(case.run, &dir, &mut oracle)
}

const CONTENT: &[u8] = &[7; 5_000];

fn write(path: &Path, sync: bool) -> std::io::Result<()> {
    let mut file = fs::File::create(path)?;
    file.write_all(CONTENT)?;
    if sync {
        file.sync_all()?;
        fs::File::open(path.parent().expect("it is in a directory"))?.sync_all()?;
    }
    Ok(())
}
