//! The flights example, killed at random moments and started again.
//!
//! It keeps the last step whose reply has come in a file. After each kill the next start must find at least that step in
//! its journal; when the year is complete its totals must be the known ones, so nothing is lost and nothing is there twice.
//!
//! `MEMSTATE_KILLS` sets the number of kills, `MEMSTATE_SEED` repeats a run.

use std::{
    env,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::mpsc,
    time::Duration,
};

use memstate_tests::random::Random;

/// Where the example is, built if it is not there.
fn flights() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace");
    let built = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["build", "--release", "--example", "flights"])
        .current_dir(root)
        .status()
        .expect("cargo runs");
    assert!(built.success(), "the example is built");
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    target.join("release/examples/flights")
}

/// How a run ended, and what it said.
struct Run {
    killed: bool,
    success: bool,
    /// How many steps it found in its journal, and of how many, if it got that far.
    found: Option<(u64, u64)>,
    known_totals: bool,
    errors: String,
}

/// When a run is killed, if it is not done by then.
#[derive(Clone, Copy)]
enum Kill {
    Never,
    /// So long after it was started: mostly while it reads its data and recovers.
    AfterStart(Duration),
    /// So long after it began to import.
    InTheImport(Duration),
}

/// Runs the example, and kills it as told.
fn run(program: &Path, dir: &Path, kill: Kill) -> Run {
    let mut child = Command::new(program)
        .args(["--data".as_ref(), dir.join("journal").as_os_str()])
        .args(["--acknowledged".as_ref(), dir.join("acknowledged").as_os_str()])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the example starts");
    let stdout = BufReader::new(child.stdout.take().expect("piped"));
    let stderr = child.stderr.take().expect("piped");
    let (began, has_begun) = mpsc::channel::<()>();
    let (ended, is_ended) = mpsc::channel::<()>();
    let reader = std::thread::spawn(move || {
        let (mut found, mut known_totals) = (None, false);
        for line in stdout.lines().map_while(Result::ok) {
            if line.contains("steps are there") {
                let mut numbers = line.split(' ').filter_map(|word| word.replace(',', "").parse().ok());
                found = numbers.next().zip(numbers.next());
                assert!(found.is_some(), "the line says how many steps of how many are there: {line}");
                let _ = began.send(());
            }
            known_totals |= line.contains("the known totals");
        }
        drop(ended);
        (found, known_totals)
    });
    let errors = std::thread::spawn(move || std::io::read_to_string(stderr).unwrap_or_default());
    let mut killed = false;
    let patience = match kill {
        Kill::Never => None,
        Kill::AfterStart(patience) => Some(patience),
        Kill::InTheImport(patience) => {
            // An error means that it ended before it got there.
            let _ = has_begun.recv();
            Some(patience)
        }
    };
    if let Some(patience) = patience
        && is_ended.recv_timeout(patience) == Err(mpsc::RecvTimeoutError::Timeout)
    {
        child.kill().expect("it is our child");
        killed = true;
    }
    let status = child.wait().expect("it is our child");
    let (found, known_totals) = reader.join().expect("the reader ends");
    Run {
        killed,
        success: status.success(),
        found,
        known_totals,
        errors: errors.join().expect("the reader ends"),
    }
}

fn acknowledged(dir: &Path) -> u64 {
    let text = std::fs::read_to_string(dir.join("acknowledged")).unwrap_or_default();
    text.trim().parse().unwrap_or(0)
}

#[test]
fn every_acknowledged_command_is_there_exactly_once_after_kills_at_random_moments() {
    let program = flights();
    let kills_wanted: u64 = env::var("MEMSTATE_KILLS").map_or(200, |kills| kills.parse().expect("a number"));
    let (mut random, seed) = Random::seeded();

    let (mut kills, mut kills_in_the_import, mut years, mut checked) = (0, 0, 0, 0);
    while kills < kills_wanted {
        let dir = tempfile::tempdir().expect("there is room");
        let (mut at_least, mut all) = (0, u64::MAX);
        loop {
            let kill = match random.below(4) {
                _ if kills == kills_wanted => Kill::Never,
                // All is imported, and kills can only hit the end of the program.
                0..2 if at_least == all => Kill::Never,
                0 => Kill::AfterStart(Duration::from_micros(random.below(700_000))),
                _ => Kill::InTheImport(Duration::from_micros(random.below(600_000))),
            };
            let run = run(&program, dir.path(), kill);
            if let Some((found, of)) = run.found {
                all = of;
                assert!(
                    found >= at_least,
                    "step {at_least} was acknowledged, and {found} are there (seed {seed})"
                );
                checked += 1;
            }
            at_least = at_least.max(acknowledged(dir.path()));
            if run.killed {
                kills += 1;
                kills_in_the_import += u64::from(run.found.is_some_and(|(found, all)| found < all));
                if kills % 20 == 0 {
                    println!(
                        "{kills} kills, {checked} starts found all that was acknowledged, {years} years complete"
                    );
                }
                continue;
            }
            assert!(run.success, "it fails after a kill (seed {seed}): {}", run.errors);
            assert!(run.known_totals, "the totals of the year are right (seed {seed})");
            years += 1;
            break;
        }
        // Once more: everything is there, and nothing is imported twice.
        let again = run(&program, dir.path(), Kill::Never);
        assert!(again.success && again.known_totals, "{}", again.errors);
        assert!(again.found.is_some_and(|(found, all)| found >= at_least && found == all));
    }
    println!(
        "{kills} kills, {kills_in_the_import} of them during the import; {checked} starts found all that was \
         acknowledged; {years} years complete, with the known totals"
    );
    assert!(kills >= kills_wanted && years > 0 && checked > kills_wanted / 2);
    assert!(kills_in_the_import > kills_wanted / 3, "kills hit the import and not only the start");
}
