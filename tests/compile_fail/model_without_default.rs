#[memstate::model]
pub struct Bank {
    total: u64,
}

#[memstate::model]
impl Bank {
    pub fn pay(&mut self, amount: u64) -> u64 {
        self.total += amount;
        self.total
    }
}

async fn client() -> Result<(), Box<dyn std::error::Error>> {
    let bank: BankClient = memstate::open::<Bank>("memory:").await?;
    let _: u64 = bank.pay(3).await?;
    let _ = BankCommand::Pay { amount: 3 };
    Ok(())
}

fn main() {}
