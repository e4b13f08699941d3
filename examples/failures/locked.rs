//! Two programs want the same journal.

use std::path::Path;

use crate::{
    Shown, notes,
    page::{Page, refused},
};

pub async fn run(dir: &Path, page: &mut Page) -> Shown {
    page.heading("A journal that is open already");
    let first = notes::open(dir).await?;
    first.write("mine").await?;

    page.say("A journal has one writer. Whoever comes second is told at once:");
    page.show(&refused(notes::open(dir).await)?);

    first.close().await?;
    drop(first);
    let second = notes::open(dir).await?;
    page.say(&format!(
        "After the first has closed it, the second opens it and finds {} note.",
        second.count().await?
    ));
    Ok(())
}
