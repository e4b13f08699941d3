//! [`Source`]: postcard's bytes, read as a schema says.
//!
//! Bytes of a journal are verified before they come here, and still nothing in them is trusted: no length is allocated
//! before its bytes were seen, and neither the depth nor the number of values is more than a limit.

use super::{
    Field, Schema, Shape,
    form::{Form, Place},
    trouble::{Result, Trouble},
};

/// How deep values may be nested: as deep as plain reading allows. To go over values takes none of the stack.
pub(crate) use crate::codec::reader::DEEPEST;

/// How many values there may be that take no bytes, beside [`PER_BYTE`] for each byte.
const FREE: u64 = 1 << 20;
const PER_BYTE: u64 = 64;

/// How much memory values without a type may take, beside [`MEMORY_PER_BYTE`] for each byte. The names of fields are in it: a
/// writer who makes them long would have them repeated in every value.
const MEMORY: usize = 1 << 20;
const MEMORY_PER_BYTE: usize = 1024;

/// How many values may be read from so many bytes.
pub(crate) fn most_values(bytes: usize) -> u64 {
    FREE + PER_BYTE.saturating_mul(bytes as u64)
}

/// Bytes with the schema that they were written by.
pub(crate) struct Source<'a, 'de> {
    pub(crate) schema: &'a Schema,
    bytes: &'de [u8],
    length: usize,
    values: u64,
    /// For how many elements room may still be made before they have come; all lists together have no more than there are bytes.
    room: usize,
    /// How much memory values without a type may still take.
    memory: usize,
}

/// An integer of any type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Integer {
    Signed(i128),
    Unsigned(u128),
}

impl<'a, 'de> Source<'a, 'de> {
    pub(crate) fn new(schema: &'a Schema, bytes: &'de [u8]) -> Self {
        let length = bytes.len();
        let memory = MEMORY.saturating_add(length.saturating_mul(MEMORY_PER_BYTE));
        Source { schema, bytes, length, values: 0, room: length, memory }
    }

