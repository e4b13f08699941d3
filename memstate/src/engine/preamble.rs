//! What a writer says of itself in front of everything it writes: the model's name and the table of its commands.
//!
//! Records name a command by its place in this table, so the order of the methods in the source means nothing.

use serde::{Deserialize, Serialize};

use crate::{
    Model,
    codec::{self, Unreadable, whole},
    model::{Method, Operation},
};

/// The version of this layout.
const LAYOUT: u16 = 1;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Preamble {
    layout: u16,
    /// The name of the model.
    pub(crate) model: String,
    commands: Vec<Signature>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Signature {
    name: String,
    /// Names and types, as they stand in the source.
    arguments: Vec<(String, String)>,
}

impl Preamble {
    /// What today's code says.
    pub(crate) fn of<M: Model>() -> Self {
        let commands = M::Command::METHODS.iter().map(Signature::of).collect();
        Preamble { layout: LAYOUT, model: M::NAME.to_owned(), commands }
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
    pub(crate) fn resolve<M: Model>(&self) -> Table {
        let methods = M::Command::METHODS;
        Table(
            self.commands
                .iter()
                .map(|written| {
                    let Some(number) = methods.iter().position(|method| method.name == written.name) else {
                        return Err(format!("command `{written}` is in the journal and no longer in the code; put it back"));
                    };
                    let today = Signature::of(&methods[number]);
                    if today != *written {
                        return Err(format!(
                            "command `{written}` is in the journal and is now `{today}`; put its arguments back"
                        ));
                    }
                    Ok(u16::try_from(number).expect("a model has fewer methods"))
                })
                .collect(),
        )
    }

    /// The name of the writer's command with this number.
    pub(crate) fn name(&self, method: u16) -> &str {
        self.commands.get(usize::from(method)).map_or("?", |command| &command.name)
    }
}

impl Signature {
    fn of(method: &Method) -> Self {
        Signature {
            name: method.name.to_owned(),
            arguments: method
                .arguments
                .iter()
                .map(|argument| (argument.name.to_owned(), argument.type_name.to_owned()))
                .collect(),
        }
    }
}

impl std::fmt::Display for Signature {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let arguments: Vec<_> =
            self.arguments.iter().map(|(name, type_name)| format!("{name}: {type_name}")).collect();
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
