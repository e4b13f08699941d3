//! [`Value`]: what bytes mean by their schema alone, without any type.

use super::Type;
use crate::codec::{Unreadable, Unwritable};

/// A value of any type: what a record's arguments are to a reader who does not have the model.
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
    let _ = (written, bytes);
    Err(crate::codec::Unreadable::new("not yet"))
}

/// Appends `value` as the type `as_type` writes it.
pub(crate) fn write(as_type: Type<'_>, value: &Value, bytes: &mut Vec<u8>) -> Result<(), Unwritable> {
    let _ = (as_type, value, bytes);
    Err(crate::codec::Unwritable::new("not yet"))
}

/// Takes a value from the front of `bytes` without looking at it.
pub(crate) fn skip(written: Type<'_>, bytes: &mut &[u8]) -> Result<(), Unreadable> {
    let _ = (written, bytes);
    Err(crate::codec::Unreadable::new("not yet"))
}

impl std::fmt::Display for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self:?}")
    }
}
