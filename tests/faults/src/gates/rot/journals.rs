//! The journals that are damaged: of each way in which one may be left.

use std::path::PathBuf;

use memstate::testing::disk::FaultyDisk;
use memstate_tests::random::Random;

use crate::gates::crash::{
    book::{Call, Sent},
    oracle::Oracle,
    process::{Process, Settings},
    sectors::last_group,
};

/// How a journal was left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Closed, in several segments.
    Closed,
    /// Its process is gone; the last batch was confirmed by an empty one.
    Confirmed,
    /// Its process is gone; nothing comes after the last batch.
    Unconfirmed,
    /// A crash has cut the last batch, and what is before it was answered.
    Torn,
    /// With snapshots, and records after them.
    Snapshots,
    /// One segment, closed.
    Small,
    /// A recovery was cut off while it applied the tail: it has marked what it was about to apply.
    Attempt,
}

pub const KINDS: [Kind; 7] = [
    Kind::Closed,
    Kind::Confirmed,
    Kind::Unconfirmed,
    Kind::Torn,
    Kind::Snapshots,
    Kind::Small,
    Kind::Attempt,
];

/// A journal, and what it holds.
pub struct Journal {
    pub disk: FaultyDisk,
    pub oracle: Oracle,
    /// What files held at earlier moments.
    pub versions: Vec<(PathBuf, Vec<u8>)>,
}

impl Kind {
    /// Whether the last batch may be lost without a trace.
    pub fn is_unconfirmed(self) -> bool {
        matches!(self, Kind::Unconfirmed | Kind::Snapshots | Kind::Attempt)
    }

    /// Makes one.
    pub fn journal(self, random: &mut Random) -> Result<Journal, String> {
        let disk = FaultyDisk::new();
        disk.keep_older();
        let mut making = Making {
            disk,
            oracle: Oracle::default(),
            versions: Vec::new(),
            random: Random::new(random.below(u64::MAX)),
        };
        match self {
            Kind::Small => making.process(2, None, true)?,
            _ => {
                making.process(3, None, self == Kind::Snapshots)?;
                making.process(3, (self == Kind::Snapshots).then_some(1), true)?;
            }
        }
        match self {
            Kind::Closed | Kind::Small => {}
            Kind::Confirmed => making.leave(true)?,
            Kind::Unconfirmed | Kind::Snapshots => making.leave(false)?,
            Kind::Torn => making.tear()?,
            Kind::Attempt => {
                making.leave(false)?;
                making.mark()?;
            }
        }
        let Making { disk, oracle, versions, .. } = making;
        Ok(Journal { disk: disk.fork(), oracle, versions })
    }
}

struct Making {
    disk: FaultyDisk,
    oracle: Oracle,
    versions: Vec<(PathBuf, Vec<u8>)>,
    random: Random,
}

impl Making {
    fn settings(&self, snapshot_on_close: bool) -> Settings {
        Settings { segment_bytes: 5 << 10, fill_bytes: 512, snapshots: 2, snapshot_on_close }
    }

    fn open(&mut self, settings: Settings) -> Result<Process, String> {
        Process::open(&self.disk, settings, self.random.below(u64::MAX)).map_err(|error| error.to_string())
    }

    /// Notes what the files hold.
    fn note(&mut self) {
        for path in self.disk.files() {
            if let Some(bytes) = self.disk.bytes(&path)
                && !self.versions.iter().any(|(at, held)| (at, held) == (&path, &bytes))
            {
                self.versions.push((path, bytes));
            }
        }
    }

    /// Calls, and hears the answers.
    fn calls(&mut self, process: &mut Process, count: u64) -> Result<(), String> {
        for number in 0..count {
            let line = self.random.below(4) as u16;
            let calls = match (number + self.random.below(2)) % 5 {
                0 => vec![Call::Add(line, self.random.below(50))],
                1 => vec![Call::Write(300 + self.random.below(900) as usize, line as u8)],
                2 => vec![Call::Take(line, self.random.below(99))],
                3 => vec![Call::Add(line, 7), Call::Take(line, 3)],
                _ => vec![Call::Fail(line)],
            };
            let request = (self.random.below(2) == 0).then(|| process.client().new_request());
            process.call(Sent { is_batch: calls.len() > 1, calls, request });
            process.settle(&mut self.oracle);
            process.hear(&mut self.oracle)?;
            self.note();
        }
        Ok(())
    }

    fn process(
        &mut self,
        calls: u64,
        snapshot_after: Option<u64>,
        snapshot_on_close: bool,
    ) -> Result<(), String> {
        let mut process = self.open(self.settings(snapshot_on_close))?;
        if let Some(before) = snapshot_after {
            self.calls(&mut process, before)?;
            process.snapshot(&mut self.oracle)?;
        }
        self.calls(&mut process, calls)?;
        process.close(&mut self.oracle)?;
        self.note();
        Ok(())
    }

    fn leave(&mut self, confirms: bool) -> Result<(), String> {
        let mut process = self.open(self.settings(false))?;
        self.calls(&mut process, 3)?;
        if confirms {
            process.idle(&mut self.oracle);
            self.note();
        }
        Ok(())
    }

    /// A crash while a batch of several sectors is written.
    fn tear(&mut self) -> Result<(), String> {
        self.leave(false)?;
        let known = self.oracle.known;
        for nth in 1..20 {
            let disk = self.disk.fork();
            let mut oracle = self.oracle.clone();
            let mut process =
                Process::open(&disk, self.settings(false), 1).map_err(|error| error.to_string())?;
            process.call(Sent { calls: vec![Call::Write(1700, 3)], is_batch: false, request: None });
            disk.power_off_at(nth);
            process.write(&mut oracle);
            drop(process);
            for seed in 0..40 {
                let image = disk.crash(seed);
                if last_group(&image).is_some_and(|last| last.is_batch && !last.is_whole) {
                    oracle.recovered(known);
                    (self.disk, self.oracle) = (image, oracle);
                    self.note();
                    return Ok(());
                }
            }
        }
        Err("no crash cuts a batch".to_owned())
    }

    /// A crash of the recovery when it has marked what it is about to apply.
    fn mark(&mut self) -> Result<(), String> {
        let known = self.oracle.known;
        for nth in 1..20 {
            let disk = self.disk.fork();
            disk.power_off_at(nth);
            let opened = Process::open(&disk, self.settings(false), 1);
            let image = disk.images(1, 0).next().ok_or("there is no image")?;
            let is_marked = image
                .files()
                .iter()
                .any(|path| path.ends_with("attempt") && image.bytes(path).is_some_and(|it| !it.is_empty()));
            if opened.is_err() && is_marked {
                self.oracle.known = known;
                self.disk = image;
                self.note();
                return Ok(());
            }
        }
        Err("no attempt is marked".to_owned())
    }
}
