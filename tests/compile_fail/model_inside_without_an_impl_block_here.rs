#[memstate::model]
#[derive(Default)]
pub struct Ledger {
    total: u64,
}

#[memstate::model]
impl Ledger {
    pub fn post(&mut self, amount: u64) {
        self.total += amount;
    }
}

#[memstate::model]
#[derive(Default)]
pub struct Shop {
    #[memstate(model)]
    ledger: Ledger,
}

fn main() {}
