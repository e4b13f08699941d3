//! Values from bytes.

use super::Value;
use crate::schema::{
    Shape,
    form::{Form, Place},
    trouble::{Result, Step, Trouble},
    wire::{Integer, Source, known_variant},
};

pub(super) fn value<'a>(source: &mut Source<'a, '_>, place: Place<'a>, depth: u32) -> Result<Value> {
    let depth = source.enter(depth)?;
    let form = place.form(source.schema)?;
    Ok(match form {
        Form::Opaque => return Err(Trouble::new("the journal does not say what its type looks like")),
        Form::Unit => Value::Unit,
        Form::Bool => Value::Bool(source.bool()?),
        Form::Signed(_) | Form::Unsigned(_) => {
            match source.integer(form)?.expect("it is an integer's form") {
                Integer::Signed(number) => Value::Signed(number),
                Integer::Unsigned(number) => Value::Unsigned(number),
            }
        }
        Form::F32 => Value::F32(source.f32()?),
        Form::F64 => Value::F64(source.f64()?),
        Form::Char => Value::Char(source.char()?),
        Form::Text => Value::Text(source.text()?.to_owned()),
        Form::Bytes => Value::Bytes(source.bytes()?.to_owned()),
        Form::Option(inner) => Value::Option(match source.is_some()? {
            true => Some(Box::new(value(source, Place::Shape(inner), depth)?)),
            false => None,
        }),
        Form::List(element) => Value::List(list(source, element, depth)?),
        Form::Tuple(parts) => Value::Tuple(tuple(source, parts, depth)?),
        Form::Map(key, content) => Value::Map(map(source, key, content, depth)?),
        Form::Struct(fields) => Value::Struct(
            fields
                .iter()
                .map(|field| {
                    let content = value(source, Place::Shape(&field.shape), depth)
                        .map_err(|error| error.within(Step::Field(field.name.clone())))?;
                    Ok((field.name.clone(), content))
                })
                .collect::<Result<_>>()?,
        ),
        Form::Enum(variants) => {
            let number = source.variant()?;
            let variant = known_variant(variants, number)?;
            let content = value(source, variant.content.place(), depth)
                .map_err(|error| error.within(Step::Variant(variant.name.clone())))?;
            Value::Variant(variant.name.clone(), Box::new(content))
        }
    })
}

/// Grows with what was read: a length is only an announcement.
fn list<'a>(source: &mut Source<'a, '_>, element: &'a Shape, depth: u32) -> Result<Vec<Value>> {
    (0..source.length()?)
        .map(|number| {
            value(source, Place::Shape(element), depth).map_err(|error| error.within(Step::Index(number)))
        })
        .collect()
}

fn tuple<'a>(source: &mut Source<'a, '_>, parts: &'a [Shape], depth: u32) -> Result<Vec<Value>> {
    parts
        .iter()
        .enumerate()
        .map(|(number, part)| {
            value(source, Place::Shape(part), depth).map_err(|error| error.within(Step::Place(number)))
        })
        .collect()
}

fn map<'a>(
    source: &mut Source<'a, '_>,
    key: &'a Shape,
    content: &'a Shape,
    depth: u32,
) -> Result<Vec<(Value, Value)>> {
    (0..source.length()?)
        .map(|number| {
            let key =
                value(source, Place::Shape(key), depth).map_err(|error| error.within(Step::Key(number)))?;
            let content = value(source, Place::Shape(content), depth)
                .map_err(|error| error.within(Step::Entry(key.to_string())))?;
            Ok((key, content))
        })
        .collect()
}
