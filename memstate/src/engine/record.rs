//! The payload of a batch, byte by byte.
//!
//! ```text
//! payload   = kind (u8), then
//!   genesis (1): index (varint), last (u8: 0 or 1), a part of the initial state
//!   amended (3): time (i64), count (varint), count × (position (varint), outcome)
//!   records (2): time (i64, microseconds since 1970), seed (16 bytes),
//!                outcomes: first position (varint), count (varint), count × outcome
//!                records, as many as the batch counts
//! outcome   = kind (u8), and for accepted (0) and rejected (1) a digest (u32): 16 bits of the reply and the events,
//!             and in the high half 16 bits of the changes
//! record    = head (varint: method × 4 + caller × 2 + request), then as the head says
//!                caller: length (varint), UTF-8
//!                request: client (16 bytes), sequence (varint), since (varint)
//!             arguments: length (varint), bytes; of an atomic batch its commands, 1 to 65,536 of them
//! command   = method (varint), arguments: length (varint), bytes
//! ```
//!
//! A method is a number in the name table of the writer's [preamble](super::preamble); 65,535 is that of an atomic batch, and
//! stands in no table. What has one position, one caller, one request and one outcome is a record, so a batch is one. Numbers of
//! fixed size are little-endian; a varint has seven bits a byte, the lowest first, as in postcard.

use uuid::Uuid;

use crate::{
    Position, RequestId, Timestamp,
    bugs::{self, Bug},
    codec::{Unreadable, get_bytes, get_varint, put_varint},
};

/// The number in the head of an atomic batch: several commands that are one record.
pub(crate) const ATOMICALLY: u16 = u16::MAX;
/// What stands for the name of a command where the record is an atomic batch.
pub(crate) const ATOMICALLY_NAME: &str = "atomically";
/// How many commands an atomic batch has at most. It bounds what its few bytes can grow to in memory.
pub(crate) const COMMANDS_MAX: usize = 65_536;

const GENESIS: u8 = 1;
const RECORDS: u8 = 2;
const AMENDED: u8 = 3;

/// What a record did, as the journal keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Recorded {
    /// Its changes stay. The digest is of its reply, its events and its changes.
    Accepted(u32),
    /// The model refused. The digest is of its reply.
    Rejected(u32),
    /// It panicked.
    Panicked,
    /// Its request had happened before.
    Repeated,
    /// Its request is too old to tell, or came before with other arguments.
    Refused,
    /// It ended the process whenever it was applied, and is left out.
    Poisoned,
}

/// What of an outcome can be compared: a reply or a state of other types has other bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Compared {
    pub(crate) reply: bool,
    pub(crate) changes: bool,
}

impl Recorded {
    /// An accepted command, from the digests of its reply with its events and of its changes.
    pub(crate) fn accepted(reply: u64, changes: u64) -> Self {
        Recorded::Accepted(halves(reply, changes))
    }

    /// A rejected command.
    pub(crate) fn rejected(reply: u64) -> Self {
        Recorded::Rejected(halves(reply, 0))
    }

    /// What `now` did otherwise than this, in words; `None` if nothing that can be compared differs.
    pub(crate) fn unlike(self, now: Recorded, compared: Compared) -> Option<&'static str> {
        if bugs::on(Bug::OutcomeNotCompared) {
            return None;
        }
        match (self, now) {
            (Recorded::Accepted(was), Recorded::Accepted(is)) => {
                let differ = was ^ is;
                match (compared.reply && differ & 0xffff != 0, compared.changes && differ >> 16 != 0) {
                    (true, true) => Some("with another reply or other events, and other changes"),
                    (true, false) => Some("with another reply or other events"),
                    (false, true) => Some("with other changes to the state"),
                    (false, false) => None,
                }
            }
            // What a recorded rejection said is not compared, because it is not run again.
            (was, is) if std::mem::discriminant(&was) == std::mem::discriminant(&is) => None,
            _ => Some(""),
        }
    }

    /// What it is, in a word or two.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Recorded::Accepted(_) => "accepted",
            Recorded::Rejected(_) => "rejected",
            Recorded::Panicked => "panicked",
            Recorded::Repeated => "repeated",
            Recorded::Refused => "refused as a repetition",
            Recorded::Poisoned => "left out because it ends the process",
        }
    }

    fn put(self, bytes: &mut Vec<u8>) {
        let (kind, digest) = match self {
            Recorded::Accepted(digest) => (0, Some(digest)),
            Recorded::Rejected(digest) => (1, Some(digest)),
            Recorded::Panicked => (2, None),
            Recorded::Repeated => (3, None),
            Recorded::Refused => (4, None),
            Recorded::Poisoned => (5, None),
        };
        bytes.push(kind);
        if let Some(digest) = digest {
            bytes.extend_from_slice(&digest.to_le_bytes());
        }
    }

    #[inline]
    fn get(bytes: &mut &[u8]) -> Result<Self, Unreadable> {
        match get_array::<1>(bytes)?[0] {
            0 => Ok(Recorded::Accepted(u32::from_le_bytes(get_array(bytes)?))),
            1 => Ok(Recorded::Rejected(u32::from_le_bytes(get_array(bytes)?))),
            2 => Ok(Recorded::Panicked),
            3 => Ok(Recorded::Repeated),
            4 => Ok(Recorded::Refused),
            5 => Ok(Recorded::Poisoned),
            kind => Err(Unreadable::new(format!("{kind} is no kind of outcome"))),
        }
    }
}

