use std::{
    cell::Cell,
    collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque},
    fmt::Debug,
    marker::PhantomData,
};

use proptest::prelude::*;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::FREE;
use crate::codec::{Unreadable, get, put_varint, whole};

/// A value of no bytes that counts how often it is read.
#[derive(Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Unit;

thread_local!(static READ: Cell<usize> = const { Cell::new(0) });

impl<'de> Deserialize<'de> for Unit {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        READ.set(READ.get() + 1);
        <()>::deserialize(deserializer).map(|()| Unit)
    }
}

fn announcing(count: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    put_varint(count, &mut bytes);
    bytes
}

/// How many elements are read of a `T` that announces so many.
fn read_of<T: DeserializeOwned>(count: u64) -> (usize, Result<(), Unreadable>) {
    READ.set(0);
    let read = whole(&announcing(count), |bytes| get::<T>(bytes).map(drop));
    (READ.get(), read)
}

#[test]
fn elements_without_bytes_are_refused_before_the_first() {
    for count in [FREE as u64 + 1, 1 << 60, u64::MAX] {
        for (read, result) in [
            read_of::<Vec<Unit>>(count),
            read_of::<VecDeque<Unit>>(count),
            read_of::<HashSet<Unit>>(count),
            read_of::<BTreeSet<Unit>>(count),
            read_of::<HashMap<Unit, Unit>>(count),
            read_of::<BTreeMap<Unit, ()>>(count),
            read_of::<Vec<(Unit, ())>>(count),
            read_of::<Box<[Unit]>>(count),
            read_of::<crate::collections::Vec<()>>(count),
            read_of::<crate::collections::VecDeque<()>>(count),
            read_of::<Vec<()>>(count),
            read_of::<Vec<[u8; 0]>>(count),
            read_of::<Vec<PhantomData<u8>>>(count),
            read_of::<HashMap<(), ()>>(count),
        ] {
            assert_eq!(read, 0);
            let error = result.unwrap_err().to_string();
            assert!(error.contains("elements are announced and 0 bytes are there"), "{error}");
        }
    }
}

#[test]
fn a_sane_number_of_elements_without_bytes_is_read() {
    let (read, result) = read_of::<Vec<Unit>>(FREE as u64);
    assert_eq!((read, result), (FREE, Ok(())));
    assert!(read_of::<HashMap<Unit, Unit>>(3).1.is_ok());
}

#[test]
fn lists_in_lists_have_no_more_of_them_together() {
    let mut bytes = announcing(1000);
    for _ in 0..1000 {
        bytes.extend(announcing(FREE as u64 / 2));
    }
    READ.set(0);
    let error = whole(&bytes, get::<Vec<Vec<Unit>>>).unwrap_err();
    assert!(error.to_string().contains("elements"), "{error}");
    assert_eq!(READ.get(), FREE);
}

#[test]
fn elements_with_bytes_are_not_allocated_before_they_are_there() {
    for count in [2, 1 << 30, 1 << 60] {
        let mut bytes = announcing(count);
        bytes.push(1);
        let error = whole(&bytes, get::<Vec<u64>>).unwrap_err();
        assert!(
            error.to_string().contains("announced") || error.to_string().contains("cut short"),
            "{error}"
        );
        assert!(whole(&bytes, get::<String>).is_err());
        assert!(whole(&bytes, get::<HashMap<u8, u8>>).is_err());
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Part {
    Unit,
    New(i32),
    Pair(u16, Option<String>),
    Named { number: i8, inner: Vec<Part> },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Whole {
    numbers: (u8, u16, u32, u64, u128, i8, i16, i32, i64, i128),
    truth: bool,
    text: String,
    parts: Vec<Part>,
    map: BTreeMap<String, Option<i64>>,
    floats: [f64; 2],
    half: f32,
    nothing: (),
}

fn part() -> impl Strategy<Value = Part> {
    let leaf = prop_oneof![
        Just(Part::Unit),
        any::<i32>().prop_map(Part::New),
        any::<(u16, Option<String>)>().prop_map(|(number, text)| Part::Pair(number, text)),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        (any::<i8>(), prop::collection::vec(inner, 0..4))
            .prop_map(|(number, inner)| Part::Named { number, inner })
    })
}

prop_compose! {
    fn whole_value()(
        numbers in any::<(u8, u16, u32, u64, u128, i8, i16, i32, i64, i128)>(),
        truth in any::<bool>(),
        text in any::<String>(),
        parts in prop::collection::vec(part(), 0..4),
        map in prop::collection::btree_map(any::<String>(), any::<Option<i64>>(), 0..4),
        floats in prop::array::uniform2(-1e300..1e300f64),
        half in -1e30..1e30f32,
    ) -> Whole {
        Whole { numbers, truth, text, parts, map, floats, half, nothing: () }
    }
}

proptest! {
    #[test]
    fn what_postcard_writes_is_read(value in (whole_value(), any::<char>())) {
        let bytes = postcard::to_stdvec(&value).unwrap();
        prop_assert_eq!(whole(&bytes, get::<(Whole, char)>).unwrap(), value);
    }

    #[test]
    fn what_is_no_value_is_none_as_for_postcard(mut bytes in prop::collection::vec(any::<u8>(), 0..40), front in any::<bool>()) {
        if front {
            // Small numbers are likelier to be lengths and variants.
            bytes.iter_mut().for_each(|byte| *byte %= 5);
        }
        same::<Whole>(&bytes)?;
        same::<Part>(&bytes)?;
        same::<Vec<Part>>(&bytes)?;
        same::<(Option<bool>, Vec<u64>)>(&bytes)?;
        same::<i128>(&bytes)?;
        same::<BTreeMap<u8, String>>(&bytes)?;
    }
}

fn same<T: DeserializeOwned + Debug + PartialEq>(bytes: &[u8]) -> Result<(), TestCaseError> {
    let (mut ours, theirs) = (bytes, postcard::take_from_bytes::<T>(bytes).ok());
    let read = get::<T>(&mut ours).ok().map(|value| (value, ours));
    prop_assert_eq!(format!("{read:?}"), format!("{theirs:?}"));
    Ok(())
}

#[test]
fn a_character_is_one_character() {
    assert_eq!(whole(&[1, b'a'], get::<char>).unwrap(), 'a');
    assert!(whole(&[2, b'a', b'b'], get::<char>).is_err());
    assert!(whole(&[0], get::<char>).is_err());
}
