//! The clock, and the snapshots that are kept by it.

use memstate::{Retention, Timestamp};
use memstate_tests::bank::{Bank, BankClient};

use super::{Clock, snapshot_positions};

async fn learned(bank: &BankClient) -> String {
    bank.learn().await.unwrap();
    bank.read(|bank| bank.learned.last().unwrap().now.to_string())
}

#[tokio::test]
async fn the_time_comes_from_the_clock_and_never_goes_backwards() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Clock::default();
    let bank = clock.bank(dir.path()).await.unwrap();
    clock.set("2013-02-08 17:05");
    assert_eq!(learned(&bank).await, "2013-02-08T17:05:00.000000Z");
    clock.set("2013-02-07");
    assert_eq!(learned(&bank).await, "2013-02-08T17:05:00.000000Z");
    bank.close().await.unwrap();

    let bank = clock.bank(dir.path()).await.unwrap();
    assert_eq!(learned(&bank).await, "2013-02-08T17:05:00.000000Z", "after a restart too");
    clock.set("2013-02-09");
    assert_eq!(learned(&bank).await, "2013-02-09T00:00:00.000000Z");
    assert_eq!(bank.at("2013-02-08 18:00").await.unwrap().read(|bank| bank.learned.len()), 3);
    bank.close().await.unwrap();
}

#[tokio::test]
async fn times_before_1970_are_times() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Clock::default();
    for time in ["1815-06-18 11:35", "1815-06-18 22:00"] {
        clock.set(time);
        let bank = clock.bank(dir.path()).await.unwrap();
        bank.open("Ann").await.unwrap();
        assert_eq!(bank.at(bank.position()).await.unwrap().time(), Some(time.parse().unwrap()));
        assert_eq!(bank.at("1815-06-17").await.unwrap().position().get(), 0);
        assert_eq!(bank.at("1815-06-18").await.unwrap().position(), bank.position(), "the end of the day");
        assert_eq!(bank.at("1815-06-18 12:00").await.unwrap().position().get(), 1);
        bank.snapshot().await.unwrap();
        assert_eq!(bank.at("1815-06-18 12:00").await.unwrap().position().get(), 1);
        bank.close().await.unwrap();
    }
}

#[tokio::test]
async fn a_clock_that_never_told_a_time_begins_in_1970() {
    let bank = memstate::open::<Bank>("memory:").clock(|| panic!("there is no clock")).await.unwrap();
    assert_eq!(learned(&bank).await, "1970-01-01T00:00:00.000000Z");
}

#[tokio::test]
async fn a_clock_that_panics_stands_still() {
    let mut ticks = 0;
    let bank = memstate::open::<Bank>("memory:")
        .clock(move || {
            ticks += 1_000_000;
            assert!(ticks < 2_000_000, "the clock is broken");
            Timestamp::from_micros(ticks)
        })
        .await
        .unwrap();
    for _ in 0..3 {
        assert_eq!(learned(&bank).await, "1970-01-01T00:00:01.000000Z");
    }
    bank.close().await.unwrap();
}

/// Which snapshots are left of one a day, at positions 1 to 40, over a restart in the middle.
async fn kept(retention: Option<Retention>) -> Vec<u64> {
    let dir = tempfile::tempdir().unwrap();
    let clock = Clock::default();
    for days in [1..=20, 21..=40] {
        let open = clock.bank(dir.path());
        let bank = match retention {
            Some(retention) => open.keep_snapshots(retention).await.unwrap(),
            None => open.await.unwrap(),
        };
        for day in days {
            let (month, day) = if day <= 31 { (1, day) } else { (2, day - 31) };
            clock.set(&format!("2013-{month:02}-{day:02} 12:00"));
            bank.open("Ann").await.unwrap();
            bank.snapshot().await.unwrap();
        }
        bank.close().await.unwrap();
    }
    snapshot_positions(dir.path())
}

#[tokio::test]
async fn spaced_snapshots_are_kept_as_asked_for() {
    assert_eq!(kept(None).await, [39, 40]);
    assert_eq!(kept(Some(Retention::newest(0))).await, [39, 40]);
    assert_eq!(kept(Some(Retention::newest(2).daily(4).monthly(12))).await, [31, 37, 38, 39, 40]);
    assert_eq!(kept(Some(Retention::newest(3).hourly(2))).await, [38, 39, 40]);
    assert_eq!(kept(Some(Retention::all())).await.len(), 40);
}
