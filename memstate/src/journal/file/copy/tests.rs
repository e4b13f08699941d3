//! A copy that is interrupted anywhere is a journal that opens and is not shorter than it was.

use std::{path::Path, sync::Arc};

use super::{Copied, CopyError, copy, take};
use crate::{
    disk::Disk,
    journal::{
        Batch, Journal,
        file::{FileJournal, FileOptions},
    },
    testing::disk::FaultyDisk,
};

const SMALL: FileOptions =
    FileOptions { segment_bytes: 8 << 10, fill_bytes_min: 1 << 10, fill_bytes_max: 4 << 10 };

fn from() -> &'static Path {
    Path::new("/bank")
}

fn to() -> &'static Path {
    Path::new("/copy")
}

/// Appends batches as one more writer.
fn write(disk: &FaultyDisk, preamble: &[u8], batches: usize, closes: bool) {
    let mut journal = FileJournal::open(Arc::new(disk.clone()), from(), SMALL).unwrap();
    journal.recover(&mut |_| Ok(())).unwrap();
    journal.start(preamble).unwrap();
    for i in 0..batches {
        let payload = vec![i as u8 + 1; [60, 2900, 700, 436, 10][i % 5]];
        let first = journal.end().next();
        journal.append(Batch { first, count: 1, payload: &payload }).unwrap();
    }
    if closes {
        journal.close().unwrap();
    }
}

fn run(disk: &FaultyDisk) -> Result<Copied, CopyError> {
    let _possession = take(disk, to())?;
    let disk: Arc<dyn Disk> = Arc::new(disk.clone());
    copy(&disk, from(), to(), &|_| {})
}

/// The last position and the head of a journal that opens.
fn opened(disk: &FaultyDisk, dir: &Path) -> (u64, [u8; 32]) {
    let mut journal = FileJournal::open(Arc::new(disk.clone()), dir, SMALL).unwrap();
    let recovered = journal.recover(&mut |_| Ok(())).unwrap().unwrap();
    (recovered.end.get(), journal.head())
}

/// The files of a disk on another.
fn same(disk: &FaultyDisk) -> FaultyDisk {
    let other = FaultyDisk::new();
    for path in disk.files() {
        other.put(&path, disk.bytes(&path).unwrap());
    }
    other
}

#[test]
fn copies_follow_the_journal_through_all_its_states() {
    let disk = FaultyDisk::new();
    let mut copied = 0;
    for (preamble, batches, closes) in [
        (&b"first"[..], 0, true),
        (b"first", 1, false),
        (b"first", 9, true),
        (b"second", 3, false),
        (b"second", 0, true),
        (b"third", 20, true),
    ] {
        write(&disk, preamble, batches, closes);
        run(&disk).unwrap();
        assert_eq!(opened(&disk, to()), opened(&disk, from()));
        let again = run(&disk).unwrap();
        assert_eq!((again.new_bytes, again.before.as_ref()), (0, Some(&again.end)));
        copied = again.end.end.get();
    }
    assert_eq!(copied, 33);
}

#[test]
fn a_copy_that_is_interrupted_anywhere_opens_and_is_finished_by_the_next() {
    let before = FaultyDisk::new();
    write(&before, b"first", 3, false);
    run(&before).unwrap();
    let old = opened(&before, to());
    write(&before, b"second", 9, true);
    let whole = opened(&before, from());
    for nth in 0.. {
        let disk = same(&before);
        disk.power_off_at(nth);
        let ran = run(&disk);
        for seed in 0..4 {
            let crashed = disk.crash(nth * 4 + seed);
            let (end, _) = opened(&crashed, to());
            assert!(end >= old.0 && end <= whole.0, "{end} after a crash at {nth}");
            run(&crashed).unwrap();
            assert_eq!(opened(&crashed, to()), whole, "after a crash at {nth}");
        }
        if ran.is_ok() {
            assert!(nth > 10, "there are more operations than {nth}");
            return;
        }
    }
}

#[test]
fn what_went_another_way_is_refused() {
    let disk = FaultyDisk::new();
    write(&disk, b"first", 3, true);
    run(&disk).unwrap();
    // The copy is written, and so is the journal: both have as much, and not the same.
    let mut journal = FileJournal::open(Arc::new(disk.clone()), to(), SMALL).unwrap();
    journal.recover(&mut |_| Ok(())).unwrap();
    journal.start(b"first").unwrap();
    let first = journal.end().next();
    journal.append(Batch { first, count: 1, payload: &[9; 60] }).unwrap();
    drop(journal);
    let ahead = opened(&disk, to());
    assert!(matches!(run(&disk), Err(CopyError::Differs(_))), "the journal has less");
    write(&disk, b"first", 1, false);
    assert!(matches!(run(&disk), Err(CopyError::Differs(_))), "the journal has other records");
    write(&disk, b"first", 9, false);
    assert!(matches!(run(&disk), Err(CopyError::Differs(_))), "the journal has more");
    assert_eq!(opened(&disk, to()), ahead);
}
