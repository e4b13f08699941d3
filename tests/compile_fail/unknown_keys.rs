#[memstate::data(eror)]
pub enum BankError {
    #[memstate(dispaly = "x")]
    No,
}

#[memstate::model(events = u8)]
pub struct Bank {
    #[memstate(clnoe)]
    total: u64,
}

#[memstate::model(event = u8, idempotent)]
impl Bank {
    #[memstate(skpi)]
    pub fn pay(&mut self, amount: u64) {
        self.total += amount;
    }
}

fn client(bank: BankClient, error: BankError) {
    let _ = (bank.pay(3), error.clone());
}

fn main() {}
