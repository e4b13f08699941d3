//! A real file system that is cut off under load.

use crate::harness::{Gate, Run};

pub const GATE: Gate = Gate {
    name: "power",
    promise: "real power cuts lose nothing",
    unit: "cuts",
    counts: [10, 300, 10_000],
    run,
};

fn run(_: &Run) -> Result<(), String> {
    Err("not there yet".to_owned())
}
