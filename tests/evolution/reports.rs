//! What cannot be carried over: all of it at once, before anything is replayed, with numbers.

use std::sync::atomic::{AtomicU64, Ordering};

use memstate::{OpenError, Position};

use super::{problems, replayed, shown};

/// How often a command of the second version ran.
static RAN: AtomicU64 = AtomicU64::new(0);

mod first {
    #[memstate::model]
    #[derive(Debug, Default)]
    pub struct Shop {
        pub sold: u64,
    }

    #[memstate::model]
    impl Shop {
        pub fn sell(&mut self, pieces: u64, to: Option<String>) {
            let _ = to;
            self.sold += pieces;
        }

        pub fn give_back(&mut self, pieces: u8) {
            self.sold -= u64::from(pieces);
        }

        pub fn rename(&mut self, name: String, number: i32) {
            let _ = (name, number);
        }

        pub fn never_used(&mut self, text: String) {
            let _ = text;
        }
    }
}

/// Only what it writes is another, so that there are records of two writers.
mod between {
    #[memstate::model]
    #[derive(Debug, Default)]
    pub struct Shop {
        pub sold: u64,
        #[serde(default)]
        pub more: Option<u8>,
    }

    #[memstate::model]
    impl Shop {
        pub fn sell(&mut self, pieces: u64, to: Option<String>) {
            let _ = to;
            self.sold += pieces;
        }

        pub fn give_back(&mut self, pieces: u8) {
            self.sold -= u64::from(pieces);
        }

        pub fn rename(&mut self, name: String, number: i32) {
            let _ = (name, number);
        }

        pub fn never_used(&mut self, text: String) {
            let _ = text;
        }
    }
}

mod second {
    use std::sync::atomic::Ordering;

    #[memstate::model]
    #[derive(Debug, Default)]
    pub struct Shop {
        pub sold: u64,
    }

    #[memstate::model]
    impl Shop {
        pub fn sell(&mut self, pieces: u8, to: String) {
            super::RAN.fetch_add(1, Ordering::SeqCst);
            let _ = to;
            self.sold += u64::from(pieces);
        }

        pub fn rename(&mut self, name: Vec<u8>, number: bool, why: String) {
            let _ = (name, number, why);
        }

        pub fn never_used(&mut self, text: bool) {
            let _ = text;
        }
    }
}

#[tokio::test]
async fn every_problem_is_counted_over_all_writers_and_nothing_was_replayed() {
    let dir = tempfile::tempdir().unwrap();
    let shop = replayed::<first::Shop>(dir.path()).await.unwrap();
    let ann = || Some("Ann".to_owned());
    shop.sell(1, ann()).await.unwrap();
    shop.sell(255, ann()).await.unwrap();
    shop.sell(256, ann()).await.unwrap();
    shop.sell(2, None).await.unwrap();
    shop.give_back(1).await.unwrap();
    shop.close().await.unwrap();
    let shop = replayed::<between::Shop>(dir.path()).await.unwrap();
    shop.sell(1000, ann()).await.unwrap();
    shop.rename("name", 7).await.unwrap();
    shop.give_back(2).await.unwrap();
    shop.snapshot().await.unwrap();
    shop.close().await.unwrap();

    let found = problems::<second::Shop>(dir.path()).await;
    let brief: Vec<_> = found
        .iter()
        .map(|problem| {
            let command = problem.command.as_deref().unwrap_or_default();
            (
                command,
                problem.place.as_str(),
                problem.was.as_str(),
                problem.now.as_str(),
                problem.first.get(),
                problem.records,
            )
        })
        .collect();
    assert_eq!(
        brief,
        [
            // One record stumbles over one value: where `pieces` does not fit, `to` is not looked at.
            ("sell", "pieces", "u64", "u8", 3, 2),
            ("sell", "to", "Option<String>", "String", 4, 1),
            ("give_back", "", "give_back(pieces: u8)", "", 5, 2),
            ("rename", "name", "String", "Vec<u8>", 7, 1),
            ("rename", "number", "i32", "bool", 7, 1),
            ("rename", "why", "", "String", 7, 1),
        ]
    );
    let remedies = |number: usize| found[number].remedy.as_str();
    assert!(
        remedies(2).contains("#[memstate(retired)]") && remedies(2).contains("was = \"give_back\""),
        "{found:#?}"
    );
    assert!(remedies(5).contains("#[memstate(default"), "{found:#?}");
    assert_eq!(RAN.load(Ordering::SeqCst), 0, "the report comes before anything is run");

    let error = memstate::open::<second::Shop>(dir.path()).await.expect_err("it is refused");
    let text = error.to_string();
    assert!(matches!(error, OpenError::Changed { model: "Shop", .. }));
    for problem in &found {
        assert!(text.contains(&problem.what) && text.contains(&problem.was), "{text}");
    }

    // It was left as it was.
    let shop = replayed::<between::Shop>(dir.path()).await.unwrap();
    assert_eq!((shop.position(), shop.read(|shop| shop.sold)), (Position::new(8), 1511));
}

