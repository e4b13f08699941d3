#[memstate::model]
mod bank {
    #[derive(Default)]
    pub enum Bank {
        #[default]
        Closed,
        Open(u64),
    }

    impl Bank {
        pub fn open(&mut self, with: u64) {
            *self = Bank::Open(with);
        }
    }

    impl Bank {
        pub fn is_closed(&self) -> bool {
            matches!(self, Bank::Closed)
        }
    }
}

#[memstate::model]
mod other {
    #[memstate(model)]
    pub enum State {
        One,
    }

    impl State {
        pub fn get(&self) -> u8 {
            1
        }
    }
}

async fn client(bank: bank::BankClient, other: other::StateClient) {
    let _: Result<(), _> = bank.open(3).await;
    let _: Result<bool, _> = bank.is_closed().await;
    let _ = bank::BankCommand::Open { with: 3 };
    let _: Result<u8, _> = other.get().await;
}

fn main() {
    let _ = (bank::Bank::default(), other::State::One);
}
