//! What a typed client is made of: [`Client`], and the calls that its methods return.
//!
//! `#[memstate::model]` writes a `BankClient` with the model's own methods around a [`Client<Bank>`](Client), to which
//! it dereferences: everything here is there on a `BankClient` too, unless the model has a method of that name. Around
//! something else that lends a model, such as [`Past`], a `BankClient` has the queries alone.

mod answering;
mod atomically;
mod inner;
mod items;

use std::{
    fmt,
    future::{Future, Ready, ready},
    marker::PhantomData,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

pub use answering::Answering;
#[cfg(feature = "remote")]
pub use answering::WatchQuery;
pub use atomically::{Atomically, Refused};
pub use inner::Inner;
pub use items::Items;

#[cfg(feature = "remote")]
use crate::remote::{Link, Parts};
use crate::{
    At, Diff, Error, Events, History, Metrics, Model, Past, Position, Span, Watch, When,
    codec::{Unreadable, Unwritable, whole},
    engine::{Engine, Pending, Reply},
    model::{Operation, Outcome, ReadReply},
    request::RequestId,
};

/// A handle to an open model. Clones share the engine; when the last is dropped, the engine finishes what it has
/// and closes in the background.
///
/// One from `memstate::connect` (with the feature `remote`) is a handle to a model in another process. It is of the same type and has the same methods;
/// what takes a closure that looks at the model, [`read`](Client::read) and [`watch`](Client::watch), is for a model in this process.
pub struct Client<M: Model> {
    site: Site<M>,
    caller: Option<Arc<str>>,
    request: Option<RequestId>,
}

/// Where the model is.
enum Site<M: Model> {
    Here(Arc<Engine<M>>),
    #[cfg(feature = "remote")]
    There(Arc<Link>),
}

impl<M: Model> Clone for Site<M> {
    fn clone(&self) -> Self {
        match self {
            Site::Here(engine) => Site::Here(Arc::clone(engine)),
            #[cfg(feature = "remote")]
            Site::There(link) => Site::There(Arc::clone(link)),
        }
    }
}

impl<M: Model> Clone for Client<M> {
    fn clone(&self) -> Self {
        Client { site: self.site.clone(), caller: self.caller.clone(), request: self.request }
    }
}

impl<M: Model> fmt::Debug for Client<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("model", &M::NAME)
            .field("location", &self.location())
            .field("position", &self.position())
            .finish_non_exhaustive()
    }
}

impl<M: Model> Client<M> {
    pub(crate) fn new(engine: Arc<Engine<M>>) -> Self {
        Client { site: Site::Here(engine), caller: None, request: None }
    }

    #[cfg(feature = "remote")]
    pub(crate) fn there(link: Arc<Link>) -> Self {
        Client { site: Site::There(link), caller: None, request: None }
    }

    /// The engine, if the model is open in this process.
    #[cfg(feature = "server")]
    pub(crate) fn engine(&self) -> Option<&Arc<Engine<M>>> {
        match &self.site {
            Site::Here(engine) => Some(engine),
            Site::There(_) => None,
        }
    }

    fn location(&self) -> &str {
        match &self.site {
            Site::Here(engine) => engine.location(),
            #[cfg(feature = "remote")]
            Site::There(link) => link.location(),
        }
    }

    /// Runs `look` on the model as it is now, on this thread, and gives back what it returns.
    ///
    /// The model is the state after some position whose whole prefix is durable. Commands wait while `look` runs, so it
    /// should not take long, and it must not wait for a command. After [`close`](Client::close) it sees the last state.
    ///
    /// # Panics
    ///
    /// If `look` panics; the engine goes on. If a failed command could not be undone, which stops the engine: the state
    /// in memory is not the journal's any more. If called inside of another `read` on this thread. If the model is in another
    /// process, from where it cannot be lent: ask it a query.
    #[inline]
    pub fn read<R>(&self, look: impl FnOnce(&M) -> R) -> R {
        match &self.site {
            Site::Here(engine) => engine.read(look),
            #[cfg(feature = "remote")]
            Site::There(link) => not_here("read", link),
        }
    }

    /// Sends a command that was built by hand.
    pub fn execute(&self, command: M::Command) -> Execute<M> {
        let method = command.method();
        let pending = self.submit(method, &mut |bytes| command.put(bytes));
        Execute {
            pending,
            method,
            model: PhantomData,
            #[cfg(feature = "remote")]
            link: match &self.site {
                Site::Here(_) => None,
                Site::There(link) => Some(Arc::clone(link)),
            },
        }
    }

