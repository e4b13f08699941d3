//! Opening: from a location to a running engine.

use std::{
    collections::HashMap,
    marker::PhantomData,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    Engine, Shared,
    amendments::Amendments,
    attempts::Attempts,
    check::Check,
    evolution::{Routes, Today},
    executor::{Applier, Executor},
    kernel::{Kernel, method_name},
    meters::{Meters, Stopwatch},
    outcomes::Durable,
    past::Turns,
    preamble::Preamble,
    queue::Queue,
    readers::Readers,
    record::{self, Outcomes, Recorded},
    replay::{Halt, Replay, Replayed},
    requests::Requests,
    snapshots::Snapshots,
    source::Source,
    spawn,
    watchdog::{Purpose, Watchdog},
    writer::{Here, Unrecorded, Writer},
};
use crate::{
    Client, Error, Location, Model, Open, OpenError, Position, Progress, Timestamp,
    events::EventLog,
    journal::{Entry, Journal, JournalError, Stop, file, memory},
    open::{Accepted, Clock, Entropy, OnProgress, Settings},
    state,
    sync::{Condvar, Mutex, OnceLock, ShardedLock, atomic::Ordering, mpsc, oneshot, shared_static, watch},
};

/// How much of the initial state goes into one batch.
const GENESIS_PART_BYTES: usize = 4 << 20;
/// How many amended outcomes go into one batch: each takes 14 bytes at most.
const AMENDED_OUTCOMES: usize = 1 << 18;
/// How long an `open` waits for the same journal to be closed by another thread of this process.
const CLOSING_PATIENCE: Duration = Duration::from_secs(60);
/// How often progress is told.
const PROGRESS_EVERY: Duration = Duration::from_millis(100);
/// How often a long recovery is mentioned in the log.
const LOG_EVERY: Duration = Duration::from_secs(2);

/// Opens a model on threads of its own.
pub(crate) async fn open<M: Model>(open: Open<M>) -> Result<M::Client, OpenError> {
    let engine = open_engine(open).await?;
    Ok(M::Client::from(Client::new(Arc::new(engine))))
}

/// Opens a model on threads of its own, without a client.
pub(crate) async fn open_engine<M: Model>(open: Open<M>) -> Result<Engine<M>, OpenError> {
    let location = open.location.to_string();
    let (done, opened) = oneshot::channel();
    let spawned = spawn("memstate-open", move || {
        let _ = done.send(recover(open).and_then(start));
    });
    let no_thread = |why: String| OpenError::Location { location: location.clone(), why };
    spawned.map_err(|error| no_thread(format!("no thread to open it on: {error}")))?;
    opened.await.map_err(|_| no_thread("the thread that opened it panicked".to_owned()))?
}

