//! [`HashMap`]: a hash map that undoes the changes of a failed command and iterates in the order of insertion.

use std::{
    borrow::Borrow,
    fmt,
    hash::{BuildHasher, Hash},
    hint::black_box,
    iter::{self, FusedIterator},
    ops::Index,
    slice, vec,
};

use super::support::{self, HashKey, Log, key_of, value_of};
use crate::state::{State, fetch::Fetch, shared::Handle};

mod entry;
mod table;
mod undo;

pub use entry::{Entry, OccupiedEntry, VacantEntry};
pub(super) use table::Table;
use undo::{Gone, Step, save_changed, save_whole};

/// A hash map, with the interface of [`std::collections::HashMap`].
///
/// It iterates in the order of insertion, until [`remove`](Self::remove) moves the last entry into the hole that it
/// leaves; [`shift_remove`](Self::shift_remove) keeps the order. What takes constant time is undone in constant
/// time; `clear`, `drain` and a `retain` that drops something save all entries.
pub struct HashMap<K, V>(pub(super) Handle<Table<K, V>>);

impl<K, V> HashMap<K, V> {
    /// An empty map; allocates nothing.
    pub const fn new() -> Self {
        HashMap(Handle::new())
    }

    /// An empty map with room for `capacity` entries.
    pub fn with_capacity(capacity: usize) -> Self {
        Self::from_inner(Table::with_capacity_and_hasher(capacity, Default::default()))
    }

    pub(super) fn from_inner(entries: Table<K, V>) -> Self {
        HashMap(Handle::from_contents(entries))
    }

    /// How many entries fit without a new allocation.
    pub fn capacity(&self) -> usize {
        self.0.get().map_or(0, Table::capacity)
    }

    /// How many entries there are.
    #[inline]
    pub fn len(&self) -> usize {
        self.0.get().map_or(0, Table::len)
    }

    /// Whether there is no entry.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Iterates over the entries.
    pub fn iter(&self) -> Iter<'_, K, V> {
        Iter(self.slice().iter())
    }

    /// Iterates over the keys.
    pub fn keys(&self) -> Keys<'_, K, V> {
        Keys(self.slice().iter())
    }

    /// Iterates over the values.
    pub fn values(&self) -> Values<'_, K, V> {
        Values(self.slice().iter())
    }

    fn slice(&self) -> &[(K, V)] {
        self.0.get().map_or(&[], Table::entries)
    }
}

impl<K: State, V: State> HashMap<K, V> {
    fn parts(&mut self) -> (&mut Table<K, V>, Log<'_, Step<K, V>>) {
        Log::open(&mut self.0)
    }

    /// Iterates over the entries, to change their values; saves what it yields.
    pub fn iter_mut(&mut self) -> IterMut<'_, K, V> {
        let (entries, steps) = self.parts();
        IterMut { entries: entries.entries_mut().iter_mut().enumerate(), steps }
    }

    /// Iterates over the values, to change them; saves what it yields.
    pub fn values_mut(&mut self) -> ValuesMut<'_, K, V> {
        ValuesMut(self.iter_mut())
    }
}

impl<K: Eq + Hash, V> HashMap<K, V> {
    /// The value of a key.
    #[inline]
    pub fn get<Q: Eq + Hash + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        Some(self.get_key_value(key)?.1)
    }

    /// The key in the map that equals `key`, and its value.
    #[inline]
    pub fn get_key_value<Q: Eq + Hash + ?Sized>(&self, key: &Q) -> Option<(&K, &V)>
    where
        K: Borrow<Q>,
    {
        self.0.get()?.get_key_value(key)
    }

    /// Whether the map has this key.
    pub fn contains_key<Q: Eq + Hash + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.get(key).is_some()
    }

    pub(super) fn index_of(&self, key: &K) -> Option<usize> {
        self.0.get()?.get_index_of(key)
    }

    fn serialize_items<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error>
    where
        K: serde::Serialize,
        V: serde::Serialize,
    {
        serializer.collect_map(self)
    }
}

impl<K: State + Eq + Hash, V: State> HashMap<K, V> {
    /// Makes room for at least `additional` more entries.
    ///
    /// # Panics
    ///
    /// If the new capacity overflows.
    pub fn reserve(&mut self, additional: usize) {
        self.parts().0.reserve(additional);
    }

    /// Gives back the memory that the entries do not need.
    pub fn shrink_to_fit(&mut self) {
        self.shrink_to(0);
    }

