#[memstate::model]
mod bank {
    use std::fmt::Display

    #[derive(Default)]
    pub struct Bank {
        total: u64,
    }

    impl Bank {
        pub fn pay(&mut self, amount: u64) {
            self.total += amount;
        }

        pub fn text(&self) -> String {
            shown(self.total)
        }
    }

    fn shown(what: impl Display) -> String {
        what.to_string()
    }
}

async fn client(bank: bank::BankClient) {
    let _: Result<(), _> = bank.pay(3).await;
    let _: Result<String, _> = bank.text().await;
    let _ = bank::BankCommand::Pay { amount: 3 };
}

fn main() {}
