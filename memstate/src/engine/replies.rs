//! The way of a reply back to its caller.
//!
//! A channel for each call would be an allocation for each, somewhere in memory, and the thread that runs commands would wait
//! for every one of them when it answers a batch. So the places of calls that enter one after another lie side by side in a
//! [`Block`], in the order in which they are answered.

use std::{
    mem,
    pin::Pin,
    sync::{Arc, OnceLock},
    task::{Context, Poll, Waker},
};

use super::outcomes::Replied;
use crate::{
    Error,
    prefetch::prefetch,
    state::survives,
    sync::{self, Mutex},
};

/// How many places a block has. A call that is never answered keeps a block alive, so they are not many.
const PLACES: usize = sync::bound(32, 2);

/// How many callers are woken one after the other.
const WOKEN_AT_ONCE: usize = sync::bound(32, 2);

/// Why the engine has ended, once it has.
pub(crate) type Ended = Arc<OnceLock<Arc<str>>>;

/// Makes ways for replies, in the order of the calls.
pub(crate) struct Replies {
    ended: Ended,
    block: Option<Arc<Block>>,
    /// How many of its places are given away.
    given: usize,
}

/// Places for replies.
struct Block {
    places: [Mutex<Place>; PLACES],
    ended: Ended,
}

enum Place {
    /// Nobody has asked yet.
    Open,
    /// There is no reply yet, and who waits for it is to be woken.
    Awaited(Waker),
    Replied(Replied),
    /// There will be no reply.
    Lost,
    /// Nobody will ask any more.
    Abandoned,
}

/// Where the reply to a call goes; dropped without one, it says that the outcome is unknown.
pub(crate) struct Replier {
    block: Arc<Block>,
    place: u32,
    is_done: bool,
}

/// Where a caller gets the reply.
pub(crate) struct Waiting {
    block: Arc<Block>,
    place: u32,
    is_done: bool,
}

/// Callers whose replies are there and who are not woken yet. Whoever is left when this is dropped is woken, too.
///
/// Where many calls are in flight, what a waker points to is seldom in the processor's cache. It is asked for while replies are left
/// for the others.
#[derive(Default)]
pub(crate) struct Wakers(Vec<Waker>);

impl Wakers {
    pub(crate) fn add(&mut self, waker: Waker) {
        prefetch(waker.data());
        self.0.push(waker);
        if self.0.len() == WOKEN_AT_ONCE {
            self.wake();
        }
    }

    pub(crate) fn wake(&mut self) {
        self.0.drain(..).for_each(wake);
    }
}

impl Drop for Wakers {
    fn drop(&mut self) {
        self.wake();
    }
}

/// A waker is the user's code, or that of the user's runtime: one that panics keeps nobody else asleep.
pub(crate) fn wake(waker: Waker) {
    survives(|| waker.wake());
}

impl Replies {
    pub(crate) fn new(ended: Ended) -> Self {
        Replies { ended, block: None, given: 0 }
    }

    /// The two ends of the way for the next call.
    pub(crate) fn next(&mut self) -> (Replier, Waiting) {
        let block = self.block.get_or_insert_with(|| {
            self.given = 0;
            let places = std::array::from_fn(|_| Mutex::new(Place::Open));
            Arc::new(Block { places, ended: Arc::clone(&self.ended) })
        });
        let place = self.given as u32;
        let replier = Replier { block: Arc::clone(block), place, is_done: false };
        self.given += 1;
        let block = match self.given < PLACES {
            true => Some(Arc::clone(block)),
            false => self.block.take(),
        };
        let block = block.expect("made above");
        (replier, Waiting { block, place, is_done: false })
    }
}

impl Replier {
    /// Nobody gets it if the caller does not wait any more.
    pub(crate) fn send(self, replied: Replied) {
        self.leave(replied).into_iter().for_each(wake);
    }

    /// Leaves the reply for the caller, and says who is to be woken for it.
    #[must_use = "the caller sleeps until it is woken"]
    pub(crate) fn leave(mut self, replied: Replied) -> Option<Waker> {
        self.put(Place::Replied(replied))
    }

