//! The bounded channel of `std`, made of a lock and two conditions, because loom has none with a bound.

use std::{collections::VecDeque, sync::Arc};

pub(crate) use std::sync::mpsc::{RecvError, SendError};

use super::lock::{Condvar, Mutex};

struct Channel<T> {
    state: Mutex<State<T>>,
    came: Condvar,
    went: Condvar,
}

struct State<T> {
    items: VecDeque<T>,
    bound: usize,
    has_sender: bool,
    has_receiver: bool,
}

/// The one sender of a channel.
pub(crate) struct SyncSender<T>(Arc<Channel<T>>);

/// The one receiver of a channel.
pub(crate) struct Receiver<T>(Arc<Channel<T>>);

/// A channel in which `bound` items wait at most.
pub(crate) fn sync_channel<T>(bound: usize) -> (SyncSender<T>, Receiver<T>) {
    assert!(bound > 0, "a channel without room is another thing");
    let state = State { items: VecDeque::new(), bound, has_sender: true, has_receiver: true };
    let channel = Arc::new(Channel { state: Mutex::new(state), came: Condvar::new(), went: Condvar::new() });
    (SyncSender(Arc::clone(&channel)), Receiver(channel))
}

impl<T> SyncSender<T> {
    /// Waits for room; gives the item back when nobody will receive it.
    pub(crate) fn send(&self, item: T) -> Result<(), SendError<T>> {
        let mut state = self.0.state.lock();
        while state.has_receiver && state.items.len() == state.bound {
            self.0.went.wait(&mut state);
        }
        if !state.has_receiver {
            return Err(SendError(item));
        }
        state.items.push_back(item);
        drop(state);
        self.0.came.notify_one();
        Ok(())
    }
}

impl<T> Receiver<T> {
    /// Waits for an item; an error when there are none and nobody will send one.
    pub(crate) fn recv(&self) -> Result<T, RecvError> {
        let mut state = self.0.state.lock();
        loop {
            if let Some(item) = state.items.pop_front() {
                drop(state);
                self.0.went.notify_one();
                return Ok(item);
            }
            if !state.has_sender {
                return Err(RecvError);
            }
            self.0.came.wait(&mut state);
        }
    }
}

impl<T> Drop for SyncSender<T> {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.0.state.lock().has_sender = false;
            self.0.came.notify_one();
        }
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let mut state = self.0.state.lock();
            state.has_receiver = false;
            // What nobody receives is dropped with the receiver, as in `std`.
            let unreceived = std::mem::take(&mut state.items);
            drop(state);
            self.0.went.notify_one();
            drop(unreceived);
        }
    }
}
