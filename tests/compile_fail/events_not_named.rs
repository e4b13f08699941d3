use memstate::Ctx;

#[memstate::data]
pub enum BankEvent {
    Paid,
}

#[memstate::model]
#[derive(Default)]
pub struct Bank {
    total: u64,
}

#[memstate::model]
impl Bank {
    pub fn pay(&mut self, ctx: &mut Ctx<BankEvent>) {
        ctx.emit(BankEvent::Paid);
    }
}

async fn client(bank: BankClient) {
    let _: Result<(), _> = bank.pay().await;
}

fn main() {}
