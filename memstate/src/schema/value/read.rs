//! Values from bytes.
//!
//! Each kind of value is read by a small function of its own, because values stand in values and the stack is finite.

use super::{Value, time::is_time};
use crate::{
    Timestamp,
    schema::{
        Field, Shape, Variant,
        form::{Form, Place},
        trouble::{Result, Step, Trouble},
        wire::{Integer, Source, known_variant},
    },
};

pub(super) fn value<'a>(source: &mut Source<'a, '_>, place: Place<'a>, depth: u32) -> Result<Value> {
    let depth = source.enter(depth)?;
    source.weigh(size_of::<Value>())?;
    match place.form(source.schema)? {
        Form::Option(inner) => option(source, inner, depth),
        Form::List(element) => list(source, element, depth),
        Form::Tuple(parts) => tuple(source, parts, depth),
        Form::Map(key, content) => map(source, key, content, depth),
        Form::Struct(of) => fields(source, of, depth),
        Form::Enum(variants) => variant(source, variants, depth),
        form @ Form::Signed(64) if is_time(source.schema, place) => time(source, form),
        plain => leaf(source, plain),
    }
}

fn leaf(source: &mut Source<'_, '_>, form: Form<'_>) -> Result<Value> {
    Ok(match form {
        Form::Unit => Value::Unit,
        Form::Bool => Value::Bool(source.bool()?),
        Form::F32 => Value::F32(source.f32()?),
        Form::F64 => Value::F64(source.f64()?),
        Form::Char => Value::Char(source.char()?),
        Form::Text => Value::Text(source.text()?.to_owned()),
        Form::Bytes => Value::Bytes(source.bytes()?.to_owned()),
        form => match source.integer(form)? {
            Some(Integer::Signed(number)) => Value::Signed(number),
            Some(Integer::Unsigned(number)) => Value::Unsigned(number),
            None => return Err(Trouble::new("the journal does not say what its type looks like")),
        },
    })
}

fn time(source: &mut Source<'_, '_>, form: Form<'_>) -> Result<Value> {
    Ok(match leaf(source, form)? {
        Value::Signed(micros) => match i64::try_from(micros) {
            Ok(micros) => Value::Time(Timestamp::from_micros(micros)),
            Err(_) => return Err(Trouble::new(format!("{micros} does not fit i64"))),
        },
        other => other,
    })
}

/// A value in another, to which the step leads.
fn inside<'a>(
    source: &mut Source<'a, '_>,
    place: Place<'a>,
    depth: u32,
    step: impl FnOnce() -> Step,
) -> Result<Value> {
    match value(source, place, depth) {
        Ok(value) => Ok(value),
        Err(error) => Err(error.within(step())),
    }
}

fn option<'a>(source: &mut Source<'a, '_>, inner: &'a Shape, depth: u32) -> Result<Value> {
    if !source.is_some()? {
        return Ok(Value::Option(None));
    }
    let inner = value(source, Place::Shape(inner), depth)?;
    Ok(Value::Option(Some(Box::new(inner))))
}

/// Grows with what was read: a length is only an announcement.
fn list<'a>(source: &mut Source<'a, '_>, element: &'a Shape, depth: u32) -> Result<Value> {
    let mut values = Vec::new();
    for number in 0..source.length()? {
        values.push(inside(source, Place::Shape(element), depth, || Step::Index(number))?);
    }
    Ok(Value::List(values))
}

fn tuple<'a>(source: &mut Source<'a, '_>, parts: &'a [Shape], depth: u32) -> Result<Value> {
    let mut values = Vec::new();
    for (number, part) in parts.iter().enumerate() {
        values.push(inside(source, Place::Shape(part), depth, || Step::Place(number))?);
    }
    Ok(Value::Tuple(values))
}

fn fields<'a>(source: &mut Source<'a, '_>, fields: &'a [Field], depth: u32) -> Result<Value> {
    let mut values = Vec::new();
    for Field { name, shape, .. } in fields {
        source.weigh(size_of::<String>() + name.len())?;
        let value = inside(source, Place::Shape(shape), depth, || Step::Field(name.clone()))?;
        values.push((name.clone(), value));
    }
    Ok(Value::Struct(values))
}

fn map<'a>(source: &mut Source<'a, '_>, key: &'a Shape, content: &'a Shape, depth: u32) -> Result<Value> {
    let mut entries = Vec::new();
    for number in 0..source.length()? {
        let key = inside(source, Place::Shape(key), depth, || Step::Key(number))?;
        let content = inside(source, Place::Shape(content), depth, || Step::Entry(key.to_string()))?;
        entries.push((key, content));
    }
    Ok(Value::Map(entries))
}

fn variant<'a>(source: &mut Source<'a, '_>, variants: &'a [Variant], depth: u32) -> Result<Value> {
    let number = source.variant()?;
    let Variant { name, content, .. } = known_variant(variants, number)?;
    source.weigh(name.len())?;
    let content = inside(source, content.place(), depth, || Step::Variant(name.clone()))?;
    Ok(Value::Variant(name.clone(), Box::new(content)))
}
