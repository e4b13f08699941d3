//! Real file systems of which each has room for a little more than the one before: a tmpfs, which finds out while it writes, and an
//! ext4, which may find out when it syncs.

use std::{fs, io, path::Path};

use super::says_what_to_do;
use crate::{
    ensure,
    gates::kill,
    harness::{Run, message},
    machine::{
        books::Statement,
        mounts::{self, Ext4, Tmpfs},
        oracle::{Oracle, Phase},
        told::{Plan, Told},
        workers,
    },
};

const PAGE: u64 = 4096;
const IMAGE_BYTES: u64 = 16 << 20;

pub fn run(run: &Run) -> Result<(), String> {
    if let Some(why) = mounts::missing() {
        return run.skip_part("disks that are really full", &why);
    }
    let positions = [12, 60, 600][run.tier as usize];
    for position in 0..positions {
        for is_tmpfs in [true, false] {
            let kind = if is_tmpfs { "tmpfs" } else { "ext4" };
            let full = || match is_tmpfs {
                true => tmpfs(run, position, positions),
                false => ext4(run, position, positions),
            };
            // On a thread of its own, whose mounts go with it.
            let failed = std::thread::scope(|scope| {
                scope.spawn(full).join().unwrap_or_else(|panic| Err(message(&*panic)))
            });
            failed.map_err(|why| format!("{kind}, full at position {position}: {why}"))?;
            run.fact(&format!("{kind}: positions"), 1);
            run.tried(1);
        }
    }
    Ok(())
}

/// How many pages there are at a position: from none to some more than are needed in all.
fn pages(position: u64, positions: u64) -> u64 {
    position * 90 / positions
}

fn tmpfs(run: &Run, position: u64, positions: u64) -> Result<(), String> {
    let text = |error: io::Error| error.to_string();
    // One page is for the directory itself.
    let tmpfs = Tmpfs::new((1 + pages(position, positions)) * PAGE).map_err(text)?;
    let dir = tmpfs.path().join("books");
    one(run, &dir, "tmpfs", position, || tmpfs.resize(64 << 20)).map(drop)
}

fn ext4(run: &Run, position: u64, positions: u64) -> Result<(), String> {
    let text = |error: io::Error| error.to_string();
    let mut ext4 = Ext4::new(IMAGE_BYTES).map_err(text)?;
    let filler = ext4.path().join("filler");
    mounts::fill(&filler).map_err(text)?;
    let file = fs::OpenOptions::new().write(true).open(&filler).map_err(text)?;
    let len = file.metadata().map_err(text)?.len();
    file.set_len(len - (1 + pages(position, positions)) * PAGE)
        .and_then(|()| file.sync_all())
        .map_err(text)?;
    drop(file);
    let dir = ext4.path().join("books");
    let mut oracle = one(run, &dir, "ext4", position, || fs::remove_file(&filler))?;
    ext4.remount().map_err(text)?;
    kill::read_it_all(run, &dir, &mut oracle).map_err(|why| format!("after a remount: {why}"))
}

fn one(
    run: &Run,
    dir: &Path,
    kind: &str,
    position: u64,
    make_room: impl FnOnce() -> io::Result<()>,
) -> Result<Oracle, String> {
    let mut oracle = Oracle::default();
    let plan = Plan {
        seed: position,
        lanes: 2,
        window: 2,
        transfers: 60,
        lives: 20,
        padding: 1_500,
        snapshot_every: [0, 20][(position % 2) as usize],
        segment_bytes: [4 << 10, 64 << 20][(position / 2 % 2) as usize],
        ..Plan::look(dir.to_owned(), false)
    };
    let ended = workers::run(&plan)?;
    let heard = oracle.hear(&ended.told)?;
    ensure!(heard.failed, "the disk was never full");
    let after = |told: &Told| match told {
        Told::StateAfterFailure(statement) => Some(statement.clone()),
        _ => None,
    };
    let served: Option<Statement> = ended.told.iter().find_map(after);
    let what = match &served {
        None if heard.phase == Phase::Opening => "could not be opened",
        None => {
            return Err("it was open when the disk was full, and nothing could be read any more".to_owned());
        }
        Some(_) if heard.failures > 0 => "stopped",
        Some(_) => "could not write the last snapshot, or not close",
    };
    run.fact(&format!("{kind}: {what}"), 1);
    run.fact(&format!("{kind}: replies before it was full"), heard.acknowledged);
    let why = heard.why.unwrap_or_default();
    let files = dir.to_string_lossy();
    says_what_to_do(&why, &[&files, dir.parent().and_then(Path::to_str).unwrap_or("/")])?;

    make_room().map_err(|error| error.to_string())?;
    let again = Plan { again: oracle.again(2, 1), transfers: 4, lives: 2, ..plan };
    let ended = workers::run(&again)?;
    let heard = oracle.hear(&ended.told)?;
    ensure!(!heard.failed, "there is room again, and it does not go on: {}", heard.why.unwrap_or_default());
    ensure!(
        heard.acknowledged >= 16,
        "there is room again, and only {} were acknowledged",
        heard.acknowledged
    );
    kill::read_it_all(run, dir, &mut oracle)?;
    Ok(oracle)
}
