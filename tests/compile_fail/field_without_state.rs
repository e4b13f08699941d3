pub struct Account {
    balance: u64,
}

#[memstate::data]
pub enum Kind {
    One(Account),
    Many { all: Vec<Account> },
}

#[memstate::model]
pub struct Bank {
    account: Account,
    maybe: Option<Account>,
    kind: Kind,
}

#[memstate::model]
impl Bank {
    pub fn balance(&self) -> u64 {
        self.account.balance
    }
    pub fn kind(&self) -> Kind {
        self.kind.clone()
    }
}

async fn client(bank: BankClient) {
    let _: Result<u64, _> = bank.balance().await;
    let _: Result<Kind, _> = bank.kind().await;
}

fn main() {}
