//! [`HashSet`]: a hash set that undoes the changes of a failed command and iterates in the order of insertion.

use std::{
    borrow::Borrow,
    fmt,
    hash::{BuildHasher, Hash},
    iter::{Chain, FusedIterator},
    ops,
};

use super::support::HashKey;
use super::{
    HashMap, hash_map,
    read::{Read, Set},
    support,
};
use crate::state::{State, Visitor};

/// A hash set, with the interface of [`std::collections::HashSet`].
///
/// It iterates in the order of insertion, until [`remove`](Self::remove) moves the last element into the hole that
/// it leaves; [`shift_remove`](Self::shift_remove) keeps the order. What takes constant time is undone in constant
/// time.
pub struct HashSet<T>(HashMap<T, ()>);

impl<T> HashSet<T> {
    /// An empty set; allocates nothing.
    pub const fn new() -> Self {
        HashSet(HashMap::new())
    }

    /// An empty set with room for `capacity` elements.
    pub fn with_capacity(capacity: usize) -> Self {
        HashSet(HashMap::with_capacity(capacity))
    }

    /// How many elements fit without a new allocation.
    pub fn capacity(&self) -> usize {
        self.0.capacity()
    }

    /// How many elements there are.
    #[inline]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no element.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Iterates over the elements.
    pub fn iter(&self) -> Iter<'_, T> {
        Iter(self.0.keys())
    }
}

impl<T: Eq + Hash> HashSet<T> {
    /// The element in the set that equals `value`.
    pub fn get<Q: Eq + Hash + ?Sized>(&self, value: &Q) -> Option<&T>
    where
        T: Borrow<Q>,
    {
        self.0.get_key_value(value).map(|(value, ())| value)
    }

    /// Whether the set has an element that equals `value`.
    #[inline]
    pub fn contains<Q: Eq + Hash + ?Sized>(&self, value: &Q) -> bool
    where
        T: Borrow<Q>,
    {
        self.0.contains_key(value)
    }

    /// The elements of either set: those of `self`, then those that only `other` has.
    pub fn union<'a>(&'a self, other: &'a Self) -> Union<'a, T> {
        Union(self.iter().chain(other.difference(self)))
    }

    /// The elements that both sets have, in the order of `self`.
    pub fn intersection<'a>(&'a self, other: &'a Self) -> Intersection<'a, T> {
        Intersection { elements: self.iter(), other }
    }

    /// The elements that `other` does not have.
    pub fn difference<'a>(&'a self, other: &'a Self) -> Difference<'a, T> {
        Difference { elements: self.iter(), other }
    }

    /// The elements that one of the sets has and not the other: those of `self`, then those of `other`.
    pub fn symmetric_difference<'a>(&'a self, other: &'a Self) -> SymmetricDifference<'a, T> {
        SymmetricDifference(self.difference(other).chain(other.difference(self)))
    }

    /// Whether the sets have no element in common.
    pub fn is_disjoint(&self, other: &Self) -> bool {
        let (few, many) = if self.len() <= other.len() { (self, other) } else { (other, self) };
        !few.iter().any(|value| many.contains(value))
    }

    /// Whether `other` has all elements of this set.
    pub fn is_subset(&self, other: &Self) -> bool {
        self.len() <= other.len() && self.iter().all(|value| other.contains(value))
    }

    /// Whether this set has all elements of `other`.
    pub fn is_superset(&self, other: &Self) -> bool {
        other.is_subset(self)
    }
}

impl<T: State + Eq + Hash> HashSet<T> {
    /// Makes room for at least `additional` more elements.
    ///
    /// # Panics
    ///
    /// If the new capacity overflows.
    pub fn reserve(&mut self, additional: usize) {
        self.0.reserve(additional);
    }

    /// Gives back the memory that the elements do not need.
    pub fn shrink_to_fit(&mut self) {
        self.0.shrink_to_fit();
    }

    /// Gives back the memory beyond `min_capacity` elements.
    pub fn shrink_to(&mut self, min_capacity: usize) {
        self.0.shrink_to(min_capacity);
    }

    /// Puts an element in; `false` if an equal one is there, which stays.
    #[inline]
    pub fn insert(&mut self, value: T) -> bool {
        self.0.insert(value, ()).is_none()
    }

    /// Puts an element in, and gives the equal one that it replaces at its place.
    pub fn replace(&mut self, value: T) -> Option<T> {
        match self.0.index_of(&value) {
            Some(index) => Some(self.0.replace_key(index, value)),
            None => {
                self.0.insert(value, ());
                None
            }
        }
    }

