macro_rules! getters {
    () => {
        pub fn got(&self) -> u64 {
            self.total
        }
    };
}

#[memstate::model]
mod bank {
    #[derive(Default)]
    pub struct Bank {
        total: u64,
    }

    impl Bank {
        pub fn pay_in(&mut self, amount: u64) {
            self.total += amount;
        }

        #[memstate(replays = "take", version = 2)]
        fn take_v2(&mut self, amount: u64) {
            self.total -= amount;
        }
    }

    impl Bank {
        #[allow(non_snake_case)]
        pub fn payIn(&mut self, amount: u64) {
            self.total += amount;
        }

        #[memstate(was = "pay_in")]
        pub fn take(&mut self, amount: u64) {
            self.total -= amount;
        }

        pub async fn wait(&mut self) {}

        pub fn first(&self) -> &u64 {
            &self.total
        }

        getters! {}
    }
}

async fn client(bank: bank::BankClient) {
    let _: Result<(), _> = bank.pay_in(3).await;
    let _: Result<(), _> = bank.payIn(3).await;
    let _: Result<(), _> = bank.take(3).await;
    let _: Result<(), _> = bank.wait().await;
    let _: Result<u64, _> = bank.first().await;
    let _ = bank::BankCommand::PayIn { amount: 3 };
    let _ = bank::Bank::default().got();
}

fn main() {}
