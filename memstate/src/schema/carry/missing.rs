//! The value of what was not written: as serde has it, none for an `Option` and an error for all else.

use crate::schema::{
    erased::{Given, Leaf, Name, Scalar, Source, Visit, Wanted},
    trouble::{Result, Trouble},
};

/// Nothing, as a source.
pub(super) struct NotWritten;

impl<'de> Source<'de> for NotWritten {
    fn leaf(&mut self, _: Leaf) -> Result<Scalar<'de>> {
        Err(no_default())
    }

    fn compound(&mut self, wanted: Wanted, _: &'static str, visit: Visit<'_, 'de>) -> Result<()> {
        match wanted {
            Wanted::Option => visit(Given::Nothing),
            _ => Err(no_default()),
        }
    }

    fn name(&mut self) -> Result<Name<'_>> {
        Err(no_default())
    }

    fn ignore(&mut self) -> Result<()> {
        Err(no_default())
    }
}

fn no_default() -> Trouble {
    Trouble::new(
        "was not written, and has no default: give it one with `#[memstate(default)]` or `#[memstate(default = …)]`",
    )
}
