//! [`Reader`]: postcard's format, read so that no bytes can make it loop, allocate or get at the end of the stack.
//!
//! It reads what postcard writes, as postcard does, but for these:
//!
//! - A list of elements that take no bytes (`Vec<()>`) may announce any number of them, and postcard would count to it. Here
//!   a list may announce no more elements than there are bytes left, beside [`FREE`] in the whole value.
//! - A list may announce as many elements as there are bytes left, and its first element is a list that does so too.
//!   Room is made ahead for no more elements of all lists together than there are bytes in the value.
//! - Values are nested no deeper than [`DEEPEST`] levels.
//! - A character is one character, not the first of several.

use std::fmt::{self, Display};

use serde::de::{
    self, DeserializeSeed, EnumAccess, IntoDeserializer, MapAccess, SeqAccess, VariantAccess, Visitor,
};

use super::varint;
use crate::{
    bugs::{self, Bug},
    pace,
};

/// How many elements of lists, sets and maps may take no bytes, in one value.
const FREE: usize = 1 << 20;

/// How deep values may be nested. Each level takes a part of the stack, and a few bytes are enough for a level. In a debug
/// build this many take about half of the stack of a thread, whatever reads them.
pub(crate) const DEEPEST: u32 = 512;

/// How many elements of a list are read between two places to rest.
const ELEMENTS_BETWEEN_RESTS: usize = 4096;

/// Bytes, as a source of values.
pub(crate) struct Reader<'de> {
    bytes: &'de [u8],
    /// For how many elements room may still be made before they have come.
    room: usize,
    /// In how many values the next one is.
    depth: u32,
    /// How many elements may still take no bytes.
    free: usize,
    why: String,
}

/// A value cannot be read. Every read returns it, so it is as small as can be; [`Reader::why`] has the words.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fault {
    /// The reader knows why.
    Told,
    /// The type's own `Deserialize` refuses it.
    Refused,
}

type Result<T> = std::result::Result<T, Fault>;

impl<'de> Reader<'de> {
    pub(crate) fn new(bytes: &'de [u8]) -> Self {
        Self::inside(0, bytes)
    }

    /// For a value that is in so many others already.
    pub(crate) fn inside(depth: u32, bytes: &'de [u8]) -> Self {
        Reader { bytes, room: bytes.len(), depth, free: FREE, why: String::new() }
    }

    /// What has not been read.
    pub(crate) fn rest(&self) -> &'de [u8] {
        self.bytes
    }

    /// How many elements took no bytes.
    pub(crate) fn free_elements(&self) -> usize {
        FREE - self.free
    }

    /// What a fault of this reader is about.
    pub(crate) fn why(self, fault: Fault) -> String {
        match fault {
            Fault::Told => self.why,
            Fault::Refused => "the type's own `Deserialize` refuses it".to_owned(),
        }
    }

    #[cold]
    fn fault(&mut self, why: impl Into<String>) -> Fault {
        self.why = why.into();
        Fault::Told
    }

    #[cold]
    fn announced(&mut self, count: usize, what: &str) -> Fault {
        self.fault(format!("{count} {what} are announced and {} bytes are there", self.bytes.len()))
    }

    #[cold]
    fn cut_short(&mut self) -> Fault {
        self.fault("the value is cut short")
    }

    #[inline]
    fn byte(&mut self) -> Result<u8> {
        let Some((&byte, rest)) = self.bytes.split_first() else { return Err(self.cut_short()) };
        self.bytes = rest;
        Ok(byte)
    }

    /// Why there is no number of so many bits.
    #[cold]
    fn no_number(&mut self, bits: u32, kind: &str) -> Fault {
        let goes_on = self.bytes.iter().take_while(|byte| **byte >= 0x80).count();
        match goes_on == self.bytes.len() && goes_on < bits.div_ceil(7) as usize {
            true => self.cut_short(),
            false => self.fault(format!("a number is longer than {kind} can be")),
        }
    }

    #[inline]
    fn take(&mut self, length: usize) -> Result<&'de [u8]> {
        let Some((taken, rest)) = self.bytes.split_at_checked(length) else {
            return Err(self.announced(length, "bytes"));
        };
        self.bytes = rest;
        Ok(taken)
    }

    #[inline]
    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let Some((taken, rest)) = self.bytes.split_first_chunk() else { return Err(self.cut_short()) };
        self.bytes = rest;
        Ok(*taken)
    }

    #[inline]
    fn length(&mut self) -> Result<usize> {
        usize::try_from(u64::varint(self)?).map_err(|_| self.fault("a length is too large"))
    }

    /// How many elements follow, if there can be so many.
    #[inline]
    fn count(&mut self) -> Result<usize> {
        let count = self.length()?;
        if count > self.bytes.len().saturating_add(self.free) {
            return Err(self.announced(count, "elements"));
        }
        Ok(count)
    }

    /// Of so many elements that are announced, for how many room is made before they have come.
    #[inline]
    fn make_room(&mut self, announced: usize) -> usize {
        let ahead = announced.min(self.bytes.len()).min(self.room);
        self.room -= ahead;
        ahead
    }

    /// Reads a value with others in it.
    #[inline]
    fn nested<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        if self.depth + 1 >= DEEPEST && !bugs::on(Bug::DepthUnbounded) {
            return Err(self.too_deep());
        }
        self.depth += 1;
        let value = read(self);
        self.depth -= 1;
        value
    }

    #[cold]
    fn too_deep(&mut self) -> Fault {
        self.fault(format!("values are nested deeper than {DEEPEST} levels"))
    }

    /// After an element: whether it took bytes, of which there were `before`.
    #[inline]
    fn counted(&mut self, before: usize) -> Result<()> {
        if self.bytes.len() == before {
            let Some(free) = self.free.checked_sub(1) else { return Err(self.too_many()) };
            self.free = free;
        }
        Ok(())
    }

    #[cold]
    fn too_many(&mut self) -> Fault {
        self.fault(format!("more than {FREE} elements take no bytes"))
    }

    #[inline]
    fn text(&mut self) -> Result<&'de str> {
        let length = self.length()?;
        std::str::from_utf8(self.take(length)?).map_err(|_| self.fault("a text is not UTF-8"))
    }
}

