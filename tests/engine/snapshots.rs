//! Snapshots: when they are written, and what happens when one cannot be used.

use std::{path::Path, time::Duration};

use memstate::{OpenError, Position};
use memstate_tests::bank::{Bank, BankClient};

use crate::{replayed, shape};

fn snapshots(dir: &Path) -> Vec<std::path::PathBuf> {
    let mut found: Vec<_> = std::fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with("snapshot-"))
        .collect();
    found.sort();
    found
}

async fn some_work(bank: &BankClient, rounds: u64) {
    for round in 0..rounds {
        let account = bank.open(format!("owner {}", round % 5)).await.unwrap();
        bank.deposit(account, 10 + round).await.unwrap();
        if round % 3 == 2 {
            bank.close_account(account - 1).await.unwrap();
        }
        bank.transfer(account, account + 1, 1).await.unwrap_err();
        bank.learn().await.unwrap();
    }
}

#[tokio::test]
async fn a_snapshot_is_written_on_request_while_commands_go_on() {
    let dir = tempfile::tempdir().unwrap();
    let bank = replayed(dir.path()).await;
    some_work(&bank, 20).await;
    let before = bank.position();
    let (position, account) = {
        let snapshot = bank.snapshot();
        let open = bank.open("while it is written");
        (snapshot.await.unwrap(), open.await.unwrap())
    };
    assert!(position >= before);
    assert_eq!(snapshots(dir.path()).len(), 1);
    let state = shape(&bank);
    bank.close().await.unwrap();
    let bank = replayed(dir.path()).await;
    assert_eq!(shape(&bank), state);
    assert_eq!(bank.balance(account).await, Ok(Some(0)));
}

#[tokio::test]
async fn a_snapshot_is_written_on_close_and_two_are_kept() {
    let dir = tempfile::tempdir().unwrap();
    let mut state = String::new();
    for round in 1..=4 {
        let bank = memstate::open::<Bank>(dir.path()).await.unwrap();
        if round > 1 {
            assert_eq!(shape(&bank), state);
        }
        some_work(&bank, 3).await;
        state = shape(&bank);
        bank.close().await.unwrap();
        assert_eq!(snapshots(dir.path()).len(), usize::min(round, 2));
    }
    let before = snapshots(dir.path());
    let bank = memstate::open::<Bank>(dir.path()).await.unwrap();
    bank.close().await.unwrap();
    assert_eq!(snapshots(dir.path()), before, "there was nothing new to write");
}

#[tokio::test]
async fn snapshots_are_written_in_the_background() {
    let dir = tempfile::tempdir().unwrap();
    let bank = memstate::open::<Bank>(dir.path()).snapshot_every(100).no_snapshot_on_close().await.unwrap();
    for _ in 0..200 {
        some_work(&bank, 10).await;
        if snapshots(dir.path()).len() == 2 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(snapshots(dir.path()).len(), 2);
    let state = shape(&bank);
    bank.close().await.unwrap();
    assert_eq!(shape(&replayed(dir.path()).await), state);
}

#[tokio::test]
async fn a_damaged_snapshot_falls_back_to_the_older_one_and_then_to_the_journal() {
    let dir = tempfile::tempdir().unwrap();
    for _ in 0..2 {
        let bank = memstate::open::<Bank>(dir.path()).await.unwrap();
        some_work(&bank, 5).await;
        bank.close().await.unwrap();
    }
    let bank = replayed(dir.path()).await;
    some_work(&bank, 2).await;
    let state = shape(&bank);
    bank.close().await.unwrap();

    let files = snapshots(dir.path());
    assert_eq!(files.len(), 2);
    for file in files.iter().rev() {
        let mut bytes = std::fs::read(file).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        std::fs::write(file, bytes).unwrap();
        let bank = replayed(dir.path()).await;
        assert_eq!(shape(&bank), state, "after {} was damaged", file.display());
        bank.close().await.unwrap();
    }
}

#[tokio::test]
async fn a_damaged_snapshot_is_written_anew_when_one_is_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let bank = memstate::open::<Bank>(dir.path()).await.unwrap();
    some_work(&bank, 5).await;
    bank.close().await.unwrap();
    let [file] = &snapshots(dir.path())[..] else { panic!("one snapshot") };
    let good = std::fs::read(file).unwrap();
    std::fs::write(file, &good[..good.len() / 2]).unwrap();
    let bank = replayed(dir.path()).await;
    bank.snapshot().await.unwrap();
    assert_eq!(std::fs::read(file).unwrap(), good);
    bank.close().await.unwrap();
}

