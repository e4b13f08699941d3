//! Which requests have happened, and what they were answered: a part of the state, in snapshots too.

use std::{collections::VecDeque, hash::BuildHasher};

use hashbrown::HashTable;
use indexmap::IndexMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use twox_hash::XxHash3_64;

use super::record::Record;
use crate::{Position, RequestId};

/// How many requests are remembered at most.
pub(crate) const REMEMBERED: usize = 65_536;
/// How many bytes their replies have together at most.
const REMEMBERED_BYTES: u64 = 64 << 20;

/// The answer to a request, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Answered {
    Accepted(Vec<u8>),
    Rejected(Vec<u8>),
    Panicked(String),
    /// It was of a type that has changed since.
    Lost,
    /// Of an atomic batch: the replies of its commands, whose numbers are these.
    AcceptedAll {
        methods: Vec<u16>,
        replies: Vec<u8>,
    },
    /// Of an atomic batch: the reply of the command that was rejected, with its place, and its number.
    RejectedIn {
        method: u16,
        reply: Vec<u8>,
    },
}

impl Answered {
    fn bytes(&self) -> u64 {
        match self {
            Answered::Accepted(bytes) | Answered::Rejected(bytes) => bytes.len() as u64,
            Answered::Panicked(message) => message.len() as u64,
            Answered::AcceptedAll { methods, replies } => (replies.len() + 2 * methods.len()) as u64,
            Answered::RejectedIn { reply, .. } => reply.len() as u64,
            Answered::Lost => 0,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Kept {
    position: Position,
    /// Tells the same command with the same arguments from another one.
    fingerprint: u64,
    /// The command, by its number in the code, or in the table of the snapshot that holds this. Those of an atomic batch stand
    /// in the answer.
    method: u16,
    answered: Answered,
}

/// What is known of a request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Known<'a> {
    /// It never happened.
    New,
    /// It happened at this position.
    Happened(Position, &'a Answered),
    /// It may have happened so long ago that it is forgotten.
    Expired,
    /// Its id was used for another command or other arguments.
    Reused,
}

/// The requests of the last [`REMEMBERED`] that carried an id.
///
/// What is forgotten is always the oldest, so they lie in their order, and the table has only their places: a command with an id
/// costs it a few lines of the cache.
#[derive(Debug, Default)]
pub(crate) struct Requests {
    /// The oldest first.
    kept: VecDeque<(Id, Kept)>,
    /// Their numbers, by the hashes of their ids.
    places: HashTable<u32>,
    hasher: foldhash::fast::RandomState,
    /// The number of the oldest. They are counted through, beginning again at 0 after the last number.
    first: u32,
    /// The bytes of the replies.
    bytes: u64,
    /// The position of the last one that was forgotten.
    forgotten: Position,
    /// It was read from bytes whose parts do not agree.
    contradicts_itself: bool,
}

type Id = (u128, u64);

/// As it is written.
#[derive(Serialize)]
#[serde(rename = "Requests")]
struct Written<'a> {
    kept: InMap<'a>,
    order: InOrder<'a>,
    bytes: u64,
    forgotten: Position,
}

/// As it is read: the map may be in any order.
#[derive(Deserialize)]
#[serde(rename = "Requests")]
struct Read {
    kept: IndexMap<Id, Kept, foldhash::fast::RandomState>,
    order: Vec<Id>,
    bytes: u64,
    forgotten: Position,
}

struct InMap<'a>(&'a VecDeque<(Id, Kept)>);

struct InOrder<'a>(&'a VecDeque<(Id, Kept)>);

impl Serialize for InMap<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(id, kept)| (id, kept)))
    }
}

impl Serialize for InOrder<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|(id, _)| id))
    }
}

impl Serialize for Requests {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (kept, order) = (InMap(&self.kept), InOrder(&self.kept));
        Written { kept, order, bytes: self.bytes, forgotten: self.forgotten }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Requests {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Read { mut kept, order, bytes, forgotten } = Read::deserialize(deserializer)?;
        let mut requests = Requests { forgotten, ..Requests::default() };
        for id in order {
            match kept.swap_remove(&id) {
                Some(kept) => requests.add(id, kept),
                None => requests.contradicts_itself = true,
            }
        }
        requests.contradicts_itself |= !kept.is_empty() || requests.bytes != bytes;
        Ok(requests)
    }
}

