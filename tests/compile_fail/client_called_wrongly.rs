//! What the compiler says of a call of the client it says of the user's own method: that is where its definition is.

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
}

async fn client(bank: BankClient) {
    let _: Result<u64, _> = bank.pay().await;
    let _ = BankCommand::Pay { amount: 3 };
}

fn main() {}
