//! How collections are read: element by element, and none twice.
//!
//! Whatever writes a set or a map writes each element or key once. Two that are equal come of other code, under which they
//! were different: to drop one of them in silence would lose what it says.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    fmt,
    hash::{BuildHasher, Hash},
    hint::black_box,
    marker::PhantomData,
};

use indexmap::{IndexMap, IndexSet};
use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, SeqAccess, Visitor},
};

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

impl<T: Eq + Hash, S: BuildHasher + Default> Fill<T> for IndexSet<T, S> {
    fn with_room(count: usize) -> Self {
        Self::with_capacity_and_hasher(count, S::default())
    }
    fn len(&self) -> usize {
        self.len()
    }
    fn expect(&mut self, announced: Option<usize>) {
        if self.len() == self.capacity() {
            self.reserve(more_room(self.len(), announced));
        }
    }
    fn look_for(&self, items: &[T]) {
        for item in items {
            black_box(self.contains(item));
        }
    }
    fn put(&mut self, item: T) -> bool {
        self.insert(item)
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

impl<K: Eq + Hash, V, S: BuildHasher + Default> Fill<(K, V)> for IndexMap<K, V, S> {
    fn with_room(count: usize) -> Self {
        Self::with_capacity_and_hasher(count, S::default())
    }
    fn len(&self) -> usize {
        self.len()
    }
    fn expect(&mut self, announced: Option<usize>) {
        if self.len() == self.capacity() {
            self.reserve(more_room(self.len(), announced));
        }
    }
    fn look_for(&self, items: &[(K, V)]) {
        for (key, _) in items {
            black_box(self.contains_key(key));
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
    [T: Deserialize<'de> + Eq + Hash, S: BuildHasher + Default] IndexSet<T, S>: deserialize_seq as Elements<Self, T>;
    [T: Deserialize<'de> + Ord] BTreeSet<T>: deserialize_seq as Elements<Self, T>;
    [K: Deserialize<'de> + Eq + Hash, V: Deserialize<'de>, S: BuildHasher + Default]
        IndexMap<K, V, S>: deserialize_map as Pairs<Self, K, V>;
    [K: Deserialize<'de> + Ord, V: Deserialize<'de>] BTreeMap<K, V>: deserialize_map as Pairs<Self, K, V>;
}

/// Room for what is announced, but for no more than a MiB before it has come.
fn room<T>(announced: Option<usize>) -> usize {
    announced.unwrap_or(0).min((1 << 20) / size_of::<T>().max(1))
}

/// Room for what is still announced beside the one that has come, but for no more than three times what has come: hashing all
/// of a large map again each time it doubles is a good part of the time that it takes to read it.
fn more_room(len: usize, announced: Option<usize>) -> usize {
    announced.unwrap_or(0).min(3 * len).saturating_add(1)
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
