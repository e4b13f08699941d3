use memstate::{journal::Journal, testing::disk::FaultyDisk};

use crate::support::{Batches, Oracle, recovered, script, segments, started};

/// How many operations the script takes.
fn operations() -> u64 {
    let disk = FaultyDisk::new();
    script(&disk, &mut Oracle::default()).unwrap();
    assert!(segments(&disk).len() >= 4, "the script goes over several segments");
    disk.operations().all
}

/// Goes on writing on what a crash left, and gives what is there then.
fn go_on(disk: &FaultyDisk, expected: &Batches) {
    let (mut journal, found) = started(disk, b"after").unwrap();
    assert_eq!(found, *expected);
    let mut oracle = Oracle { acknowledged: found, in_flight: None };
    for i in 0..3 {
        oracle.append(&mut journal, 1, &[i; 600]).unwrap();
    }
    journal.close().unwrap();
    drop(journal);
    let (recovery, found) = recovered(disk).unwrap();
    assert!(recovery.clean && recovery.repairs.is_empty());
    assert_eq!(found, oracle.acknowledged);
}

#[test]
fn a_crash_at_any_operation_loses_nothing_that_was_acknowledged() {
    const SEEDS: u64 = 12;
    let (mut images, mut kept, mut lost, mut torn) = (0, 0, 0, 0);
    for at in 1..=operations() {
        let (disk, mut oracle) = (FaultyDisk::new(), Oracle::default());
        disk.power_off_at(at);
        script(&disk, &mut oracle).unwrap_err();
        for seed in 0..SEEDS {
            let image = disk.crash(seed * 1000 + at);
            let what = format!("crash at operation {at}, seed {seed}");
            let (recovery, found) = recovered(&image).unwrap_or_else(|error| panic!("{what}: {error}"));
            oracle.check(&found, &what);
            if oracle.in_flight.is_some() {
                *(if found.len() > oracle.acknowledged.len() { &mut kept } else { &mut lost }) += 1;
            }
            torn += recovery.repairs.len();
            go_on(&image, &found);
            images += 1;
        }
    }
    println!("{images} crashes: {kept} unacknowledged batches kept, {lost} lost, {torn} of them torn");
    assert!(images > 1500 && kept > 50 && lost > 50 && torn > 20, "{images} {kept} {lost} {torn}");
}

#[test]
fn a_crash_during_the_repair_after_a_crash_loses_nothing() {
    let (mut images, mut repairs) = (0, 0);
    for at in 1..=operations() {
        let (disk, mut oracle) = (FaultyDisk::new(), Oracle::default());
        disk.power_off_at(at);
        script(&disk, &mut oracle).unwrap_err();
        for seed in 0..2 {
            let image = disk.crash(seed * 77 + at);
            let (recovery, found) = recovered(&image).unwrap();
            for again in 1.. {
                let second = image.crash(0);
                second.power_off_at(again);
                match started(&second, b"another") {
                    Ok(_) => break,
                    Err(_) => repairs += recovery.repairs.len(),
                }
                for seed in 0..2 {
                    let third = second.crash(seed * 99 + again);
                    let what = format!("crash at operation {at}, then at {again} of the repair");
                    let result = recovered(&third).unwrap_or_else(|error| panic!("{what}: {error}"));
                    assert_eq!(result.1, found, "{what}");
                    go_on(&third, &found);
                    images += 1;
                }
            }
        }
    }
    println!("{images} crashes during a repair, {repairs} with a torn batch");
    assert!(images > 3000 && repairs > 50, "{images} {repairs}");
}

#[test]
fn a_torn_batch_is_left_out_reported_and_cleared() {
    let mut torn = 0;
    for seed in 0..200 {
        let (disk, mut oracle) = (FaultyDisk::new(), Oracle::default());
        let (mut journal, _) = started(&disk, b"first").unwrap();
        oracle.append(&mut journal, 2, b"whole").unwrap();
        // The write of the next batch is the operation at which the power goes, after two to extend the file.
        disk.power_off_at(3);
        oracle.append(&mut journal, 1, &[9; 4000]).unwrap_err();
        let image = disk.crash(seed);
        let (recovery, found) = recovered(&image).unwrap();
        oracle.check(&found, "torn");
        let [repair] = &recovery.repairs[..] else { continue };
        torn += 1;
        assert!(repair.starts_with("the last batch, from position 3, was cut by a crash"), "{repair}");
        assert!(repair.contains("journal-0000000001.seg"), "{repair}");
        assert!(!recovery.clean);
        // Reading it changes nothing; starting it clears it.
        assert_eq!(recovered(&image).unwrap().0, recovery);
        drop(started(&image, b"first").unwrap());
        let (recovery, after) = recovered(&image).unwrap();
        assert_eq!((recovery.repairs.len(), after), (0, found));
    }
    assert!(torn > 50, "{torn}");
}
