//! What the macros write, used without an engine.

#[path = "macros/bank.rs"]
mod bank;
