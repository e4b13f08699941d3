//! [`Items`]: what a query gives one after another.

use std::{
    collections::VecDeque,
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use futures_core::Stream;

use super::{Ask, Far};
use crate::Error;
#[cfg(feature = "remote")]
use crate::{
    codec::{Answer, Unreadable, get_bytes, get_varint, whole},
    remote::{Part, Parts, surface::Dialect},
    schema::Shape,
};

/// What a query that returns an iterator gives.
///
/// Awaiting it collects everything in a `Vec`. It is a [`Stream`] too, with [`next`](Items::next) for code without a stream library:
/// from a server the first items come while it is still making the others. In this process they are made when the query is asked,
/// because the model cannot change meanwhile.
///
/// As a stream it ends after an error. What a server has made and nobody has taken is bounded there, so a query that gives more than
/// that to somebody slow ends with an [`Error::Failed`].
#[must_use = "a query does nothing but answer"]
pub struct Items<T> {
    source: Source<T>,
    /// What has come and was not taken.
    ready: VecDeque<T>,
    /// What was collected by awaiting it.
    collected: Vec<T>,
}

enum Source<T> {
    Near(Ask<Vec<T>>),
    #[cfg(feature = "remote")]
    Far {
        parts: Parts,
        method: u16,
        read: ReadItem<T>,
    },
    Over,
}

#[cfg(feature = "remote")]
type ReadItem<T> = fn(u16, Option<&Dialect>, &[u8]) -> Result<T, Unreadable>;

impl<T> Items<T> {
    #[inline]
    fn of(source: Source<T>) -> Self {
        Items { source, ready: VecDeque::new(), collected: Vec::new() }
    }

    /// Those of a query of a model in this process, for generated methods.
    #[doc(hidden)]
    #[inline]
    pub fn __near(ask: Ask<Vec<T>>) -> Self {
        Items::of(Source::Near(ask))
    }

    /// Those of a query of a model in another process, for generated methods.
    #[cfg(feature = "remote")]
    #[doc(hidden)]
    pub fn __far(far: Far) -> Self
    where
        T: Answer,
    {
        let method = far.method;
        Items::of(Source::Far { parts: far.stream(), method, read: read_item::<T> })
    }

    /// Those of a query of a model in another process, for generated methods.
    #[cfg(not(feature = "remote"))]
    #[doc(hidden)]
    pub fn __far(far: Far) -> Self {
        match far {}
    }

    /// The next item; `None` after the last.
    pub async fn next(&mut self) -> Option<Result<T, Error>> {
        std::future::poll_fn(|cx| self.poll_item(cx)).await
    }

    fn poll_item(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<T, Error>>> {
        loop {
            if let Some(item) = self.ready.pop_front() {
                return Poll::Ready(Some(Ok(item)));
            }
            match &mut self.source {
                Source::Over => return Poll::Ready(None),
                Source::Near(ask) => {
                    let answer = std::task::ready!(Pin::new(ask).poll(cx));
                    self.source = Source::Over;
                    match answer {
                        Ok(items) => self.ready = items.into(),
                        Err(error) => return Poll::Ready(Some(Err(error.map(|never| match never {})))),
                    }
                }
                #[cfg(feature = "remote")]
                Source::Far { parts, method, read } => {
                    let error = match std::task::ready!(parts.poll_next(cx)) {
                        Some(Part::Items { items, dialect }) => {
                            match read_items(&items, *method, dialect.as_deref(), *read, &mut self.ready) {
                                Ok(()) => continue,
                                Err(error) => Error::Incompatible(
                                    format!("an item has no place in the types of this client: {error}")
                                        .into(),
                                ),
                            }
                        }
                        Some(Part::Failed(error)) => error,
                        _ => {
                            self.source = Source::Over;
                            continue;
                        }
                    };
                    self.source = Source::Over;
                    return Poll::Ready(Some(Err(error)));
                }
            }
        }
    }
}

#[cfg(feature = "remote")]
fn read_items<T>(
    mut bytes: &[u8],
    method: u16,
    dialect: Option<&Dialect>,
    read: ReadItem<T>,
    ready: &mut VecDeque<T>,
) -> Result<(), Unreadable> {
    while !bytes.is_empty() {
        let length = get_varint(&mut bytes)?;
        let length = usize::try_from(length).map_err(|_| Unreadable::new("it is too long"))?;
        ready.push_back(read(method, dialect, get_bytes(&mut bytes, length)?)?);
    }
    Ok(())
}

#[cfg(feature = "remote")]
fn read_item<T: Answer>(method: u16, dialect: Option<&Dialect>, bytes: &[u8]) -> Result<T, Unreadable> {
    let kind = crate::remote::surface::Kind::Query;
    let written = dialect.and_then(|dialect| Some((dialect, dialect.written(kind, method)?.0)));
    match written {
        Some((dialect, Shape::List(item))) => {
            whole(bytes, |bytes| T::carry(dialect.theirs.queries.schema.of(item), bytes))
        }
        Some(_) => Err(Unreadable::new("the server's query gives no items")),
        None => whole(bytes, T::get),
    }
}

// Items are never pinned.
impl<T> Unpin for Items<T> {}

impl<T> Stream for Items<T> {
    type Item = Result<T, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_item(cx)
    }
}

/// Collects what has not been taken yet.
impl<T> Future for Items<T> {
    type Output = Result<Vec<T>, Error>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if let Source::Near(ask) = &mut self.source {
            let answer = Pin::new(ask).poll(cx);
            return answer.map(|answer| answer.map_err(|error| error.map(|never| match never {})));
        }
        loop {
            match std::task::ready!(self.poll_item(cx)) {
                Some(Ok(item)) => self.collected.push(item),
                Some(Err(error)) => return Poll::Ready(Err(error)),
                None => return Poll::Ready(Ok(std::mem::take(&mut self.collected))),
            }
        }
    }
}

impl<T> fmt::Debug for Items<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Items").finish_non_exhaustive()
    }
}
