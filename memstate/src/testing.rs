//! What proves a model or a backend right.
//!
//! For a model: [`given`] commands, when one more, then this reply; [`assert_deterministic`]; and
//! [`schema_lock!`](schema_lock), which guards its journals. For a backend: suites that every implementation of a contract
//! passes, and storage that fails on purpose.

mod bench;
mod deterministic;
pub mod disk;
mod given;
#[doc(hidden)]
pub mod hostile;
pub mod journal;
pub mod schema;

/// What a command runs in, with the digest of what it changed; without an engine.
#[doc(hidden)]
pub mod undo {
    pub use crate::state::{trace::Trace, traced};
}

#[cfg(not(any(memstate_loom, memstate_shuttle)))]
pub use crate::engine::simulated::Simulated;
pub use deterministic::{assert_deterministic, assert_deterministic_from};
pub use given::{Given, Happened, given, given_nothing, given_state};
pub use memstate_macros::schema_lock;
