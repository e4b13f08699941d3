#[memstate::model(event = Happened, events = u8)]
mod bank {
    #[memstate::model(migrations = x)]
    #[derive(Default)]
    pub struct Bank {
        total: u64,
    }

    #[memstate::model(events = u16)]
    impl Bank {
        #[memstate(skipped)]
        pub fn pay(&mut self, amount: u64) {
            self.total += amount;
        }
    }

    #[memstate(skp)]
    impl Bank {
        pub fn total(&self) -> u64 {
            self.total
        }
    }

    #[memstate::model]
    #[memstate(skip)]
    impl Bank {
        #[memstate(was = "before")]
        pub fn other(&self, #[memstate(default)] number: u64) -> u64 {
            self.total + number
        }
    }

    #[memstate(skip)]
    impl std::fmt::Display for Bank {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            write!(f, "{}", self.total)
        }
    }
}

async fn client(bank: bank::BankClient) {
    let _: Result<(), _> = bank.pay(3).await;
    let _: Result<u64, _> = bank.total().await;
    println!("{} {}", bank::Bank::default(), bank::Bank::default().other(1));
}

fn main() {}
