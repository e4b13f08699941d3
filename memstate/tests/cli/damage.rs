//! `memstate check` and `memstate repair`.

use std::fs;

use crate::support::*;

#[test]
fn a_whole_journal_is_found_whole() {
    let (_temporary, dir) = bank();
    let gave = run("check", &dir, &[]);
    assert_eq!((gave.code, gave.err.as_str()), (0, ""), "{gave:?}");
    assert!(
        gave.out.contains("positions 1–65") && gave.out.contains("its last writer closed it"),
        "{}",
        gave.out
    );
    assert!(gave.out.contains("the snapshot of position 65"), "{}", gave.out);
    let gave = run("repair", &dir, &[]);
    assert_eq!(gave.code, 0);
    assert!(gave.out.starts_with("nothing to repair"), "{}", gave.out);
}

#[test]
fn a_flipped_bit_is_found_and_log_shows_what_is_before_it() {
    let (_temporary, dir) = bank();
    let file = &segments(&dir)[1];
    let at = flip_in_the_middle(file);
    let gave = run("check", &dir, &[]);
    assert_eq!(gave.code, 1);
    let place = format!("{} is damaged at byte {}", file.display(), at / 512 * 512);
    assert!(gave.err.contains(&place) && gave.err.contains("help:"), "{place} in {}", gave.err);
    let log = run("log", &dir, &["--json"]);
    assert_eq!(log.code, 1);
    assert!(log.err.contains(&place), "{}", log.err);
    let shown = json(&log.out).len() as u64;
    assert!(shown > 0 && shown < RECORDS, "{shown}");
    let kept = run("repair", &dir, &[]).out;
    assert!(kept.contains(&format!("would be kept: positions 1–{shown}\n")), "{shown}: {kept}");
    for name in ["stat", "verify", "export", "schema"] {
        assert_eq!(run(name, &dir, &[]).code, 1, "{name}");
    }
}

#[test]
fn a_missing_segment_is_found() {
    let (_temporary, dir) = bank();
    fs::remove_file(&segments(&dir)[2]).unwrap();
    let gave = run("check", &dir, &[]);
    assert_eq!(gave.code, 1);
    assert!(gave.err.contains("the segment is missing"), "{}", gave.err);
    fs::remove_file(&segments(&dir)[0]).unwrap();
    let gave = run("check", &dir, &[]);
    assert_eq!(gave.code, 1);
    assert!(gave.err.contains("the segment is missing"), "{}", gave.err);
}

#[test]
fn damaged_snapshots_are_found() {
    let (_temporary, dir) = bank();
    flip_in_the_middle(&dir.join(format!("snapshot-{RECORDS:020}")));
    let gave = run("check", &dir, &[]);
    assert_eq!(gave.code, 1);
    assert!(
        gave.out.contains("the snapshot of position 65") && gave.out.contains("its checksum is wrong"),
        "{}",
        gave.out
    );
}

/// Cuts the last batch of a journal that was not closed.
fn torn() -> (tempfile::TempDir, std::path::PathBuf) {
    let (temporary, dir) = place();
    let bytes = wait(async {
        let bank = open::<first::Bank>(&dir, LARGE).await.unwrap();
        bank.open("Ann".to_owned()).await.unwrap();
        bank.close().await.unwrap();
        let bank = open::<first::Bank>(&dir, LARGE).await.unwrap();
        bank.swallow(vec![7; 5000]).await.unwrap();
        let bytes = fs::read(&segments(&dir)[0]).unwrap();
        bank.close().await.unwrap();
        bytes
    });
    let mut bytes = bytes;
    let first = bytes.windows(64).position(|bytes| bytes == [7; 64]).unwrap() / 512 * 512;
    bytes[first + 1024..].fill(0);
    fs::write(&segments(&dir)[0], bytes).unwrap();
    fs::remove_file(dir.join(format!("snapshot-{:020}", 2))).unwrap();
    (temporary, dir)
}

#[test]
fn a_torn_tail_is_no_damage_and_needs_no_repair() {
    let (_temporary, dir) = torn();
    let gave = run("check", &dir, &[]);
    assert_eq!(gave.code, 0, "{gave:?}");
    assert!(gave.out.contains("a crash cut it before it was acknowledged"), "{}", gave.out);
    let log = run("log", &dir, &["--json"]);
    assert_eq!((log.code, json(&log.out).len()), (0, 1));
    assert!(log.err.starts_with("note: after position 1 there is a part of a batch"), "{}", log.err);
    let gave = run("repair", &dir, &["--truncate-at", "1", "--accept-loss"]);
    assert_eq!(gave.code, 0);
    assert!(gave.out.starts_with("nothing to repair"), "{}", gave.out);
    assert_eq!(total(&dir).unwrap(), 0);
}

