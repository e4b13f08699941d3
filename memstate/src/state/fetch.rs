//! Bringing what the next commands will ask for nearer to the processor.
//!
//! In a large collection almost every lookup waits for memory, several times over, and a command that changes two entries waits
//! for one after the other. Many lookups that do not depend on each other, in a short loop, wait together. So before commands are
//! applied, those of their arguments that may be keys are looked up in the collections of the model that have such keys; what is
//! found is not looked at. It changes nothing but the time that the commands take.
//!
//! Only keys of types that are not the user's are looked up, so that no code of the user's runs.

use std::{
    any::{Any, TypeId},
    hash::{Hash, Hasher},
};

use indexmap::Equivalent;

/// A collection of fewer bytes is near enough.
const BYTES_MIN: usize = 1 << 18;

/// The type of a number that may be a key. `usize` and `isize` are written as what has their size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Number {
    U8,
    U16,
    U32,
    U64,
    I16,
    I32,
    I64,
}

/// What is looked up in the collections of a model.
#[derive(Debug, Default)]
pub(crate) struct Fetch {
    numbers: Vec<(Number, u64)>,
    texts: Vec<String>,
    found_large: bool,
}

impl Fetch {
    /// Looks for this number too; a signed one is extended to 64 bits.
    pub(crate) fn add_number(&mut self, number: Number, bits: u64) {
        self.numbers.push((number, bits));
    }

    /// Looks for this text too.
    pub(crate) fn add_text(&mut self, text: &str) {
        self.texts.push(text.to_owned());
    }

    /// Looks for nothing any more.
    pub(crate) fn clear(&mut self) {
        self.numbers.clear();
        self.texts.clear();
    }

    /// Whether there was a collection that is worth it.
    pub(crate) fn found_large(&self) -> bool {
        self.found_large
    }

    /// Whether a collection of so many elements of this size is worth it.
    pub(crate) fn is_worth_it<T>(&mut self, elements: usize) -> bool {
        let is_large = elements.saturating_mul(size_of::<T>()) >= BYTES_MIN;
        self.found_large |= is_large;
        is_large
    }

    /// Hands `look` all numbers of this type. As little as can be happens between them, so that they wait for memory together.
    pub(crate) fn each_number<K: 'static>(&self, mut look: impl FnMut(&K)) {
        // All of these comparisons are made by the compiler.
        let is = |other: TypeId| TypeId::of::<K>() == other;
        if is(TypeId::of::<u64>()) {
            self.each(Number::U64, |bits| bits, &mut look);
        } else if is(TypeId::of::<usize>()) {
            self.each(Number::U64, |bits| bits as usize, &mut look);
        } else if is(TypeId::of::<u32>()) {
            self.each(Number::U32, |bits| bits as u32, &mut look);
        } else if is(TypeId::of::<u16>()) {
            self.each(Number::U16, |bits| bits as u16, &mut look);
        } else if is(TypeId::of::<u8>()) {
            self.each(Number::U8, |bits| bits as u8, &mut look);
        } else if is(TypeId::of::<i64>()) {
            self.each(Number::I64, |bits| bits as i64, &mut look);
        } else if is(TypeId::of::<isize>()) {
            self.each(Number::I64, |bits| bits as isize, &mut look);
        } else if is(TypeId::of::<i32>()) {
            self.each(Number::I32, |bits| bits as i32, &mut look);
        } else if is(TypeId::of::<i16>()) {
            self.each(Number::I16, |bits| bits as i16, &mut look);
        }
    }

    #[inline]
    fn each<N: Any, K: 'static>(&self, number: Number, of: fn(u64) -> N, look: &mut impl FnMut(&K)) {
        for (_, bits) in self.numbers.iter().filter(|(kind, _)| *kind == number) {
            if let Some(key) = (&of(*bits) as &dyn Any).downcast_ref() {
                look(key);
            }
        }
    }

    /// All texts, if `K` is `String`.
    pub(crate) fn texts_as<K: 'static>(&self) -> impl Iterator<Item = &String> {
        let are_keys = TypeId::of::<K>() == TypeId::of::<String>();
        self.texts.iter().take(if are_keys { usize::MAX } else { 0 })
    }
}

/// A text as a key of a map whose keys are `String`, although the compiler does not know that they are.
#[derive(Debug)]
pub(crate) struct AsKey<'a>(pub(crate) &'a String);

impl Hash for AsKey<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl<K: 'static> Equivalent<K> for AsKey<'_> {
    fn equivalent(&self, key: &K) -> bool {
        (key as &dyn Any).downcast_ref() == Some(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found<K: 'static + Copy>(fetch: &Fetch) -> Vec<K> {
        let mut found = Vec::new();
        fetch.each_number(|key: &K| found.push(*key));
        found
    }

    #[test]
    fn a_number_is_a_key_of_its_own_type_and_of_no_other() {
        let mut fetch = Fetch::default();
        fetch.add_number(Number::U64, 300);
        fetch.add_number(Number::I16, -3i64 as u64);
        fetch.add_number(Number::U64, 301);
        assert_eq!((found::<u64>(&fetch), found::<usize>(&fetch)), (vec![300, 301], vec![300, 301]));
        assert_eq!((found::<i16>(&fetch), found::<u16>(&fetch)), (vec![-3], vec![]));
        assert_eq!((found::<u32>(&fetch), found::<i64>(&fetch)), (vec![], vec![]));
        assert_eq!(fetch.texts_as::<String>().count(), 0);
        fetch.clear();
        assert!(found::<u64>(&fetch).is_empty());
    }

    #[test]
    fn a_text_is_a_key_where_keys_are_strings() {
        let mut fetch = Fetch::default();
        fetch.add_text("Ann");
        let map: indexmap::IndexMap<String, u8> = [("Bob".to_owned(), 1), ("Ann".to_owned(), 2)].into();
        let places: Vec<_> = fetch.texts_as::<String>().map(|text| map.get_index_of(&AsKey(text))).collect();
        assert_eq!(places, [Some(1)]);
        assert_eq!((found::<u64>(&fetch).len(), fetch.texts_as::<Box<str>>().count()), (0, 0));
    }
}
