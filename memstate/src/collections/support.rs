//! What the collections have in common.

use std::{iter::FusedIterator, marker::PhantomData};

use crate::state::shared::{Contents, Handle};

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

/// `State`, `Default` and serde for a collection around a handle to `$inner`, which `items()` gives.
macro_rules! by_handle {
    ([$($generics:tt)*] $type:ty, $inner:ty) => {
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
            fn detach(&mut self) {
                self.0.detach();
            }
        }

        impl<$($generics)*> Default for $type {
            fn default() -> Self {
                Self($crate::state::shared::Handle::new())
            }
        }

        impl<'de, $($generics)*> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                <$inner>::deserialize(deserializer).map(Self::from_inner)
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

/// Where the steps back of a borrow go, while a command runs.
///
/// It stays on its thread: a value that is saved on another one would not be pinned to the command.
pub(super) struct Log<'a, S> {
    steps: Option<&'a mut Vec<S>>,
    not_send: PhantomData<*const ()>,
}

impl<'a, S> Log<'a, S> {
    /// What is open for a change, and where the steps back of the change go.
    #[inline]
    pub(super) fn open<C: Contents<Step = S>>(handle: &'a mut Handle<C>) -> (&'a mut C, Self) {
        let (contents, steps) = handle.edit().into_parts();
        (contents, Log { steps, not_send: PhantomData })
    }

    /// Whether a command runs.
    #[inline]
    pub(super) fn is_on(&self) -> bool {
        self.steps.is_some()
    }

    /// Notes a step back, which is only made while a command runs.
    #[inline]
    pub(super) fn push(&mut self, step: impl FnOnce() -> S) {
        if let Some(steps) = &mut self.steps {
            steps.push(step());
        }
    }

    pub(super) fn last(&self) -> Option<&S> {
        self.steps.as_ref()?.last()
    }

    pub(super) fn last_mut(&mut self) -> Option<&mut S> {
        self.steps.as_mut()?.last_mut()
    }
}

/// The value of an entry that left; the key is dropped.
#[inline]
pub(super) fn value_of<K, V>((key, value): (K, V)) -> V {
    // Before the value is the result: a result is leaked when a destructor that runs after it panics.
    drop(key);
    value
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
