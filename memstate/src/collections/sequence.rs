//! What [`Vec`](super::Vec) and [`VecDeque`](super::VecDeque) note, and how it is taken back: both are elements
//! with positions.

use std::{
    collections::VecDeque,
    iter::{Enumerate, FusedIterator},
    ops::{self, Bound, Range, RangeBounds},
    slice::SliceIndex,
};

use super::support::{Log, Places, in_place};
use crate::state::{
    State, Visitor, discard,
    shared::{Contents, save_exclusively},
    trace::Trace,
};

/// One step back of a sequence.
pub enum Step<T: State> {
    /// An element was put in at this position.
    Inserted(usize),
    /// The elements from `from` on were put in; those up to `to` by this change.
    Grown {
        from: usize,
        to: usize,
    },
    /// The element at this position left, and the later ones moved up.
    Removed(usize, T::Saved),
    /// The element at this position left, and the last one took its place.
    RemovedForLast(usize, T::Saved),
    /// The element at this position left, and the first one took its place.
    RemovedForFirst(usize, T::Saved),
    /// The element at this position was handed out.
    Changed(usize, T::Saved),
    Swapped(usize, usize),
    RotatedLeft(usize),
    /// Where `gone` stood, `added` other elements stand.
    Spliced {
        at: usize,
        added: usize,
        gone: Vec<T::Saved>,
    },
    /// Anything may have happened to what was this.
    Whole(Vec<T::Saved>),
}

/// What the steps need of a container. None of it runs the user's code, except that a destructor may run when a
/// step is taken back.
pub trait Sequence: Default + Extend<Self::Value> + IntoIterator<Item = Self::Value> {
    type Value: State;
    fn len(&self) -> usize;
    fn get(&self, index: usize) -> Option<&Self::Value>;
    fn get_mut(&mut self, index: usize) -> Option<&mut Self::Value>;
    fn insert(&mut self, index: usize, value: Self::Value);
    fn take(&mut self, index: usize) -> Self::Value;
    fn swap(&mut self, a: usize, b: usize);
    fn rotate_right(&mut self, by: usize);
    /// Puts `values` where `range` was, and gives what stood there.
    fn replace(&mut self, range: Range<usize>, values: Vec<Self::Value>) -> Vec<Self::Value>;
}

fn undo<Q: Sequence<Value = T>, T: State>(items: &mut Q, step: Step<T>) {
    match step {
        Step::Inserted(index) => discard(items.take(index)),
        Step::Grown { from, .. } => {
            while items.len() > from {
                discard(items.take(items.len() - 1));
            }
        }
        Step::Removed(index, saved) => items.insert(index, T::restore(saved)),
        Step::RemovedForLast(index, saved) => {
            let last = items.len();
            items.insert(last, T::restore(saved));
            items.swap(index, last);
        }
        Step::RemovedForFirst(index, saved) => {
            items.insert(0, T::restore(saved));
            items.swap(index, 0);
        }
        Step::Changed(index, saved) => {
            if let Some(value) = items.get_mut(index) {
                value.put_back(saved);
            }
        }
        Step::Swapped(a, b) => items.swap(a, b),
        Step::RotatedLeft(by) => items.rotate_right(by),
        Step::Spliced { at, added, gone } => {
            let back = gone.into_iter().map(T::restore).collect();
            items.replace(at..at + added, back).into_iter().for_each(discard);
        }
        Step::Whole(saved) => {
            let stale = std::mem::take(items);
            items.extend(saved.into_iter().map(T::restore));
            stale.into_iter().for_each(discard);
        }
    }
}

fn trace<Q: Sequence<Value = T>, T: State>(items: &Q, step: &Step<T>, trace: &mut Trace) {
    let mut put = |tag: u8, numbers: &[usize], present: Range<usize>| {
        trace.tag(tag);
        numbers.iter().for_each(|number| trace.index(*number));
        // Later changes may have taken away what this one put there.
        for index in present.start..present.end.min(items.len()) {
            if let Some(value) = items.get(index) {
                trace.put(value);
            }
        }
    };
    match step {
        Step::Inserted(index) => put(1, &[*index], *index..index + 1),
        Step::Grown { from, to } => put(2, &[*from, *to], *from..*to),
        Step::Removed(index, _) => put(3, &[*index], 0..0),
        Step::RemovedForLast(index, _) => put(4, &[*index], 0..0),
        Step::RemovedForFirst(index, _) => put(5, &[*index], 0..0),
        Step::Changed(index, _) => put(6, &[*index], *index..index + 1),
        Step::Swapped(a, b) => put(7, &[*a, *b], 0..0),
        Step::RotatedLeft(by) => put(8, &[*by], 0..0),
        Step::Spliced { at, added, gone } => put(9, &[*at, *added, gone.len()], *at..at + added),
        Step::Whole(_) => put(10, &[items.len()], 0..items.len()),
    }
}

