//! What is known of the types so far: a graph of places, in which named types stand once.

use std::collections::{HashMap, HashSet};

use super::samples::Of;
use crate::schema::erased::Leaf;

/// A place where a value is asked for.
pub(super) type NodeId = usize;
/// A named type.
pub(super) type EntryId = usize;
/// The fields of a struct or of a variant.
pub(super) type RecordId = usize;

/// More than any value costs: it cannot be made.
pub(super) const NEVER: u64 = u64::MAX;

/// How many types of one key may stand inside each other when each place has its own.
const NESTED_MAX: usize = 3;

/// A place where a value is asked for.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) kind: Kind,
    /// The named type that it stands in.
    owner: Option<EntryId>,
    /// Which samples it is given; counted up when it refuses.
    pub(super) variation: usize,
    /// How many parts were given other samples, where what was made of them was refused.
    pub(super) parts: usize,
    /// Whether what was made here was once accepted.
    pub(super) accepted: bool,
    /// Whether all samples were refused.
    pub(super) refused: bool,
    /// Whether nothing more is to be learned here.
    pub(super) closed: bool,
    /// How often its `Deserialize` has panicked.
    pub(super) panics: usize,
    /// How much of a value it takes.
    pub(super) cost: u64,
    /// How far it is to something unknown.
    pub(super) distance: u64,
}

/// What is asked for.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    Unknown,
    Opaque,
    Leaf(Leaf),
    Option(NodeId),
    List(NodeId),
    Tuple(Vec<NodeId>),
    Map(NodeId, NodeId),
    Newtype(NodeId),
    Record(RecordId),
    Named(EntryId),
}

impl Leaf {
    /// What its samples are.
    pub(super) fn samples(self) -> Of {
        match self {
            Leaf::Unit => Of::One,
            Leaf::Bool => Of::Bool,
            Leaf::Signed(bits) => Of::Signed(bits),
            Leaf::Unsigned(bits) => Of::Unsigned(bits),
            Leaf::F32 | Leaf::F64 => Of::Real,
            Leaf::Char => Of::Char,
            Leaf::Text => Of::Text,
            Leaf::Bytes => Of::Bytes,
        }
    }
}

/// What tells named types apart: the visitor's type has the type's module and parameters in its name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) name: &'static str,
    pub(super) visitor: &'static str,
    pub(super) form: Form,
}

/// How a named type is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Form {
    Unit,
    Newtype,
    Tuple(usize),
    Fields(&'static [&'static str]),
    Enum(&'static [&'static str]),
}

/// A named type.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) key: Key,
    pub(super) body: Body,
    /// Its number in the schema, once it stands there.
    pub(super) number: Option<u32>,
}

/// What a named type is.
#[derive(Debug)]
pub(super) enum Body {
    Struct(NodeId),
    Enum(Enum),
}

/// What a name is answered with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Probe {
    Untried,
    /// It was accepted; names with equal keys mean the same.
    Key(u64),
    Refused,
}

/// The variants of an enum.
#[derive(Debug)]
pub(super) struct Enum {
    pub(super) names: &'static [&'static str],
    pub(super) probes: Vec<Probe>,
    /// What the variants hold, by their numbers, with the keys that the numbers were answered with.
    pub(super) variants: Vec<(NodeId, Option<u64>)>,
    /// Whether all variants are known.
    pub(super) counted: bool,
    /// Whether variants are only accepted by name.
    pub(super) by_name: bool,
}

/// The fields of a struct or of a variant.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) names: &'static [&'static str],
    pub(super) probes: Vec<Probe>,
    /// Their places, in the order in which they are asked for one after another.
    pub(super) fields: Vec<NodeId>,
    /// How many there are, once it was seen.
    pub(super) count: Option<usize>,
    /// Whether it takes fields one after another.
    pub(super) in_order: bool,
    /// Whether it takes fields by name.
    pub(super) by_name: bool,
    /// Whether each field may be missing: `None` until it was tried.
    pub(super) defaults: Vec<Option<Option<bool>>>,
    /// What serde calls a field first.
    pub(super) primary: Vec<Option<&'static str>>,
    /// Whether the first name of a field with several was looked for.
    pub(super) asked_primary: Vec<bool>,
}

