use memstate::collections::HashMap;

#[derive(Debug, Clone)]
pub struct Price {
    cents: u64,
}

#[memstate::data]
pub struct Item {
    price: Price,
}

#[memstate::model]
#[derive(Default)]
pub struct Shop {
    items: HashMap<u64, Item>,
}

#[memstate::model]
impl Shop {
    pub fn price(&self, item: u64) -> Option<u64> {
        self.items.get(&item).map(|item| item.price.cents)
    }

    pub fn set_price(&mut self, item: u64, cents: u64) {
        self.items.insert(item, Item { price: Price { cents } });
    }
}

async fn client(shop: ShopClient) -> Result<(), memstate::Error> {
    shop.set_price(3, 500).await?;
    let _: Option<u64> = shop.price(3).await?;
    Ok(())
}

async fn open() {
    let shop: ShopClient = memstate::open::<Shop>("shop").await.unwrap();
    client(shop).await.unwrap();
}

fn main() {}
