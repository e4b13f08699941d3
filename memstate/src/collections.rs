//! The undoable collections: what a model holds that is large or grows.
//!
//! They have the names, the methods and the behaviour of those of `std`. While a command runs each of them notes
//! how its changes are taken back, so a command that fails leaves the model as it was, at a cost in proportion to
//! what it changed: an insertion into a map of a million entries is undone like one into a map of three. Outside
//! a command nothing is noted.
//!
//! What differs from `std`:
//!
//! * [`HashMap`] and [`HashSet`] iterate in the order of insertion, the same on every replica and after every
//!   replay. `remove` moves the last entry into the hole; `shift_remove` keeps the order.
//! * An element that a method hands out as `&mut` counts as changed. `&mut` to all elements at once
//!   ([`Vec::as_mut_slice`] and every method of slices that changes, such as `sort`) saves all of them;
//!   `vec[index]`, `get_mut`, `swap`, `first_mut` and `last_mut` only what they touch, iterators what they yield.
//! * `drain` and [`Vec::splice`] take the elements out at once, even if their iterator is leaked.
//! * What serves hashers, allocators and raw memory is not there.
//!
//! These modules know `state`; they do not know commands or journals.

#[macro_use]
mod support;
mod read;
mod sequence;

pub mod btree_map;
pub mod btree_set;
pub mod hash_map;
pub mod hash_set;
pub mod vec;
pub mod vec_deque;

#[cfg(test)]
mod tests;

pub use btree_map::BTreeMap;
pub use btree_set::BTreeSet;
pub use hash_map::HashMap;
pub use hash_set::HashSet;
pub use vec::Vec;
pub use vec_deque::VecDeque;
