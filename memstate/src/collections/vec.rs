//! [`Vec`]: a growable array that undoes the changes of a failed command.

use std::{collections::TryReserveError, ops::RangeBounds, slice, vec::Vec as StdVec};

use serde::Serialize;

pub use super::support::Drain;
use super::{
    sequence::{Extracting, Positions, Saving, Step, grow, positions, save_changed, save_range, save_whole},
    support::Log,
};
use crate::state::{State, fetch::Fetch, shared::Handle};

mod traits;

/// A growable array, with the interface of [`std::vec::Vec`].
///
/// `push`, `pop`, `vec[index]` and what else takes constant time is undone in constant time. What shifts, sorts or
/// hands out all elements as `&mut [T]` saves the elements that it may change.
pub struct Vec<T>(Handle<StdVec<T>>);

/// An iterator over `&mut` elements, which saves what it yields.
pub type IterMut<'a, T> = Saving<'a, T, slice::IterMut<'a, T>>;
/// An iterator over the elements.
pub type Iter<'a, T> = slice::Iter<'a, T>;
/// An iterator over the elements by value.
pub type IntoIter<T> = std::vec::IntoIter<T>;
/// What [`Vec::extract_if`] takes out, as it is asked for.
pub type ExtractIf<'a, T, F> = Extracting<std::vec::ExtractIf<'a, T, F>>;

impl<T> Vec<T> {
    /// An empty vector; allocates nothing.
    pub const fn new() -> Self {
        Vec(Handle::new())
    }

    /// An empty vector with room for `capacity` elements.
    pub fn with_capacity(capacity: usize) -> Self {
        Self::from_inner(StdVec::with_capacity(capacity))
    }

    fn from_inner(items: StdVec<T>) -> Self {
        Vec(Handle::from_contents(items))
    }

    #[inline]
    fn items(&self) -> &StdVec<T> {
        self.0.get().unwrap_or(const { &StdVec::new() })
    }

    fn serialize_items<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error>
    where
        T: serde::Serialize,
    {
        self.items().serialize(serializer)
    }

    /// How many elements fit without a new allocation.
    pub fn capacity(&self) -> usize {
        self.items().capacity()
    }

    /// How many elements there are.
    #[inline]
    pub fn len(&self) -> usize {
        self.items().len()
    }

    /// Whether there is no element.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All elements.
    #[inline]
    pub fn as_slice(&self) -> &[T] {
        self.items()
    }

    /// Iterates over the elements.
    #[inline]
    pub fn iter(&self) -> Iter<'_, T> {
        self.items().iter()
    }
}

impl<T: State> Vec<T> {
    #[inline]
    fn parts(&mut self) -> (&mut StdVec<T>, Log<'_, Step<T>>) {
        Log::open(&mut self.0)
    }

    /// The contents, with all elements saved.
    fn whole(&mut self) -> &mut StdVec<T> {
        let (items, mut steps) = self.parts();
        save_whole(&mut steps, &*items);
        items
    }

    fn into_inner(mut self) -> StdVec<T> {
        self.take_all()
    }

    /// Takes everything out.
    fn take_all(&mut self) -> StdVec<T> {
        if self.is_empty() {
            return StdVec::new();
        }
        let (items, mut steps) = self.parts();
        save_range(items, &mut steps, &(0..items.len()), 0);
        std::mem::take(items)
    }

    /// Makes room for at least `additional` more elements.
    ///
    /// # Panics
    ///
    /// If the new capacity exceeds `isize::MAX` bytes.
    pub fn reserve(&mut self, additional: usize) {
        self.parts().0.reserve(additional);
    }

    /// Makes room for `additional` more elements, and not for more than that.
    ///
    /// # Panics
    ///
    /// If the new capacity exceeds `isize::MAX` bytes.
    pub fn reserve_exact(&mut self, additional: usize) {
        self.parts().0.reserve_exact(additional);
    }

    /// [`reserve`](Self::reserve), which fails instead of ending the process.
    pub fn try_reserve(&mut self, additional: usize) -> Result<(), TryReserveError> {
        self.parts().0.try_reserve(additional)
    }

    /// [`reserve_exact`](Self::reserve_exact), which fails instead of ending the process.
    pub fn try_reserve_exact(&mut self, additional: usize) -> Result<(), TryReserveError> {
        self.parts().0.try_reserve_exact(additional)
    }

    /// Gives back the memory that the elements do not need.
    pub fn shrink_to_fit(&mut self) {
        self.shrink_to(0);
    }

