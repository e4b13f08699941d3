//! Runs the scenarios on two threads, and counts.

use std::{
    env,
    panic::catch_unwind,
    process::ExitCode,
    sync::Mutex,
    thread,
    time::{SystemTime, UNIX_EPOCH},
};

use shuttle::{
    Config, FailurePersistence, Runner,
    scheduler::{
        PctScheduler, RandomScheduler, ReplayScheduler, UncontrolledNondeterminismCheckScheduler as Twice,
    },
};

use crate::scenarios::{ALL, Scenario};

const USAGE: &str =
    "usage: concurrency-shuttle [--schedules N] [--seed N] [--scenario NAME [--schedule WORDS]]";
const JOBS: usize = 2;
/// How many schedules a job runs at most.
const JOB_SCHEDULES_MAX: usize = 2_000;
/// One of so many schedules is run twice.
const ONCE_PER_TWICE: usize = 50;
/// How many places PCT changes priorities at, and one.
const PCT_DEPTH: usize = 4;

/// So many schedules of one scenario.
struct Job {
    scenario: Scenario,
    schedules: usize,
    seed: u64,
    is_pct: bool,
}

pub fn main() -> ExitCode {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_micros() as u64);
    let (mut schedules, mut seed, mut name, mut schedule) = (100_000, now, None, None);
    let mut arguments = env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let value = arguments.next().unwrap_or_default();
        let is_understood = match &*argument {
            "--schedules" => value.parse().map(|number| schedules = number).is_ok(),
            "--seed" => value.parse().map(|number| seed = number).is_ok(),
            "--scenario" => ALL.iter().any(|it| it.name == value) && name.replace(value).is_none(),
            "--schedule" => schedule.replace(value).is_none(),
            _ => false,
        };
        if !is_understood {
            let names: Vec<_> = ALL.iter().map(|it| it.name).collect();
            eprintln!("{USAGE}\nscenarios: {}", names.join(", "));
            return ExitCode::from(2);
        }
    }
    let chosen = ALL.iter().filter(|it| name.as_ref().is_none_or(|name| name == it.name));
    let chosen: Vec<Scenario> = chosen.copied().collect();
    match schedule {
        Some(words) => replay(&chosen[0], &words),
        None => run(&chosen, schedules, seed),
    }
}

fn config() -> Config {
    let mut config = Config::new();
    config.stack_size = 512 << 10;
    config.failure_persistence = FailurePersistence::Print;
    config.silence_warnings = true;
    config
}

fn replay(scenario: &Scenario, words: &str) -> ExitCode {
    Runner::new(ReplayScheduler::new_from_encoded(words.trim()), config()).run(scenario.run);
    println!("shuttle: the schedule of `{}` did not fail", scenario.name);
    ExitCode::SUCCESS
}

fn run(chosen: &[Scenario], schedules: usize, seed: u64) -> ExitCode {
    let mut jobs = jobs(chosen, schedules, seed);
    jobs.reverse();
    let jobs = Mutex::new(jobs);
    let done = Mutex::new((0, Vec::new()));
    thread::scope(|scope| {
        for _ in 0..JOBS {
            scope.spawn(|| {
                while let Some(job) = { jobs.lock().expect("not poisoned").pop() } {
                    let ran = catch_unwind(|| job.run());
                    let mut done = done.lock().expect("not poisoned");
                    match ran {
                        Ok(count) => done.0 += count,
                        Err(_) => done.1.push(job.scenario.name),
                    }
                }
            });
        }
    });
    let (count, failed) = done.into_inner().expect("not poisoned");
    for name in &failed {
        println!(
            "FAILED: {name}; its schedule is above: tests/concurrency/run --shuttle --scenario {name} --schedule '…'"
        );
    }
    println!("shuttle: {} schedules, seed {seed}, {} failed", thousands(count), failed.len());
    if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// So many schedules of all scenarios, by their shares.
fn jobs(chosen: &[Scenario], schedules: usize, seed: u64) -> Vec<Job> {
    let shares: usize = chosen.iter().map(|scenario| scenario.share).sum();
    let mut jobs = Vec::new();
    for (index, scenario) in chosen.iter().enumerate() {
        let before: usize = chosen[..index].iter().map(|scenario| scenario.share).sum();
        // By differences, so that all together are as many as were asked for.
        let mut left = schedules * (before + scenario.share) / shares - schedules * before / shares;
        while left > 0 {
            let count = left.min(JOB_SCHEDULES_MAX.min(schedules.div_ceil(4)));
            left -= count;
            // The constant is splitmix64's: seeds of neighbours are far from each other.
            let seed = seed.wrapping_add((jobs.len() as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
            jobs.push(Job { scenario: *scenario, schedules: count, seed, is_pct: jobs.len() % 2 == 1 });
        }
    }
    jobs
}

impl Job {
    /// Runs it; gives how many schedules there were.
    fn run(&self) -> usize {
        let Job { scenario, schedules, seed, is_pct } = *self;
        let twice = schedules / ONCE_PER_TWICE;
        let once = schedules - twice;
        if is_pct {
            Runner::new(PctScheduler::new_from_seed(seed, PCT_DEPTH, once), config()).run(scenario.run);
        } else {
            Runner::new(RandomScheduler::new_from_seed(seed, once), config()).run(scenario.run);
        }
        let scheduler = RandomScheduler::new_from_seed(!seed, twice);
        Runner::new(Twice::new(scheduler), config()).run(scenario.run);
        once + twice
    }
}

fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let groups: Vec<_> = digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy).collect();
    groups.join(",")
}
