//! [`Inner`]: the client of a model inside of another.

use std::fmt;

use super::{Ask, Call, Far, Look, Put, TakesCommands};
use crate::{
    codec::Unwritable,
    model::{Outcome, ReadReply},
};

/// The way from a client of `S` to the model `M` in one of its fields.
///
/// `shop.ledger()` is a `LedgerClient` around it: its commands are commands of the shop, journaled there as
/// `ledger.post`, and its queries see the shop's ledger. Everything else is asked of the shop's own client.
pub struct Inner<C, S, M> {
    client: C,
    first_command: u16,
    first_query: u16,
    field: fn(&S) -> &M,
}

impl<C, S, M> Inner<C, S, M> {
    /// For generated methods: the numbers of the first command and the first query of the field, and the way to it.
    #[doc(hidden)]
    pub fn __new(client: C, first_command: u16, first_query: u16, field: fn(&S) -> &M) -> Self {
        Inner { client, first_command, first_query, field }
    }

    /// The client of the model that it is inside of.
    pub fn outer(&self) -> &C {
        &self.client
    }
}

impl<C: TakesCommands<S>, S, M> TakesCommands<M> for Inner<C, S, M> {
    fn __call<R: Outcome<K>, const K: bool>(
        &self,
        method: u16,
        put: &mut dyn FnMut(&mut Vec<u8>) -> Result<(), Unwritable>,
        read: ReadReply<R>,
    ) -> Call<R, K> {
        self.client.__call(self.first_command + method, put, read)
    }
}

impl<C: Look<S>, S, M> Look<M> for Inner<C, S, M> {
    #[inline]
    fn __ask<R: Outcome<K>, const K: bool>(&self, method: u16, look: impl FnOnce(&M) -> R) -> Ask<R, K> {
        self.client.__ask(self.first_query + method, |outer| look((self.field)(outer)))
    }

    #[inline]
    fn __far(&self, method: u16, put: Put<'_>) -> Option<Far> {
        self.client.__far(self.first_query + method, put)
    }
}

impl<C: Clone, S, M> Clone for Inner<C, S, M> {
    fn clone(&self) -> Self {
        Inner { client: self.client.clone(), ..*self }
    }
}

impl<C: fmt::Debug, S, M> fmt::Debug for Inner<C, S, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inner").field("outer", &self.client).finish_non_exhaustive()
    }
}
