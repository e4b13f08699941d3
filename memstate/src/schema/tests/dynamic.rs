//! [`Wanted`]: asks a deserializer for exactly what a schema says, in the way of the code that serde derives.

use std::{
    collections::HashMap,
    fmt,
    sync::{LazyLock, Mutex},
};

use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error, IgnoredAny, MapAccess, SeqAccess, Unexpected,
    VariantAccess, Visitor,
};

use super::{super::value::Value, random::default_value, *};

/// A value of this type is wanted.
#[derive(Clone, Copy)]
pub(super) struct Wanted<'s> {
    pub(super) schema: &'s Schema,
    pub(super) shape: &'s Shape,
}

/// Text that lives as long as the process, once for each.
fn forever(text: &str) -> &'static str {
    static KNOWN: LazyLock<Mutex<HashMap<String, &'static str>>> = LazyLock::new(Mutex::default);
    let mut known = KNOWN.lock().expect("nothing panics with it");
    known.entry(text.to_owned()).or_insert_with(|| text.to_owned().leak())
}

/// The names and aliases of fields or variants, as derived code lists them.
fn all_names<'a>(of: impl Iterator<Item = (&'a String, &'a Vec<String>)>) -> &'static [&'static str] {
    static KNOWN: LazyLock<Mutex<HashMap<Vec<&'static str>, &'static [&'static str]>>> =
        LazyLock::new(Mutex::default);
    let mut names = Vec::new();
    for (name, aliases) in of {
        let mut group: Vec<_> = std::iter::once(name).chain(aliases).map(|name| forever(name)).collect();
        group.sort_unstable();
        names.extend(group);
    }
    let mut known = KNOWN.lock().expect("nothing panics with it");
    known.entry(names.clone()).or_insert_with(|| names.leak())
}

impl<'de> DeserializeSeed<'de> for Wanted<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Value, D::Error> {
        match self.shape {
            Shape::Opaque => Err(D::Error::custom("nobody knows what it is")),
            Shape::Unit => from.deserialize_unit(self),
            Shape::Bool => from.deserialize_bool(self),
            Shape::Unsigned(8) => from.deserialize_u8(self),
            Shape::Unsigned(16) => from.deserialize_u16(self),
            Shape::Unsigned(32) => from.deserialize_u32(self),
            Shape::Unsigned(64) => from.deserialize_u64(self),
            Shape::Unsigned(_) => from.deserialize_u128(self),
            Shape::Signed(8) => from.deserialize_i8(self),
            Shape::Signed(16) => from.deserialize_i16(self),
            Shape::Signed(32) => from.deserialize_i32(self),
            Shape::Signed(64) => from.deserialize_i64(self),
            Shape::Signed(_) => from.deserialize_i128(self),
            Shape::F32 => from.deserialize_f32(self),
            Shape::F64 => from.deserialize_f64(self),
            Shape::Char => from.deserialize_char(self),
            Shape::Text => from.deserialize_string(self),
            Shape::Bytes => from.deserialize_byte_buf(self),
            Shape::Option(_) => from.deserialize_option(self),
            Shape::List(_) => from.deserialize_seq(self),
            Shape::Tuple(parts) if parts.is_empty() => from.deserialize_tuple(0, self),
            Shape::Tuple(parts) => from.deserialize_tuple(parts.len(), self),
            Shape::Map(..) => from.deserialize_map(self),
            Shape::Named(number) => self.named(self.schema.named(*number).expect("it is there"), from),
        }
    }
}

impl<'s> Wanted<'s> {
    fn of(self, shape: &'s Shape) -> Self {
        Wanted { shape, ..self }
    }