    /// Gives back the memory beyond `min_capacity` entries.
    pub fn shrink_to(&mut self, min_capacity: usize) {
        if self.0.get().is_some() {
            self.parts().0.shrink_to(min_capacity);
        }
    }

    /// The value of a key, to change.
    #[inline]
    pub fn get_mut<Q: Eq + Hash + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        let (entries, mut steps) = Log::open_written(&mut self.0)?;
        let index = entries.get_index_of(key)?;
        let (_, value) = entries.get_index_mut(index)?;
        save_changed(&mut steps, index, value);
        Some(value)
    }

    /// The values of several keys, to change.
    ///
    /// # Panics
    ///
    /// If two keys are equal and in the map.
    #[track_caller]
    pub fn get_disjoint_mut<Q: Eq + Hash + ?Sized, const N: usize>(
        &mut self,
        keys: [&Q; N],
    ) -> [Option<&mut V>; N]
    where
        K: Borrow<Q>,
    {
        let (entries, mut steps) = self.parts();
        if steps.is_on() {
            for key in keys {
                if let Some(index) = entries.get_index_of(key)
                    && let Some((_, value)) = entries.get_index_mut(index)
                {
                    save_changed(&mut steps, index, value);
                }
            }
        }
        entries.get_disjoint_mut(keys)
    }

    /// Sets the value of a key, and gives what it was. A key that is there already stays, and keeps its place.
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
        Entry::find(entries, steps, key)
    }

    /// Takes a key out, and gives its value. The last entry takes its place.
    pub fn remove<Q: Eq + Hash + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        self.remove_entry(key).map(value_of)
    }

    /// Takes a key and its value out. The last entry takes its place.
    pub fn remove_entry<Q: Eq + Hash + ?Sized>(&mut self, key: &Q) -> Option<(K, V)>
    where
        K: Borrow<Q>,
    {
        let index = self.leave(key, Step::SwapRemoved)?;
        self.parts().0.swap_remove(index)
    }

    /// Takes a key out, and gives its value. The later entries move up, so this takes time for each of them.
    pub fn shift_remove<Q: Eq + Hash + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        self.shift_remove_entry(key).map(value_of)
    }

    /// Takes a key and its value out. The later entries move up, so this takes time for each of them.
    pub fn shift_remove_entry<Q: Eq + Hash + ?Sized>(&mut self, key: &Q) -> Option<(K, V)>
    where
        K: Borrow<Q>,
    {
        let index = self.leave(key, Step::ShiftRemoved)?;
        self.parts().0.shift_remove(index)
    }

    /// Finds the entry of a key that is about to leave, and saves it.
    fn leave<Q: Eq + Hash + ?Sized>(
        &mut self,
        key: &Q,
        step: impl FnOnce(usize, Gone<K, V>) -> Step<K, V>,
    ) -> Option<usize>
    where
        K: Borrow<Q>,
    {
        let index = self.0.get()?.get_index_of(key)?;
        let mut edit = self.0.edit();
        edit.record(|entries| {
            let (key, value) = entries.get_index(index).expect("the key was found there");
            step(index, Gone::save(entries.hash_at(index), key, value))
        });
        Some(index)
    }

    /// Replaces the key at `index`, for which `key` must be equal to it.
    pub(super) fn replace_key(&mut self, index: usize, key: K) -> K {
        let (entries, mut steps) = self.parts();
        let (slot, _) = entries.get_index_mut(index).expect("the key was found there");
        steps.push(|| Step::Rekeyed(index, slot.save()));
        std::mem::replace(slot, key)
    }

    /// Drops the entries of which `keep` does not say to keep them; keeps the order.
    pub fn retain(&mut self, mut keep: impl FnMut(&K, &mut V) -> bool) {
        // Neither `keep` nor a destructor may panic while the table is half-way, so both run outside of it.
        let kept: Vec<bool> = self.iter_mut().map(|(key, value)| keep(key, value)).collect();
        if kept.contains(&false) {
            let (entries, mut steps) = self.parts();
            save_whole(entries, &mut steps);
            drop(entries.take_others(&kept));
        }
    }

    /// Takes the entries out of which `predicate` says so, as the iterator is asked for them; keeps the order.
    ///
    /// What an iterator that is leaked did not look at goes with it, unless the command fails.
    pub fn extract_if<F: FnMut(&K, &mut V) -> bool>(&mut self, predicate: F) -> ExtractIf<'_, K, V, F> {
        let (entries, mut steps) = self.parts();
        save_whole(entries, &mut steps);
        ExtractIf(entries.extract_if(predicate))
    }

    /// Takes all entries out, at once.
    pub fn drain(&mut self) -> Drain<'_, K, V> {
        if self.is_empty() {
            return Drain::new(Vec::new());
        }
        let (entries, mut steps) = self.parts();
        save_whole(entries, &mut steps);
        Drain::new(entries.drain().collect())
    }

    /// Drops all entries.
    pub fn clear(&mut self) {
        self.drain();
    }

    /// The keys by value.
    pub fn into_keys(self) -> IntoKeys<K, V> {
        IntoKeys(self.into_iter())
    }

    /// The values by value.
    pub fn into_values(self) -> IntoValues<K, V> {
        IntoValues(self.into_iter())
    }

    fn take_all(&mut self) -> Table<K, V> {
        if self.is_empty() {
            return Table::default();
        }
        let (entries, mut steps) = self.parts();
        save_whole(entries, &mut steps);
        // The steps know hashes, so the hasher stays.
        let empty = Table::with_hasher(entries.hasher().clone());
        std::mem::replace(entries, empty)
    }
}

