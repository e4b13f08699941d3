use std::collections::HashMap;

#[memstate::model]
#[derive(Default)]
pub struct Cart {
    sum: u64,
}

#[memstate::model]
impl Cart {
    pub fn add(&mut self, prices: HashMap<u64, u64>) -> u64 {
        self.sum += prices.values().sum::<u64>();
        self.sum
    }

    pub fn names(&mut self) -> Option<std::collections::HashSet<String>> {
        None
    }

    pub fn ordered(&mut self, prices: memstate::collections::HashMap<u64, u64>) {
        self.sum += prices.values().sum::<u64>();
    }

    pub fn all(&self) -> HashMap<u64, u64> {
        HashMap::new()
    }
}

async fn client(cart: CartClient) {
    let _ = cart.add(HashMap::new()).await;
    let _ = cart.names().await;
    let _ = cart.all().await;
    let _ = CartCommand::Add { prices: HashMap::new() };
}

fn main() {}
