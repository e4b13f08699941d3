pub struct Foreign;

#[memstate::model]
pub struct Bank {
    #[memstate(clone)]
    foreign: Foreign,
}

#[memstate::model]
impl Bank {
    pub fn one(&self) -> u64 {
        1
    }
}

async fn client(bank: BankClient) {
    let _: Result<u64, _> = bank.one().await;
}

fn main() {}
