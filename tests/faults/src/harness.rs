//! What runs gates: seeds, progress, hangs, and the table at the end.

use std::{
    any::Any,
    collections::BTreeMap,
    fmt::Write as _,
    panic::{AssertUnwindSafe, catch_unwind},
    process::ExitCode,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use clap::ValueEnum;
use memstate_tests::random::Random;

/// How long a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Tier {
    /// For the ordinary tests.
    Quick,
    /// For every change.
    Ci,
    /// For a release.
    Long,
}

/// A promise, and what tries it.
pub struct Gate {
    /// By what it is asked for.
    pub name: &'static str,
    /// What is promised, in a few words.
    pub promise: &'static str,
    /// What is counted.
    pub unit: &'static str,
    /// How many in each tier.
    pub counts: [u64; 3],
    /// Tries it: an error or a panic is a promise that was broken.
    pub run: fn(&Run) -> Result<(), String>,
}

/// What the command line says.
pub struct Settings {
    pub tier: Tier,
    pub seed: u64,
    pub count: Option<u64>,
    pub case: Option<u64>,
    pub patience: Duration,
}

/// One run of a gate.
pub struct Run {
    name: &'static str,
    unit: &'static str,
    /// What all cases come from.
    pub seed: u64,
    /// How many are wanted; a gate may do some more.
    pub count: u64,
    pub tier: Tier,
    only: Option<u64>,
    began: Instant,
    skipped: AtomicBool,
    parts_skipped: AtomicBool,
    done: AtomicU64,
    facts: Mutex<BTreeMap<String, u64>>,
    words: Mutex<Vec<String>>,
}

/// One case of a gate: everything in it comes from its seed.
pub struct Case<'a> {
    /// Its number.
    pub index: u64,
    /// Its own seed.
    pub seed: u64,
    pub run: &'a Run,
}

impl Case<'_> {
    /// Random numbers of this case.
    pub fn random(&self) -> Random {
        Random::new(self.seed)
    }
}

impl Run {
    /// Counts what was tried, in the gate's unit.
    pub fn tried(&self, more: u64) {
        self.done.fetch_add(more, Ordering::Relaxed);
    }

    /// Whether only one case of [`Run::cases`] is wanted, and nothing besides.
    pub fn is_of_one_case(&self) -> bool {
        self.only.is_some()
    }

    /// How many were tried so far.
    pub fn done(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }

    /// Adds to a number that is printed at the end: what came about on the way.
    pub fn fact(&self, what: &str, more: u64) {
        *lock(&self.facts).entry(what.to_owned()).or_default() += more;
    }

    /// A fact so far.
    pub fn fact_so_far(&self, what: &str) -> u64 {
        lock(&self.facts).get(what).copied().unwrap_or(0)
    }

    /// Gives the gate up where this machine does not have what it needs, and says so loudly. With `MEMSTATE_FAULTS_ALL` set,
    /// as it is where the machine is known to have everything, that is a failure.
    ///
    /// # Errors
    ///
    /// With `MEMSTATE_FAULTS_ALL`.
    pub fn skip(&self, why: &str) -> Result<(), String> {
        if std::env::var_os("MEMSTATE_FAULTS_ALL").is_some_and(|all| !all.is_empty()) {
            return Err(format!("it cannot be tried on this machine: {why}"));
        }
        self.skipped.store(true, Ordering::Relaxed);
        self.say(format!("SKIPPED, NOTHING WAS TRIED: {why}"));
        Ok(())
    }

    /// Gives a part of the gate up, as [`Run::skip`] does all of it.
    ///
    /// # Errors
    ///
    /// With `MEMSTATE_FAULTS_ALL`.
    pub fn skip_part(&self, part: &str, why: &str) -> Result<(), String> {
        if std::env::var_os("MEMSTATE_FAULTS_ALL").is_some_and(|all| !all.is_empty()) {
            return Err(format!("{part} cannot be tried on this machine: {why}"));
        }
        self.parts_skipped.store(true, Ordering::Relaxed);
        self.say(format!("SKIPPED, NOT TRIED: {part}: {why}"));
        Ok(())
    }

    fn was_skipped(&self) -> bool {
        self.skipped.load(Ordering::Relaxed)
    }

