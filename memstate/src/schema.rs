//! What types look like, as data: the writer's types stand in front of everything that is written, and what was written
//! by other types than today's is read by name.
//!
//! Bytes in postcard's format do not say what they are, so bytes of one type can be read as another without an error. A
//! [`Schema`] says it. `trace` makes one from serde itself, `compare` tells what became of a type, `carry` reads the
//! bytes of one schema into today's types, and `value` reads them without any type. `erased` is the serde `Deserializer` before
//! which `trace` and `carry` answer.
//!
//! This module knows no journal, no engine and no model.

use std::cell::Cell;

use serde::{Deserialize, Deserializer, Serialize, de::Error};

pub(crate) mod carry;
pub(crate) mod compare;
pub(crate) mod diff;
mod display;
mod erased;
pub(crate) mod form;
pub(crate) mod names;
#[cfg(test)]
mod tests;
pub(crate) mod trace;
mod trouble;
pub(crate) mod value;
mod wire;

pub use carry::Written;
pub use trace::Tracer;

/// The named types that shapes speak of.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Schema {
    /// By their number in [`Shape::Named`].
    pub types: Vec<Named>,
}

/// What a type looks like in bytes. The order of the variants is part of the journal's format.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Shape {
    /// Where the tracing could not go: read as today's type reads itself.
    Opaque,
    /// Nothing.
    Unit,
    /// `bool`.
    Bool,
    /// `i8` to `i128`, by the number of bits.
    Signed(u8),
    /// `u8` to `u128`, by the number of bits.
    Unsigned(u8),
    /// `f32`.
    F32,
    /// `f64`.
    F64,
    /// A character.
    Char,
    /// A text.
    Text,
    /// Bytes.
    Bytes,
    /// A value or none.
    Option(#[serde(deserialize_with = "deeper")] Box<Shape>),
    /// Any number of values.
    List(#[serde(deserialize_with = "deeper")] Box<Shape>),
    /// A fixed number of values.
    Tuple(#[serde(deserialize_with = "deeper")] Vec<Shape>),
    /// Any number of keys, each with a value.
    Map(#[serde(deserialize_with = "deeper")] Box<Shape>, #[serde(deserialize_with = "deeper")] Box<Shape>),
    /// A struct or an enum, by its number in [`Schema::types`].
    Named(u32),
}

/// How deep shapes may be in each other, without a named type in between. Whoever makes bytes up must not get at the stack.
const DEEPEST: usize = 128;

/// Reads shapes inside of a shape.
fn deeper<'de, D: Deserializer<'de>, T: Deserialize<'de>>(source: D) -> Result<T, D::Error> {
    thread_local! {
        static DEPTH: Cell<usize> = const { Cell::new(0) };
    }
    struct Level;
    impl Drop for Level {
        fn drop(&mut self) {
            DEPTH.set(DEPTH.get() - 1);
        }
    }
    DEPTH.set(DEPTH.get() + 1);
    let _level = Level;
    match DEPTH.get() > DEEPEST {
        true => Err(Error::custom("a type is too deep")),
        false => T::deserialize(source),
    }
}

/// A struct or an enum.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Named {
    /// As serde calls it: without its module and its parameters.
    pub name: String,
    /// What it holds.
    pub kind: Kind,
}

/// A struct or an enum.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Kind {
    /// A struct.
    Struct(Content),
    /// An enum, with its variants in the order of their numbers.
    Enum(Vec<Variant>),
}

/// What a struct or a variant holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Content {
    /// Nothing.
    Unit,
    /// One value without a name.
    Newtype(Shape),
    /// Several values without names.
    Tuple(Vec<Shape>),
    /// Fields.
    Fields(Vec<Field>),
}

/// A field of a struct or a variant, or an argument of a method.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Field {
    /// Its name.
    pub name: String,
    /// Other names that it is read under.
    pub aliases: Vec<String>,
    /// Its type.
    pub shape: Shape,
    /// Whether it may be missing; `None` where that could not be found out. Only known of today's types.
    #[serde(skip)]
    pub default: Option<bool>,
}

/// A variant of an enum.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Variant {
    /// Its name.
    pub name: String,
    /// Other names that it is read under.
    pub aliases: Vec<String>,
    /// What it holds.
    pub content: Content,
}

impl Field {
    /// A field without aliases.
    pub fn new(name: impl Into<String>, shape: Shape) -> Self {
        Field { name: name.into(), aliases: Vec::new(), shape, default: None }
    }

    /// Whether it is called so, or was.
    pub fn is_called(&self, name: &str) -> bool {
        self.name == name || self.aliases.iter().any(|alias| alias == name)
    }
}

impl Variant {
    /// Whether it is called so, or was.
    pub fn is_called(&self, name: &str) -> bool {
        self.name == name || self.aliases.iter().any(|alias| alias == name)
    }
}

impl Schema {
    /// All fields of all types, in the order in which they are written.
    pub(crate) fn fields(&self) -> impl Iterator<Item = &Field> {
        let contents = self.types.iter().flat_map(|named| match &named.kind {
            Kind::Struct(content) => vec![content],
            Kind::Enum(variants) => variants.iter().map(|variant| &variant.content).collect(),
        });
        contents.flat_map(|content| match content {
            Content::Fields(fields) => fields.as_slice(),
            Content::Unit | Content::Newtype(_) | Content::Tuple(_) => &[],
        })
    }

    /// The named type with this number.
    pub fn named(&self, number: u32) -> Option<&Named> {
        self.types.get(usize::try_from(number).ok()?)
    }
}

/// A shape with the named types that it speaks of.
#[derive(Debug, Clone, Copy)]
pub struct Type<'a> {
    /// The named types.
    pub schema: &'a Schema,
    /// The shape.
    pub shape: &'a Shape,
}

impl Schema {
    /// A shape that speaks of these types.
    pub fn of<'a>(&'a self, shape: &'a Shape) -> Type<'a> {
        Type { schema: self, shape }
    }
}
