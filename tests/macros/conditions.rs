//! Conditions on fields and variants: what is not there is in nothing that is written, and what is there is in all of it.

#![allow(clippy::non_minimal_cfg, reason = "conditions that are always and never true")]

use memstate::{Model, State, model::Operation};

/// Fails to compile where it is not taken away.
#[memstate::data]
#[derive(Debug, PartialEq)]
pub struct Plain {
    #[cfg(not(all()))]
    gone: Missing,
    here: u8,
    #[cfg_attr(all(), serde(default))]
    kept: Option<u8>,
    #[cfg(all())]
    last: String,
}

#[memstate::data]
#[derive(Debug, PartialEq)]
pub struct Tuple(#[cfg(any())] Missing, u8, #[cfg(not(any()))] String, #[cfg(any())] Missing);

#[memstate::data(error)]
#[derive(PartialEq)]
pub enum Refusal {
    #[cfg(any())]
    Gone(Missing),
    #[cfg_attr(all(), memstate(display = "{1} of {0}"))]
    Few(u8, #[cfg(any())] Missing, #[cfg(all())] u8),
    #[cfg(all())]
    Late {
        #[cfg(any())]
        since: Missing,
        by: u64,
    },
}

/// Cloned and serialized, and no `State`.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Foreign(u8);

#[memstate::model]
#[derive(Default)]
pub struct Ledger {
    total: u64,
}

#[memstate::model]
impl Ledger {
    pub fn post(&mut self, amount: u64) -> u64 {
        self.total += amount;
        self.total
    }
}

#[memstate::model]
#[cfg_attr(all(), derive(Default))]
#[cfg_attr(any(), derive(Missing))]
pub struct Shop<#[cfg(any())] T> {
    #[cfg_attr(all(), memstate(clone))]
    foreign: Foreign,
    #[cfg(all())]
    #[memstate(model)]
    ledger: Ledger,
    #[cfg(any())]
    #[memstate(model)]
    books: Missing,
    #[cfg(any())]
    sold: Missing,
    #[cfg(all())]
    plain: Vec<Plain>,
}

type Vec<T> = memstate::collections::Vec<T>;

#[memstate::model]
impl Shop {
    pub fn put(&mut self, plain: Plain) -> Result<usize, Refusal> {
        self.foreign.0 += 1;
        self.plain.push(plain);
        match self.plain.len() {
            3 => Err(Refusal::Few(3, 2)),
            len => Ok(len),
        }
    }
    pub fn foreign(&self) -> u8 {
        self.foreign.0
    }
}

fn plain(here: u8) -> Plain {
    Plain { here, kept: None, last: "x".into() }
}

#[test]
fn fields_follow_their_conditions() {
    let mut value = plain(1);
    let saved = value.save();
    (value.here, value.last) = (2, String::new());
    value.put_back(saved);
    assert_eq!(value, plain(1));
    let mut value = Tuple(1, "a".into());
    let saved = value.save();
    value.1.clear();
    value.put_back(saved);
    assert_eq!(value, Tuple(1, "a".into()));
    let bytes = postcard::to_stdvec(&value).unwrap();
    assert_eq!(bytes, [1, 1, b'a']);
    assert_eq!(postcard::from_bytes::<Tuple>(&bytes).unwrap(), value);
}

#[test]
fn variants_follow_their_conditions() {
    let late = Refusal::Late { by: 3 };
    assert_eq!(postcard::to_stdvec(&late).unwrap(), [1, 3]);
    assert_eq!((late.to_string(), Refusal::Few(1, 2).to_string()), ("late: by 3".into(), "2 of 1".into()));
    assert_eq!(Refusal::restore(late.save()), late);
}

#[tokio::test]
async fn a_model_with_conditions_runs_and_takes_back() {
    let shop = memstate::open::<Shop>("memory:").await.unwrap();
    assert_eq!(shop.put(plain(1)).await.unwrap(), 1);
    assert_eq!(shop.put(plain(2)).await.unwrap(), 2);
    let refused = shop.put(plain(3)).await.unwrap_err();
    assert!(matches!(refused, memstate::Error::Rejected(Refusal::Few(3, 2))), "{refused}");
    assert_eq!(shop.foreign().await.unwrap(), 2);
    assert_eq!(shop.ledger().post(5).await.unwrap(), 5);
    let names: std::vec::Vec<_> = ShopCommand::list().into_iter().map(|method| method.name).collect();
    assert_eq!(names, ["put", "ledger.post"]);
    assert_eq!(<Shop as Model>::VERSION, 1);
}

#[memstate::model]
mod depot {
    #[derive(Default)]
    pub struct Depot {
        #[cfg(any())]
        gone: Missing,
        pub count: u8,
        /// It stands in a module under one attribute.
        #[cfg(all())]
        pub other: u8,
    }

    impl Depot {
        pub fn add(&mut self, by: u8) {
            self.count += by;
            self.other += 1;
        }
    }
}

#[test]
fn a_model_in_a_module_follows_its_conditions_too() {
    let mut depot = depot::Depot::default();
    let saved = depot.save();
    depot.add(3);
    assert_eq!((depot.count, depot.other), (3, 1));
    depot.put_back(saved);
    assert_eq!((depot.count, depot.other), (0, 0));
    let _ = depot::DepotCommand::Add { by: 3 };
}

macro_rules! item {
    ($(#[$attribute:meta])* $name:ident { $($(#[$of_field:meta])* $field:ident: $ty:ty,)* }) => {
        #[memstate::data]
        $(#[$attribute])*
        pub struct $name { $($(#[$of_field])* pub $field: $ty,)* }
    };
}

item! {
    #[cfg_attr(all(), derive(PartialEq, Debug))]
    Made { #[cfg(any())] gone: Missing, #[doc = "x"] here: u8, #[cfg(all())] there: Option<String>, }
}

#[test]
fn a_macro_may_write_the_conditions() {
    let made = Made { here: 1, there: None };
    assert_eq!(Made::restore(made.save()), made);
}

#[test]
fn an_item_in_a_function_follows_its_conditions() {
    #[memstate::data]
    #[derive(Debug, PartialEq)]
    struct Inside {
        #[cfg(any())]
        gone: Missing,
        here: u8,
    }
    assert_eq!(Inside::restore(Inside { here: 3 }.save()), Inside { here: 3 });
}
