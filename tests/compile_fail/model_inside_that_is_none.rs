#[memstate::data]
pub struct Money(u64);

#[memstate::model]
#[derive(Default)]
pub struct Shop {
    #[memstate(model)]
    ledger: Option<Money>,
    sold: u64,
}

#[memstate::model]
impl Shop {
    pub fn sell(&mut self) {
        self.sold += 1;
    }
}

async fn client(shop: ShopClient) {
    let _ = shop.sell().await;
    let _ = ShopCommand::Sell;
}

fn main() {}
