//! Reads bytes by a schema, as far as the tests of this module need it: the whole of it is the business of `value`.

use crate::{
    codec::{Unreadable, get_bytes, get_varint},
    schema::{Content, Kind, Shape, Type, value::Value},
};

pub(crate) fn skip(of: Type<'_>, bytes: &mut &[u8]) -> Result<(), Unreadable> {
    read(of, bytes).map(drop)
}

pub(crate) fn read(of: Type<'_>, bytes: &mut &[u8]) -> Result<Value, Unreadable> {
    let with = |shape| of.schema.of(shape);
    Ok(match of.shape {
        Shape::Unit => Value::Unit,
        Shape::Unsigned(8) => Value::Unsigned(get_bytes(bytes, 1)?[0].into()),
        Shape::Unsigned(_) => Value::Unsigned(get_varint(bytes)?.into()),
        Shape::Signed(_) => {
            let number = get_varint(bytes)?;
            Value::Signed(((number >> 1) as i64 ^ -((number & 1) as i64)).into())
        }
        Shape::Text => {
            let length = get_varint(bytes)?;
            Value::Text(String::from_utf8_lossy(get_bytes(bytes, length as usize)?).into_owned())
        }
        Shape::Option(inner) => Value::Option(match get_bytes(bytes, 1)?[0] {
            0 => None,
            _ => Some(Box::new(read(with(inner), bytes)?)),
        }),
        Shape::List(element) => {
            let count = get_varint(bytes)?;
            Value::List((0..count).map(|_| read(with(element), bytes)).collect::<Result<_, _>>()?)
        }
        Shape::Tuple(parts) => tuple(of, parts, bytes)?,
        Shape::Map(key, value) => {
            let count = get_varint(bytes)?;
            let entry = |_| Ok((read(with(key), bytes)?, read(with(value), bytes)?));
            Value::Map((0..count).map(entry).collect::<Result<_, Unreadable>>()?)
        }
        Shape::Named(number) => match &of.schema.named(*number).expect("it is in the schema").kind {
            Kind::Struct(content) => contents(of, content, bytes)?,
            Kind::Enum(variants) => {
                let variant = &variants[get_varint(bytes)? as usize];
                Value::Variant(variant.name.clone(), Box::new(contents(of, &variant.content, bytes)?))
            }
        },
        _ => return Err(Unreadable::new("not in these tests")),
    })
}

fn tuple(of: Type<'_>, parts: &[Shape], bytes: &mut &[u8]) -> Result<Value, Unreadable> {
    Ok(Value::Tuple(parts.iter().map(|part| read(of.schema.of(part), bytes)).collect::<Result<_, _>>()?))
}

fn contents(of: Type<'_>, content: &Content, bytes: &mut &[u8]) -> Result<Value, Unreadable> {
    match content {
        Content::Unit => Ok(Value::Unit),
        Content::Newtype(inner) => read(of.schema.of(inner), bytes),
        Content::Tuple(parts) => tuple(of, parts, bytes),
        Content::Fields(fields) => {
            let field = |field: &crate::schema::Field| {
                Ok((field.name.clone(), read(of.schema.of(&field.shape), bytes)?))
            };
            Ok(Value::Struct(fields.iter().map(field).collect::<Result<_, Unreadable>>()?))
        }
    }
}
