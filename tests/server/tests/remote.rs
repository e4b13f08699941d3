//! The typed client of a model in another process, over TCP.

use std::net::SocketAddr;

use memstate::{
    Error, Filter, NotJournaled, PastError, Position, RecordOutcome, Value,
    server::{Serving, Settings},
};
use memstate_server_tests::{
    Account, Bank, BankClient, BankCommand, BankError, BankEvent, BankQuery, BankReply, Line,
};

fn settings() -> Settings {
    let mut settings = Settings::default();
    settings.listen = Some(SocketAddr::from(([127, 0, 0, 1], 0)));
    settings.http = None;
    settings
}

/// A bank in this process, a server for it, and a client of that server.
async fn served() -> (BankClient, Serving, BankClient) {
    let bank = memstate::open::<Bank>("memory:").await.unwrap();
    let serving = memstate::serve::<Bank>(&bank, settings()).await.unwrap();
    let address = format!("memstate://{}", serving.address().unwrap());
    let client = memstate::connect::<Bank>(address).await.unwrap();
    (bank, serving, client)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_the_same_client() {
    let (bank, serving, client) = served().await;
    client.open(1, "Ann").await.unwrap();
    client.open(2, "Bob").await.unwrap();
    let (position, balance) = client.deposit(1, 100).with_position().await.unwrap();
    assert_eq!((position, balance), (Position::new(3), 100));
    client.transfer(1, 2, 30).await.unwrap();
    assert_eq!(client.balance(1).await, Ok(70));
    assert_eq!(client.account(2).await.unwrap(), Some(Account { owner: "Bob".into(), balance: 30 }));
    assert_eq!(client.position(), Position::new(4));
    assert_eq!(bank.read(|bank| bank.total()), 100);

    // The model's own errors.
    assert_eq!(client.balance(9).await, Err(Error::Rejected(BankError::NoAccount { account: 9 })));
    let refused = client.transfer(1, 2, 1000).await.unwrap_err();
    assert_eq!(refused, Error::Rejected(BankError::TooLittle { missing: 930 }));
    let error = client.curse(13).await.unwrap_err();
    let Error::Panicked { method: "curse", position: Some(position), message } = error else {
        panic!("{error:?}")
    };
    assert_eq!(position.get(), 6);
    assert!(message.contains("thirteen"), "{message}");

    // By hand.
    let reply = client.execute(BankCommand::Deposit { account: 2, amount: 5 }).await.unwrap();
    assert_eq!(reply, BankReply::Deposit(Ok(35)));
    assert_eq!(client.query(BankQuery::Total {}).await.unwrap(), BankReply::Total(105));

    client.close().await.unwrap();
    assert!(matches!(client.total().await, Err(Error::Stopped(_))));
    assert_eq!(bank.total().await.unwrap(), 105, "the model stays open");
    serving.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn batches_are_atomic() {
    let (_bank, _serving, client) = served().await;
    let open = |account| BankCommand::Open { account, owner: "Ann".into() };
    let deposit = |account, amount| BankCommand::Deposit { account, amount };
    let replies = client.atomically([open(1), deposit(1, 10)]).await.unwrap();
    assert_eq!(replies, [BankReply::Open(Ok(())), BankReply::Deposit(Ok(10))]);
    let refused = client.atomically([deposit(1, 5), deposit(2, 5)]).await.unwrap_err();
    let Error::Rejected(refused) = refused else { panic!("{refused:?}") };
    assert_eq!(refused.index, 1);
    assert_eq!(refused.reply, BankReply::Deposit(Err(BankError::NoAccount { account: 2 })));
    assert_eq!(client.total().await.unwrap(), 10);
    assert_eq!(client.atomically([]).await.unwrap(), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn iterators_stream_and_are_collected() {
    let (bank, _serving, client) = served().await;
    for account in 1..=5000 {
        drop(bank.open(account, format!("owner {account}")));
    }
    bank.deposit(7, 9).await.unwrap();
    let all = client.accounts(None).await.unwrap();
    assert_eq!(all.len(), 5000);
    assert_eq!(all[6], Line { number: 7, account: Account { owner: "owner 7".into(), balance: 9 } });
    assert_eq!(client.accounts(Some(1)).await.unwrap().len(), 1);
    let mut stream = client.accounts(None);
    for number in 1..=10 {
        assert_eq!(stream.next().await.unwrap().unwrap().number, number);
    }
    drop(stream);
    // In process it is the same type.
    let mut near = bank.accounts(Some(1));
    assert_eq!(near.next().await.unwrap().unwrap().number, 7);
    assert!(near.next().await.is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_come_from_any_position_and_through_a_filter() {
    let (bank, _serving, client) = served().await;
    bank.open(1, "Ann").await.unwrap();
    let mut all = client.events(Position::new(1));
    let filter: Filter = "Deposited where amount >= 100".parse().unwrap();
    let mut large = client.events(Position::new(1)).filter(filter);
    for amount in [5, 100, 7, 200] {
        client.deposit(1, amount).await.unwrap();
    }
    let opened = BankEvent::Opened { account: 1, owner: "Ann".into() };
    assert_eq!(all.next().await, Some(Ok((Position::new(1), opened))));
    for (position, amount) in [(2, 5), (3, 100), (4, 7), (5, 200)] {
        let event = BankEvent::Deposited { account: 1, amount };
        assert_eq!(all.next().await, Some(Ok((Position::new(position), event.clone()))));
        if amount >= 100 {
            assert_eq!(large.next().await, Some(Ok((Position::new(position), event))));
        }
    }
    let wrong: Filter = "Depostied".parse().unwrap();
    let error = client.events(Position::START).filter(wrong.clone()).next().await.unwrap().unwrap_err();
    assert!(error.to_string().contains("Deposited"), "{error}");
    let near = bank.events(Position::START).filter(wrong).next().await.unwrap().unwrap_err();
    assert!(near.to_string().contains("Deposited"), "{near}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_query_is_watched() {
    let (bank, _serving, client) = served().await;
    for watched in [client.clone(), bank.clone()] {
        let before = bank.total().await.unwrap();
        let mut totals = watched.watch_query(BankQuery::Total {});
        assert_eq!(totals.next().await, Some(Ok(BankReply::Total(before))));
        let account = before + 1;
        bank.open(account, "Ann").await.unwrap();
        bank.deposit(account, 7).await.unwrap();
        assert_eq!(totals.next().await, Some(Ok(BankReply::Total(before + 7))));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_past_is_asked_and_told() {
    let (bank, _serving, client) = served().await;
    client.open(1, "Ann").await.unwrap();
    let teller = client.as_caller("teller");
    teller.deposit(1, 10).await.unwrap();
    teller.deposit(1, 20).await.unwrap();
    assert_eq!(client.last_caller().await.unwrap().as_deref(), Some("teller"));

    let before = client.at(2).await.unwrap();
    assert_eq!(before.balance(1).await, Ok(10));
    assert_eq!(before.position(), Position::new(2));
    assert!(before.time().is_some());
    assert_eq!(before.query(BankQuery::Total {}).await.unwrap(), BankReply::Total(10));
    assert_eq!(before.accounts(None).await.unwrap().len(), 1);
    let error = client.at(99).await.map(|_| ()).unwrap_err();
    assert_eq!(error, PastError::AfterTheEnd { asked: Position::new(99), last: Position::new(3) });
    assert!(matches!(client.at("tomorrow").await.map(|_| ()), Err(PastError::Unknown(_))));

    let mut history = client.history(2..);
    let record = history.next().await.unwrap().unwrap();
    assert_eq!((record.command.as_str(), record.caller.as_deref()), ("deposit", Some("teller")));
    assert_eq!(record.outcome, RecordOutcome::Accepted);
    assert_eq!(record.events, [BankEvent::Deposited { account: 1, amount: 10 }]);
    let Value::Struct(arguments) = &record.arguments else { panic!("{:?}", record.arguments) };
    assert_eq!(arguments[1], ("amount".to_owned(), Value::Unsigned(10)));
    let here: Vec<_> = futures_util::StreamExt::collect::<Vec<_>>(bank.history(..)).await;
    let there: Vec<_> = futures_util::StreamExt::collect::<Vec<_>>(client.history(..)).await;
    assert_eq!(here, there);
    let without: Vec<_> =
        futures_util::StreamExt::collect::<Vec<_>>(client.history(..).without_events()).await;
    assert_eq!(without.len(), 3);
    assert!(without[1].as_ref().unwrap().events.is_empty());

    assert_eq!(client.diff(1, 3).await, bank.diff(1, 3).await);
    assert!(!client.diff(1, 3).await.unwrap().is_empty());
    client.reached(Position::new(3)).await.unwrap();
    assert_eq!(client.snapshot().await.unwrap(), Position::new(3));
    client.ready().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_happens_once() {
    let (bank, _serving, client) = served().await;
    client.open(1, "Ann").await.unwrap();
    let request = client.new_request();
    for _ in 0..3 {
        assert_eq!(client.with_request(request).deposit(1, 10).await.unwrap(), 10);
    }
    let reused = client.with_request(request).deposit(1, 11).await.unwrap_err();
    assert_eq!(reused, Error::NotJournaled(NotJournaled::RequestReused));
    assert_eq!(bank.total().await.unwrap(), 10);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_calls_are_in_flight_on_one_connection() {
    let (bank, _serving, client) = served().await;
    client.open(1, "Ann").await.unwrap();
    let calls: Vec<_> = (0..20_000).map(|_| client.deposit(1, 1)).collect();
    for (number, call) in calls.into_iter().enumerate() {
        assert_eq!(call.await.unwrap(), number as u64 + 1);
    }
    assert_eq!(bank.total().await.unwrap(), 20_000);
}

#[test]
#[should_panic(expected = "which is in another process")]
fn a_closure_cannot_look_at_it() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let (_bank, _serving, client) = served().await;
        client.read(|bank| bank.total());
    });
}

#[tokio::test]
async fn nobody_there_is_told() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let error = memstate::connect::<Bank>(format!("memstate://{nobody}")).await.map(|_| ()).unwrap_err();
    assert!(error.to_string().starts_with(&format!("cannot connect to `memstate://{nobody}`")), "{error}");
}

/// A server that is stopped in good order is gone for its clients as one that crashed is, and comes back as that does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn subscriptions_go_on_when_the_server_was_stopped_and_started() {
    let folder = tempfile::tempdir().unwrap();
    let bank = memstate::open::<Bank>(folder.path().join("bank")).await.unwrap();
    let serving = memstate::serve::<Bank>(&bank, settings()).await.unwrap();
    let address = serving.address();
    let client = memstate::connect::<Bank>(format!("memstate://{}", address.unwrap())).await.unwrap();
    client.open(1, "Ann").await.unwrap();
    let mut events = client.events(Position::new(2));
    let mut totals = client.watch_query(BankQuery::Total {});
    for (position, amount) in [(2, 10), (3, 20)] {
        client.deposit(1, amount).await.unwrap();
        let event = BankEvent::Deposited { account: 1, amount };
        assert_eq!(events.next().await, Some(Ok((Position::new(position), event))));
    }
    while totals.next().await != Some(Ok(BankReply::Total(30))) {}

    serving.stop().await;
    bank.close().await.unwrap();
    drop(bank);
    let bank = memstate::open::<Bank>(folder.path().join("bank")).await.unwrap();
    let mut settings = settings();
    settings.listen = address;
    let serving = memstate::serve::<Bank>(&bank, settings).await.unwrap();
    bank.deposit(1, 40).await.unwrap();
    let event = BankEvent::Deposited { account: 1, amount: 40 };
    assert_eq!(events.next().await, Some(Ok((Position::new(4), event))));
    let last = loop {
        let total = totals.next().await;
        // It may have been asked before the deposit came.
        if total != Some(Ok(BankReply::Total(30))) {
            break total;
        }
    };
    assert_eq!(last, Some(Ok(BankReply::Total(70))));
    serving.stop().await;
}
