use super::*;
use crate::disk::RealDisk;

fn attempts(dir: &Path, end: u64) -> Attempts {
    let attempts = Attempts::new(Arc::new(RealDisk), dir, None).unwrap();
    attempts.until(Position::new(end));
    attempts
}

/// Opens until each of `fatal` is left out, in a tail of the records 1 to `count`; says after how many deaths.
fn deaths(count: u64, fatal: &[u64]) -> u64 {
    let dir = tempfile::tempdir().unwrap();
    for deaths in 0..100 {
        let attempts = attempts(dir.path(), count);
        let died = (1..=count).any(|position| {
            let applied = attempts.may_apply(Position::new(position)).unwrap();
            assert!(applied || fatal.contains(&position), "{position} is innocent");
            applied && fatal.contains(&position)
        });
        if !died {
            attempts.applied().unwrap();
            attempts.done().unwrap();
            assert!(!dir.path().join("attempt").exists());
            return deaths;
        }
    }
    panic!("{fatal:?} of {count}: a crash loop")
}

#[test]
fn a_record_that_ends_processes_is_found_in_a_few_deaths() {
    assert_eq!(deaths(1, &[1]), TRIES);
    for fatal in [1, 2, 100, 255, 256] {
        assert_eq!(deaths(256, &[fatal]), TRIES + 2);
    }
    for fatal in [1, 3000, 5000] {
        assert!(deaths(5000, &[fatal]) <= TRIES + 4);
    }
}

#[test]
fn records_that_end_processes_are_found_one_after_the_other() {
    for fatal in [&[10, 20][..], &[1, 2, 3], &[1, 30], &[29, 30], &[5, 6, 29]] {
        assert!(deaths(30, fatal) <= fatal.len() as u64 * (TRIES + 2), "{fatal:?}");
    }
    assert!(deaths(5000, &[17, 18, 4000, 5000]) <= 4 * (TRIES + 4));
}

#[test]
fn a_verdict_outlasts_processes_until_it_is_in_the_journal() {
    let dir = tempfile::tempdir().unwrap();
    for _ in 0..TRIES {
        assert!(attempts(dir.path(), 1).may_apply(Position::new(1)).unwrap());
    }
    for _ in 0..5 {
        let attempts = attempts(dir.path(), 1);
        assert!(!attempts.may_apply(Position::new(1)).unwrap());
        attempts.applied().unwrap();
        // Killed before the journal says so.
    }
    let attempts = attempts(dir.path(), 1);
    assert!(!attempts.may_apply(Position::new(1)).unwrap());
    attempts.applied().unwrap();
    attempts.done().unwrap();
    assert!(!dir.path().join("attempt").exists());
}

#[test]
fn who_is_watched_is_blamed_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let live = attempts(dir.path(), 0);
    live.done().unwrap();
    live.blame(Position::new(77)).unwrap();
    for _ in 1..TRIES {
        let recovery = attempts(dir.path(), 5000);
        for position in 1..=77 {
            assert!(recovery.may_apply(Position::new(position)).unwrap());
        }
        recovery.blame(Position::new(77)).unwrap();
    }
    let recovery = attempts(dir.path(), 5000);
    for position in 1..=5000 {
        assert_eq!(recovery.may_apply(Position::new(position)).unwrap(), position != 77);
    }
}

#[test]
fn kills_at_random_moments_blame_nobody() {
    let dir = tempfile::tempdir().unwrap();
    let mut kill = 7u64;
    for _ in 0..200 {
        let attempts = attempts(dir.path(), 300);
        kill = kill.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        for position in 1..=(kill >> 33) % 300 {
            assert!(attempts.may_apply(Position::new(position)).unwrap());
        }
    }
}

#[test]
fn kills_after_the_last_record_was_applied_blame_nobody() {
    let dir = tempfile::tempdir().unwrap();
    for _ in 0..20 {
        let attempts = attempts(dir.path(), 1);
        assert!(attempts.may_apply(Position::new(1)).unwrap());
        attempts.applied().unwrap();
    }
}

#[test]
fn a_confirmed_record_that_ends_processes_is_named_and_never_left_out() {
    let dir = tempfile::tempdir().unwrap();
    let (count, batch, fatal) = (1000, 50, 777);
    for deaths in 0..20 {
        let attempts = attempts(dir.path(), count);
        let mut named = Position::START;
        let refused = (1..=count).find_map(|number| {
            let position = Position::new(number);
            if position > named {
                let last = Position::new(number.div_ceil(batch) * batch);
                match attempts.may_replay(position, last) {
                    Ok(last) => named = last,
                    Err(deaths) => return Some(Some((number, deaths))),
                }
            }
            (number == fatal).then_some(None)
        });
        match refused.expect("it ends the process or is refused") {
            None => assert!(deaths < TRIES + 2, "a crash loop"),
            Some((number, deaths)) => {
                assert_eq!((number, deaths), (fatal, TRIES));
                attempts.give_up().unwrap();
                assert!(dir.path().join("attempt").exists(), "the next process is refused at once");
            }
        }
    }
}