/// Brings the state back and makes the journal ready to be written, on this thread.
pub(super) fn recover<M: Model>(open: Open<M>) -> Result<Parts<M>, OpenError> {
    let Open { location, initial, settings, disk, mut on_progress, clock, entropy, on_accepted } = open;
    let name = location.to_string();
    let span = tracing::info_span!("recovery", location = name);
    let _entered = span.enter();
    let (meters, stopwatch) = (Arc::new(Meters::new()), Stopwatch::start());
    let mut directory = None;
    let (mut journal, snapshots, attempts): (Box<dyn Journal>, _, _) = match &location {
        Location::Memory => (Box::new(memory::MemoryJournal::new()), None, None),
        Location::Directory(dir) => {
            let (fill_bytes_min, fill_bytes_max) = settings.fill_bytes;
            let options =
                file::FileOptions { segment_bytes: settings.segment_bytes, fill_bytes_min, fill_bytes_max };
            let journal = open_files(&disk, dir, &options)?;
            directory = Some(one_name(dir));
            let attempts = Attempts::new(Arc::clone(&disk), dir, settings.command_time_limit)?;
            (
                Box::new(journal),
                Some(Snapshots::new(Arc::clone(&disk), dir, settings.retention)),
                Some(Arc::new(attempts)),
            )
        }
        Location::Unknown(location) => {
            return Err(OpenError::Location {
                location: location.clone(),
                why: "there is no backend for it; give a directory (`./name:with:colons`, if need be), or `memory:`"
                    .to_owned(),
            });
        }
    };

    let watchdog =
        Watchdog::new(name.clone(), settings.command_time_limit, method_name::<M>, attempts.clone());
    let today = Today::of::<M>();
    let mut recovery = Recovery {
        name: &name,
        today: &today,
        snapshots: snapshots.as_ref(),
        journal: journal.as_mut(),
        settings: &settings,
        checked: false,
        amendments: None,
        attempts: attempts.as_ref(),
        watchdog: &watchdog,
        on_progress: on_progress.as_mut(),
        meters: &meters,
        stopwatch: &stopwatch,
    };
    let recovered = recovery.run::<M>();
    let Recovered { replayed, end, mut snapshot_position, compared, mut amendments } = match recovered {
        Ok(recovered) => recovered,
        Err(error) => {
            if let Some(attempts) = attempts {
                attempts.give_up()?;
            }
            return Err(error);
        }
    };
    // The tail was applied, so none of it is to blame for what ends this process from now on. When the journal is started
    // its directory is synced, and the removal of the file with it.
    if let Some(attempts) = &attempts {
        attempts.applied()?;
    }

    let is_new = replayed.is_none();
    let Replayed { kernel, time, tail, accepted, retold, .. } = match replayed {
        Some(replayed) => replayed,
        None if end > Position::START => {
            return Err(OpenError::NoSnapshot {
                location: name,
                why: "the journal does not begin with its initial state".to_owned(),
            });
        }
        None => Replayed {
            kernel: Kernel::new(initial_state(&name, initial)?, Position::START, Requests::default()),
            time: Timestamp::BEFORE_ALL,
            last_time: Timestamp::BEFORE_ALL,
            tail: Outcomes { first: Position::START.next(), list: Vec::new() },
            accepted: Vec::new(),
            retold: None,
        },
    };
    // Only now is anything written: whatever is refused above is left as it was.
    journal.start(&today.bytes)?;
    if let Some(snapshots) = &snapshots {
        snapshots.remove_leftovers()?;
    }
    if is_new {
        append_genesis(journal.as_mut(), &name, kernel.model())?;
    }
    if let Some(told) = on_accepted {
        told(Accepted { outcomes: accepted.len(), state: retold });
    }
    if let (Some(snapshots), Some(position)) = (&snapshots, compared) {
        // It has shown what it could, and one of today's types is to take its place.
        snapshot_position = Position::START;
        match settings.accept_divergence {
            true => snapshots.remove_from(position)?,
            false => snapshots.set_aside(position),
        }
    }
    if let Some((first, _)) = accepted.first() {
        // They hold what the records did then. Without them, the journal is told anew.
        if let Some(snapshots) = &snapshots {
            snapshots.remove_from(*first)?;
        }
        let now = Timestamp::of_the_clock();
        amend(journal.as_mut(), &name, &accepted, now)?;
        amendments.add(&accepted, now, &today.bytes);
    }
    let outcomes = confirm_tail(journal.as_mut(), time, tail)?;
    if let Some(attempts) = attempts {
        attempts.done()?;
    }
    let took = stopwatch.read();
    meters.recovered(kernel.position(), took);
    if let Some(snapshots) = snapshots.as_ref().filter(|_| snapshot_position > Position::START) {
        meters.snapshot_is_there(snapshot_position, snapshots.time(snapshot_position));
    }
    tracing::info!(position = %kernel.position(), snapshot = %snapshot_position, ?took, "recovered");
    Ok(Parts {
        name,
        directory,
        settings,
        journal,
        snapshots,
        snapshot_position,
        kernel,
        time,
        outcomes,
        today,
        amendments: Arc::new(amendments),
        watchdog,
        clock,
        entropy,
        meters,
    })
}

/// A journal that is being recovered.
struct Recovery<'a> {
    name: &'a str,
    today: &'a Arc<Today>,
    snapshots: Option<&'a Snapshots>,
    journal: &'a mut dyn Journal,
    settings: &'a Settings,
    /// Everything can be carried over.
    checked: bool,
    /// Those of the whole journal, once they were collected.
    amendments: Option<Arc<Amendments>>,
    attempts: Option<&'a Arc<Attempts>>,
    watchdog: &'a Arc<Watchdog>,
    on_progress: Option<&'a mut OnProgress>,
    meters: &'a Meters,
    stopwatch: &'a Stopwatch,
}

/// What came of it.
struct Recovered<M: Model> {
    /// `None` in a new journal.
    replayed: Option<Replayed<M>>,
    end: Position,
    snapshot_position: Position,
    /// The snapshot that the replay was compared with.
    compared: Option<Position>,
    amendments: Amendments,
}

