//! [`Tracer`]: what types look like, found out from serde itself.
//!
//! A type is deserialized again and again from a source that notes what is asked for and answers with samples. What is
//! known so far decides what each pass tries: another variant, another sample where one was refused, a name alone, a
//! struct without one of its fields. A type ends when there is nothing more to find out.
//!
//! - `graph` is what is known: places, and named types, which stand in it once.
//! - `plan` works out where the next pass goes.
//! - `walk` makes the passes and finds who is to blame for one that failed.
//! - `source`, `parts`, `fields` and `enums` are what `Deserialize` meets, through `schema::erased`.
//! - `export` makes the schema.
//!
//! A value of a type need not come about: a place that refuses every sample keeps the shape of what it asked for, and
//! the tracing goes on around it.

use serde::de::DeserializeOwned;

use self::walk::Walk;
use super::{Schema, Shape};

mod enums;
mod export;
mod fields;
mod graph;
mod parts;
mod plan;
mod refusal;
mod samples;
mod source;
mod walk;

#[cfg(test)]
mod tests;

/// Finds out what types look like, by having them deserialized from a source that notes what is asked for.
#[derive(Debug, Default)]
pub struct Tracer {
    schema: Schema,
    walk: Walk,
}

impl Tracer {
    /// What `T` looks like; the named types in it are added to the schema.
    ///
    /// The type's `Deserialize` is run many times with made-up values, none of which is used. It may refuse them, or
    /// panic. What cannot be found out is [`Shape::Opaque`]. One type gives one shape, in every run.
    pub fn shape_of<T: DeserializeOwned>(&mut self) -> Shape {
        let place = self.walk.trace::<T>();
        self.walk.graph.shape(place, &mut self.schema)
    }

    /// All named types that were met, in the order in which they stand in the types.
    pub fn into_schema(self) -> Schema {
        self.schema
    }
}