    fn held(self, content: &'s Content) -> Held<'s> {
        Held { wanted: self, content }
    }

    fn named<'de, D: Deserializer<'de>>(self, named: &'s Named, from: D) -> Result<Value, D::Error> {
        let name = forever(&named.name);
        match &named.kind {
            Kind::Struct(content) => match content {
                Content::Unit => from.deserialize_unit_struct(name, self.held(content)),
                Content::Newtype(_) => from.deserialize_newtype_struct(name, self.held(content)),
                Content::Tuple(parts) => from.deserialize_tuple_struct(name, parts.len(), self.held(content)),
                Content::Fields(fields) => {
                    let names = all_names(fields.iter().map(|field| (&field.name, &field.aliases)));
                    from.deserialize_struct(name, names, self.held(content))
                }
            },
            Kind::Enum(variants) => {
                let names = all_names(variants.iter().map(|variant| (&variant.name, &variant.aliases)));
                from.deserialize_enum(name, names, Variants { wanted: self, variants })
            }
        }
    }
}

macro_rules! plain {
    ($($visit:ident($given:ty) $shape:pat => $value:expr;)*) => { $(
        fn $visit<E: Error>(self, given: $given) -> Result<Value, E> {
            match self.shape {
                $shape => Ok($value(given.into())),
                _ => Err(E::invalid_type(Unexpected::Other(stringify!($visit)), &self)),
            }
        }
    )* };
}

impl<'de> Visitor<'de> for Wanted<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.schema.of(self.shape))
    }

    plain! {
        visit_bool(bool) Shape::Bool => Value::Bool;
        visit_u8(u8) Shape::Unsigned(8) => Value::Unsigned;
        visit_u16(u16) Shape::Unsigned(16) => Value::Unsigned;
        visit_u32(u32) Shape::Unsigned(32) => Value::Unsigned;
        visit_u64(u64) Shape::Unsigned(64) => Value::Unsigned;
        visit_u128(u128) Shape::Unsigned(128) => Value::Unsigned;
        visit_i8(i8) Shape::Signed(8) => Value::Signed;
        visit_i16(i16) Shape::Signed(16) => Value::Signed;
        visit_i32(i32) Shape::Signed(32) => Value::Signed;
        visit_i64(i64) Shape::Signed(64) => Value::Signed;
        visit_i128(i128) Shape::Signed(128) => Value::Signed;
        visit_f32(f32) Shape::F32 => Value::F32;
        visit_f64(f64) Shape::F64 => Value::F64;
        visit_char(char) Shape::Char => Value::Char;
        visit_str(&str) Shape::Text => Value::Text;
        visit_bytes(&[u8]) Shape::Bytes => Value::Bytes;
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        match self.shape {
            Shape::Unit => Ok(Value::Unit),
            Shape::Option(_) => Ok(Value::Option(None)),
            _ => Err(E::invalid_type(Unexpected::Unit, &self)),
        }
    }

    fn visit_none<E: Error>(self) -> Result<Value, E> {
        self.visit_unit()
    }

    fn visit_some<D: Deserializer<'de>>(self, from: D) -> Result<Value, D::Error> {
        match self.shape {
            Shape::Option(inner) => Ok(Value::Option(Some(Box::new(self.of(inner).deserialize(from)?)))),
            _ => Err(D::Error::invalid_type(Unexpected::Option, &self)),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Value, A::Error> {
        match self.shape {
            Shape::List(inner) => {
                let mut values = Vec::new();
                while let Some(value) = from.next_element_seed(self.of(inner))? {
                    values.push(value);
                }
                Ok(Value::List(values))
            }
            Shape::Tuple(parts) => Ok(Value::Tuple(by_position(self, parts, from)?)),
            _ => Err(A::Error::invalid_type(Unexpected::Seq, &self)),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<Value, A::Error> {
        let Shape::Map(key, inner) = self.shape else {
            return Err(A::Error::invalid_type(Unexpected::Map, &self));
        };
        let mut entries = Vec::new();
        while let Some(entry) = from.next_entry_seed(self.of(key), self.of(inner))? {
            entries.push(entry);
        }
        Ok(Value::Map(entries))
    }
}

fn by_position<'de, 's, A: SeqAccess<'de>>(
    wanted: Wanted<'s>,
    parts: &'s [Shape],
    mut from: A,
) -> Result<Vec<Value>, A::Error> {
    let mut values = Vec::new();
    for (number, part) in parts.iter().enumerate() {
        let value = from.next_element_seed(wanted.of(part))?;
        values.push(value.ok_or_else(|| A::Error::invalid_length(number, &wanted))?);
    }
    Ok(values)
}

/// What a struct or a variant holds.
struct Held<'s> {
    wanted: Wanted<'s>,
    content: &'s Content,
}

impl Held<'_> {
    fn missing<E: Error>(&self, field: &Field) -> Result<Value, E> {
        match (&field.shape, field.default) {
            (Shape::Option(_), _) => Ok(Value::Option(None)),
            (shape, Some(true)) => Ok(default_value(self.wanted.schema, shape)),
            _ => Err(E::missing_field(forever(&field.name))),
        }
    }
}

