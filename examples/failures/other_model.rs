//! The wrong directory.

use std::path::Path;

use crate::{
    Shown, notes,
    page::{Page, refused},
};

/// Another model than the notes.
#[memstate::model]
#[derive(Default)]
pub struct Bank {
    total: u64,
}

#[memstate::model]
impl Bank {
    /// Pays in.
    pub fn deposit(&mut self, amount: u64) {
        self.total += amount;
    }
}

pub async fn run(dir: &Path, page: &mut Page) -> Shown {
    page.heading("The journal of another model");
    let notes = notes::open(dir).await?;
    notes.write("not a bank").await?;
    notes.close().await?;

    page.say("The directory holds a journal of `Notes`, and is opened as one of `Bank`:");
    page.show(&refused(memstate::open::<Bank>(dir).await)?);

    let photos = dir.join("photos");
    std::fs::create_dir(&photos)?;
    std::fs::write(photos.join("beach.jpg"), b"not a journal")?;
    page.say("The directory holds other files and no journal:");
    page.show(&refused(memstate::open::<Bank>(&photos).await)?);

    page.say("The location has a scheme that nobody knows:");
    page.show(&refused(memstate::open::<Bank>("postgres://localhost/bank").await)?);
    Ok(())
}
