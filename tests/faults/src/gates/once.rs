//! Requests sent again, out of order, with restarts between.

use crate::harness::{Gate, Run};

pub const GATE: Gate = Gate {
    name: "once",
    promise: "a retried command happens once",
    unit: "commands",
    counts: [30_000, 1_000_000, 20_000_000],
    run,
};

fn run(_: &Run) -> Result<(), String> {
    Err("not there yet".to_owned())
}
