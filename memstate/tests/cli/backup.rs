//! `memstate backup`.

use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use crate::support::*;

#[test]
fn a_backup_opens_and_is_the_same_journal() {
    let (temporary, dir) = bank();
    let copy = temporary.path().join("far/copy");
    let gave = run("backup", &dir, &[copy.to_str().unwrap()]);
    assert_eq!(gave.code, 0, "{gave:?}");
    assert!(gave.out.contains("ends at position 65: 65 new records"), "{}", gave.out);
    assert_eq!(run("verify", &copy, &[]).out, run("verify", &dir, &[]).out);
    assert_eq!(run("log", &copy, &["--json"]).out, run("log", &dir, &["--json"]).out);
    let check = run("check", &copy, &[]);
    assert_eq!(check.code, 0, "{check:?}");
    assert!(check.out.contains("the snapshot of position 65"), "{}", check.out);
    assert_eq!(total(&copy).unwrap(), total(&dir).unwrap());
}

#[test]
fn the_second_backup_copies_only_what_is_new() {
    let (temporary, dir) = bank();
    let copy = temporary.path().join("copy");
    let to = copy.to_str().unwrap();
    run("backup", &dir, &[to]);
    let files = |dir: &std::path::Path| {
        segments(dir).into_iter().map(|it| (it.clone(), fs::metadata(it).unwrap())).collect::<Vec<_>>()
    };
    let before = files(&copy);
    let gave = run("backup", &dir, &[to]);
    assert!(gave.out.contains("0 new records, 0 B copied"), "{}", gave.out);
    for number in 0..5 {
        wait(async {
            let bank = open::<second::Bank>(&dir, 16 << 10).await.unwrap();
            for amount in 0..number * 20 {
                bank.deposit(1, amount).await.unwrap();
            }
            bank.close().await.unwrap();
        });
        let gave = run("backup", &dir, &[to]);
        assert_eq!(gave.code, 0, "{gave:?}");
        assert!(gave.out.contains(&format!(": {} new record", number * 20)), "{}", gave.out);
        assert_eq!(run("verify", &copy, &[]).out, run("verify", &dir, &[]).out);
        assert_eq!(run("check", &copy, &[]).code, 0);
    }
    let after = files(&copy);
    assert!(after.len() > before.len() + 1);
    for (before, after) in before.iter().zip(&after).take(before.len() - 1) {
        assert_eq!(
            before.1.modified().unwrap(),
            after.1.modified().unwrap(),
            "{} was written again",
            after.0.display()
        );
    }
    assert_eq!(total(&copy).unwrap(), total(&dir).unwrap());
}

#[test]
fn a_journal_is_backed_up_while_it_is_written() {
    let (temporary, dir) = place();
    let copy = temporary.path().join("copy");
    let done = Arc::new(AtomicBool::new(false));
    let writer = std::thread::spawn({
        let (dir, done) = (dir.clone(), Arc::clone(&done));
        move || {
            wait(async {
                let bank = open::<second::Bank>(&dir, 32 << 10).await.unwrap();
                bank.open("Ann".to_owned()).await.unwrap();
                for number in 0..600usize {
                    bank.swallow(vec![1; number % 3000]).await.unwrap();
                    if number % 200 == 0 {
                        bank.snapshot().await.unwrap();
                    }
                }
                bank.close().await.unwrap();
            });
            done.store(true, Ordering::Release);
        }
    });
    while !dir.join("journal-0000000001.seg").exists() {
        std::thread::yield_now();
    }
    loop {
        let is_last = done.load(Ordering::Acquire);
        let gave = run("backup", &dir, &[copy.to_str().unwrap()]);
        assert_eq!(gave.code, 0, "{gave:?}");
        let check = run("check", &copy, &[]);
        assert_eq!(check.code, 0, "{check:?}");
        if is_last {
            break;
        }
    }
    writer.join().unwrap();
    assert_eq!(run("verify", &copy, &[]).out, run("verify", &dir, &[]).out);
    assert_eq!(total(&copy).unwrap(), 0);
}

