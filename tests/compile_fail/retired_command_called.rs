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
    #[memstate(retired)]
    pub fn give(&mut self, amount: u64) {
        self.total += amount;
    }
    #[memstate(replays = "pay", version = 1)]
    pub fn pay_v1(&mut self) {
        self.total += 1;
    }
}

async fn client(bank: BankClient) {
    let _: Result<(), _> = bank.pay(3).await;
    let _ = bank.give(3).await;
    let _ = bank.pay_v1().await;
}

fn main() {}