/// What is known of the types so far.
#[derive(Debug, Default)]
pub(super) struct Graph {
    pub(super) nodes: Vec<Node>,
    pub(super) entries: Vec<Entry>,
    pub(super) records: Vec<Record>,
    /// Whether what is complete has to be planned anew too.
    pub(super) stale: bool,
    /// By their keys, and where types of one key are not one, by their places.
    by_key: HashMap<(Key, Option<NodeId>), EntryId>,
    /// Keys that several types have.
    ambiguous: HashSet<Key>,
}

impl Graph {
    /// A place of which nothing is known.
    pub(super) fn place(&mut self, owner: Option<EntryId>) -> NodeId {
        self.nodes.push(Node {
            kind: Kind::Unknown,
            owner,
            variation: 0,
            parts: 0,
            accepted: false,
            refused: false,
            closed: false,
            panics: 0,
            cost: 1,
            distance: 0,
        });
        self.nodes.len() - 1
    }

    /// A place inside of another.
    pub(super) fn inside(&mut self, node: NodeId) -> NodeId {
        let owner = self.nodes[node].owner;
        self.place(owner)
    }

    /// `count` places inside of another.
    pub(super) fn several_inside(&mut self, node: NodeId, count: usize) -> Vec<NodeId> {
        (0..count).map(|_| self.inside(node)).collect()
    }

    /// Something else is asked for at `node` than before.
    ///
    /// Two types have one key then, and have an entry for each place from now on; or the type asks for what the values
    /// say, and has no shape.
    pub(super) fn conflict(&mut self, node: NodeId) {
        self.stale = true;
        let owner = self.nodes[node].owner.map(|owner| self.entries[owner].key.clone());
        match owner {
            Some(key) if self.ambiguous.insert(key.clone()) => {
                self.by_key.remove(&(key, None));
            }
            _ => self.make_opaque(node),
        }
    }

    pub(super) fn make_opaque(&mut self, node: NodeId) {
        self.stale = true;
        let node = &mut self.nodes[node];
        (node.kind, node.refused) = (Kind::Opaque, true);
    }

    /// The named type with this key at this place; `inside` are the types that it stands in.
    pub(super) fn entry(&mut self, node: NodeId, key: Key, inside: &[EntryId]) -> Option<EntryId> {
        let ambiguous = self.ambiguous.contains(&key);
        let place = ambiguous.then_some(node);
        if let Some(&known) = self.by_key.get(&(key.clone(), place)) {
            return Some(known);
        }
        let nested = inside.iter().filter(|entry| self.entries[**entry].key == key).count();
        if ambiguous && nested > NESTED_MAX {
            return None;
        }
        let number = self.entries.len();
        let content = self.place(Some(number));
        let body = match &key.form {
            Form::Enum(names) => Body::Enum(Enum::new(names)),
            Form::Unit | Form::Newtype | Form::Tuple(_) | Form::Fields(_) => Body::Struct(content),
        };
        self.entries.push(Entry { key: key.clone(), body, number: None });
        self.by_key.insert((key, place), number);
        Some(number)
    }

    /// Whether `entry` is of a key that several types have.
    pub(super) fn same_key(&self, entry: EntryId, key: &Key) -> bool {
        self.entries[entry].key == *key
    }

    /// The fields of a struct or of a variant.
    pub(super) fn record(&mut self, names: &'static [&'static str]) -> RecordId {
        self.records.push(Record {
            names,
            probes: vec![Probe::Untried; names.len()],
            fields: Vec::new(),
            count: None,
            in_order: true,
            by_name: true,
            defaults: Vec::new(),
            primary: Vec::new(),
            asked_primary: Vec::new(),
        });
        self.records.len() - 1
    }
}

