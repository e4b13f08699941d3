//! What a typed client and a server say to each other: frames, each a message in postcard's format behind its length.
//!
//! ```text
//! frame   = length of the message (u32, little endian), message
//! message = number of the variant below (varint), its fields
//! ```
//!
//! The first frame of a client is [`Ask::Hello`], which every version of the two must be able to read: it has the version of this
//! protocol. Variants and fields are only added, at the end, and with another version.

use std::{borrow::Cow, fmt, ops::Bound, sync::Arc};

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{Error as _, SeqAccess, Visitor},
};
use uuid::Uuid;

use crate::{
    AmendedOutcome, Change, Error, HistoryCommand, HistoryRecord, NotJournaled, PastError, Position,
    RecordOutcome, RequestId, Span, Timestamp, Value, When, engine::COMMANDS_MAX,
};

/// The version of this protocol.
pub(crate) const VERSION: u16 = 1;
/// How many bytes stand in front of a message.
pub(crate) const LENGTH_BYTES: usize = 4;

/// What a client says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum Ask<'a> {
    /// Who it is, and what it thinks that the model's methods look like.
    Hello {
        version: u16,
        memstate: Cow<'a, str>,
        model: Cow<'a, str>,
        /// The digest of its [`Surface`](super::surface::Surface).
        surface: u128,
        /// Stays the same when the client connects again.
        client: Uuid,
        token: Option<Cow<'a, str>>,
    },
    /// Its surface, because the server does not know it.
    #[serde(borrow)]
    Surface(&'a [u8]),
    /// A command. Numbers of methods are the client's own.
    Command {
        id: u64,
        method: u16,
        request: Request,
        caller: Option<Cow<'a, str>>,
        /// The trace that it is a part of, as W3C writes it.
        trace: Option<Cow<'a, str>>,
        arguments: &'a [u8],
    },
    /// Several commands that happen together or not at all.
    Atomically {
        id: u64,
        request: Request,
        caller: Option<Cow<'a, str>>,
        trace: Option<Cow<'a, str>>,
        #[serde(borrow, deserialize_with = "at_most_a_batch")]
        commands: Vec<(u16, &'a [u8])>,
    },
    /// A query of the state that contains `after`, or of the state of the past `at`.
    Query {
        id: u64,
        method: u16,
        after: Position,
        at: Option<Position>,
        trace: Option<Cow<'a, str>>,
        arguments: &'a [u8],
    },
    /// A query that streams; the server may send as many parts as there is credit.
    Stream {
        id: u64,
        method: u16,
        after: Position,
        at: Option<Position>,
        credit: u32,
        arguments: &'a [u8],
    },
    /// The answer to a query, now and whenever it changes.
    Watch {
        id: u64,
        method: u16,
        credit: u32,
        arguments: &'a [u8],
    },
    Events {
        id: u64,
        from: Position,
        filter: Option<Cow<'a, str>>,
        credit: u32,
    },
    History {
        id: u64,
        from: Bound<Moment>,
        to: Bound<Moment>,
        with_events: bool,
        credit: u32,
    },
    Diff {
        id: u64,
        from: Moment,
        to: Moment,
    },
    /// Makes a state of the past, and says its position.
    At {
        id: u64,
        when: Moment,
    },
    Reached {
        id: u64,
        position: Position,
    },
    Snapshot {
        id: u64,
    },
    /// So many more parts of a stream may be sent.
    Credit {
        id: u64,
        more: u32,
    },
    /// Nobody wants the rest of a stream.
    Cancel {
        id: u64,
    },
    Ping,
}

/// Reads commands, and no more than may be in a batch: of empty ones a frame has room for millions, which would take twelve times as
/// much memory as the frame.
fn at_most_a_batch<'de, D: Deserializer<'de>>(source: D) -> Result<Vec<(u16, &'de [u8])>, D::Error> {
    struct Commands;
    impl<'de> Visitor<'de> for Commands {
        type Value = Vec<(u16, &'de [u8])>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "at most {COMMANDS_MAX} commands")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut source: A) -> Result<Self::Value, A::Error> {
            let mut commands = Vec::new();
            while let Some(command) = source.next_element()? {
                if commands.len() == COMMANDS_MAX {
                    return Err(A::Error::invalid_length(COMMANDS_MAX + 1, &self));
                }
                commands.push(command);
            }
            Ok(commands)
        }
    }
    source.deserialize_seq(Commands)
}

/// Under which identity a command is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Request {
    /// The client's next; it was never sent before.
    New(u64),
    /// One that may have arrived before.
    Again { sequence: u64, since: Position },
    /// One that the caller gave.
    Given(RequestId),
}