impl<'de> Visitor<'de> for Held<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "what is held by {}", self.wanted.schema.of(self.wanted.shape))
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        match self.content {
            Content::Unit => Ok(Value::Unit),
            _ => Err(E::invalid_type(Unexpected::Unit, &self)),
        }
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, from: D) -> Result<Value, D::Error> {
        match self.content {
            Content::Newtype(shape) => self.wanted.of(shape).deserialize(from),
            _ => Err(D::Error::invalid_type(Unexpected::NewtypeStruct, &self)),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Value, A::Error> {
        match self.content {
            Content::Unit => Err(A::Error::invalid_type(Unexpected::Seq, &self)),
            Content::Newtype(shape) => from
                .next_element_seed(self.wanted.of(shape))?
                .ok_or_else(|| A::Error::invalid_length(0, &self)),
            Content::Tuple(parts) => Ok(Value::Tuple(by_position(self.wanted, parts, from)?)),
            Content::Fields(fields) => {
                let mut values = Vec::new();
                for (number, field) in fields.iter().enumerate() {
                    let value = match from.next_element_seed(self.wanted.of(&field.shape))? {
                        Some(value) => value,
                        None if field.default == Some(true) => {
                            default_value(self.wanted.schema, &field.shape)
                        }
                        None => return Err(A::Error::invalid_length(number, &self)),
                    };
                    values.push((field.name.clone(), value));
                }
                Ok(Value::Struct(values))
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<Value, A::Error> {
        let Content::Fields(fields) = self.content else {
            return Err(A::Error::invalid_type(Unexpected::Map, &self));
        };
        let mut values = vec![None; fields.len()];
        let called = |name: &str| fields.iter().position(|field| field.is_called(name));
        while let Some(place) = from.next_key_seed(Identifier(&called))? {
            let Some(place) = place else {
                from.next_value::<IgnoredAny>()?;
                continue;
            };
            if values[place].is_some() {
                return Err(A::Error::duplicate_field(forever(&fields[place].name)));
            }
            values[place] = Some(from.next_value_seed(self.wanted.of(&fields[place].shape))?);
        }
        let complete = |(field, value): (&Field, Option<Value>)| {
            let value = value.map_or_else(|| self.missing(field), Ok)?;
            Ok((field.name.clone(), value))
        };
        Ok(Value::Struct(fields.iter().zip(values).map(complete).collect::<Result<_, _>>()?))
    }
}

/// The name or the number of a field or a variant. What has no such name is none.
struct Identifier<'f>(&'f dyn Fn(&str) -> Option<usize>);

impl<'de> DeserializeSeed<'de> for Identifier<'_> {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Option<usize>, D::Error> {
        from.deserialize_identifier(self)
    }
}

impl<'de> Visitor<'de> for Identifier<'_> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an identifier")
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Option<usize>, E> {
        Ok(usize::try_from(number).ok())
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Option<usize>, E> {
        Ok((self.0)(name))
    }
}

struct Variants<'s> {
    wanted: Wanted<'s>,
    variants: &'s [Variant],
}

impl<'de> Visitor<'de> for Variants<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.wanted.schema.of(self.wanted.shape))
    }

    fn visit_enum<A: EnumAccess<'de>>(self, from: A) -> Result<Value, A::Error> {
        let called = |name: &str| self.variants.iter().position(|variant| variant.is_called(name));
        let (number, content) = from.variant_seed(Identifier(&called))?;
        let variant = number.and_then(|number| self.variants.get(number));
        let variant = variant.ok_or_else(|| A::Error::unknown_variant("another", &[]))?;
        let held = self.wanted.held(&variant.content);
        let value = match &variant.content {
            Content::Unit => content.unit_variant().map(|()| Value::Unit),
            Content::Newtype(shape) => content.newtype_variant_seed(self.wanted.of(shape)),
            Content::Tuple(parts) => content.tuple_variant(parts.len(), held),
            Content::Fields(fields) => {
                let names = all_names(fields.iter().map(|field| (&field.name, &field.aliases)));
                content.struct_variant(names, held)
            }
        }?;
        Ok(Value::Variant(variant.name.clone(), Box::new(value)))
    }
}
