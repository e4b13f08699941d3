//! [`Past`]: a model as it was, made again from its journal.

use std::{
    fmt,
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

#[cfg(feature = "remote")]
use crate::remote::{
    Link,
    frames::{Fault, Moment},
};
use crate::{
    Answering, Error, InvalidTimestamp, Model, Position, Timestamp, When,
    engine::{Engine, Kernel, in_turn},
    model::{Operation, parts},
    state,
};

/// Why something of the past cannot be shown.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PastError {
    /// The text says neither a position nor a time.
    #[error("{0}; or give the number of a record")]
    Unknown(InvalidTimestamp),
    /// There is no such record yet. [`Client::reached`](crate::Client::reached) waits for it.
    #[error("there is no position {asked} yet: the last is {last}")]
    AfterTheEnd {
        /// What was asked for.
        asked: Position,
        /// The last record that was applied.
        last: Position,
    },
    /// The server does not let this caller see it, for this reason.
    #[error("not allowed: {0}")]
    Denied(Arc<str>),
    /// The journal could not be read or replayed, for this reason; for instance because a command does something else in
    /// a replay than it did.
    #[error("{0}")]
    Failed(Arc<str>),
}

#[cfg(feature = "remote")]
impl PastError {
    /// Why a server does not show it.
    pub(crate) fn of_far(error: Error) -> Self {
        match error {
            Error::Denied(why) => PastError::Denied(why),
            other => PastError::Failed(other.to_string().into()),
        }
    }
}

/// A model as it was after a record, read-only. Clones share it; it stays as long as one of them, whatever becomes of
/// the journal.
///
/// It takes the memory of a whole model.
///
/// Of a model in another process it is a position; the server makes the state, keeps the latest few, and makes others again.
pub struct Past<M: Model> {
    state: State<M>,
}

enum State<M: Model> {
    Here(Arc<Made<M>>),
    #[cfg(feature = "remote")]
    There {
        link: Arc<Link>,
        position: Position,
        time: Option<Timestamp>,
    },
}

struct Made<M: Model> {
    kernel: Kernel<M>,
    time: Option<Timestamp>,
}

impl<M: Model> Past<M> {
    /// Runs `look` on the model as it was, on this thread, and gives back what it returns.
    ///
    /// # Panics
    ///
    /// If `look` panics, and if the model is in another process, from where it cannot be lent.
    pub fn read<R>(&self, look: impl FnOnce(&M) -> R) -> R {
        match &self.state {
            State::Here(state) => look(state.kernel.model()),
            #[cfg(feature = "remote")]
            State::There { link, .. } => crate::client::not_here("read", link),
        }
    }

    /// Answers a query that was built by hand.
    ///
    /// # Errors
    ///
    /// Awaiting it gives [`Error::Panicked`] if the query panics.
    pub fn query(&self, query: M::Query) -> Answering<M> {
        let method = query.method();
        #[cfg(feature = "remote")]
        if let State::There { link, position, .. } = &self.state {
            let pending = link.query(method, &mut |bytes| query.put(bytes), Some(*position));
            return Answering::there(link, method, pending);
        }
        Answering::here(self.ask(method, |model| model.answer(query)))
    }

    /// Where it is, if that is another process.
    #[cfg(feature = "remote")]
    pub(crate) fn link(&self) -> Option<&Arc<Link>> {
        match &self.state {
            State::Here(_) => None,
            State::There { link, .. } => Some(link),
        }
    }

    /// Answers the query number `method` by `look`.
    pub(crate) fn ask<R>(&self, method: u16, look: impl FnOnce(&M) -> R) -> Result<R, Error> {
        catch_unwind(AssertUnwindSafe(|| self.read(look))).map_err(|panic| Error::Panicked {
            method: parts::name::<M::Query>(method),
            position: None,
            message: state::message(panic),
        })
    }

    /// The position of the last record that it contains.
    pub fn position(&self) -> Position {
        match &self.state {
            State::Here(state) => state.kernel.position(),
            #[cfg(feature = "remote")]
            State::There { position, .. } => *position,
        }
    }

    /// The time of that record; `None` for the initial state, before the first record.
    pub fn time(&self) -> Option<Timestamp> {
        match &self.state {
            State::Here(state) => state.time,
            #[cfg(feature = "remote")]
            State::There { time, .. } => *time,
        }
    }
}

impl<M: Model> Clone for Past<M> {
    fn clone(&self) -> Self {
        let state = match &self.state {
            State::Here(state) => State::Here(Arc::clone(state)),
            #[cfg(feature = "remote")]
            State::There { link, position, time } => {
                State::There { link: Arc::clone(link), position: *position, time: *time }
            }
        };
        Past { state }
    }
}

impl<M: Model> fmt::Debug for Past<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Past")
            .field("model", &M::NAME)
            .field("position", &self.position())
            .field("time", &self.time())
            .finish_non_exhaustive()
    }
}

/// A state of the past that is being made. Dropping it ends the work
/// with the record that is being replayed.
#[must_use = "the past is only made when this is awaited"]
pub struct At<M: Model> {
    made: Pin<Box<dyn Future<Output = Result<Past<M>, PastError>> + Send>>,
}

impl<M: Model> At<M> {
    pub(crate) fn new(engine: &Engine<M>, when: When) -> Self {
        At { made: Box::pin(Self::made(engine, when)) }
    }

    /// Makes it, without the typed client around it.
    pub(crate) fn made(
        engine: &Engine<M>,
        when: When,
    ) -> impl Future<Output = Result<Past<M>, PastError>> + Send + use<M> {
        let end = engine.position();
        in_turn(Arc::clone(engine.shared()), move |shared, wanted| {
            let position = shared.source.position_of(&when, end, wanted)?;
            let replayed = shared.source.state_at(position, wanted)?;
            let time = (replayed.kernel.position() > Position::START).then_some(replayed.last_time);
            Ok(Past { state: State::Here(Arc::new(Made { kernel: replayed.kernel, time })) })
        })
    }

    /// Has a server make it.
    #[cfg(feature = "remote")]
    pub(crate) fn there(link: &Arc<Link>, when: When) -> Self {
        let link = Arc::clone(link);
        let made = async move {
            let moment = Moment::of(&when)?;
            let (position, time) = link.at(moment).await.map_err(Fault::into_past_error)?;
            Ok(Past { state: State::There { link, position, time } })
        };
        At { made: Box::pin(made) }
    }
}

impl<M: Model> Future for At<M> {
    type Output = Result<M::Past, PastError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.made.as_mut().poll(cx).map_ok(M::Past::from)
    }
}

impl<M: Model> fmt::Debug for At<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("At").field("model", &M::NAME).finish_non_exhaustive()
    }
}
