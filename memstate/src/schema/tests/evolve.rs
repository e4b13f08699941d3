//! Random changes of a schema: those that every value survives, those that some do, and those that none has to.

use super::*;

/// A schema with a shape in it, while it is changed.
pub(super) struct Evolving<'c, 't> {
    pub(super) choices: &'c mut Choices<'t>,
    pub(super) schema: Schema,
    pub(super) shape: Shape,
    /// How many names were given to what is new.
    pub(super) fresh: usize,
}

const BITS: &[u8] = &[8, 16, 32, 64, 128];

/// The types that are used from `shape` on, in the order in which they are met.
fn reachable(schema: &Schema, shape: &Shape) -> Vec<usize> {
    fn go(schema: &Schema, shape: &Shape, met: &mut Vec<usize>) {
        if let Shape::Named(number) = shape {
            let number = *number as usize;
            if met.contains(&number) {
                return;
            }
            met.push(number);
            let contents: Vec<&Content> = match &schema.types[number].kind {
                Kind::Struct(content) => vec![content],
                Kind::Enum(variants) => variants.iter().map(|variant| &variant.content).collect(),
            };
            contents.into_iter().flat_map(shapes_of).for_each(|shape| go(schema, shape, met));
        }
        parts(shape).into_iter().for_each(|part| go(schema, part, met));
    }
    let mut met = Vec::new();
    go(schema, shape, &mut met);
    met
}

/// Whether a type holds itself.
pub(super) fn is_recursive(schema: &Schema) -> bool {
    schema.types.iter().enumerate().any(|(number, named)| {
        let contents: Vec<&Content> = match &named.kind {
            Kind::Struct(content) => vec![content],
            Kind::Enum(variants) => variants.iter().map(|variant| &variant.content).collect(),
        };
        contents.into_iter().flat_map(shapes_of).any(|shape| reachable(schema, shape).contains(&number))
    })
}

fn parts(shape: &Shape) -> Vec<&Shape> {
    match shape {
        Shape::Option(inner) | Shape::List(inner) => vec![inner],
        Shape::Tuple(parts) => parts.iter().collect(),
        Shape::Map(key, value) => vec![key, value],
        _ => Vec::new(),
    }
}

fn shapes_of(content: &Content) -> Vec<&Shape> {
    match content {
        Content::Unit => Vec::new(),
        Content::Newtype(shape) => vec![shape],
        Content::Tuple(parts) => parts.iter().collect(),
        Content::Fields(fields) => fields.iter().map(|field| &field.shape).collect(),
    }
}

/// All places of shapes in `shape`, itself first.
fn places<'s>(shape: &'s mut Shape, found: &mut dyn FnMut(&mut Shape)) {
    found(shape);
    match shape {
        Shape::Option(inner) | Shape::List(inner) => places(inner, found),
        Shape::Tuple(parts) => parts.iter_mut().for_each(|part| places(part, found)),
        Shape::Map(key, value) => {
            places(key, found);
            places(value, found);
        }
        _ => {}
    }
}

impl Evolving<'_, '_> {
    /// Changes one place or one type so that every value that was written can be read.
    pub(super) fn compatibly(&mut self) {
        match self.choices.below(2) {
            0 => self.change_shape(widened),
            _ => self.change_type(grown),
        }
    }

    /// Changes one place or one type so that some values may not be there any more.
    pub(super) fn narrowly(&mut self) {
        match self.choices.below(3) {
            0 | 1 => self.change_shape(narrowed),
            _ => self.change_type(shrunk),
        }
    }

    /// Changes one place or one type so that there may be no way.
    pub(super) fn breakingly(&mut self) {
        match self.choices.below(2) {
            0 => {
                let another = random::another_shape(self.choices, &mut self.schema);
                self.change_shape(move |_, _, shape| *shape = another.clone());
            }
            _ => self.change_type(broken),
        }
    }

    /// Makes a change, unless it makes a type of which there is no value.
    pub(super) fn change(&mut self, change: impl Fn(&mut Evolving<'_, '_>)) {
        let before = (self.schema.clone(), self.shape.clone());
        change(self);
        let used = reachable(&self.schema, &self.shape);
        if !used.into_iter().all(|number| random::can_end(&self.schema, number)) {
            (self.schema, self.shape) = before;
        }
    }

