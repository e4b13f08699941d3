use memstate::{
    journal::{Journal, JournalError},
    testing::disk::FaultyDisk,
};

use crate::support::{
    Oracle, SECTOR, assert_damaged, closed_journal, open, payload, recovered, segment, segments, started,
    used,
};

/// A journal whose last writer did not close it.
fn open_journal() -> (FaultyDisk, Oracle) {
    let (disk, mut oracle) = closed_journal();
    let (mut journal, _) = started(&disk, b"second").unwrap();
    for i in 0..3 {
        oracle.append(&mut journal, 1, &payload(i)).unwrap();
    }
    oracle.append(&mut journal, 1, &[5; 2000]).unwrap();
    (disk, oracle)
}

/// A journal whose last batch a crash cut, and what was acknowledged.
fn torn_journal() -> (FaultyDisk, Oracle) {
    for seed in 0.. {
        let (disk, mut oracle) = open_journal();
        let (mut journal, _) = started(&disk, b"second").unwrap();
        disk.power_off_at(1);
        oracle.append(&mut journal, 1, &[6; 900]).unwrap_err();
        let image = disk.crash(seed);
        if recovered(&image).unwrap().0.repairs.len() == 1 {
            return (image, oracle);
        }
    }
    unreachable!()
}

fn sectors(bytes: &[u8]) -> usize {
    bytes.len() / SECTOR
}

fn is_zero(bytes: &[u8], sector: usize) -> bool {
    bytes[sector * SECTOR..][..SECTOR].iter().all(|byte| *byte == 0)
}

/// Three small segments, two writers.
fn small_journal() -> (FaultyDisk, Oracle) {
    let (disk, mut oracle) = (FaultyDisk::new(), Oracle::default());
    for (preamble, lens) in [(b"first!", &[10, 600][..]), (b"second", &[0, 1500]), (b"third!", &[30])] {
        let (mut journal, _) = started(&disk, preamble).unwrap();
        for len in lens {
            oracle.append(&mut journal, 1, &vec![0xa5; *len]).unwrap();
        }
        journal.close().unwrap();
    }
    assert_eq!(segments(&disk).len(), 3);
    (disk, oracle)
}

#[test]
fn any_flipped_bit_is_found() {
    let mut flips = 0;
    // All of a closed journal, and the last segment of one that a crash cut.
    for ((disk, oracle), skipped) in [(small_journal(), 0), (torn_journal(), 7)] {
        for (path, bytes) in &segments(&disk)[skipped..] {
            let used_bits = used(bytes) * 8;
            // Every bit that was written, and some of the zeros after it.
            for bit in (0..used_bits).chain((used_bits..bytes.len() * 8).step_by(61)) {
                disk.flip(path, bit);
                assert_damaged(&disk, &format!("bit {bit} of {}", path.display()));
                disk.flip(path, bit);
                flips += 1;
            }
        }
        oracle.check(&recovered(&disk).unwrap().1, "after the flips");
    }
    println!("{flips} flipped bits, all found");
    assert!(flips > 100_000, "{flips}");
}

#[test]
fn any_sector_that_is_lost_is_found() {
    let (mut found, mut forgiven) = (0, 0);
    for (disk, oracle) in [closed_journal(), open_journal()] {
        let closed = recovered(&disk).unwrap().0.clean;
        for (path, bytes) in segments(&disk) {
            for sector in (0..sectors(&bytes)).filter(|sector| !is_zero(&bytes, *sector)) {
                let mut damaged = bytes.clone();
                damaged[sector * SECTOR..][..SECTOR].fill(0);
                disk.put(&path, damaged);
                match recovered(&disk) {
                    Err(JournalError::Damaged { .. }) => found += 1,
                    Err(other) => panic!("{other}"),
                    // The last group has nothing after it that proves that it was durable.
                    Ok((recovery, batches)) => {
                        let n = oracle.acknowledged.len() - usize::from(!closed);
                        assert!(!recovery.clean && batches == oracle.acknowledged[..n], "sector {sector}");
                        forgiven += 1;
                    }
                }
                disk.put(&path, bytes.clone());
            }
        }
    }
    println!("{found} lost sectors found, {forgiven} in what nothing confirmed yet");
    // The close of the one journal, and the five sectors of the last batch of the other.
    assert!(found > 60 && forgiven == 6, "{found} {forgiven}");
}

