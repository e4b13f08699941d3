//! [`BTreeMap`]: a sorted map that undoes the changes of a failed command.

use std::{
    borrow::Borrow,
    cmp::Ordering,
    collections::{BTreeMap as StdMap, btree_map},
    fmt,
    hash::{Hash, Hasher},
    hint::black_box,
    iter::FusedIterator,
    ops::{Index, RangeBounds},
};

use serde::Serialize;

use super::support::{Log, SortedKey, key_of, value_of};
use crate::state::{State, fetch::Fetch, shared::Handle};

mod entry;
mod undo;

pub use btree_map::{IntoIter, Iter, Keys, Range, Values};
pub use entry::{Entry, OccupiedEntry, VacantEntry};
pub(super) use undo::copy_of_key;
use undo::{Step, save_present};

/// A sorted map, with the interface of [`std::collections::BTreeMap`].
///
/// Every change is undone in the time that it took. The roll-back compares keys, so a key must not hold a
/// collection of [`memstate::collections`](crate::collections): what would save such a key panics.
pub struct BTreeMap<K, V>(Handle<StdMap<K, V>>);

impl<K, V> BTreeMap<K, V> {
    /// An empty map; allocates nothing.
    pub const fn new() -> Self {
        BTreeMap(Handle::new())
    }

    fn from_inner(entries: StdMap<K, V>) -> Self {
        BTreeMap(Handle::from_contents(entries))
    }

    #[inline]
    fn entries(&self) -> &StdMap<K, V> {
        self.0.get().unwrap_or(const { &StdMap::new() })
    }

    /// How many entries there are.
    #[inline]
    pub fn len(&self) -> usize {
        self.entries().len()
    }

    /// Whether there is no entry.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Iterates over the entries, sorted by key.
    #[inline]
    pub fn iter(&self) -> Iter<'_, K, V> {
        self.entries().iter()
    }

    /// Iterates over the keys, sorted.
    pub fn keys(&self) -> Keys<'_, K, V> {
        self.entries().keys()
    }

    /// Iterates over the values, sorted by key.
    pub fn values(&self) -> Values<'_, K, V> {
        self.entries().values()
    }
}

impl<K: Ord, V> BTreeMap<K, V> {
    fn serialize_items<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error>
    where
        K: serde::Serialize,
        V: serde::Serialize,
    {
        self.entries().serialize(serializer)
    }

    /// The value of a key.
    #[inline]
    pub fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.entries().get(key)
    }

    /// The key in the map that equals `key`, and its value.
    pub fn get_key_value<Q: Ord + ?Sized>(&self, key: &Q) -> Option<(&K, &V)>
    where
        K: Borrow<Q>,
    {
        self.entries().get_key_value(key)
    }

    /// Whether the map has this key.
    pub fn contains_key<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.entries().contains_key(key)
    }

    /// The entry with the smallest key.
    pub fn first_key_value(&self) -> Option<(&K, &V)> {
        self.entries().first_key_value()
    }

    /// The entry with the greatest key.
    pub fn last_key_value(&self) -> Option<(&K, &V)> {
        self.entries().last_key_value()
    }

    /// Iterates over the entries whose keys are in `range`.
    ///
    /// # Panics
    ///
    /// If the range begins after its end, or both exclude the same key.
    #[track_caller]
    pub fn range<Q: Ord + ?Sized>(&self, range: impl RangeBounds<Q>) -> Range<'_, K, V>
    where
        K: Borrow<Q>,
    {
        self.entries().range(range)
    }
}

impl<K: State + Ord, V: State> BTreeMap<K, V> {
    fn parts(&mut self) -> (&mut StdMap<K, V>, Log<'_, Step<K, V>>) {
        Log::open(&mut self.0)
    }

    /// Takes everything out.
    fn take_all(&mut self) -> StdMap<K, V> {
        if self.is_empty() {
            return StdMap::new();
        }
        let (entries, mut steps) = self.parts();
        for (key, value) in &*entries {
            save_present(&mut steps, key, value);
        }
        std::mem::take(entries)
    }

