//! What a [`VecDeque`] is beside a list of methods: traits and conversions.

use std::{
    cmp::Ordering,
    collections::VecDeque as StdDeque,
    fmt,
    hash::{Hash, Hasher},
    ops::{Index, IndexMut},
};

use super::{super::Vec, IntoIter, Iter, IterMut, VecDeque};
use crate::state::State;

impl<T: Clone> Clone for VecDeque<T> {
    fn clone(&self) -> Self {
        self.iter().cloned().collect()
    }
}

impl<T: fmt::Debug> fmt::Debug for VecDeque<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.items().fmt(f)
    }
}

impl<T> Index<usize> for VecDeque<T> {
    type Output = T;
    #[inline]
    #[track_caller]
    fn index(&self, index: usize) -> &T {
        &self.items()[index]
    }
}

impl<T: State> IndexMut<usize> for VecDeque<T> {
    #[track_caller]
    fn index_mut(&mut self, index: usize) -> &mut T {
        let len = self.len();
        self.get_mut(index).unwrap_or_else(|| panic!("there is no element {index} in a queue of {len}"))
    }
}

impl<T: State> IntoIterator for VecDeque<T> {
    type Item = T;
    type IntoIter = IntoIter<T>;
    fn into_iter(mut self) -> IntoIter<T> {
        self.take_all().into_iter()
    }
}

impl<'a, T> IntoIterator for &'a VecDeque<T> {
    type Item = &'a T;
    type IntoIter = Iter<'a, T>;
    fn into_iter(self) -> Iter<'a, T> {
        self.iter()
    }
}

impl<'a, T: State> IntoIterator for &'a mut VecDeque<T> {
    type Item = &'a mut T;
    type IntoIter = IterMut<'a, T>;
    fn into_iter(self) -> IterMut<'a, T> {
        self.iter_mut()
    }
}

impl<T> FromIterator<T> for VecDeque<T> {
    fn from_iter<I: IntoIterator<Item = T>>(values: I) -> Self {
        Self::from_inner(values.into_iter().collect())
    }
}

impl<T: State> Extend<T> for VecDeque<T> {
    fn extend<I: IntoIterator<Item = T>>(&mut self, values: I) {
        self.grow(|items| items.extend(values));
    }
}

impl<'a, T: State + Copy> Extend<&'a T> for VecDeque<T> {
    fn extend<I: IntoIterator<Item = &'a T>>(&mut self, values: I) {
        self.extend(values.into_iter().copied());
    }
}

impl<T: PartialEq> PartialEq for VecDeque<T> {
    fn eq(&self, other: &Self) -> bool {
        self.items() == other.items()
    }
}

impl<T: Eq> Eq for VecDeque<T> {}

macro_rules! equal_to {
    ($([$($generics:tt)*] $other:ty;)*) => {$(
        impl<$($generics)*> PartialEq<$other> for VecDeque<T>
        where
            T: PartialEq<U>,
        {
            fn eq(&self, other: &$other) -> bool {
                self.len() == other.len() && self.iter().zip(other.iter()).all(|(mine, other)| mine == other)
            }
        }
    )*};
}

equal_to! {
    [T, U] Vec<U>;
    [T, U] std::vec::Vec<U>;
    [T, U] StdDeque<U>;
    [T, U] &[U];
    [T, U] &mut [U];
    [T, U, const N: usize] [U; N];
    [T, U, const N: usize] &[U; N];
}

impl<T: PartialOrd> PartialOrd for VecDeque<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        self.items().partial_cmp(other.items())
    }
}

impl<T: Ord> Ord for VecDeque<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.items().cmp(other.items())
    }
}

impl<T: Hash> Hash for VecDeque<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.items().hash(state);
    }
}

impl<T> From<StdDeque<T>> for VecDeque<T> {
    fn from(values: StdDeque<T>) -> Self {
        Self::from_inner(values)
    }
}

impl<T> From<std::vec::Vec<T>> for VecDeque<T> {
    fn from(values: std::vec::Vec<T>) -> Self {
        Self::from_inner(values.into())
    }
}

impl<T: State> From<Vec<T>> for VecDeque<T> {
    fn from(values: Vec<T>) -> Self {
        std::vec::Vec::from(values).into()
    }
}

impl<T, const N: usize> From<[T; N]> for VecDeque<T> {
    fn from(values: [T; N]) -> Self {
        Self::from_inner(values.into())
    }
}

impl<T: State> From<VecDeque<T>> for StdDeque<T> {
    fn from(mut values: VecDeque<T>) -> Self {
        values.take_all()
    }
}

impl<T: State> From<VecDeque<T>> for std::vec::Vec<T> {
    fn from(mut values: VecDeque<T>) -> Self {
        values.take_all().into()
    }
}