    /// Sends several commands that happen together or not at all, and gives all their replies, each as from
    /// [`execute`](Client::execute).
    ///
    /// They are one record of the journal, with one position, time and caller, and run one after another with nothing in between:
    /// each finds what those before it have done, and nobody else sees it before all are done. When one returns `Err` or panics,
    /// what those before it have done is undone too, the rest is not run, and no event is announced. Random numbers of
    /// [`Ctx`](crate::Ctx) go on from one command to the next. With [`with_request`](Client::with_request) the batch as a whole
    /// happens once.
    ///
    /// What one command needs of the reply of another cannot be said here: that is a method of the model, which calls both.
    ///
    /// ```
    /// # use memstate::{Error, Refused, collections::BTreeMap};
    /// #[memstate::model]
    /// #[derive(Default)]
    /// pub struct Stock {
    ///     pieces: BTreeMap<String, u64>,
    /// }
    ///
    /// #[memstate::model]
    /// impl Stock {
    ///     pub fn add(&mut self, article: String, pieces: u64) -> u64 {
    ///         let all = self.pieces.entry(article).or_default();
    ///         *all += pieces;
    ///         *all
    ///     }
    ///
    ///     pub fn take(&mut self, article: String, pieces: u64) -> Result<u64, String> {
    ///         let all = self.pieces.entry(article.clone()).or_default();
    ///         *all = all.checked_sub(pieces).ok_or_else(|| format!("only {all} of {article}"))?;
    ///         Ok(*all)
    ///     }
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let add = |article: &str, pieces| StockCommand::Add { article: article.into(), pieces };
    /// let take = |article: &str, pieces| StockCommand::Take { article: article.into(), pieces };
    ///
    /// let stock = memstate::open::<Stock>("memory:").await?;
    /// let replies = stock.atomically([add("nail", 100), take("nail", 30)]).await?;
    /// assert_eq!(replies, [StockReply::Add(100), StockReply::Take(Ok(70))]);
    ///
    /// let refused = stock.atomically([take("nail", 50), take("screw", 1)]).await.unwrap_err();
    /// let why = StockReply::Take(Err("only 0 of screw".into()));
    /// assert_eq!(refused, Error::Rejected(Refused { index: 1, reply: why }));
    /// assert_eq!(stock.add("nail", 0).await?, 70); // the first was undone
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// An empty batch is answered at once, and nothing is journaled. A batch has at most 65,536 commands, and together they may
    /// be as large as one, see [`max_command_bytes`](crate::Open::max_command_bytes). Of the calls that may be in flight it
    /// counts for as many as it has commands.
    ///
    /// # Errors
    ///
    /// Awaiting it gives [`Error::Rejected`] with the command that was refused, by its place and with its own reply;
    /// [`Error::Panicked`], whose message says which one did; and for the whole what one command may give. When a command cannot
    /// be sent because it is retired or cannot be written, nothing is sent, and
    /// [`NotJournaled::InBatch`](crate::NotJournaled::InBatch) says which one it is.
    ///
    /// # Panics
    ///
    /// If `commands` does while they are taken from it, and nothing is sent then.
    pub fn atomically(&self, commands: impl IntoIterator<Item = M::Command>) -> Atomically<M> {
        let commands = commands.into_iter();
        match &self.site {
            Site::Here(engine) => {
                Atomically::new(engine.submit_all(commands, self.caller.as_deref(), self.request))
            }
            #[cfg(feature = "remote")]
            Site::There(link) => Atomically::there(link, commands, self.caller.as_ref(), self.request),
        }
    }

    /// Answers a query that was built by hand. In process the answer is there at once.
    ///
    /// # Errors
    ///
    /// Awaiting it gives [`Error::Panicked`] if the query panics, [`Error::Stopped`] when the engine has stopped.
    pub fn query(&self, query: M::Query) -> Answering<M> {
        let method = query.method();
        match &self.site {
            Site::Here(engine) => Answering::here(engine.query(method, |model| model.answer(query))),
            #[cfg(feature = "remote")]
            Site::There(link) => {
                Answering::there(link, method, link.query(method, &mut |bytes| query.put(bytes), None))
            }
        }
    }

