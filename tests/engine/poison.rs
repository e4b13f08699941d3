//! Commands that end the process. The tests run themselves in a child process, which dies of it.

use std::{
    path::Path,
    process::{Command, ExitStatus},
};

use memstate::{OpenError, Position, RecordOutcome};

const DIRECTORY: &str = "MEMSTATE_TEST_POISON_DIRECTORY";
const TASK: &str = "MEMSTATE_TEST_POISON_TASK";

mod fragile {
    /// A model with a command that ends the process.
    #[memstate::model]
    #[derive(Default, Debug)]
    pub struct Fragile {
        pub steps: u64,
    }

    #[memstate::model]
    impl Fragile {
        pub fn step(&mut self) -> u64 {
            self.steps += 1;
            self.steps
        }

        pub fn overflow(&mut self, depth: u64) -> u64 {
            self.steps += 1;
            recurse(depth)
        }

        pub fn abort(&mut self) {
            self.steps += 1;
            std::process::abort();
        }
    }

    #[allow(unconditional_recursion, reason = "it is here to end the process")]
    fn recurse(depth: u64) -> u64 {
        let block = std::hint::black_box([depth; 1024]);
        recurse(depth + 1) + block[0]
    }
}

/// Runs only as a child of the other tests.
#[test]
fn child() {
    let (Ok(dir), Ok(task)) = (std::env::var(DIRECTORY), std::env::var(TASK)) else { return };
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let model = memstate::open::<fragile::Fragile>(&dir).no_snapshot_on_close().await.unwrap();
        match task.as_str() {
            "overflow" => drop(model.overflow(0).await),
            "abort" => drop(model.abort().await),
            "atomically" => {
                use fragile::FragileCommand as Call;
                drop(model.atomically([Call::Step {}, Call::Abort {}, Call::Step {}]).await);
            }
            _ => {}
        }
        model.step().await.unwrap();
        model.close().await.unwrap();
    });
}

fn run_child(dir: &Path, task: &str) -> ExitStatus {
    Command::new(std::env::current_exe().unwrap())
        .args(["poison::child", "--exact", "--nocapture"])
        .env(DIRECTORY, dir)
        .env(TASK, task)
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .status()
        .unwrap()
}

#[test]
fn a_command_that_ends_the_process_is_poisoned_and_everything_else_is_kept() {
    for task in ["overflow", "abort", "atomically"] {
        let dir = tempfile::tempdir().unwrap();
        assert!(run_child(dir.path(), "step").success());
        assert!(!run_child(dir.path(), task).success(), "the command ends the process");
        let mut deaths = 0;
        while !run_child(dir.path(), "step").success() {
            deaths += 1;
            assert!(deaths <= 3, "the journal opens again after a few attempts");
        }
        assert!(deaths >= 2, "a record is not given up because of one death");

        tokio::runtime::Runtime::new().unwrap().block_on(async {
            for _ in 0..2 {
                let model =
                    memstate::open::<fragile::Fragile>(dir.path()).no_snapshot_on_close().await.unwrap();
                assert_eq!(model.read(|model| model.steps), 2, "{task}");
                assert_eq!(model.position(), Position::new(3), "the poisoned record keeps its position");
                for mut history in [model.history(..), model.history(..).without_events()] {
                    for (command, outcome) in [
                        ("step", RecordOutcome::Accepted),
                        (task, RecordOutcome::Poisoned),
                        ("step", RecordOutcome::Accepted),
                    ] {
                        let record = history.next().await.unwrap().unwrap();
                        assert_eq!((record.command.as_str(), record.outcome), (command, outcome));
                    }
                    assert!(history.next().await.is_none());
                }
                model.close().await.unwrap();
            }
        });
        assert!(!dir.path().join("attempt").exists());
    }
}

mod picky {
    use std::sync::atomic::{AtomicBool, Ordering};

    use serde::{Deserialize, Deserializer, Serialize};

    /// While set, sevens cannot be read.
    pub static REFUSES: AtomicBool = AtomicBool::new(false);

    #[derive(Debug, Clone, Serialize)]
    pub struct Number(pub u64);

    impl<'de> Deserialize<'de> for Number {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            match u64::deserialize(deserializer)? {
                7 if REFUSES.load(Ordering::SeqCst) => Err(serde::de::Error::custom("no sevens today")),
                number => Ok(Number(number)),
            }
        }
    }

    #[memstate::model]
    #[derive(Default)]
    pub struct Picky {
        pub sum: u64,
    }

    #[memstate::model]
    impl Picky {
        pub fn add(&mut self, number: Number) -> u64 {
            self.sum += number.0;
            self.sum
        }
    }
}

#[tokio::test]
async fn a_record_of_the_tail_that_is_refused_with_an_error_is_never_taken_for_poisoned() {
    use picky::{Number, Picky, REFUSES};
    let dir = tempfile::tempdir().unwrap();
    let (running, cut) =
        (tempfile::tempdir_in(dir.path()).unwrap(), tempfile::tempdir_in(dir.path()).unwrap());
    // A copy of the files between the reply and its outcome, as a power cut would leave them.
    {
        let picky = memstate::open::<Picky>(running.path()).no_snapshot_on_close().await.unwrap();
        assert_eq!(picky.add(Number(7)).await, Ok(7));
        for file in std::fs::read_dir(running.path()).unwrap() {
            let file = file.unwrap();
            std::fs::copy(file.path(), cut.path().join(file.file_name())).unwrap();
        }
        picky.close().await.unwrap();
    }
    REFUSES.store(true, std::sync::atomic::Ordering::SeqCst);
    for _ in 0..10 {
        let error = memstate::open::<Picky>(cut.path()).await.expect_err("it cannot be read");
        assert!(matches!(&error, OpenError::Unreadable { position, .. } if position.get() == 1), "{error:?}");
        assert!(error.to_string().contains("the arguments of `add` at position 1"), "{error}");
        assert!(!cut.path().join("attempt").exists(), "an error is no death, and leaves no suspicion");
    }
    REFUSES.store(false, std::sync::atomic::Ordering::SeqCst);
    let picky = memstate::open::<Picky>(cut.path()).await.unwrap();
    assert_eq!(picky.read(|picky| picky.sum), 7, "what was acknowledged is there");
}