impl Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("it cannot be read")
    }
}

impl std::error::Error for Fault {}

impl de::Error for Fault {
    #[cold]
    fn custom<T: Display>(_: T) -> Self {
        Fault::Refused
    }
}

/// Numbers in variable length, seven bits a byte.
trait Varint: Sized {
    fn varint(reader: &mut Reader<'_>) -> Result<Self>;
}

macro_rules! varints {
    ($($number:ty),*) => {$(
        impl Varint for $number {
            #[inline]
            fn varint(reader: &mut Reader<'_>) -> Result<Self> {
                match varint::take(&mut reader.bytes, <$number>::BITS) {
                    Some(number) => Ok(number as $number),
                    None => Err(reader.no_number(<$number>::BITS, stringify!($number))),
                }
            }
        }
    )*};
}

varints!(u16, u32, u64);

impl Varint for u128 {
    fn varint(reader: &mut Reader<'_>) -> Result<Self> {
        let (mut number, mut shift) = (0, 0);
        while shift < u128::BITS {
            let byte = reader.byte()?;
            let bits = u128::from(byte & 0x7f);
            // In the last byte there may be bits that the number has not.
            if shift + 7 > u128::BITS && bits >> (u128::BITS - shift) != 0 {
                break;
            }
            number |= bits << shift;
            if byte < 0x80 {
                return Ok(number);
            }
            shift += 7;
        }
        Err(reader.fault("a number is longer than u128 can be"))
    }
}

macro_rules! numbers {
    ($($deserialize:ident $visit:ident $unsigned:ty),*) => {$(
        #[inline]
        fn $deserialize<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
            visitor.$visit(<$unsigned>::varint(self)?)
        }
    )*};
}

macro_rules! signed_numbers {
    ($($deserialize:ident $visit:ident $unsigned:ty),*) => {$(
        #[inline]
        fn $deserialize<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
            let zigzag = <$unsigned>::varint(self)?;
            visitor.$visit((zigzag >> 1).cast_signed() ^ -(zigzag & 1).cast_signed())
        }
    )*};
}

