//! Atomic batches: several commands, one record, all or nothing.

mod bytes;
mod load;
mod parts;

use memstate::{Error, NotJournaled, Position, Refused, RequestId, Value};
use memstate_tests::bank::{Bank, BankClient, BankCommand, BankError, BankEvent, BankReply};

use crate::{replayed, shape};

fn open(owner: &str) -> BankCommand {
    BankCommand::Open { owner: owner.to_owned() }
}

fn deposit(account: u64, amount: u64) -> BankCommand {
    BankCommand::Deposit { account, amount }
}

fn transfer(from: u64, to: u64, amount: u64) -> BankCommand {
    BankCommand::Transfer { from, to, amount }
}

/// A bank with Ann's 10 and Bob's 20, at position 1.
async fn with_two(bank: &BankClient) {
    let replies = bank.atomically([open("Ann"), open("Bob"), deposit(1, 10), deposit(2, 20)]).await.unwrap();
    let expected =
        [BankReply::Open(1), BankReply::Open(2), BankReply::Deposit(Ok(10)), BankReply::Deposit(Ok(20))];
    assert_eq!(replies, expected);
}

#[tokio::test]
async fn a_batch_is_one_record_with_every_reply() {
    let bank = memstate::open::<Bank>("memory:").await.unwrap();
    with_two(&bank).await;
    assert_eq!(bank.position(), Position::new(1));
    let batch = [transfer(1, 2, 3), BankCommand::CloseAccount { account: 1 }];
    let (position, replies) = bank.atomically(batch).with_position().await.unwrap();
    assert_eq!(position, Position::new(2));
    assert_eq!(replies, [BankReply::Transfer(Ok(())), BankReply::CloseAccount(Ok(7))]);
    // Any iterator will do, and a batch that nobody waits for is on its way too.
    drop(bank.atomically((0..3).map(|_| deposit(2, 1))));
    assert_eq!(bank.deposit(2, 1).with_position().await, Ok((Position::new(4), 27)));
}

#[tokio::test]
async fn a_batch_without_commands_is_answered_and_not_journaled() {
    let bank = memstate::open::<Bank>("memory:").await.unwrap();
    assert_eq!(bank.atomically([]).await, Ok(vec![]));
    with_two(&bank).await;
    let request = bank.new_request();
    assert_eq!(
        bank.with_request(request).atomically([]).with_position().await,
        Ok((Position::new(1), vec![]))
    );
    assert_eq!(bank.position(), Position::new(1));
    assert_eq!(bank.with_request(request).deposit(1, 1).await, Ok(11), "the id was not used up");
}

#[tokio::test]
async fn when_a_command_is_refused_nothing_of_the_batch_has_happened() {
    let dir = tempfile::tempdir().unwrap();
    let bank = replayed(dir.path()).await;
    with_two(&bank).await;
    let before = shape(&bank);
    let mut events = bank.events(Position::new(2));
    let refused = transfer(1, 9, 1);
    for index in 0..4 {
        let mut batch =
            vec![open("Eve"), BankCommand::CloseAccount { account: 1 }, open("Ann"), deposit(2, 5)];
        batch.insert(index, refused.clone());
        // Where Ann's account was closed before, it is that which is missing.
        let missing = if index < 2 { 9 } else { 1 };
        let reply = BankReply::Transfer(Err(BankError::NoAccount(missing)));
        let error = bank.atomically(batch).await.unwrap_err();
        assert_eq!(error, Error::Rejected(Refused { index, reply }));
        let text = error.to_string();
        assert!(text.contains(&format!("index {index}")) && text.contains("NoAccount"), "{text}");
        assert_eq!(shape(&bank), before, "refused at {index}");
    }
    bank.open("Zoe").await.unwrap();
    assert_eq!(bank.position(), Position::new(6), "a refused batch is journaled as any refusal");
    let (position, event) = events.next().await.unwrap().unwrap();
    assert_eq!((position.get(), event), (6, BankEvent::Opened { account: 3 }), "nothing was announced");
    let now = shape(&bank);
    bank.close().await.unwrap();
    assert_eq!(shape(&replayed(dir.path()).await), now);
}

