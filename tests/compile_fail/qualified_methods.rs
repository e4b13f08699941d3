#[memstate::model]
#[derive(Default)]
pub struct Bank {
    total: u64,
}

#[memstate::model]
impl Bank {
    pub unsafe fn poke(&mut self, amount: u64) {
        self.total += amount;
    }
    pub const fn total(&self) -> u64 {
        self.total
    }
    pub extern "C" fn pay(&mut self, amount: u64) {
        self.total += amount;
    }
}

async fn client(bank: BankClient) {
    let _: Result<(), _> = bank.poke(3).await;
    let _: Result<u64, _> = bank.total().await;
    let _: Result<(), _> = bank.pay(3).await;
}

fn main() {}
