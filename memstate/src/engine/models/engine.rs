//! The engine: its own threads, and callers, readers and closers around them.

use std::sync::Arc;

use loom::thread;

use super::{
    Trial,
    stage::{End, Stage, end_of},
    wait::block_on,
};
use crate::{Position, engine::queue::QUEUE_CALLS_MAX, sync::time::Expiry};

pub(super) const TRIALS: &[Trial] = &[
    Trial {
        name: "a call is durable, then applied, then answered, and its outcome is in the journal at the end",
        timed_waits: 2,
        expiries: &[Expiry::Soon, Expiry::Late],
        is_slow: &[false],
        run: one_call,
    },
    Trial {
        name: "two callers are answered in the order of the journal",
        timed_waits: 1,
        expiries: &[Expiry::Late],
        is_slow: &[true],
        run: two_callers,
    },
    Trial {
        name: "calls that come while the engine closes are done or refused",
        timed_waits: 1,
        expiries: &[Expiry::Late],
        is_slow: &[false],
        run: calls_while_it_closes,
    },
    Trial {
        name: "a caller who does not wait for its replies gets all of them",
        timed_waits: 1,
        expiries: &[Expiry::Late],
        is_slow: &[false, true],
        run: calls_in_a_row,
    },
    Trial {
        name: "what is confirmed has its outcome in the journal",
        timed_waits: 2,
        expiries: &[Expiry::Late],
        is_slow: &[false],
        run: a_confirmation,
    },
    Trial {
        name: "readers see what was answered, and what they saw once",
        timed_waits: 0,
        expiries: &[Expiry::Late],
        is_slow: &[true],
        run: a_reader,
    },
    Trial {
        name: "who waits for a position sees it reached, or that it never will be",
        timed_waits: 0,
        expiries: &[],
        is_slow: &[false],
        run: a_position,
    },
    Trial {
        name: "what does not fit is refused, and room is given back",
        timed_waits: 1,
        expiries: &[Expiry::Late],
        is_slow: &[false],
        run: a_full_queue,
    },
    Trial {
        name: "nothing is answered as done that a journal failed to write",
        timed_waits: 1,
        expiries: &[Expiry::Late],
        is_slow: &[false],
        run: a_journal_that_fails,
    },
    Trial {
        name: "a journal that fails in its confirmation stops the engine",
        timed_waits: 2,
        expiries: &[Expiry::Late],
        is_slow: &[false],
        run: a_confirmation_that_fails,
    },
    Trial {
        name: "a kernel that cannot go on answers what it has, and the writer stops",
        timed_waits: 1,
        expiries: &[Expiry::Late],
        is_slow: &[false],
        run: a_kernel_that_stops,
    },
    Trial {
        name: "an engine that nobody holds any more ends",
        timed_waits: 1,
        expiries: &[Expiry::Late],
        is_slow: &[false],
        run: a_drop,
    },
];

fn one_call() {
    let stage = Stage::new();
    assert_eq!(stage.call(7), End::Done(1));
    assert_eq!(stage.tape.look(), [7], "a record is durable before its reply");
    assert_eq!(stage.engine.position().get(), 1, "what is answered can be seen");
    assert_eq!(stage.state(), [7]);
    stage.close();
}

fn two_callers() {
    let stage = Stage::new();
    let other = thread::spawn({
        let stage = stage.clone();
        move || stage.call(1)
    });
    let mine = stage.call(2);
    let theirs = other.join().expect("it does not panic");
    assert!(matches!((mine, theirs), (End::Done(1), End::Done(2)) | (End::Done(2), End::Done(1))));
    stage.close();
}

fn calls_while_it_closes() {
    let stage = Stage::new();
    let other = thread::spawn({
        let stage = stage.clone();
        move || stage.call(1)
    });
    stage.close_with_calls();
    let end = other.join().expect("it does not panic");
    assert_eq!(stage.engine.shared.queue.in_flight(), 0, "who was refused gave its room back");
    match end {
        End::Done(position) => assert_eq!((position, &*stage.tape.records()), (1, &[1][..])),
        End::Refused => assert!(stage.tape.records().is_empty(), "it was refused"),
        end => panic!("a close loses nothing: {end:?}"),
    }
}

fn calls_in_a_row() {
    let stage = Stage::new();
    // Three are more than a batch holds.
    let sent = [1, 2, 3].map(|who| stage.send(who));
    for (sent, position) in sent.into_iter().zip(1..) {
        assert_eq!(sent.end(), End::Done(position));
    }
    stage.close();
}

