//! What a writer says of itself in front of everything it writes: the model's name, the table of its commands, and what
//! all types in them and in the state look like.
//!
//! Records name a command by its place in the table, so the order of the methods in the source means nothing. Types must
//! look the same as today: the bytes alone would not show that they do not.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    Model,
    codec::{self, Unreadable, whole},
    model::{Method, Operation},
    schema::Shapes,
};

/// The version of this layout.
const LAYOUT: u16 = 1;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Preamble {
    layout: u16,
    /// The name of the model.
    pub(crate) model: String,
    commands: Vec<Signature>,
    /// What the state looks like.
    state: String,
    /// What the named types in the state and in arguments look like.
    types: BTreeMap<String, String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Signature {
    name: String,
    arguments: Vec<Argument>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Argument {
    name: String,
    /// The type as it stands in the source.
    type_name: String,
    /// What it looks like.
    shape: String,
}

impl Preamble {
    /// What today's code says.
    pub(crate) fn of<M: Model>() -> Self {
        let mut shapes = Shapes::default();
        let state = shapes.of::<M>();
        let commands = M::Command::METHODS.iter().map(|method| Signature::of(method, &mut shapes)).collect();
        Preamble { layout: LAYOUT, model: M::NAME.to_owned(), commands, state, types: shapes.into_types() }
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        codec::put(self, &mut bytes).expect("names and numbers can be written");
        bytes
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Unreadable> {
        match whole(&bytes[..bytes.len().min(1)], codec::get::<u16>) {
            Ok(LAYOUT) => whole(bytes, codec::get),
            _ => Err(Unreadable::new("a newer version of memstate wrote it")),
        }
    }

    /// For each command of the writer the number that it has today, or what is wrong with it.
    pub(crate) fn resolve(&self, today: &Preamble) -> Table {
        let number = |written: &Signature| {
            let Some(number) = today.commands.iter().position(|command| command.name == written.name) else {
                return Err(format!(
                    "command `{written}` is in the journal and no longer in the code; put it back"
                ));
            };
            let now = &today.commands[number];
            match now.takes_the_same(written) {
                true => Ok(u16::try_from(number).expect("a model has fewer methods")),
                false => Err(format!(
                    "command `{written}` is in the journal and is now `{now}`; put its arguments back"
                )),
            }
        };
        Table(self.commands.iter().map(number).collect())
    }

    /// The types of the writer's that look different today, a sentence each.
    pub(crate) fn changed_types(&self, today: &Preamble) -> Vec<String> {
        let mut changed: Vec<_> = self
            .types
            .iter()
            .filter_map(|(name, written)| match today.types.get(name) {
                Some(now) if now == written => None,
                Some(now) => Some(format!("type `{name}` was `{written}` and is now `{now}`; put it back")),
                // A type that has gone shows where it was: in another type, or in an argument.
                None => None,
            })
            .collect();
        if changed.is_empty() && self.state != today.state {
            changed.push(format!("the state was `{}` and is now `{}`; put it back", self.state, today.state));
        }
        changed
    }

    /// The name of the writer's command with this number.
    pub(crate) fn name(&self, method: u16) -> &str {
        self.commands.get(usize::from(method)).map_or("?", |command| &command.name)
    }
}

impl Signature {
    fn of(method: &Method, shapes: &mut Shapes) -> Self {
        let argument = |argument: &crate::model::Parameter| Argument {
            name: argument.name.to_owned(),
            type_name: argument.type_name.to_owned(),
            shape: (argument.shape)(shapes),
        };
        Signature { name: method.name.to_owned(), arguments: method.arguments.iter().map(argument).collect() }
    }

    /// Whether the arguments are the same; how their types are spelled means nothing.
    fn takes_the_same(&self, other: &Signature) -> bool {
        self.arguments.len() == other.arguments.len()
            && self
                .arguments
                .iter()
                .zip(&other.arguments)
                .all(|(a, b)| a.name == b.name && a.shape == b.shape)
    }
}

impl std::fmt::Display for Signature {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let arguments: Vec<_> = self
            .arguments
            .iter()
            .map(|Argument { name, type_name, .. }| format!("{name}: {type_name}"))
            .collect();
        write!(f, "{}({})", self.name, arguments.join(", "))
    }
}

/// From a writer's numbers of commands to today's.
#[derive(Debug, Clone)]
pub(crate) struct Table(Vec<Result<u16, String>>);

impl Table {
    /// Today's number of the writer's command; `None` if today's code cannot run it.
    pub(crate) fn today(&self, method: u16) -> Option<u16> {
        self.0.get(usize::from(method)).and_then(|number| number.as_ref().ok().copied())
    }

    /// What is wrong, a sentence each.
    pub(crate) fn problems(&self) -> Vec<String> {
        self.0.iter().filter_map(|number| number.as_ref().err().cloned()).collect()
    }
}