    /// What has not been read.
    pub(crate) fn rest(&self) -> &'de [u8] {
        self.bytes
    }

    /// Goes on at `rest`, which is an end of what has not been read. On the way to it there were so many values that take no
    /// bytes.
    pub(crate) fn go_on(&mut self, rest: &'de [u8], free: usize) -> Result<()> {
        self.bytes = rest;
        self.values = self.values.saturating_add(free as u64);
        self.count()
    }

    /// Whether room for so many elements may be made before they have come.
    pub(crate) fn make_room(&mut self, announced: usize) -> bool {
        let fits = announced <= self.bytes.len().min(self.room);
        self.room -= if fits { announced } else { 0 };
        fits
    }

    /// Takes so much memory for a value.
    pub(crate) fn weigh(&mut self, bytes: usize) -> Result<()> {
        let Some(left) = self.memory.checked_sub(bytes) else {
            return Err(Trouble::new(
                "it would take much more memory than its bytes, for names or for values of no bytes",
            ));
        };
        self.memory = left;
        Ok(())
    }

    /// A copy that reads the same, for a look ahead.
    pub(crate) fn fork(&self) -> Source<'a, 'de> {
        Source::new(self.schema, self.bytes)
    }

    /// Begins a value at this depth, and gives the depth of what is in it.
    pub(crate) fn enter(&mut self, depth: u32) -> Result<u32> {
        self.count()?;
        if depth >= DEEPEST {
            return Err(Trouble::new(format!("values are nested deeper than {DEEPEST} levels")));
        }
        Ok(depth + 1)
    }

    fn count(&mut self) -> Result<()> {
        self.values += 1;
        if self.values > most_values(self.length - self.bytes.len()) {
            return Err(Trouble::new("more values are announced than the bytes can mean"));
        }
        Ok(())
    }

    fn byte(&mut self) -> Result<u8> {
        let (&byte, rest) = self.bytes.split_first().ok_or_else(cut_short)?;
        self.bytes = rest;
        Ok(byte)
    }

    pub(crate) fn take(&mut self, length: usize) -> Result<&'de [u8]> {
        let Some((taken, rest)) = self.bytes.split_at_checked(length) else {
            return Err(Trouble::new(format!(
                "{length} bytes are announced and {} are there",
                self.bytes.len()
            )));
        };
        self.bytes = rest;
        Ok(taken)
    }

    /// A number in variable length, as postcard reads it: no longer than one of so many bits can be.
    fn varint(&mut self, bits: u32) -> Result<u128> {
        let mut number = 0;
        for shift in (0..bits).step_by(7) {
            let byte = self.byte()?;
            let group = u128::from(byte & 0x7f);
            if shift + 7 > bits && group >> (bits - shift) != 0 {
                break;
            }
            number |= group << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(Trouble::new(format!("a number has more than {bits} bits")))
    }

    /// An integer of this form; `None` if it is no integer's.
    pub(crate) fn integer(&mut self, form: Form<'_>) -> Result<Option<Integer>> {
        Ok(Some(match form {
            Form::Unsigned(8) => Integer::Unsigned(self.byte()?.into()),
            Form::Signed(8) => Integer::Signed(self.byte()?.cast_signed().into()),
            Form::Unsigned(bits @ (16 | 32 | 64 | 128)) => Integer::Unsigned(self.varint(bits.into())?),
            Form::Signed(bits @ (16 | 32 | 64 | 128)) => {
                let zigzag = self.varint(bits.into())?;
                Integer::Signed((zigzag >> 1).cast_signed() ^ -(zigzag & 1).cast_signed())
            }
            Form::Unsigned(bits) | Form::Signed(bits) => {
                return Err(Trouble::new(format!("the schema has a number of {bits} bits")));
            }
            _ => return Ok(None),
        }))
    }

    pub(crate) fn bool(&mut self) -> Result<bool> {
        match self.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            byte => Err(Trouble::new(format!("{byte} is neither true nor false"))),
        }
    }

    /// Whether an option has a value.
    pub(crate) fn is_some(&mut self) -> Result<bool> {
        match self.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            byte => Err(Trouble::new(format!("{byte} is neither some nor none"))),
        }
    }

    pub(crate) fn f32(&mut self) -> Result<f32> {
        let bytes = self.take(4)?.try_into().expect("there are four");
        Ok(f32::from_le_bytes(bytes))
    }

    pub(crate) fn f64(&mut self) -> Result<f64> {
        let bytes = self.take(8)?.try_into().expect("there are eight");
        Ok(f64::from_le_bytes(bytes))
    }

    pub(crate) fn char(&mut self) -> Result<char> {
        one_char(self.text()?).ok_or_else(|| Trouble::new("a character is not one character"))
    }

    pub(crate) fn text(&mut self) -> Result<&'de str> {
        std::str::from_utf8(self.bytes()?).map_err(|_| Trouble::new("a text is not UTF-8"))
    }

    pub(crate) fn bytes(&mut self) -> Result<&'de [u8]> {
        let length = self.length()?;
        self.take(length)
    }

    /// How many elements or bytes follow.
    pub(crate) fn length(&mut self) -> Result<usize> {
        usize::try_from(self.varint(64)?).map_err(|_| Trouble::new("a length is too large"))
    }

    /// The number of a variant.
    pub(crate) fn variant(&mut self) -> Result<usize> {
        usize::try_from(self.varint(32)?).map_err(|_| Trouble::new("a variant's number is too large"))
    }

    /// Goes over a value, however deep it is: what is still to be gone over does not stand on the stack.
    pub(crate) fn skip(&mut self, place: Place<'a>) -> Result<()> {
        let mut ahead = vec![Ahead::Place(place)];
        while let Some(next) = ahead.pop() {
            let place = match next {
                Ahead::Place(place) => place,
                Ahead::Shapes([]) | Ahead::Fields([]) | Ahead::Elements(_, 0) | Ahead::Entries(_, 0) => {
                    continue;
                }
                Ahead::Shapes([shape, rest @ ..]) => {
                    ahead.push(Ahead::Shapes(rest));
                    Place::Shape(shape)
                }
                Ahead::Fields([field, rest @ ..]) => {
                    ahead.push(Ahead::Fields(rest));
                    Place::Shape(&field.shape)
                }
                Ahead::Elements(element, left) => {
                    ahead.push(Ahead::Elements(element, left - 1));
                    Place::Shape(element)
                }
                Ahead::Entries([key, value], left) => {
                    ahead.push(Ahead::Entries([key, value], left - 1));
                    ahead.push(Ahead::Place(Place::Shape(value)));
                    Place::Shape(key)
                }
            };
            self.count()?;
            let form = place.form(self.schema)?;
            ahead.extend(self.skip_form(form)?);
        }
        Ok(())
    }

    /// Goes over what is no other values, and gives these.
    fn skip_form(&mut self, form: Form<'a>) -> Result<Option<Ahead<'a>>> {
        match form {
            Form::Opaque => {
                return Err(Trouble::new(
                    "it cannot be left out, because the journal does not say what its type looks like; put it back",
                ));
            }
            Form::Unit => {}
            Form::Bool => drop(self.bool()?),
            Form::Signed(_) | Form::Unsigned(_) => drop(self.integer(form)?),
            Form::F32 => drop(self.f32()?),
            Form::F64 => drop(self.f64()?),
            Form::Char => drop(self.char()?),
            Form::Text => drop(self.text()?),
            Form::Bytes => drop(self.bytes()?),
            Form::Option(inner) => return Ok(self.is_some()?.then_some(Ahead::Place(Place::Shape(inner)))),
            Form::List(element) if super::form::is_byte(self.schema, element) => drop(self.bytes()?),
            Form::List(element) => return Ok(Some(Ahead::Elements(element, self.length()?))),
            Form::Map(key, value) => return Ok(Some(Ahead::Entries([key, value], self.length()?))),
            Form::Tuple(parts) => return Ok(Some(Ahead::Shapes(parts))),
            Form::Struct(fields) => return Ok(Some(Ahead::Fields(fields))),
            Form::Enum(variants) => {
                let number = self.variant()?;
                return Ok(Some(Ahead::Place(known_variant(variants, number)?.content.place())));
            }
        }
        Ok(None)
    }
}

/// What is still to be gone over.
enum Ahead<'a> {
    Place(Place<'a>),
    Shapes(&'a [Shape]),
    Fields(&'a [Field]),
    Elements(&'a Shape, usize),
    Entries([&'a Shape; 2], usize),
}

/// The variant with this number.
pub(crate) fn known_variant(variants: &[super::Variant], number: usize) -> Result<&super::Variant> {
    variants
        .get(number)
        .ok_or_else(|| Trouble::new(format!("the enum that was written has no variant {number}")))
}

/// The character that is the whole text.
pub(crate) fn one_char(text: &str) -> Option<char> {
    let mut characters = text.chars();
    characters.next().filter(|_| characters.next().is_none())
}

fn cut_short() -> Trouble {
    Trouble::new("the value is cut short")
}
