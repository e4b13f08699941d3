//! Models of every shape: tuples, units, none of this and none of that; types with less than most.

use memstate::{Model, State, model::Operation};

#[memstate::model]
#[derive(Default)]
struct Tuple(u8, String);

#[memstate::model]
impl Tuple {
    pub fn set(&mut self, to: u8) {
        self.0 = to;
    }
}

#[memstate::model]
pub struct Unit;

#[memstate::model]
impl Unit {
    pub fn get(&self) -> u8 {
        1
    }
}

#[memstate::model]
pub struct Nothing {}

#[memstate::model]
impl Nothing {}

#[test]
fn every_shape_is_a_model() {
    let mut tuple = Tuple(1, "a".into());
    let saved = tuple.save();
    tuple.set(3);
    tuple.1.clear();
    tuple.put_back(saved);
    assert_eq!((tuple.0, tuple.1.as_str()), (1, "a"));
    assert_eq!(TupleCommand::METHODS.len(), 1);
    assert!(TupleQuery::METHODS.is_empty() && UnitCommand::METHODS.is_empty());
    assert!(NothingCommand::METHODS.is_empty() && NothingQuery::decode(&[0]).is_err());
    assert_eq!(Unit.answer(UnitQuery::Get), UnitReply::Get(1));
    let client = |tuple: TupleClient, nothing: NothingClient| (tuple.set(3), nothing);
    let _ = client;
}

/// Serializable, and nothing else.
#[derive(serde::Serialize, serde::Deserialize)]
pub struct Poor(u8);

#[memstate::model]
pub struct Rich {
    count: u8,
}

#[memstate::model]
impl Rich {
    pub fn add(&mut self, poor: Poor) -> Poor {
        self.count += poor.0;
        poor
    }
}

#[test]
fn arguments_need_be_neither_clone_nor_debug() {
    let RichCommand::Add { poor } = RichCommand::decode(&[0, 7]).unwrap();
    assert_eq!(poor.0, 7);
}