fn visit_changed<Q: Sequence<Value = T> + Contents, T: State>(
    items: &mut Q,
    steps: &[Step<T>],
    visitor: &mut Visitor,
) {
    if !std::mem::needs_drop::<T>() {
        return;
    }
    let visit_at = |items: &mut Q, index, visitor: &mut Visitor| {
        if let Some(value) = items.get_mut(index) {
            value.visit(visitor);
        }
    };
    // Where nothing has moved, the places are those that the steps know.
    let changed_in_place = |step: &Step<T>| match step {
        Step::Changed(index, _) => Some(*index),
        _ => None,
    };
    if let Some(places) = in_place(steps, changed_in_place) {
        return places.for_each(|index| visit_at(items, index, visitor));
    }
    match changed(steps, Sequence::len(items)) {
        Some(places) => places.into_iter().for_each(|index| visit_at(items, index, visitor)),
        None => items.visit(visitor),
    }
}

/// Where the elements stand now that the changes behind `steps` touched; `None` for anywhere.
fn changed<T: State>(steps: &[Step<T>], len: usize) -> Option<Places> {
    let mut places = Places::among(len);
    for (number, step) in steps.iter().enumerate() {
        match step {
            Step::Inserted(index) => {
                places.move_all(|place| place + usize::from(place >= *index));
                places.mark(*index..index + 1);
            }
            // What makes the elements panicked half-way.
            Step::Grown { to: usize::MAX, .. } => return None,
            Step::Grown { from, to } => places.mark(*from..*to),
            Step::Removed(index, _) => places.move_all(|place| place - usize::from(place > *index)),
            Step::RemovedForLast(index, _) => places.mark(*index..index + 1),
            Step::RemovedForFirst(index, _) => {
                places.move_all(|place| place.saturating_sub(1));
                let index = index.saturating_sub(1);
                places.mark(index..index + 1);
            }
            Step::Changed(index, _) => places.mark(*index..index + 1),
            Step::Swapped(a, b) => {
                places.mark(*a..a + 1);
                places.mark(*b..b + 1);
            }
            Step::RotatedLeft(by) => {
                let len = len_before(&steps[number..], len).max(1);
                places.move_all(|place| (place + len - by % len) % len);
            }
            Step::Spliced { at, added, gone } => {
                let end = at + gone.len();
                places.move_all(|place| if place >= end { place - end + at + added } else { place });
                places.mark(*at..at + added);
            }
            Step::Whole(_) => return None,
        }
        if places.is_too_much() {
            return None;
        }
    }
    Some(places)
}

/// How many elements there were before the changes behind `steps`, which led to `len`.
fn len_before<T: State>(steps: &[Step<T>], len: usize) -> usize {
    steps.iter().rev().fold(len, |len, step| match step {
        Step::Inserted(_) => len - 1,
        Step::Grown { from, .. } => *from,
        Step::Removed(..) | Step::RemovedForLast(..) | Step::RemovedForFirst(..) => len + 1,
        Step::Changed(..) | Step::Swapped(..) | Step::RotatedLeft(_) => len,
        Step::Spliced { added, gone, .. } => len - added + gone.len(),
        Step::Whole(saved) => saved.len(),
    })
}

