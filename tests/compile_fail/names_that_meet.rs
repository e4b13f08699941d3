#[memstate::model]
#[derive(Default)]
pub struct Bank {
    total: u64,
}

#[memstate::model]
impl Bank {
    pub fn pay_all(&mut self, amount: u64) {
        self.total += amount;
    }
    #[allow(non_snake_case)]
    pub fn payAll(&self) -> u64 {
        self.total
    }
}

async fn client(bank: BankClient) {
    let _: Result<(), _> = bank.pay_all(3).await;
    let _: Result<u64, _> = bank.payAll().await;
    let _ = bank.execute(BankCommand::PayAll { amount: 3 }).await;
}

fn main() {}