    /// The position of the last command that was applied. Of a model in another process it is the last that this client was told
    /// of.
    pub fn position(&self) -> Position {
        match &self.site {
            Site::Here(engine) => engine.position(),
            #[cfg(feature = "remote")]
            Site::There(link) => link.position(),
        }
    }

    /// What the engine has done since it was opened, in numbers. Clients of one model share it, and looking costs the engine nothing.
    ///
    /// ```
    /// # use memstate::collections::Vec;
    /// # #[memstate::model]
    /// # #[derive(Default)]
    /// # struct Guestbook {
    /// #     names: Vec<String>,
    /// # }
    /// # #[memstate::model]
    /// # impl Guestbook {
    /// #     pub fn sign(&mut self, name: String) -> usize {
    /// #         self.names.push(name);
    /// #         self.names.len()
    /// #     }
    /// # }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let guestbook = memstate::open::<Guestbook>("memory:").await?;
    /// guestbook.sign("Ann").await?;
    /// let metrics = guestbook.metrics();
    /// assert_eq!((metrics.commands.accepted, metrics.batches()), (1, 1));
    /// println!("half of the batches took at most {:?} s", metrics.append_seconds.quantile(0.5));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Panics
    ///
    /// If the model is in another process, whose server tells its metrics at `/metrics`.
    pub fn metrics(&self) -> Metrics {
        match &self.site {
            Site::Here(engine) => engine.metrics(),
            #[cfg(feature = "remote")]
            Site::There(link) => not_here("metrics", link),
        }
    }

    /// Waits until there is room for many more calls. At most 65,536 may be in flight, and one with 256 bytes of arguments or more
    /// counts once more for each 256, an [atomic batch](Client::atomically) once a command, so that they take less than 64 MiB of
    /// memory; the next is answered with [`Overloaded`](crate::NotJournaled::Overloaded). Who sends many without awaiting
    /// them awaits this now and then.
    ///
    /// # Errors
    ///
    /// [`Error::Stopped`] if the engine stops before.
    pub async fn ready(&self) -> Result<(), Error> {
        match &self.site {
            Site::Here(engine) => engine.ready().await,
            #[cfg(feature = "remote")]
            Site::There(link) => link.ready().await,
        }
    }

    /// Waits until the state contains `position`, as another client's reply told it.
    ///
    /// # Errors
    ///
    /// [`Error::Stopped`] if the engine stops before.
    pub async fn reached(&self, position: Position) -> Result<(), Error> {
        match &self.site {
            Site::Here(engine) => engine.reached(position).await,
            #[cfg(feature = "remote")]
            Site::There(link) => link.reached(position).await,
        }
    }

    /// The model's events from those of the command at `from` on, those of the past first, then each as it happens.
    ///
    /// Events of the past are made again by replaying the journal from the nearest snapshot before `from`, on a thread of
    /// its own. The stream ends when the engine stops.
    pub fn events(&self, from: Position) -> Events<M> {
        match &self.site {
            Site::Here(engine) => Events::new(Arc::clone(engine), from),
            #[cfg(feature = "remote")]
            Site::There(link) => Events::there(link, from),
        }
    }

    /// Writes a snapshot of the state as of now, and gives its position when it is durable. Commands go on meanwhile,
    /// and go first: while they come, it works a quarter of the time, as long as it is not far behind them.
    ///
    /// # Errors
    ///
    /// [`Error::Stopped`] when the engine has stopped; [`Error::Failed`] if the snapshot could not be made, for instance
    /// because a command does something else in a replay than it did.
    pub async fn snapshot(&self) -> Result<Position, Error> {
        match &self.site {
            Site::Here(engine) => Arc::clone(engine).snapshot().await,
            #[cfg(feature = "remote")]
            Site::There(link) => link.snapshot().await,
        }
    }

    /// Of a model in another process it finishes what is in flight and closes the connection, and the model stays open.
    ///
    /// Finishes what is queued, writes a snapshot, and closes the journal. Every later command and query answers that it is closed;
    /// [`read`](Client::read) still sees the last state, and what was can be looked at as long as this client is there. Closing
    /// twice is no error.
    ///
    /// # Errors
    ///
    /// [`Error::Stopped`] if the engine had stopped before for another reason, or could not close the journal;
    /// [`Error::Failed`] if only the snapshot could not be written. Everything is in the journal then, but it may not be
    /// possible to replay it: the reason tells.
    pub async fn close(&self) -> Result<(), Error> {
        match &self.site {
            Site::Here(engine) => engine.close().await,
            #[cfg(feature = "remote")]
            Site::There(link) => link.close().await,
        }
    }

