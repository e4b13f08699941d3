//! Payloads of batches, and records.

use std::sync::Arc;

use crate::{
    Model, OpenError, Position,
    engine::hostile::{
        Amendments, Check, Halt, Identity, Payload, Records, Replay, Today, amended, arguments_text,
        batch_time, begin, decode, genesis, put_record,
    },
    journal::Entry,
};

/// One record, as it stands in a batch: taken apart, compared with what is written again, shown and read as a command.
pub fn record<M: Model>(bytes: &[u8]) -> bool {
    let today = Today::of::<M>();
    let mut records = Records::of(bytes);
    let Ok(record) = records.take() else { return false };
    let mut again = Vec::new();
    put_record(record, &mut again);
    assert!(again.len() <= bytes.len(), "what is written is the shortest form");
    let mut reread = Records::of(&again);
    assert_eq!(reread.take(), Ok(record), "a record is read back");
    assert!(reread.is_empty());
    let identity = Identity::of(&record, |method| today.preamble.name(method));
    assert_eq!(identity.is_some(), record.request.is_some());
    let _ = arguments_text(&today.preamble, &record);
    let Ok(commands) = record.commands() else { return false };
    commands.iter().all(|command| decode::<M>(command.method, command.arguments).is_ok())
}

/// The payload of a batch: replayed by a model as a journal with nothing else in it but the model's initial state, and
/// the batch twice.
pub fn batch<M: Model + Default>(bytes: &[u8]) -> bool {
    let count = payload(bytes);
    replayed::<M>(bytes, count.unwrap_or(u32::MAX)) && count.is_some()
}

/// The payload of a batch: taken apart, and compared with what is written again. The number of its records, if it is one.
pub fn payload(bytes: &[u8]) -> Option<u32> {
    let time = batch_time(bytes);
    let count = match &Payload::parse(bytes) {
        Ok(Payload::Records { shared, outcomes, records }) => {
            assert_eq!(time, Ok(Some(shared.time)));
            let mut again = Vec::new();
            begin(*shared, outcomes, &mut again);
            let (mut left, mut count) = (*records, 0);
            while !left.is_empty() {
                let Ok(record) = left.take() else { break };
                put_record(record, &mut again);
                count += 1;
            }
            assert!(again.len() <= bytes.len(), "what is written is the shortest form");
            let Ok(Payload::Records { shared: same, outcomes: same_outcomes, mut records }) =
                Payload::parse(&again)
            else {
                panic!("a batch is read back")
            };
            assert_eq!((*shared, outcomes), (same, &same_outcomes));
            assert_eq!((0..count).filter(|_| records.take().is_ok()).count(), count);
            assert!(records.is_empty());
            count
        }
        Ok(Payload::Genesis { index, last, part }) => {
            let again = genesis(*index, *last, part);
            let Ok(Payload::Genesis { index: same, last: same_last, part: same_part }) =
                Payload::parse(&again)
            else {
                panic!("an initial state is read back")
            };
            assert_eq!((*index, *last, *part), (same, same_last, same_part));
            0
        }
        Ok(Payload::Amended { time, outcomes }) => {
            let again = amended(*time, outcomes);
            let Ok(Payload::Amended { time: same, outcomes: same_outcomes }) = Payload::parse(&again) else {
                panic!("amendments are read back")
            };
            assert_eq!((*time, outcomes), (same, &same_outcomes));
            0
        }
        Err(_) => return None,
    };
    u32::try_from(count).ok()
}

/// Whether a replay takes the batch.
fn replayed<M: Model + Default>(payload: &[u8], count: u32) -> bool {
    let today = Today::of::<M>();
    let preamble = Arc::clone(&today.bytes);
    let state = postcard::to_stdvec(&M::default()).expect("an initial state is written");
    let initial = genesis(0, true, &state);
    let mut replaying = Replaying::<M>::new(&today);
    let second = Position::new(1 + u64::from(count));
    let batches =
        [(Position::new(1), 0, &initial[..]), (Position::new(1), count, payload), (second, count, payload)];
    for (first, count, payload) in batches {
        if !replaying.take(Entry { first, count, payload, preamble: &preamble }) {
            break;
        }
    }
    replaying.finish()
}

/// A journal that is checked and replayed.
pub(super) struct Replaying<'a, M: Model> {
    check: Check,
    amendments: Amendments,
    replay: Replay<'a, M>,
    taken: bool,
}

impl<M: Model> Replaying<'_, M> {
    pub(super) fn new(today: &Arc<Today>) -> Self {
        Replaying {
            check: Check::new("here".to_owned(), Arc::clone(today)),
            amendments: Amendments::default(),
            replay: Replay::new("here".to_owned(), Arc::clone(today), None)
                .checked_through(Position::new(u64::MAX))
                .accepting(),
            taken: true,
        }
    }

    /// Takes the next batch; whether it was accepted.
    pub(super) fn take(&mut self, entry: Entry<'_>) -> bool {
        self.taken &= self.check.visit::<M>(&entry).map_err(|error| told(&error)).is_ok();
        self.amendments.read(&entry);
        self.taken &= match self.replay.visit(entry) {
            Ok(()) => true,
            // Only a second reading would know what was amended.
            Err(Halt::Amended | Halt::Check) => false,
            Err(Halt::Failed(error)) => {
                told(&error);
                false
            }
        };
        self.taken
    }

    /// Applies what is still to be applied, and reads the state back; whether all was accepted.
    pub(super) fn finish(self) -> bool {
        let is_carried = self.check.finish::<M>().map_err(|error| told(&error)).is_ok();
        match self.replay.finish() {
            Ok(Some(replayed)) => {
                let is_accepted = self.taken && is_carried;
                if is_accepted {
                    let bytes = postcard::to_stdvec(replayed.kernel.model()).expect("a state is written");
                    assert!(super::types::state::<M>(&bytes), "a state that a journal leads to is read back");
                }
                is_accepted
            }
            Ok(None) => false,
            Err(error) => {
                told(&error);
                false
            }
        }
    }
}

fn told(error: &OpenError) {
    assert!(!error.to_string().is_empty(), "a refusal has words");
}

/// The records of a payload, each with its command's number and its arguments; for seeds of real bytes.
pub fn records(payload: &[u8]) -> Vec<(Vec<u8>, u16, Vec<u8>)> {
    let mut all = Vec::new();
    if let Ok(Payload::Records { mut records, .. }) = Payload::parse(payload) {
        while let Ok(record) = records.take() {
            let mut bytes = Vec::new();
            put_record(record, &mut bytes);
            all.push((bytes, record.method, record.arguments.to_vec()));
            if records.is_empty() {
                break;
            }
        }
    }
    all
}