#[test]
fn an_empty_batch_confirms_the_one_before() {
    let (disk, mut oracle) = open_journal();
    let (mut journal, _) = started(&disk, b"second").unwrap();
    oracle.append(&mut journal, 1, &[5; 2000]).unwrap();
    let (path, bytes) = segments(&disk).pop().unwrap();
    let end = used(&bytes) / SECTOR;
    oracle.append(&mut journal, 0, &[]).unwrap();
    drop(journal);
    let bytes = disk.bytes(&path).unwrap();
    for sector in end - 5..end {
        let mut damaged = bytes.clone();
        damaged[sector * SECTOR..][..SECTOR].fill(0);
        disk.put(&path, damaged);
        assert_damaged(&disk, "a sector of a confirmed batch");
    }
}

#[test]
fn sectors_in_the_wrong_place_are_found() {
    let (mut swapped, mut copied) = (0, 0);
    let (disk, _) = closed_journal();
    let segments = segments(&disk);
    for (path, bytes) in &segments {
        for sector in 0..sectors(bytes) - 1 {
            let mut damaged = bytes.clone();
            damaged[sector * SECTOR..][..2 * SECTOR].rotate_left(SECTOR);
            if damaged != *bytes {
                disk.put(path, damaged);
                assert_damaged(&disk, &format!("sectors {sector} and the next are swapped"));
                swapped += 1;
            }
        }
        for (_, other) in &segments {
            for from in (0..sectors(other)).filter(|sector| !is_zero(other, *sector)) {
                for to in 0..sectors(bytes) {
                    let mut damaged = bytes.clone();
                    damaged[to * SECTOR..][..SECTOR].copy_from_slice(&other[from * SECTOR..][..SECTOR]);
                    if damaged != *bytes {
                        disk.put(path, damaged);
                        assert_damaged(&disk, &format!("sector {from} is at {to}"));
                        copied += 1;
                    }
                }
            }
        }
        disk.put(path, bytes.clone());
    }
    println!("{swapped} swapped pairs and {copied} misdirected sectors found");
    assert!(swapped > 40 && copied > 2000, "{swapped} {copied}");
}

#[test]
fn a_sector_of_an_abandoned_batch_is_never_part_of_a_later_one() {
    let mut tried = 0;
    // The later batches are, sector for sector, as long as the abandoned one, longer, shorter, and none.
    for later in [&[900][..], &[2000], &[10, 10, 10], &[]] {
        let (disk, oracle) = torn_journal();
        let (path, torn) = segments(&disk).pop().unwrap();
        let (mut journal, found) = started(&disk, b"second").unwrap();
        oracle.check(&found, "torn");
        for len in later {
            let first = journal.end().next();
            journal.append(memstate::journal::Batch { first, count: 1, payload: &vec![6; *len] }).unwrap();
        }
        drop(journal);
        let (_, bytes) = segments(&disk).pop().unwrap();
        for sector in (0..sectors(&torn)).filter(|sector| !is_zero(&torn, *sector)) {
            let at = sector * SECTOR..(sector + 1) * SECTOR;
            if bytes[at.clone()] != torn[at.clone()] {
                let mut stale = bytes.clone();
                stale[at.clone()].copy_from_slice(&torn[at.clone()]);
                disk.put(&path, stale);
                tried += 1;
                // In place of an epoch that nothing was written after, it is as before that: torn.
                if later.is_empty() && at.end == used(&bytes) {
                    assert_eq!(recovered(&disk).unwrap().1, oracle.acknowledged);
                } else {
                    assert_damaged(&disk, &format!("stale sector {sector}"));
                }
            }
        }
        // All of them at once, as if the disk had never taken the later writes.
        let mut stale = bytes.clone();
        let start = used(&torn).min(stale.len());
        stale[..start].copy_from_slice(&torn[..start]);
        if used(&bytes) > start {
            disk.put(&path, stale);
            assert_damaged(&disk, "an old beginning and a new end");
            tried += 1;
        }
    }
    assert!(tried >= 6, "{tried}");
}

#[test]
fn every_writer_has_an_epoch_of_its_own() {
    let disk = FaultyDisk::new();
    for writer in 1..=5_u32 {
        let (mut journal, _) = started(&disk, b"first").unwrap();
        Oracle::default().append(&mut journal, 1, b"one").unwrap();
        drop(journal);
        let (_, bytes) = segments(&disk).pop().unwrap();
        let last = &bytes[used(&bytes) - SECTOR..];
        assert_eq!(last[4..8], writer.to_le_bytes());
    }
}

