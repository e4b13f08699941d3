//! What can go wrong, by what the caller can do next.

use std::{convert::Infallible, fmt, path::PathBuf, sync::Arc};

use crate::{
    Position,
    engine::ATOMICALLY_NAME,
    journal::{JournalError, advice},
};

mod report;

use report::Report;

/// Why a call did not give what it should. `E` is the error type of the model's own method.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error<E = Infallible> {
    /// The model refused: the method returned this `Err`, and nothing changed.
    Rejected(E),
    /// The method panicked, and nothing changed. The same call will panic again.
    Panicked {
        /// The method; `atomically` for an [atomic batch](crate::Client::atomically), and the message says which of its commands it was.
        method: &'static str,
        /// The command's record; `None` for a query.
        position: Option<Position>,
        /// The words of the panic.
        message: String,
    },
    /// The command has not happened. It is safe to send it again when the cause is gone.
    NotJournaled(NotJournaled),
    /// It may have happened or not: the journal failed while it wrote the command, or the request is so old that its reply
    /// is no longer kept. After the journal is opened again the state tells; or send it under the same
    /// [`RequestId`](crate::RequestId), if it had one, and it happens once.
    OutcomeUnknown(Arc<str>),
    /// The engine has stopped, and answers everything with the reason; nothing of this call has happened.
    Stopped(Arc<str>),
    /// A snapshot could not be written, or events of the past could not be made again, for this reason. The engine goes
    /// on.
    Failed(Arc<str>),
    /// The server does not allow this to the caller, and nothing of this call has happened.
    Denied(Arc<str>),
    /// Client and server are of different versions, which do not understand each other here: this says what is different. A
    /// command has not happened, unless it says so.
    Incompatible(Arc<str>),
    /// The server could not be reached for as long as the client tries, and nothing of this call has happened.
    Unreachable(Arc<str>),
    /// A subscriber was too slow, and the events of the commands in between are left out. The stream goes on;
    /// [`Client::events`](crate::Client::events) from there has them.
    Missed {
        /// Through this position it has all.
        after: Position,
        /// From the one after this on, it goes on.
        through: Position,
    },
}

/// Why a command was not journaled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotJournaled {
    /// Too many calls wait already.
    #[error(
        "overloaded: {waiting} calls are in flight, and {limit} may be; await some, or `ready()`, and send it again"
    )]
    Overloaded {
        /// How many wait.
        waiting: usize,
        /// How many may.
        limit: usize,
    },
    /// The arguments are larger than a command may be.
    #[error(
        "the arguments of `{method}` have {bytes} bytes, more than the {limit} that a command may have; send less at once, \
         or allow more: `memstate::open(…).max_command_bytes(…)`"
    )]
    TooLarge {
        /// The method; `atomically` for all of an [atomic batch](crate::Client::atomically).
        method: &'static str,
        /// The size of the encoded arguments.
        bytes: usize,
        /// The limit, which `Open::max_command_bytes` sets.
        limit: usize,
    },
    /// The arguments cannot be written, or not be read back.
    #[error("the arguments of `{method}` cannot be journaled: {why}")]
    Unencodable {
        /// The method.
        method: &'static str,
        /// What the codec said.
        why: String,
    },
    /// The command is kept for records of the past only.
    #[error(
        "`{method}` is retired: it is there to replay records of the past, and is not sent any more; \
         send the command that has taken its place"
    )]
    Retired {
        /// The method.
        method: &'static str,
    },
    /// A command of an [atomic batch](crate::Client::atomically) cannot be sent, so none was.
    #[error("the command at index {index} of the batch stands in its way, and nothing was sent: {why}")]
    InBatch {
        /// Its place in the batch, from 0.
        index: usize,
        /// What is wrong with it.
        why: Box<NotJournaled>,
    },
    /// An [atomic batch](crate::Client::atomically) has too many commands.
    #[error("an atomic batch may have {limit} commands, and this one has more; send them in several batches")]
    TooMany {
        /// How many it may have.
        limit: usize,
    },
    /// The request's id came before with another command or other arguments.
    #[error(
        "the request's id was used before for another command or other arguments, or by an earlier version of the code \
         for this one; see whether it has happened before you take a new one from `new_request`"
    )]
    RequestReused,
}

impl<E> Error<E> {
    /// The model's own error, if it refused.
    pub fn rejection(self) -> Option<E> {
        match self {
            Error::Rejected(error) => Some(error),
            _ => None,
        }
    }

    /// The same error with the model's own converted.
    pub fn map<F>(self, convert: impl FnOnce(E) -> F) -> Error<F> {
        match self {
            Error::Rejected(error) => Error::Rejected(convert(error)),
            Error::Panicked { method, position, message } => Error::Panicked { method, position, message },
            Error::NotJournaled(why) => Error::NotJournaled(why),
            Error::OutcomeUnknown(why) => Error::OutcomeUnknown(why),
            Error::Stopped(why) => Error::Stopped(why),
            Error::Failed(why) => Error::Failed(why),
            Error::Denied(why) => Error::Denied(why),
            Error::Incompatible(why) => Error::Incompatible(why),
            Error::Unreachable(why) => Error::Unreachable(why),
            Error::Missed { after, through } => Error::Missed { after, through },
        }
    }
}

