//! A server of our own, which nobody else uses and which is gone when it is dropped.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use super::Failure;

/// How long a server may take to answer, and to stop.
const PATIENCE: Duration = Duration::from_secs(30);

/// A process that was started here.
pub struct Server {
    child: Child,
    /// What it says.
    log: PathBuf,
    stops_at: &'static str,
}

impl Server {
    /// Starts a server. It is stopped by this signal when it is dropped, and by SIGTERM when this process is gone.
    pub fn start(mut command: Command, log: &Path, stops_at: &'static str) -> Result<Self, Failure> {
        let out = File::create(log)?;
        command.stdin(Stdio::null()).stdout(out.try_clone()?).stderr(out);
        let child = command.spawn().map_err(|error| format!("{:?}: {error}", command.get_program()))?;
        Ok(Server { child, log: log.to_owned(), stops_at })
    }

    /// Asks until it answers.
    pub async fn answer<T, E: std::fmt::Display>(
        &mut self,
        mut ask: impl AsyncFnMut() -> Result<T, E>,
    ) -> Result<T, Failure> {
        let began = Instant::now();
        loop {
            let error = match ask().await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            if self.child.try_wait()?.is_some() || began.elapsed() > PATIENCE {
                let said = fs::read_to_string(&self.log).unwrap_or_default();
                return Err(format!("the server does not answer: {error}\n{said}").into());
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let pid = self.child.id().to_string();
        let _ = Command::new("kill").args(["-s", self.stops_at, &pid]).stderr(Stdio::null()).status();
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            match self.child.try_wait() {
                Ok(None) => thread::sleep(Duration::from_millis(5)),
                _ => return,
            }
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A program, where it is installed.
pub fn found(name: &str, also_in: &[PathBuf]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let in_path = std::env::split_paths(&path).map(|dir| dir.join(name));
    also_in.iter().map(|dir| dir.join(name)).chain(in_path).find(|path| path.is_file())
}

/// A command that ends with this process, under another user if one is named.
pub fn command(program: &Path, user: Option<&str>) -> Command {
    let mut command = match (found("setpriv", &[]), user) {
        (Some(setpriv), user) => {
            let mut command = Command::new(setpriv);
            if let Some(user) = user {
                command.args(["--reuid", user, "--regid", user, "--init-groups"]);
            }
            command.args(["--pdeathsig", "TERM", "--"]);
            command
        }
        (None, Some(user)) => {
            let mut command = Command::new("runuser");
            command.args(["-u", user, "--"]);
            command
        }
        (None, None) => return Command::new(program),
    };
    command.arg(program);
    command
}

/// The first line of what a program says to `--version`.
pub fn version(program: &Path) -> String {
    let said =
        Command::new(program).arg("--version").output().map(|output| output.stdout).unwrap_or_default();
    String::from_utf8_lossy(&said).lines().next().unwrap_or("of an unknown version").to_owned()
}
