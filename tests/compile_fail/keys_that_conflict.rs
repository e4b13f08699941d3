#[memstate::data(error, error)]
pub enum BankError {
    No,
}

#[memstate::model(events = BankEvent)]
#[derive(Default)]
pub struct Bank {
    #[memstate(clone, clone)]
    total: u64,
}

#[memstate::data]
pub enum BankEvent {
    Paid,
}

#[memstate::model(error, migrate = from_coins)]
impl Bank {
    #[memstate(skip, retired)]
    pub fn pay(&mut self, amount: u64) {
        self.total += amount;
    }

    #[memstate(default)]
    pub fn get(&mut self, #[memstate(default, default = 4, skip)] amount: u64) -> Result<(), BankError> {
        self.total -= amount;
        Ok(())
    }

    #[memstate(events = BankEvent)]
    pub fn give(&mut self) {}

    #[memstate(version = 2)]
    pub fn total(&self) -> u64 {
        self.total
    }
}

async fn client(bank: BankClient, error: BankError) {
    let _: Result<(), memstate::Error<BankError>> = bank.get(3).await;
    let _ = (bank.give(), bank.total().await, error.clone(), BankCommand::Get { amount: 3 });
}

fn main() {}
