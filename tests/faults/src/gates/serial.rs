//! Operations in real-time order, and values by a replay.
//!
//! Every reply of a command carries its position, and every query sees the position of the last command that changed the
//! state. So what is NP-hard for a black box is a sort and a replay here, and ten million operations are checked one by one:
//! see [`check`].

mod check;
mod load;
mod model;
mod planted;

use std::{sync::Arc, thread};

use memstate::testing::disk::FaultyDisk;

use self::{
    check::Plain,
    load::{Load, Place},
};
use crate::{
    ensure,
    harness::{Case, Gate, Run},
};

pub const GATE: Gate = Gate {
    name: "serial",
    promise: "strict serializability",
    unit: "operations",
    counts: [300_000, 10_000_000, 200_000_000],
    run,
};

/// How many operations are recorded before they are checked.
const OPERATIONS_A_PHASE: u64 = 40_000;

fn run(run: &Run) -> Result<(), String> {
    planted::are_all_caught(run)?;
    run.cases(|case| {
        // An engine with its clients on threads of their own; the checker runs between their phases.
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(3).build();
        let runtime = runtime.map_err(|error| error.to_string())?;
        runtime.block_on(phases(case))
    })?;
    ensure!(run.fact_so_far("queries") > 0, "nothing was asked");
    if run.done() >= 2_000_000 {
        for fact in
            ["crashes", "failed syncs", "restarts", "snapshots", "unknown outcomes, resolved by the journal"]
        {
            ensure!(run.fact_so_far(fact) > 0, "there were no {fact}");
        }
    }
    Ok(())
}

async fn phases(case: &Case<'_>) -> Result<(), String> {
    let mut random = case.random();
    let place = match case.index % 8 {
        0 | 3 | 5 => Place::Memory,
        1 | 4 | 6 => Place::Faulty(FaultyDisk::new()),
        2 => Place::Directory(Arc::new(
            tempfile::tempdir_in("/dev/shm")
                .or_else(|_| tempfile::tempdir())
                .map_err(|error| error.to_string())?,
        )),
        _ => Place::Faulty(FaultyDisk::new()),
    };
    let mut load = Load::open(place, case).await?;
    let (mut plain, mut end) = (Plain::default(), 0);
    for phase in 0..6 {
        let fault = match random.below(3) {
            0 => load::Fault::random(&mut random, &load),
            _ => load::Fault::None,
        };
        let mut recorded = load.phase(case, &mut random, OPERATIONS_A_PHASE, fault).await?;
        let operations = recorded.operations.len() as u64;
        // On a thread where a tokio worker is not held up.
        let (next, was_end) = (recorded.end, end);
        let (checked, after) = thread::scope(|scope| {
            let checking = scope.spawn(move || {
                let result = check::check(&mut plain, was_end, next, &mut recorded.operations);
                (result, plain)
            });
            checking.join().expect("it does not panic")
        });
        checked.map_err(|why| format!("{why}\n  phase {phase} on {}", load.place))?;
        (plain, end) = (after, next);
        let cells = load.cells();
        ensure!(cells == plain.cells, "the state is not what the commands make of it: {cells:?}");
        case.run.tried(operations);
        load.between(case, &mut random).await?;
    }
    load.close().await
}
