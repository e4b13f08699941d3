#[memstate::model]
#[derive(Default)]
pub struct Bank {
    total: u64,
}

#[memstate::model]
impl Bank {
    #[memstate(skip)]
    pub const FIRST: u64 = 1;

    pub fn pay(&mut self, #[memstate(clone)] amount: u64) {
        self.total += amount;
    }
}

#[memstate::data]
pub enum Kind {
    #[memstate(display = "x")]
    One,
}

fn client(bank: BankClient) {
    let _ = (bank.pay(Bank::FIRST), Kind::One);
}

fn main() {}
