//! A version of the code that is older than the journal.

use std::path::Path;

use crate::{
    Shown,
    page::{Page, refused},
};

mod older {
    /// What is in stock.
    #[memstate::model]
    #[derive(Default)]
    pub struct Stock {
        pieces: memstate::collections::BTreeMap<String, u64>,
    }

    #[memstate::model]
    impl Stock {
        /// Of an article there are so many dozens more.
        pub fn add(&mut self, article: String, dozens: u64) {
            *self.pieces.entry(article).or_default() += dozens * 12;
        }
    }
}

mod latest {
    /// What is in stock.
    #[memstate::model]
    #[derive(Default)]
    pub struct Stock {
        pieces: memstate::collections::BTreeMap<String, u64>,
    }

    #[memstate::model]
    impl Stock {
        /// Of an article there are so many pieces more.
        pub fn add(&mut self, article: String, pieces: u64) {
            *self.pieces.entry(article).or_default() += pieces;
        }

        #[memstate(replays = "add", version = 1)]
        fn add_v1(&mut self, article: String, dozens: u64) {
            self.add(article, dozens * 12);
        }

        /// Counted anew.
        pub fn count(&mut self, article: String, pieces: u64) {
            self.pieces.insert(article, pieces);
        }
    }
}

pub async fn run(dir: &Path, page: &mut Page) -> Shown {
    page.heading("Code that is older than the journal");
    let stock = memstate::open::<older::Stock>(dir).await?;
    stock.add("pear", 1).await?;
    stock.close().await?;
    drop(stock);
    let stock = memstate::open::<latest::Stock>(dir).await?;
    stock.add("pear", 1).await?;
    stock.count("pear", 11).await?;
    stock.count("quince", 2).await?;
    stock.close().await?;
    drop(stock);

    page.say("A new version has run, and then the old one is started again, which counts in dozens:");
    page.show(&refused(memstate::open::<older::Stock>(dir).await)?);
    Ok(())
}
