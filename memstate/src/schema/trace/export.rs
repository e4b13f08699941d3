//! From what is known of the types to a schema.

use crate::schema::{Content, Field, Kind as NamedKind, Named, Schema, Shape, Variant, erased::Leaf};

use super::graph::{Body, Entry, EntryId, Enum, Graph, Kind, NodeId, RecordId};

impl Graph {
    /// The shape of a place; the named types in it are added to `schema` in the order in which they are met from here.
    pub(super) fn shape(&mut self, node: NodeId, schema: &mut Schema) -> Shape {
        match self.nodes[node].kind.clone() {
            Kind::Unknown | Kind::Opaque | Kind::Record(_) => Shape::Opaque,
            Kind::Leaf(leaf) => leaf.shape(),
            Kind::Option(inner) => Shape::Option(Box::new(self.shape(inner, schema))),
            Kind::List(inner) => Shape::List(Box::new(self.shape(inner, schema))),
            Kind::Newtype(inner) => self.shape(inner, schema),
            Kind::Tuple(parts) => Shape::Tuple(self.shapes(parts, schema)),
            Kind::Map(key, value) => {
                Shape::Map(Box::new(self.shape(key, schema)), Box::new(self.shape(value, schema)))
            }
            Kind::Named(entry) => Shape::Named(self.number(entry, schema)),
        }
    }

    fn shapes(&mut self, parts: Vec<NodeId>, schema: &mut Schema) -> Vec<Shape> {
        parts.into_iter().map(|part| self.shape(part, schema)).collect()
    }

    /// The number of a named type in the schema.
    fn number(&mut self, entry: EntryId, schema: &mut Schema) -> u32 {
        if let Some(number) = self.entries[entry].number {
            return number;
        }
        let index = schema.types.len();
        let number = u32::try_from(index).unwrap_or(u32::MAX);
        self.entries[entry].number = Some(number);
        let name = self.entries[entry].key.name.to_owned();
        schema.types.push(Named { name, kind: NamedKind::Struct(Content::Unit) });
        let kind = self.kind(entry, schema);
        schema.types[index].kind = kind;
        number
    }

    fn kind(&mut self, entry: EntryId, schema: &mut Schema) -> NamedKind {
        let Entry { body, .. } = &self.entries[entry];
        match body {
            Body::Struct(content) => {
                let content = *content;
                NamedKind::Struct(self.content(content, schema))
            }
            Body::Enum(body) => {
                let (names, places) = (body.names_for_schema(), body.places());
                NamedKind::Enum(self.variants(names, places, schema))
            }
        }
    }

    fn variants(
        &mut self,
        names: Vec<Vec<&'static str>>,
        places: Vec<NodeId>,
        schema: &mut Schema,
    ) -> Vec<Variant> {
        let usual = style(&names);
        let mut places = places.into_iter();
        let variant = |names: Vec<&'static str>| {
            let content = match places.next() {
                Some(place) => self.content(place, schema),
                None => Content::Newtype(Shape::Opaque),
            };
            let (name, aliases) = first(&names, None, usual);
            Variant { name, aliases, content }
        };
        names.into_iter().map(variant).collect()
    }

    fn content(&mut self, node: NodeId, schema: &mut Schema) -> Content {
        match self.nodes[node].kind.clone() {
            Kind::Leaf(Leaf::Unit) => Content::Unit,
            Kind::Newtype(inner) => Content::Newtype(self.shape(inner, schema)),
            Kind::Tuple(parts) => Content::Tuple(self.shapes(parts, schema)),
            Kind::Record(record) => self.fields(record, schema),
            _ => Content::Newtype(Shape::Opaque),
        }
    }

    fn fields(&mut self, record: RecordId, schema: &mut Schema) -> Content {
        let groups = self.records[record].groups();
        let usual = style(&groups);
        let fields = groups.iter().enumerate().map(|(field, names)| {
            let known = &self.records[record];
            let (name, aliases) = first(names, known.primary.get(field).copied().flatten(), usual);
            let default = known.defaults.get(field).copied().flatten().flatten();
            let shape = match known.fields.get(field).copied() {
                Some(place) => self.shape(place, schema),
                None => Shape::Opaque,
            };
            Field { name, aliases, shape, default }
        });
        Content::Fields(fields.collect())
    }
}

impl Enum {
    /// The names of the variants that were met, and of those that were not.
    fn names_for_schema(&self) -> Vec<Vec<&'static str>> {
        let mut names = self.names_of_variants();
        if !self.counted {
            names.extend(self.names.iter().skip(names.len()).map(|name| vec![*name]));
        }
        for (number, names) in names.iter_mut().enumerate().filter(|(_, names)| names.is_empty()) {
            // Written by hand, with more variants than names.
            names.push(NUMBERS.get(number).copied().unwrap_or("?"));
        }
        names
    }

    fn places(&self) -> Vec<NodeId> {
        self.variants.iter().map(|(place, _)| *place).collect()
    }
}

/// Names for what has none.
const NUMBERS: &[&str] = &["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];

impl Leaf {
    fn shape(self) -> Shape {
        match self {
            Leaf::Unit => Shape::Unit,
            Leaf::Bool => Shape::Bool,
            Leaf::Signed(bits) => Shape::Signed(bits),
            Leaf::Unsigned(bits) => Shape::Unsigned(bits),
            Leaf::F32 => Shape::F32,
            Leaf::F64 => Shape::F64,
            Leaf::Char => Shape::Char,
            Leaf::Text => Shape::Text,
            Leaf::Bytes => Shape::Bytes,
        }
    }
}

/// How names are written: capitals first, with underscores, with dashes.
type Style = (bool, bool, bool);

fn style_of(name: &str) -> Style {
    (name.starts_with(|first: char| first.is_uppercase()), name.contains('_'), name.contains('-'))
}

/// How the first name that stands alone is written.
fn style(groups: &[Vec<&'static str>]) -> Option<Style> {
    groups.iter().find(|names| names.len() == 1).map(|names| style_of(names[0]))
}

/// The first of several names, and the others: what serde said, or the one that is written as the others are.
fn first(names: &[&'static str], known: Option<&'static str>, usual: Option<Style>) -> (String, Vec<String>) {
    let alike = || names.iter().copied().find(|name| Some(style_of(name)) == usual);
    let name = known.or_else(alike).or(names.first().copied()).unwrap_or_default();
    let others = names.iter().filter(|other| **other != name).map(|other| (*other).to_owned()).collect();
    (name.to_owned(), others)
}
