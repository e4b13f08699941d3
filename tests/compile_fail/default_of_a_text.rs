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
        #[memstate(default = "nothing")] what: &str,
        #[memstate(default = "")] whom: Option<String>,
    ) -> u64 {
        let _ = (by, what, whom);
        self.total += amount;
        self.total
    }
}

async fn client(bank: BankClient) {
    let _: Result<u64, _> = bank.pay(3, "Ann", "rent", None).await;
}

fn main() {}
