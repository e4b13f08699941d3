//! [`VecDeque`]: a queue with two ends that undoes the changes of a failed command.

use std::{
    cmp::Ordering,
    collections::{TryReserveError, VecDeque as StdDeque, vec_deque},
    ops::RangeBounds,
};

use serde::Serialize;

pub use super::support::Drain;
use super::{
    sequence::{Saving, Step, grow, positions, save_changed, save_range, save_whole},
    support::Log,
};
use crate::state::{State, fetch::Fetch, shared::Handle};

mod traits;

/// A queue with two ends, with the interface of [`std::collections::VecDeque`].
///
/// What takes constant time, at both ends and by index, is undone in constant time. `make_contiguous`,
/// `as_mut_slices` and `retain` save all elements.
pub struct VecDeque<T>(Handle<StdDeque<T>>);

/// An iterator over `&mut` elements, which saves what it yields.
pub type IterMut<'a, T> = Saving<'a, T, vec_deque::IterMut<'a, T>>;
/// An iterator over the elements.
pub type Iter<'a, T> = vec_deque::Iter<'a, T>;
/// An iterator over the elements by value.
pub type IntoIter<T> = vec_deque::IntoIter<T>;

impl<T> VecDeque<T> {
    /// An empty queue; allocates nothing.
    pub const fn new() -> Self {
        VecDeque(Handle::new())
    }

    /// An empty queue with room for `capacity` elements.
    pub fn with_capacity(capacity: usize) -> Self {
        Self::from_inner(StdDeque::with_capacity(capacity))
    }

    fn from_inner(items: StdDeque<T>) -> Self {
        VecDeque(Handle::from_contents(items))
    }

    #[inline]
    fn items(&self) -> &StdDeque<T> {
        self.0.get().unwrap_or(const { &StdDeque::new() })
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

    /// The element at `index`, counted from the front.
    #[inline]
    pub fn get(&self, index: usize) -> Option<&T> {
        self.items().get(index)
    }

    /// The first element.
    pub fn front(&self) -> Option<&T> {
        self.items().front()
    }

    /// The last element.
    pub fn back(&self) -> Option<&T> {
        self.items().back()
    }

    /// All elements, as two slices of which the second may be empty.
    ///
    /// Where the first ends says nothing about the value: equal queues may differ in it, also one on a replica or
    /// after a roll-back.
    pub fn as_slices(&self) -> (&[T], &[T]) {
        self.items().as_slices()
    }

    /// Iterates over the elements.
    #[inline]
    pub fn iter(&self) -> Iter<'_, T> {
        self.items().iter()
    }

    /// Iterates over the elements in `range`.
    ///
    /// # Panics
    ///
    /// If the range is not within the queue.
    #[track_caller]
    pub fn range(&self, range: impl RangeBounds<usize>) -> Iter<'_, T> {
        self.items().range(range)
    }

    /// Whether an element equals `value`.
    pub fn contains(&self, value: &T) -> bool
    where
        T: PartialEq,
    {
        self.items().contains(value)
    }

    /// Finds `value` among sorted elements: its position, or as `Err` where it would belong.
    pub fn binary_search(&self, value: &T) -> Result<usize, usize>
    where
        T: Ord,
    {
        self.items().binary_search(value)
    }

    /// Finds the element that `compare` calls equal, among elements that it finds sorted.
    pub fn binary_search_by<'a>(&'a self, compare: impl FnMut(&'a T) -> Ordering) -> Result<usize, usize> {
        self.items().binary_search_by(compare)
    }

    /// Finds the element with this key, among elements sorted by it.
    pub fn binary_search_by_key<'a, B: Ord>(
        &'a self,
        key: &B,
        of: impl FnMut(&'a T) -> B,
    ) -> Result<usize, usize> {
        self.items().binary_search_by_key(key, of)
    }

    /// The position of the first element of which `predicate` is false, where it is true of all before.
    pub fn partition_point(&self, predicate: impl FnMut(&T) -> bool) -> usize {
        self.items().partition_point(predicate)
    }
}

impl<T: State> VecDeque<T> {
    #[inline]
    fn parts(&mut self) -> (&mut StdDeque<T>, Log<'_, Step<T>>) {
        Log::open(&mut self.0)
    }

    /// The contents, with all elements saved.
    fn whole(&mut self) -> &mut StdDeque<T> {
        let (items, mut steps) = self.parts();
        save_whole(&mut steps, &*items);
        items
    }

    /// Takes everything out.
    fn take_all(&mut self) -> StdDeque<T> {
        if self.is_empty() {
            return StdDeque::new();
        }
        let (items, mut steps) = self.parts();
        save_range(items, &mut steps, &(0..items.len()), 0);
        std::mem::take(items)
    }

    /// Makes room for at least `additional` more elements.
    ///
    /// # Panics
    ///
    /// If the new capacity overflows.
    pub fn reserve(&mut self, additional: usize) {
        self.parts().0.reserve(additional);
    }

    /// Makes room for `additional` more elements, and not for more than that.
    ///
    /// # Panics
    ///
    /// If the new capacity overflows.
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

    /// The element at `index`, to change.
    pub fn get_mut(&mut self, index: usize) -> Option<&mut T> {
        if index >= self.len() {
            return None;
        }
        let (items, mut steps) = self.parts();
        let value = items.get_mut(index)?;
        save_changed(&mut steps, index, value);
        Some(value)
    }

    /// The first element, to change.
    pub fn front_mut(&mut self) -> Option<&mut T> {
        self.get_mut(0)
    }

    /// The last element, to change.
    pub fn back_mut(&mut self) -> Option<&mut T> {
        let last = self.len().checked_sub(1)?;
        self.get_mut(last)
    }

