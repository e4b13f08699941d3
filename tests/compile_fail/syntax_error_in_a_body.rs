#[memstate::model]
#[derive(Default)]
pub struct Bank {
    total: u64,
}

#[memstate::model]
impl Bank {
    pub fn pay(&mut self, amount: u64) {
        self.total += += amount;
    }
}

async fn client(bank: BankClient) {
    let _: Result<(), _> = bank.pay(3).await;
}

fn main() {}
