//! What a command changed, as bytes for the digest of its outcome.

use std::cell::Cell;

use serde::Serialize;
use twox_hash::XxHash3_64;

/// Collects what a command changed.
///
/// Values are written in postcard's format, but shallowly: a collection inside a value is only its length,
/// because what changed inside it is written when its own log is traced.
#[derive(Debug, Default)]
pub struct Trace {
    bytes: Vec<u8>,
    /// The sum of the digests of all contents. The order in which a command touches them differs between a state that
    /// was built and the same one read back (an empty collection may have contents or none), so it must not count.
    contents: u64,
}

thread_local! {
    static SHALLOW: Cell<bool> = const { Cell::new(false) };
}

/// Whether collections are to serialize as their length only, on this thread and now.
#[inline]
pub(crate) fn is_shallow() -> bool {
    SHALLOW.get()
}

struct Shallow;

impl Shallow {
    #[inline]
    fn enter() -> Self {
        SHALLOW.set(true);
        Shallow
    }
}

impl Drop for Shallow {
    #[inline]
    fn drop(&mut self) {
        SHALLOW.set(false);
    }
}

impl Trace {
    /// Adds a value. One that refuses to be serialized counts as a single byte.
    #[inline]
    pub fn put<T: Serialize + ?Sized>(&mut self, value: &T) {
        let _shallow = Shallow::enter();
        let before = self.bytes.len();
        match postcard::to_extend(value, std::mem::take(&mut self.bytes)) {
            Ok(bytes) => self.bytes = bytes,
            Err(_) => self.bytes = vec![0xff; before + 1],
        }
    }

    /// Adds a number that tells what kind of change follows.
    #[inline]
    pub fn tag(&mut self, tag: u8) {
        self.bytes.push(tag);
    }

    /// Adds a length or an index.
    #[inline]
    pub fn index(&mut self, index: usize) {
        self.bytes.extend_from_slice(&(index as u64).to_le_bytes());
    }

    /// Takes what was written so far as the trace of one collection's contents.
    pub(crate) fn end_of_contents(&mut self) {
        if !self.bytes.is_empty() {
            self.contents = self.contents.wrapping_add(XxHash3_64::oneshot(&self.bytes));
            self.bytes.clear();
        }
    }

    /// The digest of everything.
    pub fn digest(&self) -> u64 {
        XxHash3_64::oneshot_with_seed(self.contents, &self.bytes)
    }

    /// Forgets everything, and keeps the memory for the next command unless it is large.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.bytes.shrink_to(1 << 16);
        self.contents = 0;
    }
}
