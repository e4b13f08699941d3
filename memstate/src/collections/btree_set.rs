//! [`BTreeSet`]: a sorted set that undoes the changes of a failed command.

use std::{
    borrow::Borrow,
    cmp::Ordering,
    collections::{BTreeSet as StdSet, btree_set},
    fmt,
    hash::{Hash, Hasher},
    hint::black_box,
    ops::{self, RangeBounds},
};

use serde::Serialize;

use super::support::SortedKey;
use super::{btree_map::copy_of_key, support::Log};
use crate::state::{
    State, Visitor, discard,
    fetch::Fetch,
    shared::{Contents, Handle},
    trace::Trace,
};

pub use btree_set::{Difference, Intersection, IntoIter, Iter, Range, SymmetricDifference, Union};

/// A sorted set, with the interface of [`std::collections::BTreeSet`].
///
/// Every change is undone in the time that it took. The roll-back compares elements, so an element must not hold a
/// collection of [`memstate::collections`](crate::collections): what would save such an element panics.
pub struct BTreeSet<T>(Handle<StdSet<T>>);

mod undo {
    /// One step back of a set; right whether or not the change behind it has happened.
    pub enum Step<T> {
        /// The set did not have this element.
        Absent(T),
        /// The set had this element.
        Present(T),
    }
}
use undo::Step;

impl<T: State + Ord> Contents for StdSet<T> {
    type Step = Step<T>;

    fn undo(&mut self, step: Step<T>) {
        match step {
            Step::Absent(value) => {
                if let Some(stale) = self.take(&value) {
                    discard(stale);
                }
                discard(value);
            }
            Step::Present(value) => {
                // Not `insert`: an equal element may have replaced this one.
                if let Some(stale) = self.replace(value) {
                    discard(stale);
                }
            }
        }
    }

    fn visit(&mut self, _: &mut Visitor) {
        // Elements hold no collections.
    }

    fn visit_changed(&mut self, _: &[Step<T>], _: &mut Visitor) {}

    fn trace(&self, step: &Step<T>, trace: &mut Trace) {
        let (tag, value) = match step {
            Step::Absent(value) => (1, value),
            Step::Present(value) => (2, value),
        };
        trace.tag(tag);
        trace.put(value);
        trace.tag(u8::from(self.contains(value)));
    }
}

fn save_present<T: State>(steps: &mut Log<'_, Step<T>>, value: &T) {
    steps.push(|| Step::Present(copy_of_key(value)));
}

impl<T> BTreeSet<T> {
    /// An empty set; allocates nothing.
    pub const fn new() -> Self {
        BTreeSet(Handle::new())
    }

    fn from_inner(values: StdSet<T>) -> Self {
        BTreeSet(Handle::from_contents(values))
    }

    #[inline]
    fn values(&self) -> &StdSet<T> {
        self.0.get().unwrap_or(const { &StdSet::new() })
    }

    /// How many elements there are.
    #[inline]
    pub fn len(&self) -> usize {
        self.values().len()
    }

    /// Whether there is no element.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Iterates over the elements, sorted.
    #[inline]
    pub fn iter(&self) -> Iter<'_, T> {
        self.values().iter()
    }
}

impl<T: Ord> BTreeSet<T> {
    fn serialize_items<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error>
    where
        T: serde::Serialize,
    {
        self.values().serialize(serializer)
    }

    /// Whether the set has an element that equals `value`.
    #[inline]
    pub fn contains<Q: Ord + ?Sized>(&self, value: &Q) -> bool
    where
        T: Borrow<Q>,
    {
        self.values().contains(value)
    }

    /// The element in the set that equals `value`.
    pub fn get<Q: Ord + ?Sized>(&self, value: &Q) -> Option<&T>
    where
        T: Borrow<Q>,
    {
        self.values().get(value)
    }

    /// The smallest element.
    pub fn first(&self) -> Option<&T> {
        self.values().first()
    }

    /// The greatest element.
    pub fn last(&self) -> Option<&T> {
        self.values().last()
    }

    /// Iterates over the elements in `range`, sorted.
    ///
    /// # Panics
    ///
    /// If the range begins after its end, or both exclude the same element.
    #[track_caller]
    pub fn range<Q: Ord + ?Sized>(&self, range: impl RangeBounds<Q>) -> Range<'_, T>
    where
        T: Borrow<Q>,
    {
        self.values().range(range)
    }

