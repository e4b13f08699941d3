pub struct Store<T> {
    last: T,
}

#[memstate::model]
impl<T: memstate::State + Clone> Store<T> {
    pub fn put(&mut self, value: T) {
        self.last = value;
    }
}

fn client(store: StoreClient<u64>) {
    let _ = store;
}

fn main() {}
