//! [`Changes`]: tells that the state has changed, and when it will not change any more.

use super::Shared;
use crate::{Error, Model, Position, sync::watch};

/// Waits for the state to change.
pub(crate) struct Changes {
    applied: watch::Receiver<Position>,
    ended: watch::Receiver<Option<Result<(), Error>>>,
}

impl Changes {
    /// Notes that the state is about to be looked at. Says whether it will not change after this.
    pub(crate) fn see(&mut self) -> bool {
        // In this order: nothing is applied after the end.
        let is_last = self.ended.borrow().is_some();
        self.applied.borrow_and_update();
        is_last
    }

    /// Comes back when something was applied that was not seen yet, or the engine has ended.
    pub(crate) async fn next(mut self) -> Self {
        {
            let changed = self.applied.changed();
            let end = self.ended.wait_for(Option::is_some);
            super::futures_race(changed, end).await;
        }
        self
    }
}

impl<M: Model> Shared<M> {
    pub(crate) fn changes(&self) -> Changes {
        Changes { applied: self.applied.subscribe(), ended: self.ended.subscribe() }
    }

    /// Comes back with `true` when a record after `position` was applied, with `false` when none will be.
    #[cfg(feature = "server")]
    pub(crate) async fn applied_after(&self, position: Position) -> bool {
        let mut changes = self.changes();
        loop {
            let is_last = changes.see();
            if self.position() > position {
                return true;
            }
            if is_last {
                return false;
            }
            changes = changes.next().await;
        }
    }
}
