//! [`Diff`]: what changed between two moments.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use crate::{
    Model, PastError, Position, When,
    engine::{Engine, Kernel, Today, in_turn},
    schema::diff::{Change, changes},
};

/// What changed between two moments, while it is being found out. Dropping it ends the work.
#[must_use = "the moments are only compared when this is awaited"]
pub struct Diff<M: Model> {
    found: Pin<Box<dyn Future<Output = Result<Vec<Change>, PastError>> + Send>>,
    model: std::marker::PhantomData<fn() -> M>,
}

impl<M: Model> Diff<M> {
    pub(crate) fn new(engine: &Engine<M>, from: When, to: When) -> Self {
        let end = engine.position();
        let found = in_turn(Arc::clone(engine.shared()), move |shared, wanted| {
            let from = shared.position_of(&from, end, wanted)?;
            let to = shared.position_of(&to, end, wanted)?;
            let state = shared.state_at(from.min(to), wanted)?;
            let earlier = bytes_of(&state.kernel)?;
            let state = shared.state_after(state, from.max(to), wanted)?;
            let later = bytes_of(&state.kernel)?;
            drop(state);
            let (before, after) = if from <= to { (earlier, later) } else { (later, earlier) };
            let today = Today::of::<M>();
            changes(today.preamble.state(), &before, &after).map_err(|error| {
                let why = format!("the states after {from} and {to} cannot be compared by path: {error}");
                PastError::Failed(why.into())
            })
        });
        Diff { found: Box::pin(found), model: std::marker::PhantomData }
    }
}

fn bytes_of<M: Model>(kernel: &Kernel<M>) -> Result<Vec<u8>, PastError> {
    let position: Position = kernel.position();
    postcard::to_stdvec(kernel.model()).map_err(|error| {
        PastError::Failed(format!("the state after position {position} cannot be written: {error}").into())
    })
}

impl<M: Model> Future for Diff<M> {
    type Output = Result<Vec<Change>, PastError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.found.as_mut().poll(cx)
    }
}

impl<M: Model> fmt::Debug for Diff<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Diff").field("model", &M::NAME).finish_non_exhaustive()
    }
}
