//! Times: the one newtype that is more than what it holds.

use crate::{
    Timestamp, Value,
    schema::{
        Content, Kind, Schema, Shape, Type,
        form::Place,
        trouble::{Result, Trouble},
        wire::DEEPEST,
    },
};

/// Whether a place holds a [`Timestamp`], perhaps in other newtypes. Its name and its shape both have to be right: a type
/// of a user's may be called `Timestamp` too, and count seconds.
pub(super) fn is_time(schema: &Schema, place: Place<'_>) -> bool {
    let Place::Shape(mut shape) = place else { return false };
    for _ in 0..DEEPEST {
        let Shape::Named(number) = shape else { return false };
        let Some(named) = schema.named(*number) else { return false };
        let Kind::Struct(Content::Newtype(inner)) = &named.kind else { return false };
        if named.name == Timestamp::NAME {
            return *inner == Shape::Signed(64);
        }
        shape = inner;
    }
    false
}

impl Type<'_> {
    /// Whether it is a [`Timestamp`], perhaps in other newtypes.
    pub(crate) fn is_time(self) -> bool {
        is_time(self.schema, Place::Shape(self.shape))
    }
}

/// What was given as a time: microseconds, as JSON has them, or a text that is one.
pub(super) fn meant(given: &Value) -> Result<Value> {
    match given {
        Value::Text(text) if text.parse::<i128>().is_err() => match text.parse() {
            Ok(time) => Ok(Value::Time(time)),
            Err(error) => Err(Trouble::new(error.to_string())),
        },
        other => Ok(other.clone()),
    }
}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};

    use super::*;
    use crate::{
        codec,
        schema::{
            Tracer,
            value::{read, write},
        },
    };

    /// Not ours.
    #[derive(Serialize, Deserialize)]
    #[serde(rename = "Timestamp")]
    struct Seconds(i64);

    /// Says that it is ours, and is not.
    #[derive(Serialize, Deserialize)]
    #[serde(rename = "memstate::Timestamp")]
    struct Pretender(i32);

    #[derive(Serialize, Deserialize)]
    struct Due(Timestamp);

    fn read_as<T: Serialize + for<'de> Deserialize<'de> + 'static>(value: &T) -> Value {
        let mut tracer = Tracer::default();
        let shape = tracer.shape_of::<T>();
        let schema = tracer.into_schema();
        let mut bytes = Vec::new();
        codec::put(value, &mut bytes).expect("it is written");
        let value = read(schema.of(&shape), &mut &bytes[..]).expect("it is read");
        let mut again = Vec::new();
        write(schema.of(&shape), &value, &mut again).expect("it is written");
        assert_eq!(bytes, again);
        value
    }

    #[test]
    fn only_our_type_is_a_time() {
        let time = Timestamp::from_micros(1_360_343_100_000_001);
        assert_eq!(read_as(&time), Value::Time(time));
        assert_eq!(read_as(&Due(time)), Value::Time(time));
        assert_eq!(read_as(&Some(time)).as_timestamp(), Some(time));
        assert_eq!(read_as(&Timestamp::BEFORE_ALL), Value::Time(Timestamp::BEFORE_ALL));
        assert_eq!(read_as(&Seconds(7)), Value::Signed(7));
        assert_eq!(read_as(&Pretender(7)), Value::Signed(7));
        assert_eq!(read_as(&7_i64), Value::Signed(7));
    }

    #[test]
    fn a_time_is_its_text_and_in_json_its_microseconds() {
        let value = Value::Time(Timestamp::from_micros(-1));
        assert_eq!(value.to_string(), "1969-12-31T23:59:59.999999Z");
        assert_eq!(serde_json::to_string(&value).expect("it is written"), "-1");
        let map = Value::Map(vec![(value.clone(), Value::Unit)]);
        assert_eq!(serde_json::to_string(&map).expect("it is written"), "{\"-1\":null}");
        assert_eq!(value.as_i64(), Some(-1));
        assert!(!Timestamp::BEFORE_ALL.to_string().is_empty(), "the first of all times is shown too");
    }
}
