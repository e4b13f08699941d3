use memstate::Ctx;

#[memstate::model]
#[derive(Default)]
pub struct Bank {
    total: u64,
}

#[memstate::model]
impl Bank {
    pub fn pay(&mut self, #[memstate(was = "to")] amount: u64, #[memstate(was = "amount")] to: u64) {
        self.total += amount + to;
    }
    pub fn give(&mut self, #[memstate(was = "x")] from: u64, #[memstate(was = "x", was = "to")] to: u64) {
        self.total += from + to;
    }
    pub fn mark(
        &mut self,
        #[memstate(default)] ctx: &Ctx,
        #[memstate(defualt = 3)] amount: u64,
        #[memstate(default, default = 3)] more: u64,
    ) {
        self.total += amount + more + ctx.position().get();
    }
    pub fn total(&self, #[memstate(default = 1)] times: u64) -> u64 {
        self.total * times
    }
}

async fn client(bank: BankClient) {
    let _: Result<(), _> = bank.pay(3, 4).await;
    let _: Result<u64, _> = bank.total(1).await;
}

fn main() {}