fn a_confirmation() {
    let stage = Stage::new();
    assert_eq!(stage.call(1), End::Done(1));
    block_on(stage.engine.shared.confirmed());
    assert_eq!(stage.tape.outcomes(), 1);
    stage.close();
}

fn a_reader() {
    let stage = Stage::new();
    let reader = thread::spawn({
        let stage = stage.clone();
        move || {
            let before = stage.engine.position().get() as usize;
            let first = stage.state();
            let then = stage.state();
            assert!(first.len() >= before, "what is known to be applied is seen");
            assert!(then.starts_with(&first), "what was seen stays");
            assert!(stage.tape.records().starts_with(&then), "what is seen is durable");
        }
    });
    let sent = [1, 2].map(|who| stage.send(who));
    assert_eq!(sent.map(|sent| sent.end()), [1, 2].map(End::Done));
    reader.join().expect("it does not panic");
    stage.close();
}

fn a_position() {
    let stage = Stage::new();
    let waiting = thread::spawn({
        let stage = stage.clone();
        move || {
            let reached = block_on(stage.engine.reached(Position::new(1)));
            assert_eq!(reached.is_ok(), !stage.state().is_empty());
        }
    });
    let _ = stage.send(1);
    stage.close();
    assert_eq!(stage.state(), [1], "a call that nobody waits for happens");
    waiting.join().expect("it does not panic");
}

fn a_full_queue() {
    let stage = Stage::new();
    let room = stage.engine.shared.queue.room();
    let all = u32::try_from(QUEUE_CALLS_MAX).expect("it is small");
    room.try_acquire_many(all).expect("it is empty").forget();
    assert_eq!(stage.call(9), End::Overloaded, "there is no room");
    stage.engine.shared.queue.release(1);
    let sent = [1, 2].map(|who| stage.send(who));
    let [first, second] = sent.map(|sent| sent.end());
    assert_eq!(first, End::Done(1), "there is room for one");
    // Whether it fits depends on whether the first was done when it came.
    assert!(matches!(second, End::Done(2) | End::Overloaded), "{second:?}");
    stage.engine.shared.queue.release(QUEUE_CALLS_MAX - 1);
    block_on(stage.engine.ready()).expect("room is given back");
    stage.close();
}

fn a_journal_that_fails() {
    let stage = Stage::failing_at(Some(2));
    let other = thread::spawn({
        let stage = stage.clone();
        move || stage.call(1)
    });
    let mine = stage.call(2);
    let theirs = other.join().expect("it does not panic");
    stage.close_stopped();
    let records = stage.tape.records();
    for (who, end) in [(1, theirs), (2, mine)] {
        let is_there = records.contains(&who);
        assert_eq!(is_there, matches!(end, End::Done(_)), "{who} {end:?} in {records:?}");
    }
    assert!(!records.is_empty(), "the first append succeeds");
    assert_eq!(stage.state(), records, "readers see what is durable, and go on");
}

fn a_confirmation_that_fails() {
    let stage = Stage::failing_at(Some(2));
    assert_eq!(stage.call(1), End::Done(1));
    block_on(stage.engine.shared.confirmed());
    stage.close_stopped();
    assert_eq!((stage.tape.outcomes(), stage.state()), (0, vec![1]));
}

fn a_kernel_that_stops() {
    let stage = Stage::new();
    let other = thread::spawn({
        let stage = stage.clone();
        move || stage.call(1)
    });
    let unreadable = stage.send_unreadable();
    assert_eq!(end_of(block_on(unreadable)), End::Unknown, "it is in the journal, and cannot be applied");
    let theirs = other.join().expect("it does not panic");
    let closed = block_on(stage.engine.close());
    assert!(matches!(closed, Err(crate::Error::Stopped(_))), "it stopped before: {closed:?}");
    let records = stage.tape.records();
    assert_eq!(theirs == End::Done(1), records.starts_with(&[1]), "{theirs:?} {records:?}");
    assert!(theirs != End::Refused || !records.contains(&1), "what is refused is not in the journal");
}

fn a_drop() {
    let stage = Stage::new();
    let shared = Arc::clone(stage.engine.shared());
    let other = thread::spawn({
        let stage = stage.clone();
        move || stage.call(1)
    });
    drop(stage);
    let end = other.join().expect("it does not panic");
    assert_eq!(end, End::Done(1), "who has a call holds the engine");
    let mut ended = shared.ended.subscribe();
    let _ = block_on(ended.wait_for(Option::is_some)).expect("it tells").clone().expect("it ended well");
}
