//! All that can be seen of a journal, as a text.

use std::{
    fmt::{Debug, Write as _},
    future::Future,
    ops::Deref,
    path::Path,
};

use memstate::{Client, Model, OpenError};

use crate::ensure;

/// Runs a future on this thread.
pub fn wait<R>(future: impl Future<Output = R>) -> R {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("there are threads").block_on(future)
}

/// The history with its events, a line for each record, and the state.
pub fn look<M>(dir: &Path, from_the_start: bool) -> Result<String, String>
where
    M: Model<Event: Debug, Client: Deref<Target = Client<M>>> + Default,
{
    wait(async {
        let open = memstate::open::<M>(dir).no_snapshot_on_close();
        let open = if from_the_start { open.replay_all() } else { open };
        let model = open.await.map_err(|error: OpenError| error.to_string())?;
        let seen = seen::<M>(&model).await;
        model.close().await.map_err(|error| error.to_string())?;
        seen
    })
}

/// Writes on, takes a snapshot, closes and opens again: everything before is as it was.
pub fn go_on<M>(dir: &Path, command: fn() -> M::Command) -> Result<(), String>
where
    M: Model<Event: Debug, Client: Deref<Target = Client<M>>> + Default,
{
    let text = |error: OpenError| error.to_string();
    wait(async {
        let model = memstate::open::<M>(dir).await.map_err(text)?;
        let before = history::<M>(&model).await?;
        model.execute(command()).await.map_err(|error| error.to_string())?;
        model.snapshot().await.map_err(|error| error.to_string())?;
        model.execute(command()).await.map_err(|error| error.to_string())?;
        let (after, position) = (seen::<M>(&model).await?, model.position());
        ensure!(after.starts_with(&before), "what was before has changed");
        model.close().await.map_err(|error| error.to_string())?;
        for from_the_start in [false, true] {
            let open = memstate::open::<M>(dir);
            let again = if from_the_start { open.replay_all() } else { open }.await.map_err(text)?;
            ensure!(again.position() == position, "it ends at {} and not at {position}", again.position());
            ensure!(seen::<M>(&again).await? == after, "what was written on is not there again");
            again.close().await.map_err(|error| error.to_string())?;
        }
        Ok(())
    })
}

async fn seen<M: Model<Event: Debug>>(model: &Client<M>) -> Result<String, String> {
    let mut text = history(model).await?;
    let state = model.read(|model| serde_json::to_string_pretty(model));
    let state = state.map_err(|error| error.to_string())?;
    writeln!(text, "\n{state}").expect("a text can be written");
    Ok(text)
}

async fn history<M: Model<Event: Debug>>(model: &Client<M>) -> Result<String, String> {
    let mut text = String::new();
    let mut history = model.history(..);
    while let Some(record) = history.next().await {
        let record = record.map_err(|error| error.to_string())?;
        let request = record.request.map(|request| request.to_string());
        writeln!(
            text,
            "{} {} {:?} {request:?} {}{} {} {:?} {:?}",
            record.position,
            record.time,
            record.caller,
            record.command,
            record.arguments,
            record.outcome,
            record.amended.map(|amended| amended.was),
            record.events,
        )
        .expect("a text can be written");
    }
    Ok(text)
}
