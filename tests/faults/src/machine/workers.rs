//! Starts workers, hears them and ends them.

use std::{
    io::{self, Read, Write},
    os::unix::process::ExitStatusExt,
    process::{Child, ChildStdin, Command, ExitStatus, Stdio},
    sync::{Arc, Condvar, Mutex},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use super::told::{self, Plan, Told};

/// A process that works on a plan.
pub struct Worker {
    child: Child,
    input: Option<ChildStdin>,
    heard: Arc<Heard>,
    listening: JoinHandle<()>,
    errors: JoinHandle<String>,
}

/// What came of it.
pub struct Ended {
    pub status: ExitStatus,
    pub told: Vec<Told>,
    /// What it said on its standard error.
    pub errors: String,
}

#[derive(Default)]
struct Heard {
    told: Mutex<(Vec<Told>, bool)>,
    more: Condvar,
}

/// The command that runs a worker.
pub fn command() -> Command {
    let mut command = Command::new(std::env::current_exe().expect("this program has a path"));
    command.args(["--child", "worker"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

impl Worker {
    /// Starts one.
    pub fn start(plan: &Plan) -> io::Result<Worker> {
        Worker::of(command().spawn()?, plan)
    }

    /// Takes one that was started.
    pub fn of(mut child: Child, plan: &Plan) -> io::Result<Worker> {
        let mut input = child.stdin.take().expect("it is a pipe");
        let mut output = child.stdout.take().expect("it is a pipe");
        let mut errors = child.stderr.take().expect("it is a pipe");
        let heard = Arc::new(Heard::default());
        let listens = Arc::clone(&heard);
        let listening = thread::spawn(move || {
            while let Some(told) = told::next(&mut output) {
                lock(&listens).0.push(told);
                listens.more.notify_all();
            }
            lock(&listens).1 = true;
            listens.more.notify_all();
        });
        let errors = thread::spawn(move || {
            let mut text = String::new();
            let _ = errors.read_to_string(&mut text);
            text
        });
        // It may be killed before it has read it.
        let _ = input.write_all(&told::framed(plan));
        Ok(Worker { child, input: Some(input), heard, listening, errors })
    }

    /// Waits until it has told something of this kind, or has ended, or the time is over; whether it has told it.
    pub fn wait_for(&self, patience: Duration, wanted: impl Fn(&Told) -> bool) -> bool {
        let until = Instant::now() + patience;
        let mut told = lock(&self.heard);
        let mut looked = 0;
        loop {
            if told.0[looked..].iter().any(&wanted) {
                return true;
            }
            looked = told.0.len();
            let left = until.saturating_duration_since(Instant::now());
            if told.1 || left.is_zero() {
                return false;
            }
            told =
                self.heard.more.wait_timeout(told, left).unwrap_or_else(|poisoned| poisoned.into_inner()).0;
        }
    }

    /// Lets it go on after a pause.
    pub fn go_on(&mut self) {
        drop(self.input.take().map(|mut input| input.write_all(b"!")));
    }

    /// Ends it with SIGKILL, if it has not ended, and gives back what it told.
    pub fn kill(mut self) -> io::Result<Ended> {
        self.child.kill()?;
        self.end()
    }

    /// Waits until it has ended.
    pub fn end(mut self) -> io::Result<Ended> {
        drop(self.input.take());
        let status = self.child.wait()?;
        Ok(self.heard_out(status))
    }

    /// Takes what it told, after somebody else has waited for it.
    pub fn reaped(self, status: i32) -> Ended {
        self.heard_out(ExitStatus::from_raw(status))
    }

    fn heard_out(self, status: ExitStatus) -> Ended {
        self.listening.join().expect("listening does not panic");
        let told = std::mem::take(&mut lock(&self.heard).0);
        let errors = self.errors.join().expect("reading does not panic");
        Ended { status, told, errors }
    }
}

/// Runs a plan to its end.
///
/// # Errors
///
/// If it does not come to it, or cannot open.
pub fn run(plan: &Plan) -> Result<Ended, String> {
    let worker = Worker::start(plan).map_err(|error| format!("no process can be started: {error}"))?;
    let ended = worker.end().map_err(|error| error.to_string())?;
    ended.sound()?;
    Ok(ended)
}

impl Ended {
    /// That it has not panicked.
    ///
    /// # Errors
    ///
    /// With what it said.
    pub fn sound(&self) -> Result<(), String> {
        match self.errors.trim() {
            "" => Ok(()),
            errors => Err(format!("a process ended with {}: {errors}", self.status)),
        }
    }
}

fn lock(heard: &Heard) -> std::sync::MutexGuard<'_, (Vec<Told>, bool)> {
    heard.told.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}
