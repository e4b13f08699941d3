//! [`Atomically`]: several commands on their way together.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use super::unreadable_reply;
use crate::{
    Error, Model, Position,
    codec::{Unreadable, whole},
    engine::{
        Reply,
        atomically::{Sent, refusal, replies},
    },
    model::Verdict,
};

/// Why an atomic batch was refused: one of its commands was. Nothing of the batch has happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused<R> {
    /// The place of the command in the batch, from 0.
    pub index: usize,
    /// Its reply, which has the model's own error: `BankReply::Transfer(Err(…))`.
    pub reply: R,
}

impl<R: fmt::Debug> fmt::Display for Refused<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Refused { index, reply } = self;
        write!(
            f,
            "the command at index {index} of the batch was refused, and nothing of it has happened: {reply:?}"
        )
    }
}

impl<R: fmt::Debug> std::error::Error for Refused<R> {}

/// An atomic batch on its way; see [`Client::atomically`](crate::Client::atomically). It is sent when that is called; awaiting this gives
/// all replies, after it is durable.
///
/// Dropping it does not take the batch back.
#[must_use = "the batch is on its way, but whether it happened is only known by awaiting this"]
pub struct Atomically<M: Model> {
    sent: Sent,
    model: std::marker::PhantomData<fn() -> M>,
}

impl<M: Model> Atomically<M> {
    pub(super) fn new(sent: Sent) -> Self {
        Atomically { sent, model: std::marker::PhantomData }
    }

    /// The replies with the position of the batch's record, which another node or process can
    /// [wait for](crate::Client::reached). An empty batch has no record, and gives the position that the state had when it was
    /// sent.
    ///
    /// # Errors
    ///
    /// As awaiting the batch itself.
    pub async fn with_position(self) -> Result<(Position, Vec<M::Reply>), Error<Refused<M::Reply>>> {
        match self.sent {
            Sent::Empty(position) => Ok((position, Vec::new())),
            Sent::Pending(pending, methods) => {
                let reply = pending.await.map_err(not_refused)?;
                let position = reply.position();
                open_replies::<M>(&reply, &methods).map(|replies| (position, replies))
            }
        }
    }
}

impl<M: Model> Future for Atomically<M> {
    type Output = Result<Vec<M::Reply>, Error<Refused<M::Reply>>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.sent {
            Sent::Empty(_) => Poll::Ready(Ok(Vec::new())),
            Sent::Pending(pending, methods) => Pin::new(pending).poll(cx).map(|reply| match reply {
                Ok(reply) => open_replies::<M>(&reply, methods),
                Err(error) => Err(not_refused(error)),
            }),
        }
    }
}

impl<M: Model> fmt::Debug for Atomically<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Atomically");
        if let Sent::Pending(_, methods) = &self.sent {
            debug.field("methods", methods);
        }
        debug.finish_non_exhaustive()
    }
}

fn not_refused<E>(error: Error) -> Error<E> {
    error.map(|never| match never {})
}

fn open_replies<M: Model>(reply: &Reply, methods: &[u16]) -> Result<Vec<M::Reply>, Error<Refused<M::Reply>>> {
    match reply.verdict() {
        Verdict::Accepted => read_all::<M>(reply.bytes(), methods).map_err(|error| unreadable_reply(&error)),
        Verdict::Rejected => Err(read_refusal::<M>(reply.bytes(), methods)
            .map_or_else(|error| unreadable_reply(&error), Error::Rejected)),
    }
}

fn read_all<M: Model>(bytes: &[u8], methods: &[u16]) -> Result<Vec<M::Reply>, Unreadable> {
    let mut replies = replies(bytes);
    let read = methods.iter().map(|method| {
        let bytes = replies.next().unwrap_or_else(|| Err(Unreadable::new("a reply is missing")))?;
        whole(bytes, |bytes| M::reply(*method, Verdict::Accepted, bytes))
    });
    read.collect()
}

fn read_refusal<M: Model>(bytes: &[u8], methods: &[u16]) -> Result<Refused<M::Reply>, Unreadable> {
    let (index, bytes) = refusal(bytes)?;
    let method =
        *methods.get(index).ok_or_else(|| Unreadable::new("there is no such command in the batch"))?;
    let reply = whole(bytes, |bytes| M::reply(method, Verdict::Rejected, bytes))?;
    Ok(Refused { index, reply })
}
