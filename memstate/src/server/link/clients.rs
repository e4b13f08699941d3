//! [`Clients`]: who is connected, so that a client which connects again is there once.
//!
//! A client that has lost its connection sends again what was in flight, under the identities that it had. What it had sent before may
//! still be on its way, on the connection that it knows nothing of any more: it would come after everything that was told since, and
//! say that it is new. Where more requests have come since than are remembered, it would happen a second time. So nothing is
//! taken from a connection any more when its client has greeted on another.

use std::{
    collections::HashMap,
    sync::{Arc, Weak},
};

use parking_lot::{Mutex, MutexGuard};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// A client, as whoever it has shown to be: who learns of another's identity cannot end its connection.
type Client = (Option<Arc<str>>, Uuid);

/// The clients that are connected.
#[derive(Default)]
pub(super) struct Clients {
    connected: Mutex<HashMap<Client, Weak<Turn>, foldhash::fast::RandomState>>,
}

/// A client's connection for as long as it has no later one.
pub(super) struct Turn {
    clients: Arc<Clients>,
    client: Client,
    is_over: Mutex<bool>,
    ended: CancellationToken,
}

/// Nothing ends the turn while this is there.
pub(super) struct During<'a> {
    _is_over: MutexGuard<'a, bool>,
}

impl Clients {
    /// Ends the turn of the connection that this client had, and begins that of another.
    pub(super) fn begin(self: &Arc<Self>, name: Option<Arc<str>>, client: Uuid) -> Arc<Turn> {
        let client = (name, client);
        let turn = Arc::new(Turn {
            clients: Arc::clone(self),
            client: client.clone(),
            is_over: Mutex::new(false),
            ended: CancellationToken::new(),
        });
        let before = self.connected.lock().insert(client, Arc::downgrade(&turn));
        if let Some(before) = before.and_then(|before| before.upgrade()) {
            *before.is_over.lock() = true;
            before.ended.cancel();
        }
        turn
    }
}

impl Turn {
    /// Something may be taken from the connection while the result is held; `None` if nothing may be any more.
    pub(super) fn during(&self) -> Option<During<'_>> {
        let is_over = self.is_over.lock();
        (!*is_over).then_some(During { _is_over: is_over })
    }

    /// Waits until it is over.
    pub(super) async fn ended(&self) {
        self.ended.cancelled().await;
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut connected = self.clients.connected.lock();
        // A later connection of the client may be there instead.
        if connected.get(&self.client).is_some_and(|turn| std::ptr::eq(turn.as_ptr(), self)) {
            connected.remove(&self.client);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_has_one_turn_at_a_time_and_nobody_ends_anothers() {
        let clients = Arc::new(Clients::default());
        let (ann, bob) = (Some(Arc::from("Ann")), Some(Arc::from("Bob")));
        let first = clients.begin(ann.clone(), Uuid::from_u128(1));
        let other = clients.begin(bob, Uuid::from_u128(1));
        assert!(first.during().is_some());
        let second = clients.begin(ann.clone(), Uuid::from_u128(1));
        assert!(first.during().is_none() && first.ended.is_cancelled());
        assert!(second.during().is_some() && other.during().is_some());
        drop(first);
        let third = clients.begin(ann, Uuid::from_u128(1));
        assert!(second.during().is_none(), "it is still known when the first is gone");
        drop((second, third, other));
        assert!(clients.connected.lock().is_empty());
    }
}
