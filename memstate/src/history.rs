//! [`History`]: the records of a journal, with what they did.

use std::{
    fmt,
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use futures_core::Stream;
use tokio::sync::mpsc;

#[cfg(feature = "remote")]
use crate::remote::{
    Link, Part, Parts,
    frames::{self, Moment},
    read_event,
    surface::Dialect,
};
use crate::{
    Model, PastError, Position, RequestId, Span, Timestamp, Value,
    codec::{Answer, whole},
    engine::{
        Amended, Engine, Line, Recorded, Shared, panicked, record::Record, spawn, split_events, values,
    },
    state,
};

/// How many records wait for who reads a history.
const RECORDS_AHEAD_MAX: usize = 64;

/// One record of the journal: a command that was called, or several that were called [atomically](crate::Client::atomically), and what
/// became of it.
///
/// `E` is the type of the model's events.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct HistoryRecord<E> {
    /// Its number.
    pub position: Position,
    /// When it was journaled.
    pub time: Timestamp,
    /// Who called, if that was told.
    pub caller: Option<String>,
    /// The identity under which it was sent, if it had one.
    pub request: Option<RequestId>,
    /// The command, by the name that it had when it was written; `atomically` for an atomic batch.
    pub command: String,
    /// Its arguments, with the names and types that they had then: a [`Value::Struct`]. If one of them is of a type
    /// that could not be traced, so that its bytes have no meaning without that type, [`Value::Bytes`] of all.
    ///
    /// Of an atomic batch it is a [`Value::List`] of its [`commands`](HistoryRecord::commands), each a [`Value::Variant`]
    /// with its name and arguments.
    pub arguments: Value,
    /// The commands of an atomic batch, in their order. Empty for a single command, and there are none in a batch of which the
    /// commands cannot be told apart.
    pub commands: Vec<HistoryCommand>,
    /// What it did: the outcome that holds.
    pub outcome: RecordOutcome,
    /// What was recorded first, if another outcome was accepted in its place.
    pub amended: Option<AmendedOutcome>,
    /// What it announced. Empty in a history [without events](History::without_events).
    pub events: Vec<E>,
}

#[cfg(feature = "server")]
impl<E> HistoryRecord<E> {
    /// The same record with other events.
    pub(crate) fn try_map_events<F, X>(
        self,
        convert: impl FnMut(E) -> Result<F, X>,
    ) -> Result<HistoryRecord<F>, X> {
        let HistoryRecord {
            position,
            time,
            caller,
            request,
            command,
            arguments,
            commands,
            outcome,
            amended,
            events,
        } = self;
        let events = events.into_iter().map(convert).collect::<Result<_, X>>()?;
        Ok(HistoryRecord {
            position,
            time,
            caller,
            request,
            command,
            arguments,
            commands,
            outcome,
            amended,
            events,
        })
    }
}

/// A command of an [atomic batch](crate::Client::atomically). Its outcome is that of the record: all of them happened, or none.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct HistoryCommand {
    /// The command, by the name that it had when it was written.
    pub command: String,
    /// Its arguments, as those of a [record](HistoryRecord::arguments).
    pub arguments: Value,
}

impl<E> HistoryRecord<E> {
    /// Each command that the record has, with its arguments: those of an atomic batch in their order, otherwise the one.
    pub fn calls(&self) -> impl Iterator<Item = (&str, &Value)> {
        let single = self.commands.is_empty().then_some((self.command.as_str(), &self.arguments));
        let several = self.commands.iter().map(|call| (call.command.as_str(), &call.arguments));
        single.into_iter().chain(several)
    }
}

/// The outcome of a record that does not hold any more, because today's code made something else of the record and that was
/// accepted; see [`Open::accept_divergence`](crate::Open::accept_divergence).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct AmendedOutcome {
    /// What was recorded first.
    pub was: RecordOutcome,
    /// When the other one was accepted.
    pub time: Timestamp,
}

impl From<Amended> for AmendedOutcome {
    fn from(Amended { was, time }: Amended) -> Self {
        AmendedOutcome { was: was.into(), time }
    }
}

/// What a record did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RecordOutcome {
    /// Its changes stayed.
    Accepted,
    /// The model refused, and nothing changed.
    Rejected,
    /// It panicked, and nothing changed.
    Panicked,
    /// It was a repetition of a request that had happened, and was answered the same without being run.
    Repeated,
    /// Its request was too old to tell whether it had happened, or was known with other arguments: it was not run.
    Refused,
    /// It ended the process whenever it was run, and was left out.
    Poisoned,
    /// No outcome was journaled, because the engine had to stop before. Only in a history
    /// [without events](History::without_events).
    Unknown,
}

impl fmt::Display for RecordOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            RecordOutcome::Accepted => "accepted",
            RecordOutcome::Rejected => "rejected",
            RecordOutcome::Panicked => "panicked",
            RecordOutcome::Repeated => "repeated",
            RecordOutcome::Refused => "refused",
            RecordOutcome::Poisoned => "poisoned",
            RecordOutcome::Unknown => "unknown",
        })
    }
}

