#[memstate::model]
#[derive(Default)]
pub struct Bank {
    total: u64,
}

#[memstate::model]
impl Bank {
    pub fn pay(&mut self, amount: u64) -> u64 {
        self.total += amount;
        self.total
    }

    pub fn pay(&mut self, amount: u64, twice: bool) -> u64 {
        self.total += amount << u8::from(twice);
        self.total
    }

    pub fn total(&self) -> u64 {
        self.total
    }
}

async fn client(bank: BankClient) {
    let _: Result<u64, _> = bank.pay(3).await;
    let _: Result<u64, _> = bank.total().await;
    let _ = (BankCommand::Pay { amount: 3 }, BankQuery::Total, BankReply::Pay(3));
}

fn main() {}
