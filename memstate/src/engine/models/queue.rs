//! The queue: callers on one side, on the other a thread that takes, as the writer does.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use loom::thread;

use super::{Trial, wait::block_on};
use crate::{
    Position,
    engine::{
        queue::{Calls, QUEUE_CALLS_MAX, Queue, Work},
        record::{Record, Records},
    },
    sync::{oneshot, time::Expiry},
};

pub(super) const TRIALS: &[Trial] = &[
    Trial {
        name: "a call wakes the writer, whether it sleeps or is about to",
        timed_waits: 0,
        expiries: &[Expiry::Soon, Expiry::Late],
        is_slow: &[false],
        run: calls_of_two_threads,
    },
    Trial {
        name: "a call is taken whether the patience of the writer ends before it or after",
        timed_waits: 3,
        expiries: &[Expiry::Soon, Expiry::Late],
        is_slow: &[false],
        run: calls_and_patience,
    },
    Trial {
        name: "a confirmation comes after the calls before it, and not after those that never stop coming",
        timed_waits: 0,
        expiries: &[Expiry::Soon, Expiry::Late],
        is_slow: &[false],
        run: a_confirmation_among_calls,
    },
    Trial {
        name: "a call that was let in is taken though the queue is closed, and no other",
        timed_waits: 0,
        expiries: &[Expiry::Soon, Expiry::Late],
        is_slow: &[false],
        run: calls_while_it_is_closed,
    },
    Trial {
        name: "a confirmation is done or refused when the queue is closed",
        timed_waits: 0,
        expiries: &[Expiry::Soon, Expiry::Late],
        is_slow: &[false],
        run: a_confirmation_while_it_is_closed,
    },
    Trial {
        name: "who waits for room gets it, or is told that the queue is closed",
        timed_waits: 0,
        expiries: &[Expiry::Soon, Expiry::Late],
        is_slow: &[false],
        run: waiting_for_room,
    },
];

fn push(queue: &Queue, method: u16) -> Result<(), Arc<str>> {
    queue.push(Record { method, caller: None, request: None, arguments: &[] }, 1).map(drop)
}

fn methods(calls: &Calls) -> impl Iterator<Item = u16> {
    let mut records = Records::of(&calls.records);
    calls.list.iter().map(move |_| records.take().expect("there is one for each call").method)
}

/// What the taking thread took, in order.
#[derive(Default)]
struct Taken {
    calls: Vec<u16>,
    idles: usize,
}

/// Takes until the queue is closed. Like the writer it has patience only while something is unconfirmed.
fn take_all(queue: &Queue, has_patience: bool) -> Taken {
    let mut taken = Taken::default();
    let mut unconfirmed = false;
    loop {
        let patience = (has_patience && unconfirmed).then_some(Duration::from_millis(100));
        match queue.take(patience) {
            Work::Calls(calls) => {
                assert!(!calls.list.is_empty(), "calls are one at least");
                taken.calls.extend(methods(&calls));
                queue.recycle(calls.records);
                unconfirmed = true;
            }
            Work::Confirm(waiting) => {
                assert!(!waiting.is_empty(), "somebody waits for it");
                for done in waiting {
                    let _ = done.send(Position::new(taken.calls.len() as u64));
                }
            }
            Work::Idle => {
                assert!(patience.is_some(), "without patience it waits for ever");
                taken.idles += 1;
                unconfirmed = false;
            }
            Work::Closed => {
                assert!(queue.drain().is_empty(), "all that was let in is taken before");
                return taken;
            }
        }
    }
}

fn is_in_order(calls: &[u16], of_one_thread: [u16; 2]) -> bool {
    let place = |method| calls.iter().position(|taken| *taken == method);
    place(of_one_thread[0]) < place(of_one_thread[1])
}

fn calls_of_two_threads() {
    let queue = Arc::new(Queue::new());
    let taking = thread::spawn({
        let queue = Arc::clone(&queue);
        move || take_all(&queue, false)
    });
    let pushing = thread::spawn({
        let queue = Arc::clone(&queue);
        move || {
            push(&queue, 1).expect("it is open");
            push(&queue, 2).expect("it is open");
        }
    });
    push(&queue, 3).expect("it is open");
    push(&queue, 4).expect("it is open");
    pushing.join().expect("it does not panic");
    queue.close("the end".into());
    let taken = taking.join().expect("it does not panic");
    assert_eq!(taken.calls.len(), 4, "each once: {:?}", taken.calls);
    assert_eq!(BTreeSet::from_iter(&taken.calls), BTreeSet::from([&1, &2, &3, &4]));
    assert!(is_in_order(&taken.calls, [1, 2]) && is_in_order(&taken.calls, [3, 4]), "{:?}", taken.calls);
}

