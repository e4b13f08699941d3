//! SIGKILL at random moments.

use crate::harness::{Gate, Run};

pub const GATE: Gate = Gate {
    name: "kill",
    promise: "killed processes lose nothing",
    unit: "kills",
    counts: [100, 2_000, 20_000],
    run,
};

fn run(_: &Run) -> Result<(), String> {
    Err("not there yet".to_owned())
}
