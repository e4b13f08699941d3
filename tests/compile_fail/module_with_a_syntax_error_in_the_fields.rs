#[memstate::model]
pub mod bank {
    #[derive(Default)]
    pub struct Bank {
        total: u64,
        pub owner name: String,
    }

    impl Bank {
        pub fn pay(&mut self, amount: u64) -> u64 {
            self.total += amount;
            self.total
        }
    }
}

async fn client(bank: bank::BankClient) {
    let _ = bank::BankCommand::Pay { amount: 3 };
    let _: Result<u64, _> = bank.pay(3).await;
}

fn main() {}
