//! Commands that fail while the model runs.

use std::path::Path;

use crate::{Shown, notes, page::Page};

pub async fn run(dir: &Path, page: &mut Page) -> Shown {
    page.heading("Commands that fail");
    let notes = notes::open(dir).await?;
    for text in ["one", "two", ""] {
        notes.write(text).await?;
    }

    page.say("A command erases note 0 and finds that there is no note 7. It is refused, with the model's own error:");
    page.show(&notes.erase(vec![0, 7]).await.err().ok_or("it was accepted")?);
    page.say(&format!("All {} notes are there, note 0 too.", notes.count().await?));

    page.say("Another takes one note after the other away and panics at an empty one:");
    page.show(&notes.initials().await.err().ok_or("it was accepted")?);
    page.say(&format!("All {} notes are there, and the next command is served.", notes.count().await?));

    page.say("An argument is larger than a command may be:");
    page.show(&notes.write("x".repeat(2 << 20)).await.err().ok_or("it was accepted")?);
    notes.close().await?;

    page.say("A call after the model was closed:");
    page.show(&notes.write("late").await.err().ok_or("it was accepted")?);
    Ok(())
}
