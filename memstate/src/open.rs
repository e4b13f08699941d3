//! [`open`] and its settings.

use std::{
    fmt,
    future::{Future, IntoFuture},
    path::{Path, PathBuf},
    pin::Pin,
    sync::Arc,
    time::Duration,
};

use crate::{
    Model, OpenError, Position, Retention, Timestamp,
    disk::{Disk, RealDisk},
    engine,
    journal::{BATCH_BYTES_MAX, file::FileOptions},
};

/// Opens a model: brings its state back from its journal, or begins a new journal with `M::default()`.
///
/// `location` is a directory, which is created if it is missing, or `"memory:"` for a journal that is gone with the
/// process, for tests.
///
/// ```
/// # use memstate::collections::Vec;
/// #[memstate::model]
/// #[derive(Default)]
/// struct Guestbook {
///     names: Vec<String>,
/// }
///
/// #[memstate::model]
/// impl Guestbook {
///     pub fn sign(&mut self, name: String) -> usize {
///         self.names.push(name);
///         self.names.len()
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let guestbook = memstate::open::<Guestbook>("memory:").await?;
/// assert_eq!(guestbook.sign("Ann").await?, 1);
/// # Ok(())
/// # }
/// ```
pub fn open<M: Model + Default>(location: impl Into<Location>) -> Open<M> {
    Open::new(location.into(), M::default)
}

/// Opens a model that is not `Default`, or begins a new journal with another state: `initial` is only called for a new
/// journal, which keeps what it returned.
pub fn open_with<M: Model>(
    location: impl Into<Location>,
    initial: impl FnOnce() -> M + Send + 'static,
) -> Open<M> {
    Open::new(location.into(), initial)
}

/// Where a journal is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Location {
    /// In this process, and gone with it.
    Memory,
    /// In a directory.
    Directory(PathBuf),
    /// Nothing, or something with a scheme that no backend here knows.
    Unknown(String),
}

impl From<&str> for Location {
    fn from(location: &str) -> Self {
        if location == "memory:" {
            return Location::Memory;
        }
        if let Some(path) = location.strip_prefix("file://") {
            return Location::Directory(path.into());
        }
        // What looks like a scheme is none of ours. One letter may be a drive; `./nats:x` is a directory of that name.
        let scheme = location.split_once(':').map_or("", |(scheme, _)| scheme);
        let is_scheme = scheme.len() > 1
            && scheme.chars().all(|letter| letter.is_ascii_alphanumeric() || "+-.".contains(letter));
        match is_scheme && !scheme.starts_with('.') || location.is_empty() {
            true => Location::Unknown(location.to_owned()),
            false => Location::Directory(location.into()),
        }
    }
}

impl From<String> for Location {
    fn from(location: String) -> Self {
        location.as_str().into()
    }
}

impl From<&String> for Location {
    fn from(location: &String) -> Self {
        location.as_str().into()
    }
}

impl From<&Path> for Location {
    fn from(path: &Path) -> Self {
        Location::Directory(path.to_owned())
    }
}

impl From<PathBuf> for Location {
    fn from(path: PathBuf) -> Self {
        Location::Directory(path)
    }
}

impl From<&PathBuf> for Location {
    fn from(path: &PathBuf) -> Self {
        Location::Directory(path.clone())
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Location::Memory => f.write_str("memory:"),
            Location::Directory(path) => path.display().fmt(f),
            Location::Unknown(location) => f.write_str(location),
        }
    }
}

/// How far a recovery is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// Bytes of the journal that were read.
    pub done: u64,
    /// Bytes that there are to read, as far as it is known.
    pub total: u64,
    /// The last position that was read.
    pub position: Position,
}

/// Where the journal's times come from.
pub(crate) type Clock = Box<dyn FnMut() -> Timestamp + Send>;

/// Where the journal's random numbers come from: the seed of each batch, and the process's own id.
pub(crate) type Entropy = Box<dyn FnMut() -> [u8; 16] + Send>;

/// The system's random numbers.
fn entropy() -> [u8; 16] {
    let mut bytes = [0; 16];
    if getrandom::fill(&mut bytes).is_err() {
        // Without a source of randomness the time at least is different each time.
        bytes[..8].copy_from_slice(&Timestamp::of_the_clock().as_micros().to_le_bytes());
        bytes[8..12].copy_from_slice(&std::process::id().to_le_bytes());
    }
    bytes
}

