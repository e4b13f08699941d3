use memstate::Ctx;

#[memstate::data]
pub enum BankEvent {
    Paid,
}

#[memstate::data]
pub enum ShopEvent {
    Sold,
}

#[memstate::model]
#[derive(Default)]
pub struct Bank {
    total: u64,
}

#[memstate::model(events = BankEvent)]
impl Bank {
    pub fn pay(&mut self, ctx: &mut Ctx<BankEvent>) {
        ctx.emit(BankEvent::Paid);
    }
    pub fn sell(&mut self, ctx: &mut Ctx<ShopEvent>) {
        ctx.emit(ShopEvent::Sold);
    }
}

async fn client(bank: BankClient) {
    let _: Result<(), _> = bank.pay().await;
    let _: Result<(), _> = bank.sell().await;
}

fn main() {}