/// The low 16 bits of one digest, and above them those of another.
fn halves(low: u64, high: u64) -> u32 {
    (low as u32 & 0xffff) | (high as u32) << 16
}

/// Outcomes of consecutive records.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Outcomes {
    /// The position of the first.
    pub(crate) first: Position,
    /// One for each record from there.
    pub(crate) list: Vec<Recorded>,
}

impl Outcomes {
    /// The position after the last.
    pub(crate) fn next(&self) -> Position {
        self.first.plus(self.list.len() as u64)
    }
}

/// One journaled command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Record<'a> {
    pub(crate) method: u16,
    pub(crate) caller: Option<&'a str>,
    pub(crate) request: Option<RequestId>,
    pub(crate) arguments: &'a [u8],
}

impl<'a> Record<'a> {
    /// Whether it is several commands that happen together or not at all.
    pub(crate) fn is_atomic_batch(&self) -> bool {
        self.method == ATOMICALLY
    }

    /// The commands of an atomic batch, each as a record of its own with the caller and the request of the whole; of any other
    /// record itself.
    pub(crate) fn commands(&self) -> Result<Vec<Record<'a>>, Unreadable> {
        if !self.is_atomic_batch() {
            return Ok(vec![*self]);
        }
        let mut bytes = self.arguments;
        let mut commands = Vec::new();
        while !bytes.is_empty() {
            if commands.len() == COMMANDS_MAX {
                return Err(Unreadable::new(format!("it has more than {COMMANDS_MAX} commands")));
            }
            let method = u16::try_from(get_varint(&mut bytes)?).unwrap_or(ATOMICALLY);
            if method == ATOMICALLY {
                return Err(Unreadable::new("a method's number is too large"));
            }
            let length = length(&mut bytes)?;
            commands.push(Record { method, arguments: get_bytes(&mut bytes, length)?, ..*self });
        }
        match commands.is_empty() {
            true => Err(Unreadable::new("it has no commands")),
            false => Ok(commands),
        }
    }
}

/// What all records of a batch share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shared {
    pub(crate) time: Timestamp,
    pub(crate) seed: [u8; 16],
}

/// A payload, taken apart.
#[derive(Debug)]
pub(crate) enum Payload<'a> {
    Genesis {
        index: u64,
        last: bool,
        part: &'a [u8],
    },
    Records {
        shared: Shared,
        outcomes: Outcomes,
        records: Records<'a>,
    },
    /// Outcomes that were accepted in place of recorded ones.
    Amended {
        time: Timestamp,
        outcomes: Vec<(Position, Recorded)>,
    },
}

/// Starts the payload of a batch of records in `bytes`.
pub(crate) fn begin(shared: Shared, outcomes: &Outcomes, bytes: &mut Vec<u8>) {
    bytes.push(RECORDS);
    bytes.extend_from_slice(&shared.time.as_micros().to_le_bytes());
    bytes.extend_from_slice(&shared.seed);
    put_varint(outcomes.first.get(), bytes);
    put_varint(outcomes.list.len() as u64, bytes);
    for outcome in &outcomes.list {
        outcome.put(bytes);
    }
}

