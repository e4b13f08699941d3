//! What a typed client is made of: [`Client`], and the calls that its methods return.
//!
//! `#[memstate::model]` writes a `BankClient` with the model's own methods around a [`Client<Bank>`](Client), to which
//! it dereferences: everything here is there on a `BankClient` too, unless the model has a method of that name. Around
//! something else that lends a model, such as [`Past`], a `BankClient` has the queries alone.

use std::{
    fmt,
    future::{Future, Ready, ready},
    marker::PhantomData,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use crate::{
    Error, Events, Model, Past, Position,
    codec::{Unreadable, Unwritable, whole},
    engine::{Engine, Pending, Reply},
    model::{Operation, Outcome, Verdict},
    request::RequestId,
    state,
};

/// A handle to an open model. Clones share the engine; when the last is dropped, the engine finishes what it has
/// and closes in the background.
pub struct Client<M: Model> {
    engine: Arc<Engine<M>>,
    caller: Option<Arc<str>>,
    request: Option<RequestId>,
}

impl<M: Model> Clone for Client<M> {
    fn clone(&self) -> Self {
        Client { engine: Arc::clone(&self.engine), caller: self.caller.clone(), request: self.request }
    }
}

impl<M: Model> fmt::Debug for Client<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("model", &M::NAME)
            .field("location", &self.engine.location())
            .field("position", &self.position())
            .finish_non_exhaustive()
    }
}

impl<M: Model> Client<M> {
    pub(crate) fn new(engine: Arc<Engine<M>>) -> Self {
        Client { engine, caller: None, request: None }
    }

    /// Runs `look` on the model as it is now, on this thread, and gives back what it returns.
    ///
    /// The model is the state after some position whose whole prefix is durable. Commands wait while `look` runs, so it
    /// should not take long, and it must not wait for a command. After [`close`](Client::close) it sees the last state.
    ///
    /// # Panics
    ///
    /// If `look` panics; the engine goes on. If a failed command could not be undone, which stops the engine: the state
    /// in memory is not the journal's any more. If called inside of another `read` on this thread.
    pub fn read<R>(&self, look: impl FnOnce(&M) -> R) -> R {
        self.engine.read(look)
    }

    /// Sends a command that was built by hand.
    pub fn execute(&self, command: M::Command) -> Execute<M> {
        let method = command.method();
        Execute { pending: self.submit(method, |bytes| command.put(bytes)), method, model: PhantomData }
    }

    /// Answers a query that was built by hand.
    ///
    /// # Errors
    ///
    /// [`Error::Panicked`] if the query panics, [`Error::Stopped`] when the engine has stopped.
    pub fn query(&self, query: M::Query) -> Result<M::Reply, Error> {
        let method = query.method();
        self.engine.query(method, |model| model.answer(query))
    }

    /// The position of the last command that was applied.
    pub fn position(&self) -> Position {
        self.engine.position()
    }

    /// Waits until there is room for many more calls. At most 65,536 may be in flight, and one of more than a KiB counts
    /// once a KiB; the next is answered with [`Overloaded`](crate::NotJournaled::Overloaded). Who sends many without awaiting
    /// them awaits this now and then.
    ///
    /// # Errors
    ///
    /// [`Error::Stopped`] if the engine stops before.
    pub async fn ready(&self) -> Result<(), Error> {
        self.engine.ready().await
    }

    /// Waits until the state contains `position`, as another client's reply told it.
    ///
    /// # Errors
    ///
    /// [`Error::Stopped`] if the engine stops before.
    pub async fn reached(&self, position: Position) -> Result<(), Error> {
        self.engine.reached(position).await
    }

    /// The model's events from those of the command at `from` on, those of the past first, then each as it happens.
    ///
    /// Events of the past are made again by replaying the journal from the nearest snapshot before `from`, on a thread of
    /// its own. The stream ends when the engine stops.
    pub fn events(&self, from: Position) -> Events<M> {
        Events::new(Arc::clone(&self.engine), from)
    }

    /// Writes a snapshot of the state as of now, and gives its position when it is durable. Commands go on meanwhile.
    ///
    /// # Errors
    ///
    /// [`Error::Stopped`] when the engine has stopped; [`Error::Failed`] if the snapshot could not be made, for instance
    /// because a command does something else in a replay than it did.
    pub async fn snapshot(&self) -> Result<Position, Error> {
        Arc::clone(&self.engine).snapshot().await
    }

