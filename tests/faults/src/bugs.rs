//! The bugs that are seeded in memstate, and the gate that has to catch each.

use std::{
    collections::BTreeSet,
    env,
    process::{Command, ExitCode, Stdio},
    sync::Mutex,
    thread,
    time::{Duration, Instant},
};

use crate::harness::{Settings, cores};

/// A bug, and the shortest run that has to catch it.
struct Seeded {
    bug: &'static str,
    gate: &'static str,
    count: u64,
}

const fn caught(bug: &'static str, gate: &'static str, count: u64) -> Seeded {
    Seeded { bug, gate, count }
}

/// Who has to catch what.
const SEEDED: &[Seeded] = &[
    caught("skip-sync", "crash", 5_000),
    caught("skip-sync-dir", "crash", 5_000),
    caught("acknowledge-early", "crash", 5_000),
    caught("checksum-off", "rot", 50_000),
    caught("cut-at-first-bad", "rot", 50_000),
    caught("lost-segment-unnoticed", "rot", 50_000),
    caught("snapshot-checksum-off", "rot", 50_000),
    caught("confirm-skipped", "rot", 50_000),
    caught("forget-epoch", "crash", 5_000),
    caught("retry-failed-sync", "sync", 200),
    caught("dead-journal-lives", "sync", 200),
    caught("tail-not-rewritten", "sync", 200),
    caught("full-disk-ignored", "full", 60),
    caught("queue-unbounded", "slow", 3),
    caught("replies-swapped", "serial", 100_000),
    caught("lost-wake-up", "serial", 100_000),
    caught("requests-not-in-snapshot", "once", 20_000),
    caught("forget-undo", "undo", 10_000),
    caught("undo-loses-order", "undo", 10_000),
    caught("hash-order-leaks", "determinism", 20),
    caught("outcome-not-compared", "determinism", 20),
    caught("attempt-not-marked", "poison", 6),
    caught("time-limit-ignored", "poison", 6),
    caught("depth-unbounded", "hostile", 1_000),
    caught("fields-by-place", "upgrades", 60),
];

/// How long a gate may stand still in here.
const PATIENCE: Duration = Duration::from_secs(20);
/// How many characters of a failure are shown.
const WORDS_SHOWN: usize = 90;

/// Runs the gates once without a bug, and then one against each.
pub fn run(settings: &Settings) -> ExitCode {
    if let Err(why) = names_agree() {
        eprintln!("{why}");
        return ExitCode::from(2);
    }
    let gates: BTreeSet<_> = SEEDED.iter().map(|seeded| seeded.gate).collect();
    println!("without a bug, {} gates have to pass", gates.len());
    let longest =
        |gate: &str| SEEDED.iter().filter(|it| it.gate == gate).map(|it| it.count).max().unwrap_or(1);
    let controls: Vec<_> = gates.iter().map(|gate| (*gate, longest(gate))).collect();
    let passed = side_by_side(&controls, |(gate, count)| {
        let mut tried = try_gate(gate, *count, "", settings);
        tried.failed |= tried.skipped;
        println!(
            "  {gate:<14} {:>6.1} s  {}",
            tried.seconds,
            if tried.failed { &tried.words } else { "passes" }
        );
        !tried.failed
    });
    if passed.contains(&false) {
        println!("a gate fails without a bug, so nothing that it catches would say anything");
        return ExitCode::FAILURE;
    }
    println!("\n{:<26} {:<14} {:>8}  what was said", "bug", "gate", "");
    let results = side_by_side(SEEDED, |seeded| {
        let mut tried = try_gate(seeded.gate, seeded.count, seeded.bug, settings);
        // A gate that only stands still, or comes short of its count, has not said what is wrong.
        tried.failed &= (seeded.bug == "lost-wake-up") == tried.words.contains("nothing has moved")
            && !tried.words.contains("were tried");
        let words = if tried.failed { tried.words } else { format!("NOT CAUGHT {}", tried.words) };
        println!("{:<26} {:<14} {:>6.1} s  {words}", seeded.bug, seeded.gate, tried.seconds);
        tried.failed
    });
    let caught = results.iter().filter(|caught| **caught).count();
    println!("\ncaught {caught} of {}", SEEDED.len());
    if caught == SEEDED.len() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// That the bugs of the table are those that memstate has.
#[cfg(memstate_bugs)]
fn names_agree() -> Result<(), String> {
    let known: BTreeSet<_> = memstate::bugs::ALL.iter().map(|(name, _)| *name).collect();
    let listed: BTreeSet<_> = SEEDED.iter().map(|seeded| seeded.bug).collect();
    match known == listed {
        true => Ok(()),
        false => {
            Err(format!("the bugs here and in memstate differ: {:?}", known.symmetric_difference(&listed)))
        }
    }
}

#[cfg(not(memstate_bugs))]
fn names_agree() -> Result<(), String> {
    Err("there are no bugs in this build; `tests/run seeded-bugs` makes the one that has them".to_owned())
}

/// What a gate said of a bug.
struct Tried {
    failed: bool,
    /// The gate cannot be tried on this machine.
    skipped: bool,
    seconds: f64,
    words: String,
}

fn try_gate(gate: &str, count: u64, bug: &str, settings: &Settings) -> Tried {
    let began = Instant::now();
    let program = env::current_exe().expect("this program has a path");
    let output = Command::new(program)
        .arg(gate)
        .args(["--count", &count.to_string(), "--seed", &settings.seed.to_string()])
        .args(["--patience", &PATIENCE.as_secs().to_string()])
        .env("MEMSTATE_BUG", bug)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output();
    let (failed, text) = match output {
        // 1 is a gate's verdict; anything else, a signal too, is a gate that fell over and has judged nothing.
        Ok(output) => match output.status.code() {
            Some(code @ (0 | 1)) => (code == 1, String::from_utf8_lossy(&output.stdout).into_owned()),
            _ => (bug.is_empty(), format!("FAILED: the gate ended with {}", output.status)),
        },
        Err(error) => (bug.is_empty(), format!("FAILED: it cannot be run: {error}")),
    };
    let skipped = text.contains("SKIPPED, NOTHING WAS TRIED");
    Tried { failed, skipped, seconds: began.elapsed().as_secs_f64(), words: words_of(&text) }
}

/// The first thing that a failed gate says after its verdict.
fn words_of(text: &str) -> String {
    let mut lines = text.lines().skip_while(|line| !line.contains("FAILED"));
    let verdict = lines.next().unwrap_or_default();
    let said = lines.find(|line| line.starts_with("  ") && !line.starts_with("    ")).unwrap_or(verdict);
    said.trim().chars().take(WORDS_SHOWN).collect()
}

/// Works on a list with all cores; the results are in its order.
fn side_by_side<T: Sync, R: Send>(list: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let (next, results) = (Mutex::new(0..list.len()), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..cores() {
            scope.spawn(|| {
                loop {
                    let Some(index) = next.lock().expect("nothing panics with it").next() else { return };
                    let result = work(&list[index]);
                    results.lock().expect("nothing panics with it").push((index, result));
                }
            });
        }
    });
    let mut results = results.into_inner().expect("nothing panics with it");
    results.sort_by_key(|(index, _)| *index);
    results.into_iter().map(|(_, result)| result).collect()
}
