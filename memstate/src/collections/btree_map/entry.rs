//! The entry of a [`BTreeMap`](super::BTreeMap): a place that is looked up once and then filled, changed or emptied.

use std::{collections::btree_map, fmt};

use super::{
    super::support::{Log, value_of},
    undo::{Step, copy_of_key, save_present},
};
use crate::state::State;

/// A place in a map, from [`BTreeMap::entry`](super::BTreeMap::entry).
pub enum Entry<'a, K: State + Ord, V: State> {
    /// The key is in the map.
    Occupied(OccupiedEntry<'a, K, V>),
    /// The key is not in the map.
    Vacant(VacantEntry<'a, K, V>),
}

/// An entry that is in the map.
pub struct OccupiedEntry<'a, K: State + Ord, V: State> {
    entry: btree_map::OccupiedEntry<'a, K, V>,
    steps: Log<'a, Step<K, V>>,
}

/// A place for an entry that is not in the map.
pub struct VacantEntry<'a, K: State + Ord, V: State> {
    entry: btree_map::VacantEntry<'a, K, V>,
    steps: Log<'a, Step<K, V>>,
}

impl<'a, K: State + Ord, V: State> Entry<'a, K, V> {
    /// The key that was looked for.
    pub fn key(&self) -> &K {
        match self {
            Entry::Occupied(entry) => entry.key(),
            Entry::Vacant(entry) => entry.key(),
        }
    }

    /// The value, which is `default` if there was none.
    pub fn or_insert(self, default: V) -> &'a mut V {
        self.or_insert_with(|| default)
    }

    /// The value, which `make` makes if there was none.
    pub fn or_insert_with(self, make: impl FnOnce() -> V) -> &'a mut V {
        self.or_insert_with_key(|_| make())
    }

    /// The value, which `make` makes for the key if there was none.
    pub fn or_insert_with_key(self, make: impl FnOnce(&K) -> V) -> &'a mut V {
        match self {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => {
                let value = make(entry.key());
                entry.insert(value)
            }
        }
    }

    /// The value, which is the default if there was none.
    pub fn or_default(self) -> &'a mut V
    where
        V: Default,
    {
        self.or_insert_with(V::default)
    }

    /// Changes the value if there is one.
    pub fn and_modify(mut self, change: impl FnOnce(&mut V)) -> Self {
        if let Entry::Occupied(entry) = &mut self {
            change(entry.get_mut());
        }
        self
    }

    /// Sets the value, and gives the entry that is now in the map.
    pub fn insert_entry(self, value: V) -> OccupiedEntry<'a, K, V> {
        match self {
            Entry::Occupied(mut entry) => {
                entry.insert(value);
                entry
            }
            Entry::Vacant(entry) => entry.insert_entry(value),
        }
    }
}

impl<'a, K: State + Ord, V: State> OccupiedEntry<'a, K, V> {
    pub(super) fn new(entry: btree_map::OccupiedEntry<'a, K, V>, steps: Log<'a, Step<K, V>>) -> Self {
        OccupiedEntry { entry, steps }
    }

    fn save(&mut self) {
        save_present(&mut self.steps, self.entry.key(), self.entry.get());
    }

    /// The key.
    pub fn key(&self) -> &K {
        self.entry.key()
    }

    /// The value.
    pub fn get(&self) -> &V {
        self.entry.get()
    }

    /// The value, to change.
    pub fn get_mut(&mut self) -> &mut V {
        self.save();
        self.entry.get_mut()
    }

    /// The value, to change for as long as the map is borrowed.
    pub fn into_mut(mut self) -> &'a mut V {
        self.save();
        self.entry.into_mut()
    }

    /// Sets the value, and gives what it was.
    pub fn insert(&mut self, value: V) -> V {
        self.save();
        self.entry.insert(value)
    }

    /// Takes the value out.
    pub fn remove(self) -> V {
        value_of(self.remove_entry())
    }

    /// Takes key and value out.
    pub fn remove_entry(mut self) -> (K, V) {
        self.save();
        self.entry.remove_entry()
    }
}

impl<'a, K: State + Ord, V: State> VacantEntry<'a, K, V> {
    pub(super) fn new(entry: btree_map::VacantEntry<'a, K, V>, steps: Log<'a, Step<K, V>>) -> Self {
        VacantEntry { entry, steps }
    }

    /// The key that was looked for.
    pub fn key(&self) -> &K {
        self.entry.key()
    }

    /// The key back.
    pub fn into_key(self) -> K {
        self.entry.into_key()
    }

    /// Puts a value in, and hands it out.
    pub fn insert(mut self, value: V) -> &'a mut V {
        self.save();
        self.entry.insert(value)
    }

    /// Puts a value in, and gives the entry that is now in the map.
    pub fn insert_entry(mut self, value: V) -> OccupiedEntry<'a, K, V> {
        self.save();
        OccupiedEntry { entry: self.entry.insert_entry(value), steps: self.steps }
    }

    fn save(&mut self) {
        self.steps.push(|| Step::Absent(copy_of_key(self.entry.key())));
    }
}

impl<K: State + Ord + fmt::Debug, V: State + fmt::Debug> fmt::Debug for Entry<'_, K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Entry::Occupied(entry) => f.debug_tuple("Entry").field(entry).finish(),
            Entry::Vacant(entry) => f.debug_tuple("Entry").field(entry).finish(),
        }
    }
}

impl<K: State + Ord + fmt::Debug, V: State + fmt::Debug> fmt::Debug for OccupiedEntry<'_, K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OccupiedEntry").field("key", self.key()).field("value", self.get()).finish()
    }
}

impl<K: State + Ord + fmt::Debug, V: State> fmt::Debug for VacantEntry<'_, K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("VacantEntry").field(self.key()).finish()
    }
}