    /// The value of a key, to change.
    pub fn get_mut<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        let (entries, mut steps) = Log::open_written(&mut self.0)?;
        if steps.is_on() {
            let (key, value) = entries.get_key_value(key)?;
            save_present(&mut steps, key, value);
        }
        entries.get_mut(key)
    }

    /// The entry with the smallest key, to change or empty it.
    pub fn first_entry(&mut self) -> Option<OccupiedEntry<'_, K, V>> {
        let (entries, steps) = self.parts();
        Some(OccupiedEntry::new(entries.first_entry()?, steps))
    }

    /// The entry with the greatest key, to change or empty it.
    pub fn last_entry(&mut self) -> Option<OccupiedEntry<'_, K, V>> {
        let (entries, steps) = self.parts();
        Some(OccupiedEntry::new(entries.last_entry()?, steps))
    }

    /// Takes the entry with the smallest key.
    pub fn pop_first(&mut self) -> Option<(K, V)> {
        self.first_entry().map(OccupiedEntry::remove_entry)
    }

    /// Takes the entry with the greatest key.
    pub fn pop_last(&mut self) -> Option<(K, V)> {
        self.last_entry().map(OccupiedEntry::remove_entry)
    }

    /// Sets the value of a key, and gives what it was. A key that is there already stays.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        match self.entry(key) {
            Entry::Occupied(mut entry) => Some(entry.insert(value)),
            Entry::Vacant(entry) => {
                entry.insert(value);
                None
            }
        }
    }

    /// The place of a key, to fill, change or empty it.
    pub fn entry(&mut self, key: K) -> Entry<'_, K, V> {
        let (entries, steps) = self.parts();
        match entries.entry(key) {
            btree_map::Entry::Occupied(entry) => Entry::Occupied(OccupiedEntry::new(entry, steps)),
            btree_map::Entry::Vacant(entry) => Entry::Vacant(VacantEntry::new(entry, steps)),
        }
    }

    /// Takes a key out, and gives its value.
    pub fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        self.remove_entry(key).map(value_of)
    }

    /// Takes a key and its value out.
    pub fn remove_entry<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<(K, V)>
    where
        K: Borrow<Q>,
    {
        if self.is_empty() {
            return None;
        }
        let (entries, mut steps) = self.parts();
        if steps.is_on() {
            let (key, value) = entries.get_key_value(key)?;
            save_present(&mut steps, key, value);
        }
        entries.remove_entry(key)
    }

    /// Drops the entries of which `keep` does not say to keep them.
    pub fn retain(&mut self, mut keep: impl FnMut(&K, &mut V) -> bool) {
        let (entries, mut steps) = self.parts();
        entries.retain(|key, value| {
            save_present(&mut steps, key, value);
            keep(key, value)
        });
    }

    /// Takes the entries in `range` out of which `predicate` says so, as the iterator is asked for them.
    ///
    /// # Panics
    ///
    /// If the range begins after its end, or both exclude the same key.
    pub fn extract_if<'a, R: RangeBounds<K>, F: FnMut(&K, &mut V) -> bool>(
        &'a mut self,
        range: R,
        mut predicate: F,
    ) -> impl Iterator<Item = (K, V)> + use<'a, K, V, R, F> {
        let (entries, mut steps) = self.parts();
        entries.extract_if(range, move |key, value| {
            save_present(&mut steps, key, value);
            predicate(key, value)
        })
    }

    /// Drops all entries.
    pub fn clear(&mut self) {
        self.take_all();
    }

    /// Moves all entries of `other` into this map; the values of `other` replace those of the same keys.
    pub fn append(&mut self, other: &mut Self) {
        self.extend(other.take_all());
    }

    /// Takes the entries with keys from `key` on.
    pub fn split_off<Q: Ord + ?Sized>(&mut self, key: &Q) -> Self
    where
        K: Borrow<Q>,
    {
        // One by one, because each of them is saved anyway, and because `Ord` may panic between any two.
        let mut tail = Vec::new();
        while let Some(last) = self.last_entry()
            && last.key().borrow() >= key
        {
            tail.push(last.remove_entry());
        }
        tail.into_iter().rev().collect()
    }

    /// Iterates over the entries, to change their values; saves what it yields.
    pub fn iter_mut(&mut self) -> IterMut<'_, K, V> {
        let (entries, steps) = self.parts();
        IterMut { entries: entries.iter_mut(), steps }
    }

    /// Iterates over the values, to change them; saves what it yields.
    pub fn values_mut(&mut self) -> ValuesMut<'_, K, V> {
        ValuesMut(self.iter_mut())
    }

    /// Iterates over the entries whose keys are in `range`, to change their values; saves what it yields.
    ///
    /// # Panics
    ///
    /// If the range begins after its end, or both exclude the same key.
    #[track_caller]
    pub fn range_mut<Q: Ord + ?Sized>(&mut self, range: impl RangeBounds<Q>) -> RangeMut<'_, K, V>
    where
        K: Borrow<Q>,
    {
        let (entries, steps) = self.parts();
        RangeMut { entries: entries.range_mut(range), steps }
    }

    /// The keys by value, sorted.
    pub fn into_keys(mut self) -> IntoKeys<K, V> {
        IntoKeys(self.take_all().into_iter())
    }

    /// The values by value, sorted by key.
    pub fn into_values(mut self) -> IntoValues<K, V> {
        IntoValues(self.take_all().into_iter())
    }
}

