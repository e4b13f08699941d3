//! The engine: a model, its journal, and the two threads between them.
//!
//! A call's way: [`Engine::submit`] encodes it on the caller's task, `queue` bounds and collects, `writer` appends a
//! batch and proves it durable, `kernel` applies it and answers. Queries and [`Engine::read`] meet only the kernel's
//! lock. The engine knows no files and no formats of backends; it sees a [`Journal`](crate::journal::Journal).

mod ahead;
mod amendments;
pub(crate) mod aside;
pub(crate) mod atomically;
mod attempts;
mod changes;
mod check;
mod describe;
mod evolution;
mod executor;
mod kernel;
mod ledger;
pub(crate) mod meters;
#[cfg(memstate_loom)]
pub mod models;
mod outcomes;
mod past;
pub(crate) mod preamble;
mod queue;
mod readers;
pub(crate) mod record;
mod recovery;
mod replay;
mod replies;
mod requests;
mod retention;
#[cfg(not(any(memstate_loom, memstate_shuttle)))]
pub(crate) mod simulated;
mod snapshots;
mod source;
mod watchdog;
mod writer;

use std::{
    cell::{Cell, RefCell},
    panic::{AssertUnwindSafe, catch_unwind},
    path::PathBuf,
    sync::Arc,
};

use uuid::Uuid;

/// What a model's code says of itself, for who compares it without a journal.
pub(crate) mod schema {
    pub(crate) use super::{
        describe::schema_text,
        evolution::{Today, all_differences},
    };
}

/// What runs commands without an engine, for tests of a model.
pub(crate) mod bench {
    pub(crate) use super::{
        describe::{arguments as arguments_text, of_method as answer_text},
        kernel::{Answer, Applied, Kernel, Stuck, split_events},
        record::{Record, Shared},
        replay::why_broken,
        requests::Requests,
    };
}

/// What reads bytes of a journal, of a snapshot or of the file `attempt`, for tests that make such bytes up.
pub(crate) mod hostile {
    pub(crate) use super::{
        amendments::Amendments,
        attempts::{Attempts, program},
        check::Check,
        describe::{arguments as arguments_text, schema_text, values},
        evolution::{Routes, Today, Way, all_differences, carry, read_state},
        kernel::decode,
        preamble::Preamble,
        record::{Payload, Record, Records, amended, batch_time, begin, genesis, put_record},
        replay::{Halt, Replay},
        requests::Identity,
        retention::Retention,
        snapshots::{Snapshots, read_state as read_today_state},
    };
}

pub(crate) use amendments::Amended;
#[cfg(feature = "cli")]
pub(crate) use amendments::Amendments;
pub(crate) use changes::Changes;
pub(crate) use describe::values;
pub(crate) use evolution::Today;
#[cfg(feature = "server")]
pub(crate) use evolution::{Route, Routes, Way};
pub(crate) use kernel::{Kernel, split_events};
pub(crate) use ledger::Line;
pub use outcomes::{Pending, Reply};
pub(crate) use past::{in_turn, panicked};
pub(crate) use preamble::Preamble;
#[cfg(feature = "remote")]
pub(crate) use record::COMMANDS_MAX;
pub(crate) use record::{ATOMICALLY_NAME, Recorded};
pub(crate) use recovery::open;
#[cfg(feature = "cli")]
pub(crate) use recovery::open_engine;
pub(crate) use replay::Seen;
pub(crate) use replies::wake;
pub use retention::Retention;
pub(crate) use source::Source;
#[cfg(feature = "cli")]
pub(crate) use source::bytes_of;
#[cfg(feature = "remote")]
pub(crate) use {
    outcomes::Replied,
    replies::{Replier, Replies, Wakers},
};

