//! [`Asked`]: a serde `Deserializer` in front of sources that are not generic.
//!
//! What is generic over the types of a model is compiled again for each of them. Tracing and carrying over are rare, so both
//! answer through [`Source`], which can be a `dyn`: each type's `Deserialize` is compiled once for the two of them, and what it
//! calls is compiled with this crate. Only the reader of the hot path (`codec::reader`) has a `Deserializer` of its own.

use std::{
    any::type_name,
    hash::{Hash, Hasher},
    mem::discriminant,
};

use serde::de::{DeserializeSeed, Deserializer, EnumAccess, MapAccess, SeqAccess, VariantAccess, Visitor};

use super::trouble::{Result, Trouble};
use crate::codec::reader::{Fault, Reader as Plain};

/// Where a value comes from, as its `Deserialize` asks for it. It is asked once.
pub(crate) trait Source<'de> {
    /// A simple value is wanted. [`leave`](Source::leave) is called when it was taken or refused.
    fn leaf(&mut self, leaf: Leaf) -> Result<Scalar<'de>>;

    /// What the type made of a simple value.
    fn leave(&mut self, made: bool) {
        let _ = made;
    }

    /// Something else is wanted, by the visitor of this name; `visit` is called with it at most once.
    fn compound(&mut self, wanted: Wanted, visitor: &'static str, visit: Visit<'_, 'de>) -> Result<()>;

    /// Which field or variant this is, or whatever there is.
    fn name(&mut self) -> Result<Name<'_>>;

    /// Whatever there is, it is not wanted.
    fn ignore(&mut self) -> Result<()>;
}

/// Takes what is there.
pub(crate) type Visit<'v, 'de> = &'v mut dyn FnMut(Given<'_, 'de>) -> Result<()>;

/// Makes a value of a source.
pub(crate) type Seed<'s, 'de> = &'s mut dyn FnMut(&mut dyn Source<'de>) -> Result<()>;

/// Makes a key or a variant of a source, and tells what sets the variants of an enum apart. All values of other types are alike.
pub(crate) type KeySeed<'s, 'de> = &'s mut dyn FnMut(&mut dyn Source<'de>) -> Result<u64>;

/// A simple value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Leaf {
    Unit,
    Bool,
    Signed(u8),
    Unsigned(u8),
    F32,
    F64,
    Char,
    Text,
    Bytes,
}

