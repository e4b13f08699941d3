//! States of the past, made again from the nearest snapshot and the journal, on threads of their own.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use tokio::sync::{Semaphore, oneshot};

use super::{Shared, source::Wanted, spawn};
use crate::{Model, OpenError, PastError, state};

/// How many states of the past are made at once, each of which takes a core and the memory of a whole model. Others wait.
const REPLAYS_MAX: usize = 4;
/// How many streams of history are made at once. They are counted apart, because a stream that nobody reads
/// stands still, and must not keep those waiting who end by themselves.
const STREAMS_MAX: usize = 16;

/// Bounds what is made of the past at once.
#[derive(Debug)]
pub(crate) struct Turns {
    replays: Arc<Semaphore>,
    streams: Arc<Semaphore>,
}

impl Default for Turns {
    fn default() -> Self {
        Turns {
            replays: Arc::new(Semaphore::new(REPLAYS_MAX)),
            streams: Arc::new(Semaphore::new(STREAMS_MAX)),
        }
    }
}

/// Runs `work` on a thread of its own when it is its turn. When the future is dropped, `work` is told that it is not
/// wanted any more.
pub(crate) async fn in_turn<M: Model, R: Send + 'static>(
    shared: Arc<Shared<M>>,
    work: impl FnOnce(&Shared<M>, Wanted<'_>) -> Result<R, PastError> + Send + 'static,
) -> Result<R, PastError> {
    let turn = Arc::clone(&shared.turns.replays).acquire_owned().await;
    let (done, result) = oneshot::channel();
    let spawned = spawn("memstate-past", move || {
        let worked = catch_unwind(AssertUnwindSafe(|| work(&shared, &|| !done.is_closed())));
        let worked = worked.unwrap_or_else(|panic| Err(panicked(&state::message(panic))));
        drop(turn);
        let _ = done.send(worked);
    });
    spawned
        .map_err(|error| PastError::Failed(format!("there is no thread to make it on: {error}").into()))?;
    result.await.unwrap_or_else(|_| Err(panicked("its thread ended")))
}

pub(crate) fn panicked(message: &str) -> PastError {
    PastError::Failed(format!("the past cannot be made again: it panicked: {message}").into())
}

fn failed(error: &OpenError) -> PastError {
    PastError::Failed(format!("the past cannot be made again: {error}").into())
}

impl From<OpenError> for PastError {
    fn from(error: OpenError) -> Self {
        failed(&error)
    }
}

impl<M: Model> Shared<M> {
    /// Waits until another stream of history may be made, which it may as long as this lives.
    pub(crate) async fn turn_of_a_stream(&self) -> impl Send + 'static {
        Arc::clone(&self.turns.streams).acquire_owned().await
    }
}
