//! What every [`Journal`] must do. A backend's test module is one [`journal_conformance!`](crate::journal_conformance).

use std::{fmt::Debug, sync::Arc};

use crate::{
    Position,
    journal::{BATCH_BYTES_MAX, Batch, Entry, Journal, JournalError, ReadJournal, Recovered, Stop},
};

/// A place that holds one journal.
pub trait Fixture {
    /// Opens the journal, as a new process would. What was opened before has been dropped.
    fn open(&self) -> Box<dyn Journal>;
}

impl<F: Fn() -> Box<dyn Journal>> Fixture for F {
    fn open(&self) -> Box<dyn Journal> {
        self()
    }
}

/// One test for each case that a journal must pass: `journal_conformance!(fixture)`, where the expression makes a new
/// [`Fixture`] over nothing, and `journal_conformance!(persistent fixture)` if what is written is there when the
/// fixture is opened again.
#[macro_export]
macro_rules! journal_conformance {
    (persistent $fixture:expr) => {
        $crate::journal_conformance!($fixture);
        $crate::journal_conformance!(@cases $fixture;
            what_was_appended_is_there_after_a_restart
            a_close_is_clean_and_its_absence_is_not
            recovery_changes_nothing
            a_visitor_that_stops_recovery_leaves_it_unusable
            each_entry_has_the_preamble_of_its_writer
            empty_and_large_payloads_last
            many_writers_continue_each_other
        );
    };
    ($fixture:expr) => {
        $crate::journal_conformance!(@cases $fixture;
            a_new_journal_is_empty
            appended_batches_are_read_back_in_order
            reading_begins_at_the_batch_that_holds_the_position
            a_visitor_stops_reading
            nothing_is_read_before_it_is_durable
            a_reader_works_on_another_thread_while_the_journal_is_written
            a_batch_out_of_order_is_refused_for_ever
            a_batch_that_is_too_long_is_refused
            calls_out_of_order_are_refused
            nothing_is_appended_after_the_close
            entries_of_one_writer_share_the_preamble
        );
    };
    (@cases $fixture:expr; $($case:ident)*) => {
        $(
            #[test]
            fn $case() {
                $crate::testing::journal::$case(&$fixture);
            }
        )*
    };
}

/// An [`Entry`] that is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// The position of its first record.
    pub first: Position,
    /// How many records it holds.
    pub count: u32,
    /// What was appended.
    pub payload: Vec<u8>,
    /// What its writer said of itself.
    pub preamble: Arc<[u8]>,
}

impl From<Entry<'_>> for Kept {
    fn from(entry: Entry<'_>) -> Kept {
        let Entry { first, count, payload, preamble } = entry;
        Kept { first, count, payload: payload.to_vec(), preamble: preamble.clone() }
    }
}

/// Recovers a journal to its end, and keeps what it holds.
pub fn recover(journal: &mut dyn Journal) -> Result<(Recovered, Vec<Kept>), JournalError> {
    let mut kept = Vec::new();
    let mut keep = |entry: Entry<'_>| {
        kept.push(Kept::from(entry));
        Ok(())
    };
    let recovered = journal.recover(&mut keep)?;
    Ok((recovered.expect("nobody stopped it"), kept))
}

/// Reads a journal from a position to its end, and keeps what it holds.
pub fn read(reader: &dyn ReadJournal, from: u64) -> Result<Vec<Kept>, JournalError> {
    let mut kept = Vec::new();
    reader.read(Position::new(from), &mut |entry| {
        kept.push(entry.into());
        Ok(())
    })?;
    Ok(kept)
}

/// Appends a batch of `count` records where the journal ends.
pub fn append(journal: &mut dyn Journal, count: u32, payload: &[u8]) -> Result<(), JournalError> {
    let first = journal.end().next();
    journal.append(Batch { first, count, payload })?;
    assert_eq!(journal.end().get(), first.get() - 1 + u64::from(count), "the end moves by what is appended");
    Ok(())
}

/// Opens, recovers and starts; also gives what was there.
fn started(fixture: &dyn Fixture, preamble: &[u8]) -> (Box<dyn Journal>, Recovered, Vec<Kept>) {
    let mut journal = fixture.open();
    let (recovered, kept) = ok(recover(&mut *journal));
    ok(journal.start(preamble));
    assert_eq!(journal.end(), recovered.end, "a start adds no record");
    (journal, recovered, kept)
}

