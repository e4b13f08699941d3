//! The value of what was not written: as serde has it, none for an `Option` and an error for all else.

use serde::{
    de::{DeserializeOwned, Deserializer, Visitor},
    forward_to_deserialize_any,
};

use crate::schema::trouble::{Result, Step, Trouble};

pub(super) fn value<T: DeserializeOwned>(name: &'static str) -> Result<T> {
    T::deserialize(NotWritten).map_err(|error| error.within(Step::Field(name.to_owned())))
}

struct NotWritten;

impl<'de> Deserializer<'de> for NotWritten {
    type Error = Trouble;

    fn is_human_readable(&self) -> bool {
        false
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value> {
        Err(Trouble::new(
            "was not written, and has no default: give it one with `#[memstate(default)]` or `#[memstate(default = …)]`",
        ))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_none()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}
