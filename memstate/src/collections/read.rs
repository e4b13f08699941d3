//! How collections are read: element by element, and none twice.
//!
//! Whatever writes a set or a map writes each element or key once. Two that are equal come of other code, under which they
//! were different: to drop one of them in silence would lose what it says.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    fmt,
    hash::Hash,
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
    /// Before an item is put in: so many are still announced.
    fn expect(&mut self, announced: Option<usize>);
    fn put(&mut self, item: T) -> bool;
}

/// The elements of a hash set, as it keeps them.
pub(super) struct Set<T>(pub(super) Table<T, ()>);

impl<T: Eq + Hash> Fill<T> for Set<T> {
    fn with_room(count: usize) -> Self {
        Set(Table::with_capacity(count))
    }
    fn expect(&mut self, announced: Option<usize>) {
        make_room(&mut self.0, announced);
    }
    fn put(&mut self, item: T) -> bool {
        self.0.insert(item, ()).is_none()
    }
}

impl<T: Ord> Fill<T> for BTreeSet<T> {
    fn with_room(_: usize) -> Self {
        Self::new()
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
    fn expect(&mut self, announced: Option<usize>) {
        make_room(self, announced);
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

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<C, A::Error> {
        let mut set = C::with_room(room::<T>(elements.size_hint()));
        let mut count = 0_usize;
        while let Some(element) = elements.next_element()? {
            count += 1;
            set.expect(elements.size_hint());
            if !set.put(element) {
                return Err(A::Error::custom(format_args!(
                    "element {count} equals one before it, and in a set there is each only once"
                )));
            }
        }
        Ok(set)
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

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<C, A::Error> {
        let mut map = C::with_room(room::<(K, V)>(entries.size_hint()));
        let mut count = 0_usize;
        while let Some(entry) = entries.next_entry()? {
            count += 1;
            map.expect(entries.size_hint());
            if !map.put(entry) {
                return Err(A::Error::custom(format_args!(
                    "key {count} equals one before it, and in a map there is each only once"
                )));
            }
        }
        Ok(map)
    }
}
