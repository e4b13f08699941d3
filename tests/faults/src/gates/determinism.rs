//! A replay comes to the same: from the start, from each snapshot, in this process and in another one.
//!
//! Each seed is a script for an engine without threads: commands of all kinds, in batches of random bounds, with snapshots,
//! restarts and losses of power in between. Then
//!
//! * the whole journal is replayed, and the journal beside each single snapshot: every outcome that was recorded is
//!   compared on the way, by the engine, and the states at the end, by their bytes, here;
//! * another process runs the same script: its journal and its snapshots, with the outcomes of all batches in them, have
//!   the same bytes; and it replays the first one's journal to the same state, events and outcomes.
//!
//! That a replay that comes to something else is noticed is tried first, with commands that are not deterministic.

mod planted;
mod script;
mod world;

use std::{
    collections::hash_map::DefaultHasher,
    fs,
    hash::{Hash, Hasher},
    path::Path,
    process::{Command, ExitCode},
    sync::Arc,
};

use memstate::testing::{Simulated, disk::FaultyDisk};

use self::{script::Script, world::World};
use crate::{
    ensure,
    harness::{Case, Gate, Run},
};

pub const GATE: Gate = Gate {
    name: "determinism",
    promise: "a replay comes to the same",
    unit: "seeds",
    counts: [40, 1_000, 20_000],
    run,
};

fn run(run: &Run) -> Result<(), String> {
    planted::is_noticed(run)?;
    run.cases(one_seed)?;
    ensure!(run.fact_so_far("snapshots replayed from") > 0, "there were no snapshots");
    Ok(())
}

fn one_seed(case: &Case<'_>) -> Result<(), String> {
    let Script { disk, state, position, batches, records } = script::play(case.seed)?;
    let replayed = |disk: &FaultyDisk, from: &str, all: bool| -> Result<Simulated<World>, String> {
        let open = script::open(disk);
        let open = if all { open.replay_all() } else { open };
        let again = Simulated::open(open, 1).map_err(|error| format!("a replay from {from}: {error}"))?;
        ensure!(again.client().position().get() == position, "a replay from {from} ends at another position");
        let bytes = again.client().read(world::bytes);
        ensure!(bytes == state, "a replay from {from} comes to another state");
        Ok(again)
    };
    let told = tell(&replayed(&copy(&disk, |_| true), "the start", true)?)?;
    let snapshots: Vec<_> = disk.files().into_iter().filter(|path| is_snapshot(path)).collect();
    for snapshot in &snapshots {
        let one = copy(&disk, |path| !is_snapshot(path) || path == snapshot);
        replayed(&one, &snapshot.display().to_string(), false)?;
    }
    let none = copy(&disk, |path| !is_snapshot(path));
    replayed(&none, "a journal without snapshots", false)?;
    elsewhere(case.seed, &disk, &told)?;
    case.run.tried(1);
    case.run.fact("snapshots replayed from", snapshots.len() as u64);
    case.run.fact("batches", batches);
    case.run.fact("records", records);
    Ok(())
}

fn is_snapshot(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("snapshot-"))
}

/// A disk with some of the files.
fn copy(disk: &FaultyDisk, is_wanted: impl Fn(&Path) -> bool) -> FaultyDisk {
    let copy = FaultyDisk::new();
    for path in disk.files().iter().filter(|path| is_wanted(path)) {
        copy.put(path, disk.bytes(path).unwrap_or_default());
    }
    copy
}

/// The journal and the snapshots: the outcomes of all batches are in them.
fn digest_of_files(disk: &FaultyDisk) -> u64 {
    let mut hasher = DefaultHasher::new();
    for path in disk.files() {
        path.hash(&mut hasher);
        disk.bytes(&path).hash(&mut hasher);
    }
    hasher.finish()
}

/// What there is to tell of a journal: its state, and each record with its outcome and events.
fn tell(world: &Simulated<World>) -> Result<String, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().map_err(|error| error.to_string())?;
    let mut hasher = DefaultHasher::new();
    let records = runtime.block_on(async {
        let (mut history, mut records) = (world.client().history(..), 0);
        while let Some(record) = history.next().await {
            format!("{:?}", record.map_err(|error| error.to_string())?).hash(&mut hasher);
            records += 1;
        }
        Ok::<u64, String>(records)
    })?;
    let mut state = DefaultHasher::new();
    world.client().read(world::bytes).hash(&mut state);
    Ok(format!("{records} records {:016x}, state {:016x}", hasher.finish(), state.finish()))
}

/// Has another process play the script and replay the journal.
fn elsewhere(seed: u64, disk: &FaultyDisk, told: &str) -> Result<(), String> {
    let said = |error: std::io::Error| error.to_string();
    let dir = tempfile::tempdir().map_err(said)?;
    for path in disk.files() {
        let name = path.file_name().ok_or("a file without a name")?;
        fs::write(dir.path().join(name), disk.bytes(&path).unwrap_or_default()).map_err(said)?;
    }
    let program = std::env::current_exe().map_err(said)?;
    let mut child = Command::new(program);
    let output =
        child.args(["--child", "determinism", &seed.to_string()]).arg(dir.path()).output().map_err(said)?;
    let (text, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let expected = format!("files {:016x}\n{told}\n", digest_of_files(disk));
    ensure!(output.status.success(), "another process failed: {errors}");
    ensure!(text == expected, "another process came to\n{text}instead of\n{expected}");
    Ok(())
}

/// What the other process does.
pub fn child(arguments: &[String]) -> ExitCode {
    let work = || -> Result<(), String> {
        let [seed, dir] = arguments else { return Err("a seed and a directory".to_owned()) };
        let Script { disk, .. } = script::play(seed.parse().map_err(|_| "a seed".to_owned())?)?;
        println!("files {:016x}", digest_of_files(&disk));
        let there = FaultyDisk::new();
        for entry in fs::read_dir(dir).map_err(|error| error.to_string())? {
            let path = entry.map_err(|error| error.to_string())?.path();
            let bytes = fs::read(&path).map_err(|error| error.to_string())?;
            there.put(&Path::new(script::LOCATION).join(path.file_name().unwrap_or_default()), bytes);
        }
        let again =
            Simulated::open(script::open(&there).replay_all(), 1).map_err(|error| error.to_string())?;
        println!("{}", tell(&again)?);
        Ok(())
    };
    match work() {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    }
}

/// A disk as an engine takes it.
fn shared(disk: &FaultyDisk) -> Arc<FaultyDisk> {
    Arc::new(disk.clone())
}
