use memstate::State;

type Outcome<T> = Result<T, String>;

#[memstate::model]
pub struct Store<T> {
    last: T,
}

#[memstate::model]
impl<T: State + Clone> Store<T> {
    pub fn put(&mut self, value: T) -> Outcome<T> {
        Ok(std::mem::replace(&mut self.last, value))
    }
}

fn client(store: StoreClient<u64>) {
    let _ = store.put(3);
}

fn main() {}
