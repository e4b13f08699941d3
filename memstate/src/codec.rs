//! Arguments, replies and events as bytes: postcard's format, one value after another.
//!
//! Values may be nested as deep as 512 levels: every list, map, struct, tuple, enum, newtype and option that is there is one. What is deeper is
//! refused, when it is sent and when it is read, because a few bytes for each level would be enough to end the stack.
//!
//! What is read must be read to its last byte; a value that leaves some over is another value than was written.

#[doc(hidden)]
pub mod counted;
pub(crate) mod reader;
mod varint;

use std::panic::{AssertUnwindSafe, catch_unwind};

use serde::{Serialize, de::DeserializeOwned};

use self::reader::Reader;
use crate::{
    model::carried::Slot,
    schema::{Shape, Tracer, Type, carry},
};

/// A value could not be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unwritable(String);

/// Bytes are not what was expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{}{reason}", self.path, if self.path.is_empty() { "" } else { ": " })]
pub struct Unreadable {
    /// Where: `accounts[3].owner`; empty for the value itself, and where it is not known.
    path: String,
    /// The path without what differs from value to value.
    place: String,
    reason: String,
}

impl Unwritable {
    /// With this reason.
    pub fn new(reason: impl Into<String>) -> Self {
        Unwritable(reason.into())
    }
}

impl Unreadable {
    /// With this reason.
    pub fn new(reason: impl Into<String>) -> Self {
        Unreadable { path: String::new(), place: String::new(), reason: reason.into() }
    }

    /// At this path, with this reason. `place` is the path without what differs from value to value.
    pub(crate) fn at(path: String, place: String, reason: String) -> Self {
        Unreadable { path, place, reason }
    }

    /// The same, seen from outside of the field `name`.
    pub(crate) fn within(mut self, name: &str) -> Self {
        for path in [&mut self.path, &mut self.place] {
            let dot = if path.is_empty() || path.starts_with(['[', ':']) { "" } else { "." };
            path.insert_str(0, dot);
            path.insert_str(0, name);
        }
        self
    }

    /// Where in the value it is, with indices and keys left out: `accounts[].owner`. It is empty for the value itself.
    ///
    /// So many values that cannot be read for one reason can be told as one.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// What is wrong there, without the path.
    pub fn reason(&self) -> &str {
        &self.reason
    }
}

