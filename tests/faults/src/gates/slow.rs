//! A disk that takes 200 ms a sync.

use crate::harness::{Gate, Run};

pub const GATE: Gate = Gate {
    name: "slow",
    promise: "a slow disk bounds the queue and the memory",
    unit: "seconds",
    counts: [5, 30, 600],
    run,
};

fn run(_: &Run) -> Result<(), String> {
    Err("not there yet".to_owned())
}
