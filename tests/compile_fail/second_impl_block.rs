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

#[memstate::model]
impl Bank {
    pub fn total(&self) -> u64 {
        self.total
    }

    /// Of the command in the other block.
    #[memstate(replays = "pay", version = 1)]
    fn pay_v1(&mut self, amount: u64) {
        self.total += amount / 2;
    }

    #[cfg(all())]
    pub fn take(&mut self, amount: u64, to: String) -> Result<u64, String> {
        self.total = self.total.checked_sub(amount).ok_or(to)?;
        Ok(self.total)
    }
}

async fn client(bank: BankClient) {
    let _: Result<(), _> = bank.pay(3).await;
    let _: Result<u64, _> = bank.total().await;
    let _: Result<u64, _> = bank.take(3, "ann").await;
    let _ = BankCommand::Pay { amount: 3 };
}

/// Another `Bank`, with one block.
mod other {
    #[memstate::model]
    #[derive(Default)]
    pub struct Bank {
        total: u64,
    }

    #[memstate::model]
    impl Bank {
        pub fn other(&self) -> u64 {
            self.total
        }
    }
}

fn generic() {
    #[memstate::model]
    #[derive(Default)]
    pub struct Store<T> {
        values: Vec<T>,
    }

    #[memstate::model]
    impl<T: memstate::State> Store<T> {
        pub fn put(&mut self, value: T) {
            self.values.push(value);
        }
    }

    #[memstate::model]
    impl<T: memstate::State> Store<T> {
        pub fn take(&mut self) -> Option<T> {
            self.values.pop()
        }
    }

    async fn client(store: StoreClient<u8>) {
        let _: Result<(), _> = store.put(3).await;
        let _: Result<Option<u8>, _> = store.take().await;
    }
}

fn main() {
    let _ = other::Bank::default().other();
    generic();
}
