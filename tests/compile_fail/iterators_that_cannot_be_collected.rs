#[memstate::data]
#[derive(Debug)]
pub struct Account {
    balance: u64,
}

pub struct Money(u64);

#[memstate::model]
#[derive(Default)]
pub struct Bank {
    names: Vec<String>,
    accounts: Vec<Account>,
}

#[memstate::model]
impl Bank {
    pub fn accounts(&self) -> impl Iterator<Item = &Account> {
        self.accounts.iter()
    }
    pub fn names(&self) -> Box<dyn Iterator<Item = &str> + '_> {
        Box::new(self.names.iter().map(String::as_str))
    }
    pub fn pairs(&self) -> impl Iterator<Item = (u64, &str)> {
        self.names.iter().map(|name| (1, name.as_str()))
    }
    pub fn checked(&self) -> Result<impl Iterator<Item = u64>, String> {
        Ok(self.accounts.iter().map(|account| account.balance))
    }
    pub fn maybe(&self) -> Option<Box<dyn Iterator<Item = u64> + '_>> {
        Some(Box::new(self.accounts.iter().map(|account| account.balance)))
    }
    pub fn unnamed(&self) -> impl Iterator {
        self.accounts.iter()
    }
    pub fn map(&self) -> impl Fn(u64) -> u64 {
        |amount| amount
    }
    pub fn money(&self) -> impl Iterator<Item = Money> {
        self.accounts.iter().map(|account| Money(account.balance))
    }
    pub fn drain(&mut self) -> impl Iterator<Item = Account> {
        std::mem::take(&mut self.accounts).into_iter()
    }
}

async fn client(bank: BankClient) {
    let _: Result<Vec<Account>, _> = bank.accounts().await;
    let _: Result<Vec<String>, _> = bank.names().await;
    let _ = bank.pairs().await;
    let _: Result<Vec<u64>, memstate::Error<String>> = bank.checked().await;
    let _: Result<Option<Vec<u64>>, _> = bank.maybe().await;
    let _ = bank.money().await;
    let _: Result<Vec<Account>, _> = bank.drain().await;
}

fn main() {}