fn ok<T>(result: Result<T, impl Debug>) -> T {
    result.expect("this must work")
}

/// The payload of the `i`th batch of a test: of many lengths, zeros and other bytes.
fn payload(i: usize) -> Vec<u8> {
    let len = [0, 1, 100, 435, 436, 437, 488, 1000, 5000][i % 9];
    (0..len).map(|at| if i % 4 == 3 { 0 } else { (at * 31 + i * 17) as u8 }).collect()
}

/// Appends batches `from..to` of 0 to 3 records.
fn append_some(journal: &mut dyn Journal, from: usize, to: usize) {
    for i in from..to {
        ok(append(journal, (i % 4) as u32, &payload(i)));
    }
}

/// That these are batches `0..n` of [`append_some`].
fn assert_are_some(kept: &[Kept], n: usize) {
    assert_eq!(kept.len(), n);
    let mut next = 1;
    for (i, kept) in kept.iter().enumerate() {
        assert_eq!((kept.first.get(), kept.count), (next, (i % 4) as u32));
        assert!(kept.payload == payload(i), "the payload of batch {i}");
        next += u64::from(kept.count);
    }
}

/// A new journal holds nothing and ends at the start.
pub fn a_new_journal_is_empty(fixture: &dyn Fixture) {
    let mut journal = fixture.open();
    let (recovered, kept) = ok(recover(&mut *journal));
    assert_eq!(recovered, Recovered { end: Position::START, clean: true, repairs: Vec::new() });
    assert!(kept.is_empty());
    ok(journal.start(b"writer"));
    assert_eq!(journal.end(), Position::START);
    assert!(ok(read(&*journal.reader(), 0)).is_empty());
}

/// Batches come back in order, with what was appended.
pub fn appended_batches_are_read_back_in_order(fixture: &dyn Fixture) {
    let (mut journal, ..) = started(fixture, b"writer");
    append_some(&mut *journal, 0, 40);
    let kept = ok(read(&*journal.reader(), 0));
    assert_are_some(&kept, 40);
    assert!(kept.iter().all(|kept| *kept.preamble == *b"writer"));
}

/// From every position, reading begins at the batch that holds it and goes on to the end.
pub fn reading_begins_at_the_batch_that_holds_the_position(fixture: &dyn Fixture) {
    let (mut journal, ..) = started(fixture, b"writer");
    append_some(&mut *journal, 0, 40);
    let all = ok(read(&*journal.reader(), 0));
    for from in 0..=journal.end().get() + 2 {
        let skipped = all.iter().position(|kept| kept.first.get() + u64::from(kept.count) > from);
        let expected = &all[skipped.unwrap_or(all.len())..];
        assert_eq!(ok(read(&*journal.reader(), from)), expected, "from {from}");
    }
}

/// A visitor gets nothing more after it stops.
pub fn a_visitor_stops_reading(fixture: &dyn Fixture) {
    let (mut journal, ..) = started(fixture, b"writer");
    append_some(&mut *journal, 0, 10);
    let mut visits = 0;
    ok(journal.reader().read(Position::START, &mut |_| {
        visits += 1;
        if visits == 3 { Err(Stop) } else { Ok(()) }
    }));
    assert_eq!(visits, 3);
}

/// A reader sees each batch as soon as it is appended, and what is appended during a read not before the next.
pub fn nothing_is_read_before_it_is_durable(fixture: &dyn Fixture) {
    let mut journal = fixture.open();
    let reader = journal.reader();
    assert!(ok(read(&*reader, 0)).is_empty());
    ok(recover(&mut *journal));
    ok(journal.start(b"writer"));
    for i in 0..5 {
        append_some(&mut *journal, i, i + 1);
        assert_are_some(&ok(read(&*reader, 0)), i + 1);
    }
    let mut visits = 0;
    ok(reader.read(Position::START, &mut |_| {
        visits += 1;
        append_some(&mut *journal, 4 + visits, 5 + visits);
        Ok(())
    }));
    assert_eq!(visits, 5);
    assert_are_some(&ok(read(&*reader, 0)), 10);
}