    /// Gives back the memory beyond `min_capacity` elements.
    pub fn shrink_to(&mut self, min_capacity: usize) {
        if self.capacity() > min_capacity {
            self.parts().0.shrink_to(min_capacity);
        }
    }

    /// All elements, to change; while a command runs this saves each of them.
    pub fn as_mut_slice(&mut self) -> &mut [T] {
        if self.is_empty() { &mut [] } else { self.whole() }
    }

    /// The elements as a slice on the heap.
    pub fn into_boxed_slice(self) -> Box<[T]> {
        self.into_inner().into_boxed_slice()
    }

    /// Puts an element at the end.
    #[inline]
    pub fn push(&mut self, value: T) {
        let mut edit = self.0.edit();
        edit.contents.push(value);
        edit.record(|items| Step::Inserted(items.len() - 1));
    }

    /// Puts an element at the end, and hands it out.
    pub fn push_mut(&mut self, value: T) -> &mut T {
        self.push(value);
        // Nothing to save: it leaves as it came.
        self.parts().0.last_mut().expect("an element was pushed")
    }

    /// Takes the last element.
    pub fn pop(&mut self) -> Option<T> {
        let last = self.len().checked_sub(1)?;
        Some(self.remove(last))
    }

    /// Takes the last element if `predicate` says so.
    pub fn pop_if(&mut self, predicate: impl FnOnce(&mut T) -> bool) -> Option<T> {
        if predicate(self.last_mut()?) { self.pop() } else { None }
    }

    /// Puts an element at `index`, and moves the later ones down.
    ///
    /// # Panics
    ///
    /// If `index > len`.
    #[track_caller]
    pub fn insert(&mut self, index: usize, value: T) {
        let mut edit = self.0.edit();
        edit.contents.insert(index, value);
        edit.record(|_| Step::Inserted(index));
    }

    /// Puts an element at `index`, and hands it out.
    ///
    /// # Panics
    ///
    /// If `index > len`.
    #[track_caller]
    pub fn insert_mut(&mut self, index: usize, value: T) -> &mut T {
        self.insert(index, value);
        &mut self.parts().0[index]
    }

    /// Takes the element at `index`, and moves the later ones up.
    ///
    /// # Panics
    ///
    /// If `index >= len`.
    #[track_caller]
    pub fn remove(&mut self, index: usize) -> T {
        let mut edit = self.0.edit();
        edit.record(|items| Step::Removed(index, items[index].save()));
        edit.contents.remove(index)
    }

    /// Takes the element at `index`, and puts the last one in its place.
    ///
    /// # Panics
    ///
    /// If `index >= len`.
    #[track_caller]
    pub fn swap_remove(&mut self, index: usize) -> T {
        let mut edit = self.0.edit();
        edit.record(|items| Step::RemovedForLast(index, items[index].save()));
        edit.contents.swap_remove(index)
    }

    /// Exchanges two elements.
    ///
    /// # Panics
    ///
    /// If one of the two is not there.
    #[track_caller]
    pub fn swap(&mut self, a: usize, b: usize) {
        let mut edit = self.0.edit();
        edit.contents.swap(a, b);
        edit.record(|_| Step::Swapped(a, b));
    }

    /// Drops the elements from `len` on.
    pub fn truncate(&mut self, len: usize) {
        if len < self.len() {
            let (items, mut steps) = self.parts();
            save_range(items, &mut steps, &(len..items.len()), 0);
            items.truncate(len);
        }
    }

    /// Drops all elements.
    pub fn clear(&mut self) {
        self.truncate(0);
    }

    /// Adds clones of `value`, or drops elements, until there are `len`.
    pub fn resize(&mut self, len: usize, value: T)
    where
        T: Clone,
    {
        if len <= self.len() {
            self.truncate(len);
        } else {
            self.grow(|items| items.resize(len, value));
        }
    }

    /// Adds what `make` makes, or drops elements, until there are `len`.
    pub fn resize_with(&mut self, len: usize, make: impl FnMut() -> T) {
        if len <= self.len() {
            self.truncate(len);
        } else {
            self.grow(|items| items.resize_with(len, make));
        }
    }

    fn grow(&mut self, change: impl FnOnce(&mut StdVec<T>)) {
        let (items, steps) = self.parts();
        grow(items, steps, change);
    }

    /// Adds clones of all of `other`.
    pub fn extend_from_slice(&mut self, other: &[T])
    where
        T: Clone,
    {
        self.grow(|items| items.extend_from_slice(other));
    }

