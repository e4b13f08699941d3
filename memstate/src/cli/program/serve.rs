//! `serve`: opens the journal and answers others, until it is told to stop.

use std::{
    fs,
    io::Write,
    net::SocketAddr,
    path::{Path, PathBuf},
    process,
    sync::Arc,
};

use serde::Serialize;
use tokio::runtime::{Builder, Runtime};

use self::signals::{Heard, Signals};
use super::session;
use crate::{
    Client, Model,
    cli::{
        failure::{Code, Failure, io_failure},
        output::grouped,
        terminal::Terminal,
    },
    engine::Engine,
    open_with,
    server::{
        self, ServeError, Serving,
        settings::{Loaded, LogFormat, Settings, Sources},
        telemetry::logs::{self, Logs, Telling},
    },
};

mod signals;
mod supervisor;

/// Answer typed clients and HTTP, until SIGTERM or SIGINT
///
/// The journal is opened for itself, so no other process may have it open; one that is not there is begun. Where it listens is
/// printed when it answers. SIGTERM or SIGINT stops it: nothing new is taken, what is in flight is finished, a
/// snapshot is written. A second one ends it at once. SIGHUP reads certificates, tokens, keys of JWTs and roles again.
///
/// Settings come from the defaults, a file, the environment (MEMSTATE_LIMITS__CONNECTIONS=100) and the command line, the later
/// of which wins; --print-config shows all of them.
#[derive(Debug, clap::Args)]
pub(super) struct Serve {
    /// The file of the settings, in TOML or JSON [default: MEMSTATE_CONFIG, or memstate.toml if it is here]
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    config: Option<PathBuf>,
    /// Where typed clients are answered, or `off`
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    /// Where HTTP is answered, or `off`
    #[arg(long, value_name = "ADDRESS")]
    http: Option<String>,
    /// Set anything else, such as limits.connections=100
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Let other machines reach it without TLS or authentication: whoever reaches the port may do everything, or listen in
    #[arg(long)]
    insecure_listen_beyond_loopback: bool,
    /// Show every setting and where it came from, and do nothing
    #[arg(long)]
    print_config: bool,
    /// Write where it listens to a file, as JSON, when it answers; the file is gone when it has stopped
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    address_file: Option<PathBuf>,
}

impl From<ServeError> for Failure {
    fn from(error: ServeError) -> Self {
        let code = match error {
            ServeError::Listen { .. } => Code::Unreadable,
            ServeError::Settings(_) => Code::Usage,
        };
        Failure::new(code, error.to_string())
    }
}

impl Serve {
    fn sources(&self) -> Result<Sources, Failure> {
        let mut options = Vec::new();
        for typed in &self.set {
            let Some((key, value)) = typed.split_once('=') else {
                return Err(Failure::new(Code::Usage, format!("`--set {typed}` has no value"))
                    .help("give the key and the value, such as `--set limits.connections=100`"));
            };
            options.push((format!("--set {typed}"), key.trim().to_owned(), value.to_owned()));
        }
        for (key, value) in [("listen", &self.listen), ("http", &self.http)] {
            if let Some(value) = value {
                options.push((format!("--{key} {value}"), key.to_owned(), value.clone()));
            }
        }
        if self.insecure_listen_beyond_loopback {
            let key = "insecure_listen_beyond_loopback".to_owned();
            options.push((format!("--{}", key.replace('_', "-")), key, "true".to_owned()));
        }
        Ok(Sources { file: self.config.clone(), options, ..Sources::of_this_process() })
    }
}

pub(super) fn run<M: Model>(
    given: &Serve,
    dir: &Path,
    initial: impl FnOnce() -> M + Send + 'static,
    terminal: &mut Terminal<'_>,
) -> Result<Code, Failure> {
    let sources = given.sources()?;
    let loaded = sources.load()?;
    if given.print_config {
        write!(terminal.out, "{}", loaded.shown())?;
        terminal.out.flush()?;
    }
    loaded.settings.check()?;
    if given.print_config {
        return Ok(Code::Fine);
    }
    let Loaded { settings, .. } = loaded;
    let telling = tell_as(&settings, M::NAME)?;
    let runtime = Builder::new_multi_thread().enable_all().thread_name("memstate-serve").build()?;
    let signals = Signals::new(&runtime)?;
    let mut open = open_with(dir, initial);
    if !settings.stop.snapshot {
        open = open.no_snapshot_on_close();
    }
    let engine = session::begin(open, terminal)?;
    let served = serve(&engine, given, &sources, settings, &runtime, signals, terminal);
    if served.is_ok() {
        terminal.note("it stops")?;
    }
    let closed = session::end(&engine);
    telling.finish();
    served.and(closed)?;
    terminal.note(format!("stopped at position {}", grouped(engine.position().get())))?;
    Ok(Code::Fine)
}