    /// The elements of either set, sorted.
    pub fn union<'a>(&'a self, other: &'a Self) -> Union<'a, T> {
        self.values().union(other.values())
    }

    /// The elements that both sets have, sorted.
    pub fn intersection<'a>(&'a self, other: &'a Self) -> Intersection<'a, T> {
        self.values().intersection(other.values())
    }

    /// The elements that `other` does not have, sorted.
    pub fn difference<'a>(&'a self, other: &'a Self) -> Difference<'a, T> {
        self.values().difference(other.values())
    }

    /// The elements that one of the sets has and not the other, sorted.
    pub fn symmetric_difference<'a>(&'a self, other: &'a Self) -> SymmetricDifference<'a, T> {
        self.values().symmetric_difference(other.values())
    }

    /// Whether the sets have no element in common.
    pub fn is_disjoint(&self, other: &Self) -> bool {
        self.values().is_disjoint(other.values())
    }

    /// Whether `other` has all elements of this set.
    pub fn is_subset(&self, other: &Self) -> bool {
        self.values().is_subset(other.values())
    }

    /// Whether this set has all elements of `other`.
    pub fn is_superset(&self, other: &Self) -> bool {
        self.values().is_superset(other.values())
    }
}

impl<T: State + Ord> BTreeSet<T> {
    fn parts(&mut self) -> (&mut StdSet<T>, Log<'_, Step<T>>) {
        Log::open(&mut self.0)
    }

    /// Takes everything out.
    fn take_all(&mut self) -> StdSet<T> {
        if self.is_empty() {
            return StdSet::new();
        }
        let (values, mut steps) = self.parts();
        values.iter().for_each(|value| save_present(&mut steps, value));
        std::mem::take(values)
    }

    /// Puts an element in; `false` if an equal one is there, which stays.
    pub fn insert(&mut self, value: T) -> bool {
        let (values, mut steps) = self.parts();
        if steps.is_on() {
            if values.contains(&value) {
                return false;
            }
            steps.push(|| Step::Absent(copy_of_key(&value)));
        }
        values.insert(value)
    }

    /// Puts an element in, and gives the equal one that it replaces.
    pub fn replace(&mut self, value: T) -> Option<T> {
        let (values, mut steps) = self.parts();
        steps.push(|| match values.get(&value) {
            Some(present) => Step::Present(copy_of_key(present)),
            None => Step::Absent(copy_of_key(&value)),
        });
        values.replace(value)
    }

    /// Drops an element, and says whether it was there.
    pub fn remove<Q: Ord + ?Sized>(&mut self, value: &Q) -> bool
    where
        T: Borrow<Q>,
    {
        self.take(value).is_some()
    }

    /// Takes an element out.
    pub fn take<Q: Ord + ?Sized>(&mut self, value: &Q) -> Option<T>
    where
        T: Borrow<Q>,
    {
        if self.is_empty() {
            return None;
        }
        let (values, mut steps) = self.parts();
        if steps.is_on() {
            save_present(&mut steps, values.get(value)?);
        }
        values.take(value)
    }

    /// Takes the smallest element.
    pub fn pop_first(&mut self) -> Option<T> {
        let (values, mut steps) = self.parts();
        save_present(&mut steps, values.first()?);
        values.pop_first()
    }

    /// Takes the greatest element.
    pub fn pop_last(&mut self) -> Option<T> {
        let (values, mut steps) = self.parts();
        save_present(&mut steps, values.last()?);
        values.pop_last()
    }

    /// Drops the elements of which `keep` does not say to keep them.
    pub fn retain(&mut self, mut keep: impl FnMut(&T) -> bool) {
        self.extract_if(.., |value| !keep(value)).for_each(drop);
    }

