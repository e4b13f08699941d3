//! A crash in the middle of a write.

use std::{fs, path::Path};

use crate::{Shown, log, notes, page::Page};

const SECTOR_BYTES: usize = 512;

pub async fn run(dir: &Path, page: &mut Page) -> Shown {
    page.heading("A write that a crash has cut");
    let notes = notes::open(dir).await?;
    for text in ["one", "two", "three"] {
        notes.write(text).await?;
    }
    notes.write("long ".repeat(500)).await?;
    notes.close().await?;
    drop(notes);
    lose_power(&notes::segment(dir))?;
    log::taken();

    page.say(
        "The power failed while a long note was written: two of its sectors are on the disk, and the others are not. \
         Nobody\nhas been told that it was written. It is left out, and the journal opens. The log says so:",
    );
    let notes = notes::open(dir).await?;
    page.show_log();
    page.say(&format!("The {} notes that were acknowledged are there.", notes.count().await?));
    notes.close().await?;
    Ok(())
}

/// Leaves the first two sectors of the last batch that has several, and nothing after them: what a crash would leave. The
/// format of the file is drawn in the docs of `memstate::journal::file`.
fn lose_power(file: &Path) -> Shown {
    let mut bytes = fs::read(file)?;
    let number = |sector: &[u8], at: usize| u16::from_le_bytes([sector[at], sector[at + 1]]);
    let third = bytes
        .chunks(SECTOR_BYTES)
        .rposition(|sector| number(sector, 16) == 2 && number(sector, 18) > 3)
        .ok_or("no batch has several sectors")?;
    bytes[third * SECTOR_BYTES..].fill(0);
    Ok(fs::write(file, bytes)?)
}
