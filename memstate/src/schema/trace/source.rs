//! [`Place`]: the source that notes what is asked for.

use super::{
    graph::{Body, Form, Key, Kind, NodeId},
    parts::{Entries, Parts},
    samples::{self, Of},
    walk::{Outer, Walk},
};
use crate::schema::{
    erased::{Given, Leaf, Name, Scalar, Source, Visit, Wanted},
    trouble::Result,
};

/// A place as `Deserialize` meets it: it notes what is asked for, and answers with samples, as postcard would.
pub(super) struct Place<'a> {
    walk: &'a mut Walk,
    node: NodeId,
    /// Whether somebody else says when what is made of this is accepted.
    watched: bool,
    /// While a sample is being taken.
    outer: Option<Outer>,
}

impl<'de> Source<'de> for Place<'_> {
    fn leaf(&mut self, leaf: Leaf) -> Result<Scalar<'de>> {
        let outer = self.walk.enter(self.node)?;
        match self.walk.ask_leaf(self.node, leaf) {
            Ok(index) => {
                self.outer = Some(outer);
                Ok(sample(leaf, index))
            }
            Err(error) => {
                self.walk.leave(self.node, outer, false);
                Err(error)
            }
        }
    }

    fn leave(&mut self, made: bool) {
        let Some(outer) = self.outer.take() else { return };
        self.walk.leave(self.node, outer, made);
        self.walk.graph.nodes[self.node].accepted |= made && !self.watched;
    }

    fn compound(&mut self, wanted: Wanted, visitor: &'static str, visit: Visit<'_, 'de>) -> Result<()> {
        let node = self.node;
        match wanted {
            Wanted::Option => self.option(visit),
            Wanted::List => self.list(visit),
            Wanted::Map => self.map(visit),
            Wanted::Tuple(length) => self.walk.at(node, |walk| walk.tuple(node, length, visit)),
            Wanted::UnitStruct(name) => {
                self.structure(Key { name, visitor, form: Form::Unit }, |walk, node| {
                    walk.ask_leaf(node, Leaf::Unit)?;
                    visit(Given::Nothing)
                })
            }
            Wanted::Newtype(name) => {
                self.structure(Key { name, visitor, form: Form::Newtype }, |walk, node| {
                    let inner = walk.ask_newtype(node)?;
                    visit(Given::Inner(&mut Place::new(walk, inner, false)))
                })
            }
            Wanted::TupleStruct(name, length) => {
                let key = Key { name, visitor, form: Form::Tuple(length) };
                self.structure(key, |walk, node| walk.tuple(node, length, visit))
            }
            Wanted::Struct(name, fields) => {
                let key = Key { name, visitor, form: Form::Fields(fields) };
                self.structure(key, |walk, node| walk.record(node, fields, visit))
            }
            Wanted::Enum(name, variants) => {
                let key = Key { name, visitor, form: Form::Enum(variants) };
                let make = |walk: &mut Walk| {
                    walk.named(node, key, |walk, entry| walk.enumeration(node, entry, visit))
                };
                self.walk.at(node, make)?;
                self.walk.graph.nodes[node].accepted |= !self.watched;
                Ok(())
            }
        }
    }

    fn name(&mut self) -> Result<Name<'_>> {
        self.walk.graph.make_opaque(self.node);
        self.walk.learned()
    }

    fn ignore(&mut self) -> Result<()> {
        if self.walk.graph.nodes[self.node].kind != Kind::Unknown {
            return Ok(());
        }
        self.walk.graph.make_opaque(self.node);
        self.walk.learned()
    }
}

/// The sample with this index; those of a type fit into it.
fn sample<'de>(leaf: Leaf, index: usize) -> Scalar<'de> {
    match leaf {
        Leaf::Unit => Scalar::Unit,
        Leaf::Bool => Scalar::Bool(index == 1),
        Leaf::Signed(bits) => Scalar::Signed(samples::whole(Of::Signed(bits), index)),
        Leaf::Unsigned(bits) => {
            Scalar::Unsigned(u128::try_from(samples::whole(Of::Unsigned(bits), index)).unwrap_or(1))
        }
        Leaf::F32 => Scalar::F32(samples::real(index) as f32),
        Leaf::F64 => Scalar::F64(samples::real(index)),
        Leaf::Char => Scalar::Char(samples::character(index)),
        Leaf::Text => Scalar::Text(samples::text(index)),
        Leaf::Bytes => Scalar::Bytes(samples::bytes(index)),
    }
}

impl<'a> Place<'a> {
    pub(super) fn new(walk: &'a mut Walk, node: NodeId, watched: bool) -> Self {
        Place { walk, node, watched, outer: None }
    }

    fn option(&mut self, visit: Visit<'_, '_>) -> Result<()> {
        let node = self.node;
        self.walk.at(node, |walk| {
            let is_option = |known: &Kind| matches!(known, Kind::Option(_));
            let kind = walk.ask(node, is_option, |graph| Kind::Option(graph.inside(node)))?;
            let Kind::Option(inner) = kind else { return walk.hopeless(node) };
            let otherwise = walk.variation().is_some_and(|variation| variation % 2 == 1);
            match walk.looks_into(inner) || otherwise && walk.can_make(inner) {
                true => visit(Given::Inner(&mut Place::new(walk, inner, false))),
                false => visit(Given::Nothing),
            }
        })
    }

    fn list(&mut self, visit: Visit<'_, '_>) -> Result<()> {
        let node = self.node;
        self.walk.at(node, |walk| {
            let is_list = |known: &Kind| matches!(known, Kind::List(_));
            let kind = walk.ask(node, is_list, |graph| Kind::List(graph.inside(node)))?;
            let Kind::List(inner) = kind else { return walk.hopeless(node) };
            let count = walk.elements(inner);
            visit(Given::Elements(&mut Parts::new(walk, vec![inner; count])))
        })
    }

    fn map(&mut self, visit: Visit<'_, '_>) -> Result<()> {
        let node = self.node;
        self.walk.at(node, |walk| {
            let is_map = |known: &Kind| matches!(known, Kind::Map(..));
            let kind = walk.ask(node, is_map, |graph| Kind::Map(graph.inside(node), graph.inside(node)))?;
            let Kind::Map(key, value) = kind else { return walk.hopeless(node) };
            let count = match walk.elements(key) {
                0 if walk.can_make(key) => walk.elements(value),
                _ if !walk.can_make(value) && !walk.looks_into(key) && !walk.looks_into(value) => 0,
                count => count,
            };
            visit(Given::Entries(&mut Entries::new(walk, key, value, count)))
        })
    }

    /// A named struct; `make` is told the place of what it holds.
    fn structure(&mut self, key: Key, make: impl FnOnce(&mut Walk, NodeId) -> Result<()>) -> Result<()> {
        let node = self.node;
        self.walk.at(node, |walk| {
            walk.named(node, key, |walk, entry| match walk.graph.entries[entry].body {
                Body::Struct(content) => walk.at(content, |walk| make(walk, content)),
                Body::Enum(_) => walk.hopeless(node),
            })
        })
    }
}