impl Requests {
    /// Looks a request up.
    pub(crate) fn look(&self, request: &RequestId, fingerprint: u64) -> Known<'_> {
        match self.find(&id(request)) {
            Some(kept) if kept.fingerprint == fingerprint => Known::Happened(kept.position, &kept.answered),
            Some(_) => Known::Reused,
            // Everything after `forgotten` is remembered. If the request cannot be older, it never happened.
            None if request.since >= self.forgotten => Known::New,
            None => Known::Expired,
        }
    }

    /// Remembers an answer.
    pub(crate) fn remember(
        &mut self,
        request: &RequestId,
        fingerprint: u64,
        position: Position,
        method: u16,
        answered: Answered,
    ) {
        let more = answered.bytes();
        while self.kept.len() >= REMEMBERED || self.bytes + more > REMEMBERED_BYTES {
            if !self.forget_oldest() {
                break;
            }
        }
        self.add(id(request), Kept { position, fingerprint, method, answered });
    }

    fn find(&self, id: &Id) -> Option<&Kept> {
        let kept = |number: u32| self.kept.get(number.wrapping_sub(self.first) as usize);
        let is_it = |number: &u32| kept(*number).is_some_and(|(other, _)| other == id);
        let number = self.places.find(self.hasher.hash_one(id), is_it)?;
        kept(*number).map(|(_, kept)| kept)
    }

    /// Adds one that is not there, as the latest.
    fn add(&mut self, id: Id, kept: Kept) {
        let number = self.first.wrapping_add(self.kept.len() as u32);
        self.bytes += kept.answered.bytes();
        self.kept.push_back((id, kept));
        let Requests { kept, places, hasher, first, .. } = self;
        let hash_of = |number: &u32| hasher.hash_one(kept[number.wrapping_sub(*first) as usize].0);
        places.insert_unique(hasher.hash_one(id), number, hash_of);
    }

    fn forget_oldest(&mut self) -> bool {
        let Some((id, oldest)) = self.kept.pop_front() else { return false };
        // By its number, so that nothing else has to be looked at.
        if let Ok(place) = self.places.find_entry(self.hasher.hash_one(id), |number| *number == self.first) {
            place.remove();
        }
        self.first = self.first.wrapping_add(1);
        self.bytes -= oldest.answered.bytes();
        self.forgotten = oldest.position;
        true
    }
}

impl Requests {
    /// Whether the parts agree with each other, as they do in everything that was written; who makes bytes up may not know.
    pub(crate) fn is_consistent(&self) -> bool {
        !self.contradicts_itself
    }

    /// Takes over what another version of the code kept: `today` gives for a command's number then its number now, or `None`
    /// if what it replied cannot be read any more.
    pub(crate) fn carry(&mut self, today: impl Fn(u16) -> Option<u16>) {
        for (_, kept) in &mut self.kept {
            let is_readable = match &mut kept.answered {
                Answered::AcceptedAll { methods, .. } => {
                    let now: Option<Vec<_>> = methods.iter().map(|method| today(*method)).collect();
                    now.map(|now| *methods = now).is_some()
                }
                Answered::RejectedIn { method, .. } => today(*method).map(|now| *method = now).is_some(),
                answered => match today(kept.method) {
                    Some(now) => {
                        kept.method = now;
                        true
                    }
                    None => matches!(answered, Answered::Panicked(_)),
                },
            };
            if !is_readable {
                self.bytes -= kept.answered.bytes();
                kept.answered = Answered::Lost;
            }
        }
    }
}

fn id(request: &RequestId) -> Id {
    (request.client.as_u128(), request.sequence)
}

/// A request, and what tells it from another one of the same id: what was called with which arguments, as its writer called it
/// and wrote them, whatever it is called now.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Identity {
    pub(crate) request: RequestId,
    pub(crate) fingerprint: u64,
}

