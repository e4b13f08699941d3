#[memstate::model]
#[derive(Default)]
pub struct Bank {
    total: u64,
}

#[memstate::model]
impl Bank {
    pub fn insert<T: Into<u64>>(&mut self, value: T) {
        self.total += value.into();
    }
    pub fn fill<const N: usize>(&mut self, values: [u64; N]) {
        self.total += values.len() as u64;
    }
}

async fn client(bank: BankClient) {
    let _: Result<(), _> = bank.insert(3u8).await;
    let _: Result<(), _> = bank.fill([3]).await;
}

fn main() {}
