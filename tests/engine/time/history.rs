//! The records of a journal with what they did.

use std::ops::Bound;

use memstate::{History, HistoryRecord, PastError, Position, RecordOutcome, Retention, Value};
use memstate_tests::bank::{Bank, BankClient, BankEvent};

use super::{
    Clock,
    meter::{METERS, Metered, steps},
    some_work,
};
use crate::replayed;

type Record = HistoryRecord<BankEvent>;

async fn all(mut history: History<Bank>) -> Vec<Record> {
    let mut records = Vec::new();
    while let Some(record) = history.next().await {
        records.push(record.unwrap());
    }
    records
}

/// A record of every outcome that does not end the process.
async fn every_outcome(bank: &BankClient) -> memstate::RequestId {
    let ann = bank.as_caller("Ann");
    ann.open("Ann").await.unwrap();
    bank.deposit(1, 10).await.unwrap();
    bank.deposit(9, 10).await.unwrap_err();
    ann.explode().await.unwrap_err();
    let request = bank.new_request();
    ann.with_request(request).open("Bob").await.unwrap();
    bank.with_request(request).open("Bob").await.unwrap();
    bank.with_request(request).open("Eve").await.unwrap_err();
    bank.transfer(1, 2, 3).await.unwrap();
    request
}

const OUTCOMES: [(&str, RecordOutcome); 8] = [
    ("open", RecordOutcome::Accepted),
    ("deposit", RecordOutcome::Accepted),
    ("deposit", RecordOutcome::Rejected),
    ("explode", RecordOutcome::Panicked),
    ("open", RecordOutcome::Accepted),
    ("open", RecordOutcome::Repeated),
    ("open", RecordOutcome::Refused),
    ("transfer", RecordOutcome::Accepted),
];

#[tokio::test]
async fn every_record_is_told_with_who_called_what_and_what_became_of_it() {
    let dir = tempfile::tempdir().unwrap();
    let bank = replayed(dir.path()).await;
    let request = every_outcome(&bank).await;
    let live = all(bank.history(..)).await;
    let outcomes: Vec<_> = live.iter().map(|record| (record.command.as_str(), record.outcome)).collect();
    assert_eq!(outcomes, OUTCOMES);
    assert!(live.iter().map(|record| record.position.get()).eq(1..=8));
    assert!(live.is_sorted_by_key(|record| record.time));
    let callers: Vec<_> = live.iter().map(|record| record.caller.as_deref()).collect();
    let ann = Some("Ann");
    assert_eq!(callers, [ann, None, None, ann, ann, None, None, None]);
    let requests: Vec<_> = live.iter().map(|record| record.request).collect();
    let id = Some(request);
    assert_eq!(requests, [None, None, None, None, id, id, id, None]);
    let events: Vec<_> = live.iter().flat_map(|record| record.events.clone()).collect();
    let expected = [
        BankEvent::Opened { account: 1 },
        BankEvent::Opened { account: 2 },
        BankEvent::Transferred { from: 1, to: 2, amount: 3 },
    ];
    assert_eq!(events, expected);

    let mut without_events = live.clone();
    without_events.iter_mut().for_each(|record| record.events.clear());
    assert_eq!(all(bank.history(..).without_events()).await, without_events);
    bank.close().await.unwrap();
    assert_eq!(all(bank.history(..)).await, live, "after it was closed");
    assert_eq!(all(bank.history(..).without_events()).await, without_events, "after it was closed");

    let bank = replayed(dir.path()).await;
    assert_eq!(all(bank.history(..)).await, live, "after a restart");
    bank.snapshot().await.unwrap();
    assert_eq!(all(bank.history(..)).await, live, "with a snapshot at its end");
    assert_eq!(all(bank.history(..).without_events()).await, without_events);
    bank.close().await.unwrap();
}

/// Needs the types of arguments to be traced.
#[tokio::test]
async fn arguments_are_told_by_name() {
    let bank = memstate::open::<Bank>("memory:").await.unwrap();
    bank.open("Ann").await.unwrap();
    bank.deposit(1, 10).await.unwrap();
    bank.learn().await.unwrap();
    for history in [bank.history(..), bank.history(..).without_events()] {
        let arguments: Vec<_> = all(history).await.into_iter().map(|record| record.arguments).collect();
        let fields = |fields: &[(&str, Value)]| {
            Value::Struct(fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect())
        };
        let expected = [
            fields(&[("owner", Value::Text("Ann".to_owned()))]),
            fields(&[("account", Value::Unsigned(1)), ("amount", Value::Unsigned(10))]),
            fields(&[]),
        ];
        assert_eq!(arguments, expected);
    }
}

