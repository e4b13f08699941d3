//! A new version of a model that cannot take over what the old one has written, and the same version mended.

use std::path::Path;

use crate::{
    Shown,
    page::{Page, refused},
};

#[path = "evolution/before.rs"]
mod before;
#[path = "evolution/broken.rs"]
mod broken;
#[path = "evolution/mended.rs"]
mod mended;

pub async fn run(dir: &Path, page: &mut Page) -> Shown {
    page.heading("A journal that today's types have no place for");
    write(dir).await?;

    page.say(
        "The model in `evolution/before.rs` has written a journal. `evolution/broken.rs` is the next version of it, with one\n\
         change after another that cannot be carried over. All of them are told before anything is replayed:",
    );
    page.show(&refused(memstate::open::<broken::Shop>(dir).await)?);

    page.say("`evolution/mended.rs` has a line for each of them, and opens the journal:");
    let shop = memstate::open::<mended::Shop>(dir).await?;
    page.show(&shop.read(|shop| shop.summary()));
    shop.price("pear", "two for one").await?;
    page.say("What it writes from here on has today's types:");
    page.show(&shop.read(|shop| shop.summary()));
    shop.close().await?;
    Ok(())
}

/// What the old version did.
async fn write(dir: &Path) -> Shown {
    use before::{Line, Order, Payment};
    let shop = memstate::open::<before::Shop>(dir).await?;
    shop.price("pear", 45).await?;
    shop.price("quince", 120).await?;
    shop.stock("pear", 100).await?;
    shop.stock("pear", 70_000).await?;
    shop.stock("quince", 90_000).await?;
    let line = |article: &str, pieces| Line { article: article.to_owned(), pieces };
    let first = shop
        .order(Order { customer: "Ann".to_owned(), lines: vec![line("pear", 3), line("quince", 1)] })
        .await?;
    let second = shop.order(Order { customer: "Bob".to_owned(), lines: vec![] }).await?;
    shop.pay(first, Payment::Cheque(4711)).await?;
    shop.cancel(second).await?;
    shop.note("Bob has changed his mind").await?;
    shop.close().await?;
    Ok(())
}