/// What a server says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum Tell<'a> {
    /// It knows the client, and goes on.
    Welcome {
        version: u16,
        memstate: Cow<'a, str>,
        position: Position,
        /// Whether it knows the client's surface. If not, it waits for that, and then says [`Tell::Agreed`].
        knows_surface: bool,
        /// How many bytes a frame to it may have.
        frame_bytes: u32,
    },
    /// The server's methods for those of the client, by the client's numbers, and the server's surface if it is another one.
    Agreed {
        commands: Vec<Option<u16>>,
        queries: Vec<Option<u16>>,
        #[serde(borrow)]
        surface: Option<&'a [u8]>,
    },
    /// It does not go on.
    Refused(Refusal),
    /// The reply to a command.
    Reply {
        id: u64,
        position: Position,
        accepted: bool,
        reply: &'a [u8],
    },
    /// The answer to a query.
    Answer {
        id: u64,
        position: Position,
        accepted: bool,
        reply: &'a [u8],
    },
    /// There will be no reply or answer, and why; of a stream that it has ended.
    Failed {
        id: u64,
        fault: Fault,
    },
    /// Items of a stream, each with its length in front.
    Items {
        id: u64,
        items: &'a [u8],
    },
    Event {
        id: u64,
        position: Position,
        event: &'a [u8],
    },
    /// The client was too slow: the events of the commands after the first and through the second are left out.
    Missed {
        id: u64,
        after: Position,
        through: Position,
    },
    /// A record of the journal.
    Record {
        id: u64,
        record: Box<Record>,
    },
    Changes {
        id: u64,
        changes: Vec<(String, Option<Any>, Option<Any>)>,
    },
    /// The state of the past that was asked for.
    Past {
        id: u64,
        position: Position,
        time: Option<Timestamp>,
    },
    /// It is done, or a stream has come to its end.
    Done {
        id: u64,
        position: Position,
    },
    Pong {
        position: Position,
    },
    /// It is about to close the connection, because it stops; what is in flight is answered before.
    Stopping,
}

/// Why a server does not go on with a client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("{0}")]
    NotKnown(String),
    #[error("it has the model `{0}`")]
    OtherModel(String),
    #[error("{0}")]
    OtherVersion(String),
    #[error("{0}")]
    Invalid(String),
    #[error("it has as many connections as it may have")]
    Full,
    #[error("it stops")]
    Stopping,
    /// It may be in time the next time.
    #[error("{0}")]
    Late(String),
}

/// [`Error`], and what else can go wrong with a call of another process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Fault {
    Panicked {
        position: Option<Position>,
        message: String,
    },
    Overloaded {
        waiting: u64,
        limit: u64,
    },
    TooLarge {
        bytes: u64,
        limit: u64,
    },
    Unencodable(String),
    Retired,
    InBatch {
        index: u64,
        why: Box<Fault>,
    },
    TooMany {
        limit: u64,
    },
    RequestReused,
    OutcomeUnknown(String),
    Stopped(String),
    Failed(String),
    /// The caller may not do this.
    Denied(String),
    /// The versions of client and server have no way to each other here.
    Incompatible(String),
    /// The bytes are no arguments.
    Invalid(String),
    AfterTheEnd {
        asked: Position,
        last: Position,
    },
    Past(String),
    /// There was no connection. No server says so.
    Unreachable(String),
}

impl Fault {
    pub(crate) fn of(error: &Error) -> Self {
        match error {
            Error::Rejected(never) => match *never {},
            Error::Panicked { position, message, .. } => {
                Fault::Panicked { position: *position, message: message.clone() }
            }
            Error::NotJournaled(why) => Fault::of_not_journaled(why),
            Error::OutcomeUnknown(why) => Fault::OutcomeUnknown(why.to_string()),
            Error::Stopped(why) => Fault::Stopped(why.to_string()),
            Error::Denied(why) => Fault::Denied(why.to_string()),
            Error::Incompatible(why) => Fault::Incompatible(why.to_string()),
            Error::Failed(why) => Fault::Failed(why.to_string()),
            Error::Unreachable(why) => Fault::Unreachable(why.to_string()),
            Error::Missed { .. } => Fault::Failed(error.to_string()),
        }
    }