    /// A client whose commands carry this name, of at most 1,024 bytes: it is journaled, and is
    /// [`Ctx::caller`](crate::Ctx::caller). A server that asks who its callers are takes another name than their own only from those
    /// who may give one.
    pub fn as_caller(&self, name: impl Into<Arc<str>>) -> M::Client {
        M::Client::from(Client { caller: Some(name.into()), ..self.clone() })
    }

    /// A new identity for one command, to send it again with [`with_request`](Client::with_request) should its outcome
    /// be unknown.
    pub fn new_request(&self) -> RequestId {
        match &self.site {
            Site::Here(engine) => engine.new_request(),
            #[cfg(feature = "remote")]
            Site::There(link) => link.new_request(),
        }
    }

    /// A client whose commands carry `request`: however often it sends the same command, it happens once, and each
    /// sending gets the reply of the first, also after the journal was closed and opened again.
    ///
    /// The last 65,536 requests are remembered. An older one is answered with
    /// [`OutcomeUnknown`](Error::OutcomeUnknown) and not run again, and one that comes back with another command or other
    /// arguments with [`RequestReused`](crate::NotJournaled::RequestReused).
    pub fn with_request(&self, request: RequestId) -> M::Client {
        M::Client::from(Client { request: Some(request), ..self.clone() })
    }

    /// The model as it was: after a position, or after the last record whose time is at or before a given one.
    ///
    /// `when` is a [`Position`], a [`Timestamp`](crate::Timestamp), or text such as `"2013-02-08"` or
    /// `"2013-02-08 17:05"`; a date alone is the state after everything of that day, in UTC. See [`When`]. Before the first record it is the initial state; at a time to come, the state of
    /// now. Commands that have replied are there.
    ///
    /// It is made on a thread of its own, from the nearest snapshot that is kept and the journal after it, while
    /// everything else goes on. Four are made at once for each open model, others wait; dropping the future ends the work.
    ///
    /// ```
    /// # use memstate::collections::Vec;
    /// # #[memstate::model]
    /// # #[derive(Default)]
    /// # struct Guestbook {
    /// #     names: Vec<String>,
    /// # }
    /// # #[memstate::model]
    /// # impl Guestbook {
    /// #     pub fn sign(&mut self, name: String) -> usize {
    /// #         self.names.push(name);
    /// #         self.names.len()
    /// #     }
    /// # }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let guestbook = memstate::open::<Guestbook>("memory:").await?;
    /// guestbook.sign("Ann").await?;
    /// guestbook.sign("Bob").await?;
    /// let before = guestbook.at(1).await?;
    /// assert_eq!(before.read(|book| book.names.len()), 1);
    /// assert_eq!(guestbook.at("1999-12-31").await?.read(|book| book.names.len()), 0);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Awaiting it gives [`PastError::Unknown`](crate::PastError::Unknown) for text that is neither,
    /// [`PastError::AfterTheEnd`](crate::PastError::AfterTheEnd) for a position that is not there yet, and
    /// [`PastError::Failed`](crate::PastError::Failed) if the journal cannot be replayed.
    pub fn at(&self, when: impl Into<When>) -> At<M> {
        match &self.site {
            Site::Here(engine) => At::new(engine, when.into()),
            #[cfg(feature = "remote")]
            Site::There(link) => At::there(link, when.into()),
        }
    }