fn calls_and_patience() {
    let queue = Arc::new(Queue::new());
    let taking = thread::spawn({
        let queue = Arc::clone(&queue);
        move || take_all(&queue, true)
    });
    push(&queue, 1).expect("it is open");
    push(&queue, 2).expect("it is open");
    push(&queue, 3).expect("it is open");
    queue.close("the end".into());
    let taken = taking.join().expect("it does not panic");
    assert_eq!(taken.calls, [1, 2, 3]);
    assert!(taken.idles <= 3, "it is idle once after a call at most");
}

fn a_confirmation_among_calls() {
    let queue = Arc::new(Queue::new());
    let taking = thread::spawn({
        let queue = Arc::clone(&queue);
        move || take_all(&queue, false)
    });
    let pushing = thread::spawn({
        let queue = Arc::clone(&queue);
        move || push(&queue, 2).expect("it is open")
    });
    push(&queue, 1).expect("it is open");
    let (done, confirmed) = oneshot::channel();
    queue.confirm(done).expect("it is open");
    let through = block_on(confirmed).expect("the taking thread lives");
    assert!(through.get() >= 1, "the call before it was taken before it");
    pushing.join().expect("it does not panic");
    queue.close("the end".into());
    assert_eq!(taking.join().expect("it does not panic").calls.len(), 2);
}

fn calls_while_it_is_closed() {
    let queue = Arc::new(Queue::new());
    let taking = thread::spawn({
        let queue = Arc::clone(&queue);
        move || take_all(&queue, false)
    });
    let pushing = thread::spawn({
        let queue = Arc::clone(&queue);
        move || {
            let entered = [1, 2].map(|method| push(&queue, method).is_ok());
            assert!(entered[0] || !entered[1], "it does not open again");
            entered.iter().filter(|entered| **entered).count()
        }
    });
    queue.close("the end".into());
    let refused = push(&queue, 3).expect_err("it is closed");
    assert_eq!(&*refused, "the end");
    let entered = pushing.join().expect("it does not panic");
    let taken = taking.join().expect("it does not panic");
    assert_eq!(taken.calls, [1, 2][..entered]);
}

fn a_confirmation_while_it_is_closed() {
    let queue = Arc::new(Queue::new());
    let taking = thread::spawn({
        let queue = Arc::clone(&queue);
        move || take_all(&queue, false)
    });
    let closing = thread::spawn({
        let queue = Arc::clone(&queue);
        move || queue.close("the end".into())
    });
    let entered = push(&queue, 1).is_ok();
    let (done, confirmed) = oneshot::channel();
    match queue.confirm(done) {
        Ok(()) => assert_eq!(block_on(confirmed).expect("what was let in is done").get(), 1),
        Err(why) => assert_eq!(&*why, "the end"),
    }
    closing.join().expect("it does not panic");
    assert_eq!(taking.join().expect("it does not panic").calls.len(), usize::from(entered));
}

fn waiting_for_room() {
    let queue = Arc::new(Queue::new());
    let taken = u32::try_from(QUEUE_CALLS_MAX - 1).expect("it is small");
    queue.room().try_acquire_many(taken).expect("it is empty").forget();
    let releasing = thread::spawn({
        let queue = Arc::clone(&queue);
        move || {
            queue.release(1);
            queue.release(QUEUE_CALLS_MAX - 2);
        }
    });
    let closing = thread::spawn({
        let queue = Arc::clone(&queue);
        move || queue.close("the end".into())
    });
    let is_free = block_on(async { queue.room().acquire_many(2).await.map(drop).is_ok() });
    if !is_free {
        assert_eq!(&*queue.why_closed(), "the end");
    }
    releasing.join().expect("it does not panic");
    closing.join().expect("it does not panic");
    assert_eq!(queue.in_flight(), 0);
}
