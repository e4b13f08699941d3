//! Events: live, from the past, after a restart, and for who is slow.

use std::time::Duration;

use memstate::{Events, Position};
use memstate_tests::bank::{Bank, BankEvent};

use crate::replayed;

/// The next `count` events, with their positions.
async fn take(events: &mut Events<Bank>, count: usize) -> Vec<(u64, BankEvent)> {
    let mut taken = Vec::new();
    while taken.len() < count {
        let next =
            tokio::time::timeout(Duration::from_secs(30), events.next()).await.expect("there is another");
        let (position, event) = next.expect("it goes on").unwrap();
        taken.push((position.get(), event));
    }
    taken
}

fn transferred(position: u64, amount: u64) -> (u64, BankEvent) {
    (position, BankEvent::Transferred { from: 1, to: 2, amount })
}

#[tokio::test]
async fn accepted_commands_announce_events_and_refused_ones_do_not() {
    let bank = memstate::open::<Bank>("memory:").await.unwrap();
    let mut events = bank.events(Position::START);
    bank.open("Ann").await.unwrap();
    bank.open("Bob").await.unwrap();
    bank.transfer(1, 2, 5).await.unwrap_err();
    bank.deposit(1, 100).await.unwrap();
    bank.transfer(1, 2, 6).await.unwrap();
    let expected =
        [(1, BankEvent::Opened { account: 1 }), (2, BankEvent::Opened { account: 2 }), transferred(5, 6)];
    assert_eq!(take(&mut events, 3).await, expected);
    assert_eq!(take(&mut bank.events(Position::new(2)), 2).await, expected[1..]);

    let waiting = tokio::spawn(async move { take(&mut events, 1).await });
    tokio::time::sleep(Duration::from_millis(20)).await;
    bank.transfer(1, 2, 7).await.unwrap();
    assert_eq!(waiting.await.unwrap(), [transferred(6, 7)]);
}

#[tokio::test]
async fn events_of_the_past_are_there_after_a_restart_from_any_position_on() {
    let dir = tempfile::tempdir().unwrap();
    for with_snapshot in [false, true] {
        let bank = replayed(dir.path()).await;
        if bank.position() == Position::START {
            bank.open("Ann").await.unwrap();
            bank.open("Bob").await.unwrap();
            bank.deposit(1, 1000).await.unwrap();
            for amount in 1..=20 {
                bank.transfer(1, 2, amount).await.unwrap();
                bank.transfer(1, 2, 100_000).await.unwrap_err();
            }
        }
        if with_snapshot {
            bank.snapshot().await.unwrap();
        }
        bank.close().await.unwrap();

        let bank = replayed(dir.path()).await;
        let all = take(&mut bank.events(Position::START), 22).await;
        let mut expected = vec![(1, BankEvent::Opened { account: 1 }), (2, BankEvent::Opened { account: 2 })];
        expected.extend((1..=20).map(|amount| transferred(2 + 2 * amount, amount)));
        assert_eq!(all, expected);
        for from in [1, 2, 3, 4, 5, 20, 42] {
            let rest: Vec<_> = expected.iter().filter(|(position, _)| *position >= from).cloned().collect();
            assert_eq!(take(&mut bank.events(Position::new(from)), rest.len()).await, rest, "from {from}");
        }
        // The past goes over into the present without a gap.
        let mut events = bank.events(Position::new(40));
        let position = bank.transfer(1, 2, 1).with_position().await.unwrap().0.get();
        assert_eq!(
            take(&mut events, 3).await,
            [transferred(40, 19), transferred(42, 20), transferred(position, 1)]
        );
        bank.close().await.unwrap();
        drop(bank);
        if !with_snapshot {
            std::fs::remove_dir_all(dir.path()).unwrap();
        }
    }
}

#[tokio::test]
async fn a_slow_subscriber_misses_nothing_and_holds_up_nobody() {
    let bank = memstate::open::<Bank>("memory:").await.unwrap();
    let mut slow = bank.events(Position::START);
    assert_eq!(
        take(
            &mut {
                bank.open("Ann").await.unwrap();
                bank.events(Position::START)
            },
            1
        )
        .await
        .len(),
        1
    );
    // More events than are kept in memory.
    for _ in 0..15 {
        let calls: Vec<_> = (0..10_000).map(|_| bank.open("Bob")).collect();
        for call in calls {
            call.await.unwrap();
        }
    }
    let seen = take(&mut slow, 150_001).await;
    assert!(
        seen.iter()
            .zip(1..)
            .all(|((position, event), n)| { *position == n && *event == BankEvent::Opened { account: n } })
    );
}

#[tokio::test]
async fn the_stream_ends_when_the_engine_is_closed() {
    let bank = memstate::open::<Bank>("memory:").await.unwrap();
    let mut events = bank.events(Position::START);
    bank.open("Ann").await.unwrap();
    bank.close().await.unwrap();
    assert_eq!(take(&mut events, 1).await, [(1, BankEvent::Opened { account: 1 })]);
    assert!(events.next().await.is_none());
}
