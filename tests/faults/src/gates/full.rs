//! A disk that is full at each write.

use crate::harness::{Gate, Run};

pub const GATE: Gate = Gate {
    name: "full",
    promise: "a full disk loses nothing",
    unit: "positions",
    counts: [40, 200, 5_000],
    run,
};

fn run(_: &Run) -> Result<(), String> {
    Err("not there yet".to_owned())
}
