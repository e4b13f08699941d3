//! A real file system on a disk that really fails: an ext4 in an image with holes, on a tmpfs that has no room for them.
//!
//! The kernel answers the sync with an error (this one with ENOSPC, another may with EIO), keeps the bytes in its cache, and
//! believes that they are on the disk. Syncs that fail with EIO are those of the module `cut`.

use std::{
    fs::{self, File},
    time::Duration,
};

use rustix::fs::{FallocateFlags, fallocate};

use crate::{
    ensure,
    gates::kill,
    harness::Run,
    machine::{
        books::Statement,
        fiemap,
        mounts::{self, BLOCK_BYTES, Ext4, Tmpfs},
        oracle::Oracle,
        told::{Plan, Told},
        workers::{self, Ended, Worker},
    },
};

const TMPFS_BYTES: u64 = 18 << 20;
const MORE_BYTES: u64 = 100 << 20;
const IMAGE_BYTES: u64 = 16 << 20;
const PATIENCE: Duration = Duration::from_secs(60);

pub fn run(run: &Run) -> Result<(), String> {
    if let Some(why) = mounts::missing() {
        return run.skip_part("syncs that really fail", &why);
    }
    let times = [4, 24, 500][run.tier as usize];
    for time in 0..times {
        alone(|| one(run, time)).map_err(|why| format!("the real disk, time {time}: {why}"))?;
    }
    let went_on = run.fact_so_far(WENT_ON);
    ensure!(went_on > 0, "it has never gone on on the mount whose cache shows what the disk does not have");
    let lost = run.fact_so_far("real disk: states whose cache showed what the disk did not have");
    ensure!(lost > 0 || times < 20, "no failed sync has ever lost anything: it is not what was to be tried");
    Ok(())
}

const WENT_ON: &str = "real disk: went on on the same mount";

/// Does something on a thread of its own, whose mounts go with it.
pub(super) fn alone<T: Send>(it: impl FnOnce() -> Result<T, String> + Send) -> Result<T, String> {
    std::thread::scope(|scope| {
        scope.spawn(it).join().unwrap_or_else(|panic| Err(crate::harness::message(&*panic)))
    })
}

/// The state that a process served after its journal had failed.
pub(super) fn served(ended: &Ended) -> Result<Statement, String> {
    let after = |told: &Told| match told {
        Told::StateAfterFailure(statement) => Some(statement.clone()),
        _ => None,
    };
    ended.told.iter().find_map(after).ok_or_else(|| "after the failure nothing could be read".to_owned())
}

fn one(run: &Run, time: u64) -> Result<(), String> {
    let text = |error: std::io::Error| error.to_string();
    let tmpfs = Tmpfs::new(TMPFS_BYTES).map_err(text)?;
    let mut ext4 = Ext4::scattered(&tmpfs, IMAGE_BYTES).map_err(text)?;
    let dir = ext4.path().join("books");
    let mut oracle = Oracle::default();
    let plan = Plan {
        seed: time,
        lanes: 2,
        window: 2,
        transfers: 20,
        padding: [200, 3_000][(time % 2) as usize],
        pauses: true,
        ..Plan::look(dir.clone(), false)
    };
    let mut worker = Worker::start(&plan).map_err(text)?;
    ensure!(worker.wait_for(PATIENCE, |told| matches!(told, Told::Paused)), "it does not come to its pause");
    let filler = tmpfs.path().join("filler");
    // By then the last batch is confirmed, and nothing is on its way.
    std::thread::sleep(Duration::from_millis(150));
    punch(&ext4, &dir.join("journal-0000000001.seg")).map_err(text)?;
    mounts::fill(&filler).map_err(text)?;
    worker.go_on();
    let ended = worker.end().map_err(text)?;
    ended.sound()?;
    let heard = oracle.hear(&ended.told)?;
    ensure!(heard.failed, "the disk has holes and no room, and nothing fails");
    let why = heard.why.unwrap_or_default();
    // The kernel says what the image's file system said, or that its own journal cannot be written any more.
    let errno = ["Input/output error", "No space left on device"].iter().find(|text| why.contains(**text));
    let errno = errno.ok_or_else(|| format!("the disk failed, and the error says: {why}"))?;
    run.fact(&format!("real disk: failed with \"{errno}\""), 1);
    // The writes went to the cache.
    ensure!(why.contains("cannot sync"), "the disk has no room, and what failed is no sync: {why}");
    let served = served(&ended)?;
    run.fact("real disk: replies before it", heard.acknowledged);
    run.fact("real disk: calls that failed", heard.failures);

    // There is room again.
    fs::remove_file(&filler).map_err(text)?;
    tmpfs.resize(MORE_BYTES).map_err(text)?;
    let is_reopened = time.is_multiple_of(2);
    if is_reopened {
        // On the same mount: the cache shows the batch that failed.
        let again = Plan { again: oracle.again(2, 1), pauses: false, transfers: 3, ..plan.clone() };
        let ended = workers::run(&again)?;
        let heard = oracle.hear(&ended.told).map_err(|why| format!("opened again: {why}"))?;
        match heard.failed {
            // The file system gave up for good.
            true => run.fact("real disk: refused on the same mount", 1),
            false => run.fact(WENT_ON, 1),
        }
    }
    let cached = fs::read(dir.join("journal-0000000001.seg")).map_err(text)?;
    ext4.remount().map_err(text)?;
    let on_disk = fs::read(dir.join("journal-0000000001.seg")).map_err(text)?;
    run.fact(
        "real disk: states whose cache showed what the disk did not have",
        u64::from(!is_reopened && cached != on_disk),
    );
    let truth = workers::run(&Plan::look(dir.clone(), true))?;
    let heard = oracle.hear(&truth.told).map_err(|why| format!("after the remount: {why}"))?;
    ensure!(!heard.failed, "after the remount it is refused: {}", heard.why.unwrap_or_default());
    ensure!(oracle.transfers() >= served.trail.len(), "what was served after the failure is not there");
    let last = Plan { again: oracle.again(2, 1), pauses: false, transfers: 3, ..plan };
    let ended = workers::run(&last)?;
    let heard = oracle.hear(&ended.told)?;
    ensure!(!heard.failed && heard.acknowledged >= 6, "it does not go on: {}", heard.why.unwrap_or_default());
    kill::read_it_all(run, &dir, &mut oracle)?;
    run.fact("real disk: times", 1);
    run.tried(1);
    Ok(())
}

/// Takes the room from under a file: what is in it stays in the cache, and what is written to it finds no place on the disk.
fn punch(ext4: &Ext4, path: &std::path::Path) -> std::io::Result<()> {
    let file = File::open(path)?;
    let journal = fs::read(path)?;
    // What comes next is written after the last byte that is not zero, at first into the block that this is in.
    let end = journal.iter().rposition(|byte| *byte != 0).map_or(0, |at| at as u64 + 1);
    let extents = fiemap::extents(&file)?;
    let apart = extents.windows(2).all(|pair| pair[0].1 + pair[0].2 != pair[1].1);
    if !apart || extents.iter().any(|(_, _, length)| *length > BLOCK_BYTES) {
        return Err(std::io::Error::other(format!("the blocks of the file are not apart: {extents:?}")));
    }
    for (logical, physical, length) in extents {
        let keep = end.next_multiple_of(BLOCK_BYTES).saturating_sub(logical).min(length);
        if keep < length {
            let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
            fallocate(ext4.image(), flags, physical + keep, length - keep)?;
        }
    }
    Ok(())
}
