//! What the tests share: a model with everything in it, and disks that misbehave on purpose.

pub mod archive;
pub mod bank;
pub mod depot;
pub mod disks;
pub mod everything;
pub mod meter;
pub mod random;
pub mod till;
