//! The types themselves.

pub(crate) use std::{
    sync::{OnceLock, atomic, mpsc},
    thread_local as thread_static,
    time::Instant,
};

pub(crate) use crossbeam_utils::sync::{ShardedLock, ShardedLockReadGuard};
pub(crate) use parking_lot::{Condvar, Mutex, MutexGuard, RwLock};
pub(crate) use tokio::sync::{Semaphore, oneshot, watch};

pub(crate) mod thread {
    pub(crate) use std::thread::{JoinHandle, yield_now};
    use std::{io, thread};

    /// Starts a thread with a stack of this size.
    pub(crate) fn spawn(
        name: &str,
        stack_bytes: usize,
        work: impl FnOnce() + Send + 'static,
    ) -> io::Result<JoinHandle<()>> {
        thread::Builder::new().name(name.to_owned()).stack_size(stack_bytes).spawn(work)
    }
}

/// A static that synchronises. There is one in a process.
macro_rules! shared_static {
    ($(#[$attribute:meta])* static $name:ident: $type:ty = $value:expr;) => {
        $(#[$attribute])* static $name: $type = $value;
    };
}
pub(crate) use shared_static;
