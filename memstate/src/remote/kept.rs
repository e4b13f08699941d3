//! [`Kept`]: a call in flight, as it is sent, and sent again.

use std::{ops::Bound, sync::Arc};

use uuid::Uuid;

use super::{
    frames::{self, Ask, Moment, Request},
    parts::CREDIT,
    surface::Kind,
};
use crate::{Position, RequestId};

/// A call, with everything that it takes to send it again.
#[derive(Debug)]
pub(super) enum Kept {
    /// Its request is as it is sent again.
    Command {
        method: u16,
        request: Request,
        caller: Option<Arc<str>>,
        arguments: Vec<u8>,
    },
    Atomically {
        request: Request,
        caller: Option<Arc<str>>,
        commands: Vec<(u16, Vec<u8>)>,
    },
    Query {
        method: u16,
        after: Position,
        at: Option<Position>,
        arguments: Vec<u8>,
    },
    Stream {
        method: u16,
        after: Position,
        at: Option<Position>,
        begun: bool,
        arguments: Vec<u8>,
    },
    Watch {
        method: u16,
        arguments: Vec<u8>,
    },
    /// `seen` events of the command at `from` have come; `skip` of them are still to be passed over after it was sent again.
    Events {
        from: Position,
        seen: u32,
        skip: u32,
        filter: Option<String>,
    },
    History {
        from: Bound<Moment>,
        to: Bound<Moment>,
        with_events: bool,
    },
    Diff {
        from: Moment,
        to: Moment,
    },
    At {
        when: Moment,
    },
    Reached {
        position: Position,
    },
    Snapshot,
}

impl Kept {
    /// Appends the frame of it.
    pub(super) fn put(&mut self, id: u64, again: bool, seen_now: Position, out: &mut Vec<u8>) {
        let credit = CREDIT;
        if let Kept::Query { after, .. } | Kept::Stream { after, .. } = self {
            // The state that answers contains everything that the client has seen until now.
            *after = seen_now.max(*after);
        }
        let new = |request: &Request| match request {
            Request::Again { sequence, .. } if !again => Request::New(*sequence),
            request => *request,
        };
        let text = |text: &'_ Option<Arc<str>>| text.as_ref().map(|text| text.to_string().into());
        let message = match self {
            Kept::Command { method, request, caller, arguments } => Ask::Command {
                id,
                method: *method,
                request: new(request),
                caller: text(caller),
                trace: None,
                arguments,
            },
            Kept::Atomically { request, caller, commands } => Ask::Atomically {
                id,
                request: new(request),
                caller: text(caller),
                trace: None,
                commands: commands.iter().map(|(method, arguments)| (*method, &arguments[..])).collect(),
            },
            Kept::Query { method, after, at, arguments } => {
                Ask::Query { id, method: *method, after: *after, at: *at, trace: None, arguments }
            }
            Kept::Stream { method, after, at, arguments, .. } => {
                Ask::Stream { id, method: *method, after: *after, at: *at, credit, arguments }
            }
            Kept::Watch { method, arguments } => Ask::Watch { id, method: *method, credit, arguments },
            Kept::Events { from, seen, skip, filter } => {
                *skip = *seen;
                Ask::Events { id, from: *from, filter: filter.as_deref().map(Into::into), credit }
            }
            Kept::History { from, to, with_events } => {
                Ask::History { id, from: *from, to: *to, with_events: *with_events, credit }
            }
            Kept::Diff { from, to } => Ask::Diff { id, from: *from, to: *to },
            Kept::At { when } => Ask::At { id, when: *when },
            Kept::Reached { position } => Ask::Reached { id, position: *position },
            Kept::Snapshot => Ask::Snapshot { id },
        };
        frames::put(&message, out);
    }

    /// How much memory it takes, about.
    pub(super) fn bytes(&self) -> usize {
        let caller = |caller: &Option<Arc<str>>| caller.as_ref().map_or(0, |caller| caller.len());
        match self {
            Kept::Command { arguments, caller: name, .. } => arguments.len() + caller(name),
            Kept::Query { arguments, .. }
            | Kept::Stream { arguments, .. }
            | Kept::Watch { arguments, .. } => arguments.len(),
            Kept::Atomically { commands, caller: name, .. } => {
                commands.iter().map(|(_, arguments)| arguments.len() + 16).sum::<usize>() + caller(name)
            }
            Kept::Events { filter, .. } => filter.as_ref().map_or(0, String::len),
            Kept::History { .. }
            | Kept::Diff { .. }
            | Kept::At { .. }
            | Kept::Reached { .. }
            | Kept::Snapshot => 0,
        }
    }

    /// Whether the model is another one after it.
    pub(super) fn changes_something(&self) -> bool {
        matches!(self, Kept::Command { .. } | Kept::Atomically { .. })
    }

    /// Whether it waits for what may never come.
    pub(super) fn is_endless(&self) -> bool {
        matches!(self, Kept::Events { .. } | Kept::Watch { .. } | Kept::Reached { .. })
    }

    pub(super) fn can_be_sent_again(&self) -> bool {
        !matches!(self, Kept::Stream { begun: true, .. })
    }

    /// The identity under which it was sent.
    pub(super) fn request(&self, process: Uuid) -> Option<RequestId> {
        match self {
            Kept::Command { request, .. } | Kept::Atomically { request, .. } => Some(match *request {
                Request::New(sequence) => RequestId { client: process, sequence, since: Position::START },
                Request::Again { sequence, since } => RequestId { client: process, sequence, since },
                Request::Given(request) => request,
            }),
            _ => None,
        }
    }

    pub(super) fn method(&self) -> Option<(Kind, u16)> {
        match self {
            Kept::Command { method, .. } => Some((Kind::Command, *method)),
            Kept::Query { method, .. } | Kept::Stream { method, .. } | Kept::Watch { method, .. } => {
                Some((Kind::Query, *method))
            }
            _ => None,
        }
    }

    /// What it is called in an error where it is no method.
    pub(super) fn what(&self) -> &'static str {
        match self {
            Kept::Command { .. } => "command",
            Kept::Atomically { .. } => crate::engine::ATOMICALLY_NAME,
            Kept::Query { .. } | Kept::Stream { .. } => "query",
            Kept::Watch { .. } => "watch",
            Kept::Events { .. } => "events",
            Kept::History { .. } => "history",
            Kept::Diff { .. } => "diff",
            Kept::At { .. } => "at",
            Kept::Reached { .. } => "reached",
            Kept::Snapshot => "snapshot",
        }
    }
}
