#[memstate::model]
#[derive(Default)]
pub struct Bank {
    total: u64,
}

#[memstate::model]
impl Bank {
    #[memstate(was = "withdraw", was = "put")]
    pub fn pay(&mut self, amount: u64) {
        self.total += amount;
    }
    #[memstate(was = "put")]
    pub fn withdraw(&mut self) {}

    #[memstate(replays = "pai", version = 1)]
    fn pay_v1(&mut self) {}
    #[memstate(replays = "put", version = 2)]
    fn pay_v2(&mut self) {}
    #[memstate(replays = "total", version = 1)]
    fn total_v1(&mut self) {}
    #[memstate(replays = "pay_v1", version = 1)]
    fn pay_v1_again(&mut self) {}

    #[memstate(version = 3)]
    pub fn open(&mut self) {}
    #[memstate(replays = "open", version = 1)]
    fn open_v1(&mut self) {}
    #[memstate(replays = "open", version = 3)]
    fn open_v3(&mut self) {}
    #[memstate(replays = "open", version = 3)]
    fn open_v3_again(&mut self) {}

    #[memstate(upcast = shut_of_v1)]
    pub fn shut(&mut self) {}
    #[memstate(replays = "shut", version = 1)]
    fn shut_v1(&mut self) {}

    pub fn total(&self) -> u64 {
        self.total
    }
}

#[derive(serde::Deserialize)]
struct CloseV1 {}

fn shut_of_v1(_: CloseV1) {}

async fn client(bank: BankClient) {
    let _: Result<(), _> = bank.pay(3).await;
    let _: Result<u64, _> = bank.total().await;
}

fn main() {}
