//! States of the past.

use std::sync::Arc;

use memstate::{Past, PastError, Position, Retention, Timestamp};
use memstate_tests::bank::{Bank, BankQuery};

use super::{
    Clock,
    meter::{METERS, Metered, steps},
    snapshot_positions, snapshots, some_work,
};
use crate::{replayed, shape};

fn past_shape(past: &Past<Bank>) -> String {
    past.read(|bank| format!("{bank:?}"))
}

#[tokio::test]
async fn every_position_gives_the_state_that_was_there_in_memory_and_on_files() {
    let dir = tempfile::tempdir().unwrap();
    for location in ["memory:", dir.path().to_str().unwrap()] {
        let bank = memstate::open::<Bank>(location).await.unwrap();
        let shapes = some_work(&bank, 6).await;
        for (position, shape) in (0..).zip(&shapes) {
            let past = bank.at(position).await.unwrap();
            assert_eq!(past_shape(&past), *shape, "at {position}");
            assert_eq!(past.position(), Position::new(position));
            assert_eq!(past.time().is_none(), position == 0);
        }
        assert_eq!(shape(&bank), *shapes.last().unwrap(), "the present stays as it is");
    }
}

#[tokio::test]
async fn what_has_replied_is_there_at_once() {
    let bank = memstate::open::<Bank>("memory:").await.unwrap();
    for _ in 0..50 {
        let (position, account) = bank.open("Ann").with_position().await.unwrap();
        let past = bank.at(position).await.unwrap();
        assert!(past.read(|bank| bank.accounts.contains_key(&account)), "at {position}");
        assert_eq!(past_shape(&bank.at(bank.position()).await.unwrap()), shape(&bank));
    }
}

#[tokio::test]
async fn the_past_is_the_same_after_restarts_and_whichever_snapshots_are_left() {
    let dir = tempfile::tempdir().unwrap();
    let mut shapes = Vec::new();
    for _ in 0..4 {
        let bank = memstate::open::<Bank>(dir.path()).keep_snapshots(Retention::all()).await.unwrap();
        shapes.pop();
        shapes.extend(some_work(&bank, 3).await);
        bank.close().await.unwrap();
    }
    let files = snapshots(dir.path());
    assert_eq!(files.len(), 4);
    let bank = replayed(dir.path()).await;
    for removed in [None].into_iter().chain(files.iter().map(Some)) {
        if let Some(file) = removed {
            std::fs::remove_file(file).unwrap();
        }
        for (position, shape) in (0..).zip(&shapes) {
            let past = bank.at(position).await.unwrap();
            assert_eq!(past_shape(&past), *shape, "at {position}, without {removed:?} and those before");
        }
    }
}

#[tokio::test]
async fn a_time_gives_the_state_after_the_last_record_at_or_before_it() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Clock::default();
    for with_snapshots in [false, true] {
        let bank = clock.bank(dir.path()).keep_snapshots(Retention::all()).await.unwrap();
        if !with_snapshots {
            for time in ["2013-02-08 09:00", "2013-02-08 17:05", "2013-02-08 17:05", "2013-02-09 00:00"] {
                clock.set(time);
                bank.open(time).await.unwrap();
            }
        } else {
            bank.snapshot().await.unwrap();
        }
        for (when, expected) in [
            ("1970-01-01", 0),
            ("2013-02-07", 0),
            ("2013-02-08 00:00", 0),
            ("2013-02-08", 3),
            ("2013-02-08 08:59:59.999999", 0),
            ("2013-02-08T09:00Z", 1),
            ("2013-02-08 17:04:59", 1),
            ("2013-02-08T18:05+01:00", 3),
            ("2013-02-08 23:59:59.999999", 3),
            ("2013-02-09", 4),
            ("2999-01-01", 4),
            ("3", 3),
        ] {
            let past = bank.at(when).await.unwrap();
            assert_eq!(past.position(), Position::new(expected), "{when}");
            assert_eq!(past.read(|bank| bank.accounts.len() as u64), expected, "{when}");
        }
        let past = bank.at("2013-02-08 12:00").await.unwrap();
        assert_eq!(past.time(), Some("2013-02-08 09:00".parse().unwrap()));
        let time: Timestamp = "2013-02-08 17:05".parse().unwrap();
        assert_eq!(bank.at(time).await.unwrap().position(), Position::new(3));
        assert_eq!(bank.at(std::time::SystemTime::from(time)).await.unwrap().time(), Some(time));
        bank.close().await.unwrap();
    }
}

