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
pub struct Shop {
    #[memstate(model)]
    ledger: Ledger,
    #[memstate(model, clone)]
    other: Ledger,
    #[memstate(was = "old")]
    sold: u64,
    #[memstate(model, was = "third", was = "first", was = "first", was = "a b")]
    third: Ledger,
}

#[memstate::model]
impl Shop {
    pub fn ledger(&mut self) {
        self.sold += 1;
    }
}

async fn client(shop: ShopClient) {
    let _ = shop.other().post(3).await;
    let _ = ShopCommand::Other(LedgerCommand::Post { amount: 3 });
}

fn main() {}
