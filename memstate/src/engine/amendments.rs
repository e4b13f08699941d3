//! Outcomes that were accepted although they differ from the recorded ones, and take their place.
//!
//! They stand in the journal after the records that they are of, so a replay has to know them before it begins.

use std::{collections::BTreeMap, sync::Arc};

use super::record::{Payload, Recorded};
use crate::{Position, Timestamp, journal::Entry};

/// The outcomes that hold instead of those that were recorded first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Amendments {
    outcomes: BTreeMap<Position, (Recorded, Timestamp, Arc<[u8]>)>,
}

/// The mark of an outcome that took the place of another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Amended {
    /// What was recorded first.
    pub(crate) was: Option<Recorded>,
    /// When the other one was accepted.
    pub(crate) time: Timestamp,
}

impl Amendments {
    /// What holds for the record at `position` instead of what was recorded.
    pub(crate) fn of(&self, position: Position) -> Option<Recorded> {
        self.outcomes.get(&position).map(|(outcome, ..)| *outcome)
    }

    /// The mark of the record at `position`, for which `was` was recorded first; `None` if that still holds.
    pub(crate) fn mark(&self, position: Position, was: Option<Recorded>) -> Option<Amended> {
        self.outcomes.get(&position).map(|(_, time, _)| Amended { was, time: *time })
    }

    /// Adds what an entry of the journal amends.
    pub(crate) fn read(&mut self, entry: &Entry<'_>) {
        if let Ok(Payload::Amended { time, outcomes }) = Payload::parse(entry.payload) {
            self.add(&outcomes, time, entry.preamble);
        }
    }

    /// What the one who amended the record at `position` said of itself.
    pub(crate) fn writer(&self, position: Position) -> Option<&Arc<[u8]>> {
        self.outcomes.get(&position).map(|(.., writer)| writer)
    }

    /// Adds what was accepted at `time` by code that says `writer` of itself. A later one takes the place of an earlier one.
    pub(crate) fn add(&mut self, outcomes: &[(Position, Recorded)], time: Timestamp, writer: &Arc<[u8]>) {
        let amended =
            |(position, outcome): &(Position, Recorded)| (*position, (*outcome, time, writer.clone()));
        self.outcomes.extend(outcomes.iter().map(amended));
    }
}