    fn of_not_journaled(why: &NotJournaled) -> Self {
        match why {
            NotJournaled::Overloaded { waiting, limit } => {
                Fault::Overloaded { waiting: *waiting as u64, limit: *limit as u64 }
            }
            NotJournaled::TooLarge { bytes, limit, .. } => {
                Fault::TooLarge { bytes: *bytes as u64, limit: *limit as u64 }
            }
            NotJournaled::Unencodable { why, .. } => Fault::Unencodable(why.clone()),
            NotJournaled::Retired { .. } => Fault::Retired,
            NotJournaled::InBatch { index, why } => {
                Fault::InBatch { index: *index as u64, why: Box::new(Fault::of_not_journaled(why)) }
            }
            NotJournaled::TooMany { limit } => Fault::TooMany { limit: *limit as u64 },
            NotJournaled::RequestReused => Fault::RequestReused,
        }
    }

    #[cfg_attr(not(feature = "server"), allow(dead_code, reason = "a server says it"))]
    pub(crate) fn of_past(error: &PastError) -> Self {
        match error {
            PastError::AfterTheEnd { asked, last } => Fault::AfterTheEnd { asked: *asked, last: *last },
            PastError::Denied(why) => Fault::Denied(why.to_string()),
            PastError::Unknown(_) | PastError::Failed(_) => Fault::Past(error.to_string()),
        }
    }

    /// The error that the caller of `method` gets.
    pub(crate) fn into_error(self, method: &'static str) -> Error {
        let text = |text: String| Arc::<str>::from(text);
        match self {
            Fault::Panicked { position, message } => Error::Panicked { method, position, message },
            Fault::OutcomeUnknown(why) => Error::OutcomeUnknown(text(why)),
            Fault::Stopped(why) => Error::Stopped(text(why)),
            Fault::Failed(why) | Fault::Past(why) => Error::Failed(text(why)),
            Fault::Denied(why) => Error::Denied(text(why)),
            Fault::Unreachable(why) => Error::Unreachable(text(why)),
            Fault::Incompatible(why) => Error::Incompatible(text(why)),
            Fault::AfterTheEnd { asked, last } => {
                Error::Failed(text(PastError::AfterTheEnd { asked, last }.to_string()))
            }
            other => Error::NotJournaled(other.into_not_journaled(method)),
        }
    }

    fn into_not_journaled(self, method: &'static str) -> NotJournaled {
        let size = |size: u64| usize::try_from(size).unwrap_or(usize::MAX);
        match self {
            Fault::Overloaded { waiting, limit } => {
                NotJournaled::Overloaded { waiting: size(waiting), limit: size(limit) }
            }
            Fault::TooLarge { bytes, limit } => {
                NotJournaled::TooLarge { method, bytes: size(bytes), limit: size(limit) }
            }
            Fault::Retired => NotJournaled::Retired { method },
            Fault::InBatch { index, why } => NotJournaled::InBatch {
                index: size(index),
                // It has no batch inside of it.
                why: Box::new(match *why {
                    Fault::InBatch { .. } => NotJournaled::Unencodable { method, why: "?".to_owned() },
                    why => why.into_not_journaled(method),
                }),
            },
            Fault::TooMany { limit } => NotJournaled::TooMany { limit: size(limit) },
            Fault::RequestReused => NotJournaled::RequestReused,
            Fault::Unencodable(why) | Fault::Invalid(why) => NotJournaled::Unencodable { method, why },
            other => NotJournaled::Unencodable { method, why: format!("{other:?}") },
        }
    }

    pub(crate) fn into_past_error(self) -> PastError {
        match self {
            Fault::AfterTheEnd { asked, last } => PastError::AfterTheEnd { asked, last },
            Fault::Denied(why) => PastError::Denied(why.into()),
            Fault::Past(why) => PastError::Failed(why.into()),
            other => PastError::Failed(other.into_error("at").to_string().into()),
        }
    }
}

/// [`When`], where it is a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Moment {
    Position(Position),
    Time(Timestamp),
    Day(Timestamp),
}

impl Moment {
    pub(crate) fn of(when: &When) -> Result<Self, PastError> {
        Ok(match when {
            When::Position(position) => Moment::Position(*position),
            When::Time(time) => Moment::Time(*time),
            When::Day(day) => Moment::Day(*day),
            When::Unknown(text) => return Err(PastError::Unknown(text.clone())),
        })
    }

