//! Replies: made only with the proof that their command is durable, and the future that a caller waits on.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use super::replies::Waiting;
use crate::{
    Error, Position,
    journal::{Batch, Journal, JournalError},
    model::Verdict,
};

/// The proof that a batch is durable. Only [`Durable::append`] makes one.
#[derive(Debug)]
pub(crate) struct Durable {
    first: Position,
    count: u32,
}

impl Durable {
    /// Appends `count` records to the journal.
    pub(crate) fn append(
        journal: &mut dyn Journal,
        count: u32,
        payload: &[u8],
    ) -> Result<Self, JournalError> {
        let first = journal.end().next();
        journal.append(Batch { first, count, payload })?;
        Ok(Durable { first, count })
    }

    /// A proof of what is not so.
    #[cfg(memstate_bugs)]
    pub(crate) fn early(journal: &dyn Journal, count: u32) -> Self {
        Durable { first: journal.end().next(), count }
    }

    /// The position of its first record.
    pub(crate) fn first(&self) -> Position {
        self.first
    }

    /// The position of its last record.
    pub(crate) fn last(&self) -> Position {
        Position::new(self.first.get() + u64::from(self.count) - 1)
    }
}

/// The reply to a command that is durable and was applied.
pub struct Reply {
    position: Position,
    verdict: Verdict,
    bytes: Vec<u8>,
    /// What the bytes are, if a server of another version wrote them.
    #[cfg(feature = "remote")]
    written: Option<Box<crate::remote::Foreign>>,
}

impl Reply {
    /// A reply to the command at `position`, which is in the batch that `proof` is of.
    pub(crate) fn new(proof: &Durable, position: Position, verdict: Verdict, bytes: Vec<u8>) -> Self {
        assert!(proof.first <= position && position <= proof.last(), "a proof is of one batch");
        Reply {
            position,
            verdict,
            bytes,
            #[cfg(feature = "remote")]
            written: None,
        }
    }

    /// A reply that a server has told, which has that proof.
    #[cfg(feature = "remote")]
    pub(crate) fn told(
        position: Position,
        verdict: Verdict,
        bytes: Vec<u8>,
        written: Option<Box<crate::remote::Foreign>>,
    ) -> Self {
        Reply { position, verdict, bytes, written }
    }

    #[cfg(feature = "remote")]
    pub(crate) fn written(&self) -> Option<&crate::remote::Foreign> {
        self.written.as_deref()
    }

    pub(crate) fn position(&self) -> Position {
        self.position
    }

    pub(crate) fn verdict(&self) -> Verdict {
        self.verdict
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// A reply, or why there is none.
pub(crate) type Replied = Result<Reply, Error>;

/// A command on its way to its reply.
pub struct Pending(State);

enum State {
    /// It is in the queue or further, or on its way to a server.
    Waiting(Waiting),
    /// It never got into the queue.
    Failed(Option<Error>),
}

impl Pending {
    pub(crate) fn failed(error: Error) -> Self {
        Pending(State::Failed(Some(error)))
    }

    pub(crate) fn waiting(reply: Waiting) -> Self {
        Pending(State::Waiting(reply))
    }
}

impl Future for Pending {
    type Output = Replied;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Replied> {
        match &mut self.0 {
            State::Waiting(reply) => Pin::new(reply).poll(cx),
            State::Failed(error) => Poll::Ready(Err(error.take().expect("polled again after it was ready"))),
        }
    }
}

impl fmt::Debug for Pending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pending")
    }
}
