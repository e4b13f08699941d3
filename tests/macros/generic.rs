//! Generic models.

use memstate::{
    Ctx, Model, State, Timestamp,
    model::{Operation, Verdict},
};

#[memstate::model]
#[derive(Debug)]
pub struct Store<T, const N: usize = 2> {
    values: Vec<T>,
}

#[memstate::model]
impl<T: State + Clone + PartialEq, const N: usize> Store<T, N> {
    pub fn put(&mut self, value: T) -> Result<usize, T> {
        if self.values.len() == N {
            return Err(value);
        }
        self.values.push(value);
        Ok(self.values.len())
    }

    pub fn put_all(&mut self, values: &[T]) {
        self.values.extend_from_slice(values);
    }

    pub fn merge(&mut self, other: Self) -> [u8; 2] {
        self.values.extend(other.values);
        [0; 2]
    }

    pub fn clear(&mut self) {
        self.values.clear();
    }

    pub fn get(&self, at: usize) -> Option<T> {
        self.values.get(at).cloned()
    }

    pub fn first(&self) -> T {
        self.values[0].clone()
    }

    pub fn count(&self) -> Result<u64, String> {
        Ok(self.values.len() as u64)
    }
}

#[allow(dead_code)]
async fn client(store: StoreClient<String>) -> Result<(), Box<dyn std::error::Error>> {
    let _: Result<usize, memstate::Error<String>> = store.put("a".into()).await;
    let () = store.put_all(&["b".to_owned()]).await?;
    let _: [u8; 2] = store.merge(Store { values: vec![] }).await?;
    let _: Option<String> = store.get(1).await?;
    let _: Result<u64, memstate::Error<String>> = store.count().await;
    let _ = store.execute(StoreCommand::Clear).await?;
    Ok(())
}

#[test]
fn a_generic_model_is_dispatched() {
    let mut store = Store::<String, 1> { values: vec![] };
    let mut ctx = Ctx::for_test(Timestamp::default());
    let mut run =
        |command: StoreCommand<String, 1>| store.execute(command, &mut ctx, &mut Vec::new()).unwrap();
    assert_eq!(run(StoreCommand::Put { value: "a".into() }), Verdict::Accepted);
    assert_eq!(run(StoreCommand::Put { value: "b".into() }), Verdict::Rejected);
    assert_eq!(run(StoreCommand::Merge { other: Store { values: vec!["c".into()] } }), Verdict::Accepted);
    assert_eq!(store.values, ["a", "c"]);
    let StoreReply::Get(Some(value)) = store.answer(StoreQuery::Get { at: 1 }) else { panic!() };
    assert_eq!(value, "c");
    let command = StoreCommand::<String, 1>::PutAll { values: vec!["a".into()] };
    let bytes = command.encode().unwrap();
    assert_eq!(bytes, [1, 1, 1, b'a']);
    let StoreCommand::<String, 1>::PutAll { values } = StoreCommand::decode(&bytes).unwrap() else {
        panic!()
    };
    assert_eq!(values, ["a"]);
    let query = StoreQuery::<String, 1>::Get { at: 3 };
    assert_eq!(query.clone(), query);
    assert_eq!(format!("{query:?}"), "Get { at: 3 }");
}
