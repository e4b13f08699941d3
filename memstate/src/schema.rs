//! What types look like, traced from serde itself: the model's state and the arguments of its commands.
//!
//! Bytes in postcard's format do not say what they are, so bytes of one type can be read as another without an error. The
//! shapes of all types stand in front of what is written with them, and what does not match is refused.
//!
//! A type is traced by having it deserialized from a source that notes what is asked for and answers with samples. An
//! enum is gone through once for each variant. Where a `Deserialize` refuses every sample, the tracing ends, and what
//! was seen so far is the shape.

use std::{
    collections::{BTreeMap, BTreeSet},
    panic::{AssertUnwindSafe, catch_unwind},
};

use serde::{
    Deserializer,
    de::{
        DeserializeOwned, DeserializeSeed, EnumAccess, Error as _, IntoDeserializer, MapAccess, SeqAccess,
        VariantAccess, Visitor, value::Error,
    },
};

/// How deep a type may contain itself while it is traced; a variant that ends it is found before.
const RECURSION_MAX: usize = 64;

/// The shapes of all named types that were traced.
#[derive(Debug, Default)]
pub struct Shapes {
    /// Structs by serde's name. Types of one name in different modules, or with other parameters, have several shapes.
    structs: BTreeMap<&'static str, BTreeSet<String>>,
    /// Enums by serde's name, and what each variant holds, once it was traced.
    enums: BTreeMap<&'static str, Vec<(&'static str, Option<String>)>>,
    /// The types that are being traced, one inside of the other.
    inside: Vec<&'static str>,
    /// How many of them are inside of themselves.
    recursion: usize,
}

impl Shapes {
    /// The shape of `T`; those of the named types in it are added here.
    pub fn of<T: DeserializeOwned>(&mut self) -> String {
        let mut shape = String::new();
        loop {
            let traced = self.traced();
            let mut out = String::new();
            // The user's `Deserialize` runs here. What it makes of the samples is nobody's value, and is not dropped,
            // because destructors may do anything.
            let made =
                catch_unwind(AssertUnwindSafe(|| T::deserialize(Tracer { shapes: self, out: &mut out })));
            if let Ok(Ok(value)) = made {
                std::mem::forget(value);
            }
            (self.inside, self.recursion) = (Vec::new(), 0);
            if shape.is_empty() {
                shape = out;
            }
            if self.traced() == traced {
                return shape;
            }
        }
    }

    /// All named types with their shapes.
    pub fn into_types(self) -> BTreeMap<String, String> {
        let structs = self.structs.into_iter().map(|(name, shapes)| {
            let shapes: Vec<_> = shapes.into_iter().collect();
            (name.to_owned(), shapes.join(" or "))
        });
        let enums = self.enums.into_iter().map(|(name, variants)| {
            let variants: Vec<_> = variants
                .into_iter()
                .map(|(name, held)| format!("{name}{}", held.unwrap_or_default()))
                .collect();
            (name.to_owned(), format!("{{ {} }}", variants.join(", ")))
        });
        let mut types: BTreeMap<String, String> = structs.collect();
        for (name, shape) in enums {
            types.entry(name).and_modify(|other| *other = format!("{other} or {shape}")).or_insert(shape);
        }
        types
    }

    /// How much was traced, to see whether another pass finds more.
    fn traced(&self) -> usize {
        self.enums.values().flatten().filter(|(_, held)| held.is_some()).count()
    }

    fn enter(&mut self, name: &'static str) -> Result<bool, Error> {
        let recursive = self.inside.contains(&name);
        self.recursion += usize::from(recursive);
        if self.recursion > RECURSION_MAX {
            return Err(Error::custom("the type contains itself without an end"));
        }
        self.inside.push(name);
        Ok(recursive)
    }

    fn leave(&mut self, recursive: bool) {
        self.inside.pop();
        self.recursion -= usize::from(recursive);
    }
}

/// The source that notes what is asked for.
struct Tracer<'a> {
    shapes: &'a mut Shapes,
    /// Where the shape of what is asked for is written.
    out: &'a mut String,
}

/// Simple values, each with its name and the sample that is given for it.
macro_rules! simple {
    ($($method:ident $name:literal $visit:ident $sample:expr;)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            self.out.push_str($name);
            visitor.$visit($sample)
        }
    )*};
}

