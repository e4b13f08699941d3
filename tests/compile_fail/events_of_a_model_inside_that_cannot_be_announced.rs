use memstate::Ctx;

#[memstate::data]
pub enum LedgerEvent {
    Posted(u64),
}

#[memstate::model]
#[derive(Default)]
pub struct Ledger {
    total: u64,
}

#[memstate::model(events = LedgerEvent)]
impl Ledger {
    pub fn post(&mut self, ctx: &mut Ctx<LedgerEvent>, amount: u64) {
        self.total += amount;
        ctx.emit(LedgerEvent::Posted(amount));
    }
}

#[memstate::model]
#[derive(Default)]
pub struct Shop {
    #[memstate(model)]
    ledger: Ledger,
}

#[memstate::model]
impl Shop {
    pub fn sell(&mut self) {}
}

async fn client(shop: ShopClient) {
    let _ = shop.ledger().post(3).await;
    let _ = ShopCommand::Ledger(LedgerCommand::Post { amount: 3 });
}

fn main() {}
