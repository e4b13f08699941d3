use memstate::Past;

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
    pub fn total(&self) -> u64 {
        self.total
    }
}

async fn client(bank: BankClient<Past<Bank>>) {
    let _: Result<u64, _> = bank.total().await;
    let _ = bank.pay(3).await;
}

fn main() {}
