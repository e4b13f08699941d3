//! What the engine synchronises its threads with, as one seam.
//!
//! Built as everybody builds it, these are the types of `std`, `parking_lot`, `crossbeam` and `tokio`, by their names
//! and no more. Under `--cfg memstate_loom` and `--cfg memstate_shuttle` they are those of loom and shuttle, which
//! decide themselves which thread goes on at every use, so that the engine runs under interleavings that a machine shows
//! once in a million runs. `tests/concurrency/run` does both.
//!
//! Everything by which one thread of the engine waits for another is in here. What only protects a value for a moment, and
//! is never held while something in here is used, may be a lock of another kind.

#[cfg(any(memstate_loom, memstate_shuttle))]
mod modelled;
#[cfg(not(any(memstate_loom, memstate_shuttle)))]
mod real;

#[cfg(any(memstate_loom, memstate_shuttle))]
pub(crate) use modelled::*;
#[cfg(not(any(memstate_loom, memstate_shuttle)))]
pub(crate) use real::*;

#[cfg(all(memstate_loom, memstate_shuttle))]
compile_error!("memstate_loom and memstate_shuttle are two ways to run the engine: choose one");

/// A bound of the engine: `real`, or one so small that the few calls of a model reach it.
pub(crate) const fn bound(real: usize, modelled: usize) -> usize {
    if cfg!(any(memstate_loom, memstate_shuttle)) { modelled } else { real }
}
