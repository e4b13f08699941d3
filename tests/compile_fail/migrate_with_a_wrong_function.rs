#[derive(serde::Deserialize)]
struct BankV1 {
    total: u32,
}

fn to_v2(old: BankV1) -> u64 {
    old.total.into()
}

#[memstate::model]
#[memstate(migrate = to_v2)]
#[derive(Default)]
pub struct Bank {
    total: u64,
}

#[memstate::model]
impl Bank {
    pub fn pay(&mut self, amount: u64) {
        self.total += amount;
    }
}

#[memstate::data]
#[memstate(migrate = to_v2)]
pub struct Account(u64);

async fn client(bank: BankClient) {
    let _: Result<(), _> = bank.pay(3).await;
}

fn main() {}