    /// Changes one of the places that are used.
    fn change_shape(&mut self, change: impl FnOnce(&mut Choices<'_>, &mut Schema, &mut Shape)) {
        let used = reachable(&self.schema, &self.shape);
        let (mut schema, mut root) = (self.schema.clone(), self.shape.clone());
        let mut count = 0;
        each_place(&mut schema, &mut root, &used, &mut |_| count += 1);
        let chosen = self.choices.below(count);
        let (mut number, mut target) = (0, Shape::Unit);
        each_place(&mut schema, &mut root, &used, &mut |shape| {
            if number == chosen {
                target = shape.clone();
            }
            number += 1;
        });
        change(self.choices, &mut self.schema, &mut target);
        number = 0;
        each_place(&mut self.schema, &mut self.shape, &used, &mut |shape| {
            if number == chosen {
                *shape = target.clone();
            }
            // What stands in the place now has other places, and they are not counted.
            number += 1;
        });
    }

    /// Changes one of the types that are used.
    fn change_type(&mut self, change: impl FnOnce(&mut Self, &mut Kind)) {
        let used = reachable(&self.schema, &self.shape);
        if used.is_empty() {
            return;
        }
        let number = *self.choices.one_of(&used);
        let mut kind = self.schema.types[number].kind.clone();
        change(self, &mut kind);
        self.schema.types[number].kind = kind;
    }

    fn fresh(&mut self) -> String {
        self.fresh += 1;
        format!("new{}", self.fresh)
    }

    fn new_field(&mut self) -> Field {
        let shape = random::another_shape(self.choices, &mut self.schema);
        Field { default: Some(true), ..Field::new(self.fresh(), shape) }
    }
}

/// All places in the types that are used; places inside of one that is changed on the way are not gone to.
fn each_place(schema: &mut Schema, root: &mut Shape, used: &[usize], found: &mut dyn FnMut(&mut Shape)) {
    places(root, found);
    for number in used {
        let contents: Vec<&mut Content> = match &mut schema.types[*number].kind {
            Kind::Struct(content) => vec![content],
            Kind::Enum(variants) => variants.iter_mut().map(|variant| &mut variant.content).collect(),
        };
        for content in contents {
            match content {
                Content::Unit => {}
                Content::Newtype(shape) => places(shape, found),
                Content::Tuple(parts) => parts.iter_mut().for_each(|part| places(part, found)),
                Content::Fields(fields) => {
                    fields.iter_mut().for_each(|field| places(&mut field.shape, found));
                }
            }
        }
    }
}

fn widened(choices: &mut Choices<'_>, schema: &mut Schema, shape: &mut Shape) {
    let wider = |choices: &mut Choices<'_>, bits: u8| {
        let wider: Vec<u8> = BITS.iter().copied().filter(|wider| *wider > bits).collect();
        (!wider.is_empty()).then(|| *choices.one_of(&wider))
    };
    let old = shape.clone();
    let in_place = match (choices.below(3), &old) {
        (0, Shape::Unsigned(bits)) => wider(choices, *bits).map(|bits| match choices.once_in(2) {
            true => Shape::Signed(bits),
            false => Shape::Unsigned(bits),
        }),
        (0, Shape::Signed(bits)) => wider(choices, *bits).map(Shape::Signed),
        (0, Shape::F32) => Some(Shape::F64),
        (0, Shape::Char) => Some(Shape::Text),
        (0, Shape::Bytes) => Some(Shape::List(Box::new(Shape::Unsigned(8)))),
        (0, Shape::List(inner)) if **inner == Shape::Unsigned(8) => Some(Shape::Bytes),
        (0, Shape::Tuple(parts)) if parts.windows(2).all(|two| two[0] == two[1]) && !parts.is_empty() => {
            Some(Shape::List(Box::new(parts[0].clone())))
        }
        (0, Shape::Named(number)) => match &schema.types[*number as usize].kind {
            Kind::Struct(Content::Newtype(inner)) => Some(inner.clone()),
            _ => None,
        },
        (1, _) => {
            let number = schema.types.len() as u32;
            let name = format!("T{}", choices.below(5));
            schema.types.push(Named { name, kind: Kind::Struct(Content::Newtype(old.clone())) });
            Some(Shape::Named(number))
        }
        _ => None,
    };
    *shape = in_place.unwrap_or_else(|| Shape::Option(Box::new(old)));
}