use self::{
    kernel::{decode, method_name},
    meters::{Meters, Stopwatch},
    past::Turns,
    queue::{QUEUE_CALLS_MAX, Queue},
    readers::Readers,
    record::Record,
};
use crate::{
    Error, Model, NotJournaled, OpenError, Position, RequestId,
    bugs::{self, Bug},
    codec::Unwritable,
    events::EventLog,
    metrics::Metrics,
    model::parts,
    open::Settings,
    pace, state,
    sync::{
        Mutex, OnceLock, ShardedLock, ShardedLockReadGuard,
        atomic::{AtomicBool, AtomicU64, Ordering},
        oneshot,
        thread::{self, JoinHandle},
        thread_static, watch,
    },
};

/// The owner of an open model: when it is dropped, the engine finishes and closes.
pub struct Engine<M: Model> {
    shared: Arc<Shared<M>>,
}

/// What the engine's threads, its clients and its subscribers share.
pub(crate) struct Shared<M: Model> {
    /// The journal and its snapshots, to be read.
    pub(crate) source: Source<M>,
    /// The directory, under the one name that all ways to it share.
    directory: Option<PathBuf>,
    settings: Settings,
    queue: Arc<Queue>,
    kernel: ShardedLock<Kernel<M>>,
    /// The executor lets them in between its slices.
    readers: Readers,
    /// A failed command could not be undone, so the state must not be looked at.
    broken: OnceLock<Arc<str>>,
    applied: watch::Sender<Position>,
    pub(crate) events: EventLog,
    pub(crate) meters: Arc<Meters>,
    snapshot_running: AtomicBool,
    /// Held while a snapshot is written: they are written one after another.
    writing_snapshot: Mutex<()>,
    /// `None` when the engine has ended.
    snapshot_threads: Mutex<Option<Vec<JoinHandle<()>>>>,
    /// The position of the last snapshot that was begun.
    snapshot_position: AtomicU64,
    /// Bounds the replays of the past.
    turns: Turns,
    process: Uuid,
    next_request: AtomicU64,
    /// Whether it has ended, for queries, which look at nothing that others write to.
    has_ended: AtomicBool,
    /// How it ended, once it has.
    ended: watch::Sender<Option<Result<(), Error>>>,
}

thread_static! {
    /// The engine that this thread reads at the moment, by its address; 0 if it reads none. In a cell of its own, because almost
    /// every read is inside of no other, and this one has no destructor to be registered and asked for.
    static READING: Cell<usize> = const { Cell::new(0) };
}

thread_static! {
    /// The engines that it reads inside of that, one inside of the other.
    static READING_INSIDE: RefCell<Vec<usize>> = const { RefCell::new(Vec::new()) };
}

/// The shared lock on a kernel, with the mark of it on this thread.
struct Reading<'a, M: Model> {
    kernel: ShardedLockReadGuard<'a, Kernel<M>>,
    is_inside: bool,
}

impl<M: Model> Drop for Reading<'_, M> {
    #[inline]
    fn drop(&mut self) {
        match self.is_inside {
            false => READING.with(|reading| reading.set(0)),
            true => READING_INSIDE.with(|inside| {
                inside.borrow_mut().pop();
            }),
        }
    }
}

