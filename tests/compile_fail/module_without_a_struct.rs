#[memstate::model]
mod bank_account {
    pub fn open() {}
}

#[memstate::model]
mod bank {
    #[memstate::data]
    pub struct Account {
        pub total: u64,
    }
}

#[memstate::model]
mod other {
    #[memstate(skip)]
    pub fn stray() {}
}

#[memstate::model]
mod held {
    #[memstate(model)]
    #[memstate::data]
    #[derive(Default)]
    pub struct Held {
        pub total: u64,
    }

    impl Held {
        pub fn total(&self) -> u64 {
            self.total
        }
    }
}

async fn client(held: held::HeldClient) {
    let _: Result<u64, _> = held.total().await;
}

fn main() {
    bank_account::open();
    let _ = bank::Account { total: 1 }.total;
    other::stray();
}