impl Recovery<'_> {
    /// Replays the journal. It is read again from its beginning where it shows that something has to be known before: whether
    /// all of it can be carried over, or which outcomes were amended.
    fn run<M: Model>(&mut self) -> Result<Recovered<M>, OpenError> {
        loop {
            match self.replay() {
                Ok(recovered) => return Ok(recovered),
                Err(Halt::Check) => self.check::<M>()?,
                Err(Halt::Amended) => self.collect_amendments()?,
                Err(Halt::Failed(error)) => match error {
                    // Whether it was accepted stands after it in the journal.
                    // And what cannot be carried over is told first.
                    OpenError::Diverged { .. } | OpenError::Retold { .. } if !self.checked => {
                        self.check::<M>()?
                    }
                    // A full report, of all that there is, is worth more.
                    OpenError::Unreadable { .. } if !self.checked => {
                        self.check::<M>()?;
                        return Err(error);
                    }
                    error => return Err(error),
                },
            }
        }
    }

    fn replay<M: Model>(&mut self) -> Result<Recovered<M>, Halt> {
        let snapshot = match self.snapshots.filter(|_| !self.settings.replay_all) {
            Some(snapshots) => snapshots.newest::<M>(self.today, None)?,
            None => None,
        };
        let snapshot_position = snapshot.as_ref().map_or(Position::START, |loaded| loaded.kernel.position());
        let checked = match (&snapshot, self.checked) {
            (_, true) => Position::new(u64::MAX),
            // Today's code has opened this journal before, and has found no problem through there.
            (Some(loaded), _) if loaded.is_of_today => snapshot_position,
            _ => Position::START,
        };
        if checked == Position::START && self.writers_need_a_check::<M>() {
            return Err(Halt::Check);
        }
        let from = snapshot.map(|loaded| (loaded.kernel, loaded.time));
        // Who accepts what comes out has to be rid of it, whatever it is compared with.
        let looks = !self.settings.replay_all || self.settings.accept_divergence;
        let looked_at = self.snapshots.filter(|_| looks);
        let to_compare =
            looked_at.and_then(|snapshots| snapshots.to_compare::<M>(self.today, snapshot_position));
        let snapshot_position =
            to_compare.as_ref().map_or(snapshot_position, |(position, _)| snapshot_position.max(*position));
        let compared = to_compare.as_ref().map(|(position, _)| *position);
        let mut replay = Replay::new(self.name.to_owned(), Arc::clone(self.today), from)
            .checked_through(checked)
            .coming_to(to_compare)
            .watched(self.watchdog.over(Purpose::Recover))
            .attempted(self.attempts.cloned());
        if let Some(amendments) = &self.amendments {
            replay = replay.amended(Arc::clone(amendments));
        }
        if self.settings.accept_divergence {
            replay = replay.accepting();
        }
        let end = self.visit_all(&mut |entry| {
            replay.visit(entry)?;
            Ok(replay.position())
        })?;
        if snapshot_position > end {
            return Err(Halt::Failed(OpenError::Journal(JournalError::Damaged {
                path: Path::new(self.name).to_owned(),
                offset: 0,
                after: end,
                what: format!(
                    "there is a snapshot of position {snapshot_position}, and the journal ends before it"
                ),
            })));
        }
        if let Some(attempts) = self.attempts {
            attempts.until(end);
        }
        let replayed = replay.finish()?;
        let amendments = self.amendments.as_deref().cloned().unwrap_or_default();
        Ok(Recovered { replayed, end, snapshot_position, compared, amendments })
    }

    /// Whether there are writers of which not everything is sure to be carried over.
    fn writers_need_a_check<M: Model>(&mut self) -> bool {
        let preambles = self.journal.writers().into_iter().filter_map(|bytes| Preamble::decode(&bytes).ok());
        let mut of_this_model = preambles.filter(|preamble| preamble.model == M::NAME);
        of_this_model.any(|preamble| Routes::new(&preamble, self.today).need_a_check())
    }

    /// Makes sure that all of the journal can be carried over.
    fn check<M: Model>(&mut self) -> Result<(), OpenError> {
        let mut check = Check::new(self.name.to_owned(), Arc::clone(self.today));
        let visited = self.visit_all(&mut |entry| {
            check.visit::<M>(&entry)?;
            Ok(entry.first)
        });
        visited.map_err(no_halt)?;
        self.amendments = Some(Arc::new(check.finish::<M>()?));
        self.checked = true;
        Ok(())
    }

    fn collect_amendments(&mut self) -> Result<(), OpenError> {
        let mut amendments = Amendments::default();
        let visited = self.visit_all(&mut |entry| {
            amendments.read(&entry);
            Ok(entry.first)
        });
        visited.map_err(no_halt)?;
        self.amendments = Some(Arc::new(amendments));
        Ok(())
    }

    /// Reads the whole journal and tells how far it is. `visit` gives the position that it has come to.
    fn visit_all(
        &mut self,
        visit: &mut dyn FnMut(Entry<'_>) -> Result<Position, Halt>,
    ) -> Result<Position, Halt> {
        let (name, total) = (self.name, self.journal.bytes());
        let (meters, stopwatch) = (self.meters, self.stopwatch);
        meters.recovering(0, total, stopwatch.read());
        let (mut done, mut told, mut logged) = (0, Instant::now(), Instant::now());
        let (mut halted, mut began_to_tell, mut position) = (None, false, Position::START);
        let on_progress = &mut self.on_progress;
        let recovered = self.journal.recover(&mut |entry| {
            done += entry.payload.len() as u64;
            if told.elapsed() >= PROGRESS_EVERY {
                told = Instant::now();
                began_to_tell = true;
                meters.recovering(done.min(total), total, stopwatch.read());
                let progress = Progress { done: done.min(total), total, position };
                if let Some(each) = on_progress {
                    each(progress);
                }
                if logged.elapsed() >= LOG_EVERY {
                    logged = Instant::now();
                    tracing::info!(location = name, done, total, position = %position, "recovering");
                }
            }
            position = visit(entry).map_err(|halt| {
                halted = Some(halt);
                Stop
            })?;
            Ok(())
        });
        let recovered = recovered.map_err(OpenError::Journal)?;
        if let Some(halt) = halted {
            return Err(halt);
        }
        if let Some(each) = on_progress.as_mut().filter(|_| began_to_tell) {
            each(Progress { done: total, total, position });
        }
        let recovered = recovered.ok_or_else(|| OpenError::Location {
            location: name.to_owned(),
            why: "its journal stopped in the middle".to_owned(),
        })?;
        for repair in &recovered.repairs {
            tracing::warn!(location = name, repair, "repaired");
        }
        Ok(recovered.end)
    }
}

