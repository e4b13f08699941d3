//! Atomic batches: several commands in one record, which happen together or not at all.
//!
//! ```text
//! reply of an accepted batch = for each command: length (varint), its reply
//! reply of a rejected one    = place of the command that was rejected, from 0 (varint), its reply
//! ```
//!
//! How a batch stands in the journal is drawn in [`record`](super::record). Everything else knows it as the one record that it
//! is.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    vec,
};

use super::{
    Engine, Pending,
    evolution::{self, Routes, Way},
    kernel::{self, Refusal, decode, method_name},
    preamble::Preamble,
    record::{ATOMICALLY, ATOMICALLY_NAME, COMMANDS_MAX, Compared, Record, put_command},
};
use crate::{
    Ctx, Error, Model, NotJournaled, Position, RequestId,
    codec::{Unreadable, get_bytes, get_varint, put_varint},
    model::Operation,
};

/// What became of sending a batch.
pub(crate) enum Sent {
    /// It is on its way, with the numbers of its commands.
    Pending(Pending, Vec<u16>),
    /// There was nothing to send; this is how far the state was.
    Empty(Position),
}

impl<M: Model> Engine<M> {
    /// Encodes several commands as one record and sends it on its way.
    pub(crate) fn submit_all(
        &self,
        commands: impl Iterator<Item = M::Command>,
        caller: Option<&str>,
        request: Option<RequestId>,
    ) -> Sent {
        let failed = |error| Sent::Pending(Pending::failed(Error::NotJournaled(error)), Vec::new());
        match self.encode_all(commands, caller) {
            Err(error) => failed(error),
            Ok((methods, _)) if methods.is_empty() => Sent::Empty(self.position()),
            Ok((methods, arguments)) => {
                let pending = self.enter(
                    Record { method: ATOMICALLY, caller, request, arguments: &arguments },
                    methods.len(),
                );
                Sent::Pending(pending, methods)
            }
        }
    }

    fn encode_all(
        &self,
        commands: impl Iterator<Item = M::Command>,
        caller: Option<&str>,
    ) -> Result<(Vec<u16>, Vec<u8>), NotJournaled> {
        super::check_caller(|| ATOMICALLY_NAME, caller)?;
        let limit = self.shared.settings.command_bytes_max;
        let (mut methods, mut arguments, mut encoded, mut bytes) = (Vec::new(), Vec::new(), Vec::new(), 0);
        for (index, command) in commands.enumerate() {
            if index == COMMANDS_MAX {
                return Err(NotJournaled::TooMany { limit: COMMANDS_MAX });
            }
            let method = command.method();
            encoded.clear();
            self.encode(method, &mut |bytes| command.put(bytes), &mut encoded)
                .map_err(|why| NotJournaled::InBatch { index, why: Box::new(why) })?;
            let before = arguments.len();
            put_command(method, &encoded, &mut arguments);
            bytes += arguments.len() - before;
            if bytes > limit {
                // It will be refused; the rest is only measured.
                arguments.clear();
            }
            methods.push(method);
        }
        match bytes > limit {
            true => Err(NotJournaled::TooLarge { method: ATOMICALLY_NAME, bytes, limit }),
            false => Ok((methods, arguments)),
        }
    }
}

/// The commands of a batch, while they run.
pub(super) struct Running<M: Model> {
    rest: vec::IntoIter<M::Command>,
    methods: Vec<u16>,
    /// The place of the one that runs.
    index: usize,
}

impl<M: Model> Running<M> {
    /// Reads the commands of a batch, all of them before any is run.
    pub(super) fn read(record: &Record<'_>) -> Result<Self, Unreadable> {
        let records = record.commands()?;
        let mut commands = Vec::with_capacity(records.len());
        for (index, command) in records.iter().enumerate() {
            let read = decode::<M>(command.method, command.arguments);
            commands.push(read.map_err(|error| within(index, method_name::<M>(command.method), &error))?);
        }
        let methods = records.iter().map(|command| command.method).collect();
        Ok(Running { rest: commands.into_iter(), methods, index: 0 })
    }