    pub(crate) fn of_bound(bound: &Bound<When>) -> Result<Bound<Self>, PastError> {
        Ok(match bound {
            Bound::Included(when) => Bound::Included(Moment::of(when)?),
            Bound::Excluded(when) => Bound::Excluded(Moment::of(when)?),
            Bound::Unbounded => Bound::Unbounded,
        })
    }
}

impl From<Moment> for When {
    fn from(moment: Moment) -> Self {
        match moment {
            Moment::Position(position) => When::Position(position),
            Moment::Time(time) => When::Time(time),
            Moment::Day(day) => When::Day(day),
        }
    }
}

#[cfg_attr(not(feature = "server"), allow(dead_code, reason = "a server says it"))]
pub(crate) fn span(from: Bound<Moment>, to: Bound<Moment>) -> Span {
    Span { from: from.map(When::from), to: to.map(When::from) }
}

/// A [`HistoryRecord`] whose events are bytes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Record {
    position: Position,
    time: Timestamp,
    caller: Option<String>,
    request: Option<RequestId>,
    command: String,
    arguments: Any,
    commands: Vec<(String, Any)>,
    outcome: u8,
    amended: Option<(u8, Timestamp)>,
    pub(crate) events: Vec<Vec<u8>>,
}

const OUTCOMES: [RecordOutcome; 7] = [
    RecordOutcome::Accepted,
    RecordOutcome::Rejected,
    RecordOutcome::Panicked,
    RecordOutcome::Repeated,
    RecordOutcome::Refused,
    RecordOutcome::Poisoned,
    RecordOutcome::Unknown,
];

#[cfg_attr(not(feature = "server"), allow(dead_code, reason = "a server says it"))]
fn number_of(outcome: RecordOutcome) -> u8 {
    OUTCOMES.iter().position(|one| *one == outcome).map_or(u8::MAX, |number| number as u8)
}

fn outcome_of(number: u8) -> RecordOutcome {
    OUTCOMES.get(usize::from(number)).copied().unwrap_or(RecordOutcome::Unknown)
}

impl Record {
    pub(crate) fn position(&self) -> Position {
        self.position
    }

    #[cfg_attr(not(feature = "server"), allow(dead_code, reason = "a server says it"))]
    pub(crate) fn of(record: HistoryRecord<Vec<u8>>) -> Self {
        Record {
            position: record.position,
            time: record.time,
            caller: record.caller,
            request: record.request,
            command: record.command,
            arguments: record.arguments.into(),
            commands: record.commands.into_iter().map(|one| (one.command, one.arguments.into())).collect(),
            outcome: number_of(record.outcome),
            amended: record.amended.map(|amended| (number_of(amended.was), amended.time)),
            events: record.events,
        }
    }

    /// The record, with events that were read from their bytes.
    pub(crate) fn with_events<E>(self, events: Vec<E>) -> HistoryRecord<E> {
        HistoryRecord {
            position: self.position,
            time: self.time,
            caller: self.caller,
            request: self.request,
            command: self.command,
            arguments: self.arguments.into(),
            commands: self
                .commands
                .into_iter()
                .map(|(command, arguments)| HistoryCommand { command, arguments: arguments.into() })
                .collect(),
            outcome: outcome_of(self.outcome),
            amended: self.amended.map(|(was, time)| AmendedOutcome { was: outcome_of(was), time }),
            events,
        }
    }
}

#[cfg_attr(not(feature = "server"), allow(dead_code, reason = "a server says it"))]
pub(crate) fn change(change: Change) -> (String, Option<Any>, Option<Any>) {
    (change.path, change.before.map(Any::from), change.after.map(Any::from))
}

pub(crate) fn change_of((path, before, after): (String, Option<Any>, Option<Any>)) -> Change {
    Change { path, before: before.map(Value::from), after: after.map(Value::from) }
}

/// A [`Value`] in a format that does not describe itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum Any {
    Unit,
    Bool(bool),
    Signed(i128),
    Unsigned(u128),
    F32(f32),
    F64(f64),
    Time(Timestamp),
    Char(char),
    Text(String),
    Bytes(Vec<u8>),
    Option(Option<Box<Any>>),
    List(Vec<Any>),
    Tuple(Vec<Any>),
    Map(Vec<(Any, Any)>),
    Struct(Vec<(String, Any)>),
    Variant(String, Box<Any>),
}