    /// What is different in the model after `to` from what it was after `from`, place by place: a [`Change`](crate::Change) for
    /// each. `from` may also be the later one.
    ///
    /// The two states are made as [`at`](Client::at) makes one, by one replay, and count as one of those that are made at
    /// once. It takes the memory of a model, and of two as they are in a snapshot. What is the same in both is never
    /// decoded. The order of the entries of a map makes no difference; a set is a list of its elements.
    ///
    /// ```
    /// # use memstate::collections::Vec;
    /// # #[memstate::model]
    /// # #[derive(Default)]
    /// # struct Guestbook {
    /// #     names: Vec<String>,
    /// # }
    /// # #[memstate::model]
    /// # impl Guestbook {
    /// #     pub fn sign(&mut self, name: String) -> usize {
    /// #         self.names.push(name);
    /// #         self.names.len()
    /// #     }
    /// # }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let guestbook = memstate::open::<Guestbook>("memory:").await?;
    /// guestbook.sign("Ann").await?;
    /// assert!(guestbook.diff(1, 1).await?.is_empty());
    /// guestbook.sign("Bob").await?;
    /// for change in guestbook.diff(1, 2).await? {
    ///     println!("{change}"); // names[1]: added "Bob"
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As for [`at`](Client::at); [`PastError::Failed`](crate::PastError::Failed) too if there is a difference, and the model holds
    /// a type of which nothing is known but that it is serializable, so that its bytes cannot be told from the next.
    pub fn diff(&self, from: impl Into<When>, to: impl Into<When>) -> Diff<M> {
        match &self.site {
            Site::Here(engine) => Diff::new(engine, from.into(), to.into()),
            #[cfg(feature = "remote")]
            Site::There(link) => Diff::there(link, from.into(), to.into()),
        }
    }

    /// The records of a stretch of the journal, with their commands, arguments, callers, outcomes and events, as a stream.
    ///
    /// `span` is any range of positions or times: `..`, `1..=100`, `position..`, `"2013-02-08".."2013-02-09"`; see [`Span`].
    /// What it has beyond the last record is left out: it ends with the last command that had been applied when this was called.
    /// [`events`](Client::events) goes on into the future.
    ///
    /// The records are read on a thread of their own, a few ahead of who takes them. Sixteen such streams are read at
    /// once for each open model, others wait until one has ended or was dropped.
    ///
    /// ```
    /// # use memstate::collections::Vec;
    /// # #[memstate::model]
    /// # #[derive(Default)]
    /// # struct Guestbook {
    /// #     names: Vec<String>,
    /// # }
    /// # #[memstate::model]
    /// # impl Guestbook {
    /// #     pub fn sign(&mut self, name: String) -> usize {
    /// #         self.names.push(name);
    /// #         self.names.len()
    /// #     }
    /// # }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let guestbook = memstate::open::<Guestbook>("memory:").await?;
    /// guestbook.as_caller("usher").sign("Ann").await?;
    /// let mut history = guestbook.history(..);
    /// let record = history.next().await.expect("there is one")?;
    /// assert_eq!((record.command.as_str(), record.caller.as_deref()), ("sign", Some("usher")));
    /// assert!(history.next().await.is_none());
    /// # Ok(())
    /// # }
    /// ```
    pub fn history(&self, span: impl Into<Span>) -> History<M> {
        match &self.site {
            Site::Here(engine) => History::new(engine, span.into()),
            #[cfg(feature = "remote")]
            Site::There(link) => History::there(link, span.into()),
        }
    }

    /// What `query` says now, and again whenever that has changed, as a stream.
    ///
    /// `query` is asked on the task that polls the stream, after commands were applied, and as [`read`](Client::read) is: it
    /// should not take long. However many commands came in between, it is asked once. Of a model in another process see
    /// `watch_query`.
    ///
    /// ```
    /// # use memstate::collections::Vec;
    /// # #[memstate::model]
    /// # #[derive(Default)]
    /// # struct Guestbook {
    /// #     names: Vec<String>,
    /// # }
    /// # #[memstate::model]
    /// # impl Guestbook {
    /// #     pub fn sign(&mut self, name: String) -> usize {
    /// #         self.names.push(name);
    /// #         self.names.len()
    /// #     }
    /// # }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let guestbook = memstate::open::<Guestbook>("memory:").await?;
    /// let mut count = guestbook.watch(|book| book.names.len());
    /// assert_eq!(count.next().await, Some(Ok(0)));
    /// guestbook.sign("Ann").await?;
    /// assert_eq!(count.next().await, Some(Ok(1)));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Panics
    ///
    /// If the model is in another process, from where it cannot be lent.
    pub fn watch<R: PartialEq + Clone, F: FnMut(&M) -> R>(&self, query: F) -> Watch<M, R, F> {
        match &self.site {
            Site::Here(engine) => Watch::new(engine, query),
            #[cfg(feature = "remote")]
            Site::There(link) => not_here("watch", link),
        }
    }

