//! The table of a hash map: entries in the order of insertion, found by their hashes.
//!
//! There are three parts. The entries stand in one list; 32 bits of the hash of each stand in a second, beside them; and a table
//! over them finds, by these bits, the indices of entries that may be the one. A place in it is five bytes, seven bits of the hash
//! among them, so that it stays near the processor for longer than the entries, and nearly always the first entry that is looked at
//! is the one. As long as there are few entries there is no table: the list of hashes is looked through.
//!
//! The hash of an entry is kept because a growth, a roll-back and a removal, after which another entry stands in the place, need it:
//! none of them calls `Hash` or `Eq`. Only what is given a key does.
//!
//! It knows nothing of undo.

use std::{
    array,
    borrow::Borrow,
    hash::{BuildHasher, Hash},
    mem, vec,
};

use foldhash::fast::RandomState;
use hashbrown::HashTable;

/// So many entries, and fewer, are found without the table: their hashes fill half a line of the cache.
const UNTABLED_MAX: usize = 8;
/// An index has 32 bits.
const ENTRIES_MAX: usize = u32::MAX as usize - 1;
const TOO_MANY: &str = "a hash map or a hash set holds at most 4,294,967,294 entries";
/// A list of fewer bytes grows to what the table has room for. A longer one grows by a quarter at a time, which wastes less, and
/// costs little, because a large block is given more pages rather than copied.
const SMALL_BYTES: usize = 1 << 16;

/// Entries in the order of insertion.
pub struct Table<K, V> {
    /// The indices of all entries, or of none, and then they are found without.
    indices: HashTable<u32>,
    /// Of each entry.
    hashes: Vec<u32>,
    entries: Vec<(K, V)>,
    hasher: RandomState,
}

/// The hash that the table of indices goes by: the places are in its low bits, the tags in its seven high ones.
#[inline]
fn spread(hash: u32) -> u64 {
    u64::from(hash) << 32 | u64::from(hash)
}

/// The index of the next entry of so many.
#[inline]
fn next_index(entries: usize) -> u32 {
    assert!(entries < ENTRIES_MAX, "{TOO_MANY}");
    entries as u32
}

impl<K, V> Table<K, V> {
    /// An empty table that hashes in this way.
    pub fn with_hasher(hasher: RandomState) -> Self {
        Table { indices: HashTable::new(), hashes: Vec::new(), entries: Vec::new(), hasher }
    }

    /// An empty table that hashes in this way, with room for so many entries.
    ///
    /// # Panics
    ///
    /// If so many do not fit, as [`reserve`](Self::reserve).
    pub fn with_capacity_and_hasher(capacity: usize, hasher: RandomState) -> Self {
        let mut table = Table::with_hasher(hasher);
        table.reserve(capacity);
        table
    }

    /// An empty table with room for so many entries.
    pub fn with_capacity(capacity: usize) -> Self {
        Table::with_capacity_and_hasher(capacity, RandomState::default())
    }

    /// How many entries there are.
    #[inline]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// How many entries fit without a new allocation.
    pub fn capacity(&self) -> usize {
        self.entries.capacity().min(self.hashes.capacity()).min(self.indices.capacity().max(UNTABLED_MAX))
    }

    /// What it hashes with. A table that is filled with the entries of another, by their hashes, needs the same.
    pub fn hasher(&self) -> &RandomState {
        &self.hasher
    }

    /// The entries.
    #[inline]
    pub fn entries(&self) -> &[(K, V)] {
        &self.entries
    }

    /// The entries, whose keys must stay equal to what they are.
    #[inline]
    pub fn entries_mut(&mut self) -> &mut [(K, V)] {
        &mut self.entries
    }

    /// The entry at `index`, whose key must stay equal to what it is.
    #[inline]
    pub fn get_index_mut(&mut self, index: usize) -> Option<(&mut K, &mut V)> {
        self.entries.get_mut(index).map(|(key, value)| (key, value))
    }

