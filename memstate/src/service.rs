//! [`Service`]: an open model without its type, for everything that answers calls from outside.
//!
//! Arguments, answers and events are bytes here, and methods numbers; [`Described`] says what they mean. What a caller may do is not
//! asked here, but in `server::calls`.

use std::{
    future::Future,
    ops::ControlFlow,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use futures_util::StreamExt;

use crate::{
    Change, Client, Error, Events, History, HistoryRecord, Metrics, Model, NotJournaled, Past, PastError,
    Position, RequestId, Span, Timestamp, Value, When,
    cli::program::methods::Methods,
    codec::{Answer, Unreadable, get_varint, whole},
    engine::{Engine, Pending, Preamble, Route, Routes, Today, atomically::Sent},
    model::{Operation, Verdict, collected},
    remote::surface::{Kind, Surface},
    schema::{Shape, Type, Written, value},
};

/// What a model's methods are called, take and give.
pub(crate) struct Described {
    pub(crate) model: &'static str,
    /// The documentation of the methods is in them.
    pub(crate) commands: Methods,
    pub(crate) queries: Methods,
    /// The types of the state and of the events.
    pub(crate) today: Arc<Today>,
}

impl Described {
    pub(crate) fn of<M: Model>() -> Self {
        Described {
            model: M::NAME,
            commands: Methods::of::<M::Command>(),
            queries: Methods::of::<M::Query>(),
            today: Today::of::<M>(),
        }
    }

    /// What events are.
    pub(crate) fn events(&self) -> Type<'_> {
        self.today.preamble.schema.of(&self.today.preamble.events)
    }
}

/// Under which name and identity a command is sent.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sender {
    pub(crate) caller: Option<Arc<str>>,
    pub(crate) request: Option<RequestId>,
}

/// Why a query was not answered.
#[derive(Debug)]
pub(crate) enum Unanswered {
    /// The bytes are no arguments of it.
    Arguments(Unreadable),
    /// Its answer cannot be written.
    Answer(String),
    Error(Error),
}

/// What each item of a stream is given to; it breaks off when nobody wants more.
pub(crate) type EachItem = Box<dyn FnMut(&[u8]) -> ControlFlow<()>>;

/// Something that answers queries: the model as it is now, or as it was.
pub(crate) trait Asks: Send + Sync + 'static {
    /// The position of the last record that it contains.
    fn position(&self) -> Position;

    /// Answers a query, and appends the answer to `reply`: what a `Result` holds, or the value itself. It runs on this thread.
    fn ask(&self, query: u16, arguments: &[u8], reply: &mut Vec<u8>) -> Result<Verdict, Unanswered>;

    /// Gives what a query that [streams](crate::model::Method::stream) gives, one item after another as it makes them. The model is
    /// locked meanwhile, so `each` must not wait.
    fn ask_each(&self, query: u16, arguments: &[u8], each: EachItem) -> Result<(), Unanswered>;
}

/// What comes from a subscription to events.
#[derive(Debug, Clone)]
pub(crate) enum Told {
    Event(Position, Arc<[u8]>),
    /// The subscriber was too slow, and the events of the commands after the first and through the second are left out.
    Missed(Position, Position),
}

/// A subscription to events.
pub(crate) trait Subscription: Send {
    /// The next; `None` at the end.
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Told, Error>>>;
}

/// The model as it was, and the time of the last record in it.
pub(crate) type State = (Arc<dyn Asks>, Option<Timestamp>);
pub(crate) type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;
pub(crate) type Records =
    Pin<Box<dyn futures_util::Stream<Item = Result<HistoryRecord<Value>, PastError>> + Send>>;

pub(crate) type RecordsWithBytes =
    Pin<Box<dyn futures_util::Stream<Item = Result<HistoryRecord<Vec<u8>>, PastError>> + Send>>;

/// An open model.
pub(crate) trait Service: Asks {
    fn described(&self) -> &Described;

    /// What the engine has measured.
    fn metrics(&self) -> Metrics;

    /// Sends a command. What cannot be read as its arguments is answered with
    /// [`Unencodable`](NotJournaled::Unencodable).
    fn submit(&self, command: u16, arguments: &[u8], sender: &Sender) -> Pending;

    /// Sends several commands that happen together or not at all.
    fn submit_all(&self, commands: &[(u16, &[u8])], sender: &Sender) -> Sent;

    /// The server's methods for those of a client of another version.
    fn agree(&self, theirs: &Surface) -> Agreement;

    /// The arguments of a command or a query of a client of another version, for the method of this number here; `version` is the
    /// client's.
    fn carry(
        &self,
        theirs: &Surface,
        kind: Kind,
        method: u16,
        to: u16,
        version: u32,
        arguments: &[u8],
    ) -> Result<Vec<u8>, Unreadable>;

    /// What the methods look like from outside.
    fn surface(&self) -> &Surface;

    /// A new identity for a command that certainly was never sent before.
    fn new_request(&self) -> RequestId;

    /// Comes back when the state contains `position`.
    fn reached(&self, position: Position) -> Boxed<Result<(), Error>>;

