//! What is run: a few clients, and what gets in their way.

use std::sync::Arc;

use memstate::{Error, Position, testing::disk::FaultyDisk};
use shuttle::{
    future::block_on,
    rand::{Rng, thread_rng},
    thread,
};

use crate::{
    disk::TurnsDisk,
    oracle::{Book, BookClient, Course, Oracle},
};

/// A scenario, by what it shows.
#[derive(Debug, Clone, Copy)]
pub struct Scenario {
    pub name: &'static str,
    /// How many of a hundred schedules are of it: those on a disk take longer.
    pub share: usize,
    pub run: fn(),
}

pub const ALL: &[Scenario] = &[
    Scenario { name: "crowd", share: 20, run: a_crowd_of_clients_and_readers },
    Scenario { name: "close", share: 20, run: an_engine_that_is_closed_under_its_clients },
    Scenario { name: "requests", share: 15, run: requests_that_are_repeated_at_once },
    Scenario { name: "overload", share: 15, run: more_calls_than_there_is_room_for },
    Scenario { name: "subscribers", share: 10, run: a_subscriber_and_a_watch },
    Scenario { name: "snapshots", share: 10, run: snapshots_while_commands_come },
    Scenario { name: "failure", share: 10, run: a_disk_that_fails_in_the_middle },
];

fn open_in_memory() -> BookClient {
    block_on(memstate::open::<Book>("memory:").into_future()).expect("it is new")
}

fn open_on(disk: &FaultyDisk) -> BookClient {
    let open = memstate::open::<Book>("book").on_disk(Arc::new(TurnsDisk::new(disk.clone())));
    block_on(open.snapshot_every(2).segment_bytes(8 << 10).into_future()).expect("it can be opened")
}

fn spawn(book: &BookClient, oracle: &Oracle, work: fn(&BookClient, &Oracle)) -> thread::JoinHandle<()> {
    let (book, oracle) = (book.clone(), oracle.clone());
    thread::spawn(move || work(&book, &oracle))
}

fn join(threads: impl IntoIterator<Item = thread::JoinHandle<()>>) {
    for thread in threads {
        thread.join().expect("it does not panic");
    }
}

fn read_twice(book: &BookClient, oracle: &Oracle) {
    let first = oracle.read(book);
    let then = oracle.read(book);
    assert!(then.starts_with(&first), "what was seen stays: {first:?}, then {then:?}");
}

fn a_crowd_of_clients_and_readers() {
    let (book, oracle) = (open_in_memory(), Oracle::default());
    let clients = [
        spawn(&book, &oracle, |book, oracle| {
            assert!(oracle.write(book, 1));
            assert!(!oracle.write(book, 5), "it is refused");
            assert!(oracle.read(book).contains(&1), "one sees what one wrote");
        }),
        spawn(&book, &oracle, |book, oracle| {
            assert!(oracle.write_all(book, &[11, 12]));
            assert!(oracle.read(book).contains(&12), "one sees what one wrote");
        }),
        spawn(&book, &oracle, read_twice),
    ];
    assert!(oracle.write(&book, 21));
    block_on(book.reached(oracle.told())).expect("what is told is reached");
    join(clients);
    block_on(book.close()).expect("nothing failed");
    let notes = oracle.read(&book);
    assert_eq!(notes.len(), 4, "{notes:?}");
    oracle.check(&notes, Course::Whole);
    assert!(matches!(block_on(book.write(99)), Err(Error::Stopped(_))), "it is closed");
}

fn an_engine_that_is_closed_under_its_clients() {
    let (book, oracle) = (open_in_memory(), Oracle::default());
    let clients = [
        spawn(&book, &oracle, |book, oracle| {
            oracle.write(book, 1);
            oracle.write_all(book, &[2, 5]);
        }),
        spawn(&book, &oracle, |book, oracle| {
            oracle.write_all(book, &[11, 12]);
            match block_on(book.all()) {
                Ok(_) | Err(Error::Stopped(_)) => {}
                Err(error) => panic!("a query is answered or comes too late: {error}"),
            }
        }),
        spawn(&book, &oracle, |book, _| {
            // It comes back in any case, and what is reached is there.
            if block_on(book.reached(Position::new(2))).is_ok() {
                assert!(book.position() >= Position::new(2));
            }
            block_on(book.close()).expect("closed twice is closed");
        }),
    ];
    oracle.write(&book, 21);
    block_on(book.close()).expect("nothing failed");
    // Whoever had a call in was answered before, or is now.
    let notes = oracle.read(&book);
    join(clients);
    assert_eq!(oracle.read(&book), notes, "nothing changes after the end");
    oracle.check(&notes, Course::Closed);
}

fn requests_that_are_repeated_at_once() {
    let (book, oracle) = (open_in_memory(), Oracle::default());
    let request = book.new_request();
    let clients = [0, 1].map(|_| {
        let (book, oracle) = (book.clone(), oracle.clone());
        thread::spawn(move || {
            oracle.write_as(&book, request, 1);
            oracle.write_as(&book, request, 1);
        })
    });
    assert!(oracle.write(&book, 2));
    oracle.write_as(&book, book.new_request(), 3);
    join(clients);
    block_on(book.close()).expect("nothing failed");
    let notes = oracle.read(&book);
    assert_eq!(notes.len(), 3, "each once: {notes:?}");
    oracle.check(&notes, Course::Whole);
}

