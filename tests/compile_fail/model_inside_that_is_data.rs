#[memstate::data]
#[derive(Default)]
pub struct Money(u64);

#[memstate::model]
#[derive(Default)]
pub struct Shop {
    #[memstate(model)]
    money: Money,
    sold: u64,
}

#[memstate::model]
impl Shop {
    pub fn sell(&mut self) -> u64 {
        self.sold += 1;
        self.sold
    }
    pub fn sold(&self) -> u64 {
        self.sold
    }
}

async fn client(shop: ShopClient) {
    let _: Result<u64, _> = shop.sell().await;
    let _: Result<u64, _> = shop.sold().await;
    let _ = ShopCommand::Sell;
}

fn main() {}
