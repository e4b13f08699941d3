//! Syncs that fail, injected and real.

use crate::harness::{Gate, Run};

pub const GATE: Gate = Gate {
    name: "sync",
    promise: "a failed sync is never forgotten",
    unit: "failed syncs",
    counts: [200, 5_000, 100_000],
    run,
};

fn run(_: &Run) -> Result<(), String> {
    Err("not there yet".to_owned())
}
