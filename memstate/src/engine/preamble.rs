//! What a writer says of itself in front of everything it writes: the model's name, the table of its commands, and what
//! all types in them, in the state and in the events look like.
//!
//! Records name a command by its place in the table, so the order of the methods in the source means nothing.
//!
//! It begins with its layout and the version of memstate that wrote it, and that is so in every layout: whoever is too old to
//! read the rest says who wrote it. The layout also stands for what is in the batches: whatever is new in a payload, a record, an
//! outcome or a digest is a new layout.

use serde::{Deserialize, Serialize};

use super::record::{ATOMICALLY, ATOMICALLY_NAME};
use crate::{
    Model, VERSION,
    codec::{self, Answer, Unreadable, get_varint, whole},
    journal::{newer, version_of},
    model::{Listed, Operation},
    schema::{Field, Schema, Shape, Tracer, Type},
};

/// The version of this layout. Those before it were never released.
const LAYOUT: u16 = 3;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Preamble {
    layout: u16,
    /// The version of memstate that wrote it.
    memstate: String,
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
            memstate: VERSION.to_owned(),
            model: M::NAME.to_owned(),
            version: M::VERSION,
            state,
            commands,
            events,
            schema: tracer.into_schema(),
            carries: 0,
        }
    }

    /// What it says of its queries, as if they were commands; there is no state and there are no events in it.
    #[cfg(feature = "remote")]
    pub(crate) fn of_queries<M: Model>() -> Self {
        let mut tracer = Tracer::default();
        let commands = M::Query::list().iter().map(|listed| Command::of(listed, &mut tracer)).collect();
        Preamble {
            layout: LAYOUT,
            memstate: VERSION.to_owned(),
            model: M::NAME.to_owned(),
            version: 1,
            state: Shape::Unit,
            commands,
            events: Shape::Unit,
            schema: tracer.into_schema(),
            carries: 0,
        }
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        codec::put(self, &mut bytes).expect("names and numbers can be written");
        bytes
    }

    /// The same bytes for the same code, whichever version of memstate it is built with.
    pub(crate) fn code(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let Preamble { layout: _, memstate: _, model, version, state, commands, events, schema, carries } =
            self;
        codec::put(&(model, version, state, commands, events, schema, carries), &mut bytes)
            .expect("names and numbers can be written");
        bytes
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Unreadable> {
        const FIRST: u64 = LAYOUT as u64;
        match get_varint(&mut &*bytes)? {
            FIRST => whole(bytes, codec::get),
            0..FIRST => Err(Unreadable::new(
                "a version of memstate before its first release wrote it, in a format that is not read any more",
            )),
            _ => Err(Unreadable::new(newer(version_of(bytes)))),
        }
    }

    /// That of a model without commands.
    #[cfg(test)]
    pub(crate) fn for_test() -> Self {
        Preamble {
            layout: LAYOUT,
            memstate: VERSION.to_owned(),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_begins_with_its_layout_and_the_version_of_memstate() {
        let bytes = Preamble::for_test().encode();
        let text = [&[3, VERSION.len() as u8], VERSION.as_bytes()].concat();
        assert_eq!(bytes[..text.len()], text);
        assert_eq!(version_of(&bytes), Some(VERSION));
        assert_eq!(Preamble::decode(&bytes), Ok(Preamble::for_test()));
    }

    #[test]
    fn of_a_later_layout_it_says_who_wrote_it_and_of_an_earlier_one_what_that_was() {
        let why = |bytes: &[u8]| Preamble::decode(bytes).unwrap_err().to_string();
        for layout in [&[4][..], &[127], &[0x80, 1], &[0xff, 0xff, 3], &[0xff, 0xff, 0xff, 0xff, 0x7f]] {
            let bytes = [layout, b"\x060.31.4what nobody here can read"].concat();
            let expected =
                format!("a newer version of memstate wrote it, 0.31.4, and this is {VERSION}; use that one");
            assert_eq!(why(&bytes), expected);
            assert!(why(layout).starts_with("a newer version of memstate wrote it, and this is"));
        }
        assert!(why(&[1, 0]).contains("before its first release"));
        assert!(why(&[2, 0]).contains("before its first release"));
        assert!(why(&[]).contains("cut short"));
    }
}
