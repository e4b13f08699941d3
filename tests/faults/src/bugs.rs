//! The bugs that are seeded in memstate, and the gate that has to catch each.

use std::process::ExitCode;

use crate::harness::Settings;

/// Runs a gate against each bug.
pub fn run(_: &Settings) -> ExitCode {
    eprintln!("not there yet");
    ExitCode::FAILURE
}
