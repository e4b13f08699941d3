//! [`Source`]: postcard's bytes, read as a schema says.
//!
//! Bytes of a journal are verified before they come here, and still nothing in them is trusted: no length is allocated
//! before its bytes were seen, and neither the depth nor the number of values is more than a limit.

use super::{
    Schema,
    form::{Form, Place},
    trouble::{Result, Trouble},
};

/// How deep values may be nested. Plain reading has no limit but the stack; here a schema may be made up.
pub(crate) const DEEPEST: u32 = 256;

/// How many values there may be that take no bytes, beside [`PER_BYTE`] for each byte.
const FREE: u64 = 1 << 20;
const PER_BYTE: u64 = 64;

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
}

/// An integer of any type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Integer {
    Signed(i128),
    Unsigned(u128),
}

impl<'a, 'de> Source<'a, 'de> {
    pub(crate) fn new(schema: &'a Schema, bytes: &'de [u8]) -> Self {
        Source { schema, bytes, length: bytes.len(), values: 0 }
    }

    /// What has not been read.
    pub(crate) fn rest(&self) -> &'de [u8] {
        self.bytes
    }

    /// Goes on at `rest`, which is an end of what has not been read.
    pub(crate) fn go_on(&mut self, rest: &'de [u8]) {
        self.bytes = rest;
    }

    /// A copy that reads the same, for a look ahead.
    pub(crate) fn fork(&self) -> Source<'a, 'de> {
        Source::new(self.schema, self.bytes)
    }

    /// Begins a value at this depth, and gives the depth of what is in it.
    pub(crate) fn enter(&mut self, depth: u32) -> Result<u32> {
        self.values += 1;
        if self.values > most_values(self.length - self.bytes.len()) {
            return Err(Trouble::new("more values are announced than the bytes can mean"));
        }
        if depth >= DEEPEST {
            return Err(Trouble::new(format!("values are nested deeper than {DEEPEST} levels")));
        }
        Ok(depth + 1)
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

    /// Goes over a value.
    pub(crate) fn skip(&mut self, place: Place<'a>, depth: u32) -> Result<()> {
        let depth = self.enter(depth)?;
        let form = place.form(self.schema)?;
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
            Form::Option(inner) => {
                if self.is_some()? {
                    self.skip(Place::Shape(inner), depth)?;
                }
            }
            Form::List(element) => self.skip_list(element, depth)?,
            Form::Map(key, value) => {
                for _ in 0..self.length()? {
                    self.skip(Place::Shape(key), depth)?;
                    self.skip(Place::Shape(value), depth)?;
                }
            }
            Form::Tuple(parts) => {
                for part in parts {
                    self.skip(Place::Shape(part), depth)?;
                }
            }
            Form::Struct(fields) => {
                for field in fields {
                    self.skip(Place::Shape(&field.shape), depth)?;
                }
            }
            Form::Enum(variants) => {
                let number = self.variant()?;
                self.skip(known_variant(variants, number)?.content.place(), depth)?;
            }
        }
        Ok(())
    }

    fn skip_list(&mut self, element: &'a super::Shape, depth: u32) -> Result<()> {
        let length = self.length()?;
        if super::form::is_byte(self.schema, element) {
            self.take(length)?;
            return Ok(());
        }
        for _ in 0..length {
            self.skip(Place::Shape(element), depth)?;
        }
        Ok(())
    }
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
