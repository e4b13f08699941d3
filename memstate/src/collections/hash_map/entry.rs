//! The entry of a [`HashMap`](super::HashMap): a place that is looked up once and then filled, changed or emptied.

use std::{fmt, hash::Hash};

use super::{
    super::support::{Log, value_of},
    table::Table,
    undo::{Gone, Step, save_changed},
};
use crate::state::State;

const OCCUPIED: &str = "an occupied entry is in its map";

/// A place in a map, from [`HashMap::entry`](super::HashMap::entry).
pub enum Entry<'a, K: State, V: State> {
    /// The key is in the map.
    Occupied(OccupiedEntry<'a, K, V>),
    /// The key is not in the map.
    Vacant(VacantEntry<'a, K, V>),
}

/// An entry that is in the map.
pub struct OccupiedEntry<'a, K: State, V: State> {
    entries: &'a mut Table<K, V>,
    steps: Log<'a, Step<K, V>>,
    hash: u32,
    index: usize,
}

/// A place for an entry that is not in the map.
pub struct VacantEntry<'a, K: State, V: State> {
    entries: &'a mut Table<K, V>,
    steps: Log<'a, Step<K, V>>,
    hash: u32,
    key: K,
}

impl<'a, K: State + Eq + Hash, V: State> Entry<'a, K, V> {
    pub(super) fn find(entries: &'a mut Table<K, V>, steps: Log<'a, Step<K, V>>, key: K) -> Self {
        let hash = entries.hash_of(&key);
        match entries.find(hash, |other| *other == key) {
            Some(index) => Entry::Occupied(OccupiedEntry { entries, steps, hash, index }),
            None => Entry::Vacant(VacantEntry { entries, steps, hash, key }),
        }
    }
}

impl<'a, K: State, V: State> Entry<'a, K, V> {
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
                let value = make(&entry.key);
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

impl<'a, K: State, V: State> OccupiedEntry<'a, K, V> {
    /// The key.
    pub fn key(&self) -> &K {
        self.entries.get_index(self.index).expect(OCCUPIED).0
    }

    /// The value.
    pub fn get(&self) -> &V {
        self.entries.get_index(self.index).expect(OCCUPIED).1
    }

    /// The value, to change.
    pub fn get_mut(&mut self) -> &mut V {
        let value = self.entries.get_index_mut(self.index).expect(OCCUPIED).1;
        save_changed(&mut self.steps, self.index, value);
        value
    }

    /// The value, to change for as long as the map is borrowed.
    pub fn into_mut(mut self) -> &'a mut V {
        let value = self.entries.get_index_mut(self.index).expect(OCCUPIED).1;
        save_changed(&mut self.steps, self.index, value);
        value
    }

    /// Sets the value, and gives what it was.
    pub fn insert(&mut self, value: V) -> V {
        std::mem::replace(self.get_mut(), value)
    }

    /// Takes the value out; the last entry takes the place of this one.
    pub fn remove(self) -> V {
        value_of(self.remove_entry())
    }

    /// Takes key and value out; the last entry takes the place of this one.
    pub fn remove_entry(self) -> (K, V) {
        let (entries, index) = self.leave(Step::SwapRemoved);
        entries.swap_remove(index).expect(OCCUPIED)
    }

    /// Takes the value out; the later entries move up.
    pub fn shift_remove(self) -> V {
        value_of(self.shift_remove_entry())
    }

    /// Takes key and value out; the later entries move up.
    pub fn shift_remove_entry(self) -> (K, V) {
        let (entries, index) = self.leave(Step::ShiftRemoved);
        entries.shift_remove(index).expect(OCCUPIED)
    }

    fn leave(mut self, step: impl FnOnce(usize, Gone<K, V>) -> Step<K, V>) -> (&'a mut Table<K, V>, usize) {
        self.steps.push(|| {
            let (key, value) = self.entries.get_index(self.index).expect(OCCUPIED);
            step(self.index, Gone::save(self.hash, key, value))
        });
        (self.entries, self.index)
    }
}

impl<'a, K: State, V: State> VacantEntry<'a, K, V> {
    /// The key that was looked for.
    pub fn key(&self) -> &K {
        &self.key
    }

    /// The key back.
    pub fn into_key(self) -> K {
        self.key
    }

    /// Puts a value in, and hands it out.
    pub fn insert(self, value: V) -> &'a mut V {
        let OccupiedEntry { entries, index, .. } = self.insert_entry(value);
        // Nothing to save: it leaves as it came.
        entries.get_index_mut(index).expect(OCCUPIED).1
    }

    /// Puts a value in, and gives the entry that is now in the map.
    pub fn insert_entry(self, value: V) -> OccupiedEntry<'a, K, V> {
        let VacantEntry { entries, mut steps, hash, key } = self;
        let index = entries.len();
        entries.push(hash, key, value);
        steps.push(|| Step::Inserted(index));
        OccupiedEntry { entries, steps, hash, index }
    }
}

impl<K: State + fmt::Debug, V: State + fmt::Debug> fmt::Debug for Entry<'_, K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Entry::Occupied(entry) => f.debug_tuple("Entry").field(entry).finish(),
            Entry::Vacant(entry) => f.debug_tuple("Entry").field(entry).finish(),
        }
    }
}

impl<K: State + fmt::Debug, V: State + fmt::Debug> fmt::Debug for OccupiedEntry<'_, K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OccupiedEntry").field("key", self.key()).field("value", self.get()).finish()
    }
}

impl<K: State + fmt::Debug, V: State> fmt::Debug for VacantEntry<'_, K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("VacantEntry").field(self.key()).finish()
    }
}
