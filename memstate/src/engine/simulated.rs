//! [`Simulated`]: an engine without threads, whose every step is asked for.

use std::{
    future::Future,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use tokio::sync::oneshot;

use super::{
    Engine, Shared,
    executor::Executor,
    queue::Work,
    recovery::{assemble, close, recover},
    writer::Writer,
};
use crate::{Client, Error, Model, Open, OpenError, Position};

/// More batches than anybody writes between two steps of [`Simulated::apply`].
const BATCHES_WAITING_MAX: usize = 4096;

/// An open model whose engine does nothing by itself: the test says when it writes, applies, confirms, takes a snapshot or
/// loses its power.
///
/// It is the engine that everybody uses, but for its threads and its random numbers, which come from a seed. With a
/// [`FaultyDisk`](crate::testing::disk::FaultyDisk) under it and a [`clock`](Open::clock) of its own, a test with one seed is
/// one run, whatever the machine does meanwhile, and what it found is found again.
///
/// ```
/// use std::sync::Arc;
/// use memstate::testing::{Simulated, disk::FaultyDisk};
/// # #[memstate::model]
/// # #[derive(Default)]
/// # struct Counter { count: u64 }
/// # #[memstate::model]
/// # impl Counter {
/// #     pub fn add(&mut self, number: u64) -> u64 { self.count += number; self.count }
/// # }
///
/// let disk = FaultyDisk::new();
/// let open = |disk: &FaultyDisk| memstate::open::<Counter>("/counter").on_disk(Arc::new(disk.clone()));
/// let mut counter = Simulated::open(open(&disk), 7)?;
/// let first = counter.client().add(1);
/// counter.write();
/// // Two are on their way: one is durable, the other is not, and the power goes.
/// let second = counter.client().add(1);
/// let after = disk.crash(7);
/// assert_eq!(counter.wait(first), Ok(1));
/// drop((second, counter));
///
/// let again = Simulated::open(open(&after), 8)?;
/// assert_eq!(again.client().read(|counter| counter.count), 1);
/// # Ok::<(), memstate::OpenError>(())
/// ```
pub struct Simulated<M: Model> {
    shared: Arc<Shared<M>>,
    client: M::Client,
    writer: Writer,
    executor: Executor<M>,
    ended: Option<Arc<str>>,
}

impl<M: Model> Simulated<M> {
    /// Opens a model on this thread. Of the settings only the snapshots after a number of commands are left out; see
    /// [`Simulated::snapshot`].
    ///
    /// # Errors
    ///
    /// As opening it otherwise.
    pub fn open(mut open: Open<M>, seed: u64) -> Result<Self, OpenError> {
        open.settings.snapshot_every = 0;
        let mut next = seed;
        open.entropy = Box::new(move || {
            next = next.wrapping_add(1);
            let half =
                |salt: u64| twox_hash::XxHash3_64::oneshot_with_seed(salt, &next.to_le_bytes()).to_le_bytes();
            let mut bytes = [0; 16];
            bytes[..8].copy_from_slice(&half(1));
            bytes[8..].copy_from_slice(&half(2));
            bytes
        });
        let (shared, writer, executor) = assemble(recover(open)?, BATCHES_WAITING_MAX);
        let client = M::Client::from(Client::new(Arc::new(Engine { shared: Arc::clone(&shared) })));
        Ok(Simulated { shared, client, writer, executor, ended: None })
    }

    /// A client. Its calls get into the queue at once, and further by the steps below.
    pub fn client(&self) -> &M::Client {
        &self.client
    }

    /// Why it has ended, if an error of the journal or of the model has ended it.
    pub fn ended(&self) -> Option<&str> {
        self.ended.as_deref()
    }

    /// Appends what is in the queue to the journal, without applying it. `false` if there was nothing to do, or it has
    /// ended.
    pub fn write(&mut self) -> bool {
        self.take(false)
    }

    /// Applies one batch of those that were appended and answers its calls; `false` if there was none.
    pub fn apply(&mut self) -> bool {
        let Ok(committed) = self.executor.batches.try_recv() else { return false };
        match &self.ended {
            // The kernel cannot go on, or the thread that writes has ended and this is what it left.
            Some(why) if self.shared.queue.is_broken() => {
                for call in committed.calls {
                    call.reply.send(Err(Error::OutcomeUnknown(Arc::clone(why))));
                }
            }
            _ => {
                if let Err(why) = self.executor.applier.step(committed) {
                    self.end(why);
                }
            }
        }
        true
    }

    /// Does what the engine does when nothing has come for a while: applies what is there, and confirms it in the journal.
    pub fn idle(&mut self) {
        while self.take(false) {}
        self.take(true);
    }

    /// Writes and applies until nothing is left to do.
    pub fn settle(&mut self) {
        while self.write() | self.apply() {}
    }

    /// Writes and applies until `future` is ready.
    ///
    /// # Panics
    ///
    /// If it is not ready when nothing is left to do.
    pub fn wait<F: Future>(&mut self, future: F) -> F::Output {
        let mut future = pin!(future);
        loop {
            if let Poll::Ready(output) = poll(future.as_mut()) {
                return output;
            }
            assert!(self.write() | self.apply(), "it waits for what will not happen");
        }
    }

    /// Confirms what was applied, and writes a snapshot of it.
    ///
    /// # Errors
    ///
    /// [`Error::Stopped`] if it has ended, [`Error::Failed`] if the snapshot cannot be written.
    pub fn snapshot(&mut self) -> Result<Position, Error> {
        let (done, mut confirmed) = oneshot::channel();
        self.shared.queue.confirm(done).map_err(Error::Stopped)?;
        self.settle();
        let position = confirmed.try_recv().map_err(|_| Error::Stopped(self.shared.queue.why_closed()))?;
        let written = self.shared.write_snapshot(position);
        written.map(|()| position).map_err(|error| Error::Failed(error.to_string().into()))
    }

    /// Finishes and closes it, as [`Client::close`] does. What is dropped without is as if the process had ended.
    ///
    /// # Errors
    ///
    /// As [`Client::close`].
    pub fn close(mut self) -> Result<(), Error> {
        self.shared.close();
        while self.take(false) {}
        while self.apply() {}
        let ran = match &self.ended {
            Some(why) => Err(Arc::clone(why)),
            None => {
                let confirmed = self.writer.step(Work::Closed);
                self.writer.finish(&confirmed);
                confirmed
            }
        };
        let Simulated { shared, writer, .. } = self;
        close(&shared, ran.map(|()| writer.journal))
    }

    /// Takes one thing from the queue; with `confirms`, what is done when nothing is there.
    fn take(&mut self, confirms: bool) -> bool {
        if self.ended.is_some() {
            return false;
        }
        let work = match self.shared.queue.take(Some(Duration::ZERO)) {
            Work::Closed => return false,
            Work::Idle if !confirms => return false,
            work => work,
        };
        if !matches!(work, Work::Calls(_)) {
            // It waits for the outcomes of all that was appended.
            while self.apply() {}
        }
        if let Err(why) = self.writer.step(work) {
            self.end(why);
        }
        true
    }

    fn end(&mut self, why: Arc<str>) {
        let result = Err(Arc::clone(&why));
        self.writer.finish(&result);
        self.ended = Some(why);
    }
}

fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

impl<M: Model> std::fmt::Debug for Simulated<M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Simulated").field("ended", &self.ended).finish_non_exhaustive()
    }
}
