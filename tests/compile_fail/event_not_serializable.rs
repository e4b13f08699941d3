pub struct BankEvent;

#[memstate::model]
#[derive(Default)]
pub struct Bank {
    total: u64,
}

#[memstate::model(events = BankEvent)]
impl Bank {
    pub fn pay(&mut self) {}
}

async fn client(bank: BankClient) {
    let _: Result<(), _> = bank.pay().await;
}

fn main() {}
