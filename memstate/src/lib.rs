//! in progress
pub mod collections;
pub mod disk;
pub mod journal;
mod position;
pub mod state;
pub mod testing;
pub use position::{Position, Timestamp};
pub use state::State;
