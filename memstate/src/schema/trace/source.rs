//! [`Source`]: the deserializer that notes what is asked for.

use std::any::type_name;

use serde::{Deserializer, de::Visitor};

use super::{
    graph::{Body, Form, Key, Kind, Leaf, NodeId},
    parts::{Entries, Parts},
    refusal::Refusal,
    samples::{self, Of},
    walk::Walk,
};

/// A place as `Deserialize` meets it: it notes what is asked for, and answers with samples, as postcard would.
pub(super) struct Source<'a> {
    walk: &'a mut Walk,
    node: NodeId,
    /// Whether somebody else says when what is made of this is accepted.
    watched: bool,
}

/// Simple values, each with the sample that is given for it.
macro_rules! simple {
    ($($method:ident $leaf:expr, $visit:ident $sample:expr;)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
            self.leaf($leaf, |index| visitor.$visit($sample(index)))
        }
    )*};
}

/// The whole number with this index; the samples of a type fit into it.
fn whole<N: TryFrom<i128>>(of: Of, index: usize, one: N) -> N {
    N::try_from(samples::whole(of, index)).unwrap_or(one)
}

impl<'de> Deserializer<'de> for Source<'_> {
    type Error = Refusal;

    simple! {
        deserialize_bool Leaf::Bool, visit_bool |index| index == 1;
        deserialize_i8 Leaf::Signed(8), visit_i8 |index| whole(Of::Signed(8), index, 1);
        deserialize_i16 Leaf::Signed(16), visit_i16 |index| whole(Of::Signed(16), index, 1);
        deserialize_i32 Leaf::Signed(32), visit_i32 |index| whole(Of::Signed(32), index, 1);
        deserialize_i64 Leaf::Signed(64), visit_i64 |index| whole(Of::Signed(64), index, 1);
        deserialize_i128 Leaf::Signed(128), visit_i128 |index| whole(Of::Signed(128), index, 1);
        deserialize_u8 Leaf::Unsigned(8), visit_u8 |index| whole(Of::Unsigned(8), index, 1);
        deserialize_u16 Leaf::Unsigned(16), visit_u16 |index| whole(Of::Unsigned(16), index, 1);
        deserialize_u32 Leaf::Unsigned(32), visit_u32 |index| whole(Of::Unsigned(32), index, 1);
        deserialize_u64 Leaf::Unsigned(64), visit_u64 |index| whole(Of::Unsigned(64), index, 1);
        deserialize_u128 Leaf::Unsigned(128), visit_u128 |index| whole(Of::Unsigned(128), index, 1);
        deserialize_f32 Leaf::F32, visit_f32 |index| samples::real(index) as f32;
        deserialize_f64 Leaf::F64, visit_f64 samples::real;
        deserialize_char Leaf::Char, visit_char samples::character;
        deserialize_str Leaf::Text, visit_borrowed_str samples::text;
        deserialize_string Leaf::Text, visit_borrowed_str samples::text;
        deserialize_bytes Leaf::Bytes, visit_borrowed_bytes samples::bytes;
        deserialize_byte_buf Leaf::Bytes, visit_borrowed_bytes samples::bytes;
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        self.leaf(Leaf::Unit, |_| visitor.visit_unit())
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        let node = self.node;
        self.walk.at(node, |walk| {
            let is_option = |known: &Kind| matches!(known, Kind::Option(_));
            let kind = walk.ask(node, is_option, |graph| Kind::Option(graph.inside(node)))?;
            let Kind::Option(inner) = kind else { return walk.hopeless(node) };
            let otherwise = walk.variation().is_some_and(|variation| variation % 2 == 1);
            if walk.looks_into(inner) || otherwise && walk.can_make(inner) {
                visitor.visit_some(Source::new(walk, inner, false))
            } else {
                visitor.visit_none()
            }
        })
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Refusal> {
        self.structure::<V, _>(name, Form::Unit, |walk, node| {
            walk.ask_leaf(node, Leaf::Unit)?;
            visitor.visit_unit()
        })
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Refusal> {
        self.structure::<V, _>(name, Form::Newtype, |walk, node| {
            let inner = walk.ask_newtype(node)?;
            visitor.visit_newtype_struct(Source::new(walk, inner, false))
        })
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        let node = self.node;
        self.walk.at(node, |walk| {
            let is_list = |known: &Kind| matches!(known, Kind::List(_));
            let kind = walk.ask(node, is_list, |graph| Kind::List(graph.inside(node)))?;
            let Kind::List(inner) = kind else { return walk.hopeless(node) };
            let count = walk.elements(inner);
            visitor.visit_seq(Parts::new(walk, vec![inner; count]))
        })
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, Refusal> {
        let node = self.node;
        self.walk.at(node, |walk| walk.tuple(node, length, visitor))
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, Refusal> {
        self.structure::<V, _>(name, Form::Tuple(length), |walk, node| walk.tuple(node, length, visitor))
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
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
            visitor.visit_map(Entries::new(walk, key, value, count))
        })
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refusal> {
        self.structure::<V, _>(name, Form::Fields(fields), |walk, node| walk.record(node, fields, visitor))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refusal> {
        let (node, watched) = (self.node, self.watched);
        let key = Key { name, visitor: type_name::<V>(), form: Form::Enum(variants) };
        let made = self
            .walk
            .at(node, |walk| walk.named(node, key, |walk, entry| walk.enumeration(node, entry, visitor)))?;
        self.walk.graph.nodes[node].accepted |= !watched;
        Ok(made)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        self.deserialize_any(visitor)
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Refusal> {
        self.walk.graph.make_opaque(self.node);
        self.walk.learned()
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        if self.walk.graph.nodes[self.node].kind != Kind::Unknown {
            return visitor.visit_unit();
        }
        self.deserialize_any(visitor)
    }

    fn is_human_readable(&self) -> bool {
        // As postcard is.
        false
    }
}

impl<'a> Source<'a> {
    pub(super) fn new(walk: &'a mut Walk, node: NodeId, watched: bool) -> Self {
        Source { walk, node, watched }
    }

    /// A simple value, of the sample with the index that `make` is told.
    fn leaf<T>(self, leaf: Leaf, make: impl FnOnce(usize) -> Result<T, Refusal>) -> Result<T, Refusal> {
        let node = self.node;
        let made = self.walk.at(node, |walk| make(walk.ask_leaf(node, leaf)?))?;
        self.walk.graph.nodes[node].accepted |= !self.watched;
        Ok(made)
    }

    /// A named struct; `make` is told the place of what it holds.
    fn structure<V, T>(
        self,
        name: &'static str,
        form: Form,
        make: impl FnOnce(&mut Walk, NodeId) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        let node = self.node;
        let key = Key { name, visitor: type_name::<V>(), form };
        self.walk.at(node, |walk| {
            walk.named(node, key, |walk, entry| match walk.graph.entries[entry].body {
                Body::Struct(content) => walk.at(content, |walk| make(walk, content)),
                Body::Enum(_) => walk.hopeless(node),
            })
        })
    }
}
