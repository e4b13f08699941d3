//! What a [`Vec`] is beside a list of methods: traits and conversions.

use std::{
    borrow::{Borrow, BorrowMut},
    cmp::Ordering,
    fmt,
    hash::{Hash, Hasher},
    io,
    ops::{Deref, DerefMut, Index, IndexMut},
    slice::SliceIndex,
    vec::Vec as StdVec,
};

use super::{
    super::{
        VecDeque,
        sequence::{Positions, save_changed},
    },
    IntoIter, Iter, IterMut, Vec,
};
use crate::state::State;

impl<T: Clone> Clone for Vec<T> {
    fn clone(&self) -> Self {
        self.iter().cloned().collect()
    }
}

impl<T: fmt::Debug> fmt::Debug for Vec<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.items().fmt(f)
    }
}

impl<T> Deref for Vec<T> {
    type Target = [T];
    #[inline]
    fn deref(&self) -> &[T] {
        self.items()
    }
}

/// Saves all elements; see [`Vec::as_mut_slice`].
impl<T: State> DerefMut for Vec<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        self.as_mut_slice()
    }
}

impl<T, I: SliceIndex<[T]>> Index<I> for Vec<T> {
    type Output = I::Output;
    #[inline]
    #[track_caller]
    fn index(&self, index: I) -> &I::Output {
        &self.items()[index]
    }
}

impl<T: State, I: Positions<T>> IndexMut<I> for Vec<T> {
    #[inline]
    #[track_caller]
    fn index_mut(&mut self, index: I) -> &mut I::Output {
        let (items, mut steps) = self.parts();
        for position in index.within(items.len()) {
            save_changed(&mut steps, position, &mut items[position]);
        }
        &mut items[index]
    }
}

impl<T: State> IntoIterator for Vec<T> {
    type Item = T;
    type IntoIter = IntoIter<T>;
    fn into_iter(self) -> IntoIter<T> {
        self.into_inner().into_iter()
    }
}

impl<'a, T> IntoIterator for &'a Vec<T> {
    type Item = &'a T;
    type IntoIter = Iter<'a, T>;
    fn into_iter(self) -> Iter<'a, T> {
        self.iter()
    }
}

impl<'a, T: State> IntoIterator for &'a mut Vec<T> {
    type Item = &'a mut T;
    type IntoIter = IterMut<'a, T>;
    fn into_iter(self) -> IterMut<'a, T> {
        self.iter_mut()
    }
}

impl<T> FromIterator<T> for Vec<T> {
    fn from_iter<I: IntoIterator<Item = T>>(values: I) -> Self {
        Self::from_inner(values.into_iter().collect())
    }
}

impl<T: State> Extend<T> for Vec<T> {
    fn extend<I: IntoIterator<Item = T>>(&mut self, values: I) {
        self.grow(|items| items.extend(values));
    }
}

impl<'a, T: State + Copy> Extend<&'a T> for Vec<T> {
    fn extend<I: IntoIterator<Item = &'a T>>(&mut self, values: I) {
        self.extend(values.into_iter().copied());
    }
}

impl<T: Eq> Eq for Vec<T> {}

impl<T: PartialOrd> PartialOrd for Vec<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        self.as_slice().partial_cmp(other.as_slice())
    }
}

impl<T: Ord> Ord for Vec<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_slice().cmp(other.as_slice())
    }
}

impl<T: Hash> Hash for Vec<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_slice().hash(state);
    }
}

macro_rules! equal_as_slices {
    ($([$($generics:tt)*] $left:ty, $right:ty;)*) => {$(
        impl<$($generics)*> PartialEq<$right> for $left
        where
            T: PartialEq<U>,
        {
            fn eq(&self, other: &$right) -> bool {
                self[..] == other[..]
            }
        }
    )*};
}

equal_as_slices! {
    [T, U] Vec<T>, Vec<U>;
    [T, U] Vec<T>, StdVec<U>;
    [T, U] Vec<T>, [U];
    [T, U] Vec<T>, &[U];
    [T, U] Vec<T>, &mut [U];
    [T, U, const N: usize] Vec<T>, [U; N];
    [T, U, const N: usize] Vec<T>, &[U; N];
    [T, U] StdVec<T>, Vec<U>;
    [T, U] [T], Vec<U>;
    [T, U] &[T], Vec<U>;
}

macro_rules! slice_views {
    ($([$trait:ident $method:ident $trait_mut:ident $method_mut:ident $target:ty])*) => {$(
        impl<T> $trait<$target> for Vec<T> {
            fn $method(&self) -> &$target {
                self
            }
        }

        impl<T: State> $trait_mut<$target> for Vec<T> {
            fn $method_mut(&mut self) -> &mut $target {
                self
            }
        }
    )*};
}

slice_views! {
    [AsRef as_ref AsMut as_mut [T]]
    [AsRef as_ref AsMut as_mut Vec<T>]
    [Borrow borrow BorrowMut borrow_mut [T]]
}

macro_rules! from_by_std {
    ($([$($generics:tt)*] $source:ty;)*) => {$(
        impl<$($generics)*> From<$source> for Vec<T> {
            fn from(values: $source) -> Self {
                Self::from_inner(values.into())
            }
        }
    )*};
}

from_by_std! {
    [T] StdVec<T>;
    [T] Box<[T]>;
    [T, const N: usize] [T; N];
    [T] std::collections::VecDeque<T>;
    [T: Ord] std::collections::BinaryHeap<T>;
    [T: Clone] &[T];
    [T: Clone] &mut [T];
    [T: Clone, const N: usize] &[T; N];
}

impl<T: State> From<VecDeque<T>> for Vec<T> {
    fn from(values: VecDeque<T>) -> Self {
        std::collections::VecDeque::from(values).into()
    }
}

impl From<&str> for Vec<u8> {
    fn from(text: &str) -> Self {
        Self::from_inner(text.into())
    }
}

impl<T: State> From<Vec<T>> for StdVec<T> {
    fn from(values: Vec<T>) -> Self {
        values.into_inner()
    }
}

impl<T: State> From<Vec<T>> for Box<[T]> {
    fn from(values: Vec<T>) -> Self {
        values.into_boxed_slice()
    }
}

impl<T: State, const N: usize> TryFrom<Vec<T>> for [T; N] {
    type Error = Vec<T>;
    /// Fails with the vector if it does not have exactly `N` elements.
    fn try_from(values: Vec<T>) -> Result<Self, Vec<T>> {
        if values.len() != N {
            return Err(values);
        }
        Ok(values.into_inner().try_into().unwrap_or_else(|_| unreachable!("the length was compared")))
    }
}

impl io::Write for Vec<u8> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
