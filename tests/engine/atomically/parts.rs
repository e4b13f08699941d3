//! Batches of a model that is made of models.

use memstate::{Error, Refused};

mod ledger {
    #[memstate::model]
    #[derive(Default, Debug)]
    pub struct Ledger {
        pub sum: u64,
    }

    #[memstate::model]
    impl Ledger {
        pub fn post(&mut self, amount: u64) -> Result<u64, String> {
            self.sum += amount;
            if amount == 0 { Err("nothing".into()) } else { Ok(self.sum) }
        }
    }
}

mod shop {
    use super::ledger::Ledger;

    #[memstate::model]
    #[derive(Default, Debug)]
    pub struct Shop {
        #[memstate(model)]
        pub ledger: Ledger,
        pub sold: u64,
    }

    #[memstate::model]
    impl Shop {
        pub fn sell(&mut self) -> u64 {
            self.sold += 1;
            self.sold
        }
    }
}

#[tokio::test]
async fn commands_of_a_part_and_of_the_whole_happen_together() {
    use ledger::{LedgerCommand, LedgerReply};
    use shop::{Shop, ShopCommand as Command, ShopReply as Reply};
    let dir = tempfile::tempdir().unwrap();
    let shop = memstate::open::<Shop>(dir.path()).no_snapshot_on_close().await.unwrap();
    let post = |amount| Command::Ledger(LedgerCommand::Post { amount });
    let replies = shop.atomically([Command::Sell {}, post(3), post(4)]).await;
    let posted = |sum| Reply::Ledger(LedgerReply::Post(Ok(sum)));
    assert_eq!(replies, Ok(vec![Reply::Sell(1), posted(3), posted(7)]));
    let refused = shop.atomically([post(5), Command::Sell {}, post(0)]).await;
    let reply = Reply::Ledger(LedgerReply::Post(Err("nothing".into())));
    assert_eq!(refused, Err(Error::Rejected(Refused { index: 2, reply })));
    let record = shop.history(..).next().await.unwrap().unwrap();
    println!("{}", record.arguments);
    shop.close().await.unwrap();
    let shop = memstate::open::<Shop>(dir.path()).await.unwrap();
    assert_eq!(shop.read(|shop| (shop.sold, shop.ledger.sum)), (1, 7));
}