    /// The entry at `index`.
    #[inline]
    pub fn get_index(&self, index: usize) -> Option<(&K, &V)> {
        self.entries.get(index).map(|(key, value)| (key, value))
    }

    /// The hash that is kept of the entry at `index`.
    ///
    /// # Panics
    ///
    /// If there is none.
    #[inline]
    pub fn hash_at(&self, index: usize) -> u32 {
        self.hashes[index]
    }

    /// What is kept of the hash of a key.
    #[inline]
    pub fn hash_of<Q: Hash + ?Sized>(&self, key: &Q) -> u32 {
        self.hasher.hash_one(key) as u32
    }

    /// Where the entry is that has this hash, and whose key is the one that `is` says.
    #[inline]
    pub fn find(&self, hash: u32, mut is: impl FnMut(&K) -> bool) -> Option<usize> {
        if self.indices.is_empty() {
            return self.find_untabled(hash, is);
        }
        let found = self.indices.find(spread(hash), |&index| is(&self.entries[index as usize].0));
        found.map(|&index| index as usize)
    }

    fn find_untabled(&self, hash: u32, mut is: impl FnMut(&K) -> bool) -> Option<usize> {
        let mut both = std::iter::zip(&self.hashes, &self.entries);
        both.position(|(&other, (key, _))| other == hash && is(key))
    }

    /// Where the entry of a key is.
    #[inline]
    pub fn get_index_of<Q: Eq + Hash + ?Sized>(&self, key: &Q) -> Option<usize>
    where
        K: Borrow<Q>,
    {
        if self.indices.is_empty() {
            match &self.entries[..] {
                [] => return None,
                // To compare is less work than to hash.
                [(only, _)] => return (key == only.borrow()).then_some(0),
                _ => {}
            }
        }
        self.find(self.hash_of(key), |other| key == other.borrow())
    }

    /// The entry of a key.
    #[inline]
    pub fn get_key_value<Q: Eq + Hash + ?Sized>(&self, key: &Q) -> Option<(&K, &V)>
    where
        K: Borrow<Q>,
    {
        self.get_index(self.get_index_of(key)?)
    }

    /// The values of several keys.
    ///
    /// # Panics
    ///
    /// If two keys are equal and in the table.
    #[track_caller]
    pub fn get_disjoint_mut<Q: Eq + Hash + ?Sized, const N: usize>(
        &mut self,
        keys: [&Q; N],
    ) -> [Option<&mut V>; N]
    where
        K: Borrow<Q>,
    {
        let indices = keys.map(|key| self.get_index_of(key));
        let mut by_index: [usize; N] = array::from_fn(|which| which);
        by_index.sort_unstable_by_key(|&which| indices[which]);
        let mut values = [const { None }; N];
        let (mut rest, mut passed) = (&mut self.entries[..], 0);
        for which in by_index {
            let Some(index) = indices[which] else { continue };
            assert!(index >= passed, "duplicate keys found");
            let Some(((_, value), behind)) =
                rest.split_off_mut(index - passed..).and_then(<[_]>::split_first_mut)
            else {
                unreachable!("the key was found there")
            };
            (rest, passed) = (behind, index + 1);
            values[which] = Some(value);
        }
        values
    }

    /// Puts an entry at the end, whose key has this hash and is not there yet.
    ///
    /// # Panics
    ///
    /// If there are as many as an index can tell apart.
    #[inline]
    pub fn push(&mut self, hash: u32, key: K, value: V) {
        let index = next_index(self.len());
        self.make_room_for_one();
        self.add_index(hash, index);
        self.hashes.push(hash);
        self.entries.push((key, value));
    }

    /// Sets the value of a key, and gives what it was. A key that is there already stays.
    pub fn insert(&mut self, key: K, value: V) -> Option<V>
    where
        K: Eq + Hash,
    {
        let hash = self.hash_of(&key);
        match self.find(hash, |other| *other == key) {
            Some(index) => Some(mem::replace(&mut self.entries[index].1, value)),
            None => {
                self.push(hash, key, value);
                None
            }
        }
    }

