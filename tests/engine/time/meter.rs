//! A model that counts how often its commands are run, replays included, and can make them wait.

use std::sync::{
    Condvar, Mutex,
    atomic::{AtomicU64, Ordering},
};

/// One for each test that wants one.
pub static METERS: [Meter; 8] = [const { Meter::new() }; 8];

#[derive(Default)]
pub struct Meter {
    runs: AtomicU64,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    closed: bool,
    /// How many commands wait at the gate, and the most that ever did.
    waiting: usize,
    most: usize,
}

impl Meter {
    const fn new() -> Self {
        let state = State { closed: false, waiting: 0, most: 0 };
        Meter { runs: AtomicU64::new(0), state: Mutex::new(state), changed: Condvar::new() }
    }

    /// How many commands were run since the last call.
    pub fn take(&self) -> u64 {
        self.runs.swap(0, Ordering::SeqCst)
    }

    pub fn close(&self) {
        self.state.lock().unwrap().closed = true;
    }

    pub fn open(&self) {
        self.state.lock().unwrap().closed = false;
        self.changed.notify_all();
    }

    /// Comes back when this many commands wait at the gate.
    pub fn wait_for(&self, waiting: usize) {
        let state = self.state.lock().unwrap();
        drop(self.changed.wait_while(state, |state| state.waiting < waiting).unwrap());
    }

    /// The most commands that ever waited at the gate at once.
    pub fn most(&self) -> usize {
        self.state.lock().unwrap().most
    }

    fn pass(&self) {
        self.runs.fetch_add(1, Ordering::SeqCst);
        let mut state = self.state.lock().unwrap();
        if state.closed {
            state.waiting += 1;
            state.most = state.most.max(state.waiting);
            self.changed.notify_all();
            state = self.changed.wait_while(state, |state| state.closed).unwrap();
            state.waiting -= 1;
        }
    }
}

#[memstate::model]
#[derive(Default, Debug)]
pub struct Metered {
    pub steps: u64,
}

#[memstate::model(events = u64)]
impl Metered {
    pub fn step(&mut self, ctx: &mut memstate::Ctx<u64>, meter: usize) -> u64 {
        METERS[meter].pass();
        self.steps += 1;
        ctx.emit(self.steps);
        self.steps
    }
}

/// Runs `count` steps.
pub async fn steps(model: &MeteredClient, meter: usize, count: u64) {
    let calls: Vec<_> = (0..count).map(|_| model.step(meter)).collect();
    for call in calls {
        call.await.unwrap();
    }
}