    /// The model as it was, and the time of the last record in it.
    fn at(&self, when: When) -> Boxed<Result<State, PastError>>;

    /// Events from those of the command at `from` on. Those of the past are made again, and from then on, a subscriber that
    /// falls behind what is kept in memory is told what it missed.
    fn events(&self, from: Position) -> Box<dyn Subscription>;

    fn history(&self, span: Span, with_events: bool) -> Records;

    /// The same with the bytes of the events.
    fn history_with_bytes(&self, span: Span, with_events: bool) -> RecordsWithBytes;

    fn diff(&self, from: When, to: When) -> Boxed<Result<Vec<Change>, PastError>>;

    fn snapshot(&self) -> Boxed<Result<Position, Error>>;

    /// Comes back when a record after `position` was applied, or with `false` when none will be.
    fn applied_after(&self, position: Position) -> Boxed<bool>;
}

/// How the methods of a client of another version are called here.
pub(crate) struct Agreement {
    pub(crate) commands: Vec<Route>,
    pub(crate) queries: Vec<Route>,
}

/// A model that is open in this process.
pub(crate) struct Hosted<M: Model> {
    client: Client<M>,
    engine: Arc<Engine<M>>,
    described: Described,
    surface: Surface,
}

impl<M: Model> Hosted<M> {
    /// `None` if it is open in another process.
    pub(crate) fn new(client: &Client<M>) -> Option<Self> {
        let engine = Arc::clone(client.engine()?);
        let (described, surface) = (Described::of::<M>(), Surface::of::<M>());
        Some(Hosted { client: client.clone(), engine, described, surface })
    }
}

/// Arguments that other types wrote, as today's methods write them.
fn carry<O: Operation>(
    written: &Preamble,
    method: u16,
    to: u16,
    version: u32,
    arguments: &[u8],
) -> Result<Vec<u8>, Unreadable> {
    let command = written.command(method).ok_or_else(|| Unreadable::new("there is no such method"))?;
    whole(arguments, |bytes| {
        let given = Written::new(&written.schema, &command.arguments, bytes);
        *bytes = &[];
        let operation = O::carry(to, version, given)?;
        let mut today = Vec::new();
        let put = operation.put(&mut today);
        put.map_err(|error| Unreadable::new(format!("what they became cannot be written: {error}")))?;
        Ok(today)
    })
}

fn query_of<M: Model>(number: u16, arguments: &[u8]) -> Result<M::Query, Unanswered> {
    whole(arguments, |bytes| M::Query::get(number, bytes)).map_err(Unanswered::Arguments)
}

fn respond<M: Model>(model: &M, query: M::Query, reply: &mut Vec<u8>) -> Result<Verdict, Unanswered> {
    model.respond(query, reply).map_err(|error| Unanswered::Answer(error.to_string()))
}

fn respond_each<M: Model>(model: &M, number: u16, query: M::Query, each: EachItem) -> Result<(), Unanswered> {
    let mut reply = Vec::new();
    let (answered, fault, left) = collected::each(each, || model.respond(query, &mut reply));
    let failed = |why: String| Err(Unanswered::Answer(why));
    match (answered, fault, left) {
        (Err(error), ..) | (_, Some(error), _) => failed(error.to_string()),
        (Ok(_), None, None) => Ok(()),
        // It does not stream here, and a client of another version asks as if it did: a list is the same, item for item.
        (Ok(_), None, Some(mut each)) => {
            let preamble = &Today::of_queries::<M>().preamble;
            match preamble.command(number).map(|query| &query.accepted) {
                Some(Shape::List(item)) => split(preamble.schema.of(item), &reply, &mut each)
                    .or_else(|error| failed(error.to_string())),
                _ => failed("it gives no list of items here".to_owned()),
            }
        }
    }
}

/// Gives each item of a list.
fn split(item: Type<'_>, mut list: &[u8], each: &mut EachItem) -> Result<(), Unreadable> {
    let count = get_varint(&mut list)?;
    for _ in 0..count {
        let before = list;
        value::skip(item, &mut list)?;
        if each(&before[..before.len() - list.len()]).is_break() {
            break;
        }
    }
    Ok(())
}

impl<M: Model> Asks for Hosted<M> {
    fn position(&self) -> Position {
        self.engine.position()
    }

    fn ask(&self, number: u16, arguments: &[u8], reply: &mut Vec<u8>) -> Result<Verdict, Unanswered> {
        let query = query_of::<M>(number, arguments)?;
        self.engine.query(number, |model| respond(model, query, reply)).map_err(Unanswered::Error)?
    }

    fn ask_each(&self, number: u16, arguments: &[u8], each: EachItem) -> Result<(), Unanswered> {
        let query = query_of::<M>(number, arguments)?;
        let asked = self.engine.query(number, |model| respond_each(model, number, query, each));
        asked.map_err(Unanswered::Error)?
    }
}

impl<M: Model> Asks for Past<M> {
    fn position(&self) -> Position {
        Past::position(self)
    }