/// Appends a record to a payload.
pub(crate) fn put_record(record: Record<'_>, bytes: &mut Vec<u8>) {
    let head = u64::from(record.method) << 2
        | u64::from(record.caller.is_some()) << 1
        | u64::from(record.request.is_some());
    put_varint(head, bytes);
    if let Some(caller) = record.caller {
        put_varint(caller.len() as u64, bytes);
        bytes.extend_from_slice(caller.as_bytes());
    }
    if let Some(request) = record.request {
        bytes.extend_from_slice(request.client.as_bytes());
        put_varint(request.sequence, bytes);
        put_varint(request.since.get(), bytes);
    }
    put_varint(record.arguments.len() as u64, bytes);
    bytes.extend_from_slice(record.arguments);
}

/// Appends a command to the arguments of an atomic batch.
pub(crate) fn put_command(method: u16, arguments: &[u8], bytes: &mut Vec<u8>) {
    put_varint(method.into(), bytes);
    put_varint(arguments.len() as u64, bytes);
    bytes.extend_from_slice(arguments);
}

/// The payload of a batch that carries a part of the initial state.
pub(crate) fn genesis(index: u64, last: bool, part: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(part.len() + 16);
    bytes.push(GENESIS);
    put_varint(index, &mut bytes);
    bytes.push(u8::from(last));
    bytes.extend_from_slice(part);
    bytes
}

/// The payload of a batch that puts outcomes in the place of recorded ones.
pub(crate) fn amended(time: Timestamp, outcomes: &[(Position, Recorded)]) -> Vec<u8> {
    let mut bytes = vec![AMENDED];
    bytes.extend_from_slice(&time.as_micros().to_le_bytes());
    put_varint(outcomes.len() as u64, &mut bytes);
    for (position, outcome) in outcomes {
        put_varint(position.get(), &mut bytes);
        outcome.put(&mut bytes);
    }
    bytes
}

impl<'a> Payload<'a> {
    /// Takes a payload apart; the records are read one by one later.
    pub(crate) fn parse(mut bytes: &'a [u8]) -> Result<Self, Unreadable> {
        match get_array::<1>(&mut bytes)?[0] {
            GENESIS => Ok(Payload::Genesis {
                index: get_varint(&mut bytes)?,
                last: match get_array::<1>(&mut bytes)?[0] {
                    0 => false,
                    1 => true,
                    other => {
                        return Err(Unreadable::new(format!(
                            "{other} says neither that more follows nor the end"
                        )));
                    }
                },
                part: bytes,
            }),
            RECORDS => {
                let shared = Shared {
                    time: Timestamp::from_micros(i64::from_le_bytes(get_array(&mut bytes)?)),
                    seed: get_array(&mut bytes)?,
                };
                let first = Position::new(get_varint(&mut bytes)?);
                let count = get_varint(&mut bytes)?;
                // Each takes a byte at least, so the bytes that are there bound what is allocated.
                if count > bytes.len() as u64 {
                    return Err(Unreadable::new("there are fewer outcomes than announced"));
                }
                if first.get().checked_add(count).is_none() {
                    return Err(Unreadable::new("there are outcomes of more records than there can be"));
                }
                // Almost all of them take five.
                let mut list = Vec::with_capacity((count as usize).min(bytes.len() / 5 + 1));
                for _ in 0..count {
                    list.push(Recorded::get(&mut bytes)?);
                }
                Ok(Payload::Records {
                    shared,
                    outcomes: Outcomes { first, list },
                    records: Records { bytes },
                })
            }
            AMENDED => {
                let time = Timestamp::from_micros(i64::from_le_bytes(get_array(&mut bytes)?));
                let count = get_varint(&mut bytes)?;
                if count > bytes.len() as u64 {
                    return Err(Unreadable::new("there are fewer outcomes than announced"));
                }
                let outcome = |_| Ok((Position::new(get_varint(&mut bytes)?), Recorded::get(&mut bytes)?));
                let outcomes = (0..count).map(outcome).collect::<Result<_, Unreadable>>()?;
                match bytes.is_empty() {
                    true => Ok(Payload::Amended { time, outcomes }),
                    false => Err(Unreadable::new("bytes are left over")),
                }
            }
            kind => Err(Unreadable::new(format!("{kind} is no kind of batch"))),
        }
    }
}

/// The time of a batch, if it is one of records.
pub(crate) fn batch_time(mut payload: &[u8]) -> Result<Option<Timestamp>, Unreadable> {
    match get_array::<1>(&mut payload)?[0] {
        RECORDS => Ok(Some(Timestamp::from_micros(i64::from_le_bytes(get_array(&mut payload)?)))),
        _ => Ok(None),
    }
}

/// The records of a batch that are still to be read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Records<'a> {
    bytes: &'a [u8],
}