pub(crate) type OnProgress = Box<dyn FnMut(Progress) + Send>;

/// What was accepted in place of what was recorded.
#[derive(Debug, Clone, Copy, Default)]
#[cfg_attr(not(feature = "cli"), allow(dead_code, reason = "the command line alone says it"))]
pub(crate) struct Accepted {
    /// How many outcomes; they are journaled.
    pub(crate) outcomes: usize,
    /// After which position the state was not that of the snapshot of then. That snapshot is removed.
    pub(crate) state: Option<Position>,
}

#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) command_bytes_max: usize,
    pub(crate) command_time_limit: Option<Duration>,
    pub(crate) snapshot_every: u64,
    pub(crate) snapshot_on_close: bool,
    pub(crate) segment_bytes: u64,
    /// By how much a file of the journal is extended at first, and at most.
    pub(crate) fill_bytes: (u64, u64),
    pub(crate) accept_divergence: bool,
    pub(crate) replay_all: bool,
    pub(crate) retention: Retention,
}

/// A model that is about to be opened: await it, after changing what its defaults are not right for.
#[must_use = "nothing is opened until this is awaited"]
pub struct Open<M: Model> {
    pub(crate) location: Location,
    pub(crate) initial: Box<dyn FnOnce() -> M + Send>,
    pub(crate) settings: Settings,
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) on_progress: Option<OnProgress>,
    pub(crate) clock: Clock,
    pub(crate) entropy: Entropy,
    /// Is told what was accepted in place of what was recorded.
    pub(crate) on_accepted: Option<Box<dyn FnOnce(Accepted) + Send>>,
}

impl<M: Model> Open<M> {
    pub(crate) fn new(location: Location, initial: impl FnOnce() -> M + Send + 'static) -> Self {
        let defaults = FileOptions::default();
        let settings = Settings {
            command_bytes_max: 1 << 20,
            command_time_limit: None,
            snapshot_every: 1_000_000,
            snapshot_on_close: true,
            segment_bytes: defaults.segment_bytes,
            fill_bytes: (defaults.fill_bytes_min, defaults.fill_bytes_max),
            accept_divergence: false,
            replay_all: false,
            retention: Retention::default(),
        };
        Open {
            location,
            initial: Box::new(initial),
            settings,
            disk: Arc::new(RealDisk),
            on_progress: None,
            clock: Box::new(Timestamp::of_the_clock),
            entropy: Box::new(entropy),
            on_accepted: None,
        }
    }

    /// The largest size that a command's encoded arguments may have, in bytes: 1 MiB unless it is set here, and never more
    /// than 8 MiB. A larger one is answered with [`TooLarge`](crate::NotJournaled::TooLarge).
    pub fn max_command_bytes(mut self, bytes: usize) -> Self {
        self.settings.command_bytes_max = bytes.min(BATCH_BYTES_MAX / 2);
        self
    }

    /// Ends the process when a command has been running for longer than `limit`: none unless it is set here.
    ///
    /// A command that never ends stops everything: it holds the lock on the state, so no other command runs and no query is
    /// answered, and nothing can stop it from outside. With a limit the process says so, to stderr and to the log, and ends by
    /// `abort`, so that whoever supervises it starts it again. The next process that opens the journal tries the command
    /// again, with the same limit; when it has ended three of them in a row it is left out, with the outcome
    /// [`Poisoned`](crate::RecordOutcome::Poisoned), and every other command is kept.
    ///
    /// It is meant for what never ends, so take much more than the longest command needs: **a limit that an
    /// honest command exceeds on a slower or a busier machine poisons that command.** Time counts from when a command is
    /// read from its bytes until it has replied or was undone, and while other processes have the processor too; not while the
    /// process is stopped or the machine sleeps. An [atomic batch](crate::Client::atomically) counts as one command. The limit is checked at
    /// least four times a second, so a command may run for that much longer.
    ///
    /// It holds for commands that are run for their callers and when the journal is opened. A command that is replayed while it
    /// is opened, and that did end when it was first run, is never left out: after three processes, opening
    /// is refused with [`Fatal`](crate::OpenError::Fatal). Replays for snapshots and states of the past hold nobody else up, and are
    /// not ended. With a limit or without, the log mentions a command that has been running for ten seconds.
    pub fn command_time_limit(mut self, limit: Duration) -> Self {
        self.settings.command_time_limit = Some(limit);
        self
    }

