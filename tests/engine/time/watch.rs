//! Watching a query.

use memstate::Error;
use memstate_tests::bank::Bank;

#[tokio::test]
async fn the_answer_comes_at_once_and_then_whenever_it_changed() {
    let bank = memstate::open::<Bank>("memory:").await.unwrap();
    bank.open("Ann").await.unwrap();
    let mut total = bank.watch(Bank::total);
    assert_eq!(total.next().await, Some(Ok(0)));
    bank.deposit(1, 10).await.unwrap();
    assert_eq!(total.next().await, Some(Ok(10)));
    bank.deposit(1, 0).await.unwrap();
    tokio::select! {
        biased;
        answer = total.next() => panic!("{answer:?}: nothing has changed"),
        () = std::future::ready(()) => {}
    }
    bank.open("Bob").await.unwrap();
    bank.deposit(99, 1).await.unwrap_err();
    bank.deposit(1, 5).await.unwrap();
    assert_eq!(total.next().await, Some(Ok(15)), "what changed nothing is no answer");
}

#[tokio::test]
async fn a_watch_that_waits_is_woken() {
    let bank = memstate::open::<Bank>("memory:").await.unwrap();
    bank.open("Ann").await.unwrap();
    let mut total = bank.watch(Bank::total);
    assert_eq!(total.next().await, Some(Ok(0)));
    let waiting = tokio::spawn(async move {
        let answer = total.next().await;
        (answer, total.next().await)
    });
    tokio::task::yield_now().await;
    bank.deposit(1, 10).await.unwrap();
    bank.close().await.unwrap();
    let (answer, end) = waiting.await.unwrap();
    assert_eq!((answer, end), (Some(Ok(10)), None), "and the end of the engine is its end");
}

#[tokio::test]
async fn many_commands_are_one_look() {
    let bank = memstate::open::<Bank>("memory:").await.unwrap();
    bank.open("Ann").await.unwrap();
    let mut looks = 0;
    let mut total = bank.watch(move |bank| {
        looks += 1;
        (bank.total(), looks)
    });
    assert_eq!(total.next().await, Some(Ok((0, 1))));
    for _ in 0..1000 {
        bank.deposit(1, 1).await.unwrap();
    }
    assert_eq!(total.next().await, Some(Ok((1000, 2))));
}

#[tokio::test]
async fn a_query_that_panics_gives_an_error_and_the_watch_goes_on() {
    let bank = memstate::open::<Bank>("memory:").await.unwrap();
    bank.open("Ann").await.unwrap();
    let mut total = bank.watch(|bank| {
        assert!(bank.total() != 1, "one is too few");
        bank.total()
    });
    assert_eq!(total.next().await, Some(Ok(0)));
    bank.deposit(1, 1).await.unwrap();
    match total.next().await {
        Some(Err(Error::Panicked { message, position: None, .. })) => assert_eq!(message, "one is too few"),
        other => panic!("{other:?}"),
    }
    bank.open("Bob").await.unwrap();
    bank.deposit(1, 1).await.unwrap();
    assert_eq!(total.next().await, Some(Ok(2)));
}

#[tokio::test]
async fn the_last_answer_is_given_before_the_end() {
    let bank = memstate::open::<Bank>("memory:").await.unwrap();
    bank.open("Ann").await.unwrap();
    let mut first = bank.watch(Bank::total);
    let mut seen = bank.watch(Bank::total);
    assert_eq!(seen.next().await, Some(Ok(0)));
    bank.deposit(1, 7).await.unwrap();
    bank.close().await.unwrap();
    for (watch, name) in [(&mut first, "never polled"), (&mut seen, "polled before")] {
        assert_eq!(watch.next().await, Some(Ok(7)), "{name}");
        assert_eq!(watch.next().await, None, "{name}");
    }
    // It does not keep the engine open either.
    let mut late = bank.watch(Bank::total);
    drop(bank);
    assert_eq!(late.next().await, Some(Ok(7)));
    assert_eq!(late.next().await, None);
}