fn no_halt(halt: Halt) -> OpenError {
    match halt {
        Halt::Failed(error) => error,
        Halt::Check | Halt::Amended => unreachable!("only a replay asks for these"),
    }
}

fn open_files(
    disk: &Arc<dyn crate::disk::Disk>,
    dir: &Path,
    options: &file::FileOptions,
) -> Result<file::FileJournal, OpenError> {
    OPEN.wait_for_closing(&one_name(dir));
    Ok(file::FileJournal::open(Arc::clone(disk), dir, *options)?)
}

/// Makes the initial state. The user's code runs here.
fn initial_state<M: Model>(name: &str, initial: Box<dyn FnOnce() -> M + Send>) -> Result<M, OpenError> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(initial)).map_err(|panic| OpenError::Location {
        location: name.to_owned(),
        why: format!(
            "the initial state of `{}` cannot be made: it panicked: {}",
            M::NAME,
            state::message(panic)
        ),
    })
}

/// Writes the initial state into a new journal, so that a later change of `Default` changes no history.
fn append_genesis<M: Model>(journal: &mut dyn Journal, name: &str, model: &M) -> Result<(), OpenError> {
    let unreadable = |why: String| OpenError::Unreadable {
        location: name.to_owned(),
        what: "the initial state".to_owned(),
        position: Position::START,
        why,
    };
    let bytes = postcard::to_stdvec(model).map_err(|error| unreadable(error.to_string()))?;
    // What cannot be read back now could never be recovered.
    super::snapshots::read_state::<M>(&bytes).map_err(|error| unreadable(error.to_string()))?;
    let mut parts = bytes.chunks(GENESIS_PART_BYTES).peekable();
    let mut index = 0;
    loop {
        let part = parts.next().unwrap_or_default();
        let last = parts.peek().is_none();
        let payload = record::genesis(index, last, part);
        Durable::append(journal, 0, &payload)?;
        if last {
            return Ok(());
        }
        index += 1;
    }
}

