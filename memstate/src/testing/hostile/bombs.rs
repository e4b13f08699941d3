//! Schemas that no writer has, and that say more than they are long.

use crate::{
    Model,
    codec::{self, Unreadable, whole},
    engine::hostile::{Preamble, Today},
    schema::{Content, Field, Kind, Named, Schema, Shape, Variant},
};

/// A list of values that take no bytes: how many there were.
///
/// # Errors
///
/// If more are announced than are believed.
pub fn units(bytes: &[u8]) -> Result<usize, Unreadable> {
    whole(bytes, codec::get::<Vec<()>>).map(|units| units.len())
}

/// What a writer of `M` would say of itself if its first type that holds itself were a chain of so many types, each of
/// which holds the next.
pub fn chained<M: Model>(length: usize) -> Vec<u8> {
    let mut preamble = Today::of::<M>().preamble.clone();
    let types = preamble.schema.types.clone();
    let holds_itself =
        |number: &u32, named: &Named| format!("{named:?}").contains(&format!("Named({number})"));
    let (number, link) =
        (0..).zip(&types).find(|(number, named)| holds_itself(number, named)).expect("the model has one");
    let added = u32::try_from(types.len()).expect("a model has few types");
    let length = u32::try_from(length).expect("a chain is shorter");
    let next = |of: u32| if of + 1 == length { number } else { added + of + 1 };
    preamble.schema.types[number as usize] = renamed(link, number, added);
    preamble.schema.types.extend((0..length).map(|of| renamed(link, number, next(of))));
    preamble.encode()
}

/// The same type with another number for itself.
fn renamed(named: &Named, from: u32, to: u32) -> Named {
    let mut named = named.clone();
    match &mut named.kind {
        Kind::Struct(content) => rename(content, from, to),
        Kind::Enum(variants) => {
            for Variant { content, .. } in variants {
                rename(content, from, to);
            }
        }
    }
    named
}

fn rename(content: &mut Content, from: u32, to: u32) {
    match content {
        Content::Unit => {}
        Content::Newtype(shape) => rename_shape(shape, from, to),
        Content::Tuple(shapes) => shapes.iter_mut().for_each(|shape| rename_shape(shape, from, to)),
        Content::Fields(fields) => {
            fields.iter_mut().for_each(|field| rename_shape(&mut field.shape, from, to))
        }
    }
}

fn rename_shape(shape: &mut Shape, from: u32, to: u32) {
    match shape {
        Shape::Named(number) if *number == from => *number = to,
        Shape::Option(inner) | Shape::List(inner) => rename_shape(inner, from, to),
        Shape::Tuple(parts) => parts.iter_mut().for_each(|part| rename_shape(part, from, to)),
        Shape::Map(key, value) => [key, value].into_iter().for_each(|part| rename_shape(part, from, to)),
        _ => {}
    }
}

/// What a writer says of itself whose state is a list of structs that take no bytes, with a field whose name has so many.
pub fn long_name<M: Model>(bytes: usize) -> Vec<u8> {
    let mut preamble: Preamble = Today::of::<M>().preamble.clone();
    let field = Field::new("n".repeat(bytes), Shape::Unit);
    let named = Named { name: "Bomb".to_owned(), kind: Kind::Struct(Content::Fields(vec![field])) };
    preamble.schema = Schema { types: vec![named] };
    preamble.state = Shape::List(Box::new(Shape::Named(0)));
    preamble.commands = Vec::new();
    preamble.encode()
}
