//! The gates.

mod crowd;
mod cut;
mod hostile;
mod kill;
mod overload;

use crate::harness::Gate;

/// All gates, in the order in which they run.
pub const ALL: &[Gate] = &[cut::GATE, kill::GATE, hostile::GATE, crowd::GATE, overload::GATE];