impl<'a> Records<'a> {
    /// Those that stand in these bytes, without a payload around them.
    pub(crate) fn of(bytes: &'a [u8]) -> Self {
        Records { bytes }
    }

    /// Their bytes.
    pub(crate) fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Whether all were read.
    pub(crate) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Takes the next record.
    #[inline]
    pub(crate) fn take(&mut self) -> Result<Record<'a>, Unreadable> {
        let bytes = &mut self.bytes;
        let head = get_varint(bytes)?;
        let method =
            u16::try_from(head >> 2).map_err(|_| Unreadable::new("a method's number is too large"))?;
        let caller = match head & 2 {
            0 => None,
            _ => {
                let length = length(bytes)?;
                let caller = std::str::from_utf8(get_bytes(bytes, length)?);
                Some(caller.map_err(|_| Unreadable::new("a caller's name is not UTF-8"))?)
            }
        };
        let request = match head & 1 {
            0 => None,
            _ => Some(RequestId {
                client: Uuid::from_bytes(get_array(bytes)?),
                sequence: get_varint(bytes)?,
                since: Position::new(get_varint(bytes)?),
            }),
        };
        let length = length(bytes)?;
        Ok(Record { method, caller, request, arguments: get_bytes(bytes, length)? })
    }
}

#[inline]
fn length(bytes: &mut &[u8]) -> Result<usize, Unreadable> {
    usize::try_from(get_varint(bytes)?).map_err(|_| Unreadable::new("a length is too large"))
}