    /// Takes the elements in `range` out of which `predicate` says so, as the iterator is asked for them.
    ///
    /// # Panics
    ///
    /// If the range begins after its end, or both exclude the same element.
    pub fn extract_if<'a, R: RangeBounds<T>, F: FnMut(&T) -> bool>(
        &'a mut self,
        range: R,
        mut predicate: F,
    ) -> impl Iterator<Item = T> + use<'a, T, R, F> {
        let (values, mut steps) = self.parts();
        values.extract_if(range, move |value| {
            let leaves = predicate(value);
            if leaves {
                save_present(&mut steps, value);
            }
            leaves
        })
    }

    /// Drops all elements.
    pub fn clear(&mut self) {
        self.take_all();
    }

    /// Moves all elements of `other` into this set.
    pub fn append(&mut self, other: &mut Self) {
        self.extend(other.take_all());
    }

    /// Takes the elements from `value` on.
    pub fn split_off<Q: Ord + ?Sized>(&mut self, value: &Q) -> Self
    where
        T: Borrow<Q>,
    {
        // One by one, because each of them is saved anyway, and because `Ord` may panic between any two.
        let mut tail = Vec::new();
        while self.last().is_some_and(|last| last.borrow() >= value) {
            tail.extend(self.pop_last());
        }
        tail.into_iter().rev().collect()
    }
}

by_handle!([T: State + SortedKey] [T] BTreeSet<T>, StdSet<T>);

impl<T: Ord + 'static> BTreeSet<T> {
    // Out of the way of `visit`, which every command calls.
    #[inline(never)]
    fn fetch(&self, fetch: &mut Fetch) {
        if !fetch.is_worth_it::<T>(self.len()) {
            return;
        }
        let Some(values) = self.0.get() else { return };
        fetch.each_key(|value: &T| {
            black_box(values.get(value).map(std::ptr::from_ref));
        });
    }
}

impl<T: Clone> Clone for BTreeSet<T> {
    fn clone(&self) -> Self {
        self.0.get().map_or_else(Self::new, |values| Self::from_inner(values.clone()))
    }
}

impl<T: fmt::Debug> fmt::Debug for BTreeSet<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.values().fmt(f)
    }
}

impl<T: PartialEq> PartialEq for BTreeSet<T> {
    fn eq(&self, other: &Self) -> bool {
        self.values() == other.values()
    }
}

impl<T: Eq> Eq for BTreeSet<T> {}

impl<T: PartialOrd> PartialOrd for BTreeSet<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        self.values().partial_cmp(other.values())
    }
}

impl<T: Ord> Ord for BTreeSet<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.values().cmp(other.values())
    }
}

impl<T: Hash> Hash for BTreeSet<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.values().hash(state);
    }
}

macro_rules! operators {
    ($($trait:ident $method:ident $by:ident),*) => {$(
        impl<T: State + Ord + Clone> ops::$trait for &BTreeSet<T> {
            type Output = BTreeSet<T>;
            fn $method(self, other: Self) -> BTreeSet<T> {
                self.$by(other).cloned().collect()
            }
        }
    )*};
}

operators!(BitOr bitor union, BitAnd bitand intersection, Sub sub difference, BitXor bitxor symmetric_difference);

impl<T: State + Ord> IntoIterator for BTreeSet<T> {
    type Item = T;
    type IntoIter = IntoIter<T>;
    fn into_iter(mut self) -> IntoIter<T> {
        self.take_all().into_iter()
    }
}

impl<'a, T> IntoIterator for &'a BTreeSet<T> {
    type Item = &'a T;
    type IntoIter = Iter<'a, T>;
    fn into_iter(self) -> Iter<'a, T> {
        self.iter()
    }
}

impl<T: Ord> FromIterator<T> for BTreeSet<T> {
    fn from_iter<I: IntoIterator<Item = T>>(values: I) -> Self {
        Self::from_inner(values.into_iter().collect())
    }
}

impl<T: State + Ord> Extend<T> for BTreeSet<T> {
    fn extend<I: IntoIterator<Item = T>>(&mut self, values: I) {
        for value in values {
            self.insert(value);
        }
    }
}

impl<'a, T: State + Ord + Copy> Extend<&'a T> for BTreeSet<T> {
    fn extend<I: IntoIterator<Item = &'a T>>(&mut self, values: I) {
        self.extend(values.into_iter().copied());
    }
}

impl<T: Ord, const N: usize> From<[T; N]> for BTreeSet<T> {
    fn from(values: [T; N]) -> Self {
        Self::from_inner(values.into())
    }
}

impl<T: Ord> From<StdSet<T>> for BTreeSet<T> {
    fn from(values: StdSet<T>) -> Self {
        Self::from_inner(values)
    }
}

impl<T: State + Ord> From<BTreeSet<T>> for StdSet<T> {
    fn from(mut values: BTreeSet<T>) -> Self {
        values.take_all()
    }
}