    /// Puts an entry in at `index`, whose key has this hash and is not there yet. The later entries move up by one.
    ///
    /// # Panics
    ///
    /// If there are fewer entries, or as many as an index can tell apart.
    pub fn shift_insert(&mut self, index: usize, hash: u32, key: K, value: V) {
        let len = self.len();
        assert!(index <= len, "an entry can be put in no further than at the end");
        next_index(len);
        self.make_room_for_one();
        if self.is_tabled() {
            match self.is_cheaper_as_a_whole(len - index) {
                true => {
                    self.indices.iter_mut().for_each(|other| *other += u32::from(*other as usize >= index))
                }
                // From the last on, so that there are never two of the same.
                false => (index..len).rev().for_each(|moved| self.set_index(moved, moved + 1)),
            }
        }
        self.add_index(hash, index as u32);
        self.hashes.insert(index, hash);
        self.entries.insert(index, (key, value));
    }

    /// Takes the last entry out.
    pub fn pop(&mut self) -> Option<(K, V)> {
        self.swap_remove(self.len().checked_sub(1)?)
    }

    /// Takes the entry at `index` out. The last one takes its place.
    pub fn swap_remove(&mut self, index: usize) -> Option<(K, V)> {
        let last = self.len().checked_sub(1).filter(|last| index <= *last)?;
        if self.is_tabled() {
            self.take_index(index);
            if index != last {
                self.set_index(last, index);
            }
        }
        self.hashes.swap_remove(index);
        Some(self.entries.swap_remove(index))
    }

    /// Takes the entry at `index` out. The later ones move down by one.
    pub fn shift_remove(&mut self, index: usize) -> Option<(K, V)> {
        let len = self.len();
        if index >= len {
            return None;
        }
        if self.is_tabled() {
            self.take_index(index);
            match self.is_cheaper_as_a_whole(len - index) {
                true => {
                    self.indices.iter_mut().for_each(|other| *other -= u32::from(*other as usize > index))
                }
                false => (index + 1..len).for_each(|moved| self.set_index(moved, moved - 1)),
            }
        }
        self.hashes.remove(index);
        Some(self.entries.remove(index))
    }

    /// Exchanges two entries.
    ///
    /// # Panics
    ///
    /// If one of them is not there.
    pub fn swap_indices(&mut self, a: usize, b: usize) {
        self.entries.swap(a, b);
        if a != b && self.is_tabled() {
            let [of_a, of_b] = [a, b].map(|index| self.bucket(index));
            *self.indices.get_bucket_mut(of_a).expect("it was found there") = b as u32;
            *self.indices.get_bucket_mut(of_b).expect("it was found there") = a as u32;
        }
        self.hashes.swap(a, b);
    }

