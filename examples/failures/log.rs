//! The log of memstate, which goes through the `tracing` crate: kept here in memory, to be shown.

use std::{
    io,
    sync::{Mutex, PoisonError},
};

static LINES: Mutex<Vec<u8>> = Mutex::new(Vec::new());

/// Appends to the lines.
struct Lines;

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LINES.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Installs the log. A program of yours would take `tracing_subscriber::fmt::init()`.
pub fn start() {
    let subscriber = tracing_subscriber::fmt()
        .with_writer(|| Lines)
        .with_max_level(tracing::Level::WARN)
        .without_time()
        .with_target(false)
        .with_ansi(false)
        .finish();
    // It may have one already, which is this one.
    let _ = tracing::subscriber::set_global_default(subscriber);
}

/// What was logged since the last call.
pub fn taken() -> String {
    let lines = std::mem::take(&mut *LINES.lock().unwrap_or_else(PoisonError::into_inner));
    String::from_utf8_lossy(&lines).into_owned()
}
