//! [`Diff`]: what changed between two moments.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use crate::{
    Model, PastError, When,
    engine::{Engine, in_turn},
    schema::diff::Change,
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
            shared.source.difference(&from, &to, end, wanted)
        });
        Diff { found: Box::pin(found), model: std::marker::PhantomData }
    }

    /// Has a server find it out.
    #[cfg(feature = "remote")]
    pub(crate) fn there(link: &Arc<crate::remote::Link>, from: When, to: When) -> Self {
        use crate::remote::frames::{Fault, Moment};
        let link = Arc::clone(link);
        let found = async move {
            let (from, to) = (Moment::of(&from)?, Moment::of(&to)?);
            link.diff(from, to).await.map_err(Fault::into_past_error)
        };
        Diff { found: Box::pin(found), model: std::marker::PhantomData }
    }
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
