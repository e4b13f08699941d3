#[derive(Default)]
pub struct Bank {
    total: u64,
}

#[memstate::model]
impl Bank {
    pub fn pay(&mut self, amount: u64) -> Result<u64, String> {
        self.total += amount;
        Ok(self.total)
    }
    pub fn total(&self) -> u64 {
        self.total
    }
}

async fn client(bank: BankClient) {
    let _: Result<u64, memstate::Error<String>> = bank.pay(3).await;
    let _: Result<u64, _> = bank.total().await;
}

fn main() {}