fn more_calls_than_there_is_room_for() {
    let (book, oracle) = (open_in_memory(), Oracle::default());
    // There is room for eight calls.
    let client = spawn(&book, &oracle, |book, oracle| {
        oracle.write_all(book, &[1, 2, 3, 4, 6]);
        block_on(book.ready()).expect("room is given back");
    });
    oracle.write_all(&book, &[11, 12, 13, 14, 16]);
    block_on(book.ready()).expect("room is given back");
    join([client]);
    // Now there is room for all of it, however many were refused; a reply is sent before its room is given back.
    block_on(book.ready()).expect("room is given back");
    assert!(oracle.write_all(&book, &[21, 22]));
    block_on(book.close()).expect("nothing failed");
    let notes = oracle.read(&book);
    assert!(notes.len() >= 10, "as many as there is room for, and two: {notes:?}");
    oracle.check(&notes, Course::Whole);
}

fn a_subscriber_and_a_watch() {
    let (book, oracle) = (open_in_memory(), Oracle::default());
    let (told, watched) = (book.clone(), book.clone());
    let events = thread::spawn(move || {
        let mut events = told.events(Position::new(1));
        drop(told);
        let mut all = Vec::new();
        while let Some(event) = block_on(events.next()) {
            all.push(event.expect("it can be read").1);
        }
        all
    });
    let answers = thread::spawn(move || {
        let mut watch = watched.watch(|book| book.all());
        drop(watched);
        let mut last = Vec::new();
        while let Some(answer) = block_on(watch.next()) {
            let answer = answer.expect("it does not panic");
            assert!(answer.starts_with(&last), "{last:?}, then {answer:?}");
            last = answer;
        }
        last
    });
    let client = spawn(&book, &oracle, |book, oracle| {
        oracle.write_all(book, &[1, 5, 2]);
    });
    assert!(oracle.write(&book, 11));
    join([client]);
    block_on(book.close()).expect("nothing failed");
    let notes = oracle.read(&book);
    oracle.check(&notes, Course::Whole);
    assert_eq!(
        events.join().expect("it does not panic"),
        notes,
        "all events in their order, none of what was refused"
    );
    assert_eq!(answers.join().expect("it does not panic"), notes, "the last answer is of the last state");
}

fn snapshots_while_commands_come() {
    let (disk, oracle) = (FaultyDisk::new(), Oracle::default());
    let book = open_on(&disk);
    let clients = [
        spawn(&book, &oracle, |book, oracle| {
            assert!(oracle.write_all(book, &[1, 2]));
            let (before, told) = (oracle.read(book), oracle.told());
            let past = block_on(book.at(told).into_future()).expect("it was there");
            let then: Vec<u32> = past.read(|book| book.all());
            assert!(before.starts_with(&then) || then.starts_with(&before), "{before:?} and {then:?}");
        }),
        spawn(&book, &oracle, |book, oracle| {
            assert!(oracle.write(book, 11));
            let through = block_on(book.snapshot()).expect("the disk is whole");
            assert!(through <= book.position(), "what was applied");
        }),
    ];
    assert!(oracle.write(&book, 21));
    join(clients);
    block_on(book.close()).expect("nothing failed");
    let notes = oracle.read(&book);
    drop(book);
    let again = open_on(&disk.crash(1));
    assert_eq!(oracle.read(&again), notes, "it comes back, whatever the power did");
    block_on(again.close()).expect("nothing failed");
    oracle.check(&notes, Course::Whole);
}

fn a_disk_that_fails_in_the_middle() {
    let (disk, oracle) = (FaultyDisk::new(), Oracle::default());
    let book = open_on(&disk);
    match thread_rng().gen_range(0..2) {
        0 => disk.fail_sync(thread_rng().gen_range(1..5)),
        _ => disk.fail_write(thread_rng().gen_range(1..5)),
    }
    let clients = [
        spawn(&book, &oracle, |book, oracle| {
            oracle.write_all(book, &[1, 2]);
            oracle.write(book, 3);
        }),
        spawn(&book, &oracle, |book, oracle| {
            oracle.write(book, 11);
            read_twice(book, oracle);
        }),
    ];
    oracle.write_all(&book, &[21, 22]);
    join(clients);
    // The fault may come as late as here, or not at all.
    let _ = block_on(book.close());
    let applied = oracle.read(&book);
    oracle.check(&applied, Course::Failed);
    drop(book);
    let after = if thread_rng().gen_range(0..2) == 0 { disk.crash(1) } else { disk };
    after.mend();
    let again = open_on(&after);
    let notes = oracle.read(&again);
    block_on(again.close()).expect("nothing fails any more");
    oracle.check(&notes, Course::Failed);
}
