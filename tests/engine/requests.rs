//! Commands that are sent more than once, and happen once.

use memstate::{Error, NotJournaled, RequestId};
use memstate_tests::bank::{Bank, BankError};

use crate::replayed;

#[tokio::test]
async fn a_retried_command_happens_once_and_gets_the_first_reply() {
    let bank = memstate::open::<Bank>("memory:").await.unwrap();
    let ann = bank.open("Ann").await.unwrap();
    let request = bank.new_request();
    for _ in 0..3 {
        assert_eq!(bank.with_request(request).deposit(ann, 5).await, Ok(5));
    }
    assert_eq!(bank.deposit(ann, 5).await, Ok(10), "without the id it is another command");
    assert_eq!(bank.with_request(request).deposit(ann, 5).await, Ok(5));

    let refused = bank.new_request();
    for _ in 0..2 {
        assert_eq!(
            bank.with_request(refused).transfer(ann, 9, 1).await,
            Err(Error::Rejected(BankError::NoAccount(9)))
        );
    }
    bank.open("Bob").await.unwrap();
    let panicked = bank.new_request();
    for _ in 0..2 {
        assert!(matches!(bank.with_request(panicked).explode().await, Err(Error::Panicked { .. })));
    }
}

#[tokio::test]
async fn the_id_of_one_command_does_not_serve_another() {
    let bank = memstate::open::<Bank>("memory:").await.unwrap();
    let ann = bank.open("Ann").await.unwrap();
    let request = bank.new_request();
    bank.with_request(request).deposit(ann, 5).await.unwrap();
    let reused = Err(Error::NotJournaled(NotJournaled::RequestReused));
    assert_eq!(bank.with_request(request).deposit(ann, 6).await, reused);
    assert_eq!(
        bank.with_request(request).open("Bob").await,
        Err(Error::NotJournaled(NotJournaled::RequestReused))
    );
    assert_eq!(bank.balance(ann).await, Ok(Some(5)));
}

#[tokio::test]
async fn requests_are_remembered_over_restarts_by_the_journal_and_by_snapshots() {
    let dir = tempfile::tempdir().unwrap();
    let bank = replayed(dir.path()).await;
    let ann = bank.open("Ann").await.unwrap();
    let (deposit, transfer, explode) = (bank.new_request(), bank.new_request(), bank.new_request());
    bank.with_request(deposit).deposit(ann, 5).await.unwrap();
    bank.with_request(transfer).transfer(ann, 9, 1).await.unwrap_err();
    bank.with_request(explode).explode().await.unwrap_err();
    bank.close().await.unwrap();
    // As text, the way a caller would keep it.
    let deposit: RequestId = deposit.to_string().parse().unwrap();

    for round in 0..4 {
        let bank = replayed(dir.path()).await;
        assert_eq!(bank.with_request(deposit).deposit(ann, 5).await, Ok(5));
        assert_eq!(
            bank.with_request(transfer).transfer(ann, 9, 1).await,
            Err(Error::Rejected(BankError::NoAccount(9)))
        );
        assert!(matches!(bank.with_request(explode).explode().await, Err(Error::Panicked { .. })));
        assert_eq!(bank.balance(ann).await, Ok(Some(5)));
        if round == 1 {
            bank.snapshot().await.unwrap();
        }
        bank.close().await.unwrap();
    }
}

#[tokio::test]
async fn a_request_that_is_forgotten_is_refused_and_never_run_again() {
    let bank = memstate::open::<Bank>("memory:").await.unwrap();
    let ann = bank.open("Ann").await.unwrap();
    let first = bank.new_request();
    bank.with_request(first).deposit(ann, 1).await.unwrap();
    let calls: Vec<_> = (0..65_536).map(|_| bank.with_request(bank.new_request()).deposit(ann, 1)).collect();
    for call in calls {
        call.await.unwrap();
    }
    assert!(matches!(bank.with_request(first).deposit(ann, 1).await, Err(Error::OutcomeUnknown(_))));
    assert_eq!(bank.with_request(bank.new_request()).deposit(ann, 1).await, Ok(65_538));
}