/// Readers on other threads see, at any moment, whole batches from the first one on, and never fewer than before.
pub fn a_reader_works_on_another_thread_while_the_journal_is_written(fixture: &dyn Fixture) {
    const BATCHES: usize = 200;
    let (mut journal, ..) = started(fixture, b"writer");
    let reader = journal.reader();
    std::thread::scope(|scope| {
        let readers = [0, 1].map(|_| {
            scope.spawn(|| {
                let mut seen = 0;
                let mut reads = 0;
                while seen < BATCHES {
                    let kept = ok(read(&*reader, 0));
                    assert!(kept.len() >= seen);
                    seen = kept.len();
                    assert_are_some(&kept, seen);
                    reads += 1;
                }
                reads
            })
        });
        append_some(&mut *journal, 0, BATCHES);
        for reader in readers {
            assert!(ok(reader.join()) > 0);
        }
    });
}

/// A batch for another position than the next is refused, and everything after it.
pub fn a_batch_out_of_order_is_refused_for_ever(fixture: &dyn Fixture) {
    let (mut journal, ..) = started(fixture, b"writer");
    append_some(&mut *journal, 0, 5);
    let end = journal.end();
    assert!(journal.append(Batch { first: end, count: 1, payload: b"again" }).is_err());
    let after = journal.append(Batch { first: end.next(), count: 1, payload: b"next" });
    assert!(matches!(after, Err(JournalError::Stopped(_))));
    assert!(matches!(journal.close(), Err(JournalError::Stopped(_))));
    assert_eq!(journal.end(), end);
    assert_are_some(&ok(read(&*journal.reader(), 0)), 5);
}

/// A payload of the maximum length is taken, and not one byte more.
pub fn a_batch_that_is_too_long_is_refused(fixture: &dyn Fixture) {
    let (mut journal, ..) = started(fixture, b"writer");
    let payload = vec![7; BATCH_BYTES_MAX + 1];
    ok(append(&mut *journal, 1, &payload[1..]));
    assert!(append(&mut *journal, 1, &payload).is_err());
    assert_eq!(ok(read(&*journal.reader(), 0)).len(), 1);
}

/// The order of calls is recover, start, append, close; another is refused with no effect.
pub fn calls_out_of_order_are_refused(fixture: &dyn Fixture) {
    let mut journal = fixture.open();
    assert!(journal.start(b"writer").is_err());
    assert!(append(&mut *journal, 1, b"early").is_err());
    assert!(journal.close().is_err());
    ok(recover(&mut *journal));
    assert!(append(&mut *journal, 1, b"early").is_err());
    ok(journal.start(b"writer"));
    assert!(journal.start(b"writer").is_err());
    assert!(recover(&mut *journal).is_err());
    append_some(&mut *journal, 0, 3);
    assert_are_some(&ok(read(&*journal.reader(), 0)), 3);
}

/// After the close nothing can be appended; readers go on.
pub fn nothing_is_appended_after_the_close(fixture: &dyn Fixture) {
    let (mut journal, ..) = started(fixture, b"writer");
    append_some(&mut *journal, 0, 5);
    ok(journal.close());
    let end = journal.end();
    assert!(append(&mut *journal, 1, b"late").is_err());
    assert!(journal.close().is_err());
    assert_eq!(journal.end(), end);
    assert_are_some(&ok(read(&*journal.reader(), 0)), 5);
}

/// A reader need look at a preamble only when it is another allocation.
pub fn entries_of_one_writer_share_the_preamble(fixture: &dyn Fixture) {
    let (mut journal, ..) = started(fixture, b"writer");
    append_some(&mut *journal, 0, 20);
    let kept = ok(read(&*journal.reader(), 0));
    assert_eq!(kept.len(), 20);
    assert!(kept.windows(2).all(|pair| Arc::ptr_eq(&pair[0].preamble, &pair[1].preamble)));
}

/// What was acknowledged is visited by recovery, and read after it.
pub fn what_was_appended_is_there_after_a_restart(fixture: &dyn Fixture) {
    let (mut journal, ..) = started(fixture, b"writer");
    append_some(&mut *journal, 0, 60);
    let end = journal.end();
    drop(journal);
    let (journal, recovered, kept) = started(fixture, b"writer");
    assert_eq!(recovered.end, end);
    assert!(recovered.repairs.is_empty());
    assert_are_some(&kept, 60);
    assert_are_some(&ok(read(&*journal.reader(), 0)), 60);
}