impl<'de> Deserializer<'de> for Tracer<'_> {
    type Error = Error;

    simple! {
        deserialize_bool "bool" visit_bool false;
        deserialize_i8 "i8" visit_i8 1;
        deserialize_i16 "i16" visit_i16 1;
        deserialize_i32 "i32" visit_i32 1;
        deserialize_i64 "i64" visit_i64 1;
        deserialize_i128 "i128" visit_i128 1;
        deserialize_u8 "u8" visit_u8 1;
        deserialize_u16 "u16" visit_u16 1;
        deserialize_u32 "u32" visit_u32 1;
        deserialize_u64 "u64" visit_u64 1;
        deserialize_u128 "u128" visit_u128 1;
        deserialize_f32 "f32" visit_f32 1.0;
        deserialize_f64 "f64" visit_f64 1.0;
        deserialize_char "char" visit_char 'a';
        deserialize_str "str" visit_str "a";
        deserialize_string "str" visit_str "a";
        // As many as a UUID or an address has.
        deserialize_bytes "bytes" visit_bytes &[0; 16];
        deserialize_byte_buf "bytes" visit_bytes &[0; 16];
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.out.push_str("()");
        visitor.visit_unit()
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.shapes.recursion > 0 {
            self.out.push_str("option");
            return visitor.visit_none();
        }
        self.out.push_str("option of ");
        visitor.visit_some(self)
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.shapes.structs.entry(name).or_default().insert(String::from("()"));
        self.out.push_str(name);
        visitor.visit_unit()
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.named(name, |shapes, out| {
            out.push('(');
            let value = visitor.visit_newtype_struct(Tracer { shapes, out });
            out.push(')');
            value
        })
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let count = usize::from(self.shapes.recursion == 0);
        self.out.push_str("list of ");
        visitor.visit_seq(Parts::new(self.shapes, self.out, count, &[]))
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, Error> {
        parts(self.shapes, self.out, length, &[], visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.named(name, |shapes, out| parts(shapes, out, length, &[], visitor))
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let count = usize::from(self.shapes.recursion == 0);
        self.out.push_str("map of ");
        visitor.visit_map(Parts::new(self.shapes, self.out, count, &[]))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.named(name, |shapes, out| parts(shapes, out, fields.len(), fields, visitor))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.out.push_str(name);
        let recursive = self.shapes.enter(name)?;
        let known = self
            .shapes
            .enums
            .entry(name)
            .or_insert_with(|| variants.iter().map(|variant| (*variant, None)).collect());
        let next = known.iter().position(|(_, held)| held.is_none());
        let index = match next.filter(|_| !recursive) {
            Some(next) => next,
            // Another one each time deeper, so that one which ends the recursion is met.
            None => self.shapes.recursion % variants.len().max(1),
        };
        let Some(&variant) = variants.get(index) else {
            return Err(Error::custom("an enum without variants has no values"));
        };
        let mut held = String::new();
        let value = visitor.visit_enum(Variant { shapes: self.shapes, out: &mut held, index });
        if !recursive
            && let Some(known) = self.shapes.enums.get_mut(name)
            && let Some((_, slot)) = known.iter_mut().find(|(name, _)| *name == variant)
        {
            slot.get_or_insert(held);
        }
        self.shapes.leave(recursive);
        value
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_u32(0)
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
        self.out.push('?');
        Err(Error::custom("a type that takes whatever comes has no shape"))
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_any(visitor)
    }

    fn is_human_readable(&self) -> bool {
        // As postcard is.
        false
    }
}

impl Tracer<'_> {
    /// Traces a named struct: here stands its name, and its shape among those of its name.
    fn named<T>(
        self,
        name: &'static str,
        trace: impl FnOnce(&mut Shapes, &mut String) -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.out.push_str(name);
        let recursive = self.shapes.enter(name)?;
        let mut shape = String::new();
        let value = trace(self.shapes, &mut shape);
        if !recursive {
            self.shapes.structs.entry(name).or_default().insert(shape);
        }
        self.shapes.leave(recursive);
        value
    }
}

/// Traces `count` parts, with the names of fields if they have any.
fn parts<'de, V: Visitor<'de>>(
    shapes: &mut Shapes,
    out: &mut String,
    count: usize,
    fields: &'static [&'static str],
    visitor: V,
) -> Result<V::Value, Error> {
    let (open, close) = if fields.is_empty() { ("(", ")") } else { ("{ ", " }") };
    out.push_str(open);
    let value = visitor.visit_seq(Parts::new(shapes, out, count, fields));
    out.push_str(close);
    value
}

/// A number of parts, one after another.
struct Parts<'a> {
    shapes: &'a mut Shapes,
    out: &'a mut String,
    count: usize,
    given: usize,
    fields: &'static [&'static str],
}

impl<'a> Parts<'a> {
    fn new(
        shapes: &'a mut Shapes,
        out: &'a mut String,
        count: usize,
        fields: &'static [&'static str],
    ) -> Self {
        Parts { shapes, out, count, given: 0, fields }
    }
}

impl<'de> SeqAccess<'de> for Parts<'_> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        if self.given == self.count {
            return Ok(None);
        }
        if self.given > 0 {
            self.out.push_str(", ");
        }
        if let Some(field) = self.fields.get(self.given) {
            self.out.push_str(field);
            self.out.push_str(": ");
        }
        self.given += 1;
        seed.deserialize(Tracer { shapes: self.shapes, out: self.out }).map(Some)
    }
}

