#[memstate::model]
#[derive(Default)]
pub struct Bank {
    total: u64,
}

#[memstate::model]
impl Bank {
    pub fn end(self) -> u64 {
        self.total
    }
    pub fn shut(self: Box<Self>) -> u64 {
        self.total
    }
    pub fn pinned(self: std::pin::Pin<&mut Self>) -> u64 {
        self.total
    }
    pub fn boxed(self: &Box<Self>) -> u64 {
        self.total
    }
}

async fn client(bank: BankClient) {
    let _: Result<u64, _> = bank.end().await;
    let _: Result<u64, _> = bank.shut().await;
    let _: Result<u64, _> = bank.pinned().await;
    let _: Result<u64, _> = bank.boxed().await;
}

fn main() {}
