//! Requests sent again: at once, after their reply, out of order, after restarts and losses of power, with snapshots between.
//!
//! The oracle is the state itself: each command writes down the number of its request, so it is counted how often it happened.
//! A request that was acknowledged as accepted has happened once, one that was refused or panicked never, and of one that
//! was never acknowledged there is no more than one trace. What a command answers is drawn at random, so a second run
//! would answer something else.

mod ledger;
mod scripted;
mod threads;

use memstate::{Error, testing::Simulated};

use self::ledger::Till;
use crate::{
    ensure,
    harness::{Case, Gate, Run},
};

pub const GATE: Gate = Gate {
    name: "once",
    promise: "a retried command happens once",
    unit: "commands",
    counts: [30_000, 1_000_000, 20_000_000],
    run,
};

/// How many requests are remembered.
const REMEMBERED: u64 = 65_536;

fn run(run: &Run) -> Result<(), String> {
    run.cases(|case| match case.index % 36 {
        5 => beyond_what_is_remembered(case),
        index if index % 4 == 3 => threads::run(case),
        _ => scripted::run(case),
    })?;
    let duplicates = run.fact_so_far("commands that were sent again");
    if run.done() >= 20_000 {
        ensure!(duplicates * 5 >= run.done(), "only {duplicates} commands of {} were sent again", run.done());
    }
    Ok(())
}

/// More requests than are remembered: the oldest are answered that nobody knows any more, and are not run again.
fn beyond_what_is_remembered(case: &Case<'_>) -> Result<(), String> {
    let mut till =
        Simulated::open(memstate::open::<Till>("memory:"), case.seed).map_err(|error| error.to_string())?;
    let old: Vec<_> = (0..200).map(|_| till.client().new_request()).collect();
    let total = old.len() as u64 + REMEMBERED;
    let mut number = 0;
    for request in &old {
        number += 1;
        let call = till.client().with_request(*request).pay(number, 1);
        till.wait(call).map_err(|error| format!("{error:?}"))?;
        case.run.tried(1);
    }
    while number < total {
        let some = (total - number).min(4096);
        let calls: Vec<_> = (0..some)
            .map(|more| {
                let request = till.client().new_request();
                till.client().with_request(request).pay(number + 1 + more, 1)
            })
            .collect();
        for call in calls {
            till.wait(call).map_err(|error| format!("{error:?}"))?;
        }
        // The last of them again and again: a repetition is not one of those that are remembered.
        let request = till.client().new_request();
        let again: Vec<_> =
            (0..some / 3).map(|_| till.client().with_request(request).refuse(number, 1)).collect();
        let mut answers = Vec::new();
        for call in again {
            answers.push(till.wait(call));
        }
        let all_alike = answers.windows(2).all(|pair| pair[0] == pair[1]);
        let refused = answers.iter().all(|answer| matches!(answer, Err(Error::Rejected(_))));
        ensure!(all_alike && refused, "one request had several answers");
        number += some;
        case.run.tried(some + some / 3);
        case.run.fact("commands that were sent again", (some / 3).saturating_sub(1));
    }
    for (index, request) in old.iter().enumerate() {
        let number = index as u64 + 1;
        let call = till.client().with_request(*request).pay(number, 1);
        let again = till.wait(call);
        ensure!(matches!(again, Err(Error::OutcomeUnknown(_))), "a forgotten request was answered {again:?}");
        case.run.tried(1);
        case.run.fact("commands that were sent again", 1);
        case.run.fact("answered that the request is forgotten", 1);
    }
    let wrong = till.client().read(|till| (1..=total).find(|number| till.times(*number) != 1));
    ensure!(wrong.is_none(), "number {wrong:?} did not happen once");
    till.close().map_err(|error| error.to_string())
}
