//! Runs the models of the hand-off between callers, queue, journal and kernel in all interleavings.
//!
//! Each model runs in a process of its own, two at a time: a model that fails may take its process with it, and says by
//! name how to run it alone.

#[cfg(memstate_loom)]
fn main() -> std::process::ExitCode {
    models::main()
}

#[cfg(not(memstate_loom))]
fn main() {
    eprintln!("build with --cfg memstate_loom: tests/concurrency/run does");
    std::process::exit(2);
}

#[cfg(memstate_loom)]
mod models {
    use std::{
        env,
        process::{Command, ExitCode, Stdio},
        sync::Mutex,
        thread,
        time::Instant,
    };

    use memstate::models::{Trial, all};

    const USAGE: &str = "usage: concurrency-loom [--preemptions N] [--model WORDS]";
    const JOBS: usize = 2;

    pub fn main() -> ExitCode {
        let (mut preemptions, mut words, mut alone) = (3, String::new(), None);
        let mut arguments = env::args().skip(1);
        while let Some(argument) = arguments.next() {
            let value = arguments.next();
            match (&*argument, value) {
                ("--preemptions", Some(value)) => match value.parse() {
                    Ok(number) => preemptions = number,
                    Err(_) => return usage(),
                },
                ("--model", Some(value)) => words = value,
                ("--alone", Some(value)) => alone = Some(value),
                _ => return usage(),
            }
        }
        if let Some(name) = alone {
            return run_alone(&name, preemptions);
        }
        let trials: Vec<_> = all().into_iter().filter(|trial| trial.name.contains(&words)).collect();
        if trials.is_empty() {
            eprintln!("no model has `{words}` in its name");
            return ExitCode::from(2);
        }
        run_all(&trials, preemptions)
    }

    fn usage() -> ExitCode {
        eprintln!("{USAGE}");
        ExitCode::from(2)
    }

    /// Runs one model here, and prints how many executions it had.
    fn run_alone(name: &str, preemptions: usize) -> ExitCode {
        let Some(trial) = all().into_iter().find(|trial| trial.name == name) else { return usage() };
        let said = std::panic::take_hook();
        // The engine catches panics, and one in a destructor ends the process without a word: whatever panics has failed.
        std::panic::set_hook(Box::new(move |panic| {
            said(panic);
            std::process::exit(1);
        }));
        let ran = trial.run(preemptions);
        println!("{} {}", ran.executions, ran.courses);
        ExitCode::SUCCESS
    }

    fn run_all(trials: &[Trial], preemptions: usize) -> ExitCode {
        let next = Mutex::new(trials.iter());
        let done = Mutex::new((0, 0));
        thread::scope(|scope| {
            for _ in 0..JOBS {
                scope.spawn(|| {
                    loop {
                        let Some(trial) = next.lock().expect("not poisoned").next() else { return };
                        let executions = run_in_process(trial, preemptions);
                        let mut done = done.lock().expect("not poisoned");
                        match executions {
                            Some(executions) => done.0 += executions,
                            None => done.1 += 1,
                        }
                    }
                });
            }
        });
        let (executions, failed) = done.into_inner().expect("not poisoned");
        if failed > 0 {
            println!("loom: {failed} of {} models failed at {preemptions} preemptions", trials.len());
            return ExitCode::FAILURE;
        }
        println!(
            "loom: {} models, {} executions, exhaustive at {preemptions} preemptions",
            trials.len(),
            thousands(executions)
        );
        ExitCode::SUCCESS
    }

    /// Runs a model in a process of its own; gives its executions if it held.
    fn run_in_process(trial: &Trial, preemptions: usize) -> Option<u64> {
        let began = Instant::now();
        let output = Command::new(env::current_exe().expect("it is known"))
            .args(["--preemptions", &preemptions.to_string(), "--alone", trial.name])
            .stdin(Stdio::null())
            .output()
            .expect("this program can be started");
        let said = String::from_utf8_lossy(&output.stdout);
        let mut numbers = said.split_whitespace().map(str::parse::<u64>);
        let (Some(Ok(executions)), Some(Ok(courses)), true) =
            (numbers.next(), numbers.next(), output.status.success())
        else {
            let complaint = String::from_utf8_lossy(&output.stderr);
            println!(
                "FAILED ({}): {}\n{complaint}to run it alone: tests/concurrency/run --loom --model '{}'",
                output.status, trial.name, trial.name
            );
            return None;
        };
        let seconds = began.elapsed().as_secs_f64();
        let executions_read = thousands(executions);
        println!(
            "{executions_read:>9} executions, {courses:>2} courses of time, {seconds:>5.1} s: {}",
            trial.name
        );
        Some(executions)
    }

    fn thousands(number: u64) -> String {
        let digits = number.to_string();
        let groups: Vec<_> = digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy).collect();
        groups.join(",")
    }
}