    /// Drops an element, and says whether it was there. The last element takes its place.
    pub fn remove<Q: Eq + Hash + ?Sized>(&mut self, value: &Q) -> bool
    where
        T: Borrow<Q>,
    {
        self.take(value).is_some()
    }

    /// Takes an element out. The last element takes its place.
    pub fn take<Q: Eq + Hash + ?Sized>(&mut self, value: &Q) -> Option<T>
    where
        T: Borrow<Q>,
    {
        self.0.remove_entry(value).map(|(value, ())| value)
    }

    /// Drops an element, and says whether it was there. The later elements move up, so this takes time for each.
    pub fn shift_remove<Q: Eq + Hash + ?Sized>(&mut self, value: &Q) -> bool
    where
        T: Borrow<Q>,
    {
        self.shift_take(value).is_some()
    }

    /// Takes an element out. The later elements move up, so this takes time for each of them.
    pub fn shift_take<Q: Eq + Hash + ?Sized>(&mut self, value: &Q) -> Option<T>
    where
        T: Borrow<Q>,
    {
        self.0.shift_remove_entry(value).map(|(value, ())| value)
    }

    /// Drops the elements of which `keep` does not say to keep them; keeps the order.
    pub fn retain(&mut self, mut keep: impl FnMut(&T) -> bool) {
        self.0.retain(|value, ()| keep(value));
    }

    /// Takes the elements out of which `predicate` says so, as the iterator is asked for them; keeps the order.
    ///
    /// What an iterator that is leaked did not look at goes with it, unless the command fails.
    pub fn extract_if<'a, F: FnMut(&T) -> bool + 'a>(
        &'a mut self,
        mut predicate: F,
    ) -> impl Iterator<Item = T> + use<'a, T, F> {
        self.0.extract_if(move |value, ()| predicate(value)).map(|(value, ())| value)
    }

    /// Takes all elements out, at once.
    pub fn drain(&mut self) -> Drain<'_, T> {
        Drain::new(self.0.drain().map(|(value, ())| value).collect())
    }

    /// Drops all elements.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}

/// What [`HashSet::drain`] took out.
pub type Drain<'a, T> = support::Drain<'a, T>;

iterator_struct! {
    /// An iterator over the elements.
    Iter ['a, T] ['a, T] hash_map::Keys<'a, T, ()> => &'a T
}

/// An iterator over the elements by value.
pub struct IntoIter<T>(hash_map::IntoKeys<T, ()>);

/// What [`HashSet::union`] gives.
pub struct Union<'a, T>(Chain<Iter<'a, T>, Difference<'a, T>>);

/// What [`HashSet::symmetric_difference`] gives.
pub struct SymmetricDifference<'a, T>(Chain<Difference<'a, T>, Difference<'a, T>>);

/// What [`HashSet::intersection`] gives.
pub struct Intersection<'a, T> {
    elements: Iter<'a, T>,
    other: &'a HashSet<T>,
}

/// What [`HashSet::difference`] gives.
pub struct Difference<'a, T> {
    elements: Iter<'a, T>,
    other: &'a HashSet<T>,
}

iterator!([T] IntoIter<T>, 0 => T);
iterator!(['a, T: Eq + Hash] Union<'a, T>, 0 => &'a T);
iterator!(['a, T: Eq + Hash] SymmetricDifference<'a, T>, 0 => &'a T);

impl<T> ExactSizeIterator for IntoIter<T> {}
impl<T> FusedIterator for IntoIter<T> {}
impl<T: Eq + Hash> FusedIterator for Union<'_, T> {}
impl<T: Eq + Hash> FusedIterator for SymmetricDifference<'_, T> {}

macro_rules! filtered {
    ($($name:ident: $in_other:literal),*) => {$(
        impl<'a, T: Eq + Hash> Iterator for $name<'a, T> {
            type Item = &'a T;

            fn next(&mut self) -> Option<&'a T> {
                let other = self.other;
                self.elements.find(|value| other.contains(*value) == $in_other)
            }

            fn size_hint(&self) -> (usize, Option<usize>) {
                (0, self.elements.size_hint().1)
            }
        }

        impl<T: Eq + Hash> FusedIterator for $name<'_, T> {}

        impl<T> Clone for $name<'_, T> {
            fn clone(&self) -> Self {
                $name { elements: self.elements.clone(), other: self.other }
            }
        }
    )*};
}

filtered!(Intersection: true, Difference: false);

macro_rules! cloned {
    ($($name:ident),*) => {$(
        impl<T> Clone for $name<'_, T> {
            fn clone(&self) -> Self {
                $name(self.0.clone())
            }
        }
    )*};
}

cloned!(Union, SymmetricDifference);

impl<T> Clone for Iter<'_, T> {
    fn clone(&self) -> Self {
        Iter(self.0.clone())
    }
}