#[test]
fn a_repair_says_first_what_it_would_do_and_changes_nothing() {
    let (_temporary, dir) = bank();
    flip_in_the_middle(&segments(&dir)[1]);
    let before = contents(&dir);
    let gave = run("repair", &dir, &[]);
    assert_eq!(gave.code, 1);
    assert!(gave.out.contains("would be kept: positions 1–"), "{}", gave.out);
    assert!(gave.out.contains("× deposit") && gave.out.contains("× withdraw"), "{}", gave.out);
    assert!(gave.err.contains("--accept-loss"), "{}", gave.err);
    assert_eq!(contents(&dir), before);
}

#[test]
fn a_repaired_journal_opens_goes_on_and_has_kept_all_before_the_cut() {
    for segment in 0..4 {
        let (temporary, dir) = bank();
        let all = run("log", &dir, &["--json"]).out;
        let flipped = segments(&dir)[segment].clone();
        flip_in_the_middle(&flipped);
        assert!(total(&dir).is_err(), "it is refused before the repair");
        let damaged = contents(&dir);
        let kept = temporary.path().join("kept");
        let rest = ["--truncate-at", "60", "--accept-loss", "--keep", kept.to_str().unwrap()];
        let gave = run("repair", &dir, &rest);
        assert_eq!(gave.code, 0, "{gave:?}");
        assert!(gave.out.contains("repaired:"), "{}", gave.out);
        // The copy is what there was.
        let copied: Vec<_> = contents(&kept).into_iter().map(|(_, bytes)| bytes).collect();
        assert_eq!(copied, damaged.into_iter().map(|(_, bytes)| bytes).collect::<Vec<_>>());
        let gave = run("check", &dir, &[]);
        assert_eq!(gave.code, 0, "{gave:?}");
        let log = run("log", &dir, &["--json"]);
        let left = json(&log.out);
        let before = json(&all);
        let same = |(left, before): (&serde_json::Value, &serde_json::Value)| {
            left["bytes"] == before["bytes"]
                && left["position"] == before["position"]
                && left["time"] == before["time"]
        };
        assert!(left.len() <= 60 && left.iter().zip(&before).all(same), "{} are left", left.len());
        let amounts: u64 = (1..left.len() as u64).filter(|amount| *amount <= 58).sum();
        assert_eq!(total(&dir).unwrap(), amounts, "what is left is what was done");
        wait(async {
            let bank = open::<second::Bank>(&dir, LARGE).await.unwrap();
            bank.open("Bob".to_owned()).await.unwrap();
            bank.close().await.unwrap();
        });
        assert_eq!(json(&run("log", &dir, &["--json"]).out).len(), left.len() + 1);
    }
}

#[test]
fn a_journal_is_cut_at_any_position_and_every_cut_opens() {
    let (temporary, dir) = bank();
    for at in (0..=RECORDS).step_by(3) {
        let cut = temporary.path().join(format!("cut-{at}"));
        copy(&dir, &cut);
        let gave = run("repair", &cut, &["--truncate-at", &at.to_string(), "--accept-loss"]);
        assert_eq!(gave.code, 0, "{at}: {gave:?}");
        let check = run("check", &cut, &[]);
        assert_eq!(check.code, 0, "{at}: {check:?}");
        let left = json(&run("log", &cut, &["--json"]).out).len() as u64;
        assert_eq!(left, at, "every record is a batch of its own here");
        total(&cut).unwrap_or_else(|error| panic!("{at}: {error}"));
        assert_eq!(run("check", &cut, &[]).code, 0, "{at}");
    }
}

#[test]
fn files_that_were_cut_off_or_are_missing_can_be_repaired() {
    let (temporary, dir) = bank();
    let number = segments(&dir).len();
    for lost in 1..number {
        for cut_off in [false, true] {
            let broken = temporary.path().join(format!("broken-{lost}-{cut_off}"));
            copy(&dir, &broken);
            let file = segments(&broken)[lost].clone();
            if cut_off {
                let bytes = fs::read(&file).unwrap();
                fs::write(&file, &bytes[..bytes.len() / 3]).unwrap();
            } else {
                fs::remove_file(file).unwrap();
            }
            assert_eq!(run("check", &broken, &[]).code, 1);
            let gave = run("repair", &broken, &["--truncate-at", "1000", "--accept-loss"]);
            assert_eq!(gave.code, 0, "{lost} {cut_off}: {gave:?}");
            assert_eq!(run("check", &broken, &[]).code, 0, "{lost} {cut_off}");
            total(&broken).unwrap_or_else(|error| panic!("{lost} {cut_off}: {error}"));
        }
    }
}

#[test]
fn a_journal_in_use_is_not_repaired() {
    let (_temporary, dir) = bank();
    wait(async {
        let bank = open::<second::Bank>(&dir, LARGE).await.unwrap();
        let before = contents(&dir);
        let gave = run("repair", &dir, &["--truncate-at", "3", "--accept-loss"]);
        assert_eq!(gave.code, 4);
        assert!(gave.err.contains("is in use by another process"), "{}", gave.err);
        assert_eq!(contents(&dir), before);
        bank.close().await.unwrap();
    });
}
