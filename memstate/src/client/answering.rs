//! [`Answering`] and [`WatchQuery`]: queries that were built by hand.

#[cfg(feature = "remote")]
use std::sync::Arc;
use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

#[cfg(feature = "remote")]
use super::foreign_reply;
use crate::{Error, Model};
#[cfg(feature = "remote")]
use crate::{
    codec::{Unreadable, Unwritable, whole},
    engine::{Changes, Engine, Pending, Reply, Shared},
    model::{Operation, Verdict, parts},
    remote::{Foreign, Link, Part, Parts, surface},
};

/// The answer to a query that was built by hand; see [`Client::query`](crate::Client::query). In process it is there at once.
#[must_use = "a query does nothing but answer"]
pub struct Answering<M: Model> {
    answer: Site<M>,
}

enum Site<M: Model> {
    Here(Option<Result<M::Reply, Error>>),
    #[cfg(feature = "remote")]
    There {
        link: Arc<Link>,
        method: u16,
        pending: Pending,
    },
}

impl<M: Model> Answering<M> {
    pub(crate) fn here(answer: Result<M::Reply, Error>) -> Self {
        Answering { answer: Site::Here(Some(answer)) }
    }

    #[cfg(feature = "remote")]
    pub(crate) fn there(link: &Arc<Link>, method: u16, pending: Pending) -> Self {
        Answering { answer: Site::There { link: Arc::clone(link), method, pending } }
    }
}

// Nothing in it is ever pinned.
impl<M: Model> Unpin for Answering<M> {}

impl<M: Model> Future for Answering<M> {
    type Output = Result<M::Reply, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.answer {
            Site::Here(answer) => {
                let _ = cx;
                Poll::Ready(answer.take().expect("polled again after it was ready"))
            }
            #[cfg(feature = "remote")]
            Site::There { link, method, pending } => {
                let reply = std::task::ready!(Pin::new(pending).poll(cx))?;
                Poll::Ready(open_answer::<M>(link, *method, &reply))
            }
        }
    }
}

/// Reads the reply to a query.
#[cfg(feature = "remote")]
fn open_answer<M: Model>(link: &Link, method: u16, reply: &Reply) -> Result<M::Reply, Error> {
    let ours = match reply.written() {
        Some(foreign) => foreign
            .as_ours(link.surface(), method, reply.verdict(), reply.bytes())
            .map_err(|error| foreign_reply(reply, &error))?,
        None => reply.bytes().to_vec(),
    };
    whole(&ours, |bytes| M::answer_of(method, reply.verdict(), bytes))
        .map_err(|error| unreadable_answer(&error))
}

#[cfg(feature = "remote")]
fn unreadable_answer(error: &Unreadable) -> Error {
    Error::Failed(format!("the answer cannot be read back, so its type is to blame: {error}").into())
}

impl<M: Model> fmt::Debug for Answering<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answering").field("model", &M::NAME).finish_non_exhaustive()
    }
}

/// The answer to a query now, and again whenever it has changed; see [`Client::watch_query`](crate::Client::watch_query).
///
/// It is a [`Stream`](futures_core::Stream); [`next`](WatchQuery::next) is there for code without a stream library. One that is
/// polled seldom misses answers in between, never the last one. It ends when the engine has stopped and the last answer was
/// given.
#[cfg(feature = "remote")]
#[must_use = "answers come when this is polled"]
pub struct WatchQuery<M: Model> {
    method: u16,
    last: Option<(Verdict, Vec<u8>)>,
    source: Source<M>,
}

#[cfg(feature = "remote")]
enum Source<M: Model> {
    Here {
        shared: Arc<Shared<M>>,
        arguments: Vec<u8>,
        changes: Waiting,
    },
    There {
        link: Arc<Link>,
        parts: Parts,
    },
    /// It could not be asked.
    Failed(Option<Error>),
}

#[cfg(feature = "remote")]
enum Waiting {
    Changed(Changes),
    Pending(Pin<Box<dyn Future<Output = Changes> + Send + Sync>>),
    Over,
}

#[cfg(feature = "remote")]
impl<M: Model> WatchQuery<M> {
    pub(super) fn here(engine: &Engine<M>, query: &M::Query) -> Self {
        let mut arguments = Vec::new();
        let shared = Arc::clone(engine.shared());
        let source = match query.put(&mut arguments) {
            Ok(()) => {
                let changes = Waiting::Changed(shared.changes());
                Source::Here { shared, arguments, changes }
            }
            Err(error) => Source::Failed(Some(unwritable::<M>(query.method(), &error))),
        };
        WatchQuery { method: query.method(), last: None, source }
    }

