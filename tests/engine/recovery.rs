//! What is there after a restart.

use std::sync::atomic::{AtomicU64, Ordering};

use memstate::{OpenError, Position};
use memstate_tests::{bank::Bank, random::Random};

use crate::{replayed, shape};

#[tokio::test]
async fn everything_is_there_again_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let bank = replayed(dir.path()).await;
    for name in ["Ann", "Bob", "Ann", "Cid"] {
        bank.open(name).await.unwrap();
    }
    bank.deposit(1, 100).await.unwrap();
    bank.transfer(1, 3, 30).await.unwrap();
    bank.transfer(1, 3, 300).await.unwrap_err();
    bank.explode().await.unwrap_err();
    bank.close_account(2).await.unwrap();
    bank.as_caller("teller 7").learn().await.unwrap();
    bank.learn().await.unwrap();
    let before = (shape(&bank), bank.position());
    bank.close().await.unwrap();

    for _ in 0..3 {
        let bank = replayed(dir.path()).await;
        assert_eq!((shape(&bank), bank.position()), before);
        bank.close().await.unwrap();
    }
    let bank = replayed(dir.path()).await;
    let (_, position) = (bank.open("Dan").await.unwrap(), bank.position());
    assert_eq!(position, before.1.next(), "positions go on without a gap");
    assert_eq!(bank.read(|bank| bank.learned[0].caller.clone()), Some("teller 7".to_owned()));
}

#[tokio::test]
async fn a_dropped_client_closes_and_can_be_opened_at_once() {
    let dir = tempfile::tempdir().unwrap();
    for n in 1..=5 {
        let bank = memstate::open::<Bank>(dir.path()).await.unwrap();
        assert_eq!(bank.open("Ann").await, Ok(n));
        drop(bank);
    }
}

#[tokio::test]
async fn time_randomness_and_position_are_those_of_the_journal() {
    let dir = tempfile::tempdir().unwrap();
    let bank = replayed(dir.path()).await;
    let calls: Vec<_> = (0..50).map(|_| bank.learn()).collect();
    for call in calls {
        call.await.unwrap();
    }
    let learned = bank.read(|bank| bank.learned.clone());
    bank.close().await.unwrap();
    assert_eq!(learned.iter().map(|l| l.position).collect::<Vec<_>>(), (1..=50).collect::<Vec<_>>());
    assert!(learned.windows(2).all(|pair| pair[0].now <= pair[1].now));
    let mut random: Vec<_> = learned.iter().map(|l| l.random.0).collect();
    random.sort_unstable();
    random.dedup();
    assert_eq!(random.len(), 50, "also within one batch no two commands draw the same numbers");
    assert!(learned.iter().all(|l| l.uuid.len() == 36 && &l.uuid[14..15] == "4"));

    let bank = replayed(dir.path()).await;
    assert_eq!(bank.read(|bank| bank.learned.clone()), learned);
}

mod slow {
    /// A model whose commands take their time.
    #[memstate::model]
    #[derive(Default)]
    pub struct Slow {
        steps: u64,
    }

    #[memstate::model]
    impl Slow {
        #[memstate(deterministic)]
        pub fn step(&mut self) -> u64 {
            std::thread::sleep(std::time::Duration::from_millis(5));
            self.steps += 1;
            self.steps
        }
    }
}

#[tokio::test]
async fn a_long_recovery_shows_how_far_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let slow = memstate::open::<slow::Slow>(dir.path()).no_snapshot_on_close().await.unwrap();
    for n in 1..=100 {
        assert_eq!(slow.step().await, Ok(n));
    }
    slow.close().await.unwrap();
    let told = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let telling = std::sync::Arc::clone(&told);
    let open = memstate::open::<slow::Slow>(dir.path())
        .progress(move |progress| telling.lock().unwrap().push(progress));
    open.await.unwrap();
    let told = told.lock().unwrap();
    assert!(told.len() >= 3, "{told:?}");
    assert!(told.is_sorted_by_key(|progress| (progress.done, progress.position)), "{told:?}");
    assert!(told.iter().all(|progress| progress.done <= progress.total), "{told:?}");
    assert!(told[0].position > Position::START && told[0].position < Position::new(100), "{told:?}");
    let last = told.last().unwrap();
    assert_eq!(last.done, last.total);
}

