#[memstate::model]
#[derive(Default)]
pub struct Bank {
    total: u64,
}

impl Bank {
    pub fn pay(&mut self, amount: u64) {
        self.total += amount;
    }
}

fn client(bank: BankClient) {
    let _ = bank;
}

fn main() {}