/// What [`HashMap::drain`] took out.
pub type Drain<'a, K, V> = support::Drain<'a, (K, V)>;

/// An iterator over the entries as they stand, which gives a part of each.
macro_rules! by_reference {
    ($(#[$doc:meta])* $name:ident, $part:expr => $item:ty) => {
        $(#[$doc])*
        pub struct $name<'a, K, V>(slice::Iter<'a, (K, V)>);

        impl<'a, K, V> Iterator for $name<'a, K, V> {
            type Item = $item;

            #[inline]
            fn next(&mut self) -> Option<$item> {
                self.0.next().map($part)
            }

            #[inline]
            fn size_hint(&self) -> (usize, Option<usize>) {
                self.0.size_hint()
            }
        }

        impl<'a, K, V> DoubleEndedIterator for $name<'a, K, V> {
            #[inline]
            fn next_back(&mut self) -> Option<$item> {
                self.0.next_back().map($part)
            }
        }

        impl<K, V> ExactSizeIterator for $name<'_, K, V> {}
        impl<K, V> FusedIterator for $name<'_, K, V> {}
    };
}

by_reference! {
    /// An iterator over the entries.
    Iter, |(key, value)| (key, value) => (&'a K, &'a V)
}
by_reference! {
    /// An iterator over the keys.
    Keys, |(key, _)| key => &'a K
}
by_reference! {
    /// An iterator over the values.
    Values, |(_, value)| value => &'a V
}
iterator_struct! {
    /// An iterator over the entries by value.
    IntoIter [K, V] [K, V] vec::IntoIter<(K, V)> => (K, V)
}

macro_rules! clone_and_debug {
    ($($name:ident),*) => {$(
        impl<K, V> Clone for $name<'_, K, V> {
            fn clone(&self) -> Self {
                $name(self.0.clone())
            }
        }

        impl<K: fmt::Debug, V: fmt::Debug> fmt::Debug for $name<'_, K, V> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_list().entries(self.clone()).finish()
            }
        }
    )*};
}

clone_and_debug!(Iter, Keys, Values);

/// An iterator over keys and `&mut` values, which saves what it yields.
pub struct IterMut<'a, K: State, V: State> {
    entries: iter::Enumerate<slice::IterMut<'a, (K, V)>>,
    steps: Log<'a, Step<K, V>>,
}

impl<'a, K: State, V: State> Iterator for IterMut<'a, K, V> {
    type Item = (&'a K, &'a mut V);

    fn next(&mut self) -> Option<Self::Item> {
        let (index, (key, value)) = self.entries.next()?;
        save_changed(&mut self.steps, index, value);
        Some((key, value))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.entries.size_hint()
    }
}

impl<K: State, V: State> ExactSizeIterator for IterMut<'_, K, V> {}
impl<K: State, V: State> FusedIterator for IterMut<'_, K, V> {}

half! {
    /// An iterator over `&mut` values, which saves what it yields.
    ValuesMut ['a, K: State, V: State] ['a, K, V] IterMut<'a, K, V>, value_of => &'a mut V
}
half! {
    /// An iterator over the keys by value.
    IntoKeys [K, V] [K, V] IntoIter<K, V>, key_of => K
}
half! {
    /// An iterator over the values by value.
    IntoValues [K, V] [K, V] IntoIter<K, V>, value_of => V
}

