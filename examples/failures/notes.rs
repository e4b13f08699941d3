//! A small model for what has nothing to do with its types.

use std::path::Path;

use memstate::OpenError;

/// Why a note is not erased.
#[memstate::data(error)]
pub enum NoteError {
    #[memstate(display = "there is no note {0}")]
    NoNote(u64),
}

/// Notes, one under another.
#[memstate::model]
#[derive(Default)]
pub struct Notes {
    notes: memstate::collections::Vec<String>,
}

#[memstate::model]
impl Notes {
    /// Writes a note and returns its number, from 0.
    pub fn write(&mut self, text: String) -> u64 {
        self.notes.push(text);
        self.notes.len() as u64 - 1
    }

    /// Erases several notes, or none.
    pub fn erase(&mut self, numbers: Vec<u64>) -> Result<(), NoteError> {
        for number in numbers {
            if number >= self.notes.len() as u64 {
                return Err(NoteError::NoNote(number));
            }
            self.notes.remove(number as usize);
        }
        Ok(())
    }

    /// Puts the first characters of all notes together: with a mistake in it.
    pub fn initials(&mut self) -> String {
        let mut initials = String::new();
        while let Some(note) = self.notes.pop() {
            initials.push(note.chars().next().unwrap());
        }
        initials
    }

    /// How many there are.
    pub fn count(&self) -> u64 {
        self.notes.len() as u64
    }
}

/// Opens the notes in `dir` so that all of the journal is replayed every time.
pub async fn open(dir: &Path) -> Result<NotesClient, OpenError> {
    memstate::open::<Notes>(dir).no_snapshot_on_close().await
}

/// The journal's one file.
pub fn segment(dir: &Path) -> std::path::PathBuf {
    dir.join("journal-0000000001.seg")
}
