//! What is wrong with a value, and where in it.

use std::fmt::{self, Write};

use serde::de;

use crate::codec::{Unreadable, Unwritable};

/// Why a value could not be read or written, with the way to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Trouble(Box<Told>);

/// What a [`Trouble`] tells, elsewhere, because every reading of every type hands errors on.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Told {
    /// The innermost first: each level adds its own while the error goes outwards.
    steps: Vec<Step>,
    reason: String,
    of: Option<Of>,
}

/// What serde says of a field by itself; its name as serde calls it first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Of {
    /// It was not given, and has no default.
    Missing(&'static str),
    /// It was given twice.
    Duplicate(&'static str),
}

/// One step into a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// Into a field.
    Field(String),
    /// Into a place of a tuple.
    Place(usize),
    /// Into an element of a list, or into the value of an entry whose key cannot be shown.
    Index(usize),
    /// Into the value of the entry with this key.
    Entry(String),
    /// Into the key of an entry.
    Key(usize),
    /// Into a variant.
    Variant(String),
}

pub(crate) type Result<T> = std::result::Result<T, Trouble>;

impl Trouble {
    pub(crate) fn new(reason: impl Into<String>) -> Self {
        Trouble::made(reason.into())
    }

    #[cold]
    #[inline(never)]
    fn made(reason: String) -> Self {
        Trouble(Box::new(Told { steps: Vec::new(), reason, of: None }))
    }

    fn about(mut self, of: Of) -> Self {
        self.0.of = Some(of);
        self
    }

    /// What serde says of a field, if it is that.
    pub(crate) fn of(&self) -> Option<Of> {
        self.0.of
    }

    /// `wanted` is asked for, and there is something else.
    pub(crate) fn mismatch(written: &str, wanted: impl fmt::Display) -> Self {
        Trouble::new(format!("{written} was written, and {wanted} is wanted"))
    }

    /// The same, seen from one level further out.
    pub(crate) fn within(mut self, step: Step) -> Self {
        self.0.steps.push(step);
        self
    }

    fn path(&self) -> String {
        let mut path = String::new();
        for step in self.0.steps.iter().rev() {
            step.show(&mut path).expect("a String takes everything");
        }
        path
    }

    /// The path with indices and keys left out.
    fn place(&self) -> String {
        let mut place = String::new();
        for step in self.0.steps.iter().rev() {
            step.outline(&mut place).expect("a String takes everything");
        }
        place
    }
}

impl Step {
    fn show(&self, path: &mut String) -> fmt::Result {
        match self {
            Step::Index(index) => write!(path, "[{index}]"),
            Step::Entry(key) => write!(path, "[{key}]"),
            Step::Key(index) => write!(path, "[key {index}]"),
            Step::Field(_) | Step::Place(_) | Step::Variant(_) => self.outline(path),
        }
    }

    fn outline(&self, path: &mut String) -> fmt::Result {
        let dot = if path.is_empty() { "" } else { "." };
        match self {
            Step::Field(name) => write!(path, "{dot}{name}"),
            Step::Place(number) => write!(path, "{dot}{number}"),
            Step::Index(_) | Step::Entry(_) => path.write_str("[]"),
            Step::Key(_) => path.write_str("[key]"),
            Step::Variant(name) if path.is_empty() => path.write_str(name),
            Step::Variant(name) => write!(path, "::{name}"),
        }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path();
        let colon = if path.is_empty() { "" } else { ": " };
        write!(f, "{path}{colon}{}", self.0.reason)
    }
}

impl std::error::Error for Trouble {}

/// What today's types say when they are not content.
impl de::Error for Trouble {
    fn custom<T: fmt::Display>(reason: T) -> Self {
        Trouble::new(reason.to_string())
    }

    fn missing_field(field: &'static str) -> Self {
        Trouble::new("was not written, and has no default: give it one with `#[serde(default)]`")
            .within(Step::Field(field.to_owned()))
            .about(Of::Missing(field))
    }

    fn duplicate_field(field: &'static str) -> Self {
        Trouble::new("two fields that were written are called so today; take one of the aliases away")
            .within(Step::Field(field.to_owned()))
            .about(Of::Duplicate(field))
    }

    fn invalid_length(length: usize, expected: &dyn de::Expected) -> Self {
        Trouble::new(format!("{length} values were written, and {expected} is wanted"))
    }

    fn unknown_variant(variant: &str, _: &'static [&'static str]) -> Self {
        Trouble::new("this variant was written, and the enum has it no more")
            .within(Step::Variant(variant.to_owned()))
    }
}

impl From<Trouble> for Unreadable {
    fn from(trouble: Trouble) -> Self {
        // The path goes on behind the name of an argument.
        let colons = if let Some(Step::Variant(_)) = trouble.0.steps.last() { "::" } else { "" };
        let (path, place) = (trouble.path(), trouble.place());
        Unreadable::at(format!("{colons}{path}"), format!("{colons}{place}"), trouble.0.reason)
    }
}

impl From<Trouble> for Unwritable {
    fn from(trouble: Trouble) -> Self {
        Unwritable::new(trouble.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_read_from_the_outside_and_its_outline_leaves_indices_and_keys_out() {
        let trouble = Trouble::new("300 does not fit u8")
            .within(Step::Place(1))
            .within(Step::Variant("Lent".into()))
            .within(Step::Field("state".into()))
            .within(Step::Entry("\"ann\"".into()))
            .within(Step::Index(3))
            .within(Step::Field("accounts".into()));
        let error = Unreadable::from(trouble);
        assert_eq!(error.to_string(), "accounts[3][\"ann\"].state::Lent.1: 300 does not fit u8");
        assert_eq!(error.place(), "accounts[][].state::Lent.1");
        assert_eq!(error.reason(), "300 does not fit u8");
    }
}