/// Serves until it is told to stop, or the engine has ended.
fn serve<M: Model>(
    engine: &Arc<Engine<M>>,
    given: &Serve,
    sources: &Sources,
    settings: Settings,
    runtime: &Runtime,
    mut signals: Signals,
    terminal: &mut Terminal<'_>,
) -> Result<(), Failure> {
    runtime.block_on(async {
        signals.catch_stops()?;
        let client = Client::<M>::new(Arc::clone(engine));
        let is_secured = settings.tls.certificate.is_some();
        let serving = server::serve(&client, settings.clone()).await?;
        let told = Told::new(&serving, given.address_file.as_deref())?;
        announce(&serving, is_secured, terminal)?;
        supervisor::tell("READY=1");
        loop {
            tokio::select! {
                heard = signals.next() => match heard {
                    Heard::Reload => reload(&serving, sources, &settings),
                    Heard::Stop => break,
                },
                () = engine.has_ended() => break,
            }
        }
        supervisor::tell("STOPPING=1");
        tokio::spawn(async move {
            loop {
                if let Heard::Stop = signals.next().await {
                    tracing::warn!("told to stop again: it ends at once");
                    process::exit(ENDED_AT_ONCE);
                }
            }
        });
        serving.stop().await;
        drop(told);
        Ok(())
    })
}

/// The exit code after a second signal.
const ENDED_AT_ONCE: i32 = 130;

fn announce(serving: &Serving, is_secured: bool, terminal: &mut Terminal<'_>) -> Result<(), Failure> {
    if let Some(address) = serving.address() {
        let scheme = if is_secured { "memstate+tls" } else { "memstate" };
        writeln!(terminal.out, "typed clients: {scheme}://{address}")?;
    }
    if let Some(address) = serving.http_address() {
        writeln!(terminal.out, "HTTP: {}://{address}", if is_secured { "https" } else { "http" })?;
    }
    Ok(terminal.out.flush()?)
}

/// Takes what can be taken while the server runs.
fn reload(serving: &Serving, sources: &Sources, before: &Settings) {
    let loaded = sources.load().and_then(|loaded| {
        serving.reload(&loaded.settings)?;
        Ok(loaded.settings)
    });
    match loaded {
        Ok(settings) => {
            tracing::info!("certificates, tokens, keys of JWTs and roles were loaded anew");
            let Settings { tls, auth, roles, .. } = &settings;
            let as_before =
                Settings { tls: tls.clone(), auth: auth.clone(), roles: roles.clone(), ..before.clone() };
            if as_before != settings {
                tracing::warn!("other settings have changed too; they hold from the next start on");
            }
        }
        Err(error) => tracing::error!("nothing was loaded anew, all is as before: {error}"),
    }
}

/// Logs to stderr, and exports traces, as the settings say.
fn tell_as(settings: &Settings, model: &str) -> Result<Telling, Failure> {
    let logs = Logs {
        filter: settings.log.level.clone(),
        json: settings.log.format == LogFormat::Json,
        service: model.to_lowercase(),
        traces: settings.otel.endpoint.clone(),
    };
    logs::init(&logs).map_err(|what| {
        Failure::new(Code::Usage, what).help("the settings are `log.level`, `log.format` and `otel.endpoint`")
    })
}

/// Where a server listens, as it stands in a file while it does.
#[derive(Serialize)]
struct Addresses {
    address: Option<SocketAddr>,
    http_address: Option<SocketAddr>,
    pid: u32,
}

/// The file with the addresses; it is removed with this.
struct Told(Option<PathBuf>);

impl Told {
    fn new(serving: &Serving, file: Option<&Path>) -> Result<Self, Failure> {
        let Some(file) = file else { return Ok(Told(None)) };
        let addresses = Addresses {
            address: serving.address(),
            http_address: serving.http_address(),
            pid: process::id(),
        };
        let text = serde_json::to_string(&addresses)? + "\n";
        // Whoever waits for it reads all of it.
        let mut partial = file.as_os_str().to_owned();
        partial.push(".partial");
        fs::write(&partial, text)
            .and_then(|()| fs::rename(&partial, file))
            .map_err(io_failure("write", file))?;
        Ok(Told(Some(file.to_owned())))
    }
}

impl Drop for Told {
    fn drop(&mut self) {
        if let Some(file) = &self.0 {
            // It may have been moved away.
            let _ = fs::remove_file(file);
        }
    }
}