/// Two versions in turn: `later` has a command that `earlier` does not know.
mod earlier {
    use std::sync::atomic::Ordering;

    #[memstate::model]
    #[derive(Debug, Default)]
    pub struct Turns {
        pub sum: u64,
    }

    #[memstate::model]
    impl Turns {
        pub fn add(&mut self, number: u64) {
            super::ADDED.fetch_add(1, Ordering::SeqCst);
            self.sum += number;
        }
    }
}

mod later {
    #[memstate::model]
    #[derive(Debug, Default)]
    pub struct Turns {
        pub sum: u64,
    }

    #[memstate::model]
    impl Turns {
        pub fn add(&mut self, number: u64) {
            self.sum += number;
        }

        pub fn double(&mut self) {
            self.sum *= 2;
        }
    }
}

static ADDED: AtomicU64 = AtomicU64::new(0);

#[tokio::test]
async fn nothing_is_replayed_either_where_todays_own_records_come_first() {
    let dir = tempfile::tempdir().unwrap();
    let turns = replayed::<earlier::Turns>(dir.path()).await.unwrap();
    turns.add(1).await.unwrap();
    turns.close().await.unwrap();
    let turns = replayed::<later::Turns>(dir.path()).await.unwrap();
    turns.double().await.unwrap();
    turns.close().await.unwrap();
    let before = ADDED.load(Ordering::SeqCst);
    let found = shown(&problems::<earlier::Turns>(dir.path()).await);
    assert!(found.len() == 1 && found[0].starts_with("command `double`"), "{found:?}");
    assert_eq!(ADDED.load(Ordering::SeqCst), before);
}

/// Like the first, but it says what is to become of what is not there any more.
mod mended {
    #[memstate::model]
    #[derive(Debug, Default)]
    pub struct Shop {
        pub sold: u64,
    }

    #[derive(serde::Deserialize)]
    pub struct RenameV1 {
        name: String,
        number: i32,
    }

    fn from_v1(old: RenameV1) -> (Vec<u8>, bool, String) {
        (old.name.into_bytes(), old.number != 0, "as before".to_owned())
    }

    #[memstate::model]
    impl Shop {
        pub fn sell(&mut self, pieces: u64, to: Option<String>) {
            let _ = to;
            self.sold += pieces;
        }

        #[memstate(retired)]
        fn give_back(&mut self, pieces: u8) {
            self.sold -= u64::from(pieces);
        }

        #[memstate(upcast = from_v1)]
        pub fn rename(&mut self, name: Vec<u8>, number: bool, why: String) {
            assert_eq!((name, number, why), (b"name".to_vec(), true, "as before".to_owned()));
        }

        pub fn never_used(&mut self, text: bool) {
            let _ = text;
        }
    }
}

#[tokio::test]
async fn what_the_report_says_to_type_mends_it() {
    for with_snapshot in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        let shop = replayed::<first::Shop>(dir.path()).await.unwrap();
        shop.sell(1000, None).await.unwrap();
        shop.rename("name", 7).await.unwrap();
        shop.give_back(2).await.unwrap();
        if with_snapshot {
            shop.snapshot().await.unwrap();
        }
        shop.close().await.unwrap();
        assert!(!problems::<second::Shop>(dir.path()).await.is_empty());
        let shop = replayed::<mended::Shop>(dir.path()).await.unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(shop.read(|shop| shop.sold), 998);
    }
}

#[tokio::test]
async fn a_model_of_other_parameters_is_another_type() {
    mod generic {
        #[memstate::model]
        #[derive(Debug, Default)]
        pub struct Store<V: memstate::State> {
            pub values: memstate::collections::Vec<V>,
        }

        #[memstate::model]
        impl<V: memstate::State> Store<V> {
            pub fn put(&mut self, value: V) {
                self.values.push(value);
            }
        }
    }
    let dir = tempfile::tempdir().unwrap();
    let store = replayed::<generic::Store<u32>>(dir.path()).await.unwrap();
    store.put(7).await.unwrap();
    store.close().await.unwrap();
    let found = shown(&problems::<generic::Store<String>>(dir.path()).await);
    assert!(found.iter().any(|problem| problem.contains("`put`") && problem.contains("u32")), "{found:?}");
    let store = replayed::<generic::Store<u64>>(dir.path()).await.unwrap();
    assert_eq!(store.read(|store| store.values[0]), 7);
}
