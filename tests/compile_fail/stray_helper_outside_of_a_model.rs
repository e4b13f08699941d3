#[memstate::model]
#[derive(Default)]
pub struct Bank {
    total: u64,
}

#[memstate::model]
impl Bank {
    pub fn pay(&mut self) -> u64 {
        self.total
    }
}

impl Bank {
    #[memstate(skip)]
    pub fn helper(&mut self) {}
}

async fn client(bank: BankClient) {
    let _: Result<u64, _> = bank.pay().await;
    let _ = BankCommand::Pay;
}

fn main() {}