/// What a command or a query may take: anything owned that serde writes and reads.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an argument of a memstate method",
    label = "cannot be written to the journal and read back",
    note = "arguments must be owned, `Send`, and serializable in both directions",
    note = "for a type of your own: put `#[memstate::data]` on it, or derive serde's `Serialize` and `Deserialize`",
    note = "for an `Arc`: take what is in it, such as `&str` for an `Arc<str>`"
)]
pub trait Argument: Sized + Send + 'static {
    /// Names the bound where a type is to be checked and nothing else.
    #[doc(hidden)]
    const OK: () = ();

    /// Appends the value to `bytes`.
    ///
    /// # Errors
    ///
    /// If its `Serialize` refuses.
    fn put(&self, bytes: &mut Vec<u8>) -> Result<(), Unwritable>;

    /// Takes a value from the front of `bytes`.
    ///
    /// # Errors
    ///
    /// If the bytes are no such value.
    fn get(bytes: &mut &[u8]) -> Result<Self, Unreadable>;

    /// What the type looks like, for the journal.
    #[doc(hidden)]
    fn shape(tracer: &mut Tracer) -> Shape;

    /// Takes a value that another type wrote from the front of `bytes`.
    #[doc(hidden)]
    fn carry(written: Type<'_>, bytes: &mut &[u8]) -> Result<Self, Unreadable>;

    /// The value that stands for one which was not written: an `Option` is none.
    #[doc(hidden)]
    fn missing(name: &'static str) -> Result<Self, Unreadable>;

    /// `shape` of a slice.
    #[doc(hidden)]
    fn shape_slice(tracer: &mut Tracer) -> Shape;

    /// `carry` of what [`put_slice`](Argument::put_slice) or another type wrote.
    #[doc(hidden)]
    fn carry_slice(written: Type<'_>, bytes: &mut &[u8]) -> Result<Vec<Self>, Unreadable>;

    /// `shape` of an `Option`.
    #[doc(hidden)]
    fn shape_option(tracer: &mut Tracer) -> Shape;

    /// `shape` of an `Option` of a slice.
    #[doc(hidden)]
    fn shape_option_slice(tracer: &mut Tracer) -> Shape;

    /// `slot` of an argument that is an `Option`.
    #[doc(hidden)]
    fn slot_option(place: &mut Option<Option<Self>>) -> &mut dyn Slot;

    /// `slot` of an argument that is an `Option` of a slice.
    #[doc(hidden)]
    fn slot_option_slice(place: &mut Option<Option<Vec<Self>>>) -> &mut dyn Slot;

    /// The place of an argument that is carried over.
    #[doc(hidden)]
    fn slot(place: &mut Option<Self>) -> &mut dyn Slot;

    /// `slot` of an argument that is a slice.
    #[doc(hidden)]
    fn slot_slice(place: &mut Option<Vec<Self>>) -> &mut dyn Slot;

    /// `put` of a slice, so that only its elements need be arguments.
    #[doc(hidden)]
    fn put_slice(values: &[Self], bytes: &mut Vec<u8>) -> Result<(), Unwritable>;

    /// `get` of what [`put_slice`](Argument::put_slice) wrote.
    #[doc(hidden)]
    fn get_slice(bytes: &mut &[u8]) -> Result<Vec<Self>, Unreadable>;
}

#[diagnostic::do_not_recommend]
impl<T: Serialize + DeserializeOwned + Send + 'static> Argument for T {
    fn put(&self, bytes: &mut Vec<u8>) -> Result<(), Unwritable> {
        put(self, bytes)
    }
    fn get(bytes: &mut &[u8]) -> Result<Self, Unreadable> {
        get(bytes)
    }
    fn shape(tracer: &mut Tracer) -> Shape {
        tracer.shape_of::<T>()
    }
    fn carry(written: Type<'_>, bytes: &mut &[u8]) -> Result<Self, Unreadable> {
        carry::read(written, bytes)
    }
    fn missing(name: &'static str) -> Result<Self, Unreadable> {
        carry::missing(name)
    }
    fn shape_slice(tracer: &mut Tracer) -> Shape {
        tracer.shape_of::<Vec<T>>()
    }
    fn carry_slice(written: Type<'_>, bytes: &mut &[u8]) -> Result<Vec<Self>, Unreadable> {
        carry::read(written, bytes)
    }
    fn slot(place: &mut Option<Self>) -> &mut dyn Slot {
        place
    }
    fn slot_slice(place: &mut Option<Vec<Self>>) -> &mut dyn Slot {
        place
    }
    fn shape_option(tracer: &mut Tracer) -> Shape {
        tracer.shape_of::<Option<T>>()
    }
    fn shape_option_slice(tracer: &mut Tracer) -> Shape {
        tracer.shape_of::<Option<Vec<T>>>()
    }
    fn slot_option(place: &mut Option<Option<Self>>) -> &mut dyn Slot {
        place
    }
    fn slot_option_slice(place: &mut Option<Option<Vec<Self>>>) -> &mut dyn Slot {
        place
    }
    fn put_slice(values: &[Self], bytes: &mut Vec<u8>) -> Result<(), Unwritable> {
        put(values, bytes)
    }
    fn get_slice(bytes: &mut &[u8]) -> Result<Vec<Self>, Unreadable> {
        get(bytes)
    }
}

/// What a command or a query may return (both sides of a `Result`), and what an event may be.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a result or an event of a memstate method",
    label = "cannot be sent to a client",
    note = "results, their errors and events must be owned, `Send`, and serializable in both directions",
    note = "for a type of your own: put `#[memstate::data]` on it, or derive serde's `Serialize` and `Deserialize`",
    note = "for an error of another crate, such as `std::io::Error`: take one of your own with `#[memstate::data(error)]`, or a `String`"
)]
pub trait Answer: Sized + Send + 'static {
    /// Names the bound where a type is to be checked and nothing else.
    #[doc(hidden)]
    const OK: () = ();

    /// Appends the value to `bytes`.
    ///
    /// # Errors
    ///
    /// If its `Serialize` refuses.
    fn put(&self, bytes: &mut Vec<u8>) -> Result<(), Unwritable>;

    /// Takes a value from the front of `bytes`.
    ///
    /// # Errors
    ///
    /// If the bytes are no such value.
    fn get(bytes: &mut &[u8]) -> Result<Self, Unreadable>;

    /// What the type looks like.
    #[doc(hidden)]
    fn shape(tracer: &mut Tracer) -> Shape;

    /// Takes a value that another type wrote from the front of `bytes`.
    #[doc(hidden)]
    fn carry(written: Type<'_>, bytes: &mut &[u8]) -> Result<Self, Unreadable>;
}

