#[memstate::model]
mod bank {
    #[derive(Default)]
    pub struct Bank {
        total: u64,
    }

    impl Bank {
        pub fn pay(&mut self, amount: u64) {
            self.totl += amount;
        }
    }

    impl Bank {
        pub fn total(&self) -> u64 {
            self.total
        }
    }
}

async fn client(bank: bank::BankClient) {
    let _: Result<(), _> = bank.pay(3).await;
    let _: Result<u64, _> = bank.total().await;
    let _ = bank::BankCommand::Pay { amount: 3 };
}

fn main() {}
