//! One command's changes, kept or taken back as a whole.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
};

use super::{
    State,
    shared::{Broken, Transaction},
    survives,
    trace::Trace,
};

/// Why a transaction changed nothing.
#[derive(Debug)]
pub enum Failed<E> {
    /// The closure returned `Err`; everything was taken back.
    Refused(E),
    /// The closure panicked with this message; everything was taken back.
    Panicked(String),
    /// The state could not be brought back and must not be used any more.
    Broken(Broken),
}

/// Runs `change` on `root`; if it returns `Err` or panics, `root` is afterwards what it was before.
///
/// This is what a command runs in. `root` may hold anything that is [`State`]; the cost is in proportion to what
/// `change` changes. The error value must not hold a collection that belonged to `root`: it would be out of reach.
///
/// # Errors
///
/// [`Failed::Refused`] with the closure's error, [`Failed::Panicked`] if it panicked, [`Failed::Broken`] if the
/// closure hid a part of the state from the roll-back.
///
/// # Panics
///
/// If a transaction runs on this thread already.
pub fn transaction<T: State, R, E>(
    root: &mut T,
    change: impl FnOnce(&mut T) -> Result<R, E>,
) -> Result<R, Failed<E>> {
    run(root, None, change)
}

/// [`transaction`], which also writes what a successful `change` changed, for the digest of an outcome.
pub fn traced<T: State, R, E>(
    root: &mut T,
    trace: &mut Trace,
    change: impl FnOnce(&mut T) -> Result<R, E>,
) -> Result<R, Failed<E>> {
    trace.clear();
    run(root, Some(trace), change)
}

fn run<T: State, R, E>(
    root: &mut T,
    mut trace: Option<&mut Trace>,
    change: impl FnOnce(&mut T) -> Result<R, E>,
) -> Result<R, Failed<E>> {
    let running = Transaction::begin();
    let mut saved = None;
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        saved = Some(running.save(root));
        let value = change(root)?;
        if let Some(trace) = &mut trace {
            running.trace(root, trace);
        }
        Ok(value)
    }));
    let failure = match outcome {
        Ok(Ok(value)) => {
            running.commit();
            if std::mem::needs_drop::<T::Saved>() {
                // The last owner of what was replaced in the root itself; its destructors are the user's code.
                survives(|| drop(saved));
            }
            return Ok(value);
        }
        Ok(Err(error)) => Failed::Refused(error),
        Err(panic) => Failed::Panicked(message(panic)),
    };
    if let Some(trace) = trace {
        trace.clear();
    }
    let put_back = |root: &mut T| saved.into_iter().for_each(|saved| root.put_back(saved));
    running.roll_back(root, put_back).map_err(Failed::Broken)?;
    Err(failure)
}

/// The words of a panic, whose payload is dropped here.
pub(crate) fn message(panic: Box<dyn Any + Send>) -> String {
    match panic.downcast::<String>() {
        Ok(text) => *text,
        Err(panic) => match panic.downcast::<&'static str>() {
            Ok(text) => (*text).to_owned(),
            Err(panic) => {
                // A payload of the user's own: dropping it may panic once more.
                survives(|| drop(panic));
                "a panic without a message".to_owned()
            }
        },
    }
}
