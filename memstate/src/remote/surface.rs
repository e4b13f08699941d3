//! [`Surface`]: what a model's methods look like from outside, as one end of a connection tells the other.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{
    Model,
    codec::{self, Unreadable, whole},
    engine::{Preamble, Today},
    model::Operation,
    schema::{Shape, compare},
};

/// The commands and queries of a model, with the types of their arguments and replies, and of the events.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Surface {
    /// The state is left out: it is nobody's business outside.
    pub(crate) commands: Preamble,
    /// The queries, as if they were commands.
    pub(crate) queries: Preamble,
    pub(crate) bytes: Arc<[u8]>,
    pub(crate) digest: u128,
}

#[derive(Serialize, Deserialize)]
struct Parts {
    commands: Vec<u8>,
    queries: Vec<u8>,
}

impl Surface {
    pub(crate) fn of<M: Model>() -> Self {
        let (commands, queries) = (&Today::of::<M>().preamble, &Today::of_queries::<M>().preamble);
        let without_state = |preamble: &Preamble| {
            let mut preamble = preamble.clone();
            (preamble.state, preamble.carries) = (Shape::Unit, 0);
            preamble
        };
        Surface::new(without_state(commands), without_state(queries))
    }

    fn new(commands: Preamble, queries: Preamble) -> Self {
        let mut digested = commands.code();
        digested.extend(queries.code());
        let digest = blake3::hash(&digested);
        let half: [u8; 16] = digest.as_bytes()[..16].try_into().expect("a digest has 32 bytes");
        let parts = Parts { commands: commands.encode(), queries: queries.encode() };
        let mut bytes = Vec::new();
        codec::put(&parts, &mut bytes).expect("bytes can be written");
        Surface { commands, queries, bytes: bytes.into(), digest: u128::from_le_bytes(half) }
    }

    /// Reads what the other end sent.
    ///
    /// # Errors
    ///
    /// If the bytes are none, or a later version wrote them.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Unreadable> {
        let parts: Parts = whole(bytes, codec::get)?;
        Ok(Surface::new(Preamble::decode(&parts.commands)?, Preamble::decode(&parts.queries)?))
    }

    /// The longest name in it.
    #[cfg(feature = "server")]
    pub(crate) fn longest_name(&self) -> Option<&str> {
        let (commands, queries) = (longest_name(&self.commands), longest_name(&self.queries));
        commands.into_iter().chain(queries).max_by_key(|name| name.len())
    }

    pub(crate) fn methods(&self, kind: Kind) -> &Preamble {
        match kind {
            Kind::Command => &self.commands,
            Kind::Query => &self.queries,
        }
    }
}

#[cfg(feature = "server")]
fn longest_name(preamble: &Preamble) -> Option<&str> {
    let commands = preamble.commands.iter().flat_map(|command| {
        let arguments = command.arguments.iter().flat_map(names_of_field);
        let was = command.was.iter().map(String::as_str);
        std::iter::once(command.name.as_str()).chain(was).chain(arguments)
    });
    let types = preamble.schema.types.iter().flat_map(|named| {
        let variants = match &named.kind {
            crate::schema::Kind::Struct(_) => &[][..],
            crate::schema::Kind::Enum(variants) => variants,
        };
        let variants = variants.iter().flat_map(|variant| {
            std::iter::once(variant.name.as_str()).chain(variant.aliases.iter().map(String::as_str))
        });
        std::iter::once(named.name.as_str()).chain(variants)
    });
    let fields = preamble.schema.fields().flat_map(names_of_field);
    commands.chain(types).chain(fields).max_by_key(|name| name.len())
}

#[cfg(feature = "server")]
fn names_of_field(field: &crate::schema::Field) -> impl Iterator<Item = &str> {
    std::iter::once(field.name.as_str()).chain(field.aliases.iter().map(String::as_str))
}

/// Which of the two a method is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Command,
    Query,
}

/// The server's surface, for a client that has another one.
#[derive(Debug)]
pub(crate) struct Dialect {
    pub(crate) theirs: Surface,
    /// Their numbers of our methods.
    commands: Vec<Option<u16>>,
    queries: Vec<Option<u16>>,
    /// Whether what ours reply is what theirs do.
    same_commands: Vec<bool>,
    same_queries: Vec<bool>,
    pub(crate) same_events: bool,
}

impl Dialect {
    pub(crate) fn new(
        ours: &Surface,
        theirs: Surface,
        commands: Vec<Option<u16>>,
        queries: Vec<Option<u16>>,
    ) -> Self {
        let same = |kind: Kind, numbers: &[Option<u16>]| -> Vec<bool> {
            let (ours, theirs) = (ours.methods(kind), theirs.methods(kind));
            let is_same = |number: usize| {
                let (our, their) = (ours.commands.get(number)?, theirs.command((*numbers.get(number)?)?)?);
                let types = |a, b| compare::same(theirs.schema.of(a), ours.schema.of(b));
                let rejected = match (&their.rejected, &our.rejected) {
                    (Some(their), Some(our)) => types(their, our),
                    (None, None) => true,
                    _ => false,
                };
                Some(rejected && types(&their.accepted, &our.accepted))
            };
            (0..ours.commands.len()).map(|number| is_same(number) == Some(true)).collect()
        };
        let (same_commands, same_queries) = (same(Kind::Command, &commands), same(Kind::Query, &queries));
        let events = |surface: &Surface| surface.commands.events.clone();
        let same_events = compare::same(
            theirs.commands.schema.of(&events(&theirs)),
            ours.commands.schema.of(&events(ours)),
        );
        Dialect { theirs, commands, queries, same_commands, same_queries, same_events }
    }

    /// The types of what a method of ours is replied, accepted and rejected, if they are others than ours.
    pub(crate) fn written(&self, kind: Kind, method: u16) -> Option<(&Shape, Option<&Shape>)> {
        let (numbers, same) = match kind {
            Kind::Command => (&self.commands, &self.same_commands),
            Kind::Query => (&self.queries, &self.same_queries),
        };
        if same.get(usize::from(method)) == Some(&true) {
            return None;
        }
        let their = self.theirs.methods(kind).command((*numbers.get(usize::from(method))?)?)?;
        Some((&their.accepted, their.rejected.as_ref()))
    }
}

/// The names of a model's methods, by their numbers.
pub(crate) fn names<O: Operation>() -> Vec<&'static str> {
    (0..O::COUNT).map(crate::model::parts::name::<O>).collect()
}