    /// Finishes what is queued, writes a snapshot, and closes the journal. Every later call answers that it is closed;
    /// [`read`](Client::read) still sees the last state. Closing twice is no error.
    ///
    /// # Errors
    ///
    /// [`Error::Stopped`] if the engine had stopped before for another reason, or could not close the journal;
    /// [`Error::Failed`] if only the snapshot could not be written. Everything is in the journal then, but it may not be
    /// possible to replay it: the reason tells.
    pub async fn close(&self) -> Result<(), Error> {
        self.engine.close().await
    }

    /// A client whose commands carry this name, of at most 1,024 bytes: it is journaled, and is
    /// [`Ctx::caller`](crate::Ctx::caller).
    pub fn as_caller(&self, name: impl Into<Arc<str>>) -> M::Client {
        M::Client::from(Client { caller: Some(name.into()), ..self.clone() })
    }

    /// A new identity for one command, to send it again with [`with_request`](Client::with_request) should its outcome
    /// be unknown.
    pub fn new_request(&self) -> RequestId {
        self.engine.new_request()
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

    fn submit(&self, method: u16, put: impl FnOnce(&mut Vec<u8>) -> Result<(), Unwritable>) -> Pending {
        self.engine.submit(method, put, self.caller.clone(), self.request)
    }

    /// A command, for generated methods.
    #[doc(hidden)]
    pub fn __call<R: Outcome<K>, const K: bool>(
        &self,
        method: u16,
        put: impl FnOnce(&mut Vec<u8>) -> Result<(), Unwritable>,
        read: fn(Verdict, &mut &[u8]) -> Result<R, Unreadable>,
    ) -> Call<R, K> {
        Call { pending: self.submit(method, put), read }
    }
}

/// What the queries of a typed client are asked of: it lends the model.
pub trait Look<M> {
    /// A query, for generated methods; `method` is its number.
    #[doc(hidden)]
    fn __ask<R: Outcome<K>, const K: bool>(&self, method: u16, look: impl FnOnce(&M) -> R) -> Ask<R, K>;
}

impl<M: Model> Look<M> for Client<M> {
    fn __ask<R: Outcome<K>, const K: bool>(&self, method: u16, look: impl FnOnce(&M) -> R) -> Ask<R, K> {
        Ask::of(self.engine.query(method, look))
    }
}

impl<M: Model> Look<M> for Past<M> {
    fn __ask<R: Outcome<K>, const K: bool>(&self, method: u16, look: impl FnOnce(&M) -> R) -> Ask<R, K> {
        let name = M::Query::METHODS.get(usize::from(method)).map_or("?", |method| method.name);
        let answer = catch_unwind(AssertUnwindSafe(|| self.read(look)));
        Ask::of(answer.map_err(|panic| Error::Panicked {
            method: name,
            position: None,
            message: state::message(panic),
        }))
    }
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
    // A pointer instead of a bound on `R`, so that a result that cannot be read is an error at its method and not
    // once more at every call.
    read: fn(Verdict, &mut &[u8]) -> Result<R, Unreadable>,
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
    read: fn(Verdict, &mut &[u8]) -> Result<R, Unreadable>,
) -> Result<R::Ok, Error<R::Err>> {
    match whole(reply.bytes(), |bytes| read(reply.verdict(), bytes)) {
        Ok(result) => result.split().map_err(Error::Rejected),
        Err(error) => Err(unreadable_reply(&error)),
    }
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
}

impl<M: Model> Future for Execute<M> {
    type Output = Result<M::Reply, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let method = self.method;
        Pin::new(&mut self.pending).poll(cx).map(|reply| {
            let reply = reply?;
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

/// A query's answer. In process it is there at once; the future is for code that does not care where the model is.
#[must_use = "a query does nothing but answer"]
pub struct Ask<R: Outcome<K>, const K: bool = false> {
    answer: Ready<Result<R::Ok, Error<R::Err>>>,
}

impl<R: Outcome<K>, const K: bool> Ask<R, K> {
    fn of(result: Result<R, Error>) -> Self {
        let answer = match result {
            Ok(result) => result.split().map_err(Error::Rejected),
            Err(error) => Err(error.map(|never| match never {})),
        };
        Ask { answer: ready(answer) }
    }
}

impl<R: Outcome<K>, const K: bool> Future for Ask<R, K> {
    type Output = Result<R::Ok, Error<R::Err>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.answer).poll(cx)
    }
}

impl<R: Outcome<K>, const K: bool> fmt::Debug for Ask<R, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ask").finish_non_exhaustive()
    }
}
