//! What a query gives one after another: collected, or handed on item by item.

#[cfg(feature = "server")]
use std::{cell::Cell, ops::ControlFlow};

#[cfg(feature = "server")]
use crate::codec::{Answer, Unwritable};

/// What a query gives one after another, for the client.
#[cfg(not(feature = "server"))]
#[doc(hidden)]
pub fn collect<T>(items: impl IntoIterator<Item = T>) -> Vec<T> {
    items.into_iter().collect()
}

/// What a query gives one after another, for the client; or nothing, when [`each`] has had it.
#[cfg(feature = "server")]
#[doc(hidden)]
pub fn collect<T: Answer>(items: impl IntoIterator<Item = T>) -> Vec<T> {
    // Taken, because the iterator is the user's code, and may ask a query of another model.
    let Some(mut sink) = SINK.take() else { return items.into_iter().collect() };
    let mut bytes = Vec::new();
    for item in items {
        bytes.clear();
        if let Err(error) = item.put(&mut bytes) {
            FAULT.set(Some(error));
            break;
        }
        if sink(&bytes).is_break() {
            break;
        }
    }
    Vec::new()
}

#[cfg(feature = "server")]
type Sink = Box<dyn FnMut(&[u8]) -> ControlFlow<()>>;

// A query is answered on the thread that asks it, by generated code whose signature has no place for a sink.
#[cfg(feature = "server")]
thread_local! {
    static SINK: Cell<Option<Sink>> = const { Cell::new(None) };
    static FAULT: Cell<Option<Unwritable>> = const { Cell::new(None) };
}

/// Runs `respond`, which answers a query that streams, and gives each item as it is made to `sink`. Says what `respond` returned,
/// and why an item could not be written. A query that does not stream leaves the sink, which is given back.
#[cfg(feature = "server")]
pub(crate) fn each<R>(sink: Sink, respond: impl FnOnce() -> R) -> (R, Option<Unwritable>, Option<Sink>) {
    struct Cleared;
    impl Drop for Cleared {
        fn drop(&mut self) {
            SINK.set(None);
        }
    }
    FAULT.set(None);
    SINK.set(Some(sink));
    let cleared = Cleared;
    let answer = respond();
    let left = SINK.take();
    drop(cleared);
    (answer, FAULT.take(), left)
}
