//! What is runtime independent in `tokio` and `std` is taken as it is, and each use of it is one atomic step.
//!
//! Neither loom nor shuttle sees into these types, so neither would try what happens when two of their uses change places:
//! a reply that is sent before room is given back, or after. So each has a counter beside it that loom and shuttle do see, and each use
//! begins by counting. What is hidden is only what happens inside of one use, which is for tokio's own tests.
//!
//! The counter orders more than the types themselves do: a `send` after a `recv` too. So these types cannot show that an
//! ordering of some other atomic is too weak; atomics and locks are loom's own and do.

use std::{
    future::{Future, poll_fn},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use super::atomic::{AtomicUsize, Ordering};

/// What loom and shuttle see of an object: that it is used.
#[derive(Clone)]
pub(crate) struct Step(Arc<AtomicUsize>);

impl Default for Step {
    fn default() -> Self {
        Step(Arc::new(AtomicUsize::new(0)))
    }
}

impl Step {
    /// Something is done to the object now.
    pub(crate) fn take(&self) {
        // A thread that unwinds must come to its end, whatever became of the execution.
        if !std::thread::panicking() {
            self.0.fetch_add(1, Ordering::AcqRel);
        }
    }

    /// Takes a step whenever the future is polled.
    async fn each_poll<F: Future>(&self, future: F) -> F::Output {
        let mut future = std::pin::pin!(future);
        poll_fn(|cx| {
            self.take();
            future.as_mut().poll(cx)
        })
        .await
    }
}

pub(crate) struct OnceLock<T> {
    value: std::sync::OnceLock<T>,
    step: Step,
}

impl<T> OnceLock<T> {
    pub(crate) fn new() -> Self {
        OnceLock { value: std::sync::OnceLock::new(), step: Step::default() }
    }

    pub(crate) fn get(&self) -> Option<&T> {
        self.step.take();
        self.value.get()
    }

    pub(crate) fn set(&self, value: T) -> Result<(), T> {
        self.step.take();
        self.value.set(value)
    }
}

pub(crate) struct Semaphore {
    semaphore: tokio::sync::Semaphore,
    step: Step,
}

impl Semaphore {
    pub(crate) fn new(permits: usize) -> Self {
        Semaphore { semaphore: tokio::sync::Semaphore::new(permits), step: Step::default() }
    }

    pub(crate) fn try_acquire_many(
        &self,
        count: u32,
    ) -> Result<tokio::sync::SemaphorePermit<'_>, tokio::sync::TryAcquireError> {
        self.step.take();
        self.semaphore.try_acquire_many(count)
    }

    pub(crate) async fn acquire_many(
        &self,
        count: u32,
    ) -> Result<tokio::sync::SemaphorePermit<'_>, tokio::sync::AcquireError> {
        self.step.each_poll(self.semaphore.acquire_many(count)).await
    }

    pub(crate) fn add_permits(&self, count: usize) {
        self.step.take();
        self.semaphore.add_permits(count);
    }

    pub(crate) fn available_permits(&self) -> usize {
        self.step.take();
        self.semaphore.available_permits()
    }

    pub(crate) fn close(&self) {
        self.step.take();
        self.semaphore.close();
    }
}

pub(crate) mod oneshot {
    use super::{Context, Future, Pin, Poll, Step};

    pub(crate) struct Sender<T> {
        /// Empty once it was sent.
        sender: Option<tokio::sync::oneshot::Sender<T>>,
        step: Step,
    }

    pub(crate) struct Receiver<T> {
        receiver: tokio::sync::oneshot::Receiver<T>,
        step: Step,
    }

    pub(crate) fn channel<T>() -> (Sender<T>, Receiver<T>) {
        let (sender, receiver) = tokio::sync::oneshot::channel();
        let step = Step::default();
        (Sender { sender: Some(sender), step: step.clone() }, Receiver { receiver, step })
    }

    impl<T> Sender<T> {
        pub(crate) fn send(mut self, value: T) -> Result<(), T> {
            self.step.take();
            self.sender.take().expect("it is sent once").send(value)
        }
    }

    impl<T> Drop for Sender<T> {
        fn drop(&mut self) {
            if let Some(sender) = self.sender.take() {
                self.step.take();
                drop(sender);
            }
        }
    }

    impl<T> Future for Receiver<T> {
        type Output = Result<T, tokio::sync::oneshot::error::RecvError>;

        fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
            self.step.take();
            Pin::new(&mut self.receiver).poll(cx)
        }
    }
}

pub(crate) mod watch {
    use tokio::sync::watch::{Ref, error::RecvError};

    use super::Step;

    pub(crate) struct Sender<T> {
        sender: tokio::sync::watch::Sender<T>,
        step: Step,
    }

    pub(crate) struct Receiver<T> {
        receiver: tokio::sync::watch::Receiver<T>,
        step: Step,
    }

    impl<T> Sender<T> {
        pub(crate) fn new(value: T) -> Self {
            Sender { sender: tokio::sync::watch::Sender::new(value), step: Step::default() }
        }

        pub(crate) fn subscribe(&self) -> Receiver<T> {
            self.step.take();
            Receiver { receiver: self.sender.subscribe(), step: self.step.clone() }
        }

        pub(crate) fn borrow(&self) -> Ref<'_, T> {
            self.step.take();
            self.sender.borrow()
        }

        pub(crate) fn send_replace(&self, value: T) -> T {
            self.step.take();
            self.sender.send_replace(value)
        }
    }

    #[cfg_attr(memstate_loom, allow(dead_code, reason = "no model watches a query"))]
    impl<T> Receiver<T> {
        pub(crate) fn borrow(&self) -> Ref<'_, T> {
            self.step.take();
            self.receiver.borrow()
        }

        pub(crate) fn borrow_and_update(&mut self) -> Ref<'_, T> {
            self.step.take();
            self.receiver.borrow_and_update()
        }

        pub(crate) async fn changed(&mut self) -> Result<(), RecvError> {
            self.step.each_poll(self.receiver.changed()).await
        }

        pub(crate) async fn wait_for(
            &mut self,
            is_wanted: impl FnMut(&T) -> bool,
        ) -> Result<Ref<'_, T>, RecvError> {
            self.step.each_poll(self.receiver.wait_for(is_wanted)).await
        }
    }
}
