//! What the clients of a run did and saw, and whether it may be so.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
};

use memstate::{Error, NotJournaled, Position, RequestId};
use shuttle::future::block_on;

/// A book of notes, in which a note that is a multiple of five is refused after it was written.
#[memstate::model]
#[derive(Default)]
pub struct Book {
    notes: memstate::collections::Vec<u32>,
}

#[memstate::model(events = u32)]
impl Book {
    /// Writes a note; how many there are then.
    pub fn write(&mut self, note: u32, ctx: &mut memstate::Ctx<u32>) -> Result<u64, u64> {
        self.notes.push(note);
        let count = self.notes.len() as u64;
        if note.is_multiple_of(5) {
            return Err(count);
        }
        ctx.emit(note);
        Ok(count)
    }

    /// All notes.
    pub fn all(&self) -> Vec<u32> {
        self.notes.iter().copied().collect()
    }
}

/// What a call ended with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Accepted {
        position: u64,
        count: u64,
    },
    Rejected {
        count: u64,
    },
    Overloaded,
    /// It has certainly not happened.
    Stopped,
    /// It may have happened.
    Unknown,
}

#[derive(Debug, Clone, Copy)]
struct Called {
    note: u32,
    /// The last position that was told to anybody when it was sent.
    floor: u64,
    end: End,
}

/// The record of a run. Clones are the same.
#[derive(Debug, Clone, Default)]
pub struct Oracle(Arc<Mutex<Seen>>);

#[derive(Debug, Default)]
struct Seen {
    told: u64,
    calls: Vec<Called>,
    reads: Vec<Vec<u32>>,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Course {
    /// Every call was done.
    Whole,
    /// The engine was closed or dropped; calls may have come too late.
    Closed,
    /// The journal failed.
    Failed,
}

impl Oracle {
    // Held for a moment and never over anything of shuttle's.
    fn seen(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.0.lock().expect("not poisoned")
    }

    /// Writes a note and waits for the answer; whether it was accepted.
    pub fn write(&self, book: &BookClient, note: u32) -> bool {
        self.write_all(book, &[note])
    }

    /// Sends all notes before it waits for any; whether all were accepted.
    pub fn write_all(&self, book: &BookClient, notes: &[u32]) -> bool {
        let sent: Vec<_> = notes
            .iter()
            .map(|&note| {
                let floor = self.seen().told;
                (note, floor, book.write(note))
            })
            .collect();
        let mut all = true;
        for (note, floor, call) in sent {
            let end = match block_on(call.with_position()) {
                Ok((position, count)) => {
                    assert!(book.position() >= position, "what is answered can be seen");
                    End::Accepted { position: position.get(), count }
                }
                Err(Error::Rejected(count)) => End::Rejected { count },
                Err(Error::NotJournaled(NotJournaled::Overloaded { .. })) => End::Overloaded,
                Err(Error::Stopped(_)) => End::Stopped,
                Err(Error::OutcomeUnknown(why)) => {
                    assert_ne!(&*why, "it ended unexpectedly", "somebody has the call and answers it");
                    End::Unknown
                }
                Err(error) => panic!("nothing else can happen: {error}"),
            };
            let mut seen = self.seen();
            if let End::Accepted { position, .. } = end {
                seen.told = seen.told.max(position);
            }
            seen.calls.push(Called { note, floor, end });
            all &= matches!(end, End::Accepted { .. });
        }
        all
    }

    /// Writes a note under a request's id.
    pub fn write_as(&self, book: &BookClient, request: RequestId, note: u32) {
        // The engine knows the request under this id, so a repetition is one call more of the same note.
        self.write(&book.with_request(request), note);
    }

    /// Reads all notes.
    pub fn read(&self, book: &BookClient) -> Vec<u32> {
        let notes: Vec<u32> = book.read(|book| book.all());
        self.seen().reads.push(notes.clone());
        notes
    }

    /// Looks whether everything that was seen agrees with what there is in the end.
    pub fn check(&self, notes: &[u32], course: Course) {
        let seen = self.seen();
        let mut places = BTreeMap::new();
        for (place, note) in (1_u64..).zip(notes) {
            assert_eq!(places.insert(*note, place), None, "{note} happened twice: {notes:?}");
        }
        let mut by_position = BTreeMap::new();
        let mut sent = BTreeSet::new();
        for &Called { note, floor, end } in &seen.calls {
            sent.insert(note);
            let place = places.get(&note);
            match end {
                End::Accepted { position, count } => {
                    assert_eq!(place, Some(&count), "the answer to {note} is its place in {notes:?}");
                    let other = by_position.insert(position, note);
                    assert!(other.is_none_or(|other| other == note), "one position, one command");
                    // A repetition tells its own position and the first one's answer.
                    assert!(position >= count && position > floor, "{note} at {position}, after {floor}");
                }
                End::Rejected { count } => {
                    assert!(note.is_multiple_of(5) && place.is_none(), "{note} was refused: {notes:?}");
                    assert!(count <= notes.len() as u64 + 1, "it was after {count}");
                }
                End::Overloaded => {}
                End::Stopped => assert_ne!(course, Course::Whole, "nobody closed it"),
                End::Unknown => assert_eq!(course, Course::Failed, "a close loses nothing"),
            }
        }
        for (note, ends) in &sent.iter().map(|note| (*note, seen.ends_of(*note))).collect::<Vec<_>>() {
            let is_certain = ends.iter().all(|end| matches!(end, End::Overloaded | End::Stopped));
            assert!(!is_certain || !places.contains_key(note), "{note} has not happened: {notes:?}");
        }
        assert!(notes.iter().all(|note| sent.contains(note)), "what is there was sent: {notes:?}");
        let counts: Vec<_> = by_position.values().map(|note| places[note]).collect();
        let firsts: BTreeSet<_> = counts.iter().copied().collect();
        assert!(counts.len() > firsts.len() || counts.is_sorted(), "positions order what was accepted");
        for read in &seen.reads {
            assert!(notes.starts_with(read), "{read:?} was seen, and in the end there is {notes:?}");
        }
    }

    /// The last position that anybody was told.
    pub fn told(&self) -> Position {
        Position::new(self.seen().told)
    }
}

impl Seen {
    fn ends_of(&self, note: u32) -> Vec<End> {
        self.calls.iter().filter(|call| call.note == note).map(|call| call.end).collect()
    }
}
