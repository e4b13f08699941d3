use std::collections::HashMap;

#[memstate::model]
#[derive(Default)]
pub struct Bank {
    #[memstate(clone)]
    accounts: HashMap<u64, u64>,
}

#[memstate::model]
impl Bank {
    pub fn balance(&self, account: u64) -> Option<u64> {
        self.accounts.get(&account).copied()
    }
}

async fn client(bank: BankClient) {
    let _: Result<Option<u64>, _> = bank.balance(3).await;
}

fn main() {}