/// Journals the outcomes that were accepted in place of recorded ones.
fn amend(
    journal: &mut dyn Journal,
    name: &str,
    accepted: &[(Position, Recorded)],
    now: Timestamp,
) -> Result<(), OpenError> {
    let (count, first) = (accepted.len(), accepted.first().map_or(0, |(position, _)| position.get()));
    tracing::warn!(
        location = name,
        count,
        first,
        "outcomes that differ from the recorded ones were accepted"
    );
    for part in accepted.chunks(AMENDED_OUTCOMES) {
        Durable::append(journal, 0, &record::amended(now, part))?;
    }
    Ok(())
}

/// Journals the outcomes of the unconfirmed tail, and says where the next ones begin.
fn confirm_tail(journal: &mut dyn Journal, time: Timestamp, tail: Outcomes) -> Result<Outcomes, OpenError> {
    if !tail.list.is_empty() {
        let mut payload = Vec::new();
        record::begin(record::Shared { time, seed: [0; 16] }, &tail, &mut payload);
        Durable::append(journal, 0, &payload)?;
    }
    Ok(Outcomes { first: tail.next(), list: Vec::new() })
}

/// Starts a new model on a journal to which nothing was written yet, without a directory and snapshots.
#[cfg(memstate_loom)]
pub(super) fn start_on<M: Model>(mut journal: Box<dyn Journal>, model: M) -> Engine<M> {
    let today = Today::of::<M>();
    journal.start(&today.bytes).expect("a new journal can be written");
    let parts = Parts {
        name: "a model".to_owned(),
        directory: None,
        settings: crate::Open::<M>::new(Location::Memory, || unreachable!("it is given")).settings,
        journal,
        snapshots: None,
        snapshot_position: Position::START,
        kernel: Kernel::new(model, Position::START, Requests::default()),
        time: Timestamp::BEFORE_ALL,
        outcomes: Outcomes { first: Position::START.next(), list: Vec::new() },
        today,
        amendments: Arc::default(),
        watchdog: Watchdog::new("a model".to_owned(), None, method_name::<M>, None),
        clock: Box::new(Timestamp::default),
        entropy: Box::new(|| [7; 16]),
        meters: Arc::new(Meters::new()),
    };
    start(parts).unwrap_or_else(|error| panic!("{error}"))
}

/// What an engine is made of.
pub(super) struct Parts<M: Model> {
    name: String,
    directory: Option<PathBuf>,
    settings: crate::open::Settings,
    journal: Box<dyn Journal>,
    snapshots: Option<Snapshots>,
    snapshot_position: Position,
    kernel: Kernel<M>,
    time: Timestamp,
    outcomes: Outcomes,
    today: Arc<Today>,
    amendments: Arc<Amendments>,
    watchdog: Arc<Watchdog>,
    clock: Clock,
    entropy: Entropy,
    meters: Arc<Meters>,
}

/// Puts an engine together: what its clients hold, and what its two threads run.
pub(super) fn assemble<M: Model>(
    parts: Parts<M>,
    batches_waiting_max: usize,
) -> (Arc<Shared<M>>, Writer, Executor<M>) {
    let Parts {
        name,
        directory,
        settings,
        journal,
        snapshots,
        snapshot_position,
        kernel,
        time,
        outcomes,
        today,
        amendments,
        watchdog,
        clock,
        mut entropy,
        meters,
    } = parts;
    let runner = watchdog.over(Purpose::Serve);
    let position = kernel.position();
    let queue = Arc::new(Queue::new());
    let unrecorded = Arc::new(Unrecorded::new(outcomes));
    let shared = Arc::new(Shared {
        source: Source {
            location: name,
            reader: journal.reader(),
            snapshots,
            today,
            amendments,
            watchdog,
            model: PhantomData,
        },
        directory,
        settings,
        queue: Arc::clone(&queue),
        kernel: ShardedLock::new(kernel),
        readers: Readers::default(),
        broken: OnceLock::new(),
        applied: watch::Sender::new(position),
        events: EventLog::new(position),
        meters: Arc::clone(&meters),
        snapshot_running: false.into(),
        writing_snapshot: Mutex::new(()),
        snapshot_threads: Mutex::new(Some(Vec::new())),
        snapshot_position: snapshot_position.get().into(),
        turns: Turns::default(),
        process: uuid::Builder::from_random_bytes(entropy()).into_uuid(),
        next_request: 1.into(),
        has_ended: false.into(),
        ended: watch::Sender::new(None),
    });

    let (send, receive) = mpsc::sync_channel(batches_waiting_max);
    let applier = Applier { shared: Arc::clone(&shared), unrecorded: Arc::clone(&unrecorded), runner };
    let executor = Executor { applier: Arc::new(applier), batches: receive, applied: Arc::default() };
    let writer = Writer {
        journal,
        queue,
        unrecorded,
        kernel: send,
        here: None,
        clock,
        entropy,
        meters,
        last_time: time,
        unconfirmed: false,
    };
    (shared, writer, executor)
}

