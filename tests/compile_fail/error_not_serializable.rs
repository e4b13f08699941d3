#[memstate::model]
#[derive(Default)]
pub struct Bank {
    total: u64,
}

#[memstate::model]
impl Bank {
    pub fn pay(&mut self, amount: u64) -> Result<u64, std::io::Error> {
        Ok(amount)
    }
    pub fn load(&mut self) -> std::io::Result<u64> {
        Ok(self.total)
    }
    pub fn total(&self) -> Result<u64, std::fmt::Error> {
        Ok(self.total)
    }
}

async fn client(bank: BankClient) {
    let _: Result<u64, memstate::Error<std::io::Error>> = bank.pay(3).await;
    let _: Result<u64, memstate::Error<std::io::Error>> = bank.load().await;
    let _: Result<u64, memstate::Error<std::fmt::Error>> = bank.total().await;
    let _ = bank.execute(BankCommand::Pay { amount: 3 }).await;
}

fn main() {}