thread_local! {
    /// Where this thread writes arguments.
    static SCRATCH: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// How many bytes of it a thread keeps.
const SCRATCH_BYTES_KEPT: usize = 1 << 16;

const CLOSED: &str = "it was closed";
/// How many records there may be after the snapshot that is being made before it gives way to commands no more; and how many
/// times the records that are to be between two.
const SNAPSHOT_LAG_MAX: u64 = 4_000_000;
const LAG_IN_SNAPSHOTS: u64 = 4;
/// How long the name of a caller may be, in bytes.
pub(crate) const CALLER_BYTES_MAX: usize = 1024;

/// The stack of every thread that runs the model's code, in bytes. What ran on one of them must run on each, because
/// snapshots and events of the past run the same commands again.
const MODEL_STACK_BYTES: usize = 16 << 20;

/// Starts a thread that may run the model's code.
pub(crate) fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> std::io::Result<JoinHandle<()>> {
    thread::spawn(name, MODEL_STACK_BYTES, work)
}

impl<M: Model> Engine<M> {
    /// Where the journal is.
    pub(crate) fn location(&self) -> &str {
        &self.shared.source.location
    }

    pub(crate) fn shared(&self) -> &Arc<Shared<M>> {
        &self.shared
    }

    /// Encodes a command and sends it on its way.
    pub(crate) fn submit(
        &self,
        method: u16,
        put: &mut dyn FnMut(&mut Vec<u8>) -> Result<(), Unwritable>,
        caller: Option<&str>,
        request: Option<RequestId>,
    ) -> Pending {
        let name = || method_name::<M>(method);
        // The user's `Serialize` runs in `encode`, and may come here again: it finds an empty buffer then.
        let mut arguments = SCRATCH.try_with(Cell::take).unwrap_or_default();
        arguments.clear();
        let encoded = check_caller(name, caller).and_then(|()| self.encode(method, put, &mut arguments));
        let pending = match encoded {
            Ok(()) => self.enter(Record { method, caller, request, arguments: &arguments }, 1),
            Err(error) => Pending::failed(Error::NotJournaled(error)),
        };
        if arguments.capacity() <= SCRATCH_BYTES_KEPT {
            // A thread that ends has none any more.
            let _ = SCRATCH.try_with(|scratch| scratch.set(arguments));
        }
        pending
    }

    /// Appends the arguments of a command that may be sent to `arguments`, which is empty.
    fn encode(
        &self,
        method: u16,
        put: &mut dyn FnMut(&mut Vec<u8>) -> Result<(), Unwritable>,
        arguments: &mut Vec<u8>,
    ) -> Result<(), NotJournaled> {
        let name = || method_name::<M>(method);
        if parts::method::<M::Command>(method).is_some_and(|method| method.retired) {
            return Err(NotJournaled::Retired { method: name() });
        }
        let unencodable = |why| NotJournaled::Unencodable { method: name(), why };
        catch_unwind(AssertUnwindSafe(|| put(arguments)))
            .map_err(|panic| unencodable(format!("writing panicked: {}", state::message(panic))))?
            .map_err(|error| unencodable(error.to_string()))?;
        let limit = self.shared.settings.command_bytes_max;
        if arguments.len() > limit {
            return Err(NotJournaled::TooLarge { method: name(), bytes: arguments.len(), limit });
        }
        // What cannot be read back now could never be replayed.
        decode::<M>(method, arguments)
            .map_err(|error| unencodable(format!("they cannot be read back: {error}")))?;
        Ok(())
    }

    /// Sends a record of so many commands on its way.
    fn enter(&self, record: Record<'_>, commands: usize) -> Pending {
        let queue = &self.shared.queue;
        let weight = queue::weight(commands, record.arguments);
        match queue.room().try_acquire_many(weight) {
            Ok(permit) => {
                permit.forget();
                match queue.push(record, weight) {
                    Ok(reply) => Pending::waiting(reply),
                    Err(why) => {
                        queue.release(weight as usize);
                        Pending::failed(Error::Stopped(why))
                    }
                }
            }
            Err(tokio::sync::TryAcquireError::Closed) => Pending::failed(Error::Stopped(queue.why_closed())),
            Err(tokio::sync::TryAcquireError::NoPermits) if bugs::on(Bug::QueueUnbounded) => queue
                .push(record, weight)
                .map_or_else(|why| Pending::failed(Error::Stopped(why)), Pending::waiting),
            Err(tokio::sync::TryAcquireError::NoPermits) => {
                Pending::failed(Error::NotJournaled(NotJournaled::Overloaded {
                    waiting: queue.in_flight(),
                    limit: QUEUE_CALLS_MAX,
                }))
            }
        }
    }

    /// Waits until at least half of the queue is free.
    pub(crate) async fn ready(&self) -> Result<(), Error> {
        let half = u32::try_from(QUEUE_CALLS_MAX / 2).expect("it is small");
        let room = self.shared.queue.room().acquire_many(half).await;
        room.map(drop).map_err(|_| Error::Stopped(self.shared.queue.why_closed()))
    }

    #[inline]
    pub(crate) fn read<R>(&self, look: impl FnOnce(&M) -> R) -> R {
        match self.shared.lock() {
            Ok(reading) => look(reading.kernel.model()),
            Err(why) => not_read(&why),
        }
    }

    #[inline]
    pub(crate) fn query<R>(&self, method: u16, look: impl FnOnce(&M) -> R) -> Result<R, Error> {
        if self.shared.has_ended.load(Ordering::Acquire) {
            return Err(self.ended());
        }
        let reading = match self.shared.lock() {
            Ok(reading) => reading,
            Err(why) => return Err(self.not_asked(method, &why)),
        };
        match catch_unwind(AssertUnwindSafe(|| look(reading.kernel.model()))) {
            Ok(answer) => Ok(answer),
            Err(panic) => {
                self.shared.meters.query_panicked();
                Err(query_panicked::<M>(method, state::message(panic)))
            }
        }
    }

    #[cold]
    fn ended(&self) -> Error {
        Error::Stopped(self.shared.queue.why_closed())
    }

    #[cold]
    fn not_asked(&self, method: u16, why: &str) -> Error {
        match self.shared.broken.get() {
            Some(why) => Error::Stopped(Arc::clone(why)),
            None => query_panicked::<M>(method, why.to_owned()),
        }
    }

    pub(crate) fn position(&self) -> Position {
        self.shared.position()
    }

    pub(crate) fn metrics(&self) -> Metrics {
        let shared = &self.shared;
        let stopped = shared.has_ended.load(Ordering::Acquire);
        shared.meters.metrics(shared.position(), shared.queue.in_flight(), QUEUE_CALLS_MAX, stopped)
    }

    pub(crate) async fn reached(&self, position: Position) -> Result<(), Error> {
        let mut applied = self.shared.applied.subscribe();
        let mut ended = self.shared.ended.subscribe();
        let stopped = || Error::Stopped(self.shared.queue.why_closed());
        if *applied.borrow() >= position {
            return Ok(());
        }
        let reached = applied.wait_for(|applied| *applied >= position);
        let end = ended.wait_for(Option::is_some);
        match futures_race(reached, end).await {
            true => Ok(()),
            false if self.position() >= position => Ok(()),
            false => Err(stopped()),
        }
    }

    pub(crate) fn new_request(&self) -> RequestId {
        RequestId {
            client: self.shared.process,
            sequence: self.shared.next_request.fetch_add(1, Ordering::Relaxed),
            since: self.position(),
        }
    }

    pub(crate) async fn snapshot(self: Arc<Self>) -> Result<Position, Error> {
        let (done, confirmed) = oneshot::channel();
        self.shared.queue.confirm(done).map_err(Error::Stopped)?;
        let position = confirmed.await.map_err(|_| Error::Stopped(self.shared.queue.why_closed()))?;
        let (done, written) = oneshot::channel();
        let shared = Arc::clone(&self.shared);
        let spawned = self.shared.spawn_snapshot(move || {
            let _ = done.send(shared.write_snapshot(position));
        });
        spawned
            .map_err(|error| Error::Failed(format!("there is no thread for the snapshot: {error}").into()))?;
        match written.await {
            Ok(Ok(())) => Ok(position),
            Ok(Err(error)) => {
                Err(Error::Failed(format!("the snapshot could not be written: {error}").into()))
            }
            Err(_) => Err(Error::Failed("the snapshot could not be written: its thread panicked".into())),
        }
    }

    /// Comes back when the engine has ended, for whatever reason.
    #[cfg(feature = "server")]
    pub(crate) async fn has_ended(&self) {
        // The sender is gone only when the engine is.
        let _ = self.shared.ended.subscribe().wait_for(Option::is_some).await;
    }

    pub(crate) async fn close(&self) -> Result<(), Error> {
        self.shared.close();
        let mut ended = self.shared.ended.subscribe();
        let end = ended.wait_for(Option::is_some).await.map_err(|_| Error::Stopped(CLOSED.into()))?;
        end.clone().expect("waited for")
    }
}

#[cold]
fn not_read(why: &str) -> ! {
    panic!("{why}")
}

#[cold]
fn query_panicked<M: Model>(method: u16, message: String) -> Error {
    Error::Panicked { method: parts::name::<M::Query>(method), position: None, message }
}

/// Refuses a name that is too long to stand in every record.
pub(crate) fn check_caller(
    method: impl FnOnce() -> &'static str,
    caller: Option<&str>,
) -> Result<(), NotJournaled> {
    match caller.map_or(0, str::len) {
        length if length > CALLER_BYTES_MAX => Err(NotJournaled::Unencodable {
            method: method(),
            why: format!("the caller's name has {length} bytes, more than {CALLER_BYTES_MAX}"),
        }),
        _ => Ok(()),
    }
}

impl<M: Model> Drop for Engine<M> {
    fn drop(&mut self) {
        self.shared.close();
    }
}

/// Refuses a read of an engine, by its address, that this thread reads already.
#[cold]
fn check_not_inside_of(mine: usize) -> Result<(), Arc<str>> {
    let reads =
        READING.with(Cell::get) == mine || READING_INSIDE.with(|inside| inside.borrow().contains(&mine));
    match reads {
        true => Err("a query or `read` inside of a `read` on the same thread would wait for itself".into()),
        false => Ok(()),
    }
}

/// Whether the first of two futures is ready before the second.
async fn futures_race<A, B>(first: impl Future<Output = A>, second: impl Future<Output = B>) -> bool {
    let mut first = std::pin::pin!(first);
    let mut second = std::pin::pin!(second);
    std::future::poll_fn(|cx| {
        if first.as_mut().poll(cx).is_ready() {
            return std::task::Poll::Ready(true);
        }
        second.as_mut().poll(cx).map(|_| false)
    })
    .await
}

impl<M: Model> Shared<M> {
    pub(crate) fn position(&self) -> Position {
        *self.applied.borrow()
    }

    fn close(&self) {
        if let Some(directory) = &self.directory {
            recovery::closing(directory);
        }
        self.queue.close(CLOSED.into());
    }

    /// The state, for as long as the guard lives.
    // Inlined, because a guard that is handed over in memory is written and read there in words of different widths: the processor
    // then waits until the words have left its store buffer, which they do after the atomic operations, and begins no later read meanwhile.
    #[inline(always)]
    fn lock(&self) -> Result<Reading<'_, M>, Arc<str>> {
        let mine = std::ptr::from_ref(self).addr();
        let is_inside = READING.with(Cell::get) != 0;
        if is_inside {
            check_not_inside_of(mine)?;
        }
        let kernel = match self.kernel.try_read() {
            Ok(kernel) => kernel,
            Err(_) => self.lock_when_free(),
        };
        if let Some(why) = self.broken.get() {
            return Err(Arc::clone(why));
        }
        match is_inside {
            false => READING.with(|reading| {
                reading.set(mine);
                self.readers.reads(reading);
            }),
            true => READING_INSIDE.with(|inside| inside.borrow_mut().push(mine)),
        }
        Ok(Reading { kernel, is_inside })
    }

    #[cold]
    fn lock_when_free(&self) -> ShardedLockReadGuard<'_, Kernel<M>> {
        let kernel = self.readers.waiting(|| self.kernel.read());
        // A panic that poisons the lock is one of the executor itself, which sets `broken` next.
        kernel.unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Runs `look` on the state; an error if it cannot be looked at any more.
    pub(crate) fn look<R>(&self, look: impl FnOnce(&M) -> R) -> Result<R, Arc<str>> {
        Ok(look(self.lock()?.kernel.model()))
    }

    /// Comes back when the outcomes of everything that is applied are journaled, or will never be.
    pub(crate) async fn confirmed(&self) {
        let (done, confirmed) = oneshot::channel();
        if self.queue.confirm(done).is_err() || confirmed.await.is_err() {
            // It is about to end, and to confirm everything before, if it can.
            let _ = self.ended.subscribe().wait_for(Option::is_some).await;
        }
    }

    /// Writes a snapshot of the state after `position`, made by a replay of the journal. Everything through there must be
    /// confirmed.
    fn write_snapshot(&self, position: Position) -> Result<(), OpenError> {
        self.snapshot_position.fetch_max(position.get(), Ordering::Relaxed);
        let Some(snapshots) = &self.source.snapshots else { return Ok(()) };
        let _one_at_a_time = self.writing_snapshot.lock();
        if snapshots.newest_position() >= Some(position) && position > Position::START {
            return Ok(());
        }
        let span = tracing::info_span!("snapshot", location = self.source.location, %position);
        let _entered = span.enter();
        let stopwatch = Stopwatch::start();
        // The model's own code runs here: `Deserialize`, commands, `Serialize`, `Drop`.
        let written = catch_unwind(AssertUnwindSafe(|| {
            let replayed = self.source.replay_range(position, position, |_| true)?;
            snapshots.write(&self.source.today.preamble, &replayed.kernel, replayed.last_time)
        }));
        let written = written.unwrap_or_else(|panic| {
            Err(OpenError::Unreadable {
                location: self.source.location.clone(),
                what: "the state".to_owned(),
                position,
                why: format!("it panicked: {}", state::message(panic)),
            })
        });
        let bytes = written.inspect_err(|_| self.meters.snapshot_failed())?;
        let took = stopwatch.read();
        self.meters.snapshot_written(position, bytes, took);
        tracing::info!(bytes, ?took, "a snapshot was written");
        Ok(())
    }

    /// Runs a snapshot on a thread of its own, for which the end of the engine waits.
    ///
    /// It lets the commands go first while there are any, unless it would fall ever further behind them.
    fn spawn_snapshot(self: &Arc<Self>, work: impl FnOnce() + Send + 'static) -> std::io::Result<()> {
        let mut running = self.snapshot_threads.lock();
        let running = running.as_mut().ok_or_else(|| std::io::Error::other(CLOSED))?;
        running.retain(|thread| !thread.is_finished());
        let shared = Arc::clone(self);
        let work = move || {
            let mut seen = shared.position();
            let is_busy = move || {
                let (before, begun) = (seen, shared.snapshot_position.load(Ordering::Relaxed));
                seen = shared.position();
                let lag =
                    SNAPSHOT_LAG_MAX.max(LAG_IN_SNAPSHOTS.saturating_mul(shared.settings.snapshot_every));
                seen != before && seen.get().saturating_sub(begun) < lag
            };
            pace::paced(is_busy, work);
        };
        running.push(spawn("memstate-snapshot", work)?);
        Ok(())
    }

    /// Waits for the snapshots that are being written.
    fn join_snapshots(&self) {
        for thread in self.snapshot_threads.lock().take().unwrap_or_default() {
            // It has told its own error.
            let _ = thread.join();
        }
    }

    /// Starts a snapshot in the background, if one is due and none is being made.
    fn snapshot_if_due(self: &Arc<Self>, confirmed: Position) {
        let since = confirmed.get().saturating_sub(self.snapshot_position.load(Ordering::Relaxed));
        let every = self.settings.snapshot_every;
        if every == 0
            || since < every
            || self.source.snapshots.is_none()
            || self.snapshot_running.swap(true, Ordering::AcqRel)
        {
            return;
        }
        let shared = Arc::clone(self);
        let spawned = self.spawn_snapshot(move || {
            if let Err(error) = shared.write_snapshot(confirmed) {
                tracing::error!(location = shared.source.location, %error, "the snapshot failed; commands go on");
            }
            shared.snapshot_running.store(false, Ordering::Release);
        });
        if let Err(error) = spawned {
            tracing::error!(location = self.source.location, %error, "no thread for the snapshot");
            self.snapshot_running.store(false, Ordering::Release);
        }
    }
}
