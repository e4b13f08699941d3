//! A cut that is interrupted anywhere can be made again, and leaves the same journal.

use std::{path::Path, sync::Arc};

use super::find;
use crate::{
    Position,
    journal::{
        Batch, Journal,
        file::{FileJournal, FileOptions},
    },
    testing::disk::FaultyDisk,
};

const SMALL: FileOptions =
    FileOptions { segment_bytes: 8 << 10, fill_bytes_min: 1 << 10, fill_bytes_max: 4 << 10 };
const RECORDS: u64 = 20;

fn dir() -> &'static Path {
    Path::new("/bank")
}

fn written() -> FaultyDisk {
    let disk = FaultyDisk::new();
    for preamble in [&b"first"[..], b"second"] {
        let mut journal = FileJournal::open(Arc::new(disk.clone()), dir(), SMALL).unwrap();
        journal.recover(&mut |_| Ok(())).unwrap();
        journal.start(preamble).unwrap();
        for i in 0..RECORDS as usize / 2 {
            let payload = vec![i as u8 + 1; [60, 2900, 700, 436, 10][i % 5]];
            let first = journal.end().next();
            journal.append(Batch { first, count: 1, payload: &payload }).unwrap();
        }
        journal.close().unwrap();
    }
    disk
}

/// The last position of a journal that opens, and goes on.
fn opened(disk: &FaultyDisk) -> u64 {
    let mut journal = FileJournal::open(Arc::new(disk.clone()), dir(), SMALL).unwrap();
    let recovered = journal.recover(&mut |_| Ok(())).unwrap().unwrap();
    journal.start(b"third").unwrap();
    let first = journal.end().next();
    journal.append(Batch { first, count: 1, payload: b"more" }).unwrap();
    recovered.end.get()
}

#[test]
fn a_cut_at_any_position_leaves_a_journal_that_goes_on() {
    for at in 0..=RECORDS + 1 {
        let disk = written();
        let cut = find(&disk, dir(), Position::new(at)).unwrap();
        assert_eq!((cut.keep.end.get(), cut.loses), (at.min(RECORDS), at < RECORDS), "{at}");
        if cut.loses {
            cut.apply(&disk, dir()).unwrap();
        }
        assert_eq!(opened(&disk), at.min(RECORDS));
    }
}

#[test]
fn a_cut_that_is_interrupted_anywhere_is_finished_by_the_next() {
    for at in [2, 9, 10, 13] {
        for nth in 0.. {
            let disk = written();
            let cut = find(&disk, dir(), Position::new(at)).unwrap();
            disk.power_off_at(nth);
            let applied = cut.apply(&disk, dir());
            for seed in 0..4 {
                let crashed = disk.crash(nth * 4 + seed);
                let again = find(&crashed, dir(), Position::new(at)).unwrap();
                assert_eq!(again.keep.end.get(), at, "after a crash at {nth}");
                if again.loses {
                    again.apply(&crashed, dir()).unwrap();
                }
                assert_eq!(opened(&crashed), at, "after a crash at {nth}");
            }
            if applied.is_ok() {
                assert!(nth > 3, "there are more operations than {nth}");
                break;
            }
        }
    }
}
