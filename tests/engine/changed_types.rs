//! Types that look different today: bytes in postcard's format would be read as something else without an error, so the
//! journal is refused, with and without a snapshot, and left as it was.

use memstate::{Model, OpenError};

/// Two versions of a library; `$what` is what changes.
macro_rules! version {
    ($module:ident { $($book:tt)* } { $($status:tt)* } { $($order:tt)* }) => {
        mod $module {
            #[memstate::data]
            #[derive(Debug, Default)]
            pub struct Book {
                $($book)*
            }

            #[memstate::data]
            #[derive(Debug, Default)]
            pub enum Status {
                $($status)*
            }

            /// An argument; serde's derives are enough for one.
            #[derive(Debug, Default, Clone, serde::Serialize, serde::Deserialize)]
            pub struct Order {
                $($order)*
            }

            #[memstate::model]
            #[derive(Debug, Default)]
            pub struct Library {
                pub books: memstate::collections::HashMap<u64, Book>,
                pub statuses: memstate::collections::Vec<Status>,
            }

            #[memstate::model]
            impl Library {
                pub fn add(&mut self) {
                    self.books.insert(1, Book { copies: 3, lent: 7 });
                    self.statuses.push(Status::Lent);
                }

                pub fn order(&mut self, order: Order) {
                    let _ = order;
                }
            }
        }
    };
}

version!(original { pub copies: u32, pub lent: u32 } { #[default] Free, Lent } { pub number: u32, pub copies: u32 });
version!(fields_exchanged { pub lent: u32, pub copies: u32 } { #[default] Free, Lent } { pub number: u32, pub copies: u32 });
version!(field_widened { pub copies: u64, pub lent: u32 } { #[default] Free, Lent } { pub number: u32, pub copies: u32 });
version!(variant_inserted { pub copies: u32, pub lent: u32 } { #[default] Reserved, Free, Lent } { pub number: u32, pub copies: u32 });
version!(argument_signed { pub copies: u32, pub lent: u32 } { #[default] Free, Lent } { pub number: i32, pub copies: u32 });
version!(moved { pub copies: u32, pub lent: u32 } { #[default] Free, Lent } { pub number: u32, pub copies: u32 });

async fn problems<M: Model + Default>(dir: &std::path::Path) -> Vec<String> {
    match memstate::open::<M>(dir).await {
        Err(OpenError::Changed { problems, .. }) => problems,
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("it was opened, and misread"),
    }
}

#[tokio::test]
async fn a_journal_whose_types_have_changed_is_refused_and_the_types_are_named() {
    for with_snapshot in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        let library = memstate::open::<original::Library>(dir.path()).no_snapshot_on_close().await.unwrap();
        library.add().await.unwrap();
        library.order(original::Order { number: 5, copies: 6 }).await.unwrap();
        if with_snapshot {
            library.snapshot().await.unwrap();
        }
        library.close().await.unwrap();

        let found = problems::<fields_exchanged::Library>(dir.path()).await;
        assert_eq!(
            found,
            [
                "type `Book` was `{ copies: u32, lent: u32 }` and is now `{ lent: u32, copies: u32 }`; put it back"
            ]
        );
        let found = problems::<field_widened::Library>(dir.path()).await;
        assert!(found.len() == 1 && found[0].contains("copies: u64"), "{found:?}");
        let found = problems::<variant_inserted::Library>(dir.path()).await;
        assert!(found.len() == 1 && found[0].contains("`{ Free, Lent }`"), "{found:?}");
        let found = problems::<argument_signed::Library>(dir.path()).await;
        assert!(
            found.len() == 1 && found[0].contains("`Order`") && found[0].contains("number: i32"),
            "{found:?}"
        );

        let library =
            memstate::open::<moved::Library>(dir.path()).await.expect("where a type stands means nothing");
        assert_eq!(library.read(|library| (library.books[&1].copies, library.books[&1].lent)), (3, 7));
    }
}

mod generic {
    /// A generic model.
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

#[tokio::test]
async fn a_generic_model_is_only_opened_with_its_own_parameters() {
    let dir = tempfile::tempdir().unwrap();
    let store = memstate::open::<generic::Store<u32>>(dir.path()).no_snapshot_on_close().await.unwrap();
    store.put(7).await.unwrap();
    store.close().await.unwrap();
    let found = problems::<generic::Store<i32>>(dir.path()).await;
    assert!(found[0].contains("list of u32") && found[0].contains("list of i32"), "{found:?}");
    let store = memstate::open::<generic::Store<u32>>(dir.path()).await.unwrap();
    assert_eq!(store.read(|store| store.values.len()), 1);
}