impl Identity {
    /// That of a record as it was written, if it has one; `name` says what its writer calls a command.
    pub(crate) fn of<'a>(written: &Record<'_>, name: impl Fn(u16) -> &'a str) -> Option<Self> {
        let request = written.request?;
        let of_command = |seed: u64, command: &Record<'_>| {
            let name = XxHash3_64::oneshot_with_seed(seed, name(command.method).as_bytes());
            XxHash3_64::oneshot_with_seed(name, command.arguments)
        };
        let fingerprint = match written.is_atomic_batch().then(|| written.commands()) {
            // By their names, because the same commands may have other numbers when they are sent again.
            Some(Ok(commands)) => {
                commands.iter().fold(of_command(0, &Record { arguments: &[], ..*written }), of_command)
            }
            Some(Err(_)) | None => of_command(0, written),
        };
        Some(Identity { request, fingerprint })
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::{
        super::record::{ATOMICALLY, put_command},
        *,
    };

    fn request(sequence: u64, since: u64) -> RequestId {
        RequestId { client: Uuid::from_u128(1), sequence, since: Position::new(since) }
    }

    #[test]
    fn a_request_is_remembered_until_it_is_forgotten_and_then_refused() {
        let mut requests = Requests::default();
        for n in 1..=REMEMBERED as u64 {
            assert_eq!(requests.look(&request(n, n - 1), 0), Known::New);
            requests.remember(&request(n, n - 1), 0, Position::new(n), 0, Answered::Accepted(vec![]));
        }
        assert_eq!(
            requests.look(&request(1, 0), 0),
            Known::Happened(Position::new(1), &Answered::Accepted(vec![]))
        );
        assert_eq!(requests.look(&request(1, 0), 1), Known::Reused);

        let next = REMEMBERED as u64 + 1;
        requests.remember(&request(next, next - 1), 0, Position::new(next), 0, Answered::Rejected(vec![1]));
        assert_eq!(requests.look(&request(1, 0), 0), Known::Expired);
        assert!(matches!(requests.look(&request(2, 1), 0), Known::Happened(..)));
        assert_eq!(requests.look(&request(next + 1, 1), 0), Known::New);
        assert_eq!(requests.look(&request(next + 1, 0), 0), Known::Expired);
    }

    #[test]
    fn what_is_written_is_what_was_written_always_and_is_read_in_any_order() {
        /// As these were kept until now, of which snapshots are.
        #[derive(Default, Serialize)]
        struct Before {
            kept: IndexMap<Id, Kept>,
            order: VecDeque<Id>,
            bytes: u64,
            forgotten: Position,
        }
        let (mut before, mut requests) = (Before::default(), Requests::default());
        for n in 1..=5 {
            let (request, position) = (request(n, 0), Position::new(n));
            let answered = Answered::Accepted(vec![7; n as usize]);
            before.bytes += answered.bytes();
            before.order.push_back(id(&request));
            let kept = Kept { position, fingerprint: n, method: 3, answered: answered.clone() };
            before.kept.insert(id(&request), kept);
            requests.remember(&request, n, position, 3, answered);
        }
        assert_eq!(postcard::to_stdvec(&requests).unwrap(), postcard::to_stdvec(&before).unwrap());

        // As after requests were forgotten, when the latest took the places of others.
        before.kept.swap_indices(0, 4);
        let read = |before: &Before| {
            postcard::from_bytes::<Requests>(&postcard::to_stdvec(before).unwrap()).unwrap()
        };
        let again = read(&before);
        assert!(again.is_consistent());
        assert_eq!(postcard::to_stdvec(&again).unwrap(), postcard::to_stdvec(&requests).unwrap());
        for n in 1..=5 {
            assert!(
                matches!(again.look(&request(n, 0), n), Known::Happened(position, _) if position.get() == n)
            );
        }

        before.bytes += 1;
        assert!(!read(&before).is_consistent(), "the bytes of the replies are others");
        before.bytes -= 1;
        before.order[1] = before.order[0];
        assert!(!read(&before).is_consistent(), "one is there twice, and one is not");
        before.order.pop_back();
        assert!(!read(&before).is_consistent(), "the order has fewer");
    }

    #[test]
    fn requests_are_found_while_others_are_forgotten_also_where_their_numbers_begin_again() {
        let mut requests = Requests { first: u32::MAX - 1000, ..Requests::default() };
        let count = 3 * REMEMBERED as u64 + 7;
        for n in 1..=count {
            assert_eq!(requests.look(&request(n, n - 1), n), Known::New);
            requests.remember(&request(n, n - 1), n, Position::new(n), 0, Answered::Accepted(vec![]));
        }
        let forgotten = count - REMEMBERED as u64;
        assert_eq!((requests.kept.len(), requests.places.len()), (REMEMBERED, REMEMBERED));
        for n in 1..=count {
            match requests.look(&request(n, 0), n) {
                Known::Expired => assert!(n <= forgotten, "{n}"),
                Known::Happened(position, _) => assert!(n > forgotten && position.get() == n, "{n}"),
                other => panic!("{n}: {other:?}"),
            }
        }
    }

    #[test]
    fn the_commands_of_a_batch_have_todays_numbers_and_its_replies_are_lost_if_one_cannot_be_read() {
        let all = |methods: &[u16]| Answered::AcceptedAll { methods: methods.into(), replies: vec![1, 7, 0] };
        let one = |method| Answered::RejectedIn { method, reply: vec![0] };
        let panicked = || Answered::Panicked("boom".to_owned());
        let mut requests = Requests::default();
        for (n, answered) in
            (1..).zip([all(&[0, 1, 0]), all(&[0, 2]), one(1), one(2), panicked(), Answered::Lost])
        {
            requests.remember(&request(n, 0), 0, Position::new(n), ATOMICALLY, answered);
        }
        let bytes = requests.bytes;
        requests.carry(|method| [Some(5), Some(3)].get(usize::from(method)).copied().flatten());
        let expected = [all(&[5, 3, 5]), Answered::Lost, one(3), Answered::Lost, panicked(), Answered::Lost];
        for (n, answered) in (1..).zip(&expected) {
            assert_eq!(requests.look(&request(n, 0), 0), Known::Happened(Position::new(n), answered));
        }
        assert_eq!(requests.bytes, bytes - all(&[0, 2]).bytes() - one(2).bytes());
    }

    #[test]
    fn a_request_is_known_by_the_names_of_its_commands_and_not_by_their_numbers() {
        let list = |commands: &[(u16, &[u8])]| {
            let mut bytes = Vec::new();
            commands.iter().for_each(|(method, arguments)| put_command(*method, arguments, &mut bytes));
            bytes
        };
        let of = |method, arguments: &[u8], names: &'static [&'static str]| {
            let record = Record { method, caller: None, request: Some(request(1, 0)), arguments };
            Identity::of(&record, |method| names.get(usize::from(method)).copied().unwrap_or("?"))
                .unwrap()
                .fingerprint
        };
        let (then, now) = (["open", "close"].as_slice(), ["new", "close", "open"].as_slice());
        assert_eq!(of(0, b"a", then), of(2, b"a", now));
        assert_eq!(
            of(ATOMICALLY, &list(&[(0, b"a"), (1, b"b")]), then),
            of(ATOMICALLY, &list(&[(2, b"a"), (1, b"b")]), now)
        );
        let several = [
            of(0, b"a", then),
            of(1, b"a", then),
            of(ATOMICALLY, &list(&[(0, b"a")]), then),
            of(ATOMICALLY, &list(&[(0, b"a"), (1, b"b")]), then),
            of(ATOMICALLY, &list(&[(1, b"b"), (0, b"a")]), then),
            of(ATOMICALLY, &list(&[(0, b"ab"), (1, b"")]), then),
            of(ATOMICALLY, b"\xff", then),
        ];
        let distinct: std::collections::BTreeSet<_> = several.iter().collect();
        assert_eq!(distinct.len(), several.len(), "{several:?}");
        // As it has been since requests are remembered.
        let single = XxHash3_64::oneshot_with_seed(XxHash3_64::oneshot(b"open"), b"a");
        assert_eq!(of(0, b"a", then), single);
    }
}
