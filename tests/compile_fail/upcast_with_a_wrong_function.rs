#[memstate::model]
#[derive(Default)]
pub struct Bank {
    total: u64,
}

#[derive(serde::Deserialize)]
struct PayV1 {
    amount: u32,
}

struct NoData {
    amount: u32,
}

fn too_little(old: PayV1) -> u64 {
    old.amount.into()
}

fn too_much(old: PayV1, _: u8) -> (u64, String) {
    (old.amount.into(), String::new())
}

fn of_no_data(old: NoData) -> (u64, String) {
    (old.amount.into(), String::new())
}

fn right(old: PayV1) -> (u64, String) {
    (old.amount.into(), String::new())
}

#[memstate::model]
impl Bank {
    #[memstate(upcast = too_little)]
    pub fn pay(&mut self, amount: u64, to: &str) {
        self.total += amount + to.len() as u64;
    }
    #[memstate(upcast = right, upcast = too_much)]
    pub fn give(&mut self, amount: u64, to: &str) {
        self.total += amount + to.len() as u64;
    }
    #[memstate(upcast = of_no_data)]
    pub fn lend(&mut self, amount: u64, to: String) {
        self.total += amount + to.len() as u64;
    }
    #[memstate(upcast = nowhere)]
    pub fn save(&mut self, amount: u64) {
        self.total += amount;
    }
}

async fn client(bank: BankClient) {
    let _: Result<(), _> = bank.pay(3, "Ann").await;
}

fn main() {}
