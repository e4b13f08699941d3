//! Whether the elements of a list take bytes: of those that take none, a few bytes could announce any number.

use std::marker::PhantomData;

/// The elements of a list.
pub struct Elements<T>(PhantomData<T>);

/// A type whose values are written as nothing. Its size in memory does not say so: an enum of one variant has none, and is
/// written with its variant's number.
pub trait WritesNothing {}

impl WritesNothing for () {}
impl<T> WritesNothing for [T; 0] {}
impl<T: ?Sized> WritesNothing for PhantomData<T> {}
impl<A: WritesNothing, B: WritesNothing> WritesNothing for (A, B) {}

impl<T: WritesNothing> Elements<T> {
    /// This one is found before that of [`WritesSomething`].
    pub const TAKE_NO_BYTES: bool = true;
}

/// All other types, as far as can be known.
pub trait WritesSomething {
    const TAKE_NO_BYTES: bool = false;
}

impl<T> WritesSomething for Elements<T> {}

/// Whether `T` is a hash collection of std, which has another order in every process.
pub struct Order<T: ?Sized>(PhantomData<T>);

impl<K, V, S> Order<std::collections::HashMap<K, V, S>> {
    /// This one is found before that of [`KnownOrder`].
    pub const IS_RANDOM: bool = true;
}

impl<T, S> Order<std::collections::HashSet<T, S>> {
    /// This one is found before that of [`KnownOrder`].
    pub const IS_RANDOM: bool = true;
}

/// All other types.
pub trait KnownOrder {
    const IS_RANDOM: bool = false;
}

impl<T: ?Sized> KnownOrder for Order<T> {}

/// Fails to compile with this text, if it is.
#[track_caller]
pub const fn order_is_known(is_random: bool, text: &str) {
    assert!(!is_random, "{}", text);
}

/// Fails to compile with this text, if they take none.
#[track_caller]
pub const fn elements_take_bytes(take_none: bool, text: &str) {
    assert!(!take_none, "{}", text);
}
