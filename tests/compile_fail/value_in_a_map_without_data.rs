use memstate::collections::HashMap;

pub struct Item {
    price: u64,
}

#[memstate::model]
#[derive(Default)]
pub struct Shop {
    items: HashMap<u64, Item>,
}

#[memstate::model]
impl Shop {
    pub fn price(&self, item: u64) -> Option<u64> {
        self.items.get(&item).map(|item| item.price)
    }

    pub fn set_price(&mut self, item: u64, price: u64) {
        let known = self.items.contains_key(&item);
        assert!(known || price > 0);
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
