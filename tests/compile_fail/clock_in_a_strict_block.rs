#[memstate::model]
#[derive(Default)]
pub struct Bank {
    total: u64,
}

#[memstate::model]
#[memstate(strict)]
impl Bank {
    pub fn pay(&mut self) -> u64 {
        self.total += std::process::id() as u64;
        self.total
    }

    #[memstate(deterministic)]
    pub fn measured(&mut self) {
        let _ = std::time::Instant::now();
    }
}

#[memstate::model]
#[derive(Default)]
pub struct Shop {
    total: u64,
}

#[memstate::model]
impl Shop {
    #[memstate(strict)]
    pub fn sell(&mut self) {
        self.total = std::time::SystemTime::now().elapsed().map_or(0, |age| age.as_secs());
    }

    #[memstate(strict, deterministic)]
    pub fn give(&mut self) {}
}

async fn client(bank: BankClient, shop: ShopClient) {
    let _: Result<u64, _> = bank.pay().await;
    let _ = (shop.sell().await, shop.give().await, BankCommand::Pay, ShopCommand::Sell);
}

fn main() {}
