//! Commands that are not deterministic: each has to be noticed by a replay.

use std::{
    collections::HashSet,
    sync::atomic::{AtomicU64, Ordering},
    time::SystemTime,
};

use memstate::{
    OpenError,
    collections::Vec as List,
    testing::{Simulated, disk::FaultyDisk},
};

use super::shared;
use crate::harness::Run;

static CALLS: AtomicU64 = AtomicU64::new(0);

/// Where a command takes from what no journal has.
#[memstate::data]
#[derive(Debug, Copy)]
pub enum Source {
    /// A variable of the process.
    Static,
    /// Where something is in memory.
    Address,
    /// The order of std's hash collections.
    HashOrder,
    /// The clock.
    Clock,
}

/// Numbers from such a source.
#[memstate::model]
#[derive(Default)]
pub struct Leaky {
    numbers: List<u64>,
}

#[memstate::model]
impl Leaky {
    /// Keeps a number, and says nothing.
    #[memstate(deterministic)]
    pub fn keep(&mut self, source: Source) {
        self.numbers.push(number(source));
    }

    /// Says a number, and keeps nothing.
    #[memstate(deterministic)]
    pub fn say(&mut self, source: Source) -> u64 {
        number(source)
    }

    /// Refuses or does not.
    #[memstate(deterministic)]
    pub fn refuse(&mut self, source: Source) -> Result<(), String> {
        self.numbers.push(1);
        // One bit of it, in which every other one has a part.
        let bit = (number(source) | 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 63;
        if bit == 0 { Ok(()) } else { Err("odd".to_owned()) }
    }
}

fn number(source: Source) -> u64 {
    match source {
        Source::Static => CALLS.fetch_add(1, Ordering::Relaxed),
        // Never freed, so never the same.
        Source::Address => std::ptr::from_mut(Box::leak(Box::new([0_u8; 64]))) as u64 / 64,
        Source::HashOrder => {
            let some: HashSet<u64> = (0..16).collect();
            some.into_iter().fold(0, |seen, number| seen * 16 + number)
        }
        Source::Clock => SystemTime::UNIX_EPOCH.elapsed().map_or(0, |elapsed| elapsed.as_nanos() as u64),
    }
}

/// Has each of them journaled, and replays it.
pub fn is_noticed(run: &Run) -> Result<(), String> {
    for source in [Source::Static, Source::Address, Source::HashOrder, Source::Clock] {
        for kind in ["keep", "say", "refuse"] {
            let disk = FaultyDisk::new();
            let open = |disk: &FaultyDisk| {
                memstate::open::<Leaky>("/leaky").on_disk(shared(disk)).no_snapshot_on_close()
            };
            let mut leaky = Simulated::open(open(&disk), run.seed).map_err(|error| error.to_string())?;
            for _ in 0..24 {
                match kind {
                    "keep" => drop(leaky.client().keep(source)),
                    "say" => drop(leaky.client().say(source)),
                    _ => drop(leaky.client().refuse(source)),
                }
                leaky.settle();
            }
            leaky.close().map_err(|error| error.to_string())?;
            match Simulated::open(open(&disk).replay_all(), run.seed) {
                Err(OpenError::Diverged { .. }) => run.fact("planted sources of chance, all noticed", 1),
                Err(error) => return Err(format!("{source:?}, {kind}: {error}")),
                Ok(_) => return Err(format!("a replay did not notice that `{kind}` takes from {source:?}")),
            }
        }
    }
    Ok(())
}
