#[memstate::model]
#[derive(Default)]
pub struct Ledger {
    total: u64,
}

#[memstate::model]
impl Ledger {
    pub fn post(&mut self, amount: u64) {
        self.total += amount;
    }
}

#[memstate::model]
#[derive(Default)]
pub struct Shop(#[memstate(model)] Ledger);

#[memstate::model]
impl Shop {
    pub fn sell(&mut self) {
        self.0.post(1);
    }
}

#[memstate::data]
pub struct Pair {
    #[memstate(model)]
    first: u64,
}

async fn client(shop: ShopClient) {
    let _ = shop.sell().await;
    let _ = ShopCommand::Sell;
}

fn main() {}
