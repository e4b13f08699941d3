//! Starts the service in a process of its own, and sees how that ends.

use std::{
    env,
    io::{BufRead, BufReader, Read},
    os::unix::process::ExitStatusExt,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use super::{child::Task, model::MARKER};

/// How long a process may take before the gate gives it up.
const PATIENCE: Duration = Duration::from_secs(12);

pub struct Supervisor {
    dir: tempfile::TempDir,
    limit: Duration,
    memory: Option<u64>,
}

/// The life of a process.
pub struct Lived {
    pub status: ExitStatus,
    /// It ended well, and not by a command.
    pub success: bool,
    /// It was killed from outside.
    pub was_killed: bool,
    pub lines: Vec<String>,
    pub stderr: String,
    /// When it first acknowledged a command.
    pub acknowledged: Option<Instant>,
}

impl Supervisor {
    pub fn new(limit: Duration, memory: Option<u64>) -> Result<Self, String> {
        let dir = tempfile::tempdir().map_err(|error| format!("no directory: {error}"))?;
        Ok(Supervisor { dir, limit, memory })
    }

    /// Where the journal is.
    pub fn journal(&self) -> PathBuf {
        self.dir.path().join("journal")
    }

    fn marker(&self) -> PathBuf {
        self.dir.path().join("has run")
    }

    /// From now on the program is one that does no harm.
    pub fn forget_that_it_has_run(&self) -> Result<(), String> {
        std::fs::remove_file(self.marker()).map_err(|error| format!("no marker: {error}"))
    }

    /// Runs a process to its end, or until it is killed.
    pub fn run(&self, task: &Task, kill_after: Option<Duration>) -> Result<Lived, String> {
        let error = |error: std::io::Error| format!("the service cannot be started: {error}");
        let mut child = self.command(task)?.spawn().map_err(error)?;
        let (stdout, stderr) = (child.stdout.take().expect("piped"), child.stderr.take().expect("piped"));
        let lines = thread::spawn(move || {
            BufReader::new(stdout)
                .lines()
                .map_while(Result::ok)
                .map(|line| (Instant::now(), line))
                .collect::<Vec<_>>()
        });
        let words = thread::spawn(move || {
            let mut bytes = Vec::new();
            let _ = BufReader::new(stderr).read_to_end(&mut bytes);
            String::from_utf8_lossy(&bytes).into_owned()
        });
        let status = wait(&mut child, kill_after);
        let (lines, stderr) = (lines.join().expect("it reads"), words.join().expect("it reads"));
        let status = status.map_err(|why| format!("{why}:\n{stderr}"))?;
        let acknowledged = lines.iter().find(|(_, line)| line.starts_with("ack ")).map(|(at, _)| *at);
        let lines: Vec<_> = lines.into_iter().map(|(_, line)| line).collect();
        // A command that calls `exit(0)` looks like success.
        let success = status.success() && lines.last().is_some_and(|line| line == "closed");
        let was_killed = status.signal() == Some(9);
        Ok(Lived { status, success, was_killed, lines, stderr, acknowledged })
    }

    /// Without a core dump, and with as much memory as it may have.
    fn command(&self, task: &Task) -> Result<Command, String> {
        let program = env::current_exe().map_err(|error| format!("this program has no path: {error}"))?;
        let memory = self.memory.map(|kib| format!("ulimit -v {kib};")).unwrap_or_default();
        let task = serde_json::to_string(task).map_err(|error| error.to_string())?;
        let mut command = Command::new("sh");
        command
            .args(["-c", &format!("ulimit -c 0; {memory} exec \"$@\""), "sh"])
            .arg(program)
            .args(["--child", "poison"])
            .arg(self.journal())
            .args([&self.limit.as_millis().to_string(), &task])
            .env(MARKER, self.marker())
            .env("RUST_BACKTRACE", "0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        Ok(command)
    }
}

fn wait(child: &mut Child, kill_after: Option<Duration>) -> Result<ExitStatus, String> {
    let (began, mut killed) = (Instant::now(), false);
    loop {
        if let Some(status) = child.try_wait().map_err(|error| error.to_string())? {
            return Ok(status);
        }
        let ran = began.elapsed();
        if !killed && kill_after.is_some_and(|after| ran >= after) {
            killed = true;
            child.kill().map_err(|error| error.to_string())?;
        }
        if ran > PATIENCE {
            let _ = child.kill();
            let _ = child.wait();
            return Err(format!("the service has neither answered nor ended for {} s", PATIENCE.as_secs()));
        }
        thread::sleep(Duration::from_millis(1));
    }
}

/// Whether a directory holds what a process leaves that suspects a command.
pub fn has_suspicion(journal: &Path) -> bool {
    journal.join("attempt").exists()
}