impl From<Option<Recorded>> for RecordOutcome {
    fn from(recorded: Option<Recorded>) -> Self {
        match recorded {
            Some(Recorded::Accepted(_)) => RecordOutcome::Accepted,
            Some(Recorded::Rejected(_)) => RecordOutcome::Rejected,
            Some(Recorded::Panicked) => RecordOutcome::Panicked,
            Some(Recorded::Repeated) => RecordOutcome::Repeated,
            Some(Recorded::Refused) => RecordOutcome::Refused,
            Some(Recorded::Poisoned) => RecordOutcome::Poisoned,
            None => RecordOutcome::Unknown,
        }
    }
}

type Item<M> = Result<HistoryRecord<<M as Model>::Event>, PastError>;

/// The records of a stretch of the journal in their order, as they were written.
///
/// It is a [`Stream`]; [`next`](History::next) is there for code without a stream library. It ends after the last record of
/// the stretch, and after an error that the journal cannot be read or replayed. An event that cannot be read back gives
/// an error for its record, and the stream goes on. Nothing is done before it is polled first, and dropping it ends the
/// work.
///
/// The events are made again, by a replay from the nearest snapshot before the stretch, which also compares each outcome
/// with the recorded one. Who needs no events says so, and the journal is only read.
#[must_use = "records come when this is polled"]
pub struct History<M: Model> {
    work: Work<M>,
}

enum Work<M: Model> {
    /// Of a server, with its link until it is asked.
    #[cfg(feature = "remote")]
    There(There),
    Planned(Plan<M>),
    Starting(Pin<Box<dyn Future<Output = mpsc::Receiver<Item<M>>> + Send>>),
    Running(mpsc::Receiver<Item<M>>),
    Over,
}

#[cfg(feature = "remote")]
enum There {
    Planned { link: Arc<Link>, span: Span, with_events: bool },
    Running(Parts),
}

struct Plan<M: Model> {
    shared: Arc<Shared<M>>,
    span: Span,
    /// The last record when it was planned.
    end: Position,
    with_events: bool,
}

impl<M: Model> History<M> {
    pub(crate) fn new(engine: &Engine<M>, span: Span) -> Self {
        let (shared, end) = (Arc::clone(engine.shared()), engine.position());
        History { work: Work::Planned(Plan { shared, span, end, with_events: true }) }
    }

    /// That of a model in another process.
    #[cfg(feature = "remote")]
    pub(crate) fn there(link: &Arc<Link>, span: Span) -> Self {
        let link = Arc::clone(link);
        History { work: Work::There(There::Planned { link, span, with_events: true }) }
    }

    /// Leaves the events out. Then the journal is only read: no command is run again, no snapshot is loaded, and it takes
    /// no memory to speak of. Records whose commands the model no longer has are shown too.
    ///
    /// Calling it after the first record came changes nothing.
    pub fn without_events(mut self) -> Self {
        match &mut self.work {
            Work::Planned(plan) => plan.with_events = false,
            #[cfg(feature = "remote")]
            Work::There(There::Planned { with_events, .. }) => *with_events = false,
            _ => {}
        }
        self
    }

    /// The next record; `None` after the last.
    pub async fn next(&mut self) -> Option<Result<HistoryRecord<M::Event>, PastError>> {
        std::future::poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }
}

impl<M: Model> Stream for History<M> {
    type Item = Item<M>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Item<M>>> {
        loop {
            match &mut self.work {
                #[cfg(feature = "remote")]
                Work::There(There::Planned { link, span, with_events }) => {
                    let bounds =
                        Moment::of_bound(&span.from).and_then(|from| Ok((from, Moment::of_bound(&span.to)?)));
                    match bounds {
                        Ok((from, to)) => {
                            self.work = Work::There(There::Running(link.history(from, to, *with_events)));
                        }
                        Err(error) => {
                            self.work = Work::Over;
                            return Poll::Ready(Some(Err(error)));
                        }
                    }
                }
                #[cfg(feature = "remote")]
                Work::There(There::Running(parts)) => match std::task::ready!(parts.poll_next(cx)) {
                    Some(Part::Record { record, dialect }) => {
                        return Poll::Ready(Some(record_of::<M>(*record, dialect.as_deref())));
                    }
                    Some(Part::Failed(error)) => {
                        self.work = Work::Over;
                        return Poll::Ready(Some(Err(PastError::of_far(error))));
                    }
                    Some(_) | None => self.work = Work::Over,
                },
                Work::Planned(_) => {
                    let Work::Planned(plan) = std::mem::replace(&mut self.work, Work::Over) else {
                        unreachable!("it was seen above")
                    };
                    self.work = Work::Starting(Box::pin(plan.start()));
                }
                Work::Starting(starting) => match starting.as_mut().poll(cx) {
                    Poll::Ready(records) => self.work = Work::Running(records),
                    Poll::Pending => return Poll::Pending,
                },
                Work::Running(records) => match records.poll_recv(cx) {
                    Poll::Ready(None) => self.work = Work::Over,
                    next => return next,
                },
                Work::Over => return Poll::Ready(None),
            }
        }
    }
}