macro_rules! saving {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        pub struct $name<'a, K: State, V: State> {
            entries: btree_map::$name<'a, K, V>,
            steps: Log<'a, Step<K, V>>,
        }

        impl<'a, K: State, V: State> Iterator for $name<'a, K, V> {
            type Item = (&'a K, &'a mut V);

            fn next(&mut self) -> Option<Self::Item> {
                let (key, value) = self.entries.next()?;
                save_present(&mut self.steps, key, value);
                Some((key, value))
            }

            fn size_hint(&self) -> (usize, Option<usize>) {
                self.entries.size_hint()
            }
        }

        impl<K: State, V: State> DoubleEndedIterator for $name<'_, K, V> {
            fn next_back(&mut self) -> Option<Self::Item> {
                let (key, value) = self.entries.next_back()?;
                save_present(&mut self.steps, key, value);
                Some((key, value))
            }
        }

        impl<K: State, V: State> FusedIterator for $name<'_, K, V> {}
    };
}

saving! {
    /// An iterator over keys and `&mut` values, which saves what it yields.
    IterMut
}
saving! {
    /// An iterator over a range of keys and their `&mut` values, which saves what it yields.
    RangeMut
}

impl<K: State, V: State> ExactSizeIterator for IterMut<'_, K, V> {}

half! {
    /// An iterator over `&mut` values, which saves what it yields.
    ValuesMut ['a, K: State, V: State] ['a, K, V] IterMut<'a, K, V>, value_of => &'a mut V
}
half! {
    // Not std's own, which leak a result when the destructor of the other half panics: a collection that is leaked
    // cannot be undone.
    /// An iterator over the keys by value, sorted.
    IntoKeys [K, V] [K, V] IntoIter<K, V>, key_of => K
}
half! {
    /// An iterator over the values by value, sorted by key.
    IntoValues [K, V] [K, V] IntoIter<K, V>, value_of => V
}

impl<K: State, V: State> DoubleEndedIterator for ValuesMut<'_, K, V> {
    fn next_back(&mut self) -> Option<Self::Item> {
        self.0.next_back().map(value_of)
    }
}

impl<K, V> DoubleEndedIterator for IntoKeys<K, V> {
    fn next_back(&mut self) -> Option<K> {
        self.0.next_back().map(key_of)
    }
}

impl<K, V> DoubleEndedIterator for IntoValues<K, V> {
    fn next_back(&mut self) -> Option<V> {
        self.0.next_back().map(value_of)
    }
}

by_handle!([K: State + SortedKey, V: State] [K, V] BTreeMap<K, V>, StdMap<K, V>);

impl<K: Ord + 'static, V> BTreeMap<K, V> {
    // Out of the way of `visit`, which every command calls.
    #[inline(never)]
    fn fetch(&self, fetch: &mut Fetch) {
        if !fetch.is_worth_it::<(K, V)>(self.len()) {
            return;
        }
        let Some(entries) = self.0.get() else { return };
        fetch.each_key(|key: &K| {
            black_box(entries.get(key).map(std::ptr::from_ref));
        });
    }
}

