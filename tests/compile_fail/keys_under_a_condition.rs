#[memstate::model]
#[derive(Default)]
pub struct Bank {
    #[cfg_attr(all(), memstate(clone))]
    total: u64,
}

#[memstate::model]
impl Bank {
    #[cfg_attr(all(), memstate(skip))]
    pub fn skip(&mut self) {}

    #[cfg_attr(any(), inline, memstate(was = "put"))]
    pub fn add(&mut self, #[cfg_attr(all(), memstate(default))] amount: u64) {
        self.total += amount;
    }
}

async fn client(bank: BankClient) {
    let _: Result<(), _> = bank.add(3).await;
}

fn main() {}
