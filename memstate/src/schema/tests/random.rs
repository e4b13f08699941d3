//! Random schemas, and random values of them.

use super::{super::value::Value, *};

/// How deep a schema's types are nested in one another.
const DEEPEST_TYPE: u32 = 4;
/// How many named types there are at most.
const TYPES_MAX: usize = 6;
/// Names that fields and variants have, few enough to meet one another.
pub(super) const NAMES: &[&str] = &["a", "b", "c", "d", "e", "f", "g", "h"];
const BITS: &[u8] = &[8, 16, 32, 64, 128];

/// A schema and a shape in it. Types may hold themselves where a value of them can end.
pub(super) fn schema(choices: &mut Choices<'_>) -> (Schema, Shape) {
    let mut maker = Maker { choices, schema: Schema::default(), from: 0 };
    let shape = maker.shape(0, false);
    (maker.schema, shape)
}

/// A shape that speaks of new types only, which are added to `schema`.
pub(super) fn another_shape(choices: &mut Choices<'_>, schema: &mut Schema) -> Shape {
    let from = schema.types.len();
    let mut maker = Maker { choices, schema: std::mem::take(schema), from };
    let shape = maker.shape(DEEPEST_TYPE - 1, false);
    *schema = maker.schema;
    shape
}

struct Maker<'c, 't> {
    choices: &'c mut Choices<'t>,
    schema: Schema,
    /// The number of the first type that may be spoken of.
    from: usize,
}

impl Maker<'_, '_> {
    /// `may_end` where a type may hold itself: around it stands an option, a list or a variant that is not the first.
    fn shape(&mut self, depth: u32, may_end: bool) -> Shape {
        if depth >= DEEPEST_TYPE {
            return self.leaf();
        }
        let inner = |maker: &mut Self, may_end| maker.shape(depth + 1, may_end);
        match self.choices.below(12) {
            0..=2 => self.leaf(),
            3 => Shape::Option(Box::new(inner(self, true))),
            4 => Shape::List(Box::new(inner(self, true))),
            5 => {
                let count = self.choices.below(4);
                Shape::Tuple((0..count).map(|_| inner(self, may_end)).collect())
            }
            6 => Shape::Map(Box::new(self.leaf()), Box::new(inner(self, true))),
            7 if self.schema.types.len() > self.from => self.known(may_end),
            _ if self.schema.types.len() < self.from + TYPES_MAX => self.named(depth),
            _ => self.known(may_end),
        }
    }

    fn leaf(&mut self) -> Shape {
        match self.choices.below(9) {
            0 => Shape::Unsigned(*self.choices.one_of(BITS)),
            1 => Shape::Signed(*self.choices.one_of(BITS)),
            2 => Shape::Text,
            3 => Shape::Bool,
            4 => Shape::F32,
            5 => Shape::F64,
            6 => Shape::Char,
            7 => Shape::Bytes,
            _ => Shape::Unit,
        }
    }

    /// A type that was made, or is being made if it may be held by itself here.
    fn known(&mut self, may_end: bool) -> Shape {
        let number = self.from + self.choices.below(self.schema.types.len() - self.from);
        let named = &self.schema.types[number];
        let is_made = named.name != UNFINISHED;
        match is_made || may_end {
            true => Shape::Named(number as u32),
            false => self.leaf(),
        }
    }

    fn named(&mut self, depth: u32) -> Shape {
        let number = self.schema.types.len();
        self.schema.types.push(Named { name: UNFINISHED.to_owned(), kind: Kind::Struct(Content::Unit) });
        let kind = match self.choices.below(3) {
            0 | 1 => Kind::Struct(self.content(depth, false)),
            _ => Kind::Enum(self.variants(depth)),
        };
        let name = format!("T{}", self.choices.below(4).min(number));
        self.schema.types[number] = Named { name, kind };
        Shape::Named(number as u32)
    }

    fn content(&mut self, depth: u32, may_end: bool) -> Content {
        match self.choices.below(6) {
            0..=2 => Content::Fields(self.fields(depth, may_end)),
            3 => Content::Newtype(self.shape(depth + 1, may_end)),
            4 => {
                let count = 2 + self.choices.below(2);
                Content::Tuple((0..count).map(|_| self.shape(depth + 1, may_end)).collect())
            }
            _ => Content::Unit,
        }
    }

    fn fields(&mut self, depth: u32, may_end: bool) -> Vec<Field> {
        let count = self.choices.below(5);
        names(self.choices, count)
            .into_iter()
            .map(|name| {
                let shape = self.shape(depth + 1, may_end);
                let default = matches!(shape, Shape::Option(_)) || self.choices.once_in(3);
                Field { default: Some(default), ..Field::new(name, shape) }
            })
            .collect()
    }

    fn variants(&mut self, depth: u32) -> Vec<Variant> {
        let count = 1 + self.choices.below(4);
        let names = names(self.choices, count);
        let variant =
            |(number, name)| Variant { name, aliases: Vec::new(), content: self.content(depth, number > 0) };
        names.into_iter().enumerate().map(variant).collect()
    }
}

/// What a type is called while it is made.
const UNFINISHED: &str = "?";

/// So many different names.
fn names(choices: &mut Choices<'_>, count: usize) -> Vec<String> {
    let mut left = NAMES.to_vec();
    (0..count).map(|_| left.remove(choices.below(left.len())).to_owned()).collect()
}

