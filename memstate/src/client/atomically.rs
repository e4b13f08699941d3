//! [`Atomically`]: several commands on their way together.

#[cfg(feature = "remote")]
use std::sync::Arc;
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
#[cfg(feature = "remote")]
use crate::{
    NotJournaled, RequestId,
    engine::{Pending, record::COMMANDS_MAX},
    model::{Operation, parts},
    remote::Link,
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
    /// Where it was sent, if that is another process.
    #[cfg(feature = "remote")]
    link: Option<Arc<Link>>,
}

impl<M: Model> Atomically<M> {
    pub(super) fn new(sent: Sent) -> Self {
        Atomically {
            sent,
            model: std::marker::PhantomData,
            #[cfg(feature = "remote")]
            link: None,
        }
    }

    /// Sends one to a server.
    #[cfg(feature = "remote")]
    pub(super) fn there(
        link: &Arc<Link>,
        commands: impl Iterator<Item = M::Command>,
        caller: Option<&Arc<str>>,
        request: Option<RequestId>,
    ) -> Self {
        let (mut methods, mut encoded) = (Vec::new(), Vec::new());
        let mut fault = None;
        for (index, command) in commands.enumerate() {
            let (number, mut bytes) = (command.method(), Vec::new());
            if index == COMMANDS_MAX {
                fault = Some(NotJournaled::TooMany { limit: COMMANDS_MAX });
                break;
            }
            let method = parts::method::<M::Command>(number);
            let name = parts::name::<M::Command>(number);
            let why = match (method.is_some_and(|method| method.retired), command.put(&mut bytes)) {
                (true, _) => Some(NotJournaled::Retired { method: name }),
                (false, Err(error)) => {
                    Some(NotJournaled::Unencodable { method: name, why: error.to_string() })
                }
                (false, Ok(())) => None,
            };
            if let Some(why) = why {
                fault = Some(NotJournaled::InBatch { index, why: Box::new(why) });
                break;
            }
            methods.push(number);
            encoded.push((number, bytes));
        }
        let sent = match fault {
            Some(fault) => Sent::Pending(Pending::failed(Error::NotJournaled(fault)), Vec::new()),
            None if methods.is_empty() => Sent::Empty(link.position()),
            None => Sent::Pending(link.commands(encoded, caller, request), methods),
        };
        Atomically { sent, model: std::marker::PhantomData, link: Some(Arc::clone(link)) }
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
                #[cfg(feature = "remote")]
                let ours = |method, verdict, bytes: &[u8]| {
                    as_ours(self.link.as_deref(), &reply, method, verdict, bytes)
                };
                #[cfg(not(feature = "remote"))]
                let ours = as_is;
                open_replies::<M>(&reply, &methods, &ours).map(|replies| (position, replies))
            }
        }
    }
}

impl<M: Model> Future for Atomically<M> {
    type Output = Result<Vec<M::Reply>, Error<Refused<M::Reply>>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        match &mut this.sent {
            Sent::Empty(_) => Poll::Ready(Ok(Vec::new())),
            Sent::Pending(pending, methods) => Pin::new(pending).poll(cx).map(|reply| match reply {
                Ok(reply) => {
                    #[cfg(feature = "remote")]
                    let ours = |method, verdict, bytes: &[u8]| {
                        as_ours(this.link.as_deref(), &reply, method, verdict, bytes)
                    };
                    #[cfg(not(feature = "remote"))]
                    let ours = as_is;
                    open_replies::<M>(&reply, methods, &ours)
                }
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

/// The bytes of one reply as this version of the code writes them.
type AsOurs<'a> = &'a dyn Fn(u16, Verdict, &[u8]) -> Result<Vec<u8>, Unreadable>;

#[cfg(not(feature = "remote"))]
fn as_is(_: u16, _: Verdict, bytes: &[u8]) -> Result<Vec<u8>, Unreadable> {
    Ok(bytes.to_vec())
}

#[cfg(feature = "remote")]
fn as_ours(
    link: Option<&Link>,
    reply: &Reply,
    method: u16,
    verdict: Verdict,
    bytes: &[u8],
) -> Result<Vec<u8>, Unreadable> {
    match (link, reply.written()) {
        (Some(link), Some(foreign)) => foreign.as_ours(link.surface(), method, verdict, bytes),
        _ => Ok(bytes.to_vec()),
    }
}

fn open_replies<M: Model>(
    reply: &Reply,
    methods: &[u16],
    ours: AsOurs<'_>,
) -> Result<Vec<M::Reply>, Error<Refused<M::Reply>>> {
    match reply.verdict() {
        Verdict::Accepted => {
            read_all::<M>(reply.bytes(), methods, ours).map_err(|error| unreadable_reply(&error))
        }
        Verdict::Rejected => Err(read_refusal::<M>(reply.bytes(), methods, ours)
            .map_or_else(|error| unreadable_reply(&error), Error::Rejected)),
    }
}

fn read_all<M: Model>(bytes: &[u8], methods: &[u16], ours: AsOurs<'_>) -> Result<Vec<M::Reply>, Unreadable> {
    let mut replies = replies(bytes);
    let read = methods.iter().map(|method| {
        let bytes = replies.next().unwrap_or_else(|| Err(Unreadable::new("a reply is missing")))?;
        let bytes = ours(*method, Verdict::Accepted, bytes)?;
        whole(&bytes, |bytes| M::reply(*method, Verdict::Accepted, bytes))
    });
    read.collect()
}

fn read_refusal<M: Model>(
    bytes: &[u8],
    methods: &[u16],
    ours: AsOurs<'_>,
) -> Result<Refused<M::Reply>, Unreadable> {
    let (index, bytes) = refusal(bytes)?;
    let method =
        *methods.get(index).ok_or_else(|| Unreadable::new("there is no such command in the batch"))?;
    let bytes = ours(method, Verdict::Rejected, bytes)?;
    let reply = whole(&bytes, |bytes| M::reply(method, Verdict::Rejected, bytes))?;
    Ok(Refused { index, reply })
}
