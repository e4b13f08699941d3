//! `#[memstate::data]`: saving and putting back, recursion, destructors, generics, serde.

use std::{
    collections::HashMap,
    marker::PhantomData,
    sync::atomic::{AtomicUsize, Ordering},
};

use memstate::State;

fn comes_back<T: State + PartialEq + std::fmt::Debug + Clone>(before: T, change: impl FnOnce(&mut T)) {
    let mut value = before.clone();
    let saved = value.save();
    change(&mut value);
    assert_ne!(value, before);
    value.put_back(saved);
    assert_eq!(value, before);
    assert_eq!(T::restore(before.save()), before);
    let bytes = postcard::to_stdvec(&before).unwrap();
    assert_eq!(postcard::from_bytes::<T>(&bytes).unwrap(), before);
    let json = serde_json::to_string(&before).unwrap();
    assert_eq!(serde_json::from_str::<T>(&json).unwrap(), before);
}

#[memstate::data]
#[derive(Debug, PartialEq)]
pub enum Tree {
    Leaf,
    Node(Box<Tree>, Box<Tree>),
    Named { name: String, below: Vec<Tree> },
}

#[test]
fn recursive_data_comes_back() {
    let tree =
        Tree::Node(Box::new(Tree::Leaf), Box::new(Tree::Named { name: "a".into(), below: vec![Tree::Leaf] }));
    comes_back(tree.clone(), |tree| *tree = Tree::Leaf);
    comes_back(tree, |tree| {
        if let Tree::Node(left, _) = tree {
            **left = Tree::Named { name: String::new(), below: Vec::new() };
        }
    });
}

#[memstate::data]
#[derive(Debug, PartialEq)]
pub struct List {
    value: u8,
    next: Option<Box<List>>,
    itself: Vec<Self>,
}

#[test]
fn a_struct_may_hold_itself() {
    let list = List {
        value: 1,
        next: Some(Box::new(List { value: 2, next: None, itself: vec![] })),
        itself: vec![],
    };
    comes_back(list, |list| list.next = None);
}

static DROPS: AtomicUsize = AtomicUsize::new(0);

#[memstate::data]
#[derive(Debug, PartialEq)]
pub struct Guard {
    name: String,
}

impl Drop for Guard {
    fn drop(&mut self) {
        DROPS.fetch_add(1, Ordering::Relaxed);
    }
}

#[memstate::data]
#[derive(Debug, PartialEq)]
pub enum Guarded {
    Yes(String),
    No,
}

impl Drop for Guarded {
    fn drop(&mut self) {
        DROPS.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn data_may_have_destructors() {
    comes_back(Guard { name: "a".into() }, |guard| guard.name.push('b'));
    comes_back(Guarded::Yes("a".into()), |guarded| *guarded = Guarded::No);
    assert!(DROPS.load(Ordering::Relaxed) > 0);
}

#[memstate::data]
#[derive(Debug, PartialEq)]
pub struct Pair<A, B: Clone, const N: usize>
where
    A: Ord,
{
    first: A,
    second: Option<B>,
    size: PhantomData<[(); N]>,
}

#[memstate::data]
#[derive(Debug, PartialEq)]
pub enum Either<L, R = u8> {
    Left(L),
    Right { right: R },
}

#[memstate::data]
#[derive(Debug, PartialEq)]
pub struct Id<T> {
    id: u64,
    of: PhantomData<T>,
}

/// Neither `Clone` nor `State`, which an `Id` does not care about.
#[derive(Debug, PartialEq)]
pub struct Unrelated;

#[test]
fn generic_data_comes_back() {
    let pair = Pair::<String, u8, 3> { first: "a".into(), second: None, size: PhantomData };
    comes_back(pair, |pair| pair.second = Some(1));
    comes_back(Either::<u8, String>::Left(1), |either| *either = Either::Right { right: "x".into() });
    fn state<T: State>() {}
    state::<Id<Unrelated>>();
}

/// A type of another crate: `Clone` and serializable, but no `State`.
type Foreign = HashMap<String, u8>;

mod as_text {
    use serde::{Deserialize, Deserializer, Serializer};

    #[derive(Debug, Clone, PartialEq)]
    pub struct Version(pub u8);

    pub fn serialize<S: Serializer>(version: &Version, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&version.0.to_string())
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Version, D::Error> {
        String::deserialize(deserializer)?.parse().map(Version).map_err(serde::de::Error::custom)
    }
}

#[memstate::data]
#[derive(Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Mixed {
    #[memstate(clone)]
    foreign: Foreign,
    #[memstate(clone)]
    #[serde(with = "as_text")]
    version: as_text::Version,
    #[serde(default, alias = "nick")]
    nick_name: Option<String>,
    #[serde(rename = "no")]
    number: u32,
}

#[memstate::data]
#[derive(Debug, PartialEq)]
pub struct Holder<T> {
    #[memstate(clone)]
    held: T,
    #[memstate(clone)]
    all: Vec<T>,
}

#[test]
fn foreign_fields_are_saved_as_clones() {
    let mixed = Mixed { foreign: Foreign::new(), version: as_text::Version(2), nick_name: None, number: 3 };
    comes_back(mixed.clone(), |mixed| {
        mixed.foreign.insert("a".into(), 1);
        mixed.version.0 = 7;
    });
    comes_back(Holder { held: 1u8, all: vec![] }, |holder| holder.all.push(1));
    let json = serde_json::to_value(&mixed).unwrap();
    assert_eq!(json, serde_json::json!({ "foreign": {}, "version": "2", "nickName": null, "no": 3 }));
}

#[memstate::data]
#[derive(Debug, PartialEq)]
pub struct Optional {
    value: Option<u8>,
    more: std::option::Option<Box<Optional>>,
}

#[test]
fn a_missing_option_is_none_as_ever() {
    assert_eq!(serde_json::from_str::<Optional>("{}").unwrap(), Optional { value: None, more: None });
}

#[memstate::data]
#[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize, Default)]
pub struct Derived(u8, Option<String>);

#[memstate::data]
#[derive(Debug, PartialEq)]
pub struct Unit;

#[memstate::data]
#[derive(Debug)]
pub enum Never {}

#[memstate::data(error)]
pub struct Insufficient {
    balance: u64,
}

#[memstate::data(error)]
#[memstate(display = "only {0} of {1:?}")]
pub struct Only(u8, Vec<u8>);

#[memstate::data(error)]
pub enum Failure<T> {
    Of(T),
    Never,
}

#[memstate::data(error)]
pub struct Gone;

#[test]
fn small_shapes() {
    comes_back(Derived(1, None), |derived| derived.0 = 2);
    let unit = Unit;
    unit.save();
    fn state<T: State>() {}
    state::<Never>();
    assert_eq!(Insufficient { balance: 3 }.to_string(), "insufficient: balance 3");
    assert_eq!(Only(1, vec![2]).to_string(), "only 1 of [2]");
    assert_eq!(Failure::Of(3).to_string(), "of: 3");
    assert_eq!(Failure::<u8>::Never.to_string(), "never");
    assert_eq!(Gone.to_string(), "gone");
}
