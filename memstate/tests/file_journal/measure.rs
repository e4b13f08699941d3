use std::{sync::Arc, time::Instant};

use memstate::{
    disk::RealDisk,
    journal::{
        Journal,
        file::{FileJournal, FileOptions},
    },
    testing::journal::append,
};

#[test]
#[ignore = "a measurement: run it alone, in release, with --nocapture"]
fn appends_and_recovery() {
    let place = std::env::var_os("MEMSTATE_MEASURE_DIR").unwrap_or_else(|| std::env::temp_dir().into());
    for (payload_bytes, batches) in [(100_usize, 5000_u32), (64 << 10, 3000)] {
        let temporary = tempfile::tempdir_in(&place).unwrap();
        let open =
            || FileJournal::open(Arc::new(RealDisk), temporary.path(), FileOptions::default()).unwrap();
        let mut journal = open();
        journal.recover(&mut |_| Ok(())).unwrap();
        journal.start(b"measure").unwrap();
        let payload: Vec<u8> = (0..payload_bytes).map(|at| (at * 7) as u8).collect();
        let mut times: Vec<_> = (0..batches)
            .map(|_| {
                let begin = Instant::now();
                append(&mut journal, 1, &payload).unwrap();
                begin.elapsed()
            })
            .collect();
        let total: f64 = times.iter().map(|time| time.as_secs_f64()).sum();
        times.sort_unstable();
        println!(
            "{payload_bytes} bytes: {:.0} appends/s, p50 {:?}, p99 {:?}, max {:?}",
            f64::from(batches) / total,
            times[times.len() / 2],
            times[times.len() * 99 / 100],
            times[times.len() - 1]
        );
        journal.close().unwrap();
        drop(journal);
        for _ in 0..2 {
            let mut journal = open();
            let (begin, mut visited, mut bytes) = (Instant::now(), 0, 0);
            journal
                .recover(&mut |entry| {
                    (visited, bytes) = (visited + 1, bytes + entry.payload.len());
                    Ok(())
                })
                .unwrap();
            let seconds = begin.elapsed().as_secs_f64();
            let files: u64 = std::fs::read_dir(temporary.path())
                .unwrap()
                .map(|entry| entry.unwrap().metadata().unwrap().len())
                .sum();
            println!(
                "recovery: {visited} batches, {:.0}/s, payload {:.0} MB/s, files {:.0} MB/s",
                f64::from(visited) / seconds,
                bytes as f64 / seconds / 1e6,
                files as f64 / seconds / 1e6
            );
        }
    }
}
