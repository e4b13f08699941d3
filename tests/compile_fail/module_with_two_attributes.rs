#[memstate::model]
#[memstate::model(events = u8)]
mod bank {
    #[derive(Default)]
    pub struct Bank {
        total: u64,
    }

    impl Bank {
        pub fn pay(&mut self, amount: u64) {
            self.total += amount;
        }
    }
}

async fn client(bank: bank::BankClient) {
    let _: Result<(), _> = bank.pay(3).await;
}

fn main() {}