impl<E: fmt::Display> fmt::Display for Error<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Rejected(error) => error.fmt(f),
            Error::Panicked { method, position: Some(position), message } => {
                write!(f, "command `{method}` at position {position} panicked and changed nothing: {message}")
            }
            Error::Panicked { method, position: None, message } => {
                write!(f, "query `{method}` panicked: {message}")
            }
            Error::NotJournaled(why) => why.fmt(f),
            Error::OutcomeUnknown(why) => write!(f, "it is unknown whether the command happened: {why}"),
            Error::Stopped(why) => write!(f, "the engine has stopped: {why}"),
            Error::Failed(why) => why.fmt(f),
            Error::Denied(why) => write!(f, "not allowed: {why}"),
            Error::Incompatible(why) => write!(f, "client and server are of different versions: {why}"),
            Error::Unreachable(why) => write!(f, "the server cannot be reached: {why}"),
            Error::Missed { after, through } => write!(
                f,
                "the subscriber was too slow: the events after position {after} and through {through} are left out; \
                 subscribe again from position {} to have them",
                after.next()
            ),
        }
    }
}

impl<E: Refusal> std::error::Error for Error<E> {}

/// What a model may refuse with, so that `?` takes it on: an error type.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no text, so `?` cannot take it on as an error",
    label = "`Debug` and `Display` are missing",
    note = "put `#[memstate::data(error)]` on it instead of `#[memstate::data]`: it writes both, and `std::error::Error`"
)]
pub trait Refusal: fmt::Debug + fmt::Display {}

#[diagnostic::do_not_recommend]
impl<E: fmt::Debug + fmt::Display> Refusal for E {}

impl fmt::Debug for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Why a journal was not opened. Nothing in it was changed, and nothing is lost.
///
/// `Debug` is the text too, because it is what Rust prints when `main` returns it, and when a test unwraps it.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The journal itself: damaged, in use, not to be read.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The location names a backend that is not there.
    #[error("cannot open `{location}`: {why}")]
    Location {
        /// What was given.
        location: String,
        /// What is wrong with it.
        why: String,
    },
    /// The journal belongs to another model.
    #[error(
        "{location} is a journal of the model `{found}`, not of `{expected}`: give the directory of another journal, or, if \
         the struct was renamed, its old name back"
    )]
    OtherModel {
        /// Where it is.
        location: String,
        /// The model that it was written for.
        found: String,
        /// The model that is to be opened.
        expected: &'static str,
    },
    /// Other versions of the code wrote what today's has no place for. Nothing was replayed.
    #[error(
        "{location} cannot be carried over to today's `{model}`. Nothing was replayed, and nothing was changed.{}",
        Report(problems)
    )]
    Changed {
        /// Where it is.
        location: String,
        /// The model.
        model: &'static str,
        /// All that there are.
        problems: Vec<Problem>,
    },
    /// A replayed command did something else than when it was recorded.
    #[error(
        "{location}: the command at position {position} does something else than when it was recorded.\n\n  \
         command   {}\n  \
         recorded  {recorded}\n  \
         replayed  {now}\n\n\
         Its code has changed, or it is not deterministic. There are three ways on:\n  \
         - keep the code of then for the records of then: {}\n  \
         - if it takes the time, a random number or an id from anywhere else, take it from `ctx: &mut Ctx`\n  \
         - accept what today's code makes of it, which is journaled: `memstate::open(…).accept_divergence()`",
        called(command, arguments),
        code_of_then(command)
    )]
    Diverged {
        /// Where it is.
        location: String,
        /// The record.
        position: Position,
        /// Its command, as it was called then; `atomically` for an [atomic batch](crate::Client::atomically).
        command: Box<str>,
        /// Its arguments, as a text; of an atomic batch how many commands it has, and these.
        arguments: Box<str>,
        /// The outcome in the journal.
        recorded: Box<str>,
        /// The outcome of the replay.
        now: Box<str>,
    },
    /// The state is of other types than in the newest snapshot, and today's code makes another one of the journal than that
    /// one, carried over, is.
    #[error(
        "{location}: the state has other types than it had, and it does not come out as it was.\n\n  \
         what today's code makes of the journal through position {position} differs from the snapshot of then:{}\n\n\
         Either a field has another name than it had: write `#[serde(alias = \"…\")]` on it (on a model inside, \
         `#[memstate(model, was = \"…\")]`);\n  \
         or today's code does something else with commands of then, perhaps only to fields that are new: keep the \
         code of then for the records of then, `#[memstate(replays = \"…\", version = 1)]`,\n  \
         or take what today's code makes of them: `memstate::open(…).accept_divergence()`, or `replay --accept` on the \
         command line.",
        indented(changes)
    )]
    Retold {
        /// Where it is.
        location: String,
        /// The position of the snapshot.
        position: Position,
        /// What differs, by path, as it is in the snapshot and as it comes out; the first ten.
        changes: Vec<String>,
    },
    /// A record or a snapshot is whole, and not to be understood.
    #[error("{location}: {what} at position {position} cannot be read: {why}")]
    Unreadable {
        /// Where it is.
        location: String,
        /// What it is.
        what: String,
        /// Its position.
        position: Position,
        /// What the codec said.
        why: String,
    },
    /// No snapshot can be used, and the journal alone cannot bring the state back.
    #[error("{location}: no usable snapshot: {why}")]
    NoSnapshot {
        /// The directory.
        location: String,
        /// What was tried.
        why: String,
    },
    /// The state could not be rolled back while it was recovered.
    #[error(
        "{location}: the command at position {position} could not be undone: {why}. \
         Open it with code that keeps its collections in the model"
    )]
    Broken {
        /// Where it is.
        location: String,
        /// The record.
        position: Position,
        /// What went wrong.
        why: String,
    },
    /// A command that was replayed has ended several processes in a row, and it did not when it was first run.
    #[error(
        "{location}: the command at position {position} has ended {processes} processes in a row that replayed it, so it \
         is not tried again.\n\n  \
         command   {}\n\n\
         When it was first run it ended well, and what it did was acknowledged, so it cannot be left out. There are three \
         ways on:\n  \
         - if its code has changed, keep the code of then for the records of then: {}\n  \
         - if it takes too long on this machine, raise the limit: `memstate::open(…).command_time_limit(…)`\n  \
         - if the process had too little memory, give it more, and remove the file `attempt` beside the journal\n\
         Another build of the program, or another limit, tries it again by itself.",
        called(command, arguments),
        code_of_then(command)
    )]
    Fatal {
        /// Where it is.
        location: String,
        /// The record.
        position: Position,
        /// Its command, as it was called then; `atomically` for an [atomic batch](crate::Client::atomically).
        command: Box<str>,
        /// Its arguments, as a text; of an atomic batch how many commands it has, and these.
        arguments: Box<str>,
        /// How many processes it has ended.
        processes: u64,
    },
    /// The system refused.
    #[error("cannot {action} {path}: {source}{}", advice(source))]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

