//! What a writer says of itself in front of everything it writes: the model's name, the table of its commands, and what
//! all types in them, in the state and in the events look like.
//!
//! Records name a command by its place in the table, so the order of the methods in the source means nothing.

use serde::{Deserialize, Serialize};

use super::record::{ATOMICALLY, ATOMICALLY_NAME};
use crate::{
    Model,
    codec::{self, Answer, Unreadable, whole},
    model::{Listed, Operation},
    schema::{Field, Schema, Shape, Tracer, Type},
};

/// The version of this layout.
const LAYOUT: u16 = 2;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Preamble {
    layout: u16,
    /// The name of the model.
    pub(crate) model: String,
    /// The version of the state.
    pub(crate) version: u32,
    /// What the state looks like.
    pub(crate) state: Shape,
    /// The commands; a record names one by its place here.
    pub(crate) commands: Vec<Command>,
    /// What the events look like.
    pub(crate) events: Shape,
    /// The named types in all of them.
    pub(crate) schema: Schema,
    /// A digest of what the code takes for what it finds missing or of an earlier version: defaults, upcasts, migrations. It
    /// tells code of the same types apart that may not carry the same journals over.
    pub(crate) carries: u64,
}

/// A command, as its writer knew it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Command {
    pub(crate) name: String,
    /// Names that it had before.
    pub(crate) was: Vec<String>,
    pub(crate) version: u32,
    /// The command and its version whose records it replays.
    pub(crate) replays: Option<(String, u32)>,
    pub(crate) arguments: Vec<Field>,
    /// What an accepted call gives.
    pub(crate) accepted: Shape,
    /// What a rejected call gives, if it can reject.
    pub(crate) rejected: Option<Shape>,
}

impl Preamble {
    /// What today's code says.
    pub(crate) fn of<M: Model>() -> Self {
        let mut tracer = Tracer::default();
        let state = tracer.shape_of::<M>();
        let commands = M::Command::list().iter().map(|listed| Command::of(listed, &mut tracer)).collect();
        let events = M::Event::shape(&mut tracer);
        Preamble {
            layout: LAYOUT,
            model: M::NAME.to_owned(),
            version: M::VERSION,
            state,
            commands,
            events,
            schema: tracer.into_schema(),
            carries: 0,
        }
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        codec::put(self, &mut bytes).expect("names and numbers can be written");
        bytes
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Unreadable> {
        let layout = whole(&bytes[..bytes.len().min(1)], codec::get::<u16>)?;
        match layout {
            LAYOUT => whole(bytes, codec::get),
            0..LAYOUT => Err(Unreadable::new(
                "a version of memstate before its first release wrote it, in a format that is not read any more",
            )),
            _ => Err(Unreadable::new("a newer version of memstate wrote it; use that one")),
        }
    }

    /// That of a model without commands.
    #[cfg(test)]
    pub(crate) fn for_test() -> Self {
        Preamble {
            layout: LAYOUT,
            model: "Test".to_owned(),
            version: 1,
            state: Shape::Unit,
            commands: Vec::new(),
            events: Shape::Unit,
            schema: Schema::default(),
            carries: 0,
        }
    }

    /// The type of the state.
    pub(crate) fn state(&self) -> Type<'_> {
        self.schema.of(&self.state)
    }

    /// The command with this number.
    pub(crate) fn command(&self, method: u16) -> Option<&Command> {
        self.commands.get(usize::from(method))
    }

    /// The name of the command with this number.
    pub(crate) fn name(&self, method: u16) -> &str {
        match method {
            ATOMICALLY => ATOMICALLY_NAME,
            method => self.command(method).map_or("?", |command| &command.name),
        }
    }
}

impl Command {
    pub(crate) fn of(listed: &Listed, tracer: &mut Tracer) -> Self {
        let method = listed.method;
        let strings = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let argument = |argument: &crate::model::Parameter| {
            let shape = (argument.shape)(tracer);
            let default = argument.default || matches!(shape, Shape::Option(_));
            Field {
                name: argument.name.to_owned(),
                aliases: strings(argument.was),
                shape,
                default: Some(default),
            }
        };
        let arguments = method.arguments.iter().map(argument).collect();
        let (accepted, rejected) = method.returns.map_or((Shape::Opaque, None), |returns| returns(tracer));
        Command {
            name: listed.name.clone(),
            was: listed.was.clone(),
            version: method.version,
            replays: listed.replays.clone(),
            arguments,
            accepted,
            rejected,
        }
    }
}
