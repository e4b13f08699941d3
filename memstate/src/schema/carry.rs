//! Reads bytes that were written by other types than today's, by the writer's schema.
//!
//! The reader answers what today's ordinary `Deserialize` asks. Where today's type asks for what was written,
//! it gets it; where it asks for something else, it gets the same value if there is exactly one that is the same, and
//! an error otherwise. Nothing is wrapped around, cut off or rounded.
//!
//! - Integers become integers of any size that they fit in, and floats that hold them exactly; `f32` becomes `f64`, and
//!   back if nothing is lost. A character becomes a text, and a text of one character becomes it.
//! - `T` becomes `Option<T>`, and back if it is there. A newtype is the same as what it holds.
//! - Lists, tuples and arrays become each other when the length fits; bytes are a list of `u8`.
//! - Fields and variants are found by their names: the one that the writer had, or else one that it was read under then,
//!   as today's type or one of its aliases is called. Fields that today's type does not have are skipped; those that
//!   were not written are up to serde's defaults.
//! - Tuple structs and tuple variants are read by position, and may have become longer by places with a default.
//! - What the schema does not know (`Shape::Opaque`) is read as today's type reads itself.

use std::marker::PhantomData;

use serde::de::{DeserializeOwned, DeserializeSeed};

use super::{
    Field, Schema, Type,
    erased::Asked,
    form::{Form, Place},
    trouble::{self, Step, Trouble},
    wire::Source,
};
use crate::{
    codec::{Argument, Unreadable},
    model::Parameter,
};

mod enums;
mod missing;
mod names;
mod reader;
mod sequences;
mod structs;

use missing::NotWritten;
use reader::{Carrier, Reader};

/// Reads a value of `written` from the front of `bytes` into today's `T`.
///
/// # Errors
///
/// If the bytes are no such value, or it has no place in `T`; the message says where. `bytes` is as before then.
pub fn read<T: DeserializeOwned>(written: Type<'_>, bytes: &mut &[u8]) -> Result<T, Unreadable> {
    Ok(read_place(written.schema, Place::Shape(written.shape), bytes)?)
}

/// The value of a field that was not written, if its type has one: an `Option` is none.
///
/// # Errors
///
/// If it has none.
pub fn missing<T: DeserializeOwned>(name: &'static str) -> Result<T, Unreadable> {
    let value = T::deserialize(Asked(&mut NotWritten));
    Ok(value.map_err(|error| error.within(Step::Field(name.to_owned())))?)
}

fn read_place<T: DeserializeOwned>(
    schema: &Schema,
    place: Place<'_>,
    bytes: &mut &[u8],
) -> trouble::Result<T> {
    read_seed(PhantomData, schema, place, bytes)
}

/// [`read`] of what a seed asks for.
pub(super) fn read_seed<'de, S: DeserializeSeed<'de>>(
    seed: S,
    schema: &Schema,
    place: Place<'_>,
    bytes: &mut &'de [u8],
) -> trouble::Result<S::Value> {
    let mut carrier = Carrier::new(Source::new(schema, bytes));
    let value = seed.deserialize(Asked(&mut Reader::new(&mut carrier, place, 0)))?;
    *bytes = carrier.source.rest();
    Ok(value)
}

/// The arguments of a command, or the state, as they were written by other types than today's.
///
/// Either [`next`](Written::next) and [`get`](Written::get) in turn read one argument after another, or
/// [`all`](Written::all) reads them as a whole.
#[derive(Debug)]
pub struct Written<'a> {
    schema: &'a Schema,
    fields: &'a [Field],
    bytes: &'a [u8],
    next: usize,
    /// Whether the argument before `next` is still to be read.
    pending: bool,
    /// For each of `fields` its number today; found at the first argument.
    places: Option<Vec<Option<usize>>>,
}

impl<'a> Written<'a> {
    /// `bytes` hold a value of each of `fields`, one after another.
    pub fn new(schema: &'a Schema, fields: &'a [Field], bytes: &'a [u8]) -> Self {
        Written { schema, fields, bytes, next: 0, pending: false, places: None }
    }

    /// Goes to the next argument that today's method has, and gives its number among `today`; `None` at the end. No
    /// number comes twice. `today` must be the same at every call.
    ///
    /// Those that it has no more, and one that was not read after the last call, are skipped.
    ///
    /// # Errors
    ///
    /// If the bytes end too early, go on after the end, or cannot be skipped.
    pub fn next(&mut self, today: &[Parameter]) -> Result<Option<usize>, Unreadable> {
        let places = self.places.take().unwrap_or_else(|| names::arguments(self.fields, today));
        let found = self.advance(&places);
        self.places = Some(places);
        found
    }

    fn advance(&mut self, places: &[Option<usize>]) -> Result<Option<usize>, Unreadable> {
        if self.pending {
            self.skip()?;
        }
        while self.next < self.fields.len() {
            self.next += 1;
            self.pending = true;
            match places[self.next - 1] {
                Some(number) => return Ok(Some(number)),
                None => self.skip()?,
            }
        }
        nothing_left(self.bytes)?;
        Ok(None)
    }

    /// Reads the argument that [`next`](Written::next) went to.
    ///
    /// # Errors
    ///
    /// If it has no place in today's type, or was read already.
    pub fn get<T: Argument>(&mut self) -> Result<T, Unreadable> {
        self.read(T::carry)
    }

    /// [`get`](Written::get) of an argument that is a list, so that only its elements need be arguments.
    ///
    /// # Errors
    ///
    /// If it has no place in today's type, or was read already.
    pub fn get_slice<T: Argument>(&mut self) -> Result<Vec<T>, Unreadable> {
        self.read(T::carry_slice)
    }

    /// Reads all that there is as a struct with these fields, for a conversion by the user.
    ///
    /// # Errors
    ///
    /// If they have no place in `T`, or bytes are left over.
    pub fn all<T: DeserializeOwned>(mut self) -> Result<T, Unreadable> {
        let value = read_place(self.schema, Place::Form(Form::Struct(self.fields)), &mut self.bytes)?;
        nothing_left(self.bytes)?;
        Ok(value)
    }

    fn read<T>(
        &mut self,
        read: impl FnOnce(Type<'_>, &mut &[u8]) -> Result<T, Unreadable>,
    ) -> Result<T, Unreadable> {
        if !self.pending {
            return Err(Unreadable::new("there is no argument to be read here; `next` goes to one"));
        }
        let field = &self.fields[self.next - 1];
        let value =
            read(self.schema.of(&field.shape), &mut self.bytes).map_err(|error| error.within(&field.name))?;
        self.pending = false;
        Ok(value)
    }

    fn skip(&mut self) -> Result<(), Unreadable> {
        let field = &self.fields[self.next - 1];
        let mut source = Source::new(self.schema, self.bytes);
        source
            .skip(Place::Shape(&field.shape))
            .map_err(|error| error.within(Step::Field(field.name.clone())))?;
        self.bytes = source.rest();
        self.pending = false;
        Ok(())
    }
}

fn nothing_left(bytes: &[u8]) -> trouble::Result<()> {
    match bytes.len() {
        0 => Ok(()),
        left => Err(Trouble::new(format!("{left} bytes are left over"))),
    }
}