impl<T: State> Sequence for Vec<T> {
    type Value = T;
    fn len(&self) -> usize {
        self.len()
    }
    fn get(&self, index: usize) -> Option<&T> {
        self.as_slice().get(index)
    }
    fn get_mut(&mut self, index: usize) -> Option<&mut T> {
        self.as_mut_slice().get_mut(index)
    }
    fn insert(&mut self, index: usize, value: T) {
        self.insert(index, value);
    }
    fn take(&mut self, index: usize) -> T {
        self.remove(index)
    }
    fn swap(&mut self, a: usize, b: usize) {
        self.as_mut_slice().swap(a, b);
    }
    fn rotate_right(&mut self, by: usize) {
        self.as_mut_slice().rotate_right(by);
    }
    fn replace(&mut self, range: Range<usize>, values: Vec<T>) -> Vec<T> {
        self.splice(range, values).collect()
    }
}

impl<T: State> Sequence for VecDeque<T> {
    type Value = T;
    fn len(&self) -> usize {
        self.len()
    }
    fn get(&self, index: usize) -> Option<&T> {
        self.get(index)
    }
    fn get_mut(&mut self, index: usize) -> Option<&mut T> {
        self.get_mut(index)
    }
    fn insert(&mut self, index: usize, value: T) {
        self.insert(index, value);
    }
    fn take(&mut self, index: usize) -> T {
        self.remove(index).expect("a step back knows what it put in")
    }
    fn swap(&mut self, a: usize, b: usize) {
        self.swap(a, b);
    }
    fn rotate_right(&mut self, by: usize) {
        self.rotate_right(by);
    }
    fn replace(&mut self, range: Range<usize>, values: Vec<T>) -> Vec<T> {
        let mut tail = self.split_off(range.start);
        let rest = tail.split_off(range.len());
        self.extend(values);
        self.extend(rest);
        tail.into()
    }
}

impl<T: State> Contents for Vec<T> {
    type Step = Step<T>;
    fn undo(&mut self, step: Step<T>) {
        undo(self, step);
    }
    fn visit(&mut self, visitor: &mut Visitor) {
        if std::mem::needs_drop::<T>() {
            self.iter_mut().for_each(|value| value.visit(visitor));
        }
    }
    fn visit_changed(&mut self, steps: &[Step<T>], visitor: &mut Visitor) {
        visit_changed(self, steps, visitor);
    }
    fn trace(&self, step: &Step<T>, out: &mut Trace) {
        trace(self, step, out);
    }
}

impl<T: State> Contents for VecDeque<T> {
    type Step = Step<T>;
    fn undo(&mut self, step: Step<T>) {
        undo(self, step);
    }
    fn visit(&mut self, visitor: &mut Visitor) {
        if std::mem::needs_drop::<T>() {
            self.iter_mut().for_each(|value| value.visit(visitor));
        }
    }
    fn visit_changed(&mut self, steps: &[Step<T>], visitor: &mut Visitor) {
        visit_changed(self, steps, visitor);
    }
    fn trace(&self, step: &Step<T>, out: &mut Trace) {
        trace(self, step, out);
    }
}

/// Saves the element at `index`, which is about to be handed out.
#[inline]
pub(super) fn save_changed<T: State>(steps: &mut Log<'_, Step<T>>, index: usize, value: &mut T) {
    // The same element again and nothing between: what was saved first is what comes back.
    steps.push_unless(
        |step| matches!(step, Step::Changed(last, _) if *last == index),
        || Step::Changed(index, save_exclusively(value)),
    );
}

/// Saves all elements, of which anything may become.
pub(super) fn save_whole<'a, T: State>(steps: &mut Log<'_, Step<T>>, items: impl IntoIterator<Item = &'a T>) {
    // Once more and nothing between: what was saved first is what comes back.
    steps.push_unless(
        |step| matches!(step, Step::Whole(_)),
        || Step::Whole(items.into_iter().map(T::save).collect()),
    );
}

/// Saves the elements in `range`, which are about to leave; `added` others take their place.
pub(super) fn save_range<Q: Sequence<Value = T>, T: State>(
    items: &Q,
    steps: &mut Log<'_, Step<T>>,
    range: &Range<usize>,
    added: usize,
) {
    if !range.is_empty() || added > 0 {
        steps.push(|| Step::Spliced {
            at: range.start,
            added,
            gone: range.clone().filter_map(|index| items.get(index)).map(T::save).collect(),
        });
    }
}