    fn put(&mut self, end: Place) -> Option<Waker> {
        self.is_done = true;
        let mut place = self.block.places[self.place as usize].lock();
        // What is dropped, and who is woken, is not memstate's, so the lock is let go before.
        match &*place {
            Place::Abandoned => {
                drop(place);
                None
            }
            _ => {
                let before = mem::replace(&mut *place, end);
                drop(place);
                match before {
                    Place::Awaited(waker) => Some(waker),
                    _ => None,
                }
            }
        }
    }
}

impl Drop for Replier {
    fn drop(&mut self) {
        if !self.is_done
            && let Some(waker) = self.put(Place::Lost)
        {
            wake(waker);
        }
    }
}

impl Future for Waiting {
    type Output = Replied;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Replied> {
        let this = &mut *self;
        let mut waker = None;
        let replied = loop {
            let mut place = this.block.places[this.place as usize].lock();
            match &*place {
                Place::Awaited(known) if known.will_wake(cx.waker()) => {
                    drop(place);
                    return Poll::Pending;
                }
                Place::Open | Place::Awaited(_) => {
                    if let Some(waker) = waker.take() {
                        let before = mem::replace(&mut *place, Place::Awaited(waker));
                        drop(place);
                        drop(before);
                        return Poll::Pending;
                    }
                }
                Place::Replied(_) | Place::Lost => break mem::replace(&mut *place, Place::Abandoned),
                Place::Abandoned => panic!("polled again after it was ready"),
            }
            // Cloned without the lock, which it may take long to get again only if the reply comes just now.
            drop(place);
            waker = Some(cx.waker().clone());
        };
        this.is_done = true;
        Poll::Ready(match replied {
            Place::Replied(replied) => replied,
            _ => Err(Error::OutcomeUnknown(why(&this.block.ended))),
        })
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if !self.is_done {
            let mut place = self.block.places[self.place as usize].lock();
            let before = mem::replace(&mut *place, Place::Abandoned);
            drop(place);
            drop(before);
        }
    }
}