impl From<Value> for Any {
    fn from(value: Value) -> Self {
        let all = |values: Vec<Value>| values.into_iter().map(Any::from).collect();
        match value {
            Value::Unit => Any::Unit,
            Value::Bool(value) => Any::Bool(value),
            Value::Signed(value) => Any::Signed(value),
            Value::Unsigned(value) => Any::Unsigned(value),
            Value::F32(value) => Any::F32(value),
            Value::F64(value) => Any::F64(value),
            Value::Time(value) => Any::Time(value),
            Value::Char(value) => Any::Char(value),
            Value::Text(value) => Any::Text(value),
            Value::Bytes(value) => Any::Bytes(value),
            Value::Option(value) => Any::Option(value.map(|value| Box::new((*value).into()))),
            Value::List(values) => Any::List(all(values)),
            Value::Tuple(values) => Any::Tuple(all(values)),
            Value::Map(entries) => {
                Any::Map(entries.into_iter().map(|(key, value)| (key.into(), value.into())).collect())
            }
            Value::Struct(fields) => {
                Any::Struct(fields.into_iter().map(|(name, value)| (name, value.into())).collect())
            }
            Value::Variant(name, content) => Any::Variant(name, Box::new((*content).into())),
        }
    }
}

impl From<Any> for Value {
    fn from(value: Any) -> Self {
        let all = |values: Vec<Any>| values.into_iter().map(Value::from).collect();
        match value {
            Any::Unit => Value::Unit,
            Any::Bool(value) => Value::Bool(value),
            Any::Signed(value) => Value::Signed(value),
            Any::Unsigned(value) => Value::Unsigned(value),
            Any::F32(value) => Value::F32(value),
            Any::F64(value) => Value::F64(value),
            Any::Time(value) => Value::Time(value),
            Any::Char(value) => Value::Char(value),
            Any::Text(value) => Value::Text(value),
            Any::Bytes(value) => Value::Bytes(value),
            Any::Option(value) => Value::Option(value.map(|value| Box::new((*value).into()))),
            Any::List(values) => Value::List(all(values)),
            Any::Tuple(values) => Value::Tuple(all(values)),
            Any::Map(entries) => {
                Value::Map(entries.into_iter().map(|(key, value)| (key.into(), value.into())).collect())
            }
            Any::Struct(fields) => {
                Value::Struct(fields.into_iter().map(|(name, value)| (name, value.into())).collect())
            }
            Any::Variant(name, content) => Value::Variant(name, Box::new((*content).into())),
        }
    }
}

/// Appends a frame with this message.
pub(crate) fn put<T: Serialize>(message: &T, out: &mut Vec<u8>) {
    let before = out.len();
    out.extend([0; LENGTH_BYTES]);
    crate::codec::put(message, out).expect("messages can be written");
    let length = u32::try_from(out.len() - before - LENGTH_BYTES).expect("what is sent is bounded");
    out[before..before + LENGTH_BYTES].copy_from_slice(&length.to_le_bytes());
}

/// What is in front of bytes that have arrived.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Front<'a> {
    /// A message, and how many bytes its frame has.
    Message(&'a [u8], usize),
    /// So many bytes have to be there for the next frame, as far as that is known.
    Partial(usize),
    /// The frame is larger than may be.
    TooLarge(usize),
}

/// Finds the first frame.
pub(crate) fn front(bytes: &[u8], limit: usize) -> Front<'_> {
    let Some((length, rest)) = bytes.split_first_chunk::<LENGTH_BYTES>() else {
        return Front::Partial(LENGTH_BYTES);
    };
    let length = u32::from_le_bytes(*length) as usize;
    if length > limit {
        return Front::TooLarge(length);
    }
    match rest.get(..length) {
        Some(message) => Front::Message(message, LENGTH_BYTES + length),
        None => Front::Partial(LENGTH_BYTES + length),
    }
}

/// Reads a message.
///
/// # Errors
///
/// If the bytes are none.
pub(crate) fn read<'a, T: Deserialize<'a>>(message: &'a [u8]) -> Result<T, String> {
    match postcard::take_from_bytes(message) {
        Ok((message, [])) => Ok(message),
        Ok((_, rest)) => Err(format!("{} bytes are left over", rest.len())),
        Err(error) => Err(error.to_string()),
    }
}
