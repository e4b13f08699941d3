//! A model with commands that end the process in every way that there is.

use std::{
    env, fs, hint, io,
    path::Path,
    process,
    sync::atomic::{AtomicBool, Ordering},
    thread::{self, panicking},
    time::Duration,
};

use serde::{Deserialize, Deserializer, Serialize};

/// Names the file that says that a command has run before.
pub const MARKER: &str = "MEMSTATE_FAULTS_MARKER";

/// Whether this process holds its engine up. It does so to have what it sends in the journal before any of it runs; a replay does not.
pub static HOLDS: AtomicBool = AtomicBool::new(false);

/// What a command does to its process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Deed {
    Panic,
    /// Its argument panics when it is dropped.
    PanicInDrop,
    /// And it is dropped because of a panic: the process aborts.
    PanicInDropWhileUnwinding,
    Overflow,
    /// One allocation that no machine has.
    HugeAllocation,
    /// Allocations until there is nothing left.
    Exhaustion,
    Loop,
    /// A loop that holds the locks of stdout and stderr.
    LoopWithLocks,
    LoopInDrop,
    LoopInDeserialize,
    Exit,
    Abort,
    /// Nothing the first time, and an end the second.
    AbortAgain,
    /// The same, and a loop.
    LoopAgain,
}

impl Deed {
    /// Whether it takes a time limit to end the process.
    pub fn is_loop(self) -> bool {
        matches!(
            self,
            Deed::Loop | Deed::LoopWithLocks | Deed::LoopInDrop | Deed::LoopInDeserialize | Deed::LoopAgain
        )
    }
}

/// A deed, as an argument.
#[derive(Debug, Clone, Serialize)]
pub struct Charge(Deed, u64);

/// What no sample has with which the types of the model are traced.
const FUSE: u64 = 0x5eed_f0f0_1234_5678;

impl Charge {
    pub fn new(deed: Deed) -> Self {
        Charge(deed, FUSE)
    }
}

impl<'de> Deserialize<'de> for Charge {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (deed, fuse) = Deserialize::deserialize(deserializer)?;
        if (deed, fuse) == (Deed::LoopInDeserialize, FUSE) && is_engines() {
            endless();
        }
        Ok(Charge(deed, fuse))
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        match self.0 {
            _ if self.1 != FUSE => {}
            Deed::PanicInDrop if is_engines() && !panicking() => panic!("on purpose, in a destructor"),
            Deed::PanicInDropWhileUnwinding if panicking() => {
                panic!("on purpose, in a destructor that unwinds")
            }
            Deed::LoopInDrop if is_engines() => endless(),
            _ => {}
        }
    }
}

#[memstate::model]
#[derive(Debug, Default)]
pub struct Service {
    pub ids: memstate::collections::BTreeSet<u64>,
}

#[memstate::model]
impl Service {
    /// An innocent command.
    pub fn put(&mut self, id: u64) -> u64 {
        self.ids.insert(id);
        self.ids.len() as u64
    }

    /// Changes nothing, and does not end before it may.
    #[memstate(deterministic)]
    pub fn hold(&mut self) -> u64 {
        while HOLDS.load(Ordering::Acquire) {
            thread::sleep(Duration::from_millis(1));
        }
        0
    }

    pub fn detonate(&mut self, id: u64, charge: Charge) -> u64 {
        // What it has changed must not be seen when it is left out.
        self.ids.insert(id);
        do_deed(charge.0);
        id
    }
}

/// Whether this is a thread on which an engine runs commands, and not one that sends them.
fn is_engines() -> bool {
    thread::current().name().is_some_and(|name| name.starts_with("memstate-"))
}

fn do_deed(deed: Deed) {
    match deed {
        Deed::Panic | Deed::PanicInDropWhileUnwinding => panic!("on purpose"),
        Deed::PanicInDrop | Deed::LoopInDrop | Deed::LoopInDeserialize => {}
        Deed::Overflow => drop(hint::black_box(recurse(0))),
        Deed::HugeAllocation => drop(hint::black_box(Vec::<u8>::with_capacity(1 << 46))),
        Deed::Exhaustion => exhaust(),
        Deed::Loop => endless(),
        Deed::LoopWithLocks => {
            let _locks = (io::stdout().lock(), io::stderr().lock());
            endless();
        }
        Deed::Exit => process::exit(0),
        Deed::Abort => process::abort(),
        Deed::AbortAgain if has_run_before() => process::abort(),
        Deed::LoopAgain if has_run_before() => endless(),
        Deed::AbortAgain | Deed::LoopAgain => {}
    }
}

fn endless() -> ! {
    loop {
        hint::spin_loop();
    }
}

#[allow(unconditional_recursion, reason = "it is here to end the process")]
fn recurse(depth: u64) -> u64 {
    let block = hint::black_box([depth; 1024]);
    recurse(depth + 1) + block[0]
}

fn exhaust() {
    let mut taken = Vec::new();
    loop {
        taken.push(hint::black_box(vec![1u8; 4 << 20]));
    }
}

fn has_run_before() -> bool {
    let Some(marker) = env::var_os(MARKER) else { return false };
    let has = Path::new(&marker).exists();
    fs::write(&marker, "").expect("the marker can be written");
    has
}