    pub(super) fn there(link: &Arc<Link>, query: &M::Query) -> Self {
        let method = query.method();
        let parts = link.watch(method, &mut |bytes| query.put(bytes));
        WatchQuery { method, last: None, source: Source::There { link: Arc::clone(link), parts } }
    }

    /// The next answer; `None` when there are no more.
    pub async fn next(&mut self) -> Option<Result<M::Reply, Error>> {
        std::future::poll_fn(|cx| Pin::new(&mut *self).poll_answer(cx)).await
    }

    fn poll_answer(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<M::Reply, Error>>> {
        loop {
            let (verdict, bytes, foreign) = match &mut self.source {
                Source::Failed(error) => return Poll::Ready(error.take().map(Err)),
                Source::There { parts, .. } => match std::task::ready!(parts.poll_next(cx)) {
                    Some(Part::Answer { accepted, reply, dialect }) => {
                        let verdict = if accepted { Verdict::Accepted } else { Verdict::Rejected };
                        let kind = surface::Kind::Query;
                        let method = Some(self.method);
                        (verdict, reply, dialect.map(|dialect| Foreign { dialect, kind, method }))
                    }
                    Some(Part::Failed(error)) => return Poll::Ready(Some(Err(error))),
                    Some(_) => continue,
                    None => return Poll::Ready(None),
                },
                Source::Here { shared, arguments, changes } => {
                    match std::mem::replace(changes, Waiting::Over) {
                        Waiting::Over => return Poll::Ready(None),
                        Waiting::Pending(mut pending) => match pending.as_mut().poll(cx) {
                            Poll::Ready(seen) => {
                                *changes = Waiting::Changed(seen);
                                continue;
                            }
                            Poll::Pending => {
                                *changes = Waiting::Pending(pending);
                                return Poll::Pending;
                            }
                        },
                        Waiting::Changed(mut seen) => {
                            // Seen before the model is looked at, so that what changes meanwhile is looked at once more.
                            *changes = match seen.see() {
                                true => Waiting::Over,
                                false => Waiting::Pending(Box::pin(seen.next())),
                            };
                            match answer::<M>(shared, self.method, arguments) {
                                Ok((verdict, bytes)) => (verdict, bytes, None),
                                Err(error) => return Poll::Ready(Some(Err(error))),
                            }
                        }
                    }
                }
            };
            let is_same = |last: &(Verdict, Vec<u8>)| last.0 == verdict && last.1 == bytes;
            if self.last.as_ref().is_some_and(is_same) {
                continue;
            }
            let ours = match (&foreign, &self.source) {
                (Some(foreign), Source::There { link, .. }) => {
                    match foreign.as_ours(link.surface(), self.method, verdict, &bytes) {
                        Ok(ours) => ours,
                        Err(error) => return Poll::Ready(Some(Err(unreadable_answer(&error)))),
                    }
                }
                _ => bytes.clone(),
            };
            self.last = Some((verdict, bytes));
            let read = whole(&ours, |bytes| M::answer_of(self.method, verdict, bytes));
            return Poll::Ready(Some(read.map_err(|error| unreadable_answer(&error))));
        }
    }
}

#[cfg(feature = "remote")]
fn unwritable<M: Model>(method: u16, error: &Unwritable) -> Error {
    let method = parts::name::<M::Query>(method);
    Error::NotJournaled(crate::NotJournaled::Unencodable { method, why: error.to_string() })
}

/// Asks a query of the model in this process.
#[cfg(feature = "remote")]
fn answer<M: Model>(shared: &Shared<M>, method: u16, arguments: &[u8]) -> Result<(Verdict, Vec<u8>), Error> {
    let panicked =
        |message| Error::Panicked { method: parts::name::<M::Query>(method), position: None, message };
    let query = whole(arguments, |bytes| M::Query::get(method, bytes))
        .map_err(|error| unwritable::<M>(method, &Unwritable::new(error.to_string())))?;
    let asked = shared.look(|model| {
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let mut reply = Vec::new();
            model.respond(query, &mut reply).map(|verdict| (verdict, reply))
        }))
    });
    match asked.map_err(Error::Stopped)? {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(unreadable_answer(&Unreadable::new(error.to_string()))),
        Err(panic) => Err(panicked(crate::state::message(panic))),
    }
}

#[cfg(feature = "remote")]
impl<M: Model> futures_core::Stream for WatchQuery<M> {
    type Item = Result<M::Reply, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_answer(cx)
    }
}

#[cfg(feature = "remote")]
impl<M: Model> Unpin for WatchQuery<M> {}

#[cfg(feature = "remote")]
impl<M: Model> fmt::Debug for WatchQuery<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WatchQuery").field("model", &M::NAME).finish_non_exhaustive()
    }
}
