#[memstate::model]
#[derive(Default)]
pub struct Store<T, const N: usize = 2> {
    values: Vec<T>,
}

#[memstate::model]
impl<T: memstate::State + Clone> Store<T> {
    pub fn put(&mut self, value: T) {
        self.values.push(value);
    }
    pub fn first(&self) -> Option<T> {
        self.values.first().cloned()
    }
}

async fn client(store: StoreClient<u64>) {
    let _: Result<(), _> = store.put(3).await;
}

fn main() {}
