//! The time limit of commands. What ends the process is tried by the gate `poison` of `tests/faults`.

use std::time::{Duration, Instant};

mod slow {
    use std::time::Duration;

    /// A model with a command that takes its time.
    #[memstate::model]
    #[derive(Default)]
    pub struct Slow {
        pub steps: u64,
    }

    #[memstate::model]
    impl Slow {
        #[memstate(deterministic)]
        pub fn step(&mut self, millis: u64) -> u64 {
            std::thread::sleep(Duration::from_millis(millis));
            self.steps += 1;
            self.steps
        }
    }
}

#[tokio::test]
async fn many_commands_within_the_limit_may_take_longer_than_it_together() {
    let dir = tempfile::tempdir().unwrap();
    let open = || memstate::open::<slow::Slow>(dir.path()).command_time_limit(Duration::from_secs(2));
    let model = open().no_snapshot_on_close().await.unwrap();
    let began = Instant::now();
    let calls: Vec<_> = (0..60).map(|_| model.step(50)).collect();
    for call in calls {
        call.await.unwrap();
    }
    assert!(began.elapsed() > Duration::from_secs(3), "in one batch");
    model.close().await.unwrap();
    // And again while the journal is opened.
    let model = open().await.unwrap();
    assert_eq!(model.read(|model| model.steps), 60);
    assert!(!dir.path().join("attempt").exists());
    model.close().await.unwrap();
}

#[tokio::test]
async fn a_journal_in_memory_has_a_limit_too() {
    let model =
        memstate::open::<slow::Slow>("memory:").command_time_limit(Duration::from_secs(60)).await.unwrap();
    assert_eq!(model.step(1).await.unwrap(), 1);
}
