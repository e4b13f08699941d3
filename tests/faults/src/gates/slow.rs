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
    // The second are as large as a command may be that counts once.
    let loads = [("small commands", 20), ("commands of 250 bytes", 240), ("commands of 64 KiB", 64 << 10)];
    for (name, padding) in loads {
        slow::parent(run, name, padding, run.count.div_ceil(loads.len() as u64))?;
    }
    Ok(())
}
