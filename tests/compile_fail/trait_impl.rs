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
}

#[memstate::model]
impl From<u64> for Bank {
    fn from(total: u64) -> Self {
        Bank { total }
    }
}

fn client(bank: BankClient) {
    let _ = (bank.pay(3), Bank::from(3));
}

fn main() {}
