#[memstate::model]
#[derive(Default)]
struct Counter {
    count: u64,
}

#[memstate::model]
impl Counter {
    fn add(&mut self, amount: u64) -> u64 {
        self.count += amount;
        self.count
    }

    fn get(&self) -> u64 {
        self.count
    }
}

async fn open() {
    let counter: CounterClient = memstate::open::<Counter>("memory:").await.unwrap();
    counter.close().await.unwrap();
}

fn main() {}
