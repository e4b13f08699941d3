//! Commands and queries in process.

use std::{
    sync::{Arc, mpsc},
    time::Duration,
};

use memstate::{Error, NotJournaled, Position, model::Operation};
use memstate_tests::{
    bank::{Bank, BankClient, BankCommand, BankError, BankQuery, BankReply},
    disks::GatedDisk,
};

use crate::shape;

async fn in_memory() -> BankClient {
    memstate::open::<Bank>("memory:").await.expect("memory opens")
}

#[tokio::test]
async fn commands_and_queries_answer_with_the_models_own_types() {
    let bank = in_memory().await;
    let ann: u64 = bank.open("Ann").await.unwrap();
    let bob: u64 = bank.open(String::from("Bob")).await.unwrap();
    let balance: u64 = bank.deposit(ann, 10).await.unwrap();
    assert_eq!(balance, 10);
    let (): () = bank.transfer(ann, bob, 4).await.unwrap();
    assert_eq!(bank.balance(ann).await, Ok(Some(6)));
    assert_eq!(bank.balance(77).await, Ok(None));
    assert_eq!(bank.total().await, Ok(10));
    assert_eq!(
        bank.transfer(ann, bob, 100).await,
        Err(Error::Rejected(BankError::Insufficient { balance: 6 }))
    );
    assert_eq!(bank.read(|bank| bank.accounts[&bob].balance), 4);
}

#[tokio::test]
async fn a_refused_or_panicked_command_leaves_no_trace_and_the_order_is_as_before() {
    let bank = in_memory().await;
    for name in ["Ann", "Bob", "Cid", "Dan"] {
        bank.open(name).await.unwrap();
    }
    bank.deposit(2, 50).await.unwrap();
    bank.close_account(1).await.unwrap();
    bank.learn().await.unwrap();
    let before = shape(&bank);
    assert_eq!(bank.numbers().await.unwrap(), [4, 2, 3], "the last took the place of the first");

    bank.transfer(2, 99, 5).await.unwrap_err();
    assert_eq!(shape(&bank), before);
    match bank.explode().await {
        Err(Error::Panicked { method: "explode", position: Some(position), message }) => {
            assert_eq!(message, "boom after 1");
            assert_eq!(position, bank.position());
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(shape(&bank), before);
    assert_eq!(bank.deposit(2, 1).await, Ok(51), "the engine goes on");
}

#[tokio::test]
async fn a_query_that_panics_is_an_error_and_the_engine_goes_on() {
    let bank = in_memory().await;
    bank.open("Ann").await.unwrap();
    assert_eq!(
        bank.stumble().await,
        Err(Error::Panicked { method: "stumble", position: None, message: "stumbled over 1".to_owned() })
    );
    let panicked =
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| bank.read(|_| panic!("in read"))));
    assert!(panicked.is_err());
    bank.open("Bob").await.unwrap();
    assert_eq!(bank.read(|bank| bank.accounts.len()), 2);
}

#[tokio::test]
async fn commands_and_queries_can_be_built_by_hand() {
    let bank = in_memory().await;
    let command = BankCommand::Open { owner: "Ann".to_owned() };
    assert_eq!(BankCommand::METHODS[usize::from(command.method())].name, "open");
    assert!(matches!(bank.execute(command).await, Ok(BankReply::Open(1))));
    assert!(matches!(
        bank.execute(BankCommand::Deposit { account: 9, amount: 1 }).await,
        Ok(BankReply::Deposit(Err(BankError::NoAccount(9))))
    ));
    assert!(matches!(bank.query(BankQuery::Balance { account: 1 }).await, Ok(BankReply::Balance(Some(0)))));
}

#[tokio::test]
async fn a_call_starts_when_it_is_made_and_not_when_it_is_awaited() {
    let bank = in_memory().await;
    for _ in 0..100 {
        drop(bank.open("Ann"));
    }
    bank.reached(Position::new(100)).await.unwrap();
    assert_eq!(bank.read(|bank| bank.accounts.len()), 100);
}

#[tokio::test]
async fn calls_of_one_caller_happen_in_their_order() {
    let bank = in_memory().await;
    let calls: Vec<_> = (0..1000).map(|n| bank.open(format!("{n}"))).collect();
    for (n, call) in (1u64..).zip(calls) {
        assert_eq!(call.with_position().await, Ok((Position::new(n), n)));
    }
}