impl Enum {
    fn new(names: &'static [&'static str]) -> Self {
        Enum {
            names,
            probes: vec![Probe::Untried; names.len()],
            variants: Vec::new(),
            counted: names.is_empty(),
            by_name: false,
        }
    }

    /// The name that is to be tried next: none where each number is a variant of its own, and so has one name.
    pub(super) fn untried(&self) -> Option<usize> {
        if !self.counted || self.variants.len() == self.names.len() && self.is_distinct() {
            return None;
        }
        self.probes.iter().position(|probe| *probe == Probe::Untried)
    }

    fn is_distinct(&self) -> bool {
        let keys: HashSet<_> = self.variants.iter().map(|(_, key)| key).collect();
        keys.len() == self.variants.len()
    }

    /// Leaves out numbers that mean a variant which has a number already, as serde's `other` does.
    pub(super) fn leave_out_repeated(&mut self) {
        if self.probes.iter().any(|probe| matches!(probe, Probe::Key(_))) {
            let mut seen = HashSet::new();
            self.variants.retain(|(_, key)| seen.insert(*key));
        }
    }

    /// Whether something is to be found out about the enum itself.
    pub(super) fn has_tasks(&self) -> bool {
        !self.counted || self.untried().is_some()
    }

    /// The names of each variant, by their numbers.
    pub(super) fn names_of_variants(&self) -> Vec<Vec<&'static str>> {
        let count = self.variants.len();
        let names = grouped(self.names, &self.probes);
        if names.len() == count {
            return names;
        }
        (0..count).map(|number| self.names.get(number).copied().into_iter().collect()).collect()
    }
}

impl Record {
    /// The name that is to be tried next: none where there are as many fields as names.
    pub(super) fn untried(&self) -> Option<usize> {
        if !self.by_name || self.count == Some(self.names.len()) {
            return None;
        }
        self.probes.iter().position(|probe| *probe == Probe::Untried)
    }

    /// There are at least `count` fields.
    pub(super) fn widen(&mut self, count: usize) {
        let count = count.max(self.defaults.len());
        self.defaults.resize(count, None);
        self.primary.resize(count, None);
        self.asked_primary.resize(count, false);
    }

    /// The names of each field.
    pub(super) fn groups(&self) -> Vec<Vec<&'static str>> {
        let singles = || self.names.iter().map(|name| vec![*name]).collect::<Vec<_>>();
        let groups = grouped(self.names, &self.probes);
        match self.count {
            Some(count) if groups.len() == count => groups,
            Some(count) => singles().into_iter().take(count).collect(),
            None if groups.len() == 1 => singles(),
            None => groups,
        }
    }

    /// Whether all names are known, so that fields can be asked for by name.
    pub(super) fn is_named(&self) -> bool {
        self.by_name
            && self.untried().is_none()
            && !self.probes.contains(&Probe::Refused)
            && self.groups().len() == self.fields.len()
    }

    /// Whether an answer to a question by name was understood.
    pub(super) fn is_read_by_name(&self) -> bool {
        self.defaults.iter().any(|default| matches!(default, Some(Some(_))))
    }

    /// How many fields have names and no places yet, where they were not all gone through one after another.
    pub(super) fn without_places(&self) -> usize {
        let named = self.by_name && self.count.is_none() && self.untried().is_none();
        if named && !self.probes.contains(&Probe::Refused) {
            self.groups().len().saturating_sub(self.fields.len())
        } else {
            0
        }
    }

    /// A field whose default is to be tried next.
    pub(super) fn untried_default(&self) -> Option<usize> {
        self.defaults.iter().position(Option::is_none).filter(|_| self.is_named())
    }

    /// A field with several names whose first name is to be looked for next.
    pub(super) fn untried_primary(&self) -> Option<usize> {
        if !self.is_named() {
            return None;
        }
        let groups = self.groups();
        (0..groups.len()).find(|field| {
            groups[*field].len() > 1 && self.primary[*field].is_none() && !self.asked_primary[*field]
        })
    }
}

/// The names with equal keys together, in the order of first appearance.
fn grouped(names: &[&'static str], probes: &[Probe]) -> Vec<Vec<&'static str>> {
    let mut groups: Vec<(u64, Vec<&'static str>)> = Vec::new();
    for (name, probe) in names.iter().zip(probes) {
        let Probe::Key(key) = probe else {
            return names.iter().map(|name| vec![*name]).collect();
        };
        match groups.iter_mut().find(|(known, _)| known == key) {
            Some((_, group)) => group.push(name),
            None => groups.push((*key, vec![name])),
        }
    }
    groups.into_iter().map(|(_, group)| group).collect()
}
