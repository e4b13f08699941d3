//! What the engine has measured, as a program sees it.

use std::time::Duration;

use memstate::{Position, testing::Simulated};
use memstate_tests::bank::Bank;

use crate::replayed;

#[tokio::test]
async fn commands_are_counted_by_what_became_of_them() {
    let bank = memstate::open::<Bank>("memory:").await.unwrap();
    let before = bank.metrics();
    assert_eq!((before.batches(), before.undone(), before.journal_position), (0, 0, Position::START));
    bank.open("Ann").await.unwrap();
    bank.open("Bob").await.unwrap();
    bank.transfer(1, 2, 5).await.unwrap_err();
    bank.explode().await.unwrap_err();
    let request = bank.new_request();
    for _ in 0..2 {
        bank.with_request(request).deposit(1, 7).await.unwrap();
    }
    bank.with_request(request).deposit(1, 8).await.unwrap_err();
    bank.stumble().await.unwrap_err();

    let metrics = bank.metrics();
    let commands = metrics.commands;
    assert_eq!((commands.accepted, commands.rejected, commands.panicked), (3, 1, 1));
    assert_eq!((commands.repeated, commands.refused), (1, 1));
    assert_eq!((metrics.undone(), metrics.queries_panicked), (2, 1));
    assert_eq!((metrics.position, metrics.journal_position, metrics.lag()), (7.into(), 7.into(), 0));
    assert_eq!((metrics.batches(), metrics.batch_commands.sum), (7, 7.0), "each was awaited");
    // There may be one more, which confirms what was before.
    assert!(
        metrics.append_seconds.count() >= 7 && metrics.append_seconds.count() == metrics.batch_bytes.count()
    );
    assert_eq!(metrics.events, 2);
    // A call's room is free just after its reply.
    assert!(metrics.in_flight <= 1 && metrics.in_flight_max == 65_536, "{}", metrics.in_flight);
    assert!(!metrics.stopped);
    bank.close().await.unwrap();
    let after = bank.metrics();
    assert!(after.stopped);
    assert_eq!(after.in_flight, 0);
    assert_eq!(after.commands, commands);
    assert_eq!(after.apply_seconds.count(), 7);
}

#[test]
fn what_is_durable_and_not_applied_is_a_lag() {
    let mut bank = Simulated::open(memstate::open::<Bank>("memory:"), 7).unwrap();
    let calls: Vec<_> = (0..5).map(|_| bank.client().open("Ann")).collect();
    assert_eq!(bank.client().metrics().in_flight, 5);
    bank.write();
    let metrics = bank.client().metrics();
    assert_eq!((metrics.lag(), metrics.journal_position, metrics.position), (5, 5.into(), 0.into()));
    assert_eq!((metrics.batches(), metrics.batch_commands.sum), (1, 5.0));
    assert_eq!(metrics.batch_commands.quantile(0.5), Some(8.0), "the bound above it");
    bank.apply();
    let metrics = bank.client().metrics();
    assert_eq!((metrics.lag(), metrics.in_flight, metrics.commands.accepted), (0, 0, 5));
    drop(calls);
}

#[tokio::test]
async fn snapshots_and_openings_are_measured() {
    let dir = tempfile::tempdir().unwrap();
    let bank = replayed(dir.path()).await;
    assert_eq!(bank.metrics().snapshots.age(), None);
    for _ in 0..100 {
        bank.open("Ann").await.unwrap();
    }
    bank.snapshot().await.unwrap();
    let snapshots = bank.metrics().snapshots;
    assert_eq!((snapshots.written, snapshots.failed, snapshots.last_position), (1, 0, 100.into()));
    let file = dir.path().join(format!("snapshot-{:020}", 100));
    assert_eq!(snapshots.last_bytes, std::fs::metadata(&file).unwrap().len());
    assert!(snapshots.seconds > 0.0);
    assert!(snapshots.age().unwrap() < Duration::from_secs(600));
    // One of a position that is there already is not written again.
    bank.snapshot().await.unwrap();
    assert_eq!(bank.metrics().snapshots.written, 1);
    bank.open("Bob").await.unwrap();
    bank.close().await.unwrap();

    let bank = replayed(dir.path()).await;
    let metrics = bank.metrics();
    assert_eq!((metrics.snapshots.written, metrics.snapshots.last_position), (0, 100.into()));
    assert!(metrics.snapshots.age().unwrap() < Duration::from_secs(600), "of the last command in it");
    assert_eq!((metrics.position, metrics.journal_position), (101.into(), 101.into()));
    assert_eq!(metrics.commands.accepted, 0, "those of a recovery are not counted");
    let recovery = metrics.recovery;
    assert!(recovery.total_bytes > 0 && recovery.done_bytes == recovery.total_bytes);
    assert!(recovery.seconds > 0.0);
}

#[tokio::test]
async fn a_subscriber_that_falls_behind_is_counted_and_one_that_begins_in_the_past_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let bank = replayed(dir.path()).await;
    bank.open("Ann").await.unwrap();
    bank.close().await.unwrap();

    let bank = replayed(dir.path()).await;
    let mut events = bank.events(Position::START);
    assert_eq!(events.next().await.unwrap().unwrap().0, 1.into(), "it is of the past");
    bank.open("Bob").await.unwrap();
    assert_eq!(events.next().await.unwrap().unwrap().0, 2.into());
    assert_eq!(bank.metrics().subscribers_behind, 0);
    // More than are kept in memory.
    let calls = |count: usize| (0..count).map(|_| bank.open("Eve")).collect::<Vec<_>>();
    for _ in 0..70 {
        for call in calls(1000) {
            call.await.unwrap();
        }
    }
    assert_eq!(events.next().await.unwrap().unwrap().0, 3.into());
    assert_eq!(bank.metrics().subscribers_behind, 1);
}