/// Lets `grow` put elements at the end. It may stop half-way with a panic.
pub(super) fn grow<Q: Sequence<Value = T>, T: State>(
    items: &mut Q,
    mut steps: Log<'_, Step<T>>,
    grow: impl FnOnce(&mut Q),
) {
    let from = items.len();
    steps.push(|| Step::Grown { from, to: usize::MAX });
    grow(items);
    steps.change_last(|step| {
        if let Step::Grown { to, .. } = step {
            *to = items.len();
        }
    });
}

/// The positions that `range` means in a sequence of `len` elements.
///
/// # Panics
///
/// If the range begins after its end, or ends after `len`.
#[track_caller]
pub(super) fn positions(range: impl RangeBounds<usize>, len: usize) -> Range<usize> {
    let (start, end) = bounds(&range, len);
    assert!(start <= end, "the range begins at {start}, after its end {end}");
    assert!(end <= len, "the range ends at {end}, and there are {len} elements");
    start..end
}

fn bounds(range: &impl RangeBounds<usize>, len: usize) -> (usize, usize) {
    let start = match range.start_bound() {
        Bound::Included(start) => *start,
        Bound::Excluded(start) => start.saturating_add(1),
        Bound::Unbounded => 0,
    };
    let end = match range.end_bound() {
        Bound::Included(end) => end.saturating_add(1),
        Bound::Excluded(end) => *end,
        Bound::Unbounded => len,
    };
    (start, end)
}

/// What a slice can be indexed with, and which positions that hands out.
pub trait Positions<T>: SliceIndex<[T]> + Clone {
    /// The positions within `len`; too many of them do no harm.
    fn within(&self, len: usize) -> Range<usize>;
}

impl<T> Positions<T> for usize {
    #[inline]
    fn within(&self, len: usize) -> Range<usize> {
        (*self).min(len)..self.saturating_add(1).min(len)
    }
}

macro_rules! positions_of_ranges {
    ($($range:ty),*) => {$(
        impl<T> Positions<T> for $range {
            fn within(&self, len: usize) -> Range<usize> {
                let (start, end) = bounds(self, len);
                start.min(len)..end.min(len)
            }
        }
    )*};
}

positions_of_ranges!(
    Range<usize>,
    ops::RangeInclusive<usize>,
    ops::RangeFrom<usize>,
    ops::RangeTo<usize>,
    ops::RangeToInclusive<usize>,
    ops::RangeFull,
    (Bound<usize>, Bound<usize>)
);

/// An iterator over `&mut` elements, which saves each before it hands it out.
pub struct Saving<'a, T: State, I> {
    items: Enumerate<I>,
    /// The position of the first item.
    start: usize,
    steps: Log<'a, Step<T>>,
}

impl<'a, T: State, I: Iterator<Item = &'a mut T>> Saving<'a, T, I> {
    pub(super) fn new(items: I, steps: Log<'a, Step<T>>) -> Self {
        Self::starting_at(0, items, steps)
    }

    pub(super) fn starting_at(start: usize, items: I, steps: Log<'a, Step<T>>) -> Self {
        Saving { items: items.enumerate(), start, steps }
    }

    #[inline]
    fn saved(&mut self, (index, value): (usize, &'a mut T)) -> &'a mut T {
        save_changed(&mut self.steps, self.start + index, value);
        value
    }
}

impl<'a, T: State, I: Iterator<Item = &'a mut T>> Iterator for Saving<'a, T, I> {
    type Item = &'a mut T;

    #[inline]
    fn next(&mut self) -> Option<&'a mut T> {
        let next = self.items.next()?;
        Some(self.saved(next))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.items.size_hint()
    }
}

impl<'a, T: State, I> DoubleEndedIterator for Saving<'a, T, I>
where
    I: ExactSizeIterator<Item = &'a mut T> + DoubleEndedIterator,
{
    #[inline]
    fn next_back(&mut self) -> Option<&'a mut T> {
        let next = self.items.next_back()?;
        Some(self.saved(next))
    }
}

impl<'a, T: State, I: ExactSizeIterator<Item = &'a mut T>> ExactSizeIterator for Saving<'a, T, I> {}
impl<'a, T: State, I: FusedIterator<Item = &'a mut T>> FusedIterator for Saving<'a, T, I> {}

/// An iterator that takes elements out; all of them were saved before.
pub struct Extracting<I>(pub(super) I);

iterator!([I: Iterator] Extracting<I>, 0 => I::Item);
