//! A disk that takes 200 ms a sync.

use crate::{
    harness::{Gate, Run},
    machine::slow,
};

pub const GATE: Gate = Gate {
    name: "slow",
    promise: "a slow disk bounds the queue and the memory",
    unit: "seconds",
    counts: [6, 40, 600],
    run,
};

fn run(run: &Run) -> Result<(), String> {
    // Half of the time with small commands, and half of it with large ones.
    for (name, padding) in [("small commands", 40), ("commands of 64 KiB", 64 << 10)] {
        slow::parent(run, name, padding, run.count.div_ceil(2))?;
    }
    Ok(())
}