#[tokio::test]
async fn a_snapshot_has_the_time_of_its_last_record_and_not_of_what_was_journaled_after_it() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Clock::default();
    let bank = clock.bank(dir.path()).await.unwrap();
    clock.set("2013-02-08");
    bank.open("Ann").await.unwrap();
    clock.set("2013-02-09");
    bank.snapshot().await.unwrap();
    assert_eq!(snapshot_positions(dir.path()), [1]);
    assert_eq!(bank.at(1).await.unwrap().time(), Some("2013-02-08".parse().unwrap()));
}

#[tokio::test]
async fn a_snapshot_that_lies_about_its_time_leads_nobody_astray() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Clock::default();
    let bank = clock.bank(dir.path()).await.unwrap();
    clock.set("2013-02-08");
    bank.open("Ann").await.unwrap();
    clock.set("2013-02-09");
    bank.open("Bob").await.unwrap();
    bank.snapshot().await.unwrap();
    let [file] = &snapshots(dir.path())[..] else { panic!("one snapshot") };
    let good = std::fs::read(file).unwrap();
    for time in [0, i64::MIN, i64::MAX, -1] {
        let mut bytes = good.clone();
        bytes[24..32].copy_from_slice(&i64::to_le_bytes(time));
        std::fs::write(file, bytes).unwrap();
        for (when, expected) in [("2013-02-07", 0), ("2013-02-08", 1), ("2013-02-09", 2)] {
            assert_eq!(bank.at(when).await.unwrap().position(), Position::new(expected), "{when}, {time}");
        }
    }
}

#[tokio::test]
async fn a_moment_that_is_not_there_is_refused_with_the_last_that_is() {
    let bank = memstate::open::<Bank>("memory:").await.unwrap();
    bank.open("Ann").await.unwrap();
    let error = bank.at(2).await.unwrap_err();
    assert_eq!(error, PastError::AfterTheEnd { asked: Position::new(2), last: Position::new(1) });
    assert_eq!(error.to_string(), "there is no position 2 yet: the last is 1");
    let error = bank.at("2013-02-30").await.unwrap_err();
    assert!(matches!(error, PastError::Unknown(_)), "{error:?}");
    assert!(error.to_string().starts_with("`2013-02-30` is not a time: "), "{error}");
}