macro_rules! listed {
    ($($name:ident [$($bounds:tt)*]),*) => {$(
        impl<T: $($bounds)* fmt::Debug> fmt::Debug for $name<'_, T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_list().entries(self.clone()).finish()
            }
        }
    )*};
}

listed!(
    Iter [],
    Union [Eq + Hash +],
    Intersection [Eq + Hash +],
    Difference [Eq + Hash +],
    SymmetricDifference [Eq + Hash +]
);

macro_rules! operators {
    ($($trait:ident $method:ident $by:ident),*) => {$(
        impl<T: Eq + Hash + Clone> ops::$trait for &HashSet<T> {
            type Output = HashSet<T>;
            fn $method(self, other: Self) -> HashSet<T> {
                self.$by(other).cloned().collect()
            }
        }
    )*};
}

operators!(BitOr bitor union, BitAnd bitand intersection, Sub sub difference, BitXor bitxor symmetric_difference);

impl<T: State + HashKey> State for HashSet<T> {
    type Saved = <HashMap<T, ()> as State>::Saved;
    fn save(&self) -> Self::Saved {
        self.0.save()
    }
    fn restore(saved: Self::Saved) -> Self {
        HashSet(HashMap::restore(saved))
    }
    fn put_back(&mut self, saved: Self::Saved) {
        self.0.put_back(saved);
    }
    fn visit(&mut self, visitor: &mut Visitor) {
        self.0.visit(visitor);
    }
}

impl<T> Default for HashSet<T> {
    fn default() -> Self {
        HashSet::new()
    }
}

impl<T: State + Eq + Hash> serde::Serialize for HashSet<T> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if crate::state::trace::is_shallow() {
            return serializer.serialize_u64(self.len() as u64);
        }
        serializer.collect_seq(self)
    }
}

impl<'de, T: State + Eq + Hash> serde::Deserialize<'de> for HashSet<T> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(HashSet(HashMap::from_inner(Set::read(deserializer)?.0)))
    }
}

impl<T: Eq + Hash + Clone> Clone for HashSet<T> {
    fn clone(&self) -> Self {
        HashSet(self.0.clone())
    }
}

impl<T: fmt::Debug> fmt::Debug for HashSet<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

/// Two sets are equal if they have the same elements, in whatever order.
impl<T: Eq + Hash> PartialEq for HashSet<T> {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.is_subset(other)
    }
}

impl<T: Eq + Hash> Eq for HashSet<T> {}

impl<T: State + Eq + Hash> IntoIterator for HashSet<T> {
    type Item = T;
    type IntoIter = IntoIter<T>;
    fn into_iter(self) -> IntoIter<T> {
        IntoIter(self.0.into_keys())
    }
}

impl<'a, T> IntoIterator for &'a HashSet<T> {
    type Item = &'a T;
    type IntoIter = Iter<'a, T>;
    fn into_iter(self) -> Iter<'a, T> {
        self.iter()
    }
}

impl<T: Eq + Hash> FromIterator<T> for HashSet<T> {
    fn from_iter<I: IntoIterator<Item = T>>(values: I) -> Self {
        HashSet(values.into_iter().map(|value| (value, ())).collect())
    }
}

impl<T: State + Eq + Hash> Extend<T> for HashSet<T> {
    fn extend<I: IntoIterator<Item = T>>(&mut self, values: I) {
        for value in values {
            self.insert(value);
        }
    }
}

impl<'a, T: State + Eq + Hash + Copy> Extend<&'a T> for HashSet<T> {
    fn extend<I: IntoIterator<Item = &'a T>>(&mut self, values: I) {
        self.extend(values.into_iter().copied());
    }
}

impl<T: Eq + Hash, const N: usize> From<[T; N]> for HashSet<T> {
    fn from(values: [T; N]) -> Self {
        values.into_iter().collect()
    }
}

/// The order of the elements is the arbitrary one of the `std` set: not for use in a command.
impl<T: Eq + Hash, S> From<std::collections::HashSet<T, S>> for HashSet<T> {
    fn from(values: std::collections::HashSet<T, S>) -> Self {
        values.into_iter().collect()
    }
}

impl<T: State + Eq + Hash, S: BuildHasher + Default> From<HashSet<T>> for std::collections::HashSet<T, S> {
    fn from(values: HashSet<T>) -> Self {
        values.into_iter().collect()
    }
}
