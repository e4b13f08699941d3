//! Whether the elements of a list take bytes: of those that take none, a few bytes could announce any number.

use std::marker::PhantomData;

/// The elements of a list.
pub struct Elements<T>(PhantomData<T>);

/// An enum of one variant: it has no size in memory, but its variant's number is written.
pub trait OneVariant {}

impl<T: OneVariant> Elements<T> {
    /// This one is found before that of [`Sizeless`].
    pub const TAKE_NO_BYTES: bool = false;
}

/// Whether it has a size in memory, for all other types.
pub trait Sizeless {
    const TAKE_NO_BYTES: bool;
}

impl<T> Sizeless for Elements<T> {
    const TAKE_NO_BYTES: bool = size_of::<T>() == 0;
}

/// Fails to compile with this text, if they take none.
#[track_caller]
pub const fn elements_take_bytes(take_none: bool, text: &str) {
    assert!(!take_none, "{}", text);
}
