#[memstate::model]
#[derive(Default)]
pub struct BankAccount {
    open: bool,
}

#[memstate::model]
impl BankAccount {
    pub fn close(&mut self) -> bool {
        std::mem::take(&mut self.open)
    }

    #[memstate(client = "clone")]
    pub fn double(&mut self) {}

    #[memstate(client = "account_history")]
    pub fn history(&self) -> u64 {
        0
    }

    #[memstate(client = "is open")]
    pub fn is_open(&self) -> bool {
        self.open
    }

    #[memstate(retired, client = "old")]
    fn retired(&mut self) {}

    #[memstate(client = "double")]
    pub fn twice(&mut self) {}

    #[memstate(client = "twice")]
    pub fn again(&mut self) {}

    #[memstate(client = "twice")]
    pub fn once_more(&mut self) {}
}

async fn client(account: BankAccountClient) {
    let _: Result<bool, _> = account.is_open().await;
    let _: Result<u64, _> = account.account_history().await;
    let _ = (account.double().await, account.twice().await);
    let _ = [BankAccountCommand::Close, BankAccountCommand::Double, BankAccountCommand::OnceMore];
    let _ = BankAccountQuery::History;
}

fn main() {}
