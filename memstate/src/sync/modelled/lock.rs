//! Locks in the shape of `parking_lot`.

use std::{
    fmt,
    ops::{Deref, DerefMut},
    sync::PoisonError,
    time::Duration,
};

use super::{base, thread, time};

#[derive(Default)]
pub(crate) struct Mutex<T>(base::sync::Mutex<T>);

pub(crate) struct MutexGuard<'a, T> {
    mutex: &'a Mutex<T>,
    /// Empty only while it waits.
    held: Option<base::sync::MutexGuard<'a, T>>,
}

impl<T> Mutex<T> {
    pub(crate) fn new(value: T) -> Self {
        Mutex(base::sync::Mutex::new(value))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        let held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        MutexGuard { mutex: self, held: Some(held) }
    }
}

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.held.as_ref().expect("it does not wait")
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.held.as_mut().expect("it does not wait")
    }
}

impl<T> fmt::Debug for Mutex<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mutex")
    }
}

#[derive(Default)]
pub(crate) struct Condvar(base::sync::Condvar);

/// Whether a wait ended because time had passed.
pub(crate) struct WaitTimeoutResult(bool);

impl WaitTimeoutResult {
    pub(crate) fn timed_out(&self) -> bool {
        self.0
    }
}

impl Condvar {
    pub(crate) fn new() -> Self {
        Condvar::default()
    }

    pub(crate) fn wait<T>(&self, guard: &mut MutexGuard<'_, T>) {
        let held = guard.held.take().expect("it does not wait");
        guard.held = Some(self.0.wait(held).unwrap_or_else(PoisonError::into_inner));
    }

    /// Waits until it is notified, or the time has passed: [`time::expiry`] says which.
    pub(crate) fn wait_for<T>(&self, guard: &mut MutexGuard<'_, T>, _: Duration) -> WaitTimeoutResult {
        let expiry = time::expiry();
        if expiry == time::Expiry::Never {
            self.wait(guard);
            return WaitTimeoutResult(false);
        }
        guard.held = None;
        if expiry == time::Expiry::Late {
            thread::yield_now();
        }
        guard.held = guard.mutex.lock().held.take();
        WaitTimeoutResult(true)
    }

    /// Waits until it is notified: a deadline that is a minute away does not come.
    #[cfg_attr(memstate_loom, allow(dead_code, reason = "no model opens a directory"))]
    pub(crate) fn wait_until<T>(
        &self,
        guard: &mut MutexGuard<'_, T>,
        _: std::time::Instant,
    ) -> WaitTimeoutResult {
        self.wait(guard);
        WaitTimeoutResult(false)
    }

    pub(crate) fn notify_one(&self) {
        self.0.notify_one();
    }

    pub(crate) fn notify_all(&self) {
        self.0.notify_all();
    }
}

/// A lock for many readers that does not know poison.
#[derive(Default)]
pub(crate) struct RwLock<T>(base::sync::RwLock<T>);

impl<T> RwLock<T> {
    pub(crate) fn read(&self) -> base::sync::RwLockReadGuard<'_, T> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn write(&self) -> base::sync::RwLockWriteGuard<'_, T> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> fmt::Debug for RwLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RwLock")
    }
}
