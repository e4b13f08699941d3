//! Small journals on a disk that can fail, and what they should hold.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use memstate::{
    journal::{
        Batch, Journal, JournalError, Recovered,
        file::{FileJournal, FileOptions},
    },
    testing::{
        disk::FaultyDisk,
        journal::{Kept, append, recover},
    },
};

pub const SECTOR: usize = 512;

/// Segments of a few sectors, extended often.
pub const SMALL: FileOptions =
    FileOptions { segment_bytes: 8 << 10, fill_bytes_min: 1 << 10, fill_bytes_max: 4 << 10 };

pub fn dir() -> &'static Path {
    Path::new("/bank")
}

pub fn segment(number: u64) -> PathBuf {
    dir().join(format!("journal-{number:010}.seg"))
}

pub fn open(disk: &FaultyDisk) -> Result<FileJournal, JournalError> {
    FileJournal::open(Arc::new(disk.clone()), dir(), SMALL)
}

/// What a journal holds, without the preambles.
pub type Batches = Vec<(u64, u32, Vec<u8>)>;

pub fn batches(kept: &[Kept]) -> Batches {
    kept.iter().map(|kept| (kept.first.get(), kept.count, kept.payload.clone())).collect()
}

pub fn recovered(disk: &FaultyDisk) -> Result<(Recovered, Batches), JournalError> {
    let (recovered, kept) = recover(&mut open(disk)?)?;
    Ok((recovered, batches(&kept)))
}

/// Opens, recovers and starts.
pub fn started(disk: &FaultyDisk, preamble: &[u8]) -> Result<(FileJournal, Batches), JournalError> {
    let mut journal = open(disk)?;
    let (_, kept) = recover(&mut journal)?;
    journal.start(preamble)?;
    Ok((journal, batches(&kept)))
}

/// The payload of the `i`th batch of a script: one sector or several, also of zeros only.
pub fn payload(i: usize) -> Vec<u8> {
    let len = [60, 0, 700, 436, 2900, 437, 10][i % 7];
    (0..len).map(|at| if i % 5 == 4 { 0 } else { (at * 7 + i) as u8 }).collect()
}

/// What somebody who wrote a journal knows of it.
#[derive(Debug, Default, Clone)]
pub struct Oracle {
    pub acknowledged: Batches,
    pub in_flight: Option<(u64, u32, Vec<u8>)>,
}

impl Oracle {
    /// That a journal holds all that was acknowledged, in order, and at most the one batch that was not.
    pub fn check(&self, found: &Batches, what: &str) {
        let n = self.acknowledged.len();
        assert!(
            found.len() >= n && found[..n] == self.acknowledged,
            "{what}: acknowledged batches are missing"
        );
        match &found[n..] {
            [] => {}
            [more] if Some(more) == self.in_flight.as_ref() => {}
            _ => panic!("{what}: there are batches that nobody appended"),
        }
    }

    /// Appends a batch and knows about it what its writer may know.
    pub fn append(
        &mut self,
        journal: &mut dyn Journal,
        count: u32,
        payload: &[u8],
    ) -> Result<(), JournalError> {
        let batch = (journal.end().next().get(), count, payload.to_vec());
        self.in_flight = Some(batch.clone());
        append(journal, count, payload)?;
        self.in_flight = None;
        self.acknowledged.push(batch);
        Ok(())
    }

    /// A new writer has made durable what it found.
    pub fn settle(&mut self, found: Batches) {
        *self = Oracle { acknowledged: found, in_flight: None };
    }
}

/// Several writers, one after another: some close, some change the preamble, all go over the ends of segments.
/// Ends at the first error, and then tries whether the journal is as dead as it must be.
pub fn script(disk: &FaultyDisk, oracle: &mut Oracle) -> Result<(), JournalError> {
    let mut i = oracle.acknowledged.len();
    for (writer, closes) in [true, false, false, true].into_iter().enumerate() {
        let mut journal = open(disk)?;
        let (_, kept) = recover(&mut journal)?;
        let found = batches(&kept);
        oracle.check(&found, "a new writer");
        let preamble = if writer < 2 { &b"first"[..] } else { b"second" };
        if let Err(error) = journal.start(preamble) {
            assert_is_dead(&mut journal);
            return Err(error);
        }
        oracle.settle(found);
        for _ in 0..6 {
            if let Err(error) = oracle.append(&mut journal, (i % 3) as u32, &payload(i)) {
                assert_is_dead(&mut journal);
                return Err(error);
            }
            i += 1;
        }
        if closes && let Err(error) = journal.close() {
            assert_is_dead(&mut journal);
            return Err(error);
        }
    }
    Ok(())
}

/// That nothing can be written any more.
pub fn assert_is_dead(journal: &mut FileJournal) {
    for _ in 0..2 {
        let first = journal.end().next();
        let stopped = journal.append(Batch { first, count: 1, payload: b"late" });
        assert!(matches!(stopped, Err(JournalError::Stopped(why)) if !why.is_empty()));
    }
    assert!(matches!(journal.close(), Err(JournalError::Stopped(_))));
    assert!(matches!(journal.start(b"again"), Err(JournalError::Stopped(_))));
}

/// All files and what they hold.
pub fn contents(disk: &FaultyDisk) -> Vec<(PathBuf, Vec<u8>)> {
    disk.files().into_iter().map(|path| (path.clone(), disk.bytes(&path).unwrap())).collect()
}

/// The journal that [`script`] leaves, closed, and what it holds.
pub fn closed_journal() -> (FaultyDisk, Oracle) {
    let (disk, mut oracle) = (FaultyDisk::new(), Oracle::default());
    script(&disk, &mut oracle).unwrap();
    (disk, oracle)
}

/// Paths and contents of a journal's segments.
pub fn segments(disk: &FaultyDisk) -> Vec<(PathBuf, Vec<u8>)> {
    contents(disk).into_iter().filter(|(path, _)| path.extension().is_some_and(|it| it == "seg")).collect()
}

/// How many bytes of a segment are in use: up to its last sector that is not zero.
pub fn used(bytes: &[u8]) -> usize {
    bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| (last / SECTOR + 1) * SECTOR)
}

/// That recovery finds damage, names a file of the journal, and changes nothing.
pub fn assert_damaged(disk: &FaultyDisk, what: &str) {
    let before = disk.operations();
    match recovered(disk) {
        Err(JournalError::Damaged { path, .. }) => assert_eq!(path.parent(), Some(dir()), "{what}"),
        Err(other) => panic!("{what}: {other}"),
        Ok((found, _)) => panic!("{what}: was taken for whole: {found:?}"),
    }
    assert_eq!(disk.operations(), before, "{what}: something was changed");
}