/// What [`HashMap::extract_if`] takes out, as it is asked for.
pub struct ExtractIf<'a, K, V, F>(table::ExtractIf<'a, K, V, F>);

iterator!(['a, K, V, F: FnMut(&K, &mut V) -> bool] ExtractIf<'a, K, V, F>, 0 => (K, V));

by_handle!([K: State + HashKey, V: State] [K, V] HashMap<K, V>, Table<K, V>);

impl<K: Eq + Hash + 'static, V> HashMap<K, V> {
    // Out of the way of `visit`, which every command calls.
    #[inline(never)]
    fn fetch(&self, fetch: &mut Fetch) {
        if !fetch.is_worth_it::<(K, V)>(self.len()) {
            return;
        }
        let Some(entries) = self.0.get() else { return };
        let mut hashes = Vec::new();
        fetch.each_key(|key: &K| hashes.push(entries.hash_of(key)));
        let found = entries.likely_keys(&hashes);
        let mut found = found.iter();
        fetch.each_key(|key: &K| {
            black_box(found.next().is_some_and(|other| *other == Some(key)));
        });
    }
}

impl<K: Eq + Hash + Clone, V: Clone> Clone for HashMap<K, V> {
    fn clone(&self) -> Self {
        self.0.get().map_or_else(Self::new, |entries| Self::from_inner(entries.clone()))
    }
}

impl<K: fmt::Debug, V: fmt::Debug> fmt::Debug for HashMap<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

/// Two maps are equal if they have the same entries, in whatever order.
impl<K: Eq + Hash, V: PartialEq> PartialEq for HashMap<K, V> {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().all(|(key, value)| other.get(key) == Some(value))
    }
}

impl<K: Eq + Hash, V: Eq> Eq for HashMap<K, V> {}

impl<K: Eq + Hash + Borrow<Q>, Q: Eq + Hash + ?Sized, V> Index<&Q> for HashMap<K, V> {
    type Output = V;

    #[track_caller]
    fn index(&self, key: &Q) -> &V {
        self.get(key).expect("the map does not have this key")
    }
}

impl<K: State + Eq + Hash, V: State> IntoIterator for HashMap<K, V> {
    type Item = (K, V);
    type IntoIter = IntoIter<K, V>;
    fn into_iter(mut self) -> IntoIter<K, V> {
        IntoIter(self.take_all().into_iter())
    }
}

impl<'a, K, V> IntoIterator for &'a HashMap<K, V> {
    type Item = (&'a K, &'a V);
    type IntoIter = Iter<'a, K, V>;
    fn into_iter(self) -> Iter<'a, K, V> {
        self.iter()
    }
}

impl<'a, K: State, V: State> IntoIterator for &'a mut HashMap<K, V> {
    type Item = (&'a K, &'a mut V);
    type IntoIter = IterMut<'a, K, V>;
    fn into_iter(self) -> IterMut<'a, K, V> {
        self.iter_mut()
    }
}

impl<K: Eq + Hash, V> FromIterator<(K, V)> for HashMap<K, V> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        Self::from_inner(entries.into_iter().collect())
    }
}

impl<K: State + Eq + Hash, V: State> Extend<(K, V)> for HashMap<K, V> {
    fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, entries: I) {
        for (key, value) in entries {
            self.insert(key, value);
        }
    }
}

impl<'a, K: State + Eq + Hash + Copy, V: State + Copy> Extend<(&'a K, &'a V)> for HashMap<K, V> {
    fn extend<I: IntoIterator<Item = (&'a K, &'a V)>>(&mut self, entries: I) {
        self.extend(entries.into_iter().map(|(key, value)| (*key, *value)));
    }
}

impl<K: Eq + Hash, V, const N: usize> From<[(K, V); N]> for HashMap<K, V> {
    fn from(entries: [(K, V); N]) -> Self {
        entries.into_iter().collect()
    }
}

/// The order of the entries is the arbitrary one of the `std` map: not for use in a command.
impl<K: Eq + Hash, V, S> From<std::collections::HashMap<K, V, S>> for HashMap<K, V> {
    fn from(entries: std::collections::HashMap<K, V, S>) -> Self {
        entries.into_iter().collect()
    }
}

impl<K: State + Eq + Hash, V: State, S: BuildHasher + Default> From<HashMap<K, V>>
    for std::collections::HashMap<K, V, S>
{
    fn from(entries: HashMap<K, V>) -> Self {
        entries.into_iter().collect()
    }
}