    /// What a query says now, and again whenever that has changed, as a stream: [`watch`](Client::watch) of a query that was
    /// built by hand, wherever the model is.
    ///
    /// ```
    /// # use memstate::collections::Vec;
    /// # #[memstate::model]
    /// # #[derive(Default)]
    /// # struct Guestbook {
    /// #     names: Vec<String>,
    /// # }
    /// # #[memstate::model]
    /// # impl Guestbook {
    /// #     pub fn sign(&mut self, name: String) -> usize {
    /// #         self.names.push(name);
    /// #         self.names.len()
    /// #     }
    /// #     pub fn count(&self) -> usize {
    /// #         self.names.len()
    /// #     }
    /// # }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let guestbook = memstate::open::<Guestbook>("memory:").await?;
    /// let mut count = guestbook.watch_query(GuestbookQuery::Count {});
    /// assert_eq!(count.next().await, Some(Ok(GuestbookReply::Count(0))));
    /// guestbook.sign("Ann").await?;
    /// assert_eq!(count.next().await, Some(Ok(GuestbookReply::Count(1))));
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "remote")]
    pub fn watch_query(&self, query: M::Query) -> WatchQuery<M> {
        match &self.site {
            Site::Here(engine) => WatchQuery::here(engine, &query),
            Site::There(link) => WatchQuery::there(link, &query),
        }
    }

    // Of one type for all commands, or the way to the queue would be compiled for each.
    fn submit(&self, method: u16, put: &mut dyn FnMut(&mut Vec<u8>) -> Result<(), Unwritable>) -> Pending {
        match &self.site {
            Site::Here(engine) => engine.submit(method, put, self.caller.as_deref(), self.request),
            #[cfg(feature = "remote")]
            Site::There(link) => link.command(method, put, self.caller.as_ref(), self.request),
        }
    }
}

/// What the commands of a typed client are sent to. A state of the past takes none.
pub trait TakesCommands<M>: Look<M> {
    /// A command, for generated methods; `method` is its number.
    #[doc(hidden)]
    fn __call<R: Outcome<K>, const K: bool>(
        &self,
        method: u16,
        put: &mut dyn FnMut(&mut Vec<u8>) -> Result<(), Unwritable>,
        read: ReadReply<R>,
    ) -> Call<R, K>;
}

/// What the queries of a typed client are asked of: it lends the model.
pub trait Look<M> {
    /// A query, for generated methods; `method` is its number.
    #[doc(hidden)]
    fn __ask<R: Outcome<K>, const K: bool>(&self, method: u16, look: impl FnOnce(&M) -> R) -> Ask<R, K>;

    /// The same query of a model in another process; `None` if it is in this one.
    #[doc(hidden)]
    #[inline(always)]
    fn __far(&self, method: u16, put: Put<'_>) -> Option<Far> {
        let _ = (method, put);
        None
    }
}

/// Writes arguments.
#[doc(hidden)]
pub type Put<'a> = &'a mut dyn FnMut(&mut Vec<u8>) -> Result<(), Unwritable>;

/// A query that is about to be sent to another process.
#[cfg(feature = "remote")]
#[doc(hidden)]
pub struct Far {
    link: Arc<Link>,
    method: u16,
    arguments: Vec<u8>,
    at: Option<Position>,
    /// Why it is not sent.
    fault: Option<Unwritable>,
}

#[cfg(not(feature = "remote"))]
#[doc(hidden)]
pub enum Far {}

#[cfg(feature = "remote")]
impl Far {
    pub(crate) fn new(link: &Arc<Link>, method: u16, put: Put<'_>, at: Option<Position>) -> Self {
        let mut arguments = Vec::new();
        let fault = put(&mut arguments).err();
        Far { link: Arc::clone(link), method, arguments, at, fault }
    }

    fn query(self) -> Pending {
        let Far { link, method, arguments, at, mut fault } = self;
        link.query(method, &mut |bytes| filled(bytes, &arguments, &mut fault), at)
    }

    fn stream(self) -> Parts {
        let Far { link, method, arguments, at, mut fault } = self;
        link.stream(method, &mut |bytes| filled(bytes, &arguments, &mut fault), at)
    }
}

#[cfg(feature = "remote")]
fn filled(bytes: &mut Vec<u8>, arguments: &[u8], fault: &mut Option<Unwritable>) -> Result<(), Unwritable> {
    bytes.extend_from_slice(arguments);
    fault.take().map_or(Ok(()), Err)
}