/// Something that another version of the code wrote, and that today's has no place for.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Problem {
    /// The command, as the journal calls it; `None` for the state.
    pub command: Option<String>,
    /// The argument, and the place in it: `order`, or `order: Order.number`; of the state the place in it. Empty for the
    /// command or the state as a whole.
    pub place: String,
    /// The type then; empty if there was nothing, or if it is not the type that stands in the way.
    pub was: String,
    /// The type now; empty if there is nothing.
    pub now: String,
    /// What is wrong.
    pub what: String,
    /// What to do.
    pub remedy: String,
    /// The first record that it is about; [`Position::START`] for the initial state.
    pub first: Position,
    /// How many records it is about.
    pub records: u64,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.command {
            Some(command) => write!(f, "command `{command}`")?,
            None => f.write_str("the state")?,
        }
        match (&self.command, self.place.as_str()) {
            (_, "") => {}
            (Some(_), place) => write!(f, ", argument `{place}`")?,
            (None, place) => write!(f, ", `{place}`")?,
        }
        write!(f, ": {}", self.what)?;
        match (self.was.as_str(), self.now.as_str()) {
            ("", "") => {}
            (was, "") => write!(f, " (it was `{was}`)")?,
            ("", now) => write!(f, " (it is `{now}`)")?,
            (was, now) => write!(f, " (it was `{was}` and is `{now}`)")?,
        }
        match (self.records, self.first) {
            (0, _) => {}
            (1, first) => write!(f, "; one record, at position {first}")?,
            (records, first) => write!(f, "; {records} records, the first at position {first}")?,
        }
        match self.remedy.as_str() {
            "" => Ok(()),
            remedy => write!(f, "\n    {remedy}"),
        }
    }
}

/// A call as it is shown.
fn called(command: &str, arguments: &str) -> String {
    match command {
        ATOMICALLY_NAME => format!("an atomic batch of {arguments}"),
        command => format!("`{command}({arguments})`"),
    }
}

/// How the code of then is kept.
fn code_of_then(command: &str) -> String {
    match command {
        ATOMICALLY_NAME => {
            "`#[memstate(replays = \"…\", version = 1)]`, of the one of its commands that has changed"
                .to_owned()
        }
        command => {
            // Of a model inside it is written there.
            let name = command.rsplit('.').next().unwrap_or(command);
            format!("`#[memstate(replays = \"{name}\", version = 1)] fn {name}_v1`")
        }
    }
}

fn indented(lines: &[String]) -> String {
    lines.iter().map(|line| format!("\n    {line}")).collect()
}