#[tokio::test]
async fn what_has_replied_has_its_outcome_at_once() {
    let bank = memstate::open::<Bank>("memory:").await.unwrap();
    for number in 1..=20 {
        bank.open("Ann").await.unwrap();
        for history in [bank.history(number..), bank.history(number..).without_events()] {
            let [record] = &all(history).await[..] else { panic!("one record from {number} on") };
            assert_eq!((record.position.get(), record.outcome), (number, RecordOutcome::Accepted));
        }
    }
}

#[tokio::test]
async fn every_stretch_has_its_records_whichever_snapshots_there_are() {
    let dir = tempfile::tempdir().unwrap();
    for _ in 0..3 {
        let bank = memstate::open::<Bank>(dir.path()).keep_snapshots(Retention::all()).await.unwrap();
        some_work(&bank, 2).await;
        bank.close().await.unwrap();
    }
    let bank = replayed(dir.path()).await;
    let records = all(bank.history(..)).await;
    let end = records.len() as u64;
    assert_eq!(bank.position(), Position::new(end));
    for first in (0..=end + 2).step_by(3) {
        for last in (first.saturating_sub(1)..=end + 2).step_by(4) {
            let expected: Vec<_> = records
                .iter()
                .filter(|record| (first..=last).contains(&record.position.get()))
                .cloned()
                .collect();
            assert_eq!(all(bank.history(first..=last)).await, expected, "{first} to {last}");
            let told = all(bank.history(first..=last).without_events()).await;
            assert!(
                told.iter().map(|record| record.position).eq(expected.iter().map(|record| record.position))
            );
        }
    }
    bank.close().await.unwrap();
}

#[tokio::test]
async fn a_stretch_of_time_has_the_records_of_that_time() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Clock::default();
    let bank = clock.bank(dir.path()).await.unwrap();
    for time in ["2013-02-07 23:59:59.999999", "2013-02-08", "2013-02-08 12:00", "2013-02-09"] {
        clock.set(time);
        bank.open(time).await.unwrap();
    }
    let positions = async |history: History<Bank>| -> Vec<u64> {
        all(history).await.iter().map(|record| record.position.get()).collect()
    };
    assert_eq!(positions(bank.history("2013-02-08".."2013-02-09")).await, [2, 3]);
    assert_eq!(positions(bank.history("2013-02-08"..="2013-02-09")).await, [2, 3, 4]);
    assert_eq!(positions(bank.history(..="2013-02-08")).await, [1, 2, 3], "all of that day");
    let after_the_7th = (Bound::Excluded("2013-02-07"), Bound::Included("2013-02-08"));
    assert_eq!(positions(bank.history(after_the_7th)).await, [2, 3]);
    assert_eq!(positions(bank.history(.."2013-02-08")).await, [1]);
    assert_eq!(positions(bank.history("2013-02-08 00:00:01"..)).await, [3, 4]);
    assert_eq!(positions(bank.history("2014-01-01"..)).await, [0; 0]);
    let record = &all(bank.history(3..=3)).await[0];
    assert_eq!(record.time, "2013-02-08 12:00".parse().unwrap());
    match bank.history("soon"..).next().await {
        Some(Err(PastError::Unknown(_))) => {}
        other => panic!("{other:?}"),
    }
    bank.close().await.unwrap();
}

#[tokio::test]
async fn who_reads_slowly_holds_the_replay_up_and_misses_nothing() {
    let meter = &METERS[3];
    let model = memstate::open::<Metered>("memory:").await.unwrap();
    steps(&model, 3, 5000).await;
    meter.take();
    let mut history = model.history(..);
    for number in 1..=5000u64 {
        let record = history.next().await.unwrap().unwrap();
        assert_eq!((record.position.get(), record.events), (number, vec![number]));
        if number == 10 {
            // A command of the present has the whole process's attention meanwhile.
            steps(&model, 4, 100).await;
            assert!(meter.take() < 100, "no more is read ahead than a few");
        }
    }
    assert!(history.next().await.is_none(), "it ends with what had been applied");
}

#[tokio::test]
async fn dropping_a_history_ends_its_replay() {
    let meter = &METERS[5];
    let model = memstate::open::<Metered>("memory:").await.unwrap();
    steps(&model, 5, 2000).await;
    meter.take();
    // More than are read at once: each makes room for the next.
    for _ in 0..40 {
        let mut history = model.history(..);
        history.next().await.unwrap().unwrap();
    }
    assert_eq!(model.at(2000).await.unwrap().read(|model| model.steps), 2000);
    assert!(meter.take() < 2000 + 40 * 100);
}
