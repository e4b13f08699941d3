//! Nothing is answered, or seen, before it is durable; a journal that failed is not written again.

use std::{io, sync::Arc, task::Poll, time::Duration};

use memstate::Error;
use memstate_tests::{bank::Bank, disks::GatedDisk};

use crate::replayed;

#[tokio::test]
async fn a_reply_comes_and_a_change_is_seen_only_after_the_sync() {
    let dir = tempfile::tempdir().unwrap();
    let disk = GatedDisk::default();
    let bank = memstate::open::<Bank>(dir.path()).on_disk(Arc::new(disk.clone())).await.unwrap();
    disk.close_gate();
    let mut call = Box::pin(bank.open("Ann"));
    tokio::time::sleep(Duration::from_millis(100)).await;
    let answer = std::future::poll_fn(|cx| Poll::Ready(call.as_mut().poll(cx))).await;
    assert!(answer.is_pending(), "{answer:?}");
    assert_eq!(bank.read(|bank| bank.accounts.len()), 0);
    let before = disk.syncs();
    disk.open_gate();
    assert_eq!(call.await, Ok(1));
    assert!(disk.syncs() > before);
    assert_eq!(bank.read(|bank| bank.accounts.len()), 1);
}

#[tokio::test]
async fn calls_made_before_the_first_is_awaited_share_a_sync() {
    let dir = tempfile::tempdir().unwrap();
    let disk = GatedDisk::default();
    let bank = memstate::open::<Bank>(dir.path()).on_disk(Arc::new(disk.clone())).await.unwrap();
    disk.close_gate();
    let calls: Vec<_> = (0..1000).map(|_| bank.open("Ann")).collect();
    let before = disk.syncs();
    disk.open_gate();
    for call in calls {
        call.await.unwrap();
    }
    // One batch was under way with the first few, and the rest went together; files may have grown in between.
    assert!(disk.syncs() - before <= 6, "{} syncs for 1000 calls", disk.syncs() - before);
}

/// The journal fails in the middle: what was answered is there after opening again, what was not is unknown, nothing
/// more is taken, and reads go on.
async fn fails_once(fail: impl Fn(&GatedDisk), heal: impl Fn(&GatedDisk), words: &str) {
    let dir = tempfile::tempdir().unwrap();
    let disk = GatedDisk::default();
    let bank = memstate::open::<Bank>(dir.path()).on_disk(Arc::new(disk.clone())).await.unwrap();
    let ann = bank.open("Ann").await.unwrap();
    assert_eq!(bank.deposit(ann, 5).await, Ok(5));

    fail(&disk);
    match bank.deposit(ann, 7).await {
        Err(Error::OutcomeUnknown(why)) => assert!(why.contains(words), "{why}"),
        other => panic!("{other:?}"),
    }
    heal(&disk);
    match bank.deposit(ann, 9).await {
        Err(Error::Stopped(why)) => {
            assert!(why.contains(words), "{why}");
            assert!(why.contains(dir.path().to_str().unwrap()), "it says where: {why}");
        }
        other => panic!("a failed journal is never written again: {other:?}"),
    }
    assert_eq!(bank.read(|bank| bank.balance(ann)), Some(5), "reads go on");
    assert!(matches!(bank.close().await, Err(Error::Stopped(_))));
    drop(bank);

    let bank = replayed(dir.path()).await;
    let balance = bank.balance(ann).await.unwrap().unwrap();
    assert!([5, 12].contains(&balance), "the unknown one happened or not: {balance}");
    assert_eq!(bank.deposit(ann, 1).await, Ok(balance + 1));
    bank.close().await.unwrap();
    assert_eq!(replayed(dir.path()).await.balance(ann).await, Ok(Some(balance + 1)));
}

#[tokio::test]
async fn a_failed_sync_stops_the_journal_and_not_the_readers() {
    let error = io::ErrorKind::Other;
    fails_once(|disk| disk.fail_syncs(Some(error)), |disk| disk.fail_syncs(None), "cannot").await;
}

#[tokio::test]
async fn a_full_disk_stops_the_journal_and_not_the_readers() {
    let error = io::ErrorKind::StorageFull;
    fails_once(|disk| disk.fail_writes(Some(error)), |disk| disk.fail_writes(None), "no storage space").await;
}
