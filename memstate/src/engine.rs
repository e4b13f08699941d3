//! in progress
use crate::*;
use crate::{codec::Unwritable, model::Verdict};
use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};
/// x
pub struct Engine<M>(std::marker::PhantomData<fn() -> M>);
/// x
pub struct Pending;
/// x
pub struct Reply;
impl Reply {
    pub(crate) fn position(&self) -> Position {
        unreachable!()
    }
    pub(crate) fn verdict(&self) -> Verdict {
        unreachable!()
    }
    pub(crate) fn bytes(&self) -> &[u8] {
        &[]
    }
}
impl Future for Pending {
    type Output = Result<Reply, Error>;
    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
        unreachable!()
    }
}
impl<M: Model> Engine<M> {
    pub(crate) fn location(&self) -> &str {
        ""
    }
    pub(crate) fn read<R>(&self, _: impl FnOnce(&M) -> R) -> R {
        unreachable!()
    }
    pub(crate) fn query<R>(&self, _: u16, _: impl FnOnce(&M) -> R) -> Result<R, Error> {
        unreachable!()
    }
    pub(crate) fn submit(
        &self,
        _: u16,
        _: impl FnOnce(&mut Vec<u8>) -> Result<(), Unwritable>,
        _: Option<Arc<str>>,
        _: Option<RequestId>,
    ) -> Pending {
        unreachable!()
    }
    pub(crate) fn position(&self) -> Position {
        unreachable!()
    }
    pub(crate) async fn reached(&self, _: Position) -> Result<(), Error> {
        unreachable!()
    }
    pub(crate) async fn snapshot(self: Arc<Self>) -> Result<Position, Error> {
        unreachable!()
    }
    pub(crate) async fn close(&self) -> Result<(), Error> {
        unreachable!()
    }
    pub(crate) fn new_request(&self) -> RequestId {
        unreachable!()
    }
}