#[tokio::test]
async fn when_a_command_panics_nothing_of_the_batch_has_happened() {
    let bank = memstate::open::<Bank>("memory:").await.unwrap();
    with_two(&bank).await;
    let before = shape(&bank);
    for index in 0..3 {
        let mut batch = vec![open("Eve"), deposit(1, 5)];
        batch.insert(index, BankCommand::Explode {});
        let error = bank.atomically(batch).await.unwrap_err();
        let Error::Panicked { method, position, message } = &error else { panic!("{error}") };
        assert_eq!((*method, *position), ("atomically", Some(Position::new(2 + index as u64))));
        assert_eq!(*message, format!("`explode` at index {index} of the batch: boom after 0"));
        assert_eq!(shape(&bank), before);
    }
}

mod bombs {
    use serde::{Deserialize, Serialize};

    /// Goes off when it is dropped after it was lit.
    #[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
    pub struct Bomb {
        #[serde(skip)]
        lit: bool,
    }

    impl Drop for Bomb {
        fn drop(&mut self) {
            if std::mem::take(&mut self.lit) && !std::thread::panicking() {
                panic!("it went off");
            }
        }
    }

    #[memstate::model]
    #[derive(Debug, Default)]
    pub struct Yard {
        pub holes: memstate::collections::Vec<u8>,
    }

    #[memstate::model]
    impl Yard {
        pub fn dig(&mut self, hole: u8) -> usize {
            self.holes.push(hole);
            self.holes.len()
        }

        pub fn light(&mut self, bomb: Bomb) {
            let mut bomb = bomb;
            self.holes.clear();
            bomb.lit = true;
        }
    }
}

#[tokio::test]
async fn a_destructor_that_panics_takes_the_batch_back_too() {
    use bombs::{Bomb, Yard, YardCommand, YardReply};
    let dir = tempfile::tempdir().unwrap();
    for _ in 0..2 {
        let yard = memstate::open::<Yard>(dir.path()).no_snapshot_on_close().await.unwrap();
        let before = yard.read(|yard| yard.holes.len());
        let light = || YardCommand::Light { bomb: Bomb::default() };
        let error = yard.atomically([YardCommand::Dig { hole: 1 }, light(), light()]).await.unwrap_err();
        assert!(error.to_string().contains("`light` at index 1 of the batch: it went off"), "{error}");
        assert_eq!(yard.read(|yard| yard.holes.len()), before);
        let replies = yard.atomically([YardCommand::Dig { hole: 2 }]).await;
        assert_eq!(replies, Ok(vec![YardReply::Dig(before + 1)]));
        yard.close().await.unwrap();
    }
}

#[tokio::test]
async fn the_commands_of_a_batch_share_position_time_and_caller_and_draw_on_from_one_another() {
    let dir = tempfile::tempdir().unwrap();
    let bank = replayed(dir.path()).await;
    bank.open("Ann").await.unwrap();
    let learn = || BankCommand::Learn {};
    bank.as_caller("auditor").atomically([learn(), deposit(1, 1), learn(), learn()]).await.unwrap();
    bank.atomically([learn(), learn()]).await.unwrap();
    let learned = bank.read(|bank| bank.learned.clone());
    let of = |at: usize| (learned[at].position, learned[at].now, learned[at].caller.clone());
    assert!(of(0) == of(1) && of(1) == of(2) && of(3) == of(4));
    assert_eq!((of(0).0, of(0).2.as_deref()), (2, Some("auditor")));
    assert_eq!((of(3).0, of(3).2), (3, None));
    let mut drawn: Vec<_> = learned.iter().map(|one| (one.random.0, one.uuid.clone())).collect();
    drawn.sort();
    drawn.dedup_by(|one, other| one.0 == other.0 || one.1 == other.1);
    assert_eq!(drawn.len(), 5, "no number is drawn twice");
    bank.close().await.unwrap();
    assert_eq!(
        replayed(dir.path()).await.read(|bank| bank.learned.clone()),
        learned,
        "a replay draws the same"
    );
}

