//! How much is measured, and where.

use std::{error::Error, fs, io, io::IsTerminal, path::Path};

use clap::ValueEnum;
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
        })
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

    /// The bank in a directory, opened as a user would, and new.
    pub async fn open(&self, dir: &TempDir) -> Result<BankClient, Box<dyn Error>> {
        let open = memstate::open::<Bank>(dir.path().join("bank"));
        let bank = if self.snapshots { open.await } else { open.snapshot_every(0).await }?;
        bank.open_accounts(ACCOUNTS, BALANCE).await?;
        Ok(bank)
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
}
