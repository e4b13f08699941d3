//! A journal that outlives the code: written by one version of a model and opened by another.
//!
//! Two versions stand in two modules; the journal knows the model only by its name.

mod atomically;
mod commands;
mod format;
mod golden;
mod lock;
mod matrix;
mod parts;
mod reports;
mod states;

use std::path::Path;

use memstate::{Model, Open, OpenError, Problem};

/// Opens without a snapshot at the end, so that the next opening replays all.
fn replayed<M: Model + Default>(dir: &Path) -> Open<M> {
    memstate::open::<M>(dir).no_snapshot_on_close()
}

/// What stands in the way of opening.
async fn problems<M: Model + Default>(dir: &Path) -> Vec<Problem> {
    match memstate::open::<M>(dir).await {
        Err(OpenError::Changed { problems, .. }) => problems,
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("it was opened"),
    }
}

/// The problems as they are shown, without the lines that say what to do.
fn shown(problems: &[Problem]) -> Vec<String> {
    problems
        .iter()
        .map(|problem| {
            let text = problem.to_string();
            text.lines().next().unwrap_or_default().to_owned()
        })
        .collect()
}
