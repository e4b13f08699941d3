//! What the collections have in common.

use std::{hash::Hash, iter::FusedIterator, marker::PhantomData, ops::Range};

pub(super) use crate::state::shared::Log;

/// `Iterator` by a field that is one.
macro_rules! iterator {
    ([$($generics:tt)*] $type:ty, $field:tt => $item:ty) => {
        impl<$($generics)*> Iterator for $type {
            type Item = $item;
            #[inline]
            fn next(&mut self) -> Option<$item> {
                self.$field.next()
            }
            #[inline]
            fn size_hint(&self) -> (usize, Option<usize>) {
                self.$field.size_hint()
            }
        }
    };
}

/// A struct around an iterator that runs from both ends and knows its length.
macro_rules! iterator_struct {
    ($(#[$doc:meta])* $name:ident [$($generics:tt)*] [$($arguments:tt)*] $inner:ty => $item:ty) => {
        $(#[$doc])*
        pub struct $name<$($generics)*>($inner);

        iterator!([$($generics)*] $name<$($arguments)*>, 0 => $item);

        impl<$($generics)*> DoubleEndedIterator for $name<$($arguments)*> {
            #[inline]
            fn next_back(&mut self) -> Option<$item> {
                self.0.next_back()
            }
        }

        impl<$($generics)*> ExactSizeIterator for $name<$($arguments)*> {}
        impl<$($generics)*> std::iter::FusedIterator for $name<$($arguments)*> {}
    };
}

/// A struct around an iterator of entries, which gives one half of each.
macro_rules! half {
    ($(#[$doc:meta])* $name:ident [$($generics:tt)*] [$($arguments:tt)*] $entries:ty, $half:path => $item:ty) => {
        $(#[$doc])*
        pub struct $name<$($generics)*>($entries);

        impl<$($generics)*> Iterator for $name<$($arguments)*> {
            type Item = $item;

            fn next(&mut self) -> Option<$item> {
                self.0.next().map($half)
            }

            fn size_hint(&self) -> (usize, Option<usize>) {
                self.0.size_hint()
            }
        }

        impl<$($generics)*> ExactSizeIterator for $name<$($arguments)*> {}
        impl<$($generics)*> FusedIterator for $name<$($arguments)*> {}
    };
}

/// What a key needs in a `HashMap` or `HashSet`: one bound, so that without it there is one error.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a key of a `HashMap`, nor in a `HashSet`",
    label = "has no `Eq` or no `Hash`",
    note = "for a type of your own: put `#[derive(PartialEq, Eq, Hash)]` on it",
    note = "for a key that has an order and no hash: take `memstate::collections::BTreeMap` or `BTreeSet`"
)]
pub trait HashKey: Eq + Hash {}

#[diagnostic::do_not_recommend]
impl<T: Eq + Hash> HashKey for T {}

/// What a key needs in a `BTreeMap` or `BTreeSet`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a key of a `BTreeMap`, nor in a `BTreeSet`",
    label = "has no `Ord`",
    note = "for a type of your own: put `#[derive(PartialEq, Eq, PartialOrd, Ord)]` on it"
)]
pub trait SortedKey: Ord {}

#[diagnostic::do_not_recommend]
impl<T: Ord> SortedKey for T {}

/// `State`, `Default` and serde for a collection around a handle to `$inner`, which `items()` gives.
macro_rules! by_handle {
    ([$($generics:tt)*] [$($bare:tt)*] $type:ty, $inner:ty) => {
        impl<$($generics)*> $crate::state::State for $type {
            type Saved = $crate::state::shared::Token<$inner>;
            fn save(&self) -> Self::Saved {
                self.0.save()
            }
            fn restore(saved: Self::Saved) -> Self {
                Self($crate::state::shared::Handle::restore(saved))
            }
            fn put_back(&mut self, saved: Self::Saved) {
                self.0.put_back(saved);
            }
            #[inline]
            fn visit(&mut self, visitor: &mut $crate::state::Visitor) {
                match visitor.fetch() {
                    Some(fetch) => self.fetch(fetch),
                    None => self.0.visit(visitor),
                }
            }
        }

        impl<$($bare)*> Default for $type {
            fn default() -> Self {
                Self($crate::state::shared::Handle::new())
            }
        }

        impl<'de, $($generics)*> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                <$inner as $crate::collections::read::Read<'de>>::read(deserializer).map(Self::from_inner)
            }
        }

        impl<$($generics)*> serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                if $crate::state::trace::is_shallow() {
                    return serializer.serialize_u64(self.len() as u64);
                }
                self.serialize_items(serializer)
            }
        }
    };
}