    /// Adds clones of the elements in `range`.
    ///
    /// # Panics
    ///
    /// If the range is not within the vector.
    #[track_caller]
    pub fn extend_from_within(&mut self, range: impl RangeBounds<usize>)
    where
        T: Clone,
    {
        let range = positions(range, self.len());
        self.grow(|items| items.extend_from_within(range));
    }

    /// Moves all elements of `other` to the end.
    pub fn append(&mut self, other: &mut Self) {
        let mut moved = other.take_all();
        self.grow(|items| items.append(&mut moved));
    }

    /// Takes the elements from `at` on.
    ///
    /// # Panics
    ///
    /// If `at > len`.
    #[track_caller]
    pub fn split_off(&mut self, at: usize) -> Self {
        Self::from_inner(self.drain(at..).collect())
    }

    /// Takes the elements in `range` out, at once.
    ///
    /// # Panics
    ///
    /// If the range is not within the vector.
    #[track_caller]
    pub fn drain(&mut self, range: impl RangeBounds<usize>) -> Drain<'_, T> {
        let range = positions(range, self.len());
        let (items, mut steps) = self.parts();
        save_range(items, &mut steps, &range, 0);
        Drain::new(items.drain(range).collect())
    }

    /// Puts `values` where `range` was, and gives what stood there. All of it happens at once.
    ///
    /// # Panics
    ///
    /// If the range is not within the vector.
    #[track_caller]
    pub fn splice(
        &mut self,
        range: impl RangeBounds<usize>,
        values: impl IntoIterator<Item = T>,
    ) -> Drain<'_, T> {
        let range = positions(range, self.len());
        // The iterator is the user's code: it ends before anything changes.
        let values: StdVec<T> = values.into_iter().collect();
        let (items, mut steps) = self.parts();
        save_range(items, &mut steps, &range, values.len());
        Drain::new(items.splice(range, values).collect())
    }

    /// Takes the elements in `range` out of which `predicate` says so, as the iterator is asked for them.
    ///
    /// # Panics
    ///
    /// If the range is not within the vector.
    #[track_caller]
    pub fn extract_if<F: FnMut(&mut T) -> bool>(
        &mut self,
        range: impl RangeBounds<usize>,
        predicate: F,
    ) -> ExtractIf<'_, T, F> {
        let range = positions(range, self.len());
        Extracting(self.whole().extract_if(range, predicate))
    }

    /// Drops the elements of which `keep` does not say to keep them.
    pub fn retain(&mut self, mut keep: impl FnMut(&T) -> bool) {
        self.retain_mut(|value| keep(value));
    }

    /// [`retain`](Self::retain), which may change the elements.
    pub fn retain_mut(&mut self, keep: impl FnMut(&mut T) -> bool) {
        self.whole().retain_mut(keep);
    }

    /// Drops every element that equals the one before it.
    pub fn dedup(&mut self)
    where
        T: PartialEq,
    {
        self.dedup_by(|a, b| a == b);
    }

    /// Drops every element whose key equals that of the one before it.
    pub fn dedup_by_key<K: PartialEq>(&mut self, mut key: impl FnMut(&mut T) -> K) {
        self.dedup_by(|a, b| key(a) == key(b));
    }

    /// Drops every element that is the `same` as the one before it, which `same` is given second.
    pub fn dedup_by(&mut self, same: impl FnMut(&mut T, &mut T) -> bool) {
        self.whole().dedup_by(same);
    }

    /// The element or elements at `index`, to change.
    pub fn get_mut<I: Positions<T>>(&mut self, index: I) -> Option<&mut I::Output> {
        let (items, mut steps) = self.parts();
        for position in index.within(items.len()) {
            save_changed(&mut steps, position, &mut items[position]);
        }
        items.get_mut(index)
    }

    /// The first element, to change.
    pub fn first_mut(&mut self) -> Option<&mut T> {
        self.get_mut(0)
    }

    /// The last element, to change.
    pub fn last_mut(&mut self) -> Option<&mut T> {
        let last = self.len().checked_sub(1)?;
        self.get_mut(last)
    }

    /// Iterates over the elements, to change them; saves what it yields.
    pub fn iter_mut(&mut self) -> IterMut<'_, T> {
        let (items, steps) = self.parts();
        Saving::new(items.iter_mut(), steps)
    }
}

by_handle!([T: State] [T] Vec<T>, StdVec<T>);

impl<T> Vec<T> {
    /// Its elements have no keys.
    fn fetch(&self, _: &mut Fetch) {}
}
