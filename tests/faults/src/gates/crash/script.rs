//! The life of a journal: processes one after another, all from one seed, up to any operation of the disk.

use memstate::testing::disk::FaultyDisk;
use memstate_tests::random::Random;

use super::{
    book::{Call, Sent},
    oracle::Oracle,
    process::{Process, Settings},
};

/// Some processes, one after another.
pub struct Script {
    pub seed: u64,
    pub processes: u64,
    pub steps: u64,
}

/// What a script has left.
pub struct Left {
    pub disk: FaultyDisk,
    pub oracle: Oracle,
    /// How many operations of the disk it took.
    pub operations: u64,
    /// What it was doing.
    pub during: During,
    /// How many processes in a row have now ended while they opened it.
    pub deaths: u64,
}

/// Two processes in a row may end while they open the journal. After the third, a record that each of them was about to apply,
/// alone, counts as what has ended them, and is left out; see `memstate/src/engine/attempts.rs`.
pub const DEATHS_MAX: u64 = 2;

/// Where the power went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum During {
    Opening,
    Running,
    Snapshot,
    Closing,
    /// It did not.
    Nothing,
}

/// How a process ends.
#[derive(Debug, Clone, Copy)]
enum End {
    Close,
    /// It is gone at a quiet moment; what it wrote can still be read.
    Gone,
    /// It is killed at an operation of the disk.
    Killed(u64),
    /// The power fails.
    Crash,
    CrashAt(u64),
}

impl Script {
    pub fn random(random: &mut Random) -> Script {
        Script { seed: random.below(u64::MAX), processes: 2 + random.below(4), steps: 3 + random.below(8) }
    }

    /// Runs it, up to an operation of the disk.
    ///
    /// # Errors
    ///
    /// What went wrong that must not, whatever the disk did.
    pub fn run(&self, until: Option<u64>) -> Result<Left, String> {
        let mut random = Random::new(self.seed);
        let mut disk = FaultyDisk::new();
        disk.keep_older();
        let mut oracle = Oracle::default();
        let (mut spent, mut deaths) = (0, 0);
        for number in 0..self.processes {
            let end = match random.below(8) {
                0 | 1 => End::Close,
                2 => End::Gone,
                3 | 4 => End::Killed(1 + random.below(25)),
                5 => End::Crash,
                _ => End::CrashAt(1 + random.below(25)),
            };
            let of_process = match end {
                End::Killed(at) | End::CrashAt(at) if deaths < DEATHS_MAX => at,
                _ => u64::MAX,
            };
            let left = until.map_or(u64::MAX, |until| until - spent);
            let before = disk.operations().all;
            let limit = left.min(of_process);
            if limit < u64::MAX {
                disk.power_off_at(limit);
            }
            let seed = random.below(u64::MAX);
            let mut life = Life {
                disk: &disk,
                oracle: &mut oracle,
                random: Random::new(seed),
                off: before.saturating_add(limit),
            };
            let during = life.run(self.steps, number + 1 == self.processes || matches!(end, End::Close))?;
            let took = disk.operations().all.min(before.saturating_add(limit)) - before;
            spent += took;
            deaths = if during == During::Opening { deaths + 1 } else { 0 };
            if took == left {
                return Ok(Left { disk, oracle, operations: spent, during, deaths });
            }
            match end {
                End::Crash | End::CrashAt(_) => disk = disk.crash(random.below(u64::MAX)),
                End::Close | End::Gone | End::Killed(_) => disk.mend(),
            }
        }
        Ok(Left { disk, oracle, operations: spent, during: During::Nothing, deaths })
    }
}

/// One process.
struct Life<'a> {
    disk: &'a FaultyDisk,
    oracle: &'a mut Oracle,
    random: Random,
    /// The last operation of the disk.
    off: u64,
}

impl Life<'_> {
    fn is_off(&self) -> bool {
        self.disk.operations().all >= self.off
    }

    /// Opens, does some steps, and closes if it is to; gives where the power went.
    fn run(&mut self, steps: u64, closes: bool) -> Result<During, String> {
        let settings = Settings::random(&mut self.random);
        let mut process = match Process::open(self.disk, settings, self.random.below(u64::MAX)) {
            Ok(process) => process,
            Err(_) if self.is_off() => return Ok(During::Opening),
            Err(error) => return Err(format!("it does not open: {error}")),
        };
        let position = process.look(self.oracle)?;
        self.oracle.may_end(position)?;
        self.oracle.recovered(position);
        for _ in 0..steps {
            let mut during = During::Running;
            match self.random.below(12) {
                0..=3 => {
                    for _ in 0..1 + self.random.below(3) {
                        process.call(sent(&mut self.random, &process, self.oracle));
                    }
                    if self.random.below(3) > 0 {
                        process.write(self.oracle);
                    }
                }
                4 | 5 => process.write(self.oracle),
                6 | 7 => process.apply(),
                8 => process.settle(self.oracle),
                9 | 10 => process.idle(self.oracle),
                _ => {
                    during = During::Snapshot;
                    match process.snapshot(self.oracle) {
                        Err(why) if !self.is_off() => return Err(why),
                        _ => {}
                    }
                }
            }
            if self.is_off() {
                process.last_words(self.oracle)?;
                return Ok(during);
            }
            process.hear(self.oracle)?;
        }
        if closes {
            match process.close(self.oracle) {
                Err(why) if !self.is_off() => return Err(why),
                _ if self.is_off() => return Ok(During::Closing),
                _ => {}
            }
        }
        Ok(During::Nothing)
    }
}

/// Something to call.
pub fn sent(random: &mut Random, process: &Process, oracle: &Oracle) -> Sent {
    if random.below(6) == 0
        && let Some(again) = oracle.request(random)
    {
        let mut again = again.clone();
        if random.below(5) == 0 {
            again.calls = vec![Call::Add(9, random.below(100))];
            again.is_batch = false;
        }
        return again;
    }
    let is_batch = random.below(6) == 0;
    let calls = (0..if is_batch { 1 + random.below(3) } else { 1 }).map(|_| call(random)).collect();
    let request = (random.below(3) == 0).then(|| process.client().new_request());
    Sent { calls, is_batch, request }
}

fn call(random: &mut Random) -> Call {
    let (line, amount) = (random.below(4) as u16, random.below(100));
    match random.below(12) {
        0..=3 => Call::Add(line, amount),
        4 | 5 => Call::Take(line, amount),
        6 => Call::Fail(line),
        9 | 10 => Call::Write(1000 + random.below(3000) as usize, amount as u8),
        // Of a sector, of several, and about as long as one.
        7 => Call::Write(random.below(300) as usize, amount as u8),
        8 => Call::Write(340 + random.below(120) as usize, amount as u8),
        _ => Call::Write(600 + random.below(1200) as usize, amount as u8),
    }
}
