//! The reader without a lock says of every journal what recovery says of it.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use super::{Inspector, Kind, Patience};
use crate::{
    Position,
    disk::RealDisk,
    journal::{
        Batch, Journal, JournalError,
        file::{FileJournal, FileOptions},
    },
    testing::disk::FaultyDisk,
};

const SMALL: FileOptions =
    FileOptions { segment_bytes: 8 << 10, fill_bytes_min: 1 << 10, fill_bytes_max: 4 << 10 };
const NONE: Patience = Patience { tries: 0, pause: Duration::ZERO };

fn dir() -> &'static Path {
    Path::new("/bank")
}

/// Several writers, one after another; the last one ends without closing.
fn written() -> FaultyDisk {
    let disk = FaultyDisk::new();
    for (writer, preamble) in [&b"first"[..], b"first", b"second"].into_iter().enumerate() {
        let mut journal = FileJournal::open(Arc::new(disk.clone()), dir(), SMALL).unwrap();
        journal.recover(&mut |_| Ok(())).unwrap();
        journal.start(preamble).unwrap();
        for i in 0..7 {
            let payload = vec![i as u8 + 1; [60, 0, 700, 436, 2900, 437, 10][i]];
            let first = journal.end().next();
            journal.append(Batch { first, count: (i % 3) as u32, payload: &payload }).unwrap();
        }
        if writer == 0 {
            journal.close().unwrap();
        }
    }
    disk
}

/// How many batches there are and what is wrong, as recovery sees it.
fn recovered(disk: &FaultyDisk) -> Result<(Vec<u64>, bool), JournalError> {
    let mut journal = FileJournal::open(Arc::new(disk.clone()), dir(), SMALL)?;
    let mut batches = Vec::new();
    let recovered = journal.recover(&mut |entry| {
        batches.push(entry.first.get());
        Ok(())
    })?;
    Ok((batches, !recovered.unwrap().repairs.is_empty()))
}

/// The same, as it is seen without the lock.
fn inspected(disk: &FaultyDisk) -> Result<(Vec<u64>, bool), JournalError> {
    let mut inspector = Inspector::with_patience(Arc::new(disk.clone()), dir(), Position::START, NONE)?;
    let mut batches = Vec::new();
    while let Some(seen) = inspector.next()? {
        if seen.kind == Kind::Batch {
            batches.push(seen.first.get());
        }
    }
    Ok((batches, inspector.ending()?.torn.is_some()))
}

fn assert_same(disk: &FaultyDisk, what: &str) {
    match (recovered(disk), inspected(disk)) {
        (Ok(recovered), Ok(inspected)) => assert_eq!(recovered, inspected, "{what}"),
        (Err(recovered), Err(inspected)) => {
            assert!(matches!(recovered, JournalError::Damaged { .. }), "{what}: {recovered}");
            assert!(matches!(inspected, JournalError::Damaged { .. }), "{what}: {inspected}");
        }
        (recovered, inspected) => panic!("{what}: {recovered:?} and {inspected:?}"),
    }
}

fn segments(disk: &FaultyDisk) -> Vec<PathBuf> {
    disk.files().into_iter().filter(|path| path.extension().is_some_and(|it| it == "seg")).collect()
}

#[test]
fn a_whole_journal_is_read_as_recovery_reads_it() {
    let disk = written();
    assert!(segments(&disk).len() > 2, "several segments are wanted");
    let (batches, torn) = inspected(&disk).unwrap();
    assert_eq!((batches.len(), torn), (21, false));
    assert_same(&disk, "as it was written");
}

