//! What runs gates: progress, hangs, and the table at the end.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    process::ExitCode,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::Poll,
    thread,
    time::{Duration, Instant},
};

use clap::ValueEnum;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// How long a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Tier {
    /// While one works.
    Quick,
    /// For every change.
    Ci,
    /// For a release.
    Long,
}

/// Something that a server withstands, and what tries it.
pub struct Gate {
    pub name: &'static str,
    /// What is promised, in a few words.
    pub promise: &'static str,
    /// Tries it: an error or a panic is a promise that was broken.
    pub run: fn(&Run) -> Result<(), String>,
}

/// One run of a gate.
pub struct Run {
    pub tier: Tier,
    pub seed: u64,
    name: &'static str,
    done: AtomicU64,
    words: Mutex<Vec<String>>,
    is_over: AtomicBool,
}

/// For how long a gate may stand still.
const PATIENCE: Duration = Duration::from_secs(90);

impl Run {
    /// The number for this tier.
    pub fn of<T: Copy>(&self, quick: T, ci: T, long: T) -> T {
        match self.tier {
            Tier::Quick => quick,
            Tier::Ci => ci,
            Tier::Long => long,
        }
    }

    /// So much more was done.
    pub fn did(&self, more: u64) {
        self.done.fetch_add(more, Ordering::Relaxed);
    }

    /// Something to be read at the end.
    pub fn says(&self, words: impl Into<String>) {
        let words = words.into();
        eprintln!("  {}: {words}", self.name);
        self.words.lock().unwrap_or_else(PoisonError::into_inner).push(words);
    }

    /// Runs a future on threads of its own.
    pub fn block_on<T>(&self, work: impl Future<Output = T>) -> T {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let runtime = runtime.expect("threads can be started");
        let done = runtime.block_on(work);
        runtime.shutdown_timeout(Duration::from_secs(2));
        done
    }
}

/// A promise that was broken, unless the condition holds.
#[macro_export]
macro_rules! ensure {
    ($condition:expr, $($words:tt)+) => {
        let holds: bool = $condition;
        if !holds {
            return Err(format!($($words)+));
        }
    };
}

/// Waits for all of them at once, or for the first that fails.
pub async fn all<T>(
    work: impl Iterator<Item = impl Future<Output = Result<T, String>>>,
) -> Result<Vec<T>, String> {
    let mut work: Vec<_> = work.map(|one| (Box::pin(one), None)).collect();
    std::future::poll_fn(|task| {
        let mut is_done = true;
        for (one, result) in &mut work {
            if result.is_none() {
                match one.as_mut().poll(task) {
                    Poll::Ready(Ok(done)) => *result = Some(done),
                    Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                    Poll::Pending => is_done = false,
                }
            }
        }
        match is_done {
            true => Poll::Ready(Ok(())),
            false => Poll::Pending,
        }
    })
    .await?;
    Ok(work.into_iter().filter_map(|(_, result)| result).collect())
}

/// Lets this process, and those that it starts, open as many files as it may. Without it a crowd is smaller.
pub fn raise_open_files() {
    let limit = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
}

/// How many files this process may have open.
pub fn open_files_max() -> u64 {
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

/// Runs gates, one after another, and prints what came of them.
pub fn run_all(gates: &[&Gate], tier: Tier, seed: u64) -> ExitCode {
    let began = Instant::now();
    let mut failed = Vec::new();
    for gate in gates {
        println!("{}: {} (seed {seed})", gate.name, gate.promise);
        let before = Instant::now();
        let run = Arc::new(Run {
            tier,
            seed,
            name: gate.name,
            done: 0.into(),
            words: Mutex::default(),
            is_over: false.into(),
        });
        let watched = Arc::clone(&run);
        let watch = thread::spawn(move || watch(&watched));
        let result = catch_unwind(AssertUnwindSafe(|| (gate.run)(&run)));
        let result = result.unwrap_or_else(|panic| {
            let words = panic.downcast_ref::<String>().map(String::as_str);
            let words = words.or_else(|| panic.downcast_ref::<&str>().copied());
            Err(words.unwrap_or("a panic without words").to_owned())
        });
        run.is_over.store(true, Ordering::Relaxed);
        watch.thread().unpark();
        let _ = watch.join();
        for words in &*run.words.lock().unwrap_or_else(PoisonError::into_inner) {
            println!("    {words}");
        }
        let seconds = before.elapsed().as_secs_f64();
        match result {
            Ok(()) => println!("{}: passed, {seconds:.1} s", gate.name),
            Err(why) => {
                println!("{}: FAILED after {seconds:.1} s: {why}", gate.name);
                failed.push(gate.name);
            }
        }
    }
    let seconds = began.elapsed().as_secs();
    match failed.as_slice() {
        [] => {
            println!("load: {} gates, 0 failed, {seconds} s", gates.len());
            ExitCode::SUCCESS
        }
        failed => {
            println!(
                "load: {} of {} gates FAILED ({}), {seconds} s",
                failed.len(),
                gates.len(),
                failed.join(", ")
            );
            ExitCode::FAILURE
        }
    }
}

/// Says how far a run is, and ends the process when it stands still.
fn watch(run: &Run) {
    let began = Instant::now();
    let (mut last, mut moved, mut told) = (0, began, began);
    while !run.is_over.load(Ordering::Relaxed) {
        thread::park_timeout(Duration::from_millis(250));
        let done = run.done.load(Ordering::Relaxed);
        if done != last {
            (last, moved) = (done, Instant::now());
        }
        if told.elapsed() > Duration::from_secs(5) {
            told = Instant::now();
            eprintln!("  {}: {done} done, {} s", run.name, began.elapsed().as_secs());
        }
        if moved.elapsed() > PATIENCE {
            println!(
                "{}: FAILED: nothing has moved for {PATIENCE:?} after {done}: something waits for ever",
                run.name
            );
            // Servers end with their standard input.
            std::process::exit(1);
        }
    }
}