/// What is wanted, if it is no simple value.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Wanted {
    Option,
    UnitStruct(&'static str),
    Newtype(&'static str),
    List,
    Tuple(usize),
    TupleStruct(&'static str, usize),
    Map,
    Struct(&'static str, &'static [&'static str]),
    Enum(&'static str, &'static [&'static str]),
}

/// A simple value that is there. Numbers fit the bits that were asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Scalar<'de> {
    Unit,
    Bool(bool),
    Signed(i128),
    Unsigned(u128),
    F32(f32),
    F64(f64),
    Char(char),
    Text(&'de str),
    /// The text that [`Source::name`] gives.
    Name,
    Bytes(&'de [u8]),
}

/// A field or a variant.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Name<'n> {
    /// By a name of today's.
    Today(&'static str),
    /// By a name that was written.
    Written(&'n str),
    Number(u32),
}

/// What is there, if it is no simple value.
pub(crate) enum Given<'g, 'de> {
    /// None, or no fields.
    Nothing,
    /// What an option or a newtype holds.
    Inner(&'g mut dyn Source<'de>),
    Elements(&'g mut dyn Elements<'de>),
    Entries(&'g mut dyn Entries<'de>),
    Variant(&'g mut dyn Chosen<'de>),
    /// Bytes that the type has written itself; a fault is kept.
    Plain(&'g mut Plain<'de>, &'g mut Option<Fault>),
}

/// Values one after another.
pub(crate) trait Elements<'de> {
    /// Calls `seed` with the next one, if there is one.
    fn next(&mut self, seed: Seed<'_, 'de>) -> Result<()>;

    /// How many are left.
    fn left(&self) -> Option<usize>;
}

/// Keys and values in turn.
pub(crate) trait Entries<'de> {
    /// Calls `seed` with the next key, if there is one.
    fn key(&mut self, seed: KeySeed<'_, 'de>) -> Result<()>;

    /// Calls `seed` with the value of the last key.
    fn value(&mut self, seed: Seed<'_, 'de>) -> Result<()>;

    /// How many are left.
    fn left(&self) -> Option<usize>;
}

/// A variant of an enum: which one it is, then one of the others.
pub(crate) trait Chosen<'de> {
    /// Calls `seed` with the variant's name.
    fn tag(&mut self, seed: KeySeed<'_, 'de>) -> Result<()>;

    /// It holds nothing.
    fn unit(&mut self) -> Result<()>;

    /// Calls `seed` with the one value that it holds.
    fn newtype(&mut self, seed: Seed<'_, 'de>) -> Result<()>;

    /// Calls `visit` with so many values.
    fn tuple(&mut self, length: usize, visit: Visit<'_, 'de>) -> Result<()>;

    /// Calls `visit` with fields.
    fn fields(&mut self, names: &'static [&'static str], visit: Visit<'_, 'de>) -> Result<()>;
}

/// A source as serde knows one.
pub(crate) struct Asked<'r, 'de>(pub(crate) &'r mut dyn Source<'de>);

/// Something was given that was not asked for.
#[cold]
fn unasked() -> Trouble {
    Trouble::new("the source of this value has answered with another kind than was asked for")
}

/// What sets the variants of an enum apart that serde made for names.
fn key_of<T>(value: &T) -> u64 {
    struct Key(u64);
    impl Hasher for Key {
        fn write(&mut self, bytes: &[u8]) {
            for byte in bytes {
                self.0 = self.0.wrapping_mul(0x100_0193) ^ u64::from(*byte);
            }
        }
        fn finish(&self) -> u64 {
            self.0
        }
    }
    let mut key = Key(0);
    discriminant(value).hash(&mut key);
    key.finish()
}

/// Something to be used once, and what came of it.
struct Once<S, T> {
    with: Option<S>,
    made: Option<T>,
}

impl<S, T> Once<S, T> {
    fn new(with: S) -> Self {
        Once { with: Some(with), made: None }
    }

    fn take(&mut self) -> Result<S> {
        self.with.take().ok_or_else(unasked)
    }

    fn made(self) -> Result<T> {
        self.made.ok_or_else(unasked)
    }
}

impl<'de> dyn Source<'de> + '_ {
    fn signed(&mut self, bits: u8) -> Result<i128> {
        match self.leaf(Leaf::Signed(bits))? {
            Scalar::Signed(number) => Ok(number),
            _ => Err(unasked()),
        }
    }

    fn unsigned(&mut self, bits: u8) -> Result<u128> {
        match self.leaf(Leaf::Unsigned(bits))? {
            Scalar::Unsigned(number) => Ok(number),
            _ => Err(unasked()),
        }
    }

    fn bytes(&mut self) -> Result<&'de [u8]> {
        match self.leaf(Leaf::Bytes)? {
            Scalar::Bytes(bytes) => Ok(bytes),
            _ => Err(unasked()),
        }
    }
}

macro_rules! numbers {
    ($($deserialize:ident $visit:ident $read:ident($bits:literal) $number:ty;)*) => { $(
        fn $deserialize<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
            let number = self.0.$read($bits)? as $number;
            self.taken(visitor.$visit(number))
        }
    )* };
}

macro_rules! simple {
    ($($deserialize:ident $visit:ident $leaf:ident;)*) => { $(
        fn $deserialize<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
            let Scalar::$leaf(value) = self.0.leaf(Leaf::$leaf)? else { return Err(unasked()) };
            self.taken(visitor.$visit(value))
        }
    )* };
}

/// What is wanted, what the visitor does with it, and how it is asked for of the reader without a schema.
macro_rules! compounds {
    ($($deserialize:ident($($name:ident: $ty:ty),*) $wanted:expr, $($given:pat => $visit:expr),+;)*) => { $(
        fn $deserialize<V: Visitor<'de>>(self $(, $name: $ty)*, visitor: V) -> Result<V::Value> {
            let mut once = Once::new(visitor);
            self.0.compound($wanted, type_name::<V>(), &mut |given| {
                let visitor: V = once.take()?;
                once.made = Some(match given {
                    $($given => call($visit, visitor)?,)+
                    Given::Plain(plain, fault) => plain.$deserialize($($name,)* visitor).map_err(|why| keep(fault, why))?,
                    _ => return Err(unasked()),
                });
                Ok(())
            })?;
            once.made()
        }
    )* };
}

/// Says what the closure takes, where it stands in a pattern's arm.
fn call<V, T>(visit: impl FnOnce(V) -> Result<T>, visitor: V) -> Result<T> {
    visit(visitor)
}

/// Keeps a fault for whoever knows its words.
#[cold]
fn keep(place: &mut Option<Fault>, fault: Fault) -> Trouble {
    *place = Some(fault);
    unasked()
}

