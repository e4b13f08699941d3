#[memstate::model]
mod bank {
    #[derive(Default)]
    pub struct Bank {
        total: u64,
    }

    impl From<Bank> for u64 {
        fn from(bank: Bank) -> u64 {
            bank.total
        }
    }
}

#[memstate::model]
mod store {
    #[derive(Default)]
    pub struct Store<T: memstate::State = u8> {
        values: Vec<T>,
    }

    #[memstate(skip)]
    impl<T: memstate::State> Store<T> {
        pub fn count(&self) -> usize {
            self.values.len()
        }
    }
}

async fn client(bank: bank::BankClient, store: store::StoreClient<u16>) {
    let _ = bank.read(|bank| u64::from(std::mem::take(&mut bank.clone_of())));
    let _ = store.read(|store| store.count());
}

trait CloneOf {
    fn clone_of(&self) -> bank::Bank;
}

impl CloneOf for bank::Bank {
    fn clone_of(&self) -> bank::Bank {
        bank::Bank::default()
    }
}

fn main() {}