#[diagnostic::do_not_recommend]
impl<T: Serialize + DeserializeOwned + Send + 'static> Answer for T {
    fn carry(written: Type<'_>, bytes: &mut &[u8]) -> Result<Self, Unreadable> {
        carry::read(written, bytes)
    }
    fn shape(tracer: &mut Tracer) -> Shape {
        tracer.shape_of::<T>()
    }
    fn put(&self, bytes: &mut Vec<u8>) -> Result<(), Unwritable> {
        put(self, bytes)
    }
    fn get(bytes: &mut &[u8]) -> Result<Self, Unreadable> {
        get(bytes)
    }
}

/// Appends any value to `bytes`, borrowed ones such as `str` and slices included. On an error `bytes` is as before.
///
/// # Errors
///
/// If its `Serialize` refuses.
pub fn put<T: Serialize + ?Sized>(value: &T, bytes: &mut Vec<u8>) -> Result<(), Unwritable> {
    struct Tail<'a>(&'a mut Vec<u8>);
    impl Extend<u8> for Tail<'_> {
        fn extend<I: IntoIterator<Item = u8>>(&mut self, bytes: I) {
            self.0.extend(bytes);
        }
    }
    let before = bytes.len();
    match postcard::to_extend(value, Tail(bytes)) {
        Ok(_) => Ok(()),
        Err(error) => {
            bytes.truncate(before);
            Err(Unwritable(error.to_string()))
        }
    }
}

/// Takes a value from the front of `bytes`. No bytes can make it loop or allocate: a list that announces more elements than
/// there are bytes left is refused, beside a million elements that take none.
///
/// # Errors
///
/// If the bytes are no such value.
pub fn get<T: DeserializeOwned>(bytes: &mut &[u8]) -> Result<T, Unreadable> {
    let mut reader = Reader::new(bytes);
    match T::deserialize(&mut reader) {
        Ok(value) => {
            *bytes = reader.rest();
            Ok(value)
        }
        Err(fault) => Err(Unreadable::new(reader.why(fault))),
    }
}

/// Writes an `Option` of what `put` writes, for generated code: an argument such as `Option<&str>` is not copied for it.
#[doc(hidden)]
#[allow(clippy::missing_errors_doc)]
pub fn put_option<T: ?Sized>(
    value: Option<&T>,
    bytes: &mut Vec<u8>,
    put: impl FnOnce(&T, &mut Vec<u8>) -> Result<(), Unwritable>,
) -> Result<(), Unwritable> {
    let before = bytes.len();
    bytes.push(value.is_some().into());
    value.map_or(Ok(()), |value| put(value, bytes)).inspect_err(|_| bytes.truncate(before))
}

/// Takes what [`put_option`] wrote, for generated code.
#[doc(hidden)]
#[allow(clippy::missing_errors_doc)]
pub fn get_option<T>(
    bytes: &mut &[u8],
    get_value: impl FnOnce(&mut &[u8]) -> Result<T, Unreadable>,
) -> Result<Option<T>, Unreadable> {
    // The first byte is read as postcard reads it, so that it refuses the same ones.
    match get::<Option<()>>(bytes)? {
        Some(()) => get_value(bytes).map(Some),
        None => Ok(None),
    }
}

