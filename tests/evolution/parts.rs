//! Models inside of models that change: the field, the model in it, and what moves from one to the other.

use super::{problems, replayed, shown};

mod first {
    #[memstate::model]
    #[derive(Debug, Default)]
    pub struct Ledger {
        pub total: u64,
    }

    #[memstate::model]
    impl Ledger {
        pub fn book(&mut self, amount: u32) -> u64 {
            self.total += u64::from(amount);
            self.total
        }
        pub fn clear(&mut self) {
            self.total = 0;
        }
    }

    #[memstate::model]
    #[derive(Debug, Default)]
    pub struct Shop {
        pub sold: u64,
        #[memstate(model)]
        pub books: Ledger,
    }

    #[memstate::model]
    impl Shop {
        pub fn sell(&mut self) -> u64 {
            self.sold += 1;
            self.books.book(10)
        }
        pub fn refund(&mut self, amount: u64) {
            self.books.total -= amount;
        }
    }
}

/// The total comes to 27.
async fn write(dir: &std::path::Path) {
    let shop = replayed::<first::Shop>(dir).await.unwrap();
    assert_eq!(shop.books().book(7).await.unwrap(), 7);
    assert_eq!(shop.sell().await.unwrap(), 17);
    assert_eq!(shop.books().book(13).await.unwrap(), 30);
    shop.refund(3).await.unwrap();
    shop.close().await.unwrap();
}

/// The field and a command in it have other names, an argument is wider and one is new, there is a second model beside
/// it, and what the shop did itself is done by the model inside.
mod later {
    #[memstate::model]
    #[derive(Debug, Default)]
    pub struct Visitors {
        pub count: u64,
    }

    #[memstate::model]
    impl Visitors {
        pub fn count_one(&mut self) {
            self.count += 1;
        }
    }

    #[memstate::model]
    #[derive(Debug, Default)]
    pub struct Ledger {
        pub total: u64,
    }

    #[memstate::model]
    impl Ledger {
        #[memstate(was = "book")]
        pub fn post(&mut self, #[memstate(default)] whose: String, amount: u64) -> u64 {
            self.total += amount;
            let _ = whose;
            self.total
        }
        pub fn clear(&mut self) {
            self.total = 0;
        }
        pub fn refund(&mut self, amount: u64) {
            self.total -= amount;
        }
    }

    #[memstate::model]
    #[derive(Debug, Default)]
    pub struct Shop {
        #[memstate(model)]
        #[serde(default)]
        pub visitors: Visitors,
        #[memstate(model, was = "books")]
        pub ledger: Ledger,
        pub sold: u64,
    }

    #[memstate::model]
    impl Shop {
        pub fn sell(&mut self) -> u64 {
            self.sold += 1;
            self.ledger.post("shop".to_owned(), 10)
        }
        #[memstate(retired)]
        fn refund(&mut self, amount: u64) {
            self.ledger.refund(amount);
        }
    }
}

#[tokio::test]
async fn a_model_inside_is_renamed_and_changed() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path()).await;
    let shop = replayed::<later::Shop>(folder.path()).await.unwrap();
    assert_eq!(shop.read(|shop| (shop.ledger.total, shop.sold, shop.visitors.count)), (27, 1, 0));
    shop.visitors().count_one().await.unwrap();
    assert_eq!(shop.ledger().post("ann", 3).await.unwrap(), 30);
    shop.ledger().refund(1).await.unwrap();
    shop.close().await.unwrap();
    let shop = replayed::<later::Shop>(folder.path()).await.unwrap();
    assert_eq!(shop.read(|shop| (shop.ledger.total, shop.visitors.count)), (29, 1));
}

#[tokio::test]
async fn a_snapshot_with_a_model_inside_is_read_under_its_new_name() {
    let folder = tempfile::tempdir().unwrap();
    let shop = memstate::open::<first::Shop>(folder.path()).await.unwrap();
    shop.books().book(7).await.unwrap();
    shop.close().await.unwrap();
    let shop = memstate::open::<later::Shop>(folder.path()).await.unwrap();
    assert_eq!(shop.read(|shop| shop.ledger.total), 7);
}

mod without {
    #[memstate::model]
    #[derive(Debug, Default)]
    pub struct Shop {
        pub sold: u64,
    }

    #[memstate::model]
    impl Shop {
        pub fn sell(&mut self) -> u64 {
            self.sold += 1;
            self.sold
        }
        pub fn refund(&mut self, amount: u64) {
            self.sold -= amount;
        }
    }
}

#[tokio::test]
async fn commands_of_a_model_that_is_gone_are_reported_by_their_whole_name() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path()).await;
    let shown = shown(&problems::<without::Shop>(folder.path()).await);
    assert!(shown.iter().any(|line| line.contains("books.book")), "{shown:?}");
    assert!(!shown.iter().any(|line| line.contains("clear")), "{shown:?}");
}
