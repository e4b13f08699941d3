//! The time limit of commands. What ends the process is tried by the gate `poison` of `tests/faults`.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use memstate_tests::disks::GatedDisk;

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

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_takes_longer_than_the_limit_is_not_the_fault_of_a_command() {
    const LIMIT: Duration = Duration::from_secs(1);
    let (dir, crashed) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let model = memstate::open::<slow::Slow>(dir.path()).await.unwrap();
    model.step(0).await.unwrap();
    // Its outcome is not in the journal yet, so it is named in the file `attempt`, durably, before it is applied again.
    for entry in std::fs::read_dir(dir.path()).unwrap().map(Result::unwrap) {
        std::fs::copy(entry.path(), crashed.path().join(entry.file_name())).unwrap();
    }
    model.close().await.unwrap();

    let disk = GatedDisk::default();
    disk.close_gate();
    let open = memstate::open::<slow::Slow>(crashed.path()).command_time_limit(LIMIT);
    let opening = tokio::spawn(open.on_disk(Arc::new(disk.clone())).into_future());
    let attempt = crashed.path().join("attempt");
    while !attempt.exists() && !opening.is_finished() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    // The watchdog would end this process.
    tokio::time::sleep(LIMIT * 5 / 2).await;
    disk.open_gate();
    let model = opening.await.unwrap().unwrap();
    assert_eq!(model.read(|model| model.steps), 1);
    model.close().await.unwrap();
}
