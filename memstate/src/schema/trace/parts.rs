//! Parts without names: of tuples, lists and maps.

use serde::de::{DeserializeSeed, MapAccess, SeqAccess, Visitor};

use super::{
    graph::{Kind, NEVER, NodeId},
    refusal::Refusal,
    walk::Walk,
};

impl Walk {
    /// Whether a value of this place can be made.
    pub(super) fn can_make(&self, node: NodeId) -> bool {
        self.graph.nodes[node].cost != NEVER
    }

    /// One value is asked for; its place.
    pub(super) fn ask_newtype(&mut self, node: NodeId) -> Result<NodeId, Refusal> {
        let is_newtype = |known: &Kind| matches!(known, Kind::Newtype(_));
        match self.ask(node, is_newtype, |graph| Kind::Newtype(graph.inside(node)))? {
            Kind::Newtype(inner) => Ok(inner),
            _ => self.hopeless(node),
        }
    }

    /// A fixed number of values is asked for.
    pub(super) fn tuple<'de, V: Visitor<'de>>(
        &mut self,
        node: NodeId,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, Refusal> {
        let is_tuple = |known: &Kind| matches!(known, Kind::Tuple(parts) if parts.len() == length);
        let kind = self.ask(node, is_tuple, |graph| Kind::Tuple(graph.several_inside(node, length)))?;
        let Kind::Tuple(parts) = kind else { return self.hopeless(node) };
        visitor.visit_seq(Parts::new(self, parts))
    }
}

/// Values one after another.
pub(super) struct Parts<'a> {
    walk: &'a mut Walk,
    parts: std::vec::IntoIter<NodeId>,
}

impl<'a> Parts<'a> {
    pub(super) fn new(walk: &'a mut Walk, parts: Vec<NodeId>) -> Self {
        Parts { walk, parts: parts.into_iter() }
    }
}

impl<'de> SeqAccess<'de> for Parts<'_> {
    type Error = Refusal;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Refusal> {
        self.parts.next().map(|part| self.walk.part(part, seed)).transpose()
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.parts.len())
    }
}

/// Keys and values in turn.
pub(super) struct Entries<'a> {
    walk: &'a mut Walk,
    key: NodeId,
    value: NodeId,
    left: usize,
}

impl<'a> Entries<'a> {
    pub(super) fn new(walk: &'a mut Walk, key: NodeId, value: NodeId, count: usize) -> Self {
        Entries { walk, key, value, left: count }
    }
}

impl<'de> MapAccess<'de> for Entries<'_> {
    type Error = Refusal;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Refusal> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        self.walk.part(self.key, seed).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Refusal> {
        self.walk.part(self.value, seed)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.left)
    }
}
