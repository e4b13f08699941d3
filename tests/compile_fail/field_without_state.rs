pub struct Account {
    balance: u64,
}

#[memstate::model]
pub struct Bank {
    account: Account,
}

#[memstate::model]
impl Bank {
    pub fn balance(&self) -> u64 {
        self.account.balance
    }
}

async fn client(bank: BankClient) {
    let _: Result<u64, _> = bank.balance().await;
}

fn main() {}