    fn was_partly_skipped(&self) -> bool {
        self.parts_skipped.load(Ordering::Relaxed)
    }

    /// Something to say at the end.
    pub fn say(&self, words: impl Into<String>) {
        lock(&self.words).push(words.into());
    }

    /// Runs cases, on all cores, until `count` were tried; `each` counts with [`Run::tried`], at least one a case. Case `i`
    /// depends on the seed and on `i` alone. The first failure ends it.
    ///
    /// # Errors
    ///
    /// What the failed case with the lowest number said, or how it panicked, and how to run it again.
    pub fn cases(&self, each: impl Fn(&Case<'_>) -> Result<(), String> + Sync) -> Result<(), String> {
        self.cases_until(self.count, each)
    }

    /// Runs cases as [`Run::cases`] does, until this many were tried.
    ///
    /// # Errors
    ///
    /// As [`Run::cases`].
    pub fn cases_until(
        &self,
        count: u64,
        each: impl Fn(&Case<'_>) -> Result<(), String> + Sync,
    ) -> Result<(), String> {
        let failed: Mutex<Option<(u64, String)>> = Mutex::new(None);
        let next = AtomicU64::new(0);
        let stop = AtomicBool::new(false);
        let work = || {
            while !stop.load(Ordering::Relaxed) && self.done() < count {
                let index = self.only.unwrap_or_else(|| next.fetch_add(1, Ordering::Relaxed));
                let case = Case { index, seed: case_seed(self.seed, index), run: self };
                let result = catch_unwind(AssertUnwindSafe(|| each(&case)))
                    .unwrap_or_else(|panic| Err(message(&*panic)));
                if let Err(why) = result {
                    stop.store(true, Ordering::Relaxed);
                    let mut failed = lock(&failed);
                    if failed.as_ref().is_none_or(|(other, _)| index < *other) {
                        *failed = Some((index, why));
                    }
                }
                if self.only.is_some() {
                    break;
                }
            }
        };
        thread::scope(|scope| {
            let cores = if self.only.is_some() { 1 } else { cores() };
            let threads: Vec<_> = (0..cores)
                .map(|_| {
                    // As much as the threads of an engine have: what ran there must run here.
                    thread::Builder::new()
                        .stack_size(16 << 20)
                        .spawn_scoped(scope, work)
                        .expect("there are threads")
                })
                .collect();
            threads.into_iter().for_each(|thread| thread.join().expect("panics are caught"));
        });
        match lock(&failed).take() {
            None => Ok(()),
            Some((index, why)) => {
                let (name, seed) = (self.name, self.seed);
                Err(format!("{why}\n  again: memstate-faults {name} --seed {seed} --case {index}"))
            }
        }
    }
}

/// The number of cores.
pub fn cores() -> usize {
    thread::available_parallelism().map_or(2, usize::from)
}

/// Fails with a text unless something holds.
#[macro_export]
macro_rules! ensure {
    ($holds:expr, $($text:tt)+) => {
        if !$holds {
            return Err(format!($($text)+));
        }
    };
}

fn case_seed(seed: u64, index: u64) -> u64 {
    let mut random = Random::new(seed ^ index.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    random.below(u64::MAX)
}

/// A seed that nobody has had.
pub fn random_seed() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |now| now.as_nanos() as u64 % 1_000_000_000)
}

/// Prints the gates.
pub fn list(gates: &[Gate]) {
    for gate in gates {
        let [quick, ci, long] = gate.counts.map(grouped);
        println!("{:<14} {:<52} {quick} / {ci} / {long} {}", gate.name, gate.promise, gate.unit);
    }
}

/// Runs gates, one after another, and prints what came of them.
pub fn run_all(gates: &[&Gate], settings: &Settings) -> ExitCode {
    let began = Instant::now();
    let mut rows = Vec::new();
    let mut failed = Vec::new();
    let mut skipped = 0;
    for gate in gates {
        let before = Instant::now();
        let (run, result) = run_gate(gate, settings);
        let seconds = before.elapsed().as_secs_f64();
        let verdict = match &result {
            Ok(()) if run.was_skipped() => "SKIPPED",
            Ok(()) if run.was_partly_skipped() => "PARTLY SKIPPED",
            Ok(()) => "0 failed",
            Err(_) => "FAILED",
        };
        skipped += u64::from(verdict.ends_with("SKIPPED"));
        let count = grouped(run.done());
        println!("{}: {count} {}, seed {}, {verdict}, {seconds:.1} s", gate.name, gate.unit, settings.seed);
        for (fact, number) in lock(&run.facts).iter() {
            println!("    {:>12} {fact}", grouped(*number));
        }
        lock(&run.words).iter().for_each(|words| println!("    {words}"));
        if let Err(why) = &result {
            println!("  {why}");
            failed.push(gate.name);
        }
        rows.push((gate.promise, format!("{count} {}", gate.unit), verdict, seconds));
    }
    println!();
    let width = |column: fn(&(&str, String, &str, f64)) -> usize| rows.iter().map(column).max().unwrap_or(0);
    let (promises, counts) = (width(|row| row.0.chars().count()), width(|row| row.1.chars().count()));
    for (promise, count, verdict, seconds) in &rows {
        println!("{promise:<promises$}  {count:>counts$}  {verdict:<14}  {seconds:>6.1} s");
    }
    let seconds = began.elapsed().as_secs();
    match failed.is_empty() {
        true => {
            let skips = match skipped {
                0 => String::new(),
                _ => format!(", {skipped} SKIPPED IN WHOLE OR IN PART, as said above"),
            };
            println!("faults: {} gates, seed {}, 0 failed{skips}, {seconds} s", rows.len(), settings.seed);
            ExitCode::SUCCESS
        }
        false => {
            println!(
                "faults: {} of {} gates FAILED ({}), seed {}",
                failed.len(),
                rows.len(),
                failed.join(", "),
                settings.seed
            );
            ExitCode::FAILURE
        }
    }
}

/// Runs one gate, and watches that it goes on.
fn run_gate(gate: &Gate, settings: &Settings) -> (Arc<Run>, Result<(), String>) {
    let tier = settings.tier;
    let run = Arc::new(Run {
        name: gate.name,
        unit: gate.unit,
        seed: settings.seed,
        count: settings.count.unwrap_or(gate.counts[tier as usize]),
        tier,
        only: settings.case,
        began: Instant::now(),
        skipped: false.into(),
        parts_skipped: false.into(),
        done: 0.into(),
        facts: Mutex::default(),
        words: Mutex::default(),
    });
    let (watched, patience, ended) = (Arc::clone(&run), settings.patience, Arc::new(AtomicBool::new(false)));
    let has_ended = Arc::clone(&ended);
    let watch = thread::spawn(move || watch(&watched, patience, &has_ended));
    let result = catch_unwind(AssertUnwindSafe(|| (gate.run)(&run)));
    let result = result.unwrap_or_else(|panic| Err(message(&*panic)));
    let result =
        result.and_then(|()| match run.done() >= run.count || run.only.is_some() || run.was_skipped() {
            true => Ok(()),
            false => Err(format!("only {} of {} {} were tried", run.done(), run.count, run.unit)),
        });
    ended.store(true, Ordering::Relaxed);
    watch.thread().unpark();
    let _ = watch.join();
    (run, result)
}

/// Says how far a run is, and ends the process when it stands still.
fn watch(run: &Run, patience: Duration, ended: &AtomicBool) {
    let (mut last, mut moved, mut told) = (run.done(), Instant::now(), Instant::now());
    loop {
        thread::park_timeout(Duration::from_millis(500));
        if ended.load(Ordering::Relaxed) {
            return;
        }
        let done = run.done();
        if done != last {
            (last, moved) = (done, Instant::now());
        }
        if told.elapsed() > Duration::from_secs(10) {
            told = Instant::now();
            let mut line =
                format!("  {}: {} of {} {}", run.name, grouped(done), grouped(run.count), run.unit);
            let _ = write!(line, ", {} s", run.began.elapsed().as_secs());
            eprintln!("{line}");
        }
        if moved.elapsed() > patience {
            println!(
                "{}: FAILED: nothing has moved for {} s after {} {}, seed {}: something waits for ever",
                run.name,
                patience.as_secs(),
                grouped(done),
                run.unit,
                run.seed
            );
            std::process::exit(1);
        }
    }
}

/// The words of a panic.
pub fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic without words").to_owned()
}

/// A number with commas.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}