impl<'de> de::Deserializer<'de> for &mut Reader<'de> {
    type Error = Fault;

    numbers! {
        deserialize_u16 visit_u16 u16, deserialize_u32 visit_u32 u32, deserialize_u64 visit_u64 u64,
        deserialize_u128 visit_u128 u128
    }

    signed_numbers! {
        deserialize_i16 visit_i16 u16, deserialize_i32 visit_i32 u32, deserialize_i64 visit_i64 u64,
        deserialize_i128 visit_i128 u128
    }

    #[inline]
    fn is_human_readable(&self) -> bool {
        false
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value> {
        Err(self.fault("its `Deserialize` asks what comes next, and the bytes do not say"))
    }

    #[inline]
    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match self.byte()? {
            0 => visitor.visit_bool(false),
            1 => visitor.visit_bool(true),
            byte => Err(self.fault(format!("{byte} is neither true nor false"))),
        }
    }

    #[inline]
    fn deserialize_u8<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_u8(self.byte()?)
    }

    #[inline]
    fn deserialize_i8<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_i8(self.byte()?.cast_signed())
    }

    #[inline]
    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_f32(f32::from_le_bytes(self.array()?))
    }

    #[inline]
    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_f64(f64::from_le_bytes(self.array()?))
    }

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        let mut letters = self.text()?.chars();
        match (letters.next(), letters.next()) {
            (Some(letter), None) => visitor.visit_char(letter),
            _ => Err(self.fault("a character is not one character")),
        }
    }

    #[inline]
    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_borrowed_str(self.text()?)
    }

    #[inline]
    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_str(self.text()?)
    }

    #[inline]
    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        let length = self.length()?;
        visitor.visit_borrowed_bytes(self.take(length)?)
    }

    #[inline]
    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        let length = self.length()?;
        visitor.visit_bytes(self.take(length)?)
    }

    #[inline]
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match self.byte()? {
            0 => visitor.visit_none(),
            1 => self.nested(|inner| visitor.visit_some(inner)),
            byte => Err(self.fault(format!("{byte} is neither some nor none"))),
        }
    }

    #[inline]
    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_unit()
    }

    #[inline]
    fn deserialize_unit_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value> {
        visitor.visit_unit()
    }

    #[inline]
    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value> {
        self.nested(|inner| visitor.visit_newtype_struct(inner))
    }

    #[inline]
    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        let left = self.count()?;
        let ahead = self.make_room(left);
        self.nested(|reader| visitor.visit_seq(Elements { reader, left, ahead }))
    }

    #[inline]
    fn deserialize_tuple<V: Visitor<'de>>(self, left: usize, visitor: V) -> Result<V::Value> {
        self.nested(|reader| visitor.visit_seq(Parts { reader, left }))
    }

    #[inline]
    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        length: usize,
        visitor: V,
    ) -> Result<V::Value> {
        self.deserialize_tuple(length, visitor)
    }

    #[inline]
    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        let left = self.count()?;
        let ahead = self.make_room(left);
        let before = self.bytes.len();
        self.nested(|reader| visitor.visit_map(Entries { reader, left, ahead, before }))
    }

    #[inline]
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        self.deserialize_tuple(fields.len(), visitor)
    }

    #[inline]
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        self.nested(|reader| visitor.visit_enum(reader))
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.deserialize_any(visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.deserialize_any(visitor)
    }
}

/// In a long list there are places to rest.
#[inline]
fn rest_after_some(left: usize) {
    if left % ELEMENTS_BETWEEN_RESTS == ELEMENTS_BETWEEN_RESTS - 1 {
        pace::rest();
    }
}

/// A list, as long as the bytes say.
struct Elements<'r, 'de> {
    reader: &'r mut Reader<'de>,
    left: usize,
    /// For how many of these room may be made.
    ahead: usize,
}

impl<'de> SeqAccess<'de> for Elements<'_, 'de> {
    type Error = Fault;

    #[inline]
    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>> {
        let Some(left) = self.left.checked_sub(1) else { return Ok(None) };
        self.left = left;
        rest_after_some(left);
        let before = self.reader.bytes.len();
        let element = seed.deserialize(&mut *self.reader)?;
        self.reader.counted(before)?;
        Ok(Some(element))
    }

    #[inline]
    fn size_hint(&self) -> Option<usize> {
        Some(self.left.min(self.ahead))
    }
}

/// A tuple or a struct, as long as its type says.
struct Parts<'r, 'de> {
    reader: &'r mut Reader<'de>,
    left: usize,
}

impl<'de> SeqAccess<'de> for Parts<'_, 'de> {
    type Error = Fault;

    #[inline]
    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>> {
        let Some(left) = self.left.checked_sub(1) else { return Ok(None) };
        self.left = left;
        seed.deserialize(&mut *self.reader).map(Some)
    }

    #[inline]
    fn size_hint(&self) -> Option<usize> {
        Some(self.left)
    }
}

/// A map, as long as the bytes say.
struct Entries<'r, 'de> {
    reader: &'r mut Reader<'de>,
    left: usize,
    /// For how many of these room may be made.
    ahead: usize,
    /// How many bytes there were before the last key.
    before: usize,
}

impl<'de> MapAccess<'de> for Entries<'_, 'de> {
    type Error = Fault;

    #[inline]
    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>> {
        let Some(left) = self.left.checked_sub(1) else { return Ok(None) };
        self.left = left;
        rest_after_some(left);
        self.before = self.reader.bytes.len();
        seed.deserialize(&mut *self.reader).map(Some)
    }

    #[inline]
    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value> {
        let value = seed.deserialize(&mut *self.reader)?;
        self.reader.counted(self.before)?;
        Ok(value)
    }

    #[inline]
    fn size_hint(&self) -> Option<usize> {
        Some(self.left.min(self.ahead))
    }
}

impl<'de> EnumAccess<'de> for &mut Reader<'de> {
    type Error = Fault;
    type Variant = Self;

    #[inline]
    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self)> {
        let number = u32::varint(self)?;
        Ok((seed.deserialize(number.into_deserializer())?, self))
    }
}

impl<'de> VariantAccess<'de> for &mut Reader<'de> {
    type Error = Fault;

    #[inline]
    fn unit_variant(self) -> Result<()> {
        Ok(())
    }

    #[inline]
    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value> {
        seed.deserialize(self)
    }

    #[inline]
    fn tuple_variant<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value> {
        de::Deserializer::deserialize_tuple(self, length, visitor)
    }

    #[inline]
    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        de::Deserializer::deserialize_tuple(self, fields.len(), visitor)
    }
}

#[cfg(test)]
mod tests;
