//! How much is measured, and where.

use std::{
    cell::RefCell,
    error::Error,
    fs, io,
    io::IsTerminal,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};

use clap::ValueEnum;
use memstate::Timestamp;
use tempfile::TempDir;

use crate::bank::{ACCOUNTS, BALANCE, Bank, BankClient};

/// How much is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Size {
    /// What the figures in the docs are of.
    Full,
    /// As little as shows that it works.
    Smoke,
}

/// What every scenario is told.
pub struct Setting {
    size: Size,
    /// How many rounds are measured.
    pub rounds: usize,
    snapshots: bool,
    dir: TempDir,
    notes: RefCell<Vec<String>>,
    only: Option<String>,
}

impl Setting {
    /// A setting that keeps its files in a new directory in `dir`, until it is dropped.
    pub fn new(size: Size, rounds: Option<usize>, dir: &Path, snapshots: bool) -> io::Result<Self> {
        fs::create_dir_all(dir)?;
        let rounds = rounds.unwrap_or(if size == Size::Smoke { 1 } else { 5 });
        Ok(Setting {
            size,
            rounds: rounds.max(1),
            snapshots,
            dir: tempfile::Builder::new().prefix("run-").tempdir_in(dir)?,
            notes: RefCell::default(),
            only: None,
        })
    }

    /// The setting, with only the figures whose names begin so.
    pub fn only(self, only: Option<String>) -> Self {
        Setting { only, ..self }
    }

    /// Whether the figures whose names begin with `name` are asked for.
    pub fn wants(&self, name: &str) -> bool {
        self.only.as_deref().is_none_or(|only| only.starts_with(name) || name.starts_with(only))
    }

    /// `full`, or `smoke` in a smoke run.
    pub fn sized<T>(&self, full: T, smoke: T) -> T {
        match self.size {
            Size::Full => full,
            Size::Smoke => smoke,
        }
    }

    /// A new, empty directory, which is gone when it is dropped.
    pub fn dir(&self) -> io::Result<TempDir> {
        tempfile::tempdir_in(self.dir.path())
    }

    /// The bank in a directory, opened as a user would, and new; and how many batches it has written since, counted by its clock,
    /// which is asked once a batch.
    pub async fn open(&self, dir: &TempDir) -> Result<(BankClient, Arc<AtomicUsize>), Box<dyn Error>> {
        let batches = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&batches);
        let clock = move || {
            counted.fetch_add(1, Ordering::Relaxed);
            SystemTime::now().duration_since(UNIX_EPOCH).map_or_else(
                |_| Timestamp::default(),
                |since| Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX)),
            )
        };
        let open = memstate::open::<Bank>(dir.path().join("bank")).clock(clock);
        let bank = if self.snapshots { open.await } else { open.snapshot_every(0).await }?;
        bank.open_accounts(ACCOUNTS, BALANCE).await?;
        batches.store(0, Ordering::Relaxed);
        Ok((bank, batches))
    }

    /// Says what is being measured, on standard error.
    pub fn says(&self, what: &str) {
        if io::stderr().is_terminal() {
            eprint!("\r\x1b[2K{what}");
            if what.is_empty() {
                eprint!("\r");
            }
        } else if !what.is_empty() {
            eprintln!("{what}");
        }
    }

    /// Adds something that the report has to say beneath the figures.
    #[cfg_attr(not(feature = "peers"), expect(dead_code, reason = "only the peers have settings to tell"))]
    pub fn note(&self, note: impl Into<String>) {
        self.notes.borrow_mut().push(note.into());
    }

    /// What the report has to say beneath the figures, once.
    pub fn take_notes(&self) -> Vec<String> {
        self.notes.take()
    }
}
