#[memstate::data]
pub enum BankError {
    Closed,
}

#[memstate::model]
#[derive(Default)]
pub struct Bank {
    total: u64,
}

#[memstate::model]
impl Bank {
    pub fn pay(&mut self, amount: u64) -> Result<u64, BankError> {
        self.total += amount;
        Err(BankError::Closed)
    }
}

async fn client(bank: BankClient) -> Result<(), Box<dyn std::error::Error>> {
    let total: u64 = bank.pay(3).await?;
    let _ = (total, BankCommand::Pay { amount: 3 });
    Ok(())
}

fn main() {}
