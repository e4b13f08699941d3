#[memstate::model]
#[derive(Default)]
pub struct Bank {
    total: u64,
}

#[memstate::model]
impl Bank {
    pub fn pair(&mut self, (a, b): (u64, u64)) {
        self.total = a + b;
    }
    pub fn nameless(&self, _: u64) -> u64 {
        self.total
    }
}

async fn client(bank: BankClient) {
    let _: Result<(), _> = bank.pair((1, 2)).await;
    let _: Result<u64, _> = bank.nameless(1).await;
}

fn main() {}
