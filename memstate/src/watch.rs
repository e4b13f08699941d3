//! [`Watch`]: the answer to a query, again whenever it changes.

use std::{
    fmt,
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use futures_core::Stream;

use crate::{
    Error, Model,
    engine::{Changes, Engine, Shared},
    state,
};

/// The answer to a query now, and again whenever it has changed.
///
/// It is a [`Stream`]; [`next`](Watch::next) is there for code without a stream library. It looks at the model when it is polled,
/// on that task, so one that is polled seldom misses answers in between, never the last one. It ends when the engine
/// has stopped and the last answer was given.
///
/// A query that panics gives an [`Error::Panicked`] instead of an answer, and the stream goes on. When the engine had to
/// stop because a failed command could not be undone, [`Error::Stopped`] is the last item.
#[must_use = "answers come when this is polled"]
pub struct Watch<M: Model, R, F> {
    shared: Arc<Shared<M>>,
    query: F,
    /// What was given last.
    last: Option<Result<R, Error>>,
    changes: Waiting,
    ended: bool,
}

enum Waiting {
    /// The model has to be looked at.
    Changed(Changes),
    Pending(Pin<Box<dyn Future<Output = Changes> + Send + Sync>>),
    /// It will not change any more.
    Over,
}

impl<M: Model, R: PartialEq + Clone, F: FnMut(&M) -> R> Watch<M, R, F> {
    pub(crate) fn new(engine: &Engine<M>, query: F) -> Self {
        let shared = Arc::clone(engine.shared());
        let changes = Waiting::Changed(shared.changes());
        Watch { shared, query, last: None, changes, ended: false }
    }

    /// The next answer; `None` when there are no more.
    pub async fn next(&mut self) -> Option<Result<R, Error>> {
        std::future::poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }

    /// Asks the query, and says what is new.
    fn ask(&mut self) -> Option<Result<R, Error>> {
        let query = &mut self.query;
        let looked = self.shared.look(|model| catch_unwind(AssertUnwindSafe(|| query(model))));
        let answer = match looked {
            Ok(answer) => answer.map_err(|panic| Error::Panicked {
                method: "watch",
                position: None,
                message: state::message(panic),
            }),
            Err(why) => {
                self.ended = true;
                Err(Error::Stopped(why))
            }
        };
        if self.last.as_ref() == Some(&answer) {
            return None;
        }
        self.last = Some(answer.clone());
        Some(answer)
    }
}

impl<M: Model, R: PartialEq + Clone, F: FnMut(&M) -> R> Stream for Watch<M, R, F> {
    type Item = Result<R, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if self.ended {
                return Poll::Ready(None);
            }
            match std::mem::replace(&mut self.changes, Waiting::Over) {
                Waiting::Changed(mut changes) => {
                    // Seen before the model is looked at, so that what changes meanwhile is looked at once more.
                    let is_last = changes.see();
                    self.changes = match is_last {
                        true => Waiting::Over,
                        false => Waiting::Pending(Box::pin(changes.next())),
                    };
                    if let Some(answer) = self.ask() {
                        return Poll::Ready(Some(answer));
                    }
                }
                Waiting::Pending(mut pending) => match pending.as_mut().poll(cx) {
                    Poll::Ready(changes) => self.changes = Waiting::Changed(changes),
                    Poll::Pending => {
                        self.changes = Waiting::Pending(pending);
                        return Poll::Pending;
                    }
                },
                Waiting::Over => self.ended = true,
            }
        }
    }
}

// Neither the query nor its answer is ever pinned.
impl<M: Model, R, F> Unpin for Watch<M, R, F> {}

impl<M: Model, R, F> fmt::Debug for Watch<M, R, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").field("model", &M::NAME).finish_non_exhaustive()
    }
}