#[test]
fn what_is_not_an_earlier_state_of_the_journal_is_refused_unchanged() {
    let (temporary, dir) = bank();
    let copy = temporary.path().join("copy");
    run("backup", &dir, &[copy.to_str().unwrap()]);
    // The copy goes its own way.
    wait(async {
        let bank = open::<second::Bank>(&copy, LARGE).await.unwrap();
        bank.deposit(1, 1).await.unwrap();
        bank.close().await.unwrap();
    });
    let (_other, elsewhere) = bank();
    for dest in [&copy, &elsewhere] {
        let before = contents(dest);
        let gave = run("backup", &dir, &[dest.to_str().unwrap()]);
        assert_eq!(gave.code, 1, "{gave:?}");
        assert!(gave.err.contains("is not an earlier state of"), "{}", gave.err);
        assert_eq!(contents(dest), before);
    }
    let itself = run("backup", &dir, &[dir.to_str().unwrap()]);
    assert_eq!(itself.code, 2);
}

#[test]
fn a_damaged_journal_is_not_copied_over_a_good_copy() {
    let (temporary, dir) = bank();
    let copy = temporary.path().join("copy");
    let to = copy.to_str().unwrap();
    run("backup", &dir, &[to]);
    wait(async {
        let bank = open::<second::Bank>(&dir, LARGE).await.unwrap();
        for amount in 0..30 {
            bank.deposit(1, amount).await.unwrap();
        }
        bank.close().await.unwrap();
    });
    let last = segments(&dir).pop().unwrap();
    flip_in_the_middle(&last);
    let before = contents(&copy);
    let gave = run("backup", &dir, &[to]);
    assert_eq!(gave.code, 1, "{gave:?}");
    assert_eq!(contents(&copy), before);
}

/// A counter whose step is not always the same, as after a change of its code.
mod stepping {
    use std::sync::atomic::{AtomicU64, Ordering};

    pub static STEP: AtomicU64 = AtomicU64::new(1);

    #[memstate::model]
    #[derive(Default)]
    pub struct Counter {
        pub sum: u64,
    }

    #[memstate::model]
    impl Counter {
        pub fn step(&mut self) {
            self.sum += STEP.load(Ordering::SeqCst);
        }
    }
}

/// Opens, also where a process that another test starts holds the lock for a moment; see [`open`].
async fn patiently(open: impl Fn() -> memstate::Open<stepping::Counter>) -> stepping::CounterClient {
    for _ in 0..200 {
        match open().await {
            Err(memstate::OpenError::Journal(memstate::journal::JournalError::Locked { .. })) => {
                std::thread::sleep(std::time::Duration::from_millis(10));
            }
            opened => return opened.unwrap(),
        }
    }
    panic!("it is locked for too long");
}

#[test]
fn a_backup_takes_over_a_snapshot_of_the_same_position_with_another_state() {
    use stepping::{Counter, STEP};
    let (temporary, dir) = place();
    let copy = temporary.path().join("copy");
    wait(async {
        let counter = patiently(|| memstate::open::<Counter>(&dir)).await;
        for _ in 0..4 {
            counter.step().await.unwrap();
        }
        counter.close().await.unwrap();
    });
    assert_eq!(run("backup", &dir, &[copy.to_str().unwrap()]).code, 0);

    STEP.store(2, Ordering::SeqCst);
    wait(async {
        let open = || memstate::open::<Counter>(&dir).replay_all().accept_divergence();
        let counter = patiently(open).await;
        assert_eq!(counter.read(|counter| counter.sum), 8);
        counter.close().await.unwrap();
    });
    let gave = run("backup", &dir, &[copy.to_str().unwrap()]);
    assert_eq!(gave.code, 0, "{gave:?}");
    wait(async {
        let counter = patiently(|| memstate::open::<Counter>(&copy)).await;
        assert_eq!(counter.read(|counter| counter.sum), 8, "as the journal has it now");
    });
}