impl<M: Model> Unpin for History<M> {}

impl<M: Model> Plan<M> {
    /// Starts a thread for it when it is its turn.
    async fn start(self) -> mpsc::Receiver<Item<M>> {
        if !self.with_events {
            // The outcomes of the latest records are written down only now.
            self.shared.confirmed().await;
        }
        let turn = self.shared.turn_of_a_stream().await;
        let (send, receive) = mpsc::channel(RECORDS_AHEAD_MAX);
        let failed = send.clone();
        let spawned = spawn("memstate-history", move || {
            let told = catch_unwind(AssertUnwindSafe(|| self.tell(&send)));
            drop(turn);
            if let Err(error) = told.unwrap_or_else(|panic| Err(panicked(&state::message(panic)))) {
                // Nobody is there to be told if the stream is gone.
                let _ = send.blocking_send(Err(error));
            }
        });
        if let Err(error) = spawned {
            let why = format!("there is no thread to read the history on: {error}");
            let _ = failed.try_send(Err(PastError::Failed(why.into())));
        }
        receive
    }

    fn tell(&self, send: &mpsc::Sender<Item<M>>) -> Result<(), PastError> {
        let is_wanted = || !send.is_closed();
        let (first, last) = self.shared.source.positions_of(&self.span, self.end, &is_wanted)?;
        if last < first {
            return Ok(());
        }
        if !self.with_events {
            let mut each = |line: &Line<'_>| send.blocking_send(record::<M>(line, &[])).is_ok();
            return Ok(self.shared.source.read_lines(first, last, &mut each)?);
        }
        let before = Position::new(first.get() - 1);
        self.shared.source.replay_range(before, last, |seen| {
            if seen.line.position < first {
                return is_wanted();
            }
            send.blocking_send(record::<M>(&seen.line, seen.events)).is_ok()
        })?;
        Ok(())
    }
}

/// A record as a server tells it.
#[cfg(feature = "remote")]
fn record_of<M: Model>(record: frames::Record, dialect: Option<&Dialect>) -> Item<M> {
    let mut events = Vec::new();
    for bytes in &record.events {
        match read_event(dialect, bytes) {
            Ok(event) => events.push(event),
            Err(error) => {
                let position = record.position();
                let why = format!(
                    "an event of position {position} has no place in the types of this client: {error}"
                );
                return Err(PastError::Failed(why.into()));
            }
        }
    }
    Ok(record.with_events(events))
}

fn record<M: Model>(line: &Line<'_>, events: &[u8]) -> Item<M> {
    let (arguments, commands) = called(line);
    Ok(HistoryRecord {
        position: line.position,
        time: line.time,
        caller: line.record.caller.map(str::to_owned),
        request: line.record.request,
        command: line.writer.name(line.record.method).to_owned(),
        arguments,
        commands,
        outcome: line.outcome.into(),
        amended: line.amended.map(Into::into),
        events: read_events::<M>(line.position, events)?,
    })
}

/// The arguments of a record, and its commands if there are several.
fn called(line: &Line<'_>) -> (Value, Vec<HistoryCommand>) {
    let arguments = |record: &Record<'_>| {
        values(line.writer, record).unwrap_or_else(|_| Value::Bytes(record.arguments.to_vec()))
    };
    let record = &line.record;
    match record.is_atomic_batch().then(|| record.commands()) {
        None | Some(Err(_)) => (arguments(record), Vec::new()),
        Some(Ok(commands)) => {
            let call = |record: &Record<'_>| {
                let command = line.writer.name(record.method).to_owned();
                HistoryCommand { command, arguments: arguments(record) }
            };
            let calls: Vec<_> = commands.iter().map(call).collect();
            (Value::List(calls.iter().map(HistoryCommand::value).collect()), calls)
        }
    }
}

impl HistoryCommand {
    fn value(&self) -> Value {
        Value::Variant(self.command.clone(), Box::new(self.arguments.clone()))
    }
}

fn read_events<M: Model>(position: Position, bytes: &[u8]) -> Result<Vec<M::Event>, PastError> {
    let mut events = Vec::new();
    let mut unreadable = None;
    split_events(bytes, |event| match whole(event, M::Event::get) {
        Ok(event) => events.push(event),
        Err(error) => unreadable = Some(error),
    });
    unreadable.map_or(Ok(events), |error| {
        let why = format!("an event of position {position} cannot be read back: {error}");
        Err(PastError::Failed(why.into()))
    })
}

impl<M: Model> fmt::Debug for History<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("History").field("model", &M::NAME).finish_non_exhaustive()
    }
}