#[test]
fn a_file_that_was_cut_off_is_found_whenever_that_lost_something() {
    let (mut found, mut harmless) = (0, 0);
    // A journal after each of its batches, so that files end at all distances from the end of a batch.
    for batches in 0..40 {
        let (disk, mut oracle) = (FaultyDisk::new(), Oracle::default());
        let (mut journal, _) = started(&disk, b"first").unwrap();
        for i in 0..batches {
            oracle.append(&mut journal, 1, &payload(i)).unwrap();
        }
        if batches % 2 == 0 {
            journal.close().unwrap();
        }
        drop(journal);
        for (path, bytes) in segments(&disk) {
            let boundaries = (0..=bytes.len()).step_by(SECTOR);
            for len in boundaries.flat_map(|at| [at.saturating_sub(1), at, at + 1, at + 200]) {
                if len >= bytes.len() {
                    continue;
                }
                disk.put(&path, bytes[..len].to_vec());
                match recovered(&disk) {
                    Err(JournalError::Damaged { .. }) => found += 1,
                    Err(other) => panic!("{other}"),
                    Ok((_, kept)) => {
                        assert_eq!(kept, oracle.acknowledged, "{batches} batches, cut at {len}");
                        harmless += 1;
                    }
                }
            }
            disk.put(&path, bytes);
        }
        assert_eq!(recovered(&disk).unwrap().1, oracle.acknowledged);
    }
    println!("{found} cut files found, {harmless} lost only zeros");
    assert!(found > 5000, "{found} {harmless}");
}

#[test]
fn a_missing_or_renamed_segment_is_found_and_named() {
    let (disk, oracle) = closed_journal();
    let count = segments(&disk).len() as u64;
    let missing = |disk: &FaultyDisk, number: u64, what: &str| match recovered(disk) {
        Err(error @ JournalError::Damaged { .. }) => {
            let text = error.to_string();
            assert!(text.contains(&format!("journal-{number:010}.seg")), "{what}: {text}");
        }
        other => panic!("{what}: {other:?}"),
    };
    for number in 1..=count {
        let bytes = disk.take(&segment(number)).unwrap();
        missing(&disk, number, "removed");
        for other in [count + 1, count + 7] {
            disk.put(&segment(other), bytes.clone());
            missing(&disk, number, "renamed");
            disk.take(&segment(other));
        }
        disk.put(&dir_file("journal-0000000001.seg.bak"), bytes.clone());
        missing(&disk, number, "renamed to what is no segment");
        disk.take(&dir_file("journal-0000000001.seg.bak"));
        for other in (1..=count).filter(|other| *other != number) {
            // One in another's place, which is copied over or swapped.
            let replaced = disk.bytes(&segment(other)).unwrap();
            disk.put(&segment(number), replaced.clone());
            assert_damaged(&disk, "a copy");
            disk.put(&segment(other), bytes.clone());
            assert_damaged(&disk, "swapped");
            disk.put(&segment(other), replaced);
        }
        disk.put(&segment(number), bytes);
    }
    oracle.check(&recovered(&disk).unwrap().1, "put back");
    // An older copy of a segment that was sealed since, and an emptied one.
    let (disk, _) = closed_journal();
    let older = segments(&disk).pop().unwrap();
    let (mut journal, _) = started(&disk, b"third").unwrap();
    Oracle::default().append(&mut journal, 1, b"more").unwrap();
    drop(journal);
    disk.put(&older.0, older.1);
    assert_damaged(&disk, "an older copy");
    disk.put(&segment(1), Vec::new());
    assert_damaged(&disk, "emptied");
}

fn dir_file(name: &str) -> std::path::PathBuf {
    crate::support::dir().join(name)
}

#[test]
fn a_segment_that_nothing_announces_is_removed_only_if_it_is_empty() {
    let (disk, oracle) = open_journal();
    let count = segments(&disk).len() as u64;
    // The next writer has another preamble; the power goes when it has made its segment, before the seal.
    let (disk, _) = (1..40)
        .map(|at| {
            let image = disk.crash(0);
            image.power_off_at(at);
            let result = started(&image, b"third").map(drop);
            image.mend();
            (image, result)
        })
        .find(|(image, result)| result.is_err() && image.bytes(&segment(count + 1)).is_some())
        .expect("it makes a segment");
    let leftover = disk.bytes(&segment(count + 1)).unwrap();
    oracle.check(&recovered(&disk).unwrap().1, "with a leftover");
    // A bit in it is damage like any other.
    disk.flip(&segment(count + 1), 8 * 700);
    assert_damaged(&disk, "a flipped leftover");
    disk.flip(&segment(count + 1), 8 * 700);
    let (journal, found) = started(&disk, b"second").unwrap();
    oracle.check(&found, "with a leftover");
    drop(journal);
    assert_eq!(disk.bytes(&segment(count + 1)), None);
    // Put back later it does not continue the journal.
    disk.put(&segment(count + 1), leftover);
    assert_damaged(&disk, "an old leftover");
    assert!(open(&disk).is_ok());
}
