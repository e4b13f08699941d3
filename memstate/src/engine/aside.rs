//! A journal that is looked at without its lock: whether today's code can open it, and what it did.

use std::{
    marker::PhantomData,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::Arc,
};

use super::{
    amendments::Amendments, check::Check, evolution::Today, kernel::method_name, retention::Retention,
    snapshots::Snapshots, source::Source, watchdog::Watchdog,
};
use crate::{
    Location, Model, OpenError, Position, Problem,
    disk::{Disk, RealDisk},
    journal::{
        ReadJournal, Stop,
        file::{
            aside::{AsideReader, OnBytes},
            directory,
        },
    },
    state,
};

/// What was found in a journal.
pub(crate) struct Survey {
    /// The last position that there was.
    pub(crate) end: Position,
    pub(crate) problems: Vec<Problem>,
    /// What is left out of what was written.
    pub(crate) left_out: Vec<String>,
    #[cfg_attr(
        not(feature = "cli"),
        allow(dead_code, reason = "the command line alone replays beside a writer")
    )]
    pub(crate) amendments: Amendments,
    /// How many versions of the code wrote it.
    pub(crate) writers: usize,
}

/// Reads a whole journal, and applies nothing.
///
/// # Errors
///
/// If it cannot be read, is empty, or is of another model.
pub(crate) fn survey<M: Model>(
    dir: &Path,
    today: &Arc<Today>,
    on_bytes: Option<OnBytes>,
) -> Result<Survey, OpenError> {
    let location = dir.display().to_string();
    if directory::list(&RealDisk, dir)?.segments.is_empty() {
        return Err(OpenError::Location { location, why: "it holds no journal yet: it is empty".to_owned() });
    }
    let reader = AsideReader::new(Arc::new(RealDisk), dir.to_owned(), on_bytes);
    let mut check = Check::new(location, Arc::clone(today));
    let (mut end, mut failed) = (Position::START, None);
    reader.read(Position::START, &mut |entry| {
        if let Err(error) = check.visit::<M>(&entry) {
            failed = Some(error);
            return Err(Stop);
        }
        if entry.count > 0 {
            end = Position::new(entry.first.get() + u64::from(entry.count) - 1);
        }
        Ok(())
    })?;
    if let Some(error) = failed {
        return Err(error);
    }
    let (writers, left_out) = (check.writers(), check.left_out());
    let (problems, amendments) = check.found();
    Ok(Survey { end, problems, left_out, amendments, writers })
}

/// A journal that can be replayed, and its last position when it was looked at.
///
/// # Errors
///
/// As [`survey`]; and if it cannot be carried over.
#[cfg_attr(not(feature = "cli"), allow(dead_code, reason = "the command line alone replays beside a writer"))]
pub(crate) fn source<M: Model>(
    dir: &Path,
    on_bytes: Option<OnBytes>,
) -> Result<(Source<M>, Position), OpenError> {
    let today = Today::of::<M>();
    let location = dir.display().to_string();
    let Survey { end, problems, amendments, .. } = survey::<M>(dir, &today, on_bytes)?;
    if !problems.is_empty() {
        return Err(OpenError::Changed { location, model: M::NAME, problems });
    }
    let disk: Arc<dyn Disk> = Arc::new(RealDisk);
    let source = Source {
        watchdog: Watchdog::new(location.clone(), None, method_name::<M>, None),
        location,
        reader: Arc::new(AsideReader::new(Arc::clone(&disk), dir.to_owned(), None)),
        // It only reads, so what is kept does not matter.
        snapshots: Some(Snapshots::new(disk, dir, Retention::default())),
        today,
        amendments: Arc::new(amendments),
        model: PhantomData,
    };
    Ok((source, end))
}

/// Runs what runs the model's code, on a thread with a stack as large as it has when the model is open.
pub(crate) fn apart<R: Send>(
    location: &str,
    work: impl FnOnce() -> Result<R, OpenError> + Send,
) -> Result<R, OpenError> {
    let failed = |why: String| OpenError::Location { location: location.to_owned(), why };
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new()
            .name("memstate-aside".to_owned())
            .stack_size(super::MODEL_STACK_BYTES)
            .spawn_scoped(scope, || catch_unwind(AssertUnwindSafe(work)));
        let thread = thread.map_err(|error| failed(format!("there is no thread for it: {error}")))?;
        let done = thread.join().unwrap_or_else(Err);
        done.unwrap_or_else(|panic| {
            Err(failed(format!("the model's code panicked: {}", state::message(panic))))
        })
    })
}

/// The directory of a location.
///
/// # Errors
///
/// If it has none.
pub(crate) fn directory_of(location: &Location) -> Result<&Path, OpenError> {
    let why = match location {
        Location::Directory(dir) => return Ok(dir),
        Location::Memory => "it is in the memory of who opened it; give a directory",
        Location::Unknown(_) => "there is no backend for it; give a directory",
    };
    Err(OpenError::Location { location: location.to_string(), why: why.to_owned() })
}
