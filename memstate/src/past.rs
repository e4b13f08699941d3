//! [`Past`]: a model as it was.

use std::{fmt, sync::Arc};

use crate::Model;

/// A model as it was at a moment of the past, to be read and not changed. Clones share it.
pub struct Past<M: Model> {
    model: Arc<M>,
}

impl<M: Model> Past<M> {
    /// Runs `look` on the model, on this thread, and gives back what it returns.
    pub fn read<R>(&self, look: impl FnOnce(&M) -> R) -> R {
        look(&self.model)
    }
}

impl<M: Model> Clone for Past<M> {
    fn clone(&self) -> Self {
        Past { model: Arc::clone(&self.model) }
    }
}

impl<M: Model> fmt::Debug for Past<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Past").field("model", &M::NAME).finish_non_exhaustive()
    }
}
