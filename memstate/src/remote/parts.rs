//! [`Parts`]: what a server sends one after another, as fast as it is taken.

use std::{
    collections::VecDeque,
    sync::Arc,
    task::{Context, Poll},
};

use tokio::sync::mpsc;

use super::{
    frames::{Ask, Record},
    link::Shared,
    surface::Dialect,
};
use crate::{Error, Position};

/// How many frames of a stream a server may send before any was taken.
pub(super) const CREDIT: u32 = 64;

/// A part of a stream.
pub(crate) enum Part {
    Items {
        items: Vec<u8>,
        dialect: Option<Arc<Dialect>>,
    },
    Event {
        position: Position,
        event: Vec<u8>,
        dialect: Option<Arc<Dialect>>,
    },
    Missed {
        after: Position,
        through: Position,
    },
    Record {
        record: Box<Record>,
        dialect: Option<Arc<Dialect>>,
    },
    Answer {
        accepted: bool,
        reply: Vec<u8>,
        dialect: Option<Arc<Dialect>>,
    },
    /// What came before is void: it was sent again, and comes from its beginning. Only [`Parts`] sees it.
    Again,
    /// It is the last.
    Failed(Error),
    /// It is the last.
    Done,
}

/// The parts of a stream. Dropping it tells the server that nobody wants more.
pub(crate) struct Parts {
    shared: Arc<Shared>,
    id: u64,
    parts: mpsc::UnboundedReceiver<Part>,
    /// How many were taken since the server was told so.
    taken: u32,
    begun: bool,
    /// Parts that were looked at and not taken.
    ahead: VecDeque<Part>,
    over: bool,
}

impl Parts {
    pub(super) fn new(shared: Arc<Shared>, id: u64, parts: mpsc::UnboundedReceiver<Part>) -> Self {
        Parts { shared, id, parts, taken: 0, begun: false, ahead: VecDeque::new(), over: false }
    }

    /// The next part; `None` after the last.
    pub(crate) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Part>> {
        if self.over {
            return Poll::Ready(None);
        }
        let part = loop {
            let part = match self.ahead.pop_front() {
                Some(part) => part,
                None => match std::task::ready!(self.parts.poll_recv(cx)) {
                    Some(Part::Again) => continue,
                    Some(part) => part,
                    None => Part::Failed(Error::Stopped("the client has ended".into())),
                },
            };
            if self.begun || matches!(part, Part::Failed(_) | Part::Done) {
                break part;
            }
            self.begun = true;
            self.shared.begun(self.id);
            // From now on it is not sent again. If it was before, what came of it then is still here.
            self.ahead.push_back(part);
            while let Ok(part) = self.parts.try_recv() {
                match part {
                    Part::Again => self.ahead.clear(),
                    part => self.ahead.push_back(part),
                }
            }
        };
        match part {
            Part::Failed(_) | Part::Done => self.over = true,
            _ => {
                self.taken += 1;
                if self.taken >= CREDIT / 2 {
                    let more = std::mem::take(&mut self.taken);
                    self.shared.say(&Ask::Credit { id: self.id, more });
                }
            }
        }
        Poll::Ready(Some(part))
    }
}

impl Drop for Parts {
    fn drop(&mut self) {
        if !self.over {
            self.shared.cancel(self.id);
        }
    }
}
