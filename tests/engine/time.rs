//! Time: states of the past, history, differences, watching, which snapshots are kept, and the clock.

mod at;
mod clock;
mod diff;
mod history;
mod meter;
mod watch;

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use memstate::{Open, Timestamp};
use memstate_tests::bank::{Bank, BankClient};

use crate::shape;

/// A clock that a test sets.
#[derive(Clone, Default)]
struct Clock(Arc<AtomicI64>);

impl Clock {
    fn set(&self, time: &str) {
        self.0.store(time.parse::<Timestamp>().unwrap().as_micros(), Ordering::SeqCst);
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::SeqCst))
    }

    /// A bank on files by this clock, without a snapshot on close.
    fn bank(&self, dir: &Path) -> Open<Bank> {
        let clock = self.clone();
        memstate::open::<Bank>(dir).no_snapshot_on_close().clock(move || clock.now())
    }
}

/// Different commands, some of them refused; gives the whole state before the first and after each of them.
async fn some_work(bank: &BankClient, rounds: u64) -> Vec<String> {
    let mut shapes = vec![shape(bank)];
    for round in 0..rounds {
        let account = bank.open(format!("owner {}", round % 5)).await.unwrap();
        shapes.push(shape(bank));
        bank.deposit(account, 10 + round).await.unwrap();
        shapes.push(shape(bank));
        bank.transfer(account, account + 1, 1).await.unwrap_err();
        shapes.push(shape(bank));
        bank.learn().await.unwrap();
        shapes.push(shape(bank));
        if round % 3 == 2 {
            bank.close_account(account - 1).await.unwrap();
            shapes.push(shape(bank));
        }
    }
    shapes
}

fn snapshots(dir: &Path) -> Vec<std::path::PathBuf> {
    let mut found: Vec<_> = std::fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with("snapshot-"))
        .collect();
    found.sort();
    found
}

/// The positions of the snapshots that are there.
fn snapshot_positions(dir: &Path) -> Vec<u64> {
    let number = |path: &std::path::PathBuf| {
        path.file_name().unwrap().to_str().unwrap()["snapshot-".len()..].parse().unwrap()
    };
    snapshots(dir).iter().map(number).collect()
}
