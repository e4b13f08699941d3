//! [`State`]: what a model may hold, and how a failed command is taken back.
//!
//! This module knows collections and values; it does not know commands, journals or threads of an engine.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    time::Duration,
};

use serde::{Deserializer, Serialize, Serializer, de::DeserializeOwned};

pub(crate) mod fetch;
mod scalars;
#[allow(unsafe_code, reason = "see there why it is sound")]
pub(crate) mod shared;
#[cfg(test)]
mod tests;
pub(crate) mod trace;
pub(crate) mod transaction;

pub use shared::{Broken, Visitor};
pub(crate) use transaction::message;
#[doc(hidden)]
pub use transaction::traced;
pub use transaction::{Failed, transaction};

/// Everything that a model may hold: deterministic, serializable and undoable.
///
/// Numbers, `bool`, `char`, `String`, `Option`, `Box`, `Vec`, tuples, arrays and the collections of
/// [`memstate::collections`](crate::collections) have it. `#[memstate::data]` gives it to a struct or an enum
/// of such values, `#[memstate::model]` to a model.
///
/// A value is saved before a command may change it, and put back if the command fails. A collection of
/// `memstate::collections` is saved at no cost in its size; everything else, `std`'s `Vec` and `String`
/// included, is saved as a copy. What is large or grows belongs into one of those collections.
///
/// Nothing here is called by hand; `#[memstate::data]` writes it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be part of a memstate model",
    label = "cannot be saved, undone and replayed",
    note = "for a type of your own: put `#[memstate::data]` on it",
    note = "for a collection of `std`: take the one of the same name from `memstate::collections`",
    note = "for `Instant` and `SystemTime`: take `memstate::Timestamp`, and `ctx.now()` for the time of a command",
    note = "for `Cell`, `RefCell`, `Mutex` and atomics: take the plain value; a command has `&mut self`",
    note = "for a type of another crate that is `Clone` and serializable: put `#[memstate(clone)]` on the field"
)]
pub trait State: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// What brings a value back. It does not leave the thread of the command.
    type Saved: 'static;

    /// Saves the value as it is now.
    fn save(&self) -> Self::Saved;

    /// Makes the saved value anew. Only the roll-back of the command that saved it may do that.
    fn restore(saved: Self::Saved) -> Self;

    /// Puts the saved value back in its place.
    fn put_back(&mut self, saved: Self::Saved) {
        replace(self, saved);
    }

    /// Calls `visit` of every part that is [`State`]; what is saved as a copy has none.
    ///
    /// So a command that fails finds the collections of the model wherever the command has carried them, and what is
    /// discarded lets go of them. A part that is left out is not found: a command that changed a collection in it and
    /// fails stops the engine.
    fn visit(&mut self, visitor: &mut Visitor);
}

/// [`State`] as generated code names it for the type of a field.
///
/// It asks for nothing but `State`, so that a type without that is not also said to lack what `State` asks for.
/// And each of its functions names `Saved`: rustc looks for what is missing in a type (the value of a map) where it needs
/// a type out of the implementation, and otherwise says that the whole has none. So it is always the same, and said once.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be part of a memstate model",
    label = "cannot be saved, undone and replayed",
    note = "for a type of your own: put `#[memstate::data]` on it",
    note = "for a collection of `std`: take the one of the same name from `memstate::collections`",
    note = "for `Instant` and `SystemTime`: take `memstate::Timestamp`, and `ctx.now()` for the time of a command",
    note = "for `Cell`, `RefCell`, `Mutex` and atomics: take the plain value; a command has `&mut self`",
    note = "for a type of another crate that is `Clone` and serializable: put `#[memstate(clone)]` on the field"
)]
pub trait Held: Sized {
    type Saved: 'static;
    fn save(&self) -> Self::Saved;
    fn restore(saved: Self::Saved) -> Self;
    fn put_back(&mut self, saved: Self::Saved);
    fn visit(&mut self, visitor: &mut Visitor)
    where
        Self::Saved: Sized;
    fn __serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error>
    where
        Self::Saved: Sized;
    fn __deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error>
    where
        Self::Saved: Sized;
}