fn narrowed(choices: &mut Choices<'_>, schema: &mut Schema, shape: &mut Shape) {
    let old = shape.clone();
    *shape = match &old {
        Shape::Unsigned(_) | Shape::Signed(_) => match choices.below(4) {
            0 => Shape::Unsigned(*choices.one_of(BITS)),
            1 => Shape::Signed(*choices.one_of(BITS)),
            2 => Shape::F32,
            _ => Shape::F64,
        },
        Shape::F64 => Shape::F32,
        Shape::Option(inner) => (**inner).clone(),
        Shape::List(inner) => Shape::Tuple(vec![(**inner).clone(); choices.below(3)]),
        Shape::Bytes => Shape::Tuple(vec![Shape::Unsigned(8); choices.below(3)]),
        _ => return widened(choices, schema, shape),
    };
}

/// Fields and variants come, go, change their order and their names.
fn grown(evolving: &mut Evolving<'_, '_>, kind: &mut Kind) {
    match kind {
        Kind::Struct(content) => content_grown(evolving, content),
        Kind::Enum(variants) => match evolving.choices.below(4) {
            0 => {
                let place = evolving.choices.below(variants.len());
                variants.rotate_left(place);
            }
            1 => {
                let place = evolving.choices.below(variants.len() + 1);
                let content = match evolving.choices.once_in(2) {
                    true => Content::Fields(vec![evolving.new_field()]),
                    false => Content::Unit,
                };
                let name = evolving.fresh();
                variants.insert(place, Variant { name, aliases: Vec::new(), content });
            }
            2 => {
                let place = evolving.choices.below(variants.len());
                content_grown(evolving, &mut variants[place].content);
            }
            _ => {
                let place = evolving.choices.below(variants.len());
                let was = std::mem::replace(&mut variants[place].name, evolving.fresh());
                variants[place].aliases.push(was);
            }
        },
    }
}

fn content_grown(evolving: &mut Evolving<'_, '_>, content: &mut Content) {
    let fields = match content {
        Content::Unit => {
            *content = Content::Fields(vec![evolving.new_field()]);
            return;
        }
        Content::Fields(fields) => fields,
        _ => return,
    };
    let count = fields.len();
    match evolving.choices.below(5) {
        0 if count > 0 => fields.rotate_left(evolving.choices.below(count)),
        1 if count > 0 => drop(fields.remove(evolving.choices.below(count))),
        2 if count > 0 => {
            let field = &mut fields[evolving.choices.below(count)];
            let was = std::mem::replace(&mut field.name, evolving.fresh());
            field.aliases.push(was);
        }
        3 => *content = Content::Unit,
        _ => {
            let place = evolving.choices.below(count + 1);
            let field = evolving.new_field();
            fields.insert(place, field);
        }
    }
}

/// A variant goes.
fn shrunk(evolving: &mut Evolving<'_, '_>, kind: &mut Kind) {
    match kind {
        Kind::Enum(variants) if variants.len() > 1 => {
            let place = evolving.choices.below(variants.len());
            variants.remove(place);
        }
        kind => grown(evolving, kind),
    }
}

/// Names meet, defaults go, contents become others.
fn broken(evolving: &mut Evolving<'_, '_>, kind: &mut Kind) {
    let name = |evolving: &mut Evolving<'_, '_>| (*evolving.choices.one_of(random::NAMES)).to_owned();
    let content = match kind {
        Kind::Struct(content) => content,
        Kind::Enum(variants) => {
            let place = evolving.choices.below(variants.len());
            let taken = |name: &str| variants.iter().any(|variant| variant.is_called(name));
            let alias = name(evolving);
            match evolving.choices.below(2) {
                0 if !taken(&alias) => return variants[place].aliases.push(alias),
                _ => &mut variants[place].content,
            }
        }
    };
    match content {
        Content::Fields(fields) if !fields.is_empty() => {
            let place = evolving.choices.below(fields.len());
            let another = name(evolving);
            let is_free = !fields.iter().any(|field| field.is_called(&another));
            match evolving.choices.below(4) {
                0 if is_free => fields[place].aliases.push(another),
                1 if is_free => fields[place].name = another,
                2 => {
                    let field = Field { default: Some(false), ..evolving.new_field() };
                    fields.insert(place, field);
                }
                _ => *content = Content::Tuple(fields.iter().map(|field| field.shape.clone()).collect()),
            }
        }
        Content::Tuple(parts) => parts.push(Shape::Unsigned(8)),
        Content::Newtype(shape) => *content = Content::Tuple(vec![shape.clone(), shape.clone()]),
        Content::Unit | Content::Fields(_) => *content = Content::Newtype(Shape::Unsigned(8)),
    }
}
