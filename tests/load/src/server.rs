//! [`Server`]: a process that serves a bank, and what can be seen of it from outside.

use std::{
    fs,
    io::{BufRead, BufReader, Read},
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, ExitCode, Stdio},
    time::{Duration, Instant},
};

use memstate::server::Settings;
use memstate_server_tests::{Bank, BankClient};

/// Says to a server after how many seconds a connection is idle.
const IDLE: &str = "MEMSTATE_LOAD_IDLE";

/// A bank in another process.
pub struct Server {
    child: Child,
    pub address: SocketAddr,
    journal: PathBuf,
    tls: Option<Tls>,
}

/// The files of a certificate and its key.
#[derive(Debug, Clone)]
pub struct Tls {
    pub certificate: PathBuf,
    pub key: PathBuf,
}

impl Server {
    /// Starts one on this journal, and waits until it answers.
    pub fn start(journal: &Path, tls: Option<Tls>) -> Result<Self, String> {
        // So that it is the same after a restart.
        let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
        let address = free.map_err(|error| error.to_string())?;
        let child = run(address, journal, tls.as_ref(), None)?;
        Ok(Server { child, address, journal: journal.to_owned(), tls })
    }

    /// The same, with connections that are idle after so many seconds.
    pub fn start_impatient(journal: &Path, seconds: u64) -> Result<Self, String> {
        let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
        let address = free.map_err(|error| error.to_string())?;
        let child = run(address, journal, None, Some(seconds))?;
        Ok(Server { child, address, journal: journal.to_owned(), tls: None })
    }

    /// Kills it, as a failing machine does.
    pub fn kill(&mut self) -> Result<(), String> {
        self.child.kill().and_then(|()| self.child.wait()).map(drop).map_err(|error| error.to_string())
    }

    /// Starts it again where it was.
    pub fn restart(&mut self) -> Result<(), String> {
        self.child = run(self.address, &self.journal, self.tls.as_ref(), None)?;
        Ok(())
    }

    /// Whether it has not ended.
    pub fn is_alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// A client of it. What is on its way there may cut the connection, so it is tried for some time.
    pub async fn client_by(&self, address: SocketAddr) -> Result<BankClient, String> {
        let begun = Instant::now();
        loop {
            let mut connect = match self.tls {
                None => memstate::connect::<Bank>(format!("memstate://{address}")),
                Some(_) => memstate::connect::<Bank>(format!("memstate+tls://{address}")),
            };
            if let Some(tls) = &self.tls {
                connect = connect.certificate_authorities(&tls.certificate).server_name("localhost");
            }
            match connect.await {
                Ok(client) => return Ok(client),
                Err(error) if begun.elapsed() > Duration::from_secs(30) => return Err(error.to_string()),
                Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
            }
        }
    }

    /// A client of it, without anything between.
    pub async fn client(&self) -> Result<BankClient, String> {
        self.client_by(self.address).await
    }

    /// The bytes of memory that it has: now, and at most since the last [`forget_peak`](Self::forget_peak).
    pub fn memory(&self) -> Result<(u64, u64), String> {
        let status = fs::read_to_string(self.proc("status")).map_err(|error| error.to_string())?;
        let bytes = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let number = line.and_then(|line| line.trim_end_matches("kB").trim().parse::<u64>().ok());
            number.map(|kib| kib << 10).ok_or_else(|| format!("the system does not say {name}"))
        };
        Ok((bytes("VmRSS:")?, bytes("VmHWM:")?))
    }

    /// Forgets how much memory it had.
    pub fn forget_peak(&self) -> Result<(), String> {
        fs::write(self.proc("clear_refs"), "5").map_err(|error| error.to_string())
    }

    /// How many sockets it has open.
    pub fn sockets(&self) -> Result<usize, String> {
        let entries = fs::read_dir(self.proc("fd")).map_err(|error| error.to_string())?;
        let is_socket = |entry: &fs::DirEntry| {
            fs::read_link(entry.path()).is_ok_and(|link| link.to_string_lossy().starts_with("socket:"))
        };
        Ok(entries.flatten().filter(is_socket).count())
    }

    fn proc(&self, what: &str) -> PathBuf {
        format!("/proc/{}/{what}", self.child.id()).into()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.kill();
    }
}

fn run(address: SocketAddr, journal: &Path, tls: Option<&Tls>, idle: Option<u64>) -> Result<Child, String> {
    let this = std::env::current_exe().map_err(|error| error.to_string())?;
    let mut command = Command::new(this);
    command.arg("--child").arg(address.to_string()).arg(journal);
    if let Some(tls) = tls {
        command.arg(&tls.certificate).arg(&tls.key);
    }
    if let Some(seconds) = idle {
        command.env(IDLE, seconds.to_string());
    }
    let mut child = command
        // Backtraces of panics on purpose would be most of its memory.
        .env("RUST_BACKTRACE", "0")
        // What is freed is given back, or the allocator's habits would be measured.
        .env("GLIBC_TUNABLES", "glibc.malloc.mmap_threshold=1048576:glibc.malloc.trim_threshold=1048576")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("the server cannot be started: {error}"))?;
    let mut line = String::new();
    let told = child.stdout.take().map(|out| BufReader::new(out).read_line(&mut line));
    match told {
        Some(Ok(1..)) if line == "ready\n" => Ok(child),
        _ => {
            let _ = child.kill();
            Err(format!("the server did not start: {:?}, it said {line:?}", child.wait()))
        }
    }
}

/// Is the server: address, journal, and the files of TLS if it is to be.
pub fn child(args: &[String]) -> ExitCode {
    let runtime = tokio::runtime::Runtime::new().expect("threads can be started");
    let served: Result<(), String> = runtime.block_on(async {
        let mut settings = Settings::default();
        settings.http = None;
        if let Some(seconds) = std::env::var(IDLE).ok().and_then(|seconds| seconds.parse().ok()) {
            settings.limits.idle = Duration::from_secs(seconds);
        }
        settings.listen = Some(args[0].parse().map_err(|error| format!("{error}"))?);
        if let [_, _, certificate, key] = args {
            settings.tls.certificate = Some(certificate.into());
            settings.tls.key = Some(key.into());
        }
        let bank = memstate::open::<Bank>(args[1].as_str()).await.map_err(|error| error.to_string())?;
        let serving = memstate::serve::<Bank>(&bank, settings).await.map_err(|error| error.to_string())?;
        println!("ready");
        // It ends with who has started it.
        let ended = tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new()));
        let _ = ended.await;
        serving.stop().await;
        bank.close().await.map_err(|error| error.to_string())
    });
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("server: {why}");
            ExitCode::FAILURE
        }
    }
}