impl<K: Clone, V: Clone> Clone for BTreeMap<K, V> {
    fn clone(&self) -> Self {
        self.0.get().map_or_else(Self::new, |entries| Self::from_inner(entries.clone()))
    }
}

impl<K: fmt::Debug, V: fmt::Debug> fmt::Debug for BTreeMap<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.entries().fmt(f)
    }
}

impl<K: PartialEq, V: PartialEq> PartialEq for BTreeMap<K, V> {
    fn eq(&self, other: &Self) -> bool {
        self.entries() == other.entries()
    }
}

impl<K: Eq, V: Eq> Eq for BTreeMap<K, V> {}

impl<K: PartialOrd, V: PartialOrd> PartialOrd for BTreeMap<K, V> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        self.entries().partial_cmp(other.entries())
    }
}

impl<K: Ord, V: Ord> Ord for BTreeMap<K, V> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.entries().cmp(other.entries())
    }
}

impl<K: Hash, V: Hash> Hash for BTreeMap<K, V> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.entries().hash(state);
    }
}

impl<K: Ord + Borrow<Q>, Q: Ord + ?Sized, V> Index<&Q> for BTreeMap<K, V> {
    type Output = V;

    #[track_caller]
    fn index(&self, key: &Q) -> &V {
        self.get(key).expect("the map does not have this key")
    }
}

impl<K: State + Ord, V: State> IntoIterator for BTreeMap<K, V> {
    type Item = (K, V);
    type IntoIter = IntoIter<K, V>;
    fn into_iter(mut self) -> IntoIter<K, V> {
        self.take_all().into_iter()
    }
}

impl<'a, K, V> IntoIterator for &'a BTreeMap<K, V> {
    type Item = (&'a K, &'a V);
    type IntoIter = Iter<'a, K, V>;
    fn into_iter(self) -> Iter<'a, K, V> {
        self.iter()
    }
}

impl<'a, K: State + Ord, V: State> IntoIterator for &'a mut BTreeMap<K, V> {
    type Item = (&'a K, &'a mut V);
    type IntoIter = IterMut<'a, K, V>;
    fn into_iter(self) -> IterMut<'a, K, V> {
        self.iter_mut()
    }
}

impl<K: Ord, V> FromIterator<(K, V)> for BTreeMap<K, V> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        // Not std's own way, which builds the tree from a sorted list and compares neighbours meanwhile: what is in the
        // tree is leaked if that panics, and a collection that is leaked cannot be undone.
        let mut map = StdMap::new();
        for (key, value) in entries {
            match map.entry(key) {
                btree_map::Entry::Occupied(mut entry) => drop(entry.insert(value)),
                btree_map::Entry::Vacant(entry) => {
                    entry.insert(value);
                }
            }
        }
        Self::from_inner(map)
    }
}

impl<K: State + Ord, V: State> Extend<(K, V)> for BTreeMap<K, V> {
    fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, entries: I) {
        for (key, value) in entries {
            self.insert(key, value);
        }
    }
}

impl<'a, K: State + Ord + Copy, V: State + Copy> Extend<(&'a K, &'a V)> for BTreeMap<K, V> {
    fn extend<I: IntoIterator<Item = (&'a K, &'a V)>>(&mut self, entries: I) {
        self.extend(entries.into_iter().map(|(key, value)| (*key, *value)));
    }
}

impl<K: Ord, V, const N: usize> From<[(K, V); N]> for BTreeMap<K, V> {
    fn from(entries: [(K, V); N]) -> Self {
        entries.into_iter().collect()
    }
}

impl<K: Ord, V> From<StdMap<K, V>> for BTreeMap<K, V> {
    fn from(entries: StdMap<K, V>) -> Self {
        Self::from_inner(entries)
    }
}

impl<K: State + Ord, V: State> From<BTreeMap<K, V>> for StdMap<K, V> {
    fn from(mut entries: BTreeMap<K, V>) -> Self {
        entries.take_all()
    }
}