impl Asked<'_, '_> {
    fn taken<T>(self, made: Result<T>) -> Result<T> {
        self.0.leave(made.is_ok());
        made
    }
}

impl<'de> Deserializer<'de> for Asked<'_, 'de> {
    type Error = Trouble;

    fn is_human_readable(&self) -> bool {
        // As postcard is.
        false
    }

    numbers! {
        deserialize_i8 visit_i8 signed(8) i8;
        deserialize_i16 visit_i16 signed(16) i16;
        deserialize_i32 visit_i32 signed(32) i32;
        deserialize_i64 visit_i64 signed(64) i64;
        deserialize_i128 visit_i128 signed(128) i128;
        deserialize_u8 visit_u8 unsigned(8) u8;
        deserialize_u16 visit_u16 unsigned(16) u16;
        deserialize_u32 visit_u32 unsigned(32) u32;
        deserialize_u64 visit_u64 unsigned(64) u64;
        deserialize_u128 visit_u128 unsigned(128) u128;
    }

    simple! {
        deserialize_bool visit_bool Bool;
        deserialize_f32 visit_f32 F32;
        deserialize_f64 visit_f64 F64;
        deserialize_char visit_char Char;
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match self.0.leaf(Leaf::Text)? {
            Scalar::Text(text) => self.taken(visitor.visit_borrowed_str(text)),
            _ => self.deserialize_identifier(visitor),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.deserialize_str(visitor)
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        let bytes = self.0.bytes()?;
        self.taken(visitor.visit_borrowed_bytes(bytes))
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.deserialize_bytes(visitor)
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.0.leaf(Leaf::Unit)?;
        self.taken(visitor.visit_unit())
    }

    compounds! {
        deserialize_option() Wanted::Option,
            Given::Inner(inner) => |visitor: V| visitor.visit_some(Asked(inner)),
            Given::Nothing => |visitor: V| visitor.visit_none();
        deserialize_unit_struct(name: &'static str) Wanted::UnitStruct(name),
            Given::Nothing => |visitor: V| visitor.visit_unit();
        deserialize_newtype_struct(name: &'static str) Wanted::Newtype(name),
            Given::Inner(inner) => |visitor: V| visitor.visit_newtype_struct(Asked(inner));
        deserialize_seq() Wanted::List,
            Given::Elements(elements) => |visitor: V| visitor.visit_seq(elements);
        deserialize_tuple(length: usize) Wanted::Tuple(length),
            Given::Elements(elements) => |visitor: V| visitor.visit_seq(elements);
        deserialize_tuple_struct(name: &'static str, length: usize) Wanted::TupleStruct(name, length),
            Given::Elements(elements) => |visitor: V| visitor.visit_seq(elements);
        deserialize_map() Wanted::Map,
            Given::Entries(entries) => |visitor: V| visitor.visit_map(entries);
        deserialize_struct(name: &'static str, fields: &'static [&'static str]) Wanted::Struct(name, fields),
            Given::Elements(elements) => |visitor: V| visitor.visit_seq(elements),
            Given::Entries(entries) => |visitor: V| visitor.visit_map(entries);
        deserialize_enum(name: &'static str, variants: &'static [&'static str]) Wanted::Enum(name, variants),
            Given::Variant(chosen) => |visitor: V| visitor.visit_enum(chosen);
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match self.0.name()? {
            Name::Today(name) => visitor.visit_borrowed_str(name),
            Name::Written(name) => visitor.visit_str(name),
            Name::Number(number) => visitor.visit_u32(number),
        }
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.deserialize_identifier(visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.0.ignore()?;
        visitor.visit_unit()
    }
}

impl<'de> SeqAccess<'de> for &mut (dyn Elements<'de> + '_) {
    type Error = Trouble;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>> {
        let mut once = Once::new(seed);
        self.next(&mut |source| {
            once.made = Some(once.take()?.deserialize(Asked(source))?);
            Ok(())
        })?;
        Ok(once.made)
    }

    fn size_hint(&self) -> Option<usize> {
        self.left()
    }
}

impl<'de> MapAccess<'de> for &mut (dyn Entries<'de> + '_) {
    type Error = Trouble;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>> {
        let mut once = Once::new(seed);
        self.key(&mut |source| {
            Ok(key_of(once.made.insert(once.with.take().ok_or_else(unasked)?.deserialize(Asked(source))?)))
        })?;
        Ok(once.made)
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value> {
        let mut once = Once::new(seed);
        self.value(&mut |source| {
            once.made = Some(once.take()?.deserialize(Asked(source))?);
            Ok(())
        })?;
        once.made()
    }

    fn size_hint(&self) -> Option<usize> {
        self.left()
    }
}

impl<'de> EnumAccess<'de> for &mut (dyn Chosen<'de> + '_) {
    type Error = Trouble;
    type Variant = Self;

    fn variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<(T::Value, Self)> {
        let mut once = Once::new(seed);
        self.tag(&mut |source| {
            Ok(key_of(once.made.insert(once.with.take().ok_or_else(unasked)?.deserialize(Asked(source))?)))
        })?;
        Ok((once.made()?, self))
    }
}

impl<'de> VariantAccess<'de> for &mut (dyn Chosen<'de> + '_) {
    type Error = Trouble;

    fn unit_variant(self) -> Result<()> {
        self.unit()
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value> {
        let mut once = Once::new(seed);
        self.newtype(&mut |source| {
            once.made = Some(once.take()?.deserialize(Asked(source))?);
            Ok(())
        })?;
        once.made()
    }

    fn tuple_variant<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value> {
        let mut once = Once::new(visitor);
        self.tuple(length, &mut |given| {
            let Given::Elements(elements) = given else { return Err(unasked()) };
            once.made = Some(once.take()?.visit_seq(elements)?);
            Ok(())
        })?;
        once.made()
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        let mut once = Once::new(visitor);
        self.fields(fields, &mut |given| {
            let visitor = once.take()?;
            once.made = Some(match given {
                Given::Elements(elements) => visitor.visit_seq(elements)?,
                Given::Entries(entries) => visitor.visit_map(entries)?,
                _ => return Err(unasked()),
            });
            Ok(())
        })?;
        once.made()
    }
}

/// The name of a field or of a variant, as a source.
#[derive(Clone, Copy)]
pub(crate) struct Named<'n> {
    name: Name<'n>,
    /// Its number, if it has the same today, for a `Deserialize` that somebody wrote for numbers.
    number: Option<u32>,
}

impl<'n> Named<'n> {
    pub(crate) fn today(name: &'static str) -> Self {
        Named { name: Name::Today(name), number: None }
    }

    pub(crate) fn number(number: u32) -> Self {
        Named { name: Name::Number(number), number: Some(number) }
    }

    pub(crate) fn written(name: &'n str, number: Option<u32>) -> Self {
        Named { name: Name::Written(name), number }
    }
}

impl<'de> Source<'de> for Named<'_> {
    fn leaf(&mut self, leaf: Leaf) -> Result<Scalar<'de>> {
        match (leaf, self.name, self.number) {
            (Leaf::Text, Name::Today(name), _) => Ok(Scalar::Text(name)),
            (Leaf::Text, Name::Written(_), _) => Ok(Scalar::Name),
            (Leaf::Unsigned(bits), _, Some(number)) if bits >= 32 || number >> bits == 0 => {
                Ok(Scalar::Unsigned(number.into()))
            }
            (Leaf::Unsigned(_), _, None) => Err(Trouble::new(
                "today's enum knows its variants by their numbers only, and its variants have changed",
            )),
            _ => Err(no_name()),
        }
    }

    fn compound(&mut self, wanted: Wanted, _: &'static str, visit: Visit<'_, 'de>) -> Result<()> {
        match wanted {
            // An enum for names that is read as any other.
            Wanted::Enum(..) => visit(Given::Variant(self)),
            _ => Err(no_name()),
        }
    }

    fn name(&mut self) -> Result<Name<'_>> {
        Ok(self.name)
    }

    fn ignore(&mut self) -> Result<()> {
        Ok(())
    }
}

impl<'de> Chosen<'de> for Named<'_> {
    fn tag(&mut self, seed: KeySeed<'_, 'de>) -> Result<()> {
        seed(self).map(|_| ())
    }

    fn unit(&mut self) -> Result<()> {
        Ok(())
    }

    fn newtype(&mut self, _: Seed<'_, 'de>) -> Result<()> {
        Err(no_name())
    }

    fn tuple(&mut self, _: usize, _: Visit<'_, 'de>) -> Result<()> {
        Err(no_name())
    }

    fn fields(&mut self, _: &'static [&'static str], _: Visit<'_, 'de>) -> Result<()> {
        Err(no_name())
    }
}

#[cold]
fn no_name() -> Trouble {
    Trouble::new("today's type wants something else than the name of a field or a variant")
}
