#[memstate::model]
#[derive(Default)]
pub struct Bank {
    name: String,
    totals: Vec<u64>,
}

#[memstate::model]
impl Bank {
    pub fn name(&self) -> &str {
        &self.name
    }
    pub fn first(&self) -> Option<&u64> {
        self.totals.first()
    }
    pub fn totals(&self) -> &[u64] {
        &self.totals
    }
    pub fn each(&self) -> impl Iterator<Item = u64> {
        self.totals.iter().copied()
    }
    pub fn cow(&self) -> std::borrow::Cow<'_, str> {
        (&self.name).into()
    }
    pub fn push(&mut self, total: u64) -> &mut u64 {
        self.totals.push(total);
        self.totals.last_mut().unwrap()
    }
}

async fn client(bank: BankClient) {
    let _: Result<String, _> = bank.name().await;
    let _: Result<Option<u64>, _> = bank.first().await;
    let _: Result<Vec<u64>, _> = bank.totals().await;
    let _ = bank.each().await;
    let _: Result<u64, _> = bank.push(3).await;
}

fn main() {}
