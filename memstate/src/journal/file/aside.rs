//! Reads a journal without its lock, beside whoever has it open.

use std::{path::PathBuf, sync::Arc};

use super::inspect::{Inspector, Kind};
use crate::{
    Position,
    disk::Disk,
    journal::{Entry, JournalError, ReadJournal, Visit},
};

/// Is told how many bytes were read.
pub(crate) type OnBytes = Arc<dyn Fn(u64) + Send + Sync>;

/// A reader of a journal's files that holds no lock and changes nothing.
///
/// What it sees at the end was written as a whole, and may not be durable yet: if the machine fails in that moment, it may
/// have shown a batch that nobody was told of.
pub(crate) struct AsideReader {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    on_bytes: Option<OnBytes>,
}

impl AsideReader {
    pub(crate) fn new(disk: Arc<dyn Disk>, dir: PathBuf, on_bytes: Option<OnBytes>) -> Self {
        AsideReader { disk, dir, on_bytes }
    }
}

impl ReadJournal for AsideReader {
    fn read(&self, from: Position, visit: &mut Visit<'_>) -> Result<(), JournalError> {
        let mut inspector = Inspector::open(Arc::clone(&self.disk), &self.dir, from)?;
        let mut has_begun = from == Position::START;
        while let Some(seen) = inspector.next()? {
            if let Some(told) = &self.on_bytes {
                told(seen.bytes);
            }
            let next = seen.first.plus(seen.count.into());
            has_begun |= seen.count > 0 && next > from;
            if seen.kind != Kind::Batch || !has_begun {
                continue;
            }
            let entry = Entry {
                first: seen.first,
                count: seen.count,
                payload: seen.payload,
                preamble: seen.preamble,
            };
            if visit(entry).is_err() {
                return Ok(());
            }
        }
        // Whether it ends there, or what comes is damaged.
        inspector.ending().map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        disk::RealDisk,
        journal::{
            Batch, Journal, Stop,
            file::{FileJournal, FileOptions},
        },
    };

    /// What a reader visits from a position on: first positions and counts.
    fn visited(reader: &dyn ReadJournal, from: u64) -> Vec<(u64, u32)> {
        let mut visited = Vec::new();
        reader
            .read(Position::new(from), &mut |entry| {
                visited.push((entry.first.get(), entry.count));
                Ok(())
            })
            .unwrap();
        visited
    }

    #[test]
    fn it_visits_what_the_reader_of_the_writer_does() {
        let temporary = tempfile::tempdir().unwrap();
        let disk: Arc<dyn Disk> = Arc::new(RealDisk);
        let options = FileOptions { segment_bytes: 8 << 10, ..FileOptions::default() };
        let mut journal = FileJournal::open(Arc::clone(&disk), temporary.path(), options).unwrap();
        journal.recover(&mut |_| Ok(())).unwrap();
        journal.start(b"me").unwrap();
        for number in 0..60_u32 {
            let (first, count) = (journal.end().next(), number % 4);
            journal.append(Batch { first, count, payload: &vec![7; number as usize * 10] }).unwrap();
        }
        // The writer still has it, and its lock.
        let aside = AsideReader::new(disk, temporary.path().to_owned(), None);
        let theirs = journal.reader();
        for from in 0..=91 {
            assert_eq!(visited(&aside, from), visited(&*theirs, from), "from {from}");
        }
        assert_eq!(visited(&aside, 0).len(), 60);
        let mut count = 0;
        aside
            .read(Position::START, &mut |_| {
                count += 1;
                if count == 3 { Err(Stop) } else { Ok(()) }
            })
            .unwrap();
        assert_eq!(count, 3);
    }
}