    fn ask(&self, number: u16, arguments: &[u8], reply: &mut Vec<u8>) -> Result<Verdict, Unanswered> {
        let query = query_of::<M>(number, arguments)?;
        Past::ask(self, number, |model| respond(model, query, reply)).map_err(Unanswered::Error)?
    }

    fn ask_each(&self, number: u16, arguments: &[u8], each: EachItem) -> Result<(), Unanswered> {
        let query = query_of::<M>(number, arguments)?;
        let asked = Past::ask(self, number, |model| respond_each(model, number, query, each));
        asked.map_err(Unanswered::Error)?
    }
}

impl<M: Model> Service for Hosted<M> {
    fn described(&self) -> &Described {
        &self.described
    }

    fn metrics(&self) -> Metrics {
        self.engine.metrics()
    }

    fn submit(&self, command: u16, arguments: &[u8], sender: &Sender) -> Pending {
        let put = &mut |bytes: &mut Vec<u8>| {
            bytes.extend_from_slice(arguments);
            Ok(())
        };
        self.engine.submit(command, put, sender.caller.as_deref(), sender.request)
    }

    fn submit_all(&self, commands: &[(u16, &[u8])], sender: &Sender) -> Sent {
        let failed = |error| Sent::Pending(Pending::failed(Error::NotJournaled(error)), Vec::new());
        let mut read = Vec::with_capacity(commands.len());
        for (index, (number, arguments)) in commands.iter().enumerate() {
            match whole(arguments, |bytes| M::Command::get(*number, bytes)) {
                Ok(command) => read.push(command),
                Err(error) => {
                    let method = crate::model::parts::name::<M::Command>(*number);
                    let why = Box::new(NotJournaled::Unencodable { method, why: error.to_string() });
                    return failed(NotJournaled::InBatch { index, why });
                }
            }
        }
        self.engine.submit_all(read.into_iter(), sender.caller.as_deref(), sender.request)
    }

    fn agree(&self, theirs: &Surface) -> Agreement {
        let commands = Routes::new(&theirs.commands, &Today::of::<M>()).commands;
        let queries = Routes::new(&theirs.queries, &Today::of_queries::<M>()).commands;
        Agreement { commands, queries }
    }

    fn carry(
        &self,
        theirs: &Surface,
        kind: Kind,
        method: u16,
        to: u16,
        version: u32,
        arguments: &[u8],
    ) -> Result<Vec<u8>, Unreadable> {
        let written = theirs.methods(kind);
        match kind {
            Kind::Command => carry::<M::Command>(written, method, to, version, arguments),
            Kind::Query => carry::<M::Query>(written, method, to, version, arguments),
        }
    }

    fn surface(&self) -> &Surface {
        &self.surface
    }

    fn new_request(&self) -> RequestId {
        self.engine.new_request()
    }

    fn reached(&self, position: Position) -> Boxed<Result<(), Error>> {
        let engine = Arc::clone(&self.engine);
        Box::pin(async move { engine.reached(position).await })
    }

    fn at(&self, when: When) -> Boxed<Result<State, PastError>> {
        let made = crate::At::<M>::made(&self.engine, when);
        Box::pin(async move {
            let past = made.await?;
            let time = past.time();
            Ok((Arc::new(past) as Arc<dyn Asks>, time))
        })
    }

    fn events(&self, from: Position) -> Box<dyn Subscription> {
        Box::new(Events::<M>::telling_what_was_missed(Arc::clone(&self.engine), from))
    }

    fn history(&self, span: Span, with_events: bool) -> Records {
        let today = Today::of::<M>();
        let read = move |bytes: Vec<u8>| {
            let preamble = &today.preamble;
            let read = whole(&bytes, |bytes| value::read(preamble.schema.of(&preamble.events), bytes));
            read.map_err(|error| PastError::Failed(format!("an event cannot be shown: {error}").into()))
        };
        let records = self.history_with_bytes(span, with_events);
        Box::pin(records.map(move |record| record?.try_map_events(&read)))
    }

    fn history_with_bytes(&self, span: Span, with_events: bool) -> RecordsWithBytes {
        let mut history = History::<M>::new(&self.engine, span);
        if !with_events {
            history = history.without_events();
        }
        let write = |event: M::Event| {
            let mut bytes = Vec::new();
            let put = event.put(&mut bytes);
            put.map(|()| bytes)
                .map_err(|error| PastError::Failed(format!("an event cannot be written: {error}").into()))
        };
        Box::pin(history.map(move |record| record?.try_map_events(write)))
    }

    fn diff(&self, from: When, to: When) -> Boxed<Result<Vec<Change>, PastError>> {
        Box::pin(self.client.diff(from, to))
    }

    fn snapshot(&self) -> Boxed<Result<Position, Error>> {
        Box::pin(Arc::clone(&self.engine).snapshot())
    }

    fn applied_after(&self, position: Position) -> Boxed<bool> {
        let shared = Arc::clone(self.engine.shared());
        Box::pin(async move { shared.applied_after(position).await })
    }
}