#[test]
fn flipped_bits_lost_sectors_cuts_and_missing_files_are_judged_as_recovery_judges_them() {
    let whole = written();
    for path in segments(&whole) {
        let bytes = whole.bytes(&path).unwrap();
        for bit in (0..bytes.len() * 8).step_by(97) {
            let disk = written_as(&whole);
            disk.flip(&path, bit);
            assert_same(&disk, &format!("bit {bit} of {}", path.display()));
        }
        for sector in 0..bytes.len() / 512 {
            let disk = written_as(&whole);
            let mut lost = bytes.clone();
            lost[sector * 512..][..512].fill(0);
            disk.put(&path, lost);
            assert_same(&disk, &format!("sector {sector} of {}", path.display()));
            disk.put(&path, bytes[..sector * 512].to_vec());
            assert_same(&disk, &format!("{} cut before sector {sector}", path.display()));
        }
        let disk = written_as(&whole);
        disk.take(&path);
        assert_same(&disk, &format!("{} is missing", path.display()));
    }
}

fn written_as(whole: &FaultyDisk) -> FaultyDisk {
    let disk = FaultyDisk::new();
    for path in whole.files() {
        disk.put(&path, whole.bytes(&path).unwrap());
    }
    disk
}

#[test]
fn crashes_at_every_operation_are_judged_as_recovery_judges_them() {
    for nth in 0.. {
        let disk = FaultyDisk::new();
        disk.power_off_at(nth);
        let wrote = || -> Result<(), JournalError> {
            let mut journal = FileJournal::open(Arc::new(disk.clone()), dir(), SMALL)?;
            journal.recover(&mut |_| Ok(()))?;
            journal.start(b"first")?;
            for i in 0..5 {
                let first = journal.end().next();
                journal.append(Batch { first, count: 1, payload: &vec![i; 2900] })?;
            }
            Ok(())
        };
        let ended = wrote();
        let crashed = disk.crash(nth);
        if crashed.bytes(&dir().join("lock")).is_some() || !segments(&crashed).is_empty() {
            assert_same(&crashed, &format!("crash at {nth}"));
        }
        if ended.is_ok() {
            assert!(nth > 20, "there are more operations than {nth}");
            return;
        }
    }
}

#[test]
fn reading_can_begin_at_the_segment_that_holds_a_position() {
    let disk = written();
    // Each writer appends 0 + 1 + 2 + 0 + 1 + 2 + 0 records.
    let end = Position::new(18);
    for from in 1..=20 {
        let from = Position::new(from);
        let mut inspector = Inspector::open(Arc::new(disk.clone()), dir(), from).unwrap();
        let first = inspector.next().unwrap().unwrap().first;
        assert!(first <= from, "{from} is not before what is read, which begins at {first}");
        while inspector.next().unwrap().is_some() {}
        assert_eq!(inspector.end(), end);
    }
}

#[test]
fn a_journal_that_is_being_written_is_never_taken_for_damaged() {
    let temporary = tempfile::tempdir().unwrap();
    let dir = temporary.path().join("bank");
    let done = Arc::new(AtomicBool::new(false));
    let mut journal = FileJournal::open(Arc::new(RealDisk), &dir, SMALL).unwrap();
    journal.recover(&mut |_| Ok(())).unwrap();
    journal.start(b"first").unwrap();
    let writer = std::thread::spawn({
        let done = Arc::clone(&done);
        move || {
            for i in 0..600usize {
                let first = journal.end().next();
                journal.append(Batch { first, count: 1, payload: &vec![i as u8; i * 37 % 9000] }).unwrap();
            }
            done.store(true, Ordering::Release);
            journal
        }
    });
    let mut rounds = 0;
    loop {
        let last_round = done.load(Ordering::Acquire);
        let mut inspector = Inspector::open(Arc::new(RealDisk), &dir, Position::START).unwrap();
        let mut next = 1;
        while let Some(seen) = inspector.next().unwrap() {
            if seen.kind == Kind::Batch {
                assert_eq!(seen.first.get(), next);
                let i = (next - 1) as usize;
                assert_eq!(seen.payload, vec![i as u8; i * 37 % 9000]);
                next += u64::from(seen.count);
            }
        }
        inspector.ending().unwrap();
        rounds += 1;
        if last_round {
            assert_eq!(next, 601, "after {rounds} rounds all is seen");
            break;
        }
    }
    drop(writer.join().unwrap());
}