impl<M: Model> TakesCommands<M> for Client<M> {
    fn __call<R: Outcome<K>, const K: bool>(
        &self,
        method: u16,
        put: &mut dyn FnMut(&mut Vec<u8>) -> Result<(), Unwritable>,
        read: ReadReply<R>,
    ) -> Call<R, K> {
        Call { pending: self.submit(method, put), read }
    }
}

impl<M: Model> Look<M> for Client<M> {
    // Compiled for each query, because a query is a few nanoseconds: its answer should not go through memory.
    #[inline(always)]
    fn __ask<R: Outcome<K>, const K: bool>(&self, method: u16, look: impl FnOnce(&M) -> R) -> Ask<R, K> {
        match &self.site {
            Site::Here(engine) => Ask::of(engine.query(method, look)),
            #[cfg(feature = "remote")]
            Site::There(link) => not_here("a query without its arguments", link),
        }
    }

    #[cfg(feature = "remote")]
    #[inline(always)]
    fn __far(&self, method: u16, put: Put<'_>) -> Option<Far> {
        match &self.site {
            Site::Here(_) => None,
            Site::There(link) => Some(Far::new(link, method, put, None)),
        }
    }
}

/// A closure cannot look at a model in another process.
#[cfg(feature = "remote")]
#[cold]
pub(crate) fn not_here(what: &str, link: &Link) -> ! {
    panic!(
        "`{what}` looks at the model, which is in another process, at {}: ask it a query, or have `watch_query` ask it",
        link.location()
    )
}

impl<M: Model> Look<M> for Past<M> {
    fn __ask<R: Outcome<K>, const K: bool>(&self, method: u16, look: impl FnOnce(&M) -> R) -> Ask<R, K> {
        Ask::of(asked(look, |look| self.ask(method, look)))
    }

    #[cfg(feature = "remote")]
    fn __far(&self, method: u16, put: Put<'_>) -> Option<Far> {
        self.link().map(|link| Far::new(link, method, put, Some(self.position())))
    }
}

/// Has `ask` look at the model, by a closure that is of one type for all queries: how they are asked is compiled once.
fn asked<M, R>(
    look: impl FnOnce(&M) -> R,
    ask: impl FnOnce(&mut dyn FnMut(&M)) -> Result<(), Error>,
) -> Result<R, Error> {
    let (mut look, mut answer) = (Some(look), None);
    ask(&mut |model| answer = look.take().map(|look| look(model)))?;
    Ok(answer.expect("who asks without an error has looked, once"))
}

/// A command on its way. It is sent when the method is called; awaiting it gives its reply, after it is durable.
///
/// Dropping it does not take the command back.
///
/// `R` is what the model's method returns. If it is a `Result<T, E>` (`K` is true) the output is
/// `Result<T, Error<E>>`, otherwise `Result<R, Error>`.
#[must_use = "the command is on its way, but whether it happened is only known by awaiting this"]
pub struct Call<R, const K: bool = false> {
    pending: Pending,
    read: ReadReply<R>,
}

impl<R: Outcome<K>, const K: bool> Call<R, K> {
    /// The reply with the position of the command's record, which another node or process can
    /// [wait for](Client::reached).
    ///
    /// # Errors
    ///
    /// As awaiting the call itself.
    pub async fn with_position(self) -> Result<(Position, R::Ok), Error<R::Err>> {
        let reply = self.pending.await.map_err(|error| error.map(|never| match never {}))?;
        let position = reply.position();
        open_reply(&reply, self.read).map(|value| (position, value))
    }
}

impl<R: Outcome<K>, const K: bool> Future for Call<R, K> {
    type Output = Result<R::Ok, Error<R::Err>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let read = self.read;
        Pin::new(&mut self.pending).poll(cx).map(|reply| match reply {
            Ok(reply) => open_reply(&reply, read),
            Err(error) => Err(error.map(|never| match never {})),
        })
    }
}

impl<R, const K: bool> fmt::Debug for Call<R, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call").finish_non_exhaustive()
    }
}

fn open_reply<R: Outcome<K>, const K: bool>(
    reply: &Reply,
    read: ReadReply<R>,
) -> Result<R::Ok, Error<R::Err>> {
    #[cfg(feature = "remote")]
    if let Some(foreign) = reply.written() {
        return match foreign.read(read, reply.verdict(), reply.bytes()) {
            Ok(result) => result.split().map_err(Error::Rejected),
            Err(error) => Err(foreign_reply(reply, &error)),
        };
    }
    match whole(reply.bytes(), |bytes| (read.read)(reply.verdict(), bytes)) {
        Ok(result) => result.split().map_err(Error::Rejected),
        Err(error) => Err(unreadable_reply(&error)),
    }
}