/// A value of `of`, as reading gives it.
pub(super) fn value(choices: &mut Choices<'_>, of: Type<'_>) -> Value {
    of_shape(choices, of.schema, of.shape, 0)
}

/// Deeper than this a value ends where it can.
const DEEPEST_VALUE: u32 = 8;

fn of_shape(choices: &mut Choices<'_>, schema: &Schema, shape: &Shape, depth: u32) -> Value {
    let depth = depth + 1;
    let inner = |choices: &mut Choices<'_>, shape| of_shape(choices, schema, shape, depth);
    match shape {
        Shape::Opaque => panic!("there is no value of what is not known"),
        Shape::Unit => Value::Unit,
        Shape::Bool => Value::Bool(choices.once_in(2)),
        Shape::Unsigned(bits) => Value::Unsigned(choices.number((*bits).into())),
        Shape::Signed(bits) => {
            let spare = 128 - u32::from(*bits);
            Value::Signed((choices.number((*bits).into()) << spare).cast_signed() >> spare)
        }
        Shape::F32 => {
            Value::F32(*choices.one_of(&[0.0, 1.0, -0.5, 0.1, f32::MAX, f32::INFINITY, 16_777_216.0]))
        }
        Shape::F64 => Value::F64(*choices.one_of(&[
            0.0,
            1.0,
            -0.5,
            0.1,
            f64::MAX,
            f64::NEG_INFINITY,
            1e16,
            16_777_217.0,
        ])),
        Shape::Char => Value::Char(*choices.one_of(&['a', '0', 'ß', '\u{1f600}', '\n', '"'])),
        Shape::Text => {
            let texts = ["", "a", "0", "ß", "none", "0x00ff", "true", "a long text of more than some bytes"];
            Value::Text((*choices.one_of(&texts)).to_owned())
        }
        Shape::Bytes => {
            let count = choices.below(4);
            Value::Bytes((0..count).map(|_| choices.byte()).collect())
        }
        Shape::Option(shape) => {
            let some = choices.once_in(2) && depth < DEEPEST_VALUE;
            Value::Option(some.then(|| Box::new(inner(choices, shape))))
        }
        Shape::List(shape) => {
            let count = length(choices, depth);
            Value::List((0..count).map(|_| inner(choices, shape)).collect())
        }
        Shape::Tuple(parts) => Value::Tuple(parts.iter().map(|part| inner(choices, part)).collect()),
        Shape::Map(key, shape) => {
            let count = length(choices, depth);
            Value::Map((0..count).map(|_| (inner(choices, key), inner(choices, shape))).collect())
        }
        Shape::Named(number) => match &schema.named(*number).expect("the type is there").kind {
            Kind::Struct(content) => of_content(choices, schema, content, depth),
            Kind::Enum(variants) => {
                let ends = |variant: &Variant| ends(schema, &variant.content, 8);
                let number = match depth < DEEPEST_VALUE {
                    true => choices.below(variants.len()),
                    false => variants.iter().position(ends).unwrap_or(0),
                };
                let Variant { name, content, .. } = &variants[number];
                Value::Variant(name.clone(), Box::new(of_content(choices, schema, content, depth)))
            }
        },
    }
}

/// Whether there is a value of the type that ends.
pub(super) fn can_end(schema: &Schema, number: usize) -> bool {
    shape_ends(schema, &Shape::Named(number as u32), 12)
}

/// Whether a value of it can end within so many named types.
fn ends(schema: &Schema, content: &Content, fuel: u32) -> bool {
    let all = |parts: &[Shape]| parts.iter().all(|part| shape_ends(schema, part, fuel));
    match content {
        Content::Unit => true,
        Content::Newtype(shape) => shape_ends(schema, shape, fuel),
        Content::Tuple(parts) => all(parts),
        Content::Fields(fields) => fields.iter().all(|field| shape_ends(schema, &field.shape, fuel)),
    }
}

fn shape_ends(schema: &Schema, shape: &Shape, fuel: u32) -> bool {
    match shape {
        Shape::Tuple(parts) => parts.iter().all(|part| shape_ends(schema, part, fuel)),
        Shape::Named(_) if fuel == 0 => false,
        Shape::Named(number) => match &schema.named(*number).expect("the type is there").kind {
            Kind::Struct(content) => ends(schema, content, fuel - 1),
            Kind::Enum(variants) => variants.iter().any(|variant| ends(schema, &variant.content, fuel - 1)),
        },
        _ => true,
    }
}

fn length(choices: &mut Choices<'_>, depth: u32) -> usize {
    if depth < DEEPEST_VALUE { choices.below(4) } else { 0 }
}

fn of_content(choices: &mut Choices<'_>, schema: &Schema, content: &Content, depth: u32) -> Value {
    let mut inner = |shape| of_shape(choices, schema, shape, depth);
    match content {
        Content::Unit => Value::Unit,
        Content::Newtype(shape) => inner(shape),
        Content::Tuple(parts) => Value::Tuple(parts.iter().map(inner).collect()),
        Content::Fields(fields) => {
            Value::Struct(fields.iter().map(|field| (field.name.clone(), inner(&field.shape))).collect())
        }
    }
}

/// The value that a field of this shape has by default, in these tests.
pub(super) fn default_value(schema: &Schema, shape: &Shape) -> Value {
    of_shape(&mut Choices::new(&[]), schema, shape, 0)
}
