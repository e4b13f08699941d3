#[memstate::model]
#[derive(Default)]
pub struct Bank {
    total: u64,
}

#[memstate::model]
impl Bank {
    pub fn age(&self, ctx: &memstate::Ctx, of: u64) -> u64 {
        let _ = ctx;
        of
    }
}

async fn client(bank: BankClient) {
    let _: Result<u64, _> = bank.age(3).await;
}

fn main() {}