#[tokio::test]
async fn a_large_journal_over_many_files_is_recovered() {
    let dir = tempfile::tempdir().unwrap();
    let bank =
        memstate::open::<Bank>(dir.path()).segment_bytes(1 << 20).no_snapshot_on_close().await.unwrap();
    let calls: Vec<_> = (0..3000).map(|n| bank.swallow(vec![7; 1000 + n % 3])).collect();
    for call in calls {
        call.await.unwrap();
    }
    bank.close().await.unwrap();
    let files = std::fs::read_dir(dir.path()).unwrap().count();
    assert!(files > 3, "{files} files");
    let bank = replayed(dir.path()).await;
    assert_eq!(bank.position(), Position::new(3000));
}

/// A model whose code "changes" between two openings.
mod changing {
    use super::{AtomicU64, Ordering};

    /// What a step adds to the sum: another number is another method body.
    pub static STEP: AtomicU64 = AtomicU64::new(1);
    /// Sums above this are refused.
    pub static LIMIT: AtomicU64 = AtomicU64::new(100);
    /// Where a new journal starts.
    pub static INITIAL: AtomicU64 = AtomicU64::new(10);

    /// The sum is silently something else when the step has changed: no reply shows it.
    #[memstate::model]
    #[derive(Debug)]
    pub struct Changing {
        pub sum: u64,
    }

    impl Default for Changing {
        fn default() -> Self {
            Changing { sum: INITIAL.load(Ordering::SeqCst) }
        }
    }

    #[memstate::model]
    impl Changing {
        pub fn step(&mut self) {
            self.sum += STEP.load(Ordering::SeqCst);
        }

        pub fn add(&mut self, amount: u64) -> Result<(), u64> {
            self.sum += amount;
            if self.sum > LIMIT.load(Ordering::SeqCst) { Err(self.sum) } else { Ok(()) }
        }
    }
}

#[tokio::test]
async fn the_outcome_of_every_record_is_kept_and_compared() {
    use changing::{Changing, INITIAL, LIMIT, STEP};
    let dir = tempfile::tempdir().unwrap();
    let open = || async { memstate::open::<Changing>(dir.path()).no_snapshot_on_close().await };
    let model = open().await.unwrap();
    model.add(5).await.unwrap();
    model.step().await.unwrap();
    model.add(1000).await.unwrap_err();
    model.step().await.unwrap();
    model.close().await.unwrap();

    STEP.store(2, Ordering::SeqCst);
    let error = open().await.expect_err("the method does something else now");
    STEP.store(1, Ordering::SeqCst);
    match &error {
        OpenError::Diverged { position, command, .. } => {
            assert_eq!((*position, &**command), (Position::new(2), "step"));
        }
        other => panic!("{other:?}"),
    }
    let text = error.to_string();
    assert!(text.contains("position 2") && text.contains("accepted") && text.contains("step"), "{text}");

    // A rejection is taken as it was, also by code that would accept it; another initial state changes no history.
    LIMIT.store(u64::MAX, Ordering::SeqCst);
    INITIAL.store(99, Ordering::SeqCst);
    let model = open().await.unwrap();
    assert_eq!(model.read(|model| model.sum), 10 + 5 + 1 + 1);
    assert_eq!(model.position(), Position::new(4));
}

/// Like `Changing`, but with nobody else who changes what it does.
mod retold {
    use std::sync::atomic::{AtomicU64, Ordering};

    pub static STEP: AtomicU64 = AtomicU64::new(1);
    pub static LIMIT: AtomicU64 = AtomicU64::new(100);

    #[memstate::model]
    #[derive(Default)]
    pub struct Retold {
        pub sum: u64,
    }

    #[memstate::model]
    impl Retold {
        pub fn step(&mut self, times: u64) -> u64 {
            self.sum += times * STEP.load(Ordering::SeqCst);
            self.sum
        }

        pub fn add(&mut self, amount: u64) -> Result<(), u64> {
            self.sum += amount;
            if self.sum > LIMIT.load(Ordering::SeqCst) { Err(self.sum) } else { Ok(()) }
        }
    }
}

