//! `self` in all its spellings that lend the model, and bounds and lifetimes on methods.

#![allow(clippy::needless_arbitrary_self_type, reason = "what is written out is what is tested")]
#![allow(non_camel_case_types, non_upper_case_globals)]

use memstate::{collections::BTreeMap, model::Operation};

#[memstate::data]
#[derive(Debug, PartialEq)]
pub struct Seen(u64);

#[memstate::model]
#[derive(Default, Clone, PartialEq, Debug)]
pub struct Bank {
    total: u64,
}

#[memstate::model]
impl Bank {
    pub fn long(self: &mut Self, by: u64) -> u64 {
        self.total += by;
        self.total
    }
    pub fn named(self: &mut Bank, by: u64) -> u64 {
        self.total += by;
        self.total
    }
    pub fn timed<'a>(self: &'a mut Self, by: &'a u64) -> Option<u64>
    where
        Self: Sized,
        u64: Copy,
    {
        self.total += by;
        Some(self.total)
    }
    pub fn whole(&mut self) -> Self {
        self.clone()
    }
    pub fn whole_or(&self, fail: bool) -> Result<Self, Seen> {
        if fail { Err(Seen(self.total)) } else { Ok(self.clone()) }
    }
    pub fn total(self: &Self) -> u64 {
        self.total
    }
    pub fn longer<'a, 'b: 'a>(self: &'a Bank, text: &'b str, mut other: &'a [u8]) -> Option<u64> {
        if text.len() > other.len() {
            other = text.as_bytes();
        }
        u64::try_from(other.len()).ok()
    }
}

#[tokio::test]
async fn every_spelling_of_self_lends_the_model() {
    let bank = memstate::open::<Bank>("memory:").await.unwrap();
    assert_eq!(bank.long(1).await.unwrap(), 1);
    assert_eq!(bank.named(2).await.unwrap(), 3);
    assert_eq!(bank.timed(&3).await.unwrap(), Some(6));
    assert_eq!(bank.whole().await.unwrap(), Bank { total: 6 });
    assert_eq!(bank.whole_or(false).await.unwrap(), Bank { total: 6 });
    assert!(matches!(bank.whole_or(true).await, Err(memstate::Error::Rejected(Seen(6)))));
    assert_eq!(bank.total().await.unwrap(), 6);
    assert_eq!(bank.longer("abc", &[1]).await.unwrap(), Some(3));
    let names =
        |methods: &[memstate::model::Method]| methods.iter().map(|method| method.name).collect::<Vec<_>>();
    assert_eq!(names(BankCommand::METHODS), ["long", "named", "timed", "whole"]);
    assert_eq!(names(BankQuery::METHODS), ["whole_or", "total", "longer"]);
}

/// Lower-case parameters, and a receiver that names them.
#[memstate::model]
#[derive(Default)]
pub struct store<key: Ord + Clone, value, const limit: usize> {
    values: BTreeMap<key, value>,
}

#[memstate::model]
impl<key: memstate::State + Ord + Clone, value: memstate::State + Clone, const limit: usize>
    store<key, value, limit>
{
    pub fn put(self: &mut store<key, value, limit>, key: key, value: value) -> Result<usize, u8> {
        self.values.insert(key, value);
        if self.values.len() > limit { Err(1) } else { Ok(self.values.len()) }
    }
    pub fn get(&self, key: &key) -> Option<value> {
        self.values.get(key).cloned()
    }
}

#[tokio::test]
async fn parameters_may_be_called_as_arguments_are() {
    let store = memstate::open::<store<u8, String, 1>>("memory:").await.unwrap();
    assert_eq!(store.put(1, "a".to_owned()).await.unwrap(), 1);
    assert!(store.put(2, "b".to_owned()).await.is_err());
    assert_eq!(store.get(&1).await.unwrap().as_deref(), Some("a"));
    assert_eq!(store.get(&2).await.unwrap(), None);
}