/// Reads a value that takes all of `bytes`. The user's `Deserialize` runs here; if it panics, the value is unreadable.
pub(crate) fn whole<T>(
    mut bytes: &[u8],
    get: impl FnOnce(&mut &[u8]) -> Result<T, Unreadable>,
) -> Result<T, Unreadable> {
    let value = catch_unwind(AssertUnwindSafe(|| get(&mut bytes))).unwrap_or_else(|panic| {
        Err(Unreadable::new(format!("reading panicked: {}", crate::state::message(panic))))
    })?;
    match bytes.len() {
        0 => Ok(value),
        left => Err(Unreadable::new(format!("{left} bytes are left over"))),
    }
}

/// Appends a number in postcard's variable length, seven bits a byte.
pub(crate) fn put_varint(mut number: u64, bytes: &mut Vec<u8>) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

/// How long a number of 64 bits can be.
const VARINT_BYTES_MAX: usize = 10;

/// Takes what [`put_varint`] wrote.
#[inline]
pub(crate) fn get_varint(bytes: &mut &[u8]) -> Result<u64, Unreadable> {
    match varint::take(bytes, u64::BITS) {
        Some(number) => Ok(number),
        None => Err(no_varint(bytes)),
    }
}

#[cold]
fn no_varint(bytes: &[u8]) -> Unreadable {
    match bytes.len() < VARINT_BYTES_MAX && bytes.iter().all(|byte| *byte >= 0x80) {
        true => Unreadable::new("a number is cut short"),
        false => Unreadable::new("a number has more than 64 bits"),
    }
}

/// Takes `length` bytes from the front.
#[inline]
pub(crate) fn get_bytes<'a>(bytes: &mut &'a [u8], length: usize) -> Result<&'a [u8], Unreadable> {
    let Some((taken, rest)) = bytes.split_at_checked(length) else {
        return Err(too_few_bytes(length, bytes.len()));
    };
    *bytes = rest;
    Ok(taken)
}

#[cold]
fn too_few_bytes(announced: usize, there: usize) -> Unreadable {
    Unreadable::new(format!("{announced} bytes are announced and {there} are there"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn varints_are_postcards() {
        for number in [0, 1, 127, 128, 300, 1 << 20, u64::from(u32::MAX), u64::MAX] {
            let mut bytes = Vec::new();
            put_varint(number, &mut bytes);
            assert_eq!(bytes, postcard::to_stdvec(&number).unwrap());
            assert_eq!(whole(&bytes, get_varint), Ok(number));
        }
        assert!(whole(&[0x80], get_varint).is_err());
        assert!(whole(&[0xff; 11], get_varint).is_err());
        assert!(whole(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f], get_varint).is_err());
    }

    #[test]
    fn a_value_that_leaves_bytes_over_is_refused() {
        assert_eq!(whole(&[5], get::<u8>), Ok(5));
        assert!(whole(&[5, 6], get::<u8>).is_err());
    }

    #[test]
    fn options_of_what_is_lent_are_postcards() {
        for value in [None, Some("Ann")] {
            let mut bytes = vec![7];
            put_option(value, &mut bytes, put::<str>).unwrap();
            assert_eq!(bytes[1..], postcard::to_stdvec(&value).unwrap());
            assert_eq!(
                whole(&bytes[1..], |bytes| get_option(bytes, get::<String>)).unwrap().as_deref(),
                value
            );
        }
        assert!(whole(&[2, 0], |bytes| get_option(bytes, get::<String>)).is_err());
        let mut bytes = vec![7];
        assert!(put_option(Some(&1), &mut bytes, |_: &u8, _| Err(Unwritable::new("no"))).is_err());
        assert_eq!(bytes, [7]);
    }

    #[test]
    fn what_refuses_to_be_written_leaves_the_bytes_as_they_were() {
        #[derive(serde::Serialize)]
        struct Untold {
            first: u8,
            #[serde(serialize_with = "refuse")]
            second: (),
        }
        fn refuse<S: serde::Serializer>(_: &(), _: S) -> Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("no"))
        }
        let mut bytes = vec![1, 2];
        assert!(put(&Untold { first: 3, second: () }, &mut bytes).is_err());
        assert_eq!(bytes, [1, 2]);
    }
}