#[inline]
fn get_array<const N: usize>(bytes: &mut &[u8]) -> Result<[u8; N], Unreadable> {
    let taken = get_bytes(bytes, N)?;
    Ok(taken.try_into().expect("as many as asked for"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Vec<u8> {
        let outcomes = Outcomes {
            first: Position::new(300),
            list: vec![
                Recorded::Accepted(0xdead_beef),
                Recorded::Rejected(7),
                Recorded::Panicked,
                Recorded::Repeated,
                Recorded::Refused,
                Recorded::Poisoned,
            ],
        };
        let shared = Shared { time: Timestamp::from_micros(-5), seed: [9; 16] };
        let mut bytes = Vec::new();
        begin(shared, &outcomes, &mut bytes);
        let request =
            RequestId { client: Uuid::from_u128(1 << 100), sequence: 1 << 40, since: Position::new(299) };
        put_record(
            Record { method: 500, caller: Some("änn"), request: Some(request), arguments: &[1; 200] },
            &mut bytes,
        );
        put_record(Record { method: 0, caller: None, request: None, arguments: &[] }, &mut bytes);
        bytes
    }

    #[test]
    fn a_batch_is_read_as_it_was_written() {
        let bytes = sample();
        let Payload::Records { shared, outcomes, mut records } = Payload::parse(&bytes).unwrap() else {
            panic!("records were written");
        };
        assert_eq!(shared.time.as_micros(), -5);
        assert_eq!(batch_time(&bytes), Ok(Some(shared.time)));
        assert_eq!(outcomes.next(), Position::new(306));
        assert_eq!(outcomes.list[0], Recorded::Accepted(0xdead_beef));
        let first = records.take().unwrap();
        assert_eq!((first.method, first.caller, first.arguments.len()), (500, Some("änn"), 200));
        assert_eq!(first.request.unwrap().sequence, 1 << 40);
        assert_eq!(
            records.take().unwrap(),
            Record { method: 0, caller: None, request: None, arguments: &[] }
        );
        assert!(records.is_empty());
    }

    #[test]
    fn bytes_that_are_cut_short_are_refused_and_never_panic() {
        let bytes = sample();
        for length in 0..bytes.len() {
            if let Ok(Payload::Records { mut records, .. }) = Payload::parse(&bytes[..length]) {
                while !records.is_empty() {
                    if records.take().is_err() {
                        break;
                    }
                }
            }
        }
    }

    fn of_several(arguments: &[u8]) -> Record<'_> {
        Record { method: ATOMICALLY, caller: Some("ann"), request: None, arguments }
    }

    #[test]
    fn an_atomic_batch_is_one_record_that_holds_its_commands_as_they_were_put() {
        let mut arguments = Vec::new();
        put_command(3, b"abc", &mut arguments);
        put_command(0, b"", &mut arguments);
        put_command(ATOMICALLY - 1, &[7; 200], &mut arguments);
        assert_eq!(arguments[..7], [3, 3, b'a', b'b', b'c', 0, 0]);
        let mut bytes = Vec::new();
        let shared = Shared { time: Timestamp::from_micros(1), seed: [0; 16] };
        begin(shared, &Outcomes::default(), &mut bytes);
        put_record(of_several(&arguments), &mut bytes);
        let Ok(Payload::Records { mut records, .. }) = Payload::parse(&bytes) else {
            panic!("it was written")
        };
        let batch = records.take().unwrap();
        assert!(records.is_empty() && batch.is_atomic_batch());
        let commands = batch.commands().unwrap();
        let expected: [(u16, &[u8]); 3] = [(3, b"abc"), (0, b""), (ATOMICALLY - 1, &[7; 200])];
        assert!(commands.iter().map(|command| (command.method, command.arguments)).eq(expected));
        assert!(commands.iter().all(|command| command.caller == Some("ann") && !command.is_atomic_batch()));
        assert_eq!(commands[0].commands().unwrap(), [commands[0]], "a single command is its own only one");
    }

    #[test]
    fn what_is_no_list_of_commands_is_refused_wherever_it_is_cut() {
        let (mut arguments, mut ends) = (Vec::new(), vec![0]);
        for command in [vec![1; 300], Vec::new(), vec![2; 5]] {
            put_command(300, &command, &mut arguments);
            ends.push(arguments.len());
        }
        for length in 0..=arguments.len() {
            let commands = of_several(&arguments[..length]).commands();
            let whole = ends.iter().position(|end| *end == length).filter(|count| *count > 0);
            assert_eq!(commands.ok().map(|commands| commands.len()), whole, "cut at {length}");
        }
        let refused = |bytes: &[u8]| of_several(bytes).commands().unwrap_err().to_string();
        assert!(refused(&[0xff, 0xff, 3, 0]).contains("number is too large"), "a batch in a batch");
        assert!(refused(&[0x80, 0x80, 4, 0]).contains("number is too large"));
        assert!(refused(&[1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]).contains("announced"));
        assert!(of_several(&[0; 2 * COMMANDS_MAX]).commands().is_ok());
        assert!(refused(&[0; 2 * COMMANDS_MAX + 2]).contains("more than 65536"));
    }

    #[test]
    fn amendments_are_read_as_they_were_written() {
        let outcomes =
            vec![(Position::new(7), Recorded::Rejected(9)), (Position::new(1 << 40), Recorded::Panicked)];
        let bytes = amended(Timestamp::from_micros(5), &outcomes);
        let count_and_outcomes =
            [2, /* 7 */ 7, 1, 9, 0, 0, 0, /* 1 << 40 */ 0x80, 0x80, 0x80, 0x80, 0x80, 0x20, 2];
        assert_eq!(bytes, [&[3, 5, 0, 0, 0, 0, 0, 0, 0][..], &count_and_outcomes].concat());
        let Ok(Payload::Amended { time, outcomes: read }) = Payload::parse(&bytes) else {
            panic!("they were written");
        };
        assert_eq!((time.as_micros(), read), (5, outcomes));
        for length in 1..bytes.len() {
            assert!(Payload::parse(&bytes[..length]).is_err());
        }
    }

    #[test]
    fn halves_of_outcomes_are_compared_one_by_one() {
        let was = Recorded::accepted(0x1_0001, 0x2_0002);
        let all = Compared { reply: true, changes: true };
        assert_eq!(was, Recorded::Accepted(0x0002_0001));
        assert_eq!(was.unlike(Recorded::accepted(1, 2), all), None);
        assert!(was.unlike(Recorded::accepted(1, 3), all).unwrap().contains("changes"));
        assert!(was.unlike(Recorded::accepted(2, 2), all).unwrap().contains("reply"));
        assert_eq!(was.unlike(Recorded::accepted(2, 2), Compared { reply: false, changes: true }), None);
        assert_eq!(was.unlike(Recorded::accepted(1, 3), Compared { reply: true, changes: false }), None);
        let nothing = Compared { reply: false, changes: false };
        assert_eq!(was.unlike(Recorded::accepted(8, 9), nothing), None);
        assert!(was.unlike(Recorded::rejected(1), nothing).is_some());
    }

    #[test]
    fn genesis_is_read_as_it_was_written() {
        let bytes = genesis(3, true, b"state");
        assert!(matches!(
            Payload::parse(&bytes),
            Ok(Payload::Genesis { index: 3, last: true, part: b"state" })
        ));
        assert!(
            Payload::parse(&[GENESIS, 3, 2, b's']).is_err(),
            "what a later version may mean by it is unknown"
        );
    }
}