/// So many steps of changes in place are followed without [`Places`]. How many makes no difference to a state or to a digest, as long as
/// whoever writes a `State` by hand visits its parts.
const IN_PLACE_MAX: usize = 64;

/// The places of a few steps of which `place` gives one each, because they have moved nothing.
#[inline]
pub(super) fn in_place<'s, S>(
    steps: &'s [S],
    place: impl Fn(&S) -> Option<usize> + 's,
) -> Option<impl Iterator<Item = usize> + 's> {
    let are_few = steps.len() <= IN_PLACE_MAX && steps.iter().all(|step| place(step).is_some());
    are_few.then(|| steps.iter().filter_map(place))
}

/// The present places of what a log says was changed, followed through the changes that moved them.
///
/// It is as much work as the changes were. When that is more than to look at everything, it gives up.
pub(super) struct Places {
    at: Vec<usize>,
    work_left: usize,
}

impl Places {
    /// For a collection of `len` elements.
    pub(super) fn among(len: usize) -> Self {
        Places { at: Vec::new(), work_left: len.saturating_mul(16) }
    }

    pub(super) fn mark(&mut self, places: Range<usize>) {
        self.at.extend(places);
    }

    /// Moves what was marked so far.
    pub(super) fn move_all(&mut self, to: impl Fn(usize) -> usize) {
        self.work_left = self.work_left.saturating_sub(self.at.len());
        self.at.iter_mut().for_each(|place| *place = to(*place));
    }

    /// Whether looking at everything is less work than to go on.
    pub(super) fn is_too_much(&self) -> bool {
        self.work_left == 0 || self.at.len() > self.work_left
    }
}

impl IntoIterator for Places {
    type Item = usize;
    type IntoIter = std::vec::IntoIter<usize>;
    fn into_iter(self) -> Self::IntoIter {
        self.at.into_iter()
    }
}

/// The value of an entry that left; the key is dropped.
#[inline]
pub(super) fn value_of<K, V>((key, value): (K, V)) -> V {
    // Before the value is the result: a result is leaked when a destructor that runs after it panics.
    drop(key);
    value
}

/// The key of an entry that left; the value is dropped, before the key is the result.
#[inline]
pub(super) fn key_of<K, V>((key, value): (K, V)) -> K {
    drop(value);
    key
}

/// What a drained collection held, from [`drain`](crate::collections::Vec::drain).
///
/// The elements are out of the collection already, also if this iterator is leaked.
#[derive(Debug)]
pub struct Drain<'a, T> {
    items: std::vec::IntoIter<T>,
    // Like in `std` the collection stays borrowed, so that it could become lazy one day.
    collection: PhantomData<&'a mut ()>,
}

impl<T> Drain<'_, T> {
    pub(super) fn new(items: Vec<T>) -> Self {
        Drain { items: items.into_iter(), collection: PhantomData }
    }

    /// The elements that were not taken yet.
    pub fn as_slice(&self) -> &[T] {
        self.items.as_slice()
    }
}

iterator!([T] Drain<'_, T>, items => T);

impl<T> DoubleEndedIterator for Drain<'_, T> {
    fn next_back(&mut self) -> Option<T> {
        self.items.next_back()
    }
}

impl<T> ExactSizeIterator for Drain<'_, T> {}
impl<T> FusedIterator for Drain<'_, T> {}