#[tokio::test]
async fn the_events_of_a_batch_come_together_and_in_order_live_and_from_the_past() {
    let bank = memstate::open::<Bank>("memory:").await.unwrap();
    let mut live = bank.events(Position::START);
    with_two(&bank).await;
    bank.atomically([transfer(1, 2, 1), transfer(2, 1, 5), open("Eve")]).await.unwrap();
    bank.atomically([transfer(1, 2, 1), transfer(2, 1, 500)]).await.unwrap_err();
    bank.open("Zoe").await.unwrap();
    let transferred = |from, to, amount| BankEvent::Transferred { from, to, amount };
    let expected = [
        (1, BankEvent::Opened { account: 1 }),
        (1, BankEvent::Opened { account: 2 }),
        (2, transferred(1, 2, 1)),
        (2, transferred(2, 1, 5)),
        (2, BankEvent::Opened { account: 3 }),
        (4, BankEvent::Opened { account: 4 }),
    ];
    for mut events in
        [bank.events(Position::START), std::mem::replace(&mut live, bank.events(Position::START))]
    {
        for (position, event) in &expected {
            let (at, told) = events.next().await.unwrap().unwrap();
            assert_eq!((at.get(), &told), (*position, event));
        }
    }
}

/// What each of the three batches of [`requests`] is answered.
async fn send(bank: &BankClient, [good, bad, ugly]: [RequestId; 3]) {
    let replies =
        bank.with_request(good).atomically([deposit(1, 5), transfer(1, 2, 15), deposit(2, 1)]).await;
    let expected = [BankReply::Deposit(Ok(15)), BankReply::Transfer(Ok(())), BankReply::Deposit(Ok(36))];
    assert_eq!(replies, Ok(expected.into()));
    let reply = BankReply::Transfer(Err(BankError::Insufficient { balance: 0 }));
    let refused = bank.with_request(bad).atomically([deposit(2, 100), transfer(1, 2, 1)]).await;
    assert_eq!(refused, Err(Error::Rejected(Refused { index: 1, reply })));
    let panicked = bank.with_request(ugly).atomically([open("Eve"), BankCommand::Explode {}]).await;
    assert!(matches!(panicked, Err(Error::Panicked { method: "atomically", .. })), "{panicked:?}");
}

#[tokio::test]
async fn a_batch_that_is_sent_again_happens_once_over_restarts_and_snapshots() {
    let dir = tempfile::tempdir().unwrap();
    let bank = replayed(dir.path()).await;
    with_two(&bank).await;
    let requests = [bank.new_request(), bank.new_request(), bank.new_request()];
    send(&bank, requests).await;
    let state = shape(&bank);
    send(&bank, requests).await;
    let reused = |answer: Result<Vec<BankReply>, Error<Refused<BankReply>>>| {
        assert_eq!(answer, Err(Error::NotJournaled(NotJournaled::RequestReused)));
    };
    let again = bank.with_request(requests[0]);
    reused(again.atomically([transfer(1, 2, 15), deposit(1, 5), deposit(2, 1)]).await);
    reused(again.atomically([deposit(1, 5), transfer(1, 2, 15)]).await);
    reused(again.atomically([deposit(1, 5)]).await);
    assert_eq!(again.deposit(1, 5).await, Err(Error::NotJournaled(NotJournaled::RequestReused)));
    bank.close().await.unwrap();
    for round in 0..4 {
        let bank = replayed(dir.path()).await;
        send(&bank, requests).await;
        assert_eq!(shape(&bank), state, "round {round}");
        if round == 1 {
            bank.snapshot().await.unwrap();
        }
        bank.close().await.unwrap();
    }
}