#[diagnostic::do_not_recommend]
impl<T: State> Held for T {
    type Saved = T::Saved;
    fn save(&self) -> T::Saved {
        State::save(self)
    }
    fn restore(saved: T::Saved) -> Self {
        State::restore(saved)
    }
    fn put_back(&mut self, saved: T::Saved) {
        State::put_back(self, saved);
    }
    fn visit(&mut self, visitor: &mut Visitor) {
        State::visit(self, visitor);
    }
    fn __serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.serialize(serializer)
    }
    fn __deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::deserialize(deserializer)
    }
}

/// Puts a saved value in the place of one that it does not resemble.
#[doc(hidden)]
pub fn replace<T: State>(slot: &mut T, saved: T::Saved) {
    discard(std::mem::replace(slot, T::restore(saved)));
}

/// The field under `#[memstate(clone)]`: saved as a clone, whatever else it is.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be saved as a clone",
    label = "cannot be saved, undone and replayed",
    note = "`#[memstate(clone)]` takes what is `Clone + Send + Sync + 'static` and serializable in both directions"
)]
pub trait Foreign: Sized + Send + Sync + 'static {
    fn save(&self) -> Self;
    fn put_back(&mut self, saved: Self);
    fn __serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error>;
    fn __deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error>;
}

#[diagnostic::do_not_recommend]
impl<T: Clone + Serialize + DeserializeOwned + Send + Sync + 'static> Foreign for T {
    fn save(&self) -> Self {
        self.clone()
    }
    fn put_back(&mut self, saved: Self) {
        put_back_clone(self, saved);
    }
    fn __serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.serialize(serializer)
    }
    fn __deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::deserialize(deserializer)
    }
}

/// [`Foreign`] for a field whose own serde attributes write and read it.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be saved as a clone",
    label = "cannot be saved, undone and replayed",
    note = "`#[memstate(clone)]` takes what is `Clone + Send + Sync + 'static`"
)]
pub trait ForeignWith: Sized + Send + Sync + 'static {
    fn save(&self) -> Self;
    fn put_back(&mut self, saved: Self);
}

#[diagnostic::do_not_recommend]
impl<T: Clone + Send + Sync + 'static> ForeignWith for T {
    fn save(&self) -> Self {
        self.clone()
    }
    fn put_back(&mut self, saved: Self) {
        put_back_clone(self, saved);
    }
}

fn put_back_clone<T>(slot: &mut T, saved: T) {
    let stale = std::mem::replace(slot, saved);
    survives(|| drop(stale));
}

/// Drops a value that a failed command left behind.
///
/// Its destructor is the user's code: it sees the value without the collections that belong to the state which
/// comes back, and a panic of its own is ignored.
pub(crate) fn discard<T: State>(mut stale: T) {
    if std::mem::needs_drop::<T>() {
        stale.visit(&mut Visitor::detaching());
        survives(|| drop(stale));
    }
}

/// Runs code of the user's where a panic must not get any further; `false` if it panicked.
///
/// What the panic carries is dropped, which may panic as well.
pub(crate) fn survives(act: impl FnOnce()) -> bool {
    let Err(payload) = catch_unwind(AssertUnwindSafe(act)) else { return true };
    if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        // So might that of the payload's panic, and so on.
        std::mem::forget(payload);
    }
    false
}

/// `State` for types that are saved as a plain copy.
macro_rules! by_copy {
    ($($type:ty),* $(,)?) => {$(
        impl State for $type {
            type Saved = $type;
            fn save(&self) -> $type { self.clone() }
            fn restore(saved: $type) -> $type { saved }
            fn put_back(&mut self, saved: $type) { *self = saved; }
            fn visit(&mut self, _: &mut $crate::state::Visitor) {}
        }
    )*};
}
pub(crate) use by_copy;

by_copy!(Duration, uuid::Uuid);
