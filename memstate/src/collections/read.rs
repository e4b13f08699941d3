//! How collections are read: element by element, and none twice.
//!
//! Whatever writes a set or a map writes each element or key once. Two that are equal come of other code, under which they
//! were different: to drop one of them in silence would lose what it says.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    fmt,
    hash::Hash,
    hint::black_box,
    marker::PhantomData,
};

use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, SeqAccess, Visitor},
};

use super::hash_map::Table;
use crate::bugs::{self, Bug};

/// What can be read.
pub(super) trait Read<'de>: Sized {
    fn read<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error>;
}

impl<'de, T: Deserialize<'de>> Read<'de> for Vec<T> {
    fn read<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::deserialize(deserializer)
    }
}

impl<'de, T: Deserialize<'de>> Read<'de> for VecDeque<T> {
    fn read<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::deserialize(deserializer)
    }
}

/// A set or a map that is filled; `put` says whether there was no equal one.
trait Fill<T> {
    fn with_room(count: usize) -> Self;
    fn len(&self) -> usize;
    /// Before an item is put in: so many are still announced.
    fn expect(&mut self, announced: Option<usize>);
    /// Before these are put in, one after the other: looks where they will be, so that the processor waits for those places of its
    /// memory together.
    fn look_for(&self, _: &[T]) {}
    fn put(&mut self, item: T) -> bool;
}

/// The elements of a hash set, as it keeps them.
pub(super) struct Set<T>(pub(super) Table<T, ()>);

impl<T: Eq + Hash> Fill<T> for Set<T> {
    fn with_room(count: usize) -> Self {
        Set(Table::with_capacity(count))
    }
    fn len(&self) -> usize {
        self.0.len()
    }
    fn expect(&mut self, announced: Option<usize>) {
        make_room(&mut self.0, announced);
    }
    fn look_for(&self, items: &[T]) {
        for item in items {
            black_box(self.0.get_index_of(item));
        }
    }
    fn put(&mut self, item: T) -> bool {
        self.0.insert(item, ()).is_none()
    }
}

impl<T: Ord> Fill<T> for BTreeSet<T> {
    fn with_room(_: usize) -> Self {
        Self::new()
    }
    fn len(&self) -> usize {
        self.len()
    }
    fn expect(&mut self, _: Option<usize>) {}
    fn put(&mut self, item: T) -> bool {
        self.insert(item)
    }
}

impl<K: Eq + Hash, V> Fill<(K, V)> for Table<K, V> {
    fn with_room(count: usize) -> Self {
        Self::with_capacity(count)
    }
    fn len(&self) -> usize {
        self.len()
    }
    fn expect(&mut self, announced: Option<usize>) {
        make_room(self, announced);
    }
    fn look_for(&self, items: &[(K, V)]) {
        for (key, _) in items {
            black_box(self.get_index_of(key));
        }
    }
    fn put(&mut self, (key, value): (K, V)) -> bool {
        let is_new = self.insert(key, value).is_none();
        if bugs::on(Bug::HashOrderLeaks) && self.len() > 1 {
            self.swap_indices(self.len() - 2, self.len() - 1);
        }
        is_new
    }
}

impl<K: Ord, V> Fill<(K, V)> for BTreeMap<K, V> {
    fn with_room(_: usize) -> Self {
        Self::new()
    }
    fn len(&self) -> usize {
        self.len()
    }
    fn expect(&mut self, _: Option<usize>) {}
    fn put(&mut self, (key, value): (K, V)) -> bool {
        self.insert(key, value).is_none()
    }
}

macro_rules! read_as {
    ($([$($generics:tt)*] $type:ty: $how:ident as $visitor:ty;)*) => {$(
        impl<'de, $($generics)*> Read<'de> for $type {
            fn read<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.$how(<$visitor>::default())
            }
        }
    )*};
}