#[tokio::test]
async fn a_single_command_and_a_batch_of_it_are_not_the_same_request() {
    let bank = memstate::open::<Bank>("memory:").await.unwrap();
    with_two(&bank).await;
    let request = bank.new_request();
    assert_eq!(bank.with_request(request).deposit(1, 1).await, Ok(11));
    let batch = bank.with_request(request).atomically([deposit(1, 1)]).await;
    assert_eq!(batch, Err(Error::NotJournaled(NotJournaled::RequestReused)));
}

/// Accepted, refused and panicking batches between single commands; the state after each record.
async fn work(bank: &BankClient) -> Vec<String> {
    let mut shapes = vec![shape(bank)];
    with_two(bank).await;
    shapes.push(shape(bank));
    for round in 0..5 {
        bank.atomically([transfer(2, 1, 3), BankCommand::Learn {}, open("Eve")]).await.unwrap();
        shapes.push(shape(bank));
        bank.atomically([deposit(1, 100), transfer(1, 99, 1)]).await.unwrap_err();
        shapes.push(shape(bank));
        bank.deposit(2, round).await.unwrap();
        shapes.push(shape(bank));
        bank.atomically([open("Nobody"), BankCommand::Explode {}]).await.unwrap_err();
        shapes.push(shape(bank));
    }
    shapes
}

#[tokio::test]
async fn the_past_of_a_batch_is_what_it_was_with_and_without_snapshots() {
    let dir = tempfile::tempdir().unwrap();
    let bank = replayed(dir.path()).await;
    let shapes = work(&bank).await;
    bank.close().await.unwrap();
    for with_snapshot in [false, true] {
        let bank = replayed(dir.path()).await;
        assert_eq!(shape(&bank), shapes[shapes.len() - 1]);
        for (position, shape) in (0..).zip(&shapes) {
            let past = bank.at(position).await.unwrap();
            assert_eq!(past.read(|bank| format!("{bank:?}")), *shape, "at {position}, {with_snapshot}");
        }
        let changes = bank.diff(1, 2).await.unwrap();
        let places: Vec<_> = changes.iter().map(ToString::to_string).collect();
        assert!(places.iter().any(|place| place.contains("balance: 10 → 13")), "{places:?}");
        assert!(places.iter().any(|place| place.contains("balance: 20 → 17")), "{places:?}");
        assert!(bank.diff(2, 3).await.unwrap().is_empty(), "a refused batch changes nothing");
        bank.snapshot().await.unwrap();
        bank.close().await.unwrap();
    }
}

