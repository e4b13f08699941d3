//! Parts without names: of tuples, lists and maps.

use super::{
    graph::{Kind, NEVER, NodeId},
    walk::Walk,
};
use crate::schema::{
    erased::{self, Elements, Given, KeySeed, Seed, Visit},
    trouble::Result,
};

impl Walk {
    /// Whether a value of this place can be made.
    pub(super) fn can_make(&self, node: NodeId) -> bool {
        self.graph.nodes[node].cost != NEVER
    }

    /// One value is asked for; its place.
    pub(super) fn ask_newtype(&mut self, node: NodeId) -> Result<NodeId> {
        let is_newtype = |known: &Kind| matches!(known, Kind::Newtype(_));
        match self.ask(node, is_newtype, |graph| Kind::Newtype(graph.inside(node)))? {
            Kind::Newtype(inner) => Ok(inner),
            _ => self.hopeless(node),
        }
    }

    /// A fixed number of values is asked for.
    pub(super) fn tuple(&mut self, node: NodeId, length: usize, visit: Visit<'_, '_>) -> Result<()> {
        let is_tuple = |known: &Kind| matches!(known, Kind::Tuple(parts) if parts.len() == length);
        let kind = self.ask(node, is_tuple, |graph| Kind::Tuple(graph.several_inside(node, length)))?;
        let Kind::Tuple(parts) = kind else { return self.hopeless(node) };
        visit(Given::Elements(&mut Parts::new(self, parts)))
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

impl<'de> Elements<'de> for Parts<'_> {
    fn next(&mut self, seed: Seed<'_, 'de>) -> Result<()> {
        self.parts.next().map_or(Ok(()), |part| self.walk.part(part, seed))
    }

    fn left(&self) -> Option<usize> {
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

impl<'de> erased::Entries<'de> for Entries<'_> {
    fn key(&mut self, seed: KeySeed<'_, 'de>) -> Result<()> {
        if self.left == 0 {
            return Ok(());
        }
        self.left -= 1;
        self.walk.part(self.key, |key| seed(key).map(|_| ()))
    }

    fn value(&mut self, seed: Seed<'_, 'de>) -> Result<()> {
        self.walk.part(self.value, seed)
    }

    fn left(&self) -> Option<usize> {
        Some(self.left)
    }
}
