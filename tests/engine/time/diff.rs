//! Differences between two moments. All but the first need the types of the state to be traced.

use memstate::{Change, PastError, Retention};
use memstate_tests::bank::Bank;

use super::meter::{METERS, Metered, steps};

fn lines(changes: &[Change]) -> Vec<String> {
    changes.iter().map(Change::to_string).collect()
}

#[tokio::test]
async fn nothing_is_different_from_itself_and_what_is_not_there_is_refused() {
    let bank = memstate::open::<Bank>("memory:").await.unwrap();
    bank.open("Ann").await.unwrap();
    bank.deposit(9, 1).await.unwrap_err();
    assert_eq!(bank.diff(1, 1).await, Ok(Vec::new()));
    assert_eq!(bank.diff(1, "2999-01-01").await, Ok(Vec::new()), "the refused one changed nothing");
    assert!(matches!(bank.diff(1, 3).await, Err(PastError::AfterTheEnd { .. })));
    assert!(matches!(bank.diff("once", 1).await, Err(PastError::Unknown(_))));
}

#[tokio::test]
async fn what_changed_is_told_by_path_in_both_directions() {
    let bank = memstate::open::<Bank>("memory:").await.unwrap();
    bank.open("Ann").await.unwrap();
    bank.deposit(1, 10).await.unwrap();
    bank.open("Bob").await.unwrap();
    bank.transfer(1, 2, 3).await.unwrap();
    assert_eq!(
        lines(&bank.diff(3, 4).await.unwrap()),
        [
            "accounts[1].balance: 10 → 7",
            "accounts[1].entries[1]: added -3",
            "accounts[2].balance: 0 → 3",
            "accounts[2].entries[0]: added 3",
        ]
    );
    assert_eq!(
        lines(&bank.diff(4, 2).await.unwrap()),
        [
            "accounts[1].balance: 7 → 10",
            "accounts[1].entries[1]: removed -3",
            "accounts[2]: removed {owner: \"Bob\", balance: 3, entries: [3]}",
            "by_owner[\"Bob\"]: removed [2]",
            "last_account: 2 → 1",
        ]
    );
}

#[tokio::test]
async fn one_replay_goes_through_both_moments_and_a_snapshot_between_them_shortens_it() {
    let dir = tempfile::tempdir().unwrap();
    let meter = &METERS[6];
    let model = memstate::open::<Metered>(dir.path())
        .keep_snapshots(Retention::all())
        .no_snapshot_on_close()
        .await
        .unwrap();
    for _ in 0..3 {
        steps(&model, 6, 100).await;
        model.snapshot().await.unwrap();
    }
    steps(&model, 6, 100).await;
    meter.take();
    for (from, to, cost) in [(310, 390, 90), (390, 310, 90), (150, 350, 100), (5, 20, 20), (100, 200, 0)] {
        assert_eq!(lines(&model.diff(from, to).await.unwrap()), [format!("steps: {from} → {to}")]);
        assert_eq!(meter.take(), cost, "from {from} to {to}");
    }
    model.close().await.unwrap();
}
