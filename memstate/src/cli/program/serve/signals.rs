//! What the system, or somebody at the terminal, tells the process.

use std::io;

use tokio::runtime::Runtime;
#[cfg(unix)]
use tokio::signal::unix::{Signal, SignalKind, signal};

/// What was told.
pub(super) enum Heard {
    Stop,
    Reload,
}

/// Signals, in the order in which they come.
#[cfg(unix)]
pub(super) struct Signals {
    hangup: Signal,
    /// SIGTERM and SIGINT; until they are caught, they end the process, which is right while the journal is replayed.
    stops: Option<(Signal, Signal)>,
}

#[cfg(unix)]
impl Signals {
    pub(super) fn new(runtime: &Runtime) -> io::Result<Self> {
        let _inside = runtime.enter();
        Ok(Signals { hangup: signal(SignalKind::hangup())?, stops: None })
    }

    pub(super) fn catch_stops(&mut self) -> io::Result<()> {
        self.stops = Some((signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?));
        Ok(())
    }

    pub(super) async fn next(&mut self) -> Heard {
        let hangup = self.hangup.recv();
        let Some((terminate, interrupt)) = &mut self.stops else {
            hangup.await;
            return Heard::Reload;
        };
        tokio::select! {
            _ = hangup => Heard::Reload,
            _ = terminate.recv() => Heard::Stop,
            _ = interrupt.recv() => Heard::Stop,
        }
    }
}

/// Where there are no signals there is at least Ctrl-C.
#[cfg(not(unix))]
pub(super) struct Signals;

#[cfg(not(unix))]
impl Signals {
    pub(super) fn new(_: &Runtime) -> io::Result<Self> {
        Ok(Signals)
    }

    pub(super) fn catch_stops(&mut self) -> io::Result<()> {
        Ok(())
    }

    pub(super) async fn next(&mut self) -> Heard {
        match tokio::signal::ctrl_c().await {
            Ok(()) => Heard::Stop,
            Err(_) => std::future::pending().await,
        }
    }
}
