//! A process that has the book open: it calls, writes, applies, and may end at any operation of the disk.

use std::{
    future::Future,
    path::Path,
    pin::{Pin, pin},
    sync::{Arc, Once},
    task::{Context, Poll, Waker},
};

use memstate::{
    Client, Open, OpenError, Retention, Timestamp, testing::Simulated, testing::disk::FaultyDisk,
};
use memstate_tests::random::Random;

use super::{
    book::{Answer, Book, Call, ON_PURPOSE, Sent},
    oracle::Oracle,
};
use crate::{ensure, harness};

/// The journal of these gates.
pub const DIR: &str = "/book";

/// How a process opens the book.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    pub segment_bytes: u64,
    pub fill_bytes: u64,
    pub snapshots: usize,
    pub snapshot_on_close: bool,
}

impl Settings {
    /// Segments of a few sectors.
    pub fn random(random: &mut Random) -> Settings {
        Settings {
            segment_bytes: [2 << 10, 3 << 10, 4 << 10, 8 << 10][random.below(4) as usize],
            fill_bytes: [512, 1024, 2048][random.below(3) as usize],
            snapshots: 1 + random.below(2) as usize,
            snapshot_on_close: random.below(2) == 0,
        }
    }

    fn open(self, disk: &FaultyDisk) -> Open<Book> {
        let mut now = 0;
        let clock = move || {
            now += 1;
            Timestamp::from_micros(now)
        };
        let open = memstate::open::<Book>(DIR).on_disk(Arc::new(disk.clone())).clock(clock);
        let open = open.segment_bytes(self.segment_bytes).fill_bytes(self.fill_bytes, 2 * self.fill_bytes);
        let open = open.keep_snapshots(Retention::newest(self.snapshots));
        if self.snapshot_on_close { open } else { open.no_snapshot_on_close() }
    }
}

type Answering = Pin<Box<dyn Future<Output = Option<Answer>> + Send>>;

/// An open book, and the calls that are on their way.
pub struct Process {
    book: Simulated<Book>,
    queued: Vec<(Sent, Answering)>,
    /// By position.
    written: Vec<(u64, Answering)>,
}

impl Process {
    /// Opens the book.
    pub fn open(disk: &FaultyDisk, settings: Settings, seed: u64) -> Result<Process, OpenError> {
        quiet();
        let book = Simulated::open(settings.open(disk), seed)?;
        Ok(Process { book, queued: Vec::new(), written: Vec::new() })
    }

    pub fn client(&self) -> &Client<Book> {
        self.book.client()
    }

    pub fn position(&self) -> u64 {
        self.client().position().get()
    }

    /// That the state is right at its position, which it gives.
    pub fn look(&self, oracle: &Oracle) -> Result<u64, String> {
        let position = self.position();
        ensure!(position <= oracle.end(), "it is at {position}, and only {} were sent", oracle.end());
        let is_right = self.client().read(|book| oracle.state(position).is(book));
        ensure!(
            is_right,
            "the state at {position} is wrong: {} where {:?} is right",
            self.client().read(|book| format!("{book:?}")),
            oracle.state(position)
        );
        Ok(position)
    }

    /// Calls without waiting.
    pub fn call(&mut self, sent: Sent) {
        let client = match sent.request {
            Some(request) => self.client().with_request(request),
            None => self.book.client().clone(),
        };
        let mut commands = sent.calls.iter().map(Call::command);
        let answering: Answering = if sent.is_batch {
            let batch = client.atomically(commands);
            Box::pin(async { Answer::of_batch(batch.await) })
        } else {
            let call = client.execute(commands.next().expect("a record has a command"));
            Box::pin(async { Answer::of_one(call.await) })
        };
        self.queued.push((sent, answering));
    }

    /// What is queued will be in the journal with the next thing that is done.
    fn flush(&mut self, oracle: &mut Oracle) {
        let (sent, answering): (Vec<_>, Vec<_>) = self.queued.drain(..).unzip();
        let first = oracle.append(&sent);
        self.written.extend((first..).zip(answering));
    }

    pub fn write(&mut self, oracle: &mut Oracle) {
        self.flush(oracle);
        self.book.write();
    }

    pub fn apply(&mut self) {
        self.book.apply();
    }

    pub fn settle(&mut self, oracle: &mut Oracle) {
        self.flush(oracle);
        self.book.settle();
    }

    /// Confirms what is applied.
    pub fn idle(&mut self, oracle: &mut Oracle) {
        self.flush(oracle);
        self.book.idle();
    }

    pub fn snapshot(&mut self, oracle: &mut Oracle) -> Result<(), String> {
        self.flush(oracle);
        self.book.snapshot().map(drop).map_err(|error| format!("a snapshot: {error}"))
    }

    /// Closes it, and hears what its calls were answered.
    pub fn close(mut self, oracle: &mut Oracle) -> Result<(), String> {
        self.flush(oracle);
        let Process { book, mut written, .. } = self;
        let closed = book.close().map_err(|error| format!("closing: {error}"));
        hear(&mut written, oracle)?;
        ensure!(closed.is_err() || written.is_empty(), "it is closed, and a call was not answered");
        if closed.is_ok() {
            oracle.known = oracle.end();
        }
        closed
    }

    /// Hears answers and looks at the state; both are known from now on.
    pub fn hear(&mut self, oracle: &mut Oracle) -> Result<(), String> {
        hear(&mut self.written, oracle)?;
        let position = self.look(oracle)?;
        oracle.seen(position)
    }

    /// The power is off: what can be applied still is, and answered.
    pub fn last_words(&mut self, oracle: &mut Oracle) -> Result<(), String> {
        while self.book.apply() {}
        self.hear(oracle)
    }

    pub fn is_all_answered(&self) -> bool {
        self.written.is_empty()
    }

    /// What the journal says that each record was.
    pub fn history(&mut self) -> Result<Vec<memstate::RecordOutcome>, String> {
        let mut history = self.client().history(..).without_events();
        let mut outcomes = Vec::new();
        let mut tries = 0;
        loop {
            let next = poll(pin!(history.next()));
            match next {
                Poll::Ready(None) => return Ok(outcomes),
                Poll::Ready(Some(record)) => {
                    outcomes.push(record.map_err(|error| format!("the history: {error}"))?.outcome);
                }
                // It waits for the confirmation, and then for the thread that reads.
                Poll::Pending => {
                    self.book.idle();
                    std::thread::yield_now();
                    tries += 1;
                    ensure!(tries < 50_000_000, "the history does not come");
                }
            }
        }
    }
}

/// Hears what has been answered.
fn hear(written: &mut Vec<(u64, Answering)>, oracle: &mut Oracle) -> Result<(), String> {
    let mut left = Vec::new();
    for (position, mut answering) in written.drain(..) {
        match poll(answering.as_mut()) {
            Poll::Pending => left.push((position, answering)),
            Poll::Ready(None) => {}
            Poll::Ready(Some(answer)) => {
                let right = oracle.answer(position);
                ensure!(answer == *right, "{position} is answered {answer:?} and not {right:?}");
                oracle.seen(position)?;
            }
        }
    }
    *written = left;
    Ok(())
}

fn poll<F: Future + ?Sized>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// The path of a file of the journal.
pub fn is_segment(path: &Path) -> bool {
    path.extension().is_some_and(|it| it == "seg")
}

/// Lets commands panic on purpose without a word.
fn quiet() {
    static QUIET: Once = Once::new();
    QUIET.call_once(|| {
        let loud = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if !harness::message(panic.payload()).contains(ON_PURPOSE) {
                loud(panic);
            }
        }));
    });
}