impl<'de> MapAccess<'de> for Parts<'_> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        if self.given == self.count {
            return Ok(None);
        }
        self.given += 1;
        seed.deserialize(Tracer { shapes: self.shapes, out: self.out }).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        self.out.push_str(" to ");
        seed.deserialize(Tracer { shapes: self.shapes, out: self.out })
    }
}

/// One variant of an enum.
struct Variant<'a> {
    shapes: &'a mut Shapes,
    out: &'a mut String,
    index: usize,
}

impl<'de, 'a> EnumAccess<'de> for Variant<'a> {
    type Error = Error;
    type Variant = Variant<'a>;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Variant<'a>), Error> {
        let index = u32::try_from(self.index).map_err(Error::custom)?;
        Ok((seed.deserialize(IntoDeserializer::<Error>::into_deserializer(index))?, self))
    }
}

impl<'de> VariantAccess<'de> for Variant<'_> {
    type Error = Error;

    fn unit_variant(self) -> Result<(), Error> {
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Error> {
        self.out.push('(');
        let value = seed.deserialize(Tracer { shapes: self.shapes, out: self.out });
        self.out.push(')');
        value
    }

    fn tuple_variant<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, Error> {
        parts(self.shapes, self.out, length, &[], visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.out.push(' ');
        parts(self.shapes, self.out, fields.len(), fields, visitor)
    }
}

#[cfg(test)]
#[allow(dead_code, reason = "what counts is how they look")]
mod tests {
    use std::num::NonZeroU32;

    use serde::Deserialize;
    use uuid::Uuid;

    use super::*;

    fn types<T: DeserializeOwned>() -> (String, BTreeMap<String, String>) {
        let mut shapes = Shapes::default();
        let shape = shapes.of::<T>();
        (shape, shapes.into_types())
    }

    fn shape_of<T: DeserializeOwned>(name: &str) -> String {
        types::<T>().1.remove(name).unwrap_or_else(|| panic!("{name} was not traced"))
    }

    #[derive(Deserialize)]
    struct Book {
        copies: u32,
        title: Option<String>,
        id: Uuid,
        pages: NonZeroU32,
        status: Status,
        tags: Vec<(u8, String)>,
        lent: BTreeMap<u64, Status>,
    }

    #[derive(Deserialize)]
    enum Status {
        Free,
        Lent(u64),
        Lost { since: i64, by: Box<Option<Reader>> },
        Pair(u8, bool),
    }

    #[derive(Deserialize)]
    struct Reader(String);

    #[derive(Deserialize)]
    enum Tree {
        Node(Box<Tree>, Box<Tree>),
        Many(Vec<Tree>),
        Leaf(u8),
    }

    #[derive(Deserialize)]
    struct Chain {
        next: Option<Box<Chain>>,
        all: Vec<Chain>,
        value: i32,
    }

    #[test]
    fn structs_and_enums_are_traced_with_their_names() {
        let (shape, types) = types::<Book>();
        assert_eq!(shape, "Book");
        assert_eq!(
            types["Book"],
            "{ copies: u32, title: option of str, id: bytes, pages: u32, status: Status, tags: list of (u8, str), \
             lent: map of u64 to Status }"
        );
        assert_eq!(
            types["Status"],
            "{ Free, Lent(u64), Lost { since: i64, by: option of Reader }, Pair(u8, bool) }"
        );
        assert_eq!(types["Reader"], "(str)");
    }

    #[test]
    fn types_that_contain_themselves_are_traced() {
        assert_eq!(shape_of::<Tree>("Tree"), "{ Node(Tree, Tree), Many(list of Tree), Leaf(u8) }");
        assert_eq!(shape_of::<Chain>("Chain"), "{ next: option of Chain, all: list of Chain, value: i32 }");
    }

    #[test]
    fn what_refuses_samples_ends_the_tracing_and_nothing_else() {
        #[derive(Deserialize)]
        struct Picky {
            before: u8,
            #[serde(deserialize_with = "refuse")]
            refused: u8,
            after: u8,
        }
        fn refuse<'de, D: Deserializer<'de>>(_: D) -> Result<u8, D::Error> {
            Err(D::Error::custom("no"))
        }
        #[derive(Deserialize)]
        struct Panics(#[serde(deserialize_with = "panic")] u8);
        fn panic<'de, D: Deserializer<'de>>(_: D) -> Result<u8, D::Error> {
            panic!("no")
        }
        assert_eq!(shape_of::<Picky>("Picky"), "{ before: u8, refused:  }");
        assert_eq!(types::<Panics>().0, "Panics");
        assert_eq!(types::<Vec<u8>>().0, "list of u8");
    }
}
