//! in progress
pub mod collections;
pub mod state;
pub use state::State;
