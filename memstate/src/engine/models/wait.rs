//! Waiting for a future on a thread of loom's.

use std::{
    future::Future,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
};

use loom::thread::{self, Thread};

/// A thread that waits for a future. What is in it is no object of loom's: it changes only between two steps, and who wakes it takes one
/// before, as everything in `sync` does.
struct Waiting {
    thread: Thread,
    is_parked: AtomicBool,
    is_woken: AtomicBool,
}

impl Wake for Waiting {
    fn wake(self: Arc<Self>) {
        self.is_woken.store(true, Ordering::SeqCst);
        // A thread that does something else must not be woken in it.
        if self.is_parked.swap(false, Ordering::SeqCst) {
            self.thread.unpark();
        }
    }
}

/// Runs a future on this thread, and polls it when it was woken and not otherwise. loom's own `block_on` wakes it without a
/// reason too, which doubles the executions and shows nothing more of the engine.
pub(super) fn block_on<F: Future>(future: F) -> F::Output {
    let waiting = Arc::new(Waiting {
        thread: thread::current(),
        is_parked: AtomicBool::new(false),
        is_woken: AtomicBool::new(false),
    });
    let waker = Waker::from(Arc::clone(&waiting));
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return output;
        }
        if !waiting.is_woken.swap(false, Ordering::SeqCst) {
            waiting.is_parked.store(true, Ordering::SeqCst);
            thread::park();
            waiting.is_woken.store(false, Ordering::SeqCst);
        }
    }
}