/// Starts the threads.
fn start<M: Model>(parts: Parts<M>) -> Result<Engine<M>, OpenError> {
    // One batch may wait while one is applied.
    let (shared, mut writer, executor) = assemble(parts, 1);
    let applier = Arc::clone(&executor.applier);
    writer.here = Some(Here::new(Box::new(move |batch| applier.step(batch)), Arc::clone(&executor.applied)));
    let no_thread = |error: std::io::Error| OpenError::Location {
        location: shared.source.location.clone(),
        why: format!("no thread to run it on: {error}"),
    };
    let executor = spawn("memstate-kernel", move || executor.run()).map_err(no_thread)?;
    if let Some(directory) = &shared.directory {
        OPEN.opened(directory.clone());
    }
    let to_end = Arc::clone(&shared);
    let run = move || {
        let ran = writer.run();
        // The writer has dropped its end, so the executor ends after what is still to be applied.
        let _ = executor.join();
        end(&to_end, ran);
    };
    spawn("memstate-journal", run).map_err(no_thread)?;
    Ok(Engine { shared })
}

/// Closes the journal and tells everybody.
fn end<M: Model>(shared: &Shared<M>, ran: Result<Box<dyn Journal>, Arc<str>>) {
    shared.join_snapshots();
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| close(shared, ran)));
    let result = result.unwrap_or_else(|panic| {
        Err(Error::Stopped(format!("closing panicked: {}", state::message(panic)).into()))
    });
    if let Err(error) = &result {
        tracing::error!(location = shared.source.location, %error, "the engine ended");
    }
    shared.events.end();
    if let Some(directory) = &shared.directory {
        OPEN.closed(directory);
    }
    shared.has_ended.store(true, Ordering::Release);
    shared.ended.send_replace(Some(result));
}

/// Writes the last snapshot and closes the journal, if all went well so far.
pub(super) fn close<M: Model>(
    shared: &Shared<M>,
    ran: Result<Box<dyn Journal>, Arc<str>>,
) -> Result<(), Error> {
    let mut journal = match (ran, shared.broken.get()) {
        (_, Some(why)) => return Err(Error::Stopped(Arc::clone(why))),
        (Err(why), _) => return Err(Error::Stopped(why)),
        (Ok(journal), None) => journal,
    };
    let snapshot = match shared.settings.snapshot_on_close {
        true => shared.write_snapshot(shared.position()),
        false => Ok(()),
    };
    journal
        .close()
        .map_err(|error| Error::Stopped(format!("the journal could not be closed: {error}").into()))?;
    snapshot.map_err(|error| {
        Error::Failed(format!("it is closed, but its last snapshot could not be written: {error}").into())
    })
}

shared_static! {
    /// The journals that this process has open, so that an `open` after a `drop` waits for the engine to end, instead of
    /// finding its lock.
    static OPEN: OpenJournals = OpenJournals { states: Mutex::new(None), changed: Condvar::new() };
}

struct OpenJournals {
    /// By directory; `true` while it closes.
    states: Mutex<Option<HashMap<PathBuf, bool>>>,
    changed: Condvar,
}

impl OpenJournals {
    fn opened(&self, directory: PathBuf) {
        self.states.lock().get_or_insert_default().insert(directory, false);
    }

    fn closed(&self, directory: &Path) {
        self.states.lock().get_or_insert_default().remove(directory);
        self.changed.notify_all();
    }

    fn wait_for_closing(&self, directory: &Path) {
        let mut states = self.states.lock();
        let deadline = Instant::now() + CLOSING_PATIENCE;
        while states.get_or_insert_default().get(directory) == Some(&true) {
            if self.changed.wait_until(&mut states, deadline).timed_out() {
                return;
            }
        }
    }
}

/// The name of a directory that is the same by whatever way it is reached.
fn one_name(dir: &Path) -> PathBuf {
    std::fs::canonicalize(dir).unwrap_or_else(|_| dir.to_owned())
}

/// Notes that an engine is about to end.
pub(super) fn closing(directory: &Path) {
    if let Some(closes) = OPEN.states.lock().get_or_insert_default().get_mut(directory) {
        *closes = true;
    }
}
