//! What a scenario shows: sentences, and messages as their reader sees them.

use std::{fmt::Display, path::Path};

use memstate::OpenError;

use crate::log;

/// What stands in a page for the directory of the journal.
const DIRECTORY: &str = "data/shop";

/// A page that is being written.
pub struct Page {
    dir: String,
    text: String,
}

impl Page {
    /// An empty page on the journal in `dir`.
    pub fn new(dir: &Path) -> Self {
        Page { dir: dir.display().to_string(), text: String::new() }
    }

    /// Begins.
    pub fn heading(&mut self, text: &str) {
        self.text += &format!("{text}\n{}\n", "=".repeat(text.chars().count()));
    }

    /// Says something.
    pub fn say(&mut self, text: &str) {
        self.text += &format!("\n{text}\n");
    }

    /// Shows a message as it is.
    pub fn show(&mut self, message: &dyn Display) {
        self.text.push('\n');
        for line in message.to_string().replace(&self.dir, DIRECTORY).lines() {
            let line = format!("    {line}");
            self.text += line.trim_end();
            self.text.push('\n');
        }
    }

    /// Shows what was logged since it was last asked.
    pub fn show_log(&mut self) {
        self.show(&log::taken());
    }

    /// The whole page.
    pub fn text(self) -> String {
        self.text
    }
}

/// Why a journal was not opened.
///
/// # Errors
///
/// If it was.
pub fn refused<T>(opened: Result<T, OpenError>) -> Result<OpenError, &'static str> {
    opened.err().ok_or("it should have been refused, and was opened")
}
