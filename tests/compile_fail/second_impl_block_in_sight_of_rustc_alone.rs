#[memstate::model]
#[derive(Default)]
pub struct Bank {
    total: u64,
}

#[memstate::model]
impl Bank {
    pub fn pay(&mut self, amount: u64) {
        self.total += amount;
    }
}

mod queries {
    use super::{Bank, BankClient};

    #[memstate::model]
    impl Bank {
        pub fn total(&self) -> u64 {
            self.total
        }
    }
}

async fn client(bank: BankClient) {
    let _: Result<(), _> = bank.pay(3).await;
    let _: Result<u64, _> = bank.total().await;
}

fn main() {}