    /// Puts an element before the first.
    #[inline]
    pub fn push_front(&mut self, value: T) {
        let mut edit = self.0.edit();
        edit.contents.push_front(value);
        edit.record(|_| Step::Inserted(0));
    }

    /// Puts an element after the last.
    #[inline]
    pub fn push_back(&mut self, value: T) {
        let mut edit = self.0.edit();
        edit.contents.push_back(value);
        edit.record(|items| Step::Inserted(items.len() - 1));
    }

    /// Puts an element before the first, and hands it out.
    pub fn push_front_mut(&mut self, value: T) -> &mut T {
        self.push_front(value);
        &mut self.parts().0[0]
    }

    /// Puts an element after the last, and hands it out.
    pub fn push_back_mut(&mut self, value: T) -> &mut T {
        self.push_back(value);
        self.parts().0.back_mut().expect("an element was pushed")
    }

    /// Takes the first element.
    pub fn pop_front(&mut self) -> Option<T> {
        self.remove(0)
    }

    /// Takes the last element.
    pub fn pop_back(&mut self) -> Option<T> {
        let last = self.len().checked_sub(1)?;
        self.remove(last)
    }

    /// Takes the first element if `predicate` says so.
    pub fn pop_front_if(&mut self, predicate: impl FnOnce(&mut T) -> bool) -> Option<T> {
        if predicate(self.front_mut()?) { self.pop_front() } else { None }
    }

    /// Takes the last element if `predicate` says so.
    pub fn pop_back_if(&mut self, predicate: impl FnOnce(&mut T) -> bool) -> Option<T> {
        if predicate(self.back_mut()?) { self.pop_back() } else { None }
    }

    /// Puts an element at `index`, and moves those of the nearer end.
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

    /// Takes the element at `index`, if there is one, and closes the gap.
    pub fn remove(&mut self, index: usize) -> Option<T> {
        self.take(index, Step::Removed, StdDeque::remove)
    }

    /// Takes the element at `index`, if there is one, and puts the last one in its place.
    pub fn swap_remove_back(&mut self, index: usize) -> Option<T> {
        self.take(index, Step::RemovedForLast, StdDeque::swap_remove_back)
    }

    /// Takes the element at `index`, if there is one, and puts the first one in its place.
    pub fn swap_remove_front(&mut self, index: usize) -> Option<T> {
        self.take(index, Step::RemovedForFirst, StdDeque::swap_remove_front)
    }

    fn take(
        &mut self,
        index: usize,
        step: impl FnOnce(usize, T::Saved) -> Step<T>,
        take: impl FnOnce(&mut StdDeque<T>, usize) -> Option<T>,
    ) -> Option<T> {
        if index >= self.len() {
            return None;
        }
        let mut edit = self.0.edit();
        edit.record(|items| step(index, items[index].save()));
        take(edit.contents, index)
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

    /// Moves the first `by` elements to the end.
    ///
    /// # Panics
    ///
    /// If `by > len`.
    #[track_caller]
    pub fn rotate_left(&mut self, by: usize) {
        let mut edit = self.0.edit();
        edit.contents.rotate_left(by);
        edit.record(|_| Step::RotatedLeft(by));
    }

    /// Moves the last `by` elements to the front.
    ///
    /// # Panics
    ///
    /// If `by > len`.
    #[track_caller]
    pub fn rotate_right(&mut self, by: usize) {
        let len = self.len();
        assert!(by <= len, "{by} elements cannot be moved where there are {len}");
        self.rotate_left(len - by);
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

    fn grow(&mut self, change: impl FnOnce(&mut StdDeque<T>)) {
        let (items, steps) = self.parts();
        grow(items, steps, change);
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
    /// If the range is not within the queue.
    #[track_caller]
    pub fn drain(&mut self, range: impl RangeBounds<usize>) -> Drain<'_, T> {
        let range = positions(range, self.len());
        let (items, mut steps) = self.parts();
        save_range(items, &mut steps, &range, 0);
        Drain::new(items.drain(range).collect())
    }

    /// Drops the elements of which `keep` does not say to keep them.
    pub fn retain(&mut self, mut keep: impl FnMut(&T) -> bool) {
        self.retain_mut(|value| keep(value));
    }

    /// [`retain`](Self::retain), which may change the elements.
    pub fn retain_mut(&mut self, keep: impl FnMut(&mut T) -> bool) {
        self.whole().retain_mut(keep);
    }

    /// All elements as two slices, to change; while a command runs this saves each of them.
    pub fn as_mut_slices(&mut self) -> (&mut [T], &mut [T]) {
        self.whole().as_mut_slices()
    }

    /// All elements as one slice, to change; while a command runs this saves each of them.
    pub fn make_contiguous(&mut self) -> &mut [T] {
        self.whole().make_contiguous()
    }

    /// Iterates over the elements, to change them; saves what it yields.
    pub fn iter_mut(&mut self) -> IterMut<'_, T> {
        let (items, steps) = self.parts();
        Saving::new(items.iter_mut(), steps)
    }

    /// Iterates over the elements in `range`, to change them; saves what it yields.
    ///
    /// # Panics
    ///
    /// If the range is not within the queue.
    #[track_caller]
    pub fn range_mut(&mut self, range: impl RangeBounds<usize>) -> IterMut<'_, T> {
        let range = positions(range, self.len());
        let (items, steps) = self.parts();
        Saving::starting_at(range.start, items.range_mut(range), steps)
    }
}

by_handle!([T: State] [T] VecDeque<T>, StdDeque<T>);

impl<T> VecDeque<T> {
    /// Its elements have no keys.
    fn fetch(&self, _: &mut Fetch) {}
}
