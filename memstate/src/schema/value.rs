//! [`Value`]: what bytes mean by their schema alone, without any type.

use super::{Type, form::Place, wire::Source};
use crate::{
    Timestamp,
    codec::{Unreadable, Unwritable},
};

mod access;
mod json;
mod read;
pub(crate) mod show;
#[cfg(test)]
mod tests;
mod time;
#[cfg_attr(not(feature = "cli"), allow(dead_code, reason = "the command line alone writes values"))]
mod write;

/// A value of any type: what a record's arguments are to a reader who does not have the model.
///
/// A newtype is what it holds; only a [`Timestamp`] is a time.
///
/// `Display` writes it in a line, much as Rust would: `{owner: "Ann", balance: 10}`, `[1, 2]`, `(1, 'x')`, `{7: "a"}`,
/// `Lent {by: "Ann"}`, bytes as `0x00ff`, times as `2013-02-08T17:05:00.000000Z`. An option is the value itself or `none`, and an option in an option `some(none)`.
///
/// `Serialize` is for formats that describe themselves, such as JSON. Structs are objects, and maps are if their keys are
/// texts, numbers, characters, booleans or variants that hold nothing; other maps are lists of pairs. A variant is its
/// name, or an object of its name and what it holds. Bytes are a text as above, and so are integers of more than 64 bits,
/// which many readers of JSON would round, and the numbers that JSON does not have: `"NaN"`, `"Infinity"`, `"-Infinity"`.
/// A time is what it is to serde: its microseconds.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Value {
    /// `()`, or a struct without fields.
    Unit,
    /// `true` or `false`.
    Bool(bool),
    /// A number that may be negative.
    Signed(i128),
    /// A number that may not.
    Unsigned(u128),
    /// A number with 32 bits of floating point.
    F32(f32),
    /// A number with 64 bits of floating point.
    F64(f64),
    /// A time.
    Time(Timestamp),
    /// A character.
    Char(char),
    /// A text.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
    /// An option: the value or none.
    Option(Option<Box<Value>>),
    /// Any number of values.
    List(Vec<Value>),
    /// A fixed number of values: a tuple, an array, a tuple struct.
    Tuple(Vec<Value>),
    /// Keys with their values, in the order in which they were written.
    Map(Vec<(Value, Value)>),
    /// Fields with their values.
    Struct(Vec<(String, Value)>),
    /// A variant with what it holds: `Unit`, a single value, `Tuple` or `Struct`.
    Variant(String, Box<Value>),
}

/// Takes a value of `written` from the front of `bytes`. What is opaque cannot be read.
pub(crate) fn read(written: Type<'_>, bytes: &mut &[u8]) -> Result<Value, Unreadable> {
    let mut source = Source::new(written.schema, bytes);
    let value = read::value(&mut source, Place::Shape(written.shape), 0)?;
    *bytes = source.rest();
    Ok(value)
}

/// Appends `value` as the type `as_type` writes it. On an error `bytes` is as before.
///
/// It takes what a person or JSON means: integers with or without a sign, numbers and truth values as texts, fields in any
/// order and without those that may be none, lists for tuples, objects for maps, `0x…` for bytes, a name for a variant that
/// holds nothing, `{name: content}` for one that does, a text for a time, and a value for an option.
#[cfg_attr(not(feature = "cli"), allow(dead_code, reason = "the command line alone writes values"))]
pub(crate) fn write(as_type: Type<'_>, value: &Value, bytes: &mut Vec<u8>) -> Result<(), Unwritable> {
    write_as(as_type, value, bytes, write::Unknown::Refused)
}

/// The same of a value that another version of the code has made: fields that `as_type` does not have are left out.
#[cfg(feature = "remote")]
pub(crate) fn carry(as_type: Type<'_>, value: &Value, bytes: &mut Vec<u8>) -> Result<(), Unwritable> {
    write_as(as_type, value, bytes, write::Unknown::Skipped)
}

fn write_as(
    as_type: Type<'_>,
    value: &Value,
    bytes: &mut Vec<u8>,
    unknown: write::Unknown,
) -> Result<(), Unwritable> {
    let before = bytes.len();
    let written = write::value(as_type.schema, Place::Shape(as_type.shape), value, bytes, 0, unknown);
    if written.is_err() {
        bytes.truncate(before);
    }
    Ok(written?)
}

/// Takes a value from the front of `bytes` without looking at it.
pub(crate) fn skip(written: Type<'_>, bytes: &mut &[u8]) -> Result<(), Unreadable> {
    let mut source = Source::new(written.schema, bytes);
    source.skip(Place::Shape(written.shape))?;
    *bytes = source.rest();
    Ok(())
}
