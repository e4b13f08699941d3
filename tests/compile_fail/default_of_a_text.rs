#[memstate::model]
#[derive(Default)]
pub struct Bank {
    total: u64,
}

#[memstate::model]
impl Bank {
    pub fn pay(
        &mut self,
        amount: u64,
        #[memstate(default = "nobody")] by: String,
        #[memstate(default = 0)] what: &str,
    ) -> u64 {
        let _ = (by, what);
        self.total += amount;
        self.total
    }
}

async fn client(bank: BankClient) {
    let _: Result<u64, _> = bank.pay(3, "Ann", "rent").await;
    let _ = BankCommand::Pay { amount: 3, by: String::new(), what: String::new() };
}

fn main() {}
