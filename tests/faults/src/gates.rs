//! The gates, in the order of the promises.

mod calls;
mod crash;
mod crash_and_rot;
mod determinism;
mod full;
mod histories;
mod hostile;
mod kill;
mod once;
mod poison;
mod power;
mod rot;
mod serial;
mod slow;
mod sync;
mod undo;
mod upgrades;

use std::process::ExitCode;

use crate::{
    harness::Gate,
    machine::{slow as slow_disk, worker},
};

/// All of them.
pub const ALL: &[Gate] = &[
    crash::GATE,
    rot::GATE,
    crash_and_rot::GATE,
    power::GATE,
    kill::GATE,
    calls::GATE,
    sync::GATE,
    full::GATE,
    slow::GATE,
    serial::GATE,
    histories::GATE,
    once::GATE,
    undo::GATE,
    determinism::GATE,
    poison::GATE,
    upgrades::GATE,
    hostile::GATE,
];

/// What gates have this program do in another process.
pub fn child(what: &str, rest: &[String]) -> ExitCode {
    match what {
        "poison" => poison::child(rest),
        "golden" => upgrades::child(rest),
        "slow" => slow_disk::child(rest),
        "worker" => worker::main(),
        "determinism" => determinism::child(rest),
        _ => {
            eprintln!("no gate has a child `{what}`");
            ExitCode::from(2)
        }
    }
}
