//! Commands that end the process. The tests run themselves in a child process, which dies of it.

use std::{
    path::Path,
    process::{Command, ExitStatus},
};

use memstate::Position;

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
    for task in ["overflow", "abort"] {
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
                model.close().await.unwrap();
            }
        });
        assert!(!dir.path().join("attempt").exists());
    }
}