    /// Takes all entries out, and keeps the room.
    pub fn drain(&mut self) -> vec::Drain<'_, (K, V)> {
        self.indices.clear();
        self.hashes.clear();
        self.entries.drain(..)
    }

    /// Takes those entries out that `kept` does not say to keep. The others keep their order.
    ///
    /// # Panics
    ///
    /// If `kept` does not say it of each entry; nothing is changed then.
    pub fn take_others(&mut self, kept: &[bool]) -> Vec<(K, V)> {
        assert_eq!(kept.len(), self.len(), "it is said of each entry whether it is kept");
        self.indices.clear();
        let [mut of_hashes, mut of_entries] = [kept, kept].map(|kept| kept.iter().copied());
        self.hashes.retain(|_| of_hashes.next() == Some(true));
        let gone = self.entries.extract_if(.., |_| of_entries.next() == Some(false)).collect();
        self.index_if_many();
        gone
    }

    /// Takes the entries out of which `predicate` says so, as the iterator is asked for them. The others keep their order.
    ///
    /// If the iterator is leaked, those that it did not look at go with it.
    pub fn extract_if<F: FnMut(&K, &mut V) -> bool>(&mut self, predicate: F) -> ExtractIf<'_, K, V, F> {
        self.indices.clear();
        let entries = mem::take(&mut self.entries).into_iter();
        let hashes = mem::take(&mut self.hashes).into_iter();
        ExtractIf { table: self, entries, hashes, predicate }
    }

    /// Makes room for at least so many more entries.
    ///
    /// # Panics
    ///
    /// If that are more than an index can tell apart.
    pub fn reserve(&mut self, additional: usize) {
        let needed = self.len().checked_add(additional).filter(|needed| *needed <= ENTRIES_MAX);
        let Some(needed) = needed else { panic!("{TOO_MANY}") };
        if needed > UNTABLED_MAX.max(self.indices.capacity()) {
            self.index_anew(needed.max(self.indices_grown()));
        }
        self.grow_lists(needed);
    }

    /// Gives back the memory beyond `capacity` entries, and those there are.
    pub fn shrink_to(&mut self, capacity: usize) {
        let capacity = capacity.max(self.len());
        self.entries.shrink_to(capacity);
        self.hashes.shrink_to(capacity);
        match capacity <= UNTABLED_MAX {
            true => self.indices = HashTable::new(),
            false => self.indices.shrink_to(capacity, |&index| spread(self.hashes[index as usize])),
        }
    }

    /// For each of these hashes the key that is likely to have it, without a look at the entry. None is waited for before the next is
    /// looked for, so all of them wait for memory together.
    pub fn likely_keys(&self, hashes: &[u32]) -> Vec<Option<&K>> {
        let first = |hash: &u32| self.indices.find(spread(*hash), |_| true);
        let found = hashes.iter().map(first);
        found.map(|index| Some(&self.entries.get(*index? as usize)?.0)).collect()
    }

    #[inline]
    fn is_tabled(&self) -> bool {
        !self.indices.is_empty()
    }

    /// Whether it is less work to look at each index than to find those of so many entries.
    fn is_cheaper_as_a_whole(&self, entries: usize) -> bool {
        entries > self.indices.capacity() / 2
    }

    /// The place of the index of an entry, of which there is one in the table.
    fn bucket(&self, index: usize) -> usize {
        let found =
            self.indices.find_bucket_index(spread(self.hashes[index]), |other| *other as usize == index);
        found.expect("the table has the index of each entry")
    }

    /// Changes the index of an entry in the table. Its hash is still at the old one.
    fn set_index(&mut self, from: usize, to: usize) {
        let found = self.indices.find_mut(spread(self.hashes[from]), |other| *other as usize == from);
        *found.expect("the table has the index of each entry") = to as u32;
    }

    /// Takes the index of an entry out of the table.
    fn take_index(&mut self, index: usize) {
        let found = self.indices.find_entry(spread(self.hashes[index]), |other| *other as usize == index);
        found.unwrap_or_else(|_| unreachable!("the table has the index of each entry")).remove();
    }

    /// Adds the index of an entry that is put in, for which there is room, unless there is no table.
    #[inline]
    fn add_index(&mut self, hash: u32, index: u32) {
        if self.is_tabled() {
            self.indices.insert_unique(spread(hash), index, |_| unreachable!("there is room"));
        }
    }

    #[inline]
    fn make_room_for_one(&mut self) {
        let len = self.len();
        let is_table_full = match self.is_tabled() {
            true => len == self.indices.capacity(),
            // It may be more, after an iterator was leaked.
            false => len >= UNTABLED_MAX,
        };
        if is_table_full || len == self.entries.capacity() || len == self.hashes.capacity() {
            self.grow_for_one(is_table_full);
        }
    }

    #[cold]
    fn grow_for_one(&mut self, is_table_full: bool) {
        let needed = self.len() + 1;
        if is_table_full {
            // A table may be there that was not worth while until now.
            self.index_anew(if self.is_tabled() { needed.max(self.indices_grown()) } else { needed });
        }
        self.grow_lists(needed);
    }

    /// Room for how many there should be in the table of indices when it is full: twice as many, unless most of what it is full of are
    /// the traces of removals.
    fn indices_grown(&self) -> usize {
        let full = self.indices.num_buckets() / 8 * 7;
        if self.len() < full / 2 { full } else { full + 1 }
    }

    /// Makes room in the lists, in such steps that it does not happen often.
    fn grow_lists(&mut self, needed: usize) {
        let (len, room) = (self.len(), self.indices.capacity().max(UNTABLED_MAX));
        let step = match len {
            0 => 4,
            _ if len.saturating_mul(size_of::<(K, V)>()) < SMALL_BYTES => room,
            _ => len + len / 4,
        };
        let capacity = step.min(room).max(needed);
        if self.entries.capacity() < needed {
            self.entries.reserve_exact(capacity - len);
        }
        if self.hashes.capacity() < needed {
            self.hashes.reserve_exact(capacity - self.hashes.len());
        }
    }

    /// Makes the table of indices anew, with room for so many.
    fn index_anew(&mut self, capacity: usize) {
        self.indices.clear();
        if self.indices.capacity() < capacity {
            // The old one goes first, so that there are never both.
            self.indices = HashTable::new();
            self.indices = HashTable::with_capacity(capacity);
        }
        for (index, &hash) in self.hashes.iter().enumerate() {
            self.indices.insert_unique(spread(hash), index as u32, |_| unreachable!("there is room"));
        }
    }

    /// Makes the table of indices, which is empty, if there are so many entries that it takes one.
    fn index_if_many(&mut self) {
        if self.len() > UNTABLED_MAX {
            self.index_anew(self.len());
        }
    }
}

