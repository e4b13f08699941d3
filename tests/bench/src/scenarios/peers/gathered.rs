//! One writer for many callers: each transaction takes what has come while the last one was synced.

use std::thread::{self, JoinHandle};

use tokio::{
    runtime::Runtime,
    sync::{mpsc, oneshot},
};

use super::{Failure, Step, Store, Sums, drive};
use crate::bank::Transfer;

/// A store in the process.
pub trait Engine: Send + 'static {
    /// Makes transfers in one transaction, durable when it returns, and adds for each whether it was accepted.
    fn transaction(&mut self, transfers: &[Transfer], accepted: &mut Vec<bool>) -> Result<(), Failure>;

    /// What is in all accounts together.
    fn sums(&mut self) -> Result<Sums, Failure>;
}

/// As many as are ever in flight.
const MOST: usize = 32_768;

type Call = (Transfer, oneshot::Sender<bool>);

#[derive(Clone)]
struct Gathered(mpsc::UnboundedSender<Call>);

impl Store for Gathered {
    async fn transfer(&self, _: usize, transfer: Transfer) -> Result<bool, Failure> {
        let (reply, answer) = oneshot::channel();
        self.0.send((transfer, reply)).map_err(|_| "the writer has stopped")?;
        Ok(answer.await?)
    }
}

/// What callers get done before an engine.
pub fn turn(engine: impl Engine, runtime: &Runtime, step: Step) -> Result<f64, Failure> {
    let (calls, called) = mpsc::unbounded_channel();
    let writer = thread::spawn(move || write(engine, called));
    let driven = runtime.block_on(drive(&Gathered(calls), step));
    let mut engine = joined(writer)?;
    driven?.checked(engine.sums()?)
}

fn write<E: Engine>(mut engine: E, mut called: mpsc::UnboundedReceiver<Call>) -> Result<E, Failure> {
    let (mut transfers, mut replies, mut accepted) = (Vec::new(), Vec::new(), Vec::new());
    let mut calls = Vec::with_capacity(MOST);
    while called.blocking_recv_many(&mut calls, MOST) > 0 {
        for (transfer, reply) in calls.drain(..) {
            transfers.push(transfer);
            replies.push(reply);
        }
        engine.transaction(&transfers, &mut accepted)?;
        transfers.clear();
        for (reply, accepted) in std::iter::zip(replies.drain(..), accepted.drain(..)) {
            // A caller that no longer waits needs no answer.
            let _ = reply.send(accepted);
        }
    }
    Ok(engine)
}

fn joined<T>(writer: JoinHandle<Result<T, Failure>>) -> Result<T, Failure> {
    writer.join().map_err(|_| "the writer panicked")?
}