#[tokio::test]
async fn a_past_answers_queries_and_outlives_the_engine() {
    let bank = memstate::open::<Bank>("memory:").await.unwrap();
    bank.open("Ann").await.unwrap();
    bank.deposit(1, 10).await.unwrap();
    let before = bank.position();
    bank.deposit(1, 10).await.unwrap();
    bank.close().await.unwrap();
    let past = bank.at(before).await.unwrap();
    assert_eq!(
        bank.at(3).await.unwrap().read(Bank::total),
        20,
        "the journal can be read after it was closed"
    );
    drop(bank);
    let other = past.clone();
    drop(past);
    assert_eq!(other.read(Bank::total), 10);
    other.query(BankQuery::Balance { account: 1 }).await.unwrap();
    let error = other.query(BankQuery::Stumble {}).await.map(|_| ()).unwrap_err();
    assert_eq!(error.to_string(), "query `stumble` panicked: stumbled over 1");
    assert!(format!("{other:?}").contains("Past { model: \"Bank\", position: Position(2), time: Some("));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_past_is_made_while_commands_go_on() {
    let dir = tempfile::tempdir().unwrap();
    let bank = memstate::open::<Bank>(dir.path()).snapshot_every(200).await.unwrap();
    bank.open("Ann").await.unwrap();
    let writer = tokio::spawn({
        let bank = bank.clone();
        async move {
            for _ in 0..1000 {
                bank.deposit(1, 1).await.unwrap();
            }
        }
    });
    while !writer.is_finished() {
        let position = bank.position();
        let past = bank.at(position).await.unwrap();
        assert_eq!(past.read(Bank::total), position.get() - 1);
    }
    writer.await.unwrap();
    bank.close().await.unwrap();
}

#[tokio::test]
async fn the_cost_is_the_distance_to_the_snapshot_before() {
    let dir = tempfile::tempdir().unwrap();
    let meter = &METERS[0];
    let clock = Clock::default();
    let of_model = clock.clone();
    let model = memstate::open::<Metered>(dir.path())
        .keep_snapshots(Retention::all())
        .no_snapshot_on_close()
        .clock(move || of_model.now())
        .await
        .unwrap();
    for day in 1..=5 {
        clock.set(&format!("2013-02-0{day}"));
        steps(&model, 0, 40).await;
        clock.set(&format!("2013-02-0{day} 12:00"));
        steps(&model, 0, 60).await;
        model.snapshot().await.unwrap();
    }
    assert_eq!(snapshot_positions(dir.path()), [100, 200, 300, 400, 500]);
    meter.take();
    for (position, cost) in [(0, 0), (7, 7), (100, 0), (350, 50), (499, 99), (500, 0)] {
        assert_eq!(model.at(position).await.unwrap().read(|model| model.steps), position);
        assert_eq!(meter.take(), cost, "at {position}");
    }
    assert_eq!(model.at("2013-02-04 11:59").await.unwrap().read(|model| model.steps), 340);
    assert_eq!(meter.take(), 40);
    assert_eq!(model.at("2013-02-04 12:00").await.unwrap().read(|model| model.steps), 400);
    assert_eq!(meter.take(), 0);

    let mut history = model.history(341..=350);
    while let Some(record) = history.next().await {
        record.unwrap();
    }
    assert_eq!(meter.take(), 50);
    let mut history = model.history(341..=350).without_events();
    while let Some(record) = history.next().await {
        record.unwrap();
    }
    assert_eq!(meter.take(), 0, "nothing is run for a history without events");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_few_are_made_at_once_and_the_others_wait() {
    let meter = &METERS[1];
    let model = memstate::open::<Metered>("memory:").await.unwrap();
    steps(&model, 1, 10).await;
    meter.close();
    let making: Vec<_> = (0..10).map(|_| tokio::spawn(model.at(10))).collect();
    tokio::task::spawn_blocking(|| meter.wait_for(4)).await.unwrap();
    // A fifth would come meanwhile.
    let other = memstate::open::<Bank>("memory:").await.unwrap();
    for _ in 0..100 {
        other.at(0).await.unwrap();
    }
    meter.open();
    for past in making {
        assert_eq!(past.await.unwrap().unwrap().read(|model| model.steps), 10);
    }
    assert_eq!(meter.most(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn dropping_it_ends_the_work() {
    let meter = &METERS[2];
    let model = Arc::new(memstate::open::<Metered>("memory:").await.unwrap());
    steps(&model, 2, 1000).await;
    meter.take();
    meter.close();
    let making: Vec<_> = (0..4).map(|_| tokio::spawn(model.at(1000))).collect();
    tokio::task::spawn_blocking(|| meter.wait_for(4)).await.unwrap();
    for past in making {
        past.abort();
        assert!(past.await.unwrap_err().is_cancelled());
    }
    meter.open();
    assert_eq!(model.at(1000).await.unwrap().read(|model| model.steps), 1000);
    assert_eq!(meter.take(), 4 + 1000, "each had run one command when it was dropped, and then no more");
}
