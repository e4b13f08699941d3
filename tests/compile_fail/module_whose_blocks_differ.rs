#[memstate::model]
mod store {
    use memstate::State;

    #[derive(Default)]
    pub struct Store<T> {
        values: Vec<T>,
    }

    impl<T: State> Store<T> {
        pub fn put(&mut self, value: T) {
            self.values.push(value);
        }
    }

    impl<T: State + Ord> Store<T>
    where
        T: Clone,
    {
        pub fn greatest(&self) -> Option<T> {
            self.values.iter().max().cloned()
        }
    }

    impl<K: State> Store<K> {
        pub fn swap(&mut self, value: K) -> Option<K> {
            self.values.push(value);
            self.values.pop()
        }
    }

    impl Store<u8> {
        pub fn sum(&self) -> u8 {
            self.values.iter().sum()
        }
    }
}

use store::{Store, StoreClient, StoreCommand};

async fn client(store: StoreClient<u8>) {
    let _: Result<(), _> = store.put(3).await;
    let _: Result<Option<u8>, _> = store.greatest().await;
    let _: Result<Option<u8>, _> = store.swap(3).await;
    let _: Result<u8, _> = store.sum().await;
    let _ = StoreCommand::<u8>::Put { value: 3 };
    let _ = Store::<u8>::default().sum();
}

fn main() {}
