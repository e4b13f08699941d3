//! [`Refusal`]: the error of the source, which keeps what serde says about fields.

use std::fmt;

use serde::de;

/// Why a `Deserialize` did not make a value.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// A field was not given and has no default; its name as serde calls it first.
    Missing(&'static str),
    /// A field was given twice; its name as serde calls it first.
    Duplicate(&'static str),
    /// Anything else, also what the tracing itself ends.
    Other,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::Missing(field) => write!(f, "missing field `{field}`"),
            Refusal::Duplicate(field) => write!(f, "duplicate field `{field}`"),
            Refusal::Other => f.write_str("the sample was refused"),
        }
    }
}

impl std::error::Error for Refusal {}

impl de::Error for Refusal {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Refusal::Other
    }

    fn missing_field(field: &'static str) -> Self {
        Refusal::Missing(field)
    }

    fn duplicate_field(field: &'static str) -> Self {
        Refusal::Duplicate(field)
    }
}