#[tokio::test]
async fn calls_from_many_tasks_all_happen() {
    let bank = in_memory().await;
    let account = bank.open("Ann").await.unwrap();
    let tasks: Vec<_> = (0..64)
        .map(|_| {
            let bank = bank.clone();
            tokio::spawn(async move {
                for _ in 0..50 {
                    bank.deposit(account, 1).await.unwrap();
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(bank.balance(account).await, Ok(Some(64 * 50)));
}

#[tokio::test]
async fn a_query_runs_on_the_callers_thread_and_beside_another_one() {
    let bank = in_memory().await;
    bank.open("Ann").await.unwrap();
    let here = std::thread::current().id();
    assert_eq!(bank.read(|_| std::thread::current().id()), here);

    let (inside, is_inside) = mpsc::channel();
    let (leave, may_leave) = mpsc::channel::<()>();
    let other = bank.clone();
    let reader = std::thread::spawn(move || {
        other.read(|_| {
            inside.send(()).unwrap();
            may_leave.recv().unwrap();
        });
    });
    is_inside.recv().unwrap();
    assert_eq!(bank.balance(1).await, Ok(Some(0)), "a reader does not keep another one out");
    leave.send(()).unwrap();
    reader.join().unwrap();
}

#[tokio::test]
async fn a_query_inside_of_a_read_is_an_error_and_no_deadlock() {
    let bank = in_memory().await;
    let inner = bank.clone();
    let answer =
        bank.read(|_| std::pin::pin!(inner.total()).as_mut().poll(&mut noop()).map(|answer| answer.is_err()));
    assert_eq!(answer, std::task::Poll::Ready(true));
    assert_eq!(bank.total().await, Ok(0));
}

fn noop() -> std::task::Context<'static> {
    std::task::Context::from_waker(std::task::Waker::noop())
}

#[tokio::test]
async fn readers_and_a_saturated_writer_both_get_on() {
    let bank = in_memory().await;
    let account = bank.open("Ann").await.unwrap();
    let stop = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let (reading, stopped) = (bank.clone(), Arc::clone(&stop));
    let reader = std::thread::spawn(move || {
        let mut reads = 0u64;
        while !stopped.load(std::sync::atomic::Ordering::Relaxed) {
            reading.read(|bank| assert!(bank.total() <= 20_000));
            reads += 1;
        }
        reads
    });
    let calls: Vec<_> = (0..20_000).map(|_| bank.deposit(account, 1)).collect();
    for call in calls {
        call.await.unwrap();
    }
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    assert!(reader.join().unwrap() > 0);
    assert_eq!(bank.total().await, Ok(20_000));
}

#[tokio::test]
async fn a_full_queue_answers_overloaded_and_what_is_in_it_happens_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let disk = GatedDisk::default();
    let bank = memstate::open::<Bank>(dir.path()).on_disk(Arc::new(disk.clone())).await.unwrap();
    disk.close_gate();
    let calls: Vec<_> = (0..65_536).map(|n| bank.swallow(vec![0; n % 7])).collect();
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(bank.position(), Position::START, "nothing is applied before it is durable");
    for _ in 0..1000 {
        assert_eq!(
            bank.swallow(vec![]).await,
            Err(Error::NotJournaled(NotJournaled::Overloaded { waiting: 65_536, limit: 65_536 }))
        );
    }
    let ready = tokio::spawn({
        let bank = bank.clone();
        async move { bank.ready().await }
    });
    disk.open_gate();
    ready.await.unwrap().unwrap();
    for (n, call) in calls.into_iter().enumerate() {
        assert_eq!(call.with_position().await, Ok((Position::new(n as u64 + 1), (n % 7) as u64)));
    }
    assert_eq!(bank.swallow(vec![]).with_position().await, Ok((Position::new(65_537), 0)));
}

#[tokio::test]
async fn calls_that_nobody_awaits_all_happen() {
    let bank = in_memory().await;
    for _ in 0..20 {
        bank.ready().await.unwrap();
        for _ in 0..10_000 {
            drop(bank.swallow(vec![1]));
        }
    }
    bank.close().await.unwrap();
    assert_eq!(bank.position(), Position::new(200_000));
}

#[tokio::test]
async fn large_calls_count_by_their_size() {
    let dir = tempfile::tempdir().unwrap();
    let disk = GatedDisk::default();
    let bank = memstate::open::<Bank>(dir.path()).on_disk(Arc::new(disk.clone())).await.unwrap();
    disk.close_gate();
    let calls: Vec<_> = (0..100).map(|_| bank.swallow(vec![0; 1_000_000])).collect();
    disk.open_gate();
    let mut let_in = 0;
    for call in calls {
        match call.await {
            Ok(_) => let_in += 1,
            Err(Error::NotJournaled(NotJournaled::Overloaded { .. })) => {}
            other => panic!("{other:?}"),
        }
    }
    // Each counts once for each 256 bytes of it: 3,907 of the 65,536 calls that may be in flight.
    assert_eq!(let_in, 16);
}

#[tokio::test]
async fn reads_of_two_engines_may_be_nested_but_not_of_one() {
    let (one, two) = (in_memory().await, in_memory().await);
    assert_eq!(one.read(|_| two.read(|two| two.accounts.len())), 0);
    let nested = one.read(|_| {
        two.read(|_| std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| one.read(|_| ()))).is_err())
    });
    assert!(nested, "it is refused instead of waiting for itself");
    assert_eq!(one.read(|one| one.accounts.len()), 0);
}

#[tokio::test]
async fn a_callers_name_has_a_limit() {
    let bank = in_memory().await;
    bank.as_caller("x".repeat(1024)).learn().await.unwrap();
    match bank.as_caller("x".repeat(1025)).learn().await {
        Err(Error::NotJournaled(NotJournaled::Unencodable { why, .. })) => {
            assert!(why.contains("1025"), "{why}")
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(bank.position(), Position::new(1));
}

#[tokio::test]
async fn a_closed_client_answers_that_it_is_closed_and_still_reads() {
    let bank = in_memory().await;
    let clone = bank.clone();
    bank.open("Ann").await.unwrap();
    let on_its_way = bank.open("Bob");
    bank.close().await.unwrap();
    assert_eq!(on_its_way.await, Ok(2), "what was queued is finished");
    for bank in [&bank, &clone] {
        match bank.open("Cid").await {
            Err(Error::Stopped(why)) => assert_eq!(&*why, "it was closed"),
            other => panic!("{other:?}"),
        }
        assert!(matches!(bank.total().await, Err(Error::Stopped(_))));
        assert!(matches!(bank.snapshot().await, Err(Error::Stopped(_))));
        assert_eq!(bank.read(|bank| bank.accounts.len()), 2);
    }
    bank.close().await.expect("closing twice is no error");
}
