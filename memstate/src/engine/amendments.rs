//! Outcomes that were accepted although they differ from the recorded ones, and take their place.
//!
//! They stand in the journal after the records that they are of, so a replay has to know them before it begins.

use std::collections::BTreeMap;

use super::record::{Payload, Recorded};
use crate::{Position, journal::Entry};

/// The outcomes that hold instead of those that were recorded first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Amendments {
    outcomes: BTreeMap<Position, Recorded>,
}

impl Amendments {
    /// What holds for the record at `position` instead of what was recorded.
    pub(crate) fn of(&self, position: Position) -> Option<Recorded> {
        self.outcomes.get(&position).copied()
    }

    /// Adds what an entry of the journal amends; a later one takes the place of an earlier one.
    pub(crate) fn read(&mut self, entry: &Entry<'_>) {
        if let Ok(Payload::Amended { outcomes, .. }) = Payload::parse(entry.payload) {
            self.add(&outcomes);
        }
    }

    pub(crate) fn add(&mut self, outcomes: &[(Position, Recorded)]) {
        self.outcomes.extend(outcomes.iter().copied());
    }
}
