use memstate::{
    journal::{Journal, JournalError},
    testing::{disk::FaultyDisk, journal::read},
};

use crate::support::{Oracle, batches, dir, recovered, script, started};

/// Runs the script on a disk with a fault until it fails, if it does; then the disk is mended and the script runs
/// again, in "another process" that sees the same cache; then the power fails.
fn fail_and_go_on(fault: impl Fn(&FaultyDisk), what: &str) -> Option<JournalError> {
    let (disk, mut oracle) = (FaultyDisk::new(), Oracle::default());
    fault(&disk);
    let error = script(&disk, &mut oracle).err()?;
    disk.mend();
    // What the failed process left must be readable even if nobody goes on.
    for seed in 0..3 {
        let (_, found) = recovered(&disk.crash(seed)).unwrap_or_else(|error| panic!("{what}: {error}"));
        oracle.check(&found, what);
    }
    oracle.check(&recovered(&disk).unwrap().1, what);
    script(&disk, &mut oracle).unwrap_or_else(|error| panic!("{what}, then: {error}"));
    for seed in 0..6 {
        let (recovery, found) =
            recovered(&disk.crash(seed)).unwrap_or_else(|error| panic!("{what}, power off: {error}"));
        assert!(recovery.clean, "{what}");
        oracle.check(&found, what);
    }
    Some(error)
}

fn operations() -> memstate::testing::disk::Operations {
    let disk = FaultyDisk::new();
    script(&disk, &mut Oracle::default()).unwrap();
    disk.operations()
}

#[test]
fn after_any_failed_sync_nothing_is_acknowledged_and_nothing_is_lost() {
    let syncs = operations().syncs;
    for nth in 1..=syncs {
        let what = format!("sync {nth} failed");
        let error = fail_and_go_on(|disk| disk.fail_sync(nth), &what).expect(&what);
        assert!(matches!(&error, JournalError::Io { action: "sync", .. }), "{what}: {error}");
        assert!(error.to_string().contains("/bank/journal-000000000"), "{error}");
    }
    assert!(syncs > 40, "{syncs}");
}

#[test]
fn two_failed_syncs_one_after_another_lose_nothing() {
    let mut pairs = 0;
    for nth in 1..=operations().syncs {
        for then in 1..=3 {
            let (disk, mut oracle) = (FaultyDisk::new(), Oracle::default());
            disk.fail_sync(nth);
            script(&disk, &mut oracle).unwrap_err();
            disk.fail_sync(then);
            script(&disk, &mut oracle).map_or_else(|_| pairs += 1, drop);
            disk.mend();
            let (mut journal, found) = started(&disk, b"third").unwrap();
            oracle.check(&found, "twice");
            oracle.settle(found);
            oracle.append(&mut journal, 1, b"at last").unwrap();
            for seed in 0..4 {
                let what = format!("sync {nth} failed, then sync {then}, seed {seed}");
                let (_, found) =
                    recovered(&disk.crash(seed)).unwrap_or_else(|error| panic!("{what}: {error}"));
                oracle.check(&found, &what);
            }
        }
    }
    assert!(pairs > 100, "{pairs}");
}

#[test]
fn after_any_failed_write_nothing_is_acknowledged_and_nothing_is_lost() {
    let writes = operations().writes;
    for nth in 1..=writes {
        let what = format!("write {nth} failed");
        let error = fail_and_go_on(|disk| disk.fail_write(nth), &what).expect(&what);
        assert!(matches!(&error, JournalError::Io { action: "write to" | "extend", .. }), "{what}: {error}");
    }
    assert!(writes > 40, "{writes}");
}

#[test]
fn a_failed_sync_of_the_directory_loses_nothing() {
    let mut failed = 0;
    for after in 1..operations().all {
        // Directory syncs are not counted apart, so the fault is armed at each operation, if it gets that far.
        let (disk, mut oracle) = (FaultyDisk::new(), Oracle::default());
        disk.power_off_at(after);
        let _ = script(&disk, &mut oracle);
        disk.mend();
        disk.fail_sync_dir();
        let Err(error) = script(&disk, &mut oracle) else { continue };
        assert!(error.to_string().starts_with("cannot sync /bank: "), "{error}");
        disk.mend();
        script(&disk, &mut oracle).unwrap();
        for seed in 0..4 {
            oracle.check(&recovered(&disk.crash(seed)).unwrap().1, "directory");
        }
        failed += 1;
    }
    assert!(failed > 100, "{failed}");
}

#[test]
fn a_full_disk_stops_the_journal_and_room_lets_it_go_on() {
    let mut stopped = 0;
    for bytes in (0..).step_by(256) {
        let what = format!("full after {bytes} bytes");
        let Some(error) = fail_and_go_on(|disk| disk.full_after(bytes), &what) else { break };
        let text = error.to_string();
        assert!(matches!(&error, JournalError::Io { action: "write to" | "extend", .. }), "{what}: {text}");
        assert!(text.contains("No space left on device") && text.contains("/bank/journal-"), "{text}");
        stopped += 1;
    }
    println!("the disk was full at {stopped} places");
    assert!(stopped > 100, "{stopped}");
}

#[test]
fn readers_go_on_after_a_failure_and_see_only_what_is_durable() {
    let (disk, mut oracle) = (FaultyDisk::new(), Oracle::default());
    let (mut journal, _) = started(&disk, b"first").unwrap();
    let reader = journal.reader();
    for i in 0..30 {
        oracle.append(&mut journal, 1, &[i; 300]).unwrap();
    }
    disk.fail_sync(1);
    let error = oracle.append(&mut journal, 1, b"in doubt").unwrap_err().to_string();
    let again = oracle.append(&mut journal, 1, b"later").unwrap_err().to_string();
    assert!(again.contains(&error), "{again}");
    assert_eq!(batches(&read(&*reader, 0).unwrap()), oracle.acknowledged);
    drop(journal);
    assert_eq!(batches(&read(&*reader, 25).unwrap()), oracle.acknowledged[24..]);
    assert!(disk.files().iter().all(|path| path.starts_with(dir())));
}