#[tokio::test]
async fn history_tells_a_batch_with_its_commands() {
    let bank = memstate::open::<Bank>("memory:").await.unwrap();
    bank.as_caller("teller").atomically([open("Ann"), deposit(1, 10)]).await.unwrap();
    bank.atomically([deposit(1, 1), deposit(7, 1)]).await.unwrap_err();
    bank.deposit(1, 2).await.unwrap();
    for with_events in [true, false] {
        let history = bank.history(..);
        let mut history = if with_events { history } else { history.without_events() };
        let batch = history.next().await.unwrap().unwrap();
        assert_eq!((batch.command.as_str(), batch.caller.as_deref()), ("atomically", Some("teller")));
        assert_eq!(batch.arguments.to_string(), r#"[open {owner: "Ann"}, deposit {account: 1, amount: 10}]"#);
        let names: Vec<_> = batch.commands.iter().map(|call| call.command.as_str()).collect();
        assert_eq!(names, ["open", "deposit"]);
        let owner = Value::Struct(vec![("owner".to_owned(), Value::Text("Ann".to_owned()))]);
        assert_eq!(batch.commands[0].arguments, owner);
        assert!(batch.calls().eq(batch.commands.iter().map(|call| (call.command.as_str(), &call.arguments))));
        assert_eq!(batch.events.len(), usize::from(with_events));
        let refused = history.next().await.unwrap().unwrap();
        assert_eq!((refused.outcome, refused.commands.len()), (memstate::RecordOutcome::Rejected, 2));
        let single = history.next().await.unwrap().unwrap();
        assert_eq!((single.command.as_str(), single.commands.len()), ("deposit", 0));
        assert!(single.calls().eq([("deposit", &single.arguments)]));
        assert!(history.next().await.is_none());
    }
}

mod grown {
    #[memstate::model]
    #[derive(Default)]
    pub struct Grown {
        pub sum: u64,
    }

    #[memstate::model]
    impl Grown {
        pub fn add(&mut self, number: u64) -> u64 {
            self.sum += number;
            self.sum
        }

        #[memstate(retired)]
        #[allow(dead_code)]
        fn double(&mut self) {
            self.sum *= 2;
        }
    }
}

#[tokio::test]
async fn a_batch_with_a_command_that_cannot_be_sent_is_refused_as_a_whole_before_anything_is() {
    use grown::{Grown, GrownCommand};
    let grown = memstate::open::<Grown>("memory:").max_command_bytes(100).await.unwrap();
    let add = |number| GrownCommand::Add { number };
    let error = grown.atomically([add(1), add(2), GrownCommand::Double {}]).await.unwrap_err();
    let Error::NotJournaled(NotJournaled::InBatch { index: 2, why }) = &error else { panic!("{error}") };
    assert_eq!(**why, NotJournaled::Retired { method: "double" });
    assert!(
        error.to_string().contains("index 2") && error.to_string().contains("`double` is retired"),
        "{error}"
    );

    let many = grown.atomically((0..1000).map(add)).await.unwrap_err();
    let Error::NotJournaled(NotJournaled::TooLarge { method: "atomically", bytes, limit: 100 }) = many else {
        panic!("{many}")
    };
    // A method, a length, and a number of one byte or two.
    assert_eq!(bytes, 128 * 3 + (1000 - 128) * 4, "all of it is measured");
    let error = grown.as_caller("x".repeat(2000)).atomically([add(1)]).await.unwrap_err();
    assert!(matches!(&error, Error::NotJournaled(NotJournaled::Unencodable { .. })), "{error}");
    assert_eq!(grown.position(), Position::START);

    let grown = memstate::open::<Grown>("memory:").await.unwrap();
    let endless = grown.atomically((0..).map(|_| add(1))).await;
    assert_eq!(endless, Err(Error::NotJournaled(NotJournaled::TooMany { limit: 65_536 })));
    let most = grown.atomically((0..65_536).map(|_| add(1))).await.unwrap();
    assert_eq!((most.len(), grown.read(|grown| grown.sum), grown.position().get()), (65_536, 65_536, 1));
}

#[tokio::test]
async fn a_batch_counts_for_its_commands_among_the_calls_in_flight() {
    use grown::{Grown, GrownCommand};
    let grown = memstate::open::<Grown>("memory:").await.unwrap();
    let batch = || grown.atomically((0..30_000).map(|_| GrownCommand::Add { number: 1 }));
    // A query of the model holds up whatever is applied.
    let sent = grown.read(|_| [batch(), batch(), batch()]);
    let [first, second, third] = sent;
    assert_eq!((first.await.unwrap().len(), second.await.unwrap().len()), (30_000, 30_000));
    let error = third.await.unwrap_err();
    assert!(
        matches!(&error, Error::NotJournaled(NotJournaled::Overloaded { waiting: 60_000, .. })),
        "{error}"
    );
    grown.ready().await.unwrap();
    assert_eq!(batch().await.unwrap().len(), 30_000, "its room was given back");
}

#[tokio::test]
async fn a_closed_model_answers_a_batch_that_it_is_closed() {
    let bank = memstate::open::<Bank>("memory:").await.unwrap();
    bank.close().await.unwrap();
    assert!(matches!(bank.atomically([open("Ann")]).await, Err(Error::Stopped(_))));
    assert_eq!(bank.atomically([]).await, Ok(vec![]), "there was nothing to do");
}
