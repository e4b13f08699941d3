#[memstate::model]
#[derive(Default)]
pub struct Bank {
    total: u64,
}

#[memstate::model]
impl Bank {
    #[memstate(was = deposit)]
    pub fn pay(&mut self, amount: u64) {
        self.total += amount;
    }
    #[memstate(was = "pay_all", was = "pay_out", was = "pay_out", was = "pay out")]
    pub fn pay_all(&mut self) {}
    #[memstate(version = 0)]
    pub fn shut(&mut self) {}
    #[memstate(replays = "pay")]
    fn pay_v1(&mut self) {}
    #[memstate(replays = "shut", version = 1, retired, was = "end", upcast = from)]
    fn shut_v1(&mut self) {}
    #[memstate(skip, version = 2)]
    pub fn helper(&mut self) {}
    #[memstate(was = "help")]
    fn help_out(&mut self) {}
    #[memstate(retired)]
    pub fn new() -> Self {
        Bank::default()
    }
    #[memstate(retired, version = 2)]
    pub fn total(&self) -> u64 {
        self.total
    }
    #[memstate(retird)]
    pub fn old(&mut self) {}
}

async fn client(bank: BankClient) {
    let _: Result<(), _> = bank.pay(3).await;
    let _: Result<u64, _> = bank.total().await;
    let _ = bank.execute(BankCommand::PayV1).await;
}

fn main() {}
