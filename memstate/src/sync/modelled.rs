//! The same under loom or shuttle, in the shape of the types themselves.
//!
//! What loom and shuttle do not have is made of what they have: locks in the shape of `parking_lot` in `lock`, channels,
//! semaphores and cells of `tokio` and `std` in `steps`, threads and time in `thread` and `time`.

#[cfg(memstate_loom)]
pub(crate) mod channel;
mod lock;
mod steps;
pub(crate) mod thread;
pub(crate) mod time;

#[cfg(memstate_loom)]
pub(crate) use channel as mpsc;
#[cfg(memstate_loom)]
use loom as base;
#[cfg(memstate_shuttle)]
use shuttle as base;
#[cfg(memstate_shuttle)]
pub(crate) use shuttle::sync::mpsc;

pub(crate) use base::sync::{RwLock as ShardedLock, RwLockReadGuard as ShardedLockReadGuard, atomic};
pub(crate) use lock::{Condvar, Mutex, MutexGuard, RwLock};
#[cfg(memstate_loom)]
pub(crate) use steps::Step;
pub(crate) use steps::{OnceLock, Semaphore, oneshot, watch};
pub(crate) use time::Instant;

/// A static that synchronises. There is one in every execution, because an execution is what a process is otherwise.
macro_rules! shared_static {
    ($(#[$attribute:meta])* static $name:ident: $type:ty = $value:expr;) => {
        #[cfg(memstate_loom)]
        loom::lazy_static! { $(#[$attribute])* static ref $name: $type = $value; }
        #[cfg(memstate_shuttle)]
        shuttle::lazy_static! { $(#[$attribute])* static ref $name: $type = $value; }
    };
}
pub(crate) use shared_static;

/// Threads are no threads of the system here, so what is local to one is not either.
macro_rules! thread_static {
    ($(#[$attribute:meta])* static $name:ident: $type:ty = const { $value:expr };) => {
        #[cfg(memstate_loom)]
        loom::thread_local! { $(#[$attribute])* static $name: $type = $value; }
        #[cfg(memstate_shuttle)]
        shuttle::thread_local! { $(#[$attribute])* static $name: $type = $value; }
    };
}
pub(crate) use thread_static;
