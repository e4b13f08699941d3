//! Reads bytes that were written by other types than today's, by the writer's schema.

use serde::de::DeserializeOwned;

use super::{Field, Schema, Type};
use crate::{
    codec::{Argument, Unreadable},
    model::Parameter,
};

/// Reads a value of `written` from the front of `bytes` into today's `T`.
///
/// # Errors
///
/// If the bytes are no such value, or it has no place in `T`; the message says where.
pub fn read<T: DeserializeOwned>(written: Type<'_>, bytes: &mut &[u8]) -> Result<T, Unreadable> {
    let _ = (written, bytes);
    Err(crate::codec::Unreadable::new("not yet"))
}

/// The value of a field that was not written, if its type has one: an `Option` is none.
///
/// # Errors
///
/// If it has none.
pub fn missing<T: DeserializeOwned>(name: &'static str) -> Result<T, Unreadable> {
    let _ = name;
    Err(crate::codec::Unreadable::new("not yet"))
}

/// The arguments of a command, or the state, as they were written by other types than today's.
#[derive(Debug)]
pub struct Written<'a> {
    schema: &'a Schema,
    fields: &'a [Field],
    bytes: &'a [u8],
    next: usize,
}

impl<'a> Written<'a> {
    /// `bytes` hold a value of each of `fields`, one after another.
    pub fn new(schema: &'a Schema, fields: &'a [Field], bytes: &'a [u8]) -> Self {
        Written { schema, fields, bytes, next: 0 }
    }

    /// Goes to the next argument that today's method has, and gives its number among `today`; `None` at the end.
    ///
    /// Those that it has no more are skipped.
    ///
    /// # Errors
    ///
    /// If the bytes end too early, go on after the end, or cannot be skipped.
    pub fn next(&mut self, today: &[Parameter]) -> Result<Option<usize>, Unreadable> {
        let _ = (today, self.schema, self.fields, self.bytes, self.next);
        Err(crate::codec::Unreadable::new("not yet"))
    }

    /// Reads the argument that [`next`](Written::next) went to.
    ///
    /// # Errors
    ///
    /// If it has no place in today's type.
    pub fn get<T: Argument>(&mut self) -> Result<T, Unreadable> {
        Err(crate::codec::Unreadable::new("not yet"))
    }

    /// Reads all that there is as a struct with these fields, for a conversion by the user.
    ///
    /// # Errors
    ///
    /// If they have no place in `T`.
    pub fn all<T: DeserializeOwned>(self) -> Result<T, Unreadable> {
        Err(crate::codec::Unreadable::new("not yet"))
    }
}