/// A server of another version has replied something that has no place in the types of this one.
#[cfg(feature = "remote")]
fn foreign_reply<E>(reply: &Reply, error: &Unreadable) -> Error<E> {
    let position = reply.position();
    Error::Incompatible(
        format!("it was answered, at position {position}, but the answer has no place in the types of this client: {error}")
            .into(),
    )
}

/// A reply type that does not read back what it wrote. The command has happened, and only its reply is lost.
fn unreadable_reply<E>(error: &Unreadable) -> Error<E> {
    Error::OutcomeUnknown(format!("its reply cannot be read back, so its type is to blame: {error}").into())
}

/// A command that was built by hand, on its way; see [`Client::execute`].
#[must_use = "the command is on its way, but whether it happened is only known by awaiting this"]
pub struct Execute<M: Model> {
    pending: Pending,
    method: u16,
    model: PhantomData<fn() -> M>,
    /// Where it was sent, if that is another process.
    #[cfg(feature = "remote")]
    link: Option<Arc<Link>>,
}

impl<M: Model> Future for Execute<M> {
    type Output = Result<M::Reply, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let method = self.method;
        Pin::new(&mut self.pending).poll(cx).map(|reply| {
            let reply = reply?;
            #[cfg(feature = "remote")]
            if let (Some(link), Some(foreign)) = (&self.link, reply.written()) {
                let ours = foreign.as_ours(link.surface(), method, reply.verdict(), reply.bytes());
                let read =
                    ours.and_then(|ours| whole(&ours, |bytes| M::reply(method, reply.verdict(), bytes)));
                return read.map_err(|error| foreign_reply(&reply, &error));
            }
            whole(reply.bytes(), |bytes| M::reply(method, reply.verdict(), bytes))
                .map_err(|error| unreadable_reply(&error))
        })
    }
}

impl<M: Model> fmt::Debug for Execute<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Execute").field("method", &self.method).finish_non_exhaustive()
    }
}

// The error is in a box so that an answer is no larger than it has to be.
type Answer<R, const K: bool> = Result<<R as Outcome<K>>::Ok, Box<Error<<R as Outcome<K>>::Err>>>;

/// A query's answer. In process it is there at once; the future is for code that does not care where the model is.
#[must_use = "a query does nothing but answer"]
pub struct Ask<R: Outcome<K>, const K: bool = false> {
    answer: Asked<R, K>,
}

enum Asked<R: Outcome<K>, const K: bool> {
    Here(Ready<Answer<R, K>>),
    #[cfg(feature = "remote")]
    There(Box<Call<R, K>>),
}

impl<R: Outcome<K>, const K: bool> Ask<R, K> {
    #[inline]
    fn of(result: Result<R, Error>) -> Self {
        let answer = match result {
            Ok(result) => result.split().map_err(|error| Box::new(Error::Rejected(error))),
            Err(error) => Err(Box::new(error.map(|never| match never {}))),
        };
        Ask { answer: Asked::Here(ready(answer)) }
    }

    /// One of a model in another process, for generated methods.
    #[doc(hidden)]
    #[cold]
    pub fn __far(far: Far, read: ReadReply<R>) -> Self {
        #[cfg(feature = "remote")]
        return Ask { answer: Asked::There(Box::new(Call { pending: far.query(), read })) };
        #[cfg(not(feature = "remote"))]
        match (far, read) {}
    }
}

// Neither is ever pinned.
impl<R: Outcome<K>, const K: bool> Unpin for Ask<R, K> {}

impl<R: Outcome<K>, const K: bool> Future for Ask<R, K> {
    type Output = Result<R::Ok, Error<R::Err>>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.answer {
            Asked::Here(answer) => Pin::new(answer).poll(cx).map(|answer| answer.map_err(|error| *error)),
            #[cfg(feature = "remote")]
            Asked::There(call) => Pin::new(&mut **call).poll(cx),
        }
    }
}

impl<R: Outcome<K>, const K: bool> fmt::Debug for Ask<R, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ask").finish_non_exhaustive()
    }
}