    /// Runs them one after another, up to the first that is rejected or panics.
    pub(super) fn run(
        &mut self,
        model: &mut M,
        ctx: &mut Ctx<M::Event>,
        reply: &mut Vec<u8>,
    ) -> Result<(), Refusal> {
        for index in 0..self.methods.len() {
            let Some(command) = self.rest.next() else { break };
            self.index = index;
            let mut its_reply = Vec::new();
            match kernel::execute(model, command, ctx, &mut its_reply) {
                Ok(()) => {
                    put_varint(its_reply.len() as u64, reply);
                    reply.extend_from_slice(&its_reply);
                }
                Err(Refusal::Rejected) => {
                    reply.clear();
                    put_varint(index as u64, reply);
                    reply.extend_from_slice(&its_reply);
                    return Err(Refusal::Rejected);
                }
                Err(unwritable) => return Err(unwritable),
            }
        }
        Ok(())
    }

    /// Where the one that ran last stands, for why it panicked.
    pub(super) fn place(&self) -> String {
        let method = self.methods.get(self.index).copied().unwrap_or(ATOMICALLY);
        at(self.index, method_name::<M>(method))
    }
}

impl<M: Model> Drop for Running<M> {
    fn drop(&mut self) {
        // The destructors of what did not run any more are the user's code.
        let rest = std::mem::take(&mut self.rest);
        let _ = catch_unwind(AssertUnwindSafe(|| drop(rest)));
    }
}

/// The place of a command in a batch, in words.
pub(super) fn at(index: usize, name: &str) -> String {
    format!("`{name}` at index {index} of the batch")
}

fn within(index: usize, name: &str, error: &Unreadable) -> Unreadable {
    Unreadable::new(format!("{}: {error}", at(index, name)))
}

/// The replies of an accepted batch, one for each command.
pub(crate) fn replies(mut bytes: &[u8]) -> impl Iterator<Item = Result<&[u8], Unreadable>> {
    std::iter::from_fn(move || {
        if bytes.is_empty() {
            return None;
        }
        let reply = get_varint(&mut bytes)
            .and_then(|length| get_bytes(&mut bytes, usize::try_from(length).unwrap_or(usize::MAX)));
        if reply.is_err() {
            bytes = &[];
        }
        Some(reply)
    })
}

/// Which command of a rejected batch was rejected, and its reply.
pub(crate) fn refusal(mut bytes: &[u8]) -> Result<(usize, &[u8]), Unreadable> {
    let index = get_varint(&mut bytes)?;
    let index = usize::try_from(index).map_err(|_| Unreadable::new("the place of a command is too large"))?;
    Ok((index, bytes))
}

/// The commands of a batch as today's code calls and writes them. The user's `Deserialize`, conversions and `Serialize` run
/// here.
pub(super) fn carry<M: Model>(
    written: &Preamble,
    routes: &Routes,
    record: &Record<'_>,
) -> Result<Vec<u8>, Unreadable> {
    let mut today = Vec::new();
    for (index, command) in record.commands()?.iter().enumerate() {
        let unreadable = |error| within(index, written.name(command.method), &error);
        let way = routes.command(command.method).map_or(Way::None, |route| route.way);
        match way {
            Way::Same(method) => put_command(method, command.arguments, &mut today),
            Way::Carried { method, version } => {
                let carried = evolution::carry::<M>(written, command, method, version).map_err(unreadable)?;
                put_command(method, &carried, &mut today);
            }
            Way::None if written.command(command.method).is_none() => {
                let number = command.method;
                return Err(unreadable(Unreadable::new(format!(
                    "there is no command number {number} in its writer's table"
                ))));
            }
            Way::None => return Err(unreadable(Unreadable::new("today's code has no place for it"))),
        }
    }
    Ok(today)
}

/// What of the outcome of a batch can be compared: what can be of every command in it.
pub(super) fn compared(routes: &Routes, record: &Record<'_>) -> Compared {
    let nothing = Compared { reply: false, changes: false };
    let Ok(commands) = record.commands() else { return nothing };
    commands.iter().map(|command| routes.command(command.method)).fold(
        Compared { reply: true, changes: true },
        |all, route| match route.map(|route| route.compared()) {
            Some(its) => Compared { reply: all.reply && its.reply, changes: all.changes && its.changes },
            None => nothing,
        },
    )
}
