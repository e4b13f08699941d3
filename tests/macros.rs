//! What the macros write, used without an engine.

#[path = "macros/bank.rs"]
mod bank;
#[path = "macros/carried.rs"]
mod carried;
#[path = "macros/data.rs"]
mod data;
#[path = "macros/deterministic.rs"]
mod deterministic;
#[path = "macros/evolution.rs"]
mod evolution;
#[path = "macros/generic.rs"]
mod generic;
#[path = "macros/hygiene.rs"]
mod hygiene;
#[path = "macros/shapes.rs"]
mod shapes;
