//! A flipped bit in what was acknowledged.

use std::{fs, path::Path};

use crate::{
    Shown, notes,
    page::{Page, refused},
};

pub async fn run(dir: &Path, page: &mut Page) -> Shown {
    page.heading("A flipped bit");
    let notes = notes::open(dir).await?;
    for text in ["one", "two", "three", "four"] {
        notes.write(text).await?;
    }
    notes.close().await?;
    drop(notes);

    let file = notes::segment(dir);
    let mut bytes = fs::read(&file)?;
    let three = bytes.windows(5).position(|window| window == b"three").ok_or("it is not in the file")?;
    bytes[three] ^= 1;
    fs::write(&file, &bytes)?;

    page.say("A disk has turned `three` into `uhree`. What follows it is whole, so this was no crash:");
    page.show(&refused(notes::open(dir).await)?);

    page.say("The file is as it was found: with the bit turned back it opens.");
    let mut mended = fs::read(&file)?;
    mended[three] ^= 1;
    fs::write(&file, &mended)?;
    let notes = notes::open(dir).await?;
    page.say(&format!("{} notes.", notes.count().await?));
    Ok(())
}
