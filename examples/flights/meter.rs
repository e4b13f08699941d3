//! [`Meter`]: how far it is.

use std::{
    io::{IsTerminal, stderr},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressStyle};

/// A bar in a terminal, a line every two seconds elsewhere, nothing if quiet.
#[derive(Clone)]
pub enum Meter {
    Quiet,
    Bar(ProgressBar),
    Lines { what: &'static str, last: Arc<Mutex<Instant>> },
}

impl Meter {
    const INTERVAL: Duration = Duration::from_secs(2);

    /// A meter that says `what` it measures.
    pub fn new(what: &'static str, quiet: bool) -> Self {
        if quiet {
            Meter::Quiet
        } else if stderr().is_terminal() {
            let style = ProgressStyle::with_template("{msg} [{bar:40}] {percent:>3} %, {eta} to go")
                .expect("the template is well-formed")
                .progress_chars("=> ");
            Meter::Bar(ProgressBar::new(0).with_style(style).with_message(what))
        } else {
            Meter::Lines { what, last: Arc::new(Mutex::new(Instant::now())) }
        }
    }

    /// Shows that `done` of `total` are done.
    pub fn show(&self, done: u64, total: u64) {
        match self {
            Meter::Quiet => {}
            Meter::Bar(bar) => {
                bar.set_length(total);
                bar.set_position(done);
            }
            Meter::Lines { what, last } => {
                let mut last = last.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
                if last.elapsed() >= Self::INTERVAL {
                    *last = Instant::now();
                    eprintln!("{what}: {} %", done * 100 / total.max(1));
                }
            }
        }
    }

    /// Takes the bar away.
    pub fn finish(&self) {
        if let Meter::Bar(bar) = self {
            bar.finish_and_clear();
        }
    }
}