read_as! {
    [T: Deserialize<'de> + Eq + Hash] Set<T>: deserialize_seq as Elements<Self, T>;
    [T: Deserialize<'de> + Ord] BTreeSet<T>: deserialize_seq as Elements<Self, T>;
    [K: Deserialize<'de> + Eq + Hash, V: Deserialize<'de>] Table<K, V>: deserialize_map as Pairs<Self, K, V>;
    [K: Deserialize<'de> + Ord, V: Deserialize<'de>] BTreeMap<K, V>: deserialize_map as Pairs<Self, K, V>;
}

/// Room for what is announced, but for no more than a MiB before it has come.
fn room<T>(announced: Option<usize>) -> usize {
    announced.unwrap_or(0).min((1 << 20) / size_of::<T>().max(1))
}

/// Makes room for what is still announced beside the one that has come, but for no more than three times what has come: hashing all
/// of a large map again each time it doubles is a good part of the time that it takes to read it.
fn make_room<K, V>(table: &mut Table<K, V>, announced: Option<usize>) {
    if table.len() == table.capacity() {
        table.reserve(announced.unwrap_or(0).min(3 * table.len()).saturating_add(1));
    }
}

/// In a collection of fewer items they are put in one by one: it is near to the processor anyway.
const LARGE: usize = 4096;
/// So many are read, and then put in together.
const PUT_AT_ONCE: usize = 32;

/// Why a collection is not filled.
enum Unfilled<E> {
    /// What comes cannot be read.
    Unreadable(E),
    /// The item of this number, from 1, was there already.
    Twice(usize),
}

impl<E: Error> Unfilled<E> {
    fn or_twice(self, why: impl FnOnce(usize) -> String) -> E {
        match self {
            Unfilled::Unreadable(error) => error,
            Unfilled::Twice(count) => E::custom(why(count)),
        }
    }
}

/// Puts all items in that `next` reads, which says too how many more are announced.
fn fill<C: Fill<T>, T, A, E>(
    mut filled: C,
    mut from: A,
    next: impl Fn(&mut A) -> Result<(Option<T>, Option<usize>), E>,
) -> Result<C, Unfilled<E>> {
    while filled.len() < LARGE {
        let (item, announced) = next(&mut from).map_err(Unfilled::Unreadable)?;
        let Some(item) = item else { return Ok(filled) };
        filled.expect(announced);
        if !filled.put(item) {
            return Err(Unfilled::Twice(filled.len() + 1));
        }
    }
    let mut items = Vec::with_capacity(PUT_AT_ONCE);
    loop {
        let mut announced = None;
        // What was read before it is put in first, so that of two faults the first is told.
        let end = loop {
            match next(&mut from) {
                Ok((Some(item), more)) => {
                    items.push(item);
                    announced = more;
                }
                Ok((None, _)) => break Some(Ok(())),
                Err(error) => break Some(Err(Unfilled::Unreadable(error))),
            }
            if items.len() == PUT_AT_ONCE {
                break None;
            }
        };
        filled.look_for(&items);
        for item in items.drain(..) {
            filled.expect(announced);
            if !filled.put(item) {
                return Err(Unfilled::Twice(filled.len() + 1));
            }
        }
        if let Some(end) = end {
            return end.map(|()| filled);
        }
    }
}

struct Elements<C, T>(PhantomData<(C, T)>);

impl<C, T> Default for Elements<C, T> {
    fn default() -> Self {
        Elements(PhantomData)
    }
}

impl<'de, C: Fill<T>, T: Deserialize<'de>> Visitor<'de> for Elements<C, T> {
    type Value = C;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a set")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, elements: A) -> Result<C, A::Error> {
        let set = C::with_room(room::<T>(elements.size_hint()));
        let next = |elements: &mut A| Ok((elements.next_element()?, elements.size_hint()));
        fill(set, elements, next).map_err(|unfilled| {
            unfilled.or_twice(|count| {
                format!("element {count} equals one before it, and in a set there is each only once")
            })
        })
    }
}

struct Pairs<C, K, V>(PhantomData<(C, K, V)>);

impl<C, K, V> Default for Pairs<C, K, V> {
    fn default() -> Self {
        Pairs(PhantomData)
    }
}

