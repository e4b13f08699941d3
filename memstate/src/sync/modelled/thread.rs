//! Threads, of which loom or shuttle runs one at a time.

use std::io;

use super::base;

pub(crate) use base::thread::yield_now;

/// The stack of a thread in words: a model's own commands are small, and an execution starts several threads.
#[cfg(memstate_loom)]
const STACK_WORDS: usize = 1 << 15;

/// Starts a thread. Its stack is as large as the runner says.
pub(crate) fn spawn(
    name: &str,
    _stack_bytes: usize,
    work: impl FnOnce() + Send + 'static,
) -> io::Result<JoinHandle<()>> {
    let builder = base::thread::Builder::new().name(name.to_owned());
    #[cfg(memstate_loom)]
    let builder = builder.stack_size(STACK_WORDS);
    builder.spawn(work).map(JoinHandle)
}

pub(crate) struct JoinHandle<T>(base::thread::JoinHandle<T>);

impl<T> JoinHandle<T> {
    pub(crate) fn join(self) -> std::thread::Result<T> {
        self.0.join()
    }

    /// Whether it is known to have ended. Neither loom nor shuttle tells, and who asks must not rely on a yes.
    pub(crate) fn is_finished(&self) -> bool {
        false
    }
}
