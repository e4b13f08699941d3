//! Enums: by the name of the variant.

use serde::{
    de::{DeserializeSeed, Deserializer, EnumAccess, VariantAccess, Visitor},
    forward_to_deserialize_any,
};

use super::{
    names,
    reader::{Carrier, Reader},
    structs::today_names,
};
use crate::schema::{
    Content, Variant,
    form::Form,
    trouble::{Result, Step, Trouble},
    wire::known_variant,
};

/// Presents the variant that was written under the name that it has today.
///
/// If today's enum does not have it, under the writer's: the enum may have a variant for all others.
pub(super) fn present<'a, 'de, V: Visitor<'de>>(
    carrier: &mut Carrier<'a, 'de>,
    written: &'a [Variant],
    today: &'static [&'static str],
    depth: u32,
    visitor: V,
) -> Result<V::Value> {
    let number = carrier.source.variant()?;
    let variant = known_variant(written, number)?;
    let name = today_names(carrier, written, today)[number];
    let place = names::same(written, today).then_some(number as u64);
    let tag = Tag { name: name.unwrap_or(&variant.name), place };
    visitor.visit_enum(Chosen { carrier, content: &variant.content, tag, depth }).map_err(|error| {
        if name.is_some() { error.within(Step::Variant(variant.name.clone())) } else { error }
    })
}

/// Which variant it is.
///
/// Its name serves every derived `Deserialize`, and is right also where two of the writer's variants are one today by an
/// alias. Its place serves one that somebody wrote for numbers, if the variants are the same.
struct Tag<'a> {
    name: &'a str,
    place: Option<u64>,
}

impl<'de> Deserializer<'de> for Tag<'_> {
    type Error = Trouble;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_str(self.name)
    }

    fn deserialize_u32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        let place = self.place.and_then(|place| u32::try_from(place).ok());
        visitor.visit_u32(place.ok_or_else(|| {
            Trouble::new(
                "today's enum knows its variants by their numbers only, and its variants have changed",
            )
        })?)
    }

    fn deserialize_u8<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.deserialize_u32(visitor)
    }

    fn deserialize_u16<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.deserialize_u32(visitor)
    }

    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.deserialize_u32(visitor)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u128 f32 f64 char str string bytes byte_buf option unit unit_struct newtype_struct seq
        tuple tuple_struct map struct enum identifier ignored_any
    }
}

struct Chosen<'r, 'a, 'de> {
    carrier: &'r mut Carrier<'a, 'de>,
    content: &'a Content,
    tag: Tag<'a>,
    depth: u32,
}

impl<'r, 'a, 'de> EnumAccess<'de> for Chosen<'r, 'a, 'de> {
    type Error = Trouble;
    type Variant = Held<'r, 'a, 'de>;

    fn variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<(T::Value, Self::Variant)> {
        let variant = seed.deserialize(self.tag)?;
        Ok((variant, Held { carrier: self.carrier, content: self.content, depth: self.depth }))
    }
}

/// What a variant holds.
struct Held<'r, 'a, 'de> {
    carrier: &'r mut Carrier<'a, 'de>,
    content: &'a Content,
    depth: u32,
}

impl<'r, 'a, 'de> Held<'r, 'a, 'de> {
    fn reader(self) -> Reader<'r, 'a, 'de> {
        Reader::new(self.carrier, self.content.place(), self.depth)
    }
}

impl<'de> VariantAccess<'de> for Held<'_, '_, 'de> {
    type Error = Trouble;

    /// What it held is skipped: today it holds nothing.
    fn unit_variant(self) -> Result<()> {
        self.carrier.source.skip(self.content.place())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value> {
        seed.deserialize(self.reader())
    }

    fn tuple_variant<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value> {
        let form = match self.content {
            Content::Unit => Form::Unit,
            Content::Newtype(shape) => Form::Tuple(std::slice::from_ref(shape)),
            Content::Tuple(parts) => Form::Tuple(parts),
            Content::Fields(fields) => Form::Struct(fields),
        };
        let wanted = format_args!("{length} values without names");
        self.reader().by_position(form, length, &wanted, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        let form = self.content.place().form(self.carrier.source.schema)?;
        self.reader().by_name(form, fields, &"fields with names", visitor)
    }
}