impl<'de, C: Fill<(K, V)>, K: Deserialize<'de>, V: Deserialize<'de>> Visitor<'de> for Pairs<C, K, V> {
    type Value = C;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map")
    }

    fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<C, A::Error> {
        let map = C::with_room(room::<(K, V)>(entries.size_hint()));
        let next = |entries: &mut A| Ok((entries.next_entry()?, entries.size_hint()));
        fill(map, entries, next).map_err(|unfilled| {
            unfilled.or_twice(|count| {
                format!("key {count} equals one before it, and in a map there is each only once")
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::{Unreadable, get, put, put_varint, whole};

    /// A set of which so many items are read one by one, and as many again in pieces, and a piece that is not full.
    const COUNT: usize = 2 * LARGE + PUT_AT_ONCE / 2;

    fn read<C: for<'de> Read<'de>>(bytes: &[u8]) -> Result<C, Unreadable> {
        struct Of<C>(C);
        impl<'de, C: Read<'de>> Deserialize<'de> for Of<C> {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                C::read(deserializer).map(Of)
            }
        }
        whole(bytes, get::<Of<C>>).map(|of| of.0)
    }

    fn written<T: serde::Serialize>(items: &[T]) -> Vec<u8> {
        let mut bytes = Vec::new();
        put(items, &mut bytes).unwrap();
        bytes
    }

    #[test]
    fn of_every_size_all_is_read_in_its_order() {
        let around = |count: usize| count - 2..count + 3;
        let sizes = (0..3).chain(around(LARGE)).chain(around(LARGE + PUT_AT_ONCE)).chain([COUNT]);
        for size in sizes {
            let items: Vec<u64> =
                (0..size as u64).map(|item| item.wrapping_mul(0x9e37_79b9_7f4a_7c15)).collect();
            let set: Set<u64> = read(&written(&items)).unwrap();
            assert!(set.0.entries().iter().map(|(item, ())| item).eq(&items), "{size}");
            let pairs: Vec<(u64, String)> = items.iter().map(|item| (*item, item.to_string())).collect();
            // A map is written as its entries are, one after the other.
            let map: Table<u64, String> = read(&written(&pairs)).unwrap();
            assert!(map.into_iter().eq(pairs.iter().cloned()), "{size}");
            let sorted: BTreeMap<u64, String> = read(&written(&pairs)).unwrap();
            assert_eq!(sorted, pairs.into_iter().collect());
        }
    }

    #[test]
    fn one_that_was_there_already_is_refused_wherever_it_stands() {
        for at in [1, LARGE - 1, LARGE, LARGE + 1, LARGE + PUT_AT_ONCE, COUNT - 1] {
            for earlier in [0, at / 2, at - 1] {
                let mut items: Vec<u32> = (0..COUNT as u32).collect();
                items[at] = items[earlier];
                let error = read::<Set<u32>>(&written(&items)).err().unwrap();
                let of_map: Vec<(u32, u8)> = items.iter().map(|item| (*item, 0)).collect();
                let of_map = read::<Table<u32, u8>>(&written(&of_map)).err().unwrap();
                assert_eq!(error.to_string(), of_map.to_string());
                let sorted = read::<BTreeSet<u32>>(&written(&items)).unwrap_err();
                assert_eq!(error.to_string(), sorted.to_string());
            }
        }
    }

    /// Refuses to be read if it is 7.
    #[derive(Debug, PartialEq, Eq, Hash)]
    struct NotSeven(u32);

    impl<'de> Deserialize<'de> for NotSeven {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            match u32::deserialize(deserializer)? {
                7 => Err(D::Error::custom("seven")),
                number => Ok(NotSeven(number)),
            }
        }
    }

    /// How many elements there were when one of two faults was found: the one that stands first decides.
    #[test]
    fn of_two_faults_the_first_is_found() {
        struct Count<'a>(std::slice::Iter<'a, u32>);
        impl<'de> SeqAccess<'de> for Count<'_> {
            type Error = serde::de::value::Error;
            fn next_element_seed<T: serde::de::DeserializeSeed<'de>>(
                &mut self,
                seed: T,
            ) -> Result<Option<T::Value>, Self::Error> {
                use serde::de::IntoDeserializer;
                self.0.next().map(|number| seed.deserialize((*number).into_deserializer())).transpose()
            }
        }
        let read = |items: &[u32]| {
            let visitor = Elements::<Set<NotSeven>, NotSeven>::default();
            visitor.visit_seq(Count(items.iter())).err().unwrap().to_string()
        };
        let mut items: Vec<u32> = (100..100 + COUNT as u32).collect();
        (items[LARGE + 3], items[LARGE + 5]) = (100, 7);
        let told = read(&items);
        assert!(told.starts_with(&format!("element {} equals", LARGE + 4)), "{told}");
        items.swap(LARGE + 3, LARGE + 5);
        assert_eq!(read(&items), "seven");
    }

    #[test]
    fn what_ends_early_is_refused_in_every_piece() {
        for count in [LARGE, LARGE + 1, COUNT] {
            let mut bytes = Vec::new();
            put_varint(count as u64, &mut bytes);
            for number in 0..count as u64 - 1 {
                put_varint(number, &mut bytes);
            }
            assert!(read::<Set<u64>>(&bytes).is_err());
            bytes.push(1);
            assert!(read::<Set<u64>>(&bytes).is_err(), "1 was there already");
        }
    }
}