    /// Writes a snapshot in the background after every `records` commands: 1,000,000 unless it is set here; 0 for never.
    pub fn snapshot_every(mut self, records: u64) -> Self {
        self.settings.snapshot_every = records;
        self
    }

    /// Leaves the snapshot out that is otherwise written when the model is closed.
    pub fn no_snapshot_on_close(mut self) -> Self {
        self.settings.snapshot_on_close = false;
        self
    }

    /// How large a file of the journal grows before the next is begun, in bytes: 64 MiB unless it is set here.
    pub fn segment_bytes(mut self, bytes: u64) -> Self {
        self.settings.segment_bytes = bytes;
        self
    }

    /// By how much a file of the journal is extended with zeros, at first and at most. For tests, whose journals are small.
    #[doc(hidden)]
    pub fn fill_bytes(mut self, min: u64, max: u64) -> Self {
        self.settings.fill_bytes = (min, max);
        self
    }

    /// Calls `each` about ten times a second while a long recovery runs, from a thread of its own.
    pub fn progress(mut self, each: impl FnMut(Progress) + Send + 'static) -> Self {
        self.on_progress = Some(Box::new(each));
        self
    }

    /// Takes what today's code makes of a record where it differs from the recorded outcome, instead of refusing the journal
    /// with [`Diverged`](OpenError::Diverged). The outcomes that are taken are journaled, and hold from then on; the
    /// recorded ones stay in the journal too.
    ///
    /// Only records after the newest snapshot are replayed, and can differ; see [`replay_all`](Open::replay_all).
    pub fn accept_divergence(mut self) -> Self {
        self.settings.accept_divergence = true;
        self
    }

    /// Replays the whole journal from the initial state and leaves snapshots aside: to see whether today's code still makes
    /// the same of it, or, with [`accept_divergence`](Open::accept_divergence), to have all of it told anew by today's
    /// code. Snapshots from after the first record that differs are removed then.
    pub fn replay_all(mut self) -> Self {
        self.settings.replay_all = true;
        self
    }

    /// Says which snapshots are kept: the newest two unless it is set here. Those that are there are looked through
    /// whenever one is written.
    pub fn keep_snapshots(mut self, retention: Retention) -> Self {
        self.settings.retention = retention;
        self
    }

    /// Takes the time from `clock` and not from the machine's, for an import of what happened long ago, and for tests.
    ///
    /// It is asked once for each batch of the journal, so commands that are sent together share a time; who
    /// wants a time for each awaits each. Times never go backwards: where `clock` does, the last one is taken again, and if it
    /// panics too, with a message in the log. [`Ctx::now`](crate::Ctx::now), [`Client::at`](crate::Client::at) with a time and
    /// [`Retention`] go by these times.
    pub fn clock(mut self, clock: impl FnMut() -> Timestamp + Send + 'static) -> Self {
        self.clock = Box::new(clock);
        self
    }

    /// Puts another disk under the journal; for tests.
    pub fn on_disk(mut self, disk: Arc<dyn Disk>) -> Self {
        self.disk = disk;
        self
    }
}

impl<M: Model> IntoFuture for Open<M> {
    type Output = Result<M::Client, OpenError>;
    type IntoFuture = Opening<M>;

    fn into_future(self) -> Opening<M> {
        Opening { future: Box::pin(engine::open(self)) }
    }
}

impl<M: Model> fmt::Debug for Open<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Open")
            .field("model", &M::NAME)
            .field("location", &self.location)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

type OpenFuture<M> = Pin<Box<dyn Future<Output = Result<<M as Model>::Client, OpenError>> + Send>>;

/// A model that is being opened.
#[must_use = "the model is open when this was awaited"]
pub struct Opening<M: Model> {
    future: OpenFuture<M>,
}

impl<M: Model> Future for Opening<M> {
    type Output = Result<M::Client, OpenError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut std::task::Context<'_>) -> std::task::Poll<Self::Output> {
        self.future.as_mut().poll(cx)
    }
}

impl<M: Model> fmt::Debug for Opening<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opening").field("model", &M::NAME).finish_non_exhaustive()
    }
}