#[tokio::test]
async fn every_flipped_bit_and_every_length_of_a_snapshot_falls_back() {
    let dir = tempfile::tempdir().unwrap();
    let bank = memstate::open::<Bank>(dir.path()).await.unwrap();
    some_work(&bank, 1).await;
    let state = shape(&bank);
    bank.close().await.unwrap();
    let [file] = &snapshots(dir.path())[..] else { panic!("one snapshot") };
    let bytes = std::fs::read(file).unwrap();
    let mut tried = 0;
    for bit in (0..bytes.len() * 8).step_by(7) {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        std::fs::write(file, &flipped).unwrap();
        let bank = replayed(dir.path()).await;
        assert_eq!(shape(&bank), state, "bit {bit}");
        bank.close().await.unwrap();
        tried += 1;
    }
    for length in (0..bytes.len()).step_by(5) {
        std::fs::write(file, &bytes[..length]).unwrap();
        let bank = replayed(dir.path()).await;
        assert_eq!(shape(&bank), state, "cut to {length} bytes");
        bank.close().await.unwrap();
        tried += 1;
    }
    assert!(tried > 200, "{tried}");
}

#[tokio::test]
async fn a_snapshot_of_what_the_journal_no_longer_has_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let bank = replayed(dir.path()).await;
    some_work(&bank, 2).await;
    bank.close().await.unwrap();
    let old: Vec<_> = std::fs::read_dir(dir.path())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.clone(), std::fs::read(path).unwrap()))
        .collect();
    let bank = memstate::open::<Bank>(dir.path()).await.unwrap();
    some_work(&bank, 2).await;
    bank.close().await.unwrap();
    for (path, bytes) in old {
        std::fs::write(path, bytes).unwrap();
    }
    let error = memstate::open::<Bank>(dir.path()).await.expect_err("the journal went back in time");
    assert!(error.to_string().contains("the journal ends before it"), "{error}");
    assert!(matches!(error, OpenError::Journal(_)), "{error:?}");
}

#[tokio::test]
async fn in_memory_a_snapshot_is_a_position() {
    let bank = memstate::open::<Bank>("memory:").await.unwrap();
    bank.open("Ann").await.unwrap();
    assert_eq!(bank.snapshot().await, Ok(Position::new(1)));
}

mod unsteady {
    use std::sync::atomic::{AtomicU64, Ordering};

    static CLOCK: AtomicU64 = AtomicU64::new(0);

    /// A model with a command that is not deterministic.
    #[memstate::model]
    #[derive(Default)]
    pub struct Unsteady {
        last: u64,
    }

    #[memstate::model]
    impl Unsteady {
        pub fn tick(&mut self) {
            self.last = CLOCK.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[tokio::test]
async fn a_command_that_is_not_deterministic_is_found_by_the_snapshot_and_told_by_close() {
    let dir = tempfile::tempdir().unwrap();
    let model = memstate::open::<unsteady::Unsteady>(dir.path()).await.unwrap();
    model.tick().await.unwrap();
    for result in [model.snapshot().await.map(|_| ()), model.close().await] {
        match result {
            Err(memstate::Error::Failed(why)) => {
                assert!(why.contains("position 1") && why.contains("`tick()`"), "{why}")
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(snapshots(dir.path()).is_empty(), "no snapshot has a state that the journal does not have");
}