#[tokio::test]
async fn what_todays_code_makes_of_the_journal_can_be_accepted_and_holds_from_then_on() {
    use retold::{LIMIT, Retold, STEP};
    let dir = tempfile::tempdir().unwrap();
    let open = || memstate::open::<Retold>(dir.path()).no_snapshot_on_close();
    let model = open().await.unwrap();
    model.step(1).await.unwrap();
    model.step(2).await.unwrap();
    model.add(1000).await.unwrap_err();
    model.add(90).await.unwrap();
    model.snapshot().await.unwrap();
    model.step(3).await.unwrap();
    model.close().await.unwrap();
    let sum = |model: &retold::RetoldClient| model.read(|model| model.sum);

    // Only what comes after the snapshot is run again, and so only that can differ.
    STEP.store(2, Ordering::SeqCst);
    let error = open().await.expect_err("the method does something else now");
    let OpenError::Diverged { position, arguments, recorded, now, .. } = &error else { panic!("{error:?}") };
    assert_eq!(*position, Position::new(5));
    assert_eq!(&**arguments, "times: 3");
    assert_eq!(&**recorded, "accepted");
    assert!(now.starts_with("accepted with 99, with another reply"), "{now}");
    assert!(error.to_string().contains("`step(times: 3)`"), "{error}");

    let model = open().accept_divergence().await.unwrap();
    assert_eq!(sum(&model), 3 + 90 + 6);
    model.close().await.unwrap();
    let model = open().await.expect("it was accepted once and for all");
    assert_eq!(sum(&model), 3 + 90 + 6);
    model.close().await.unwrap();

    // The whole of it is told anew. `add(90)` is rejected now; the rejection of `add(1000)` stays what it was.
    LIMIT.store(50, Ordering::SeqCst);
    let error = open().replay_all().await.expect_err("the old part differs too");
    assert!(
        matches!(error, OpenError::Diverged { position, .. } if position == Position::new(1)),
        "{error:?}"
    );
    let model = open().replay_all().accept_divergence().await.unwrap();
    assert_eq!(sum(&model), 2 + 4 + 6);
    LIMIT.store(100, Ordering::SeqCst);
    model.step(1).await.unwrap();
    model.close().await.unwrap();
    for round in ["the snapshot of before is gone", "and what is recorded is what was accepted"] {
        let model = open().await.expect(round);
        assert_eq!(sum(&model), 2 + 4 + 6 + 2, "{round}");
        model.close().await.unwrap();
    }
    let model = open().replay_all().await.expect("the accepted outcomes are those of today's code");
    assert_eq!(sum(&model), 2 + 4 + 6 + 2);
}

/// Random commands on an engine that is closed, dropped and given snapshots in between, against the same methods called
/// directly on the struct.
#[tokio::test]
async fn an_engine_over_many_restarts_equals_the_methods_called_directly() {
    use memstate::{Ctx, Timestamp, state::transaction};
    let (mut random, seed) = Random::seeded();
    let dir = tempfile::tempdir().unwrap();
    let mut direct = Bank::default();
    let (mut refused, mut commands) = (0, 0);
    for _ in 0..25 {
        let bank =
            memstate::open::<Bank>(dir.path()).snapshot_every(70).no_snapshot_on_close().await.unwrap();
        assert_eq!(shape(&bank), format!("{direct:?}"), "seed {seed}");
        for _ in 0..random.below(120) {
            let mut ctx = Ctx::for_test(Timestamp::default());
            let (a, b, amount) = (random.below(30), random.below(30), random.below(40));
            let (engine, alone) = match random.below(10) {
                0..3 => {
                    let owner = format!("owner {}", random.below(4));
                    let engine = bank.open(owner.as_str()).await.is_ok();
                    (engine, transaction(&mut direct, |bank| Ok::<_, ()>(bank.open(&mut ctx, owner))).is_ok())
                }
                3..6 => (
                    bank.deposit(a, amount).await.is_ok(),
                    transaction(&mut direct, |bank| bank.deposit(a, amount)).is_ok(),
                ),
                6..8 => (
                    bank.transfer(a, b, amount).await.is_ok(),
                    transaction(&mut direct, |bank| bank.transfer(&mut ctx, a, b, amount)).is_ok(),
                ),
                8 => (
                    bank.close_account(a).await.is_ok(),
                    transaction(&mut direct, |bank| bank.close_account(a)).is_ok(),
                ),
                _ => (bank.explode().await.is_ok(), false),
            };
            assert_eq!(engine, alone, "seed {seed}");
            refused += u32::from(!engine);
            commands += 1;
        }
        assert_eq!(shape(&bank), format!("{direct:?}"), "seed {seed}");
        match random.below(3) {
            0 => drop(bank),
            1 => bank.close().await.unwrap(),
            _ => {
                bank.snapshot().await.unwrap();
                bank.close().await.unwrap();
            }
        }
    }
    assert!(refused > 50 && commands > 500, "{refused} of {commands}");
}