/// Recovery tells whether the last writer closed the journal.
pub fn a_close_is_clean_and_its_absence_is_not(fixture: &dyn Fixture) {
    for (writer, closes) in [true, false, false, true, true, false].into_iter().enumerate() {
        let (mut journal, ..) = started(fixture, b"writer");
        append_some(&mut *journal, writer, writer + 1);
        if closes {
            ok(journal.close());
        }
        drop(journal);
        assert_eq!(ok(recover(&mut *fixture.open())).0.clean, closes);
    }
    // A writer that started and appended nothing is not clean either.
    let (mut journal, ..) = started(fixture, b"writer");
    ok(journal.close());
    drop(journal);
    drop(started(fixture, b"writer"));
    assert!(!ok(recover(&mut *fixture.open())).0.clean);
}

/// A journal may be recovered any number of times, by the same opening and others, with the same result.
pub fn recovery_changes_nothing(fixture: &dyn Fixture) {
    let (mut journal, ..) = started(fixture, b"writer");
    append_some(&mut *journal, 0, 20);
    drop(journal);
    let first = ok(recover(&mut *fixture.open()));
    let mut journal = fixture.open();
    assert_eq!(ok(recover(&mut *journal)), first);
    assert_eq!(ok(recover(&mut *journal)), first);
}

/// A visitor that stops recovery gets no more, and the journal cannot be started; another opening can.
pub fn a_visitor_that_stops_recovery_leaves_it_unusable(fixture: &dyn Fixture) {
    let (mut journal, ..) = started(fixture, b"writer");
    append_some(&mut *journal, 0, 20);
    drop(journal);
    let mut journal = fixture.open();
    let mut visits = 0;
    let stopped = ok(journal.recover(&mut |_| {
        visits += 1;
        if visits == 7 { Err(Stop) } else { Ok(()) }
    }));
    assert_eq!((stopped, visits), (None, 7));
    assert!(journal.start(b"writer").is_err());
    drop(journal);
    assert_are_some(&started(fixture, b"writer").2, 20);
}

/// Every entry comes with what its own writer said, however often that changed.
pub fn each_entry_has_the_preamble_of_its_writer(fixture: &dyn Fixture) {
    let long = vec![b'x'; 3000];
    let preambles: [&[u8]; 7] = [b"one", b"one", b"two", b"", &long, &long, b"one"];
    for (i, preamble) in preambles.into_iter().enumerate() {
        let (mut journal, _, before) = started(fixture, preamble);
        assert_are_some(&before, 2 * i);
        append_some(&mut *journal, 2 * i, 2 * i + 2);
        let kept = ok(read(&*journal.reader(), 0));
        assert_eq!(&kept[..2 * i], before);
        for (at, kept) in kept.iter().enumerate() {
            assert!(*kept.preamble == *preambles[at / 2], "batch {at}");
        }
    }
}

/// The shortest and the longest payload are there after a restart.
pub fn empty_and_large_payloads_last(fixture: &dyn Fixture) {
    let large: Vec<u8> = (0..BATCH_BYTES_MAX).map(|at| (at % 251) as u8).collect();
    let (mut journal, ..) = started(fixture, b"writer");
    ok(append(&mut *journal, 0, &[]));
    ok(append(&mut *journal, u32::MAX, &large));
    ok(append(&mut *journal, 1, &[]));
    drop(journal);
    let (_, _, kept) = started(fixture, b"writer");
    let lens: Vec<usize> = kept.iter().map(|kept| kept.payload.len()).collect();
    assert_eq!(lens, [0, BATCH_BYTES_MAX, 0]);
    assert!(kept[1].payload == large);
    assert_eq!(kept[2].first.get(), 1 + u64::from(u32::MAX));
}

/// Batches of many writers, some of which closed, make one order.
pub fn many_writers_continue_each_other(fixture: &dyn Fixture) {
    for writer in 0..20 {
        let (mut journal, _, before) = started(fixture, b"writer");
        assert_are_some(&before, 3 * writer);
        append_some(&mut *journal, 3 * writer, 3 * writer + 3);
        if writer % 3 == 0 {
            ok(journal.close());
        }
    }
    assert_are_some(&started(fixture, b"writer").2, 60);
}
