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
    borrow::Borrow,
};

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

    /// Hands `look` all keys of this type. As little as can be happens between them, so that they wait for memory together.
    pub(crate) fn each_key<K: 'static>(&self, mut look: impl FnMut(&K)) {
        // All of these comparisons are made by the compiler.
        macro_rules! first_that_is_the_type {
            ($($type:ty: $number:ident),*) => {
                $(if TypeId::of::<K>() == TypeId::of::<$type>() {
                    let these = self.numbers.iter().filter(|(number, _)| *number == Number::$number);
                    each::<K, $type, _>(these.map(|(_, bits)| *bits as $type), &mut look);
                } else)* if TypeId::of::<K>() == TypeId::of::<String>() {
                    each::<K, String, _>(self.texts.iter(), &mut look);
                }
            };
        }
        first_that_is_the_type! {
            u64: U64, usize: U64, u32: U32, u16: U16, u8: U8, i64: I64, isize: I64, i32: I32, i16: I16
        }
    }
}

/// Hands on what the compiler does not know to be of this type.
#[inline]
fn each<K: 'static, A: Any, B: Borrow<A>>(all: impl Iterator<Item = B>, look: &mut impl FnMut(&K)) {
    for one in all {
        if let Some(key) = (one.borrow() as &dyn Any).downcast_ref() {
            look(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found<K: 'static + Copy>(fetch: &Fetch) -> Vec<K> {
        let mut found = Vec::new();
        fetch.each_key(|key: &K| found.push(*key));
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
        fetch.each_key(|_: &String| panic!("no text was added"));
        fetch.clear();
        assert!(found::<u64>(&fetch).is_empty());
    }

    #[test]
    fn a_text_is_a_key_where_keys_are_strings() {
        let mut fetch = Fetch::default();
        fetch.add_text("Ann");
        let mut texts = Vec::new();
        fetch.each_key(|text: &String| texts.push(text.clone()));
        assert_eq!(texts, ["Ann"]);
        assert!(found::<u64>(&fetch).is_empty());
        fetch.each_key(|_: &Vec<u8>| panic!("a text is looked for as a `String`"));
    }
}
