#[memstate::model]
mod bank {
    #[derive(Default)]
    pub struct Account {
        total: u64,
    }

    pub struct Fee(pub u64);

    #[derive(Default)]
    pub struct Till {
        total: u64,
    }

    impl Account {
        pub fn pay(&mut self, amount: u64) {
            self.total += amount;
        }
    }

    impl Till {
        pub fn total(&self) -> u64 {
            self.total
        }
    }
}

#[memstate::model]
mod shop {
    #[memstate::model]
    #[derive(Default)]
    pub struct Shop {
        total: u64,
    }

    #[derive(Default)]
    #[memstate(model)]
    pub struct Shelf {
        total: u64,
    }

    impl Shop {
        pub fn pay(&mut self, amount: u64) {
            self.total += amount;
        }
    }

    impl Shelf {
        pub fn total(&self) -> u64 {
            self.total
        }
    }
}

async fn client(account: bank::AccountClient, till: bank::TillClient) {
    let _: Result<(), _> = account.pay(bank::Fee(3).0).await;
    let _: Result<u64, _> = till.total().await;
}

async fn other_client(shop: shop::ShopClient, shelf: shop::ShelfClient) {
    let _: Result<(), _> = shop.pay(3).await;
    let _: Result<u64, _> = shelf.total().await;
    let _ = shop::ShopCommand::Pay { amount: 3 };
}

fn main() {}
