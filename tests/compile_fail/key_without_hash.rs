use memstate::collections::HashMap;

#[memstate::data]
pub struct Name(String);

#[memstate::model]
#[derive(Default)]
pub struct Shop {
    prices: HashMap<Name, u64>,
}

#[memstate::model]
impl Shop {
    pub fn how_many(&self) -> usize {
        self.prices.len()
    }

    pub fn double(&mut self) {
        self.prices.values_mut().for_each(|price| *price *= 2);
    }
}

async fn client(shop: ShopClient) -> Result<(), memstate::Error> {
    shop.double().await?;
    let _: usize = shop.how_many().await?;
    Ok(())
}

async fn open() {
    let shop: ShopClient = memstate::open::<Shop>("shop").await.unwrap();
    client(shop).await.unwrap();
}

fn main() {}
