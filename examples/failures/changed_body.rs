//! A method that does something else than it did.

use std::path::Path;

use crate::{
    Shown,
    page::{Page, refused},
};

mod first {
    /// Accounts by their owners.
    #[memstate::model]
    #[derive(Default)]
    pub struct Bank {
        balances: memstate::collections::BTreeMap<String, u64>,
    }

    #[memstate::model]
    impl Bank {
        /// Pays in, and returns what there is.
        pub fn deposit(&mut self, owner: String, cents: u64) -> u64 {
            let balance = self.balances.entry(owner).or_default();
            *balance += cents;
            *balance
        }
    }
}

mod second {
    /// The same accounts.
    #[memstate::model]
    #[derive(Default)]
    pub struct Bank {
        balances: memstate::collections::BTreeMap<String, u64>,
    }

    #[memstate::model]
    impl Bank {
        /// Pays in with a fee of one per cent, and returns what there is.
        pub fn deposit(&mut self, owner: String, cents: u64) -> u64 {
            let balance = self.balances.entry(owner).or_default();
            *balance += cents - cents / 100;
            *balance
        }

        /// What there is.
        pub fn balance(&self, owner: String) -> u64 {
            self.balances.get(&owner).copied().unwrap_or_default()
        }
    }
}

mod both {
    /// The same accounts.
    #[memstate::model]
    #[derive(Default)]
    pub struct Bank {
        balances: memstate::collections::BTreeMap<String, u64>,
    }

    #[memstate::model]
    impl Bank {
        /// Pays in with a fee of one per cent, and returns what there is.
        pub fn deposit(&mut self, owner: String, cents: u64) -> u64 {
            self.add(owner, cents - cents / 100)
        }

        /// Paid in without a fee: for the records from before there was one.
        #[memstate(replays = "deposit", version = 1)]
        fn deposit_v1(&mut self, owner: String, cents: u64) -> u64 {
            self.add(owner, cents)
        }

        fn add(&mut self, owner: String, cents: u64) -> u64 {
            let balance = self.balances.entry(owner).or_default();
            *balance += cents;
            *balance
        }

        /// What there is.
        pub fn balance(&self, owner: String) -> u64 {
            self.balances.get(&owner).copied().unwrap_or_default()
        }
    }
}

pub async fn run(dir: &Path, page: &mut Page) -> Shown {
    page.heading("A command whose code has changed");
    let (kept, told_anew) = (dir.join("kept"), dir.join("told-anew"));
    for dir in [&kept, &told_anew] {
        let bank = memstate::open::<first::Bank>(dir).no_snapshot_on_close().await?;
        bank.deposit("Ann", 50).await?;
        bank.deposit("Ann", 10_000).await?;
        bank.close().await?;
    }

    page.say("`deposit` takes a fee of one per cent now. Of 50 cents that is nothing, so record 1 comes out as it did:");
    page.show(&refused(memstate::open::<second::Bank>(&kept).await)?);

    page.say("First way: the code of then stays for the records of then, as version 1 of the command.");
    let bank = memstate::open::<both::Bank>(&kept).await?;
    page.show(&format!("Ann has {}", bank.balance("Ann").await?));
    bank.deposit("Ann", 10_000).await?;
    page.show(&format!("Ann has {} after 10000 more, less the fee", bank.balance("Ann").await?));
    bank.close().await?;

    page.say(
        "Second way: history is told anew by today's code. The new outcome is journaled beside the old one.",
    );
    let open = memstate::open::<second::Bank>(&told_anew).no_snapshot_on_close();
    let bank = open.accept_divergence().await?;
    page.show(&format!("Ann has {}", bank.balance("Ann").await?));
    bank.close().await?;
    drop(bank);
    let bank = memstate::open::<second::Bank>(&told_anew).await?;
    page.say("From then on it opens without being told so again.");
    page.show(&format!("Ann has {}", bank.balance("Ann").await?));
    Ok(())
}