/// Why nothing is answered any more.
pub(crate) fn why(ended: &Ended) -> Arc<str> {
    ended.get().cloned().unwrap_or_else(|| "it ended unexpectedly".into())
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Weak,
        atomic::{AtomicUsize, Ordering},
    };

    use super::*;

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl std::task::Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn poll(waiting: &mut Waiting, count: &Arc<Count>) -> Option<String> {
        let waker = Waker::from(Arc::clone(count));
        match Pin::new(waiting).poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(Err(error)) => Some(error.to_string()),
            Poll::Ready(Ok(_)) => panic!("only errors are sent here"),
            Poll::Pending => None,
        }
    }

    fn reply(number: usize) -> Replied {
        Err(Error::Failed(format!("number {number}").into()))
    }

    #[test]
    fn each_caller_gets_its_own_reply_over_many_blocks() {
        let mut replies = Replies::new(Ended::default());
        let ways: Vec<_> = (0..3 * PLACES + 1).map(|_| replies.next()).collect();
        let count = Arc::<Count>::default();
        let mut waiting = Vec::new();
        for (number, (replier, mut waits)) in ways.into_iter().enumerate() {
            // One is answered before it is asked for, the next after.
            if number % 2 == 0 {
                assert_eq!(poll(&mut waits, &count), None);
                assert_eq!(poll(&mut waits, &count), None, "asking twice is no harm");
            }
            replier.send(reply(number));
            waiting.push(waits);
        }
        assert_eq!(count.0.load(Ordering::Relaxed), waiting.len().div_ceil(2), "who has asked is woken once");
        for (number, waits) in waiting.iter_mut().enumerate().rev() {
            assert!(poll(waits, &count).unwrap().contains(&format!("number {number}")));
        }
    }

    #[test]
    fn the_last_waker_is_woken_and_no_other() {
        let mut replies = Replies::new(Ended::default());
        let (replier, mut waits) = replies.next();
        let (first, second) = (Arc::<Count>::default(), Arc::<Count>::default());
        assert_eq!((poll(&mut waits, &first), poll(&mut waits, &second)), (None, None));
        assert_eq!(Arc::strong_count(&first), 1, "the first waker is let go");
        replier.send(reply(0));
        assert_eq!((first.0.load(Ordering::Relaxed), second.0.load(Ordering::Relaxed)), (0, 1));
    }

    #[test]
    fn a_call_that_is_never_answered_is_told_why() {
        let ended = Ended::default();
        let mut replies = Replies::new(Arc::clone(&ended));
        let count = Arc::<Count>::default();
        let ((replier, mut waits), (other, mut other_waits)) = (replies.next(), replies.next());
        assert_eq!(poll(&mut waits, &count), None);
        drop(replier);
        assert_eq!(count.0.load(Ordering::Relaxed), 1);
        assert!(poll(&mut waits, &count).unwrap().contains("it ended unexpectedly"));
        ended.set("the disk is full".into()).unwrap();
        drop(other);
        assert!(poll(&mut other_waits, &count).unwrap().contains("the disk is full"));
    }

    #[test]
    fn a_reply_that_nobody_waits_for_is_dropped_at_once_and_a_block_with_its_last_call() {
        let mut replies = Replies::new(Ended::default());
        let (replier, waits) = replies.next();
        let count = Arc::<Count>::default();
        let (answered, answered_waits) = replies.next();
        drop(waits);
        let text: Arc<str> = "a long reply".into();
        replier.send(Err(Error::Failed(Arc::clone(&text))));
        assert_eq!(Arc::strong_count(&text), 1);
        answered.send(Err(Error::Failed(Arc::clone(&text))));
        assert_eq!(Arc::strong_count(&text), 2);
        drop(answered_waits);
        assert_eq!(Arc::strong_count(&text), 1, "nor is one that came before");
        // A waker that is not needed any more is let go as well.
        let (last, mut last_waits) = replies.next();
        assert_eq!(poll(&mut last_waits, &count), None);
        let block = Arc::downgrade(&last.block);
        drop(last_waits);
        assert_eq!(Arc::strong_count(&count), 1);
        drop((last, replies));
        assert_eq!(Weak::strong_count(&block), 0);
    }

    #[test]
    fn a_waker_that_panics_keeps_nobody_asleep() {
        struct Panics;
        impl std::task::Wake for Panics {
            fn wake(self: Arc<Self>) {
                panic!("on purpose");
            }
        }
        let count = Arc::<Count>::default();
        let mut replies = Replies::new(Ended::default());
        let mut wakers = Wakers::default();
        for left_to_drop in [false, true] {
            // More than are woken at once.
            let callers = 2 * WOKEN_AT_ONCE + 1;
            for number in 0..callers {
                let (replier, mut waits) = replies.next();
                if number % 2 == 0 {
                    let waker = Waker::from(Arc::new(Panics));
                    assert!(Pin::new(&mut waits).poll(&mut Context::from_waker(&waker)).is_pending());
                } else {
                    assert_eq!(poll(&mut waits, &count), None);
                }
                wakers.add(replier.leave(reply(number)).expect("it waits"));
            }
            match left_to_drop {
                true => drop(std::mem::take(&mut wakers)),
                false => wakers.wake(),
            }
            assert_eq!(count.0.swap(0, Ordering::Relaxed), callers / 2);
        }
        // Neither does one that is told so by a replier alone, also where that is dropped by a panic.
        let (replier, mut waits) = replies.next();
        let waker = Waker::from(Arc::new(Panics));
        assert!(Pin::new(&mut waits).poll(&mut Context::from_waker(&waker)).is_pending());
        drop(replier);
        assert!(poll(&mut waits, &count).unwrap().contains("it ended unexpectedly"));
    }

    #[test]
    #[should_panic(expected = "polled again after it was ready")]
    fn asking_again_after_the_reply_is_a_mistake() {
        let (replier, mut waits) = Replies::new(Ended::default()).next();
        replier.send(reply(0));
        let count = Arc::<Count>::default();
        let _ = (poll(&mut waits, &count), poll(&mut waits, &count));
    }
}