impl<K, V> Default for Table<K, V> {
    fn default() -> Self {
        Table::with_hasher(RandomState::default())
    }
}

impl<K: Clone, V: Clone> Clone for Table<K, V> {
    fn clone(&self) -> Self {
        Table {
            indices: self.indices.clone(),
            hashes: self.hashes.clone(),
            entries: self.entries.clone(),
            hasher: self.hasher.clone(),
        }
    }
}

impl<K: Eq + Hash, V> FromIterator<(K, V)> for Table<K, V> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let entries = entries.into_iter();
        let mut table = Table::with_capacity(entries.size_hint().0);
        for (key, value) in entries {
            table.insert(key, value);
        }
        table
    }
}

impl<K, V> IntoIterator for Table<K, V> {
    type Item = (K, V);
    type IntoIter = vec::IntoIter<(K, V)>;
    fn into_iter(self) -> Self::IntoIter {
        self.entries.into_iter()
    }
}

/// What [`Table::extract_if`] takes out, as it is asked for.
pub struct ExtractIf<'a, K, V, F> {
    /// Has the entries that stay, as far as was looked.
    table: &'a mut Table<K, V>,
    /// What was not looked at yet, and their hashes.
    entries: vec::IntoIter<(K, V)>,
    hashes: vec::IntoIter<u32>,
    predicate: F,
}

impl<K, V, F: FnMut(&K, &mut V) -> bool> Iterator for ExtractIf<'_, K, V, F> {
    type Item = (K, V);

    fn next(&mut self) -> Option<(K, V)> {
        // An entry stands in its list while the predicate looks at it, which may panic.
        while let Some((key, value)) = self.entries.as_mut_slice().first_mut() {
            let goes = (self.predicate)(key, value);
            let (entry, hash) = (self.entries.next(), self.hashes.next());
            if goes {
                return entry;
            }
            self.table.entries.extend(entry);
            self.table.hashes.extend(hash);
        }
        None
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, Some(self.entries.len()))
    }
}

impl<K, V, F> Drop for ExtractIf<'_, K, V, F> {
    fn drop(&mut self) {
        self.table.entries.reserve_exact(self.entries.len());
        self.table.entries.extend(&mut self.entries);
        self.table.hashes.reserve_exact(self.hashes.len());
        self.table.hashes.extend(&mut self.hashes);
        self.table.index_if_many();
    }
}

#[cfg(test)]
mod tests;
