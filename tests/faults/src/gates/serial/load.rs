//! Many clients on an engine, what they were told, and what the journal says where they were not told.

use std::{
    collections::{HashMap, HashSet},
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use memstate::{Error, Refused, testing::disk::FaultyDisk};
use memstate_tests::random::Random;
use tempfile::TempDir;

use super::{
    check::{Call, Did, Operation, Reply},
    model::{CELLS, Cells, CellsClient, CellsCommand, CellsReply, Refusal, Sight},
};
use crate::{ensure, harness::Case};

/// How many clients send at once.
const CLIENTS: u64 = 80;

/// Where the journal is.
pub enum Place {
    Memory,
    Directory(Arc<TempDir>),
    Faulty(FaultyDisk),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Place::Memory => "a journal in memory",
            Place::Directory(_) => "files",
            Place::Faulty(_) => "a disk that fails",
        })
    }
}

/// What happens in a phase.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    None,
    /// This sync fails.
    Sync(u64),
    /// The power is off from this operation of the disk on.
    Power(u64),
}

impl Fault {
    pub fn random(random: &mut Random, load: &Load) -> Fault {
        match (&load.place, random.below(2)) {
            (Place::Faulty(_), 0) => Fault::Sync(1 + random.below(200)),
            (Place::Faulty(_), _) => Fault::Power(1 + random.below(400)),
            _ => Fault::None,
        }
    }
}

/// What a phase was.
pub struct Recorded {
    pub operations: Vec<Operation>,
    /// The position of the journal's last record.
    pub end: u64,
}

/// An engine and its clients.
pub struct Load {
    pub place: Place,
    client: CellsClient,
    /// Draws the moments, and the numbers of commands.
    clock: Arc<AtomicU64>,
    end: u64,
}

/// A command of which nobody was told what became of it.
struct Untold {
    number: u64,
    began: u64,
    calls: Vec<Call>,
}

/// What one client has.
#[derive(Default)]
struct Log {
    operations: Vec<Operation>,
    /// The number of each command that was told, with its position.
    told: Vec<(u64, u64)>,
    untold: Vec<Untold>,
    /// Commands of which was told that they did not happen.
    refused: Vec<u64>,
}

/// The position and the replies of commands, or which one was refused and why.
type Told = Result<(u64, Vec<CellsReply>), Error<(usize, Refusal)>>;

/// What ended a client's work.
enum End {
    /// The engine has stopped.
    Stopped,
    /// A promise was broken.
    Wrong(String),
}

impl Load {
    pub async fn open(place: Place, case: &Case<'_>) -> Result<Load, String> {
        let client = open(&place, case.seed).await?;
        Ok(Load { place, client, clock: Arc::default(), end: 0 })
    }

    /// Has the clients do so many operations, or fewer if the engine stops, and opens it again then.
    pub async fn phase(
        &mut self,
        case: &Case<'_>,
        random: &mut Random,
        operations: u64,
        fault: Fault,
    ) -> Result<Recorded, String> {
        match (&self.place, fault) {
            (Place::Faulty(disk), Fault::Sync(nth)) => disk.fail_sync(nth),
            (Place::Faulty(disk), Fault::Power(nth)) => disk.power_off_at(nth),
            _ => {}
        }
        let drops = random.below(4) == 0;
        let stopped = Arc::new(AtomicBool::new(false));
        let tasks: Vec<_> = (0..CLIENTS)
            .map(|_| {
                let (client, clock) = (self.client.clone(), Arc::clone(&self.clock));
                let (stopped, seed) = (Arc::clone(&stopped), random.below(u64::MAX));
                tokio::spawn(async move {
                    let mut one =
                        One { client, clock, random: Random::new(seed), log: Log::default(), drops };
                    for _ in 0..operations / CLIENTS {
                        if stopped.load(Ordering::Relaxed) {
                            break;
                        }
                        match one.operation().await {
                            Ok(()) => {}
                            Err(End::Stopped) => stopped.store(true, Ordering::Relaxed),
                            Err(End::Wrong(why)) => return Err(why),
                        }
                    }
                    Ok(one.log)
                })
            })
            .collect();
        let mut log = Log::default();
        for task in tasks {
            let one = task.await.map_err(|error| error.to_string())??;
            log.operations.extend(one.operations);
            log.told.extend(one.told);
            log.untold.extend(one.untold);
            log.refused.extend(one.refused);
        }
        // Behind everything that is still on its way.
        let clock = Arc::clone(&self.clock);
        let mut last = One { client: self.client.clone(), clock, random: Random::new(1), log, drops: false };
        let was_stopped = match last.command(0).await {
            Ok(()) => false,
            Err(End::Stopped) => true,
            Err(End::Wrong(why)) => return Err(why),
        };
        let mut log = last.log;
        drop(last.client);
        if let Place::Faulty(disk) = &self.place {
            disk.mend();
        }
        if was_stopped {
            ensure!(fault != Fault::None, "the engine has stopped by itself");
            let _ = self.client.close().await;
            if let (Place::Faulty(disk), Fault::Power(_)) = (&mut self.place, fault) {
                *disk = disk.crash(random.below(u64::MAX));
                case.run.fact("crashes", 1);
            } else {
                case.run.fact("failed syncs", 1);
            }
            self.client = open(&self.place, case.seed).await?;
        }
        let start = std::mem::replace(&mut self.end, self.client.position().get());
        if was_stopped || !log.untold.is_empty() {
            case.run.fact("unknown outcomes, resolved by the journal", log.untold.len() as u64);
            self.resolve(start, &mut log).await?;
        }
        let queries = log.operations.iter().filter(|it| !matches!(it.did, Did::Command { .. })).count();
        case.run.fact("queries", queries as u64);
        case.run.fact("commands", (log.operations.len() - queries) as u64);
        Ok(Recorded { operations: log.operations, end: self.end })
    }

    /// Finds what was not told in the journal, and that what was told is there.
    async fn resolve(&self, start: u64, log: &mut Log) -> Result<(), String> {
        let mut found = HashMap::new();
        let mut history = self.client.history(start + 1..=self.end).without_events();
        while let Some(record) = history.next().await {
            let record = record.map_err(|error| error.to_string())?;
            let number = record.calls().next().and_then(|(_, arguments)| arguments.get("number")?.as_u64());
            let number = number.ok_or_else(|| format!("a record that nobody sent: {record:?}"))?;
            let was = found.insert(number, record.position.get());
            ensure!(was.is_none(), "command {number} is in the journal twice: {record:?}");
        }
        for (number, position) in &log.told {
            let at = found.remove(number);
            ensure!(
                at == Some(*position),
                "command {number} had position {position}, and the journal has {at:?}"
            );
        }
        for Untold { number, began, calls } in log.untold.drain(..) {
            if let Some(position) = found.remove(&number) {
                let did = Did::Command { position, calls, reply: Reply::Untold };
                log.operations.push(Operation { began, ended: u64::MAX, did });
            }
        }
        let refused: HashSet<_> = log.refused.iter().collect();
        match found.into_iter().next() {
            Some((number, at)) if refused.contains(&number) => {
                Err(format!("command {number} was told not to have happened, and is in the journal at {at}"))
            }
            Some((number, at)) => {
                Err(format!("nobody sent command {number}, which is in the journal at {at}"))
            }
            None => Ok(()),
        }
    }

    /// Closes it and opens it again, or writes a snapshot, or nothing.
    pub async fn between(&mut self, case: &Case<'_>, random: &mut Random) -> Result<(), String> {
        if random.below(3) == 0 {
            self.client.snapshot().await.map_err(|error| error.to_string())?;
            case.run.fact("snapshots", 1);
        }
        if !matches!(self.place, Place::Memory) && random.below(2) == 0 {
            self.client.close().await.map_err(|error| error.to_string())?;
            self.client = open(&self.place, case.seed).await?;
            case.run.fact("restarts", 1);
        }
        Ok(())
    }

    pub fn cells(&self) -> Vec<u64> {
        self.client.read(Cells::all)
    }

    pub async fn close(self) -> Result<(), String> {
        self.client.close().await.map_err(|error| error.to_string())
    }
}

async fn open(place: &Place, seed: u64) -> Result<CellsClient, String> {
    let open = match place {
        Place::Memory => memstate::open::<Cells>("memory:"),
        Place::Directory(dir) => memstate::open::<Cells>(dir.path()).snapshot_every(10_000),
        Place::Faulty(disk) => memstate::open::<Cells>("/cells").on_disk(Arc::new(disk.clone())),
    };
    let open = match seed % 2 {
        0 => open.snapshot_every(7_000).segment_bytes(1 << 20),
        _ => open.no_snapshot_on_close(),
    };
    open.await.map_err(|error| error.to_string())
}

/// A client that does one thing after another.
struct One {
    client: CellsClient,
    clock: Arc<AtomicU64>,
    random: Random,
    log: Log,
    /// Whether it drops a call now and then, before it was answered.
    drops: bool,
}

impl One {
    fn now(&self) -> u64 {
        self.clock.fetch_add(1, Ordering::SeqCst)
    }

    fn cell(&mut self) -> u8 {
        self.random.below(CELLS.into()) as u8
    }

    async fn operation(&mut self) -> Result<(), End> {
        match self.random.below(100) {
            0..25 => self.get().await,
            25..50 => {
                self.look();
                Ok(())
            }
            50..54 => {
                let began = self.now();
                let did = Did::Position(self.client.position().get());
                self.done(began, did);
                Ok(())
            }
            kind => self.command(kind).await,
        }
    }

    fn done(&mut self, began: u64, did: Did) {
        let ended = self.now();
        self.log.operations.push(Operation { began, ended, did });
    }

    async fn get(&mut self) -> Result<(), End> {
        let cell = self.cell();
        let began = self.now();
        let (last, value) = match self.client.get(cell).await {
            Ok(got) => got,
            Err(Error::Stopped(_)) => return Err(End::Stopped),
            Err(error) => return Err(End::Wrong(format!("a query gave {error:?}"))),
        };
        let saw = Sight { last, values: [value; 2], sum: 0 };
        self.done(began, Did::Query { cells: [cell; 2], saw, sum: false });
        Ok(())
    }

    fn look(&mut self) {
        let cells = [self.cell(), self.cell()];
        let began = self.now();
        let saw = self.client.read(|model| model.sight(cells));
        self.done(began, Did::Query { cells, saw, sum: true });
    }

    fn call(&mut self) -> Call {
        let (cell, other, number) = (self.cell(), self.cell(), self.random.below(100));
        match self.random.below(4) {
            0 => Call::Put { cell, value: number },
            1 => Call::Add { cell, more: number },
            2 => Call::Swap {
                cell,
                expected: self.client.read(|model| model.sight([cell; 2])).values[0],
                value: number,
            },
            _ => Call::Transfer { from: cell, to: other, amount: number * 3 },
        }
    }

    /// Sends a command, or several as an atomic batch.
    async fn command(&mut self, kind: u64) -> Result<(), End> {
        let count = if kind >= 92 { 2 + self.random.below(3) } else { 1 };
        let calls: Vec<_> = (0..count).map(|_| self.call()).collect();
        let began = self.now();
        // No other command begins at this moment.
        let number = began;
        if count > 1 {
            let batch = self.client.atomically(calls.iter().map(|call| by_hand(number, *call)));
            let told = batch.with_position().await.map(|(position, replies)| (position.get(), replies));
            return self.told(began, calls, told.map_err(in_batch));
        }
        if self.drops && self.random.below(100) == 0 {
            drop(self.client.execute(by_hand(number, calls[0])));
            self.log.untold.push(Untold { number, began, calls });
            return Ok(());
        }
        let one = |position: memstate::Position, (at, value)| (position.get(), vec![plain(at, value)]);
        let told = match calls[0] {
            Call::Put { cell, value } => {
                let told = self.client.put(number, cell, value).with_position().await;
                told.map(|(position, told)| one(position, told))
                    .map_err(|error| error.map(|never| match never {}))
            }
            Call::Add { cell, more } => {
                let told = self.client.add(number, cell, more).with_position().await;
                told.map(|(position, told)| one(position, told))
                    .map_err(|error| error.map(|never| match never {}))
            }
            Call::Swap { cell, expected, value } => {
                let told = self.client.swap(number, cell, expected, value).with_position().await;
                told.map(|(position, told)| one(position, told)).map_err(|error| error.map(|why| (0, why)))
            }
            Call::Transfer { from, to, amount } => {
                let told = self.client.transfer(number, from, to, amount).with_position().await;
                told.map(|(position, told)| one(position, told)).map_err(|error| error.map(|why| (0, why)))
            }
        };
        self.told(began, calls, told)
    }

    /// Notes what a command was answered.
    fn told(&mut self, began: u64, calls: Vec<Call>, told: Told) -> Result<(), End> {
        let number = began;
        let (position, reply) = match told {
            Ok((position, replies)) => {
                let mut values = Vec::new();
                for reply in replies {
                    let (CellsReply::Put(told)
                    | CellsReply::Add(told)
                    | CellsReply::Swap(Ok(told))
                    | CellsReply::Transfer(Ok(told))) = reply
                    else {
                        return Err(End::Wrong(format!(
                            "a refusal among the replies of what was accepted: {calls:?}"
                        )));
                    };
                    if told.0 != position {
                        let why = format!(
                            "the reply of another command: it ran at {}, and the reply is of {position}: {calls:?}",
                            told.0
                        );
                        return Err(End::Wrong(why));
                    }
                    values.push(told.1);
                }
                (position, Reply::Accepted(values))
            }
            Err(Error::Rejected((index, Refusal { at, found }))) => (at, Reply::Refused(index, found)),
            Err(Error::OutcomeUnknown(_)) => {
                self.log.untold.push(Untold { number, began, calls });
                return Err(End::Stopped);
            }
            Err(Error::Stopped(_)) => {
                self.log.refused.push(number);
                return Err(End::Stopped);
            }
            Err(error) => return Err(End::Wrong(format!("{error:?} of {calls:?}"))),
        };
        self.log.told.push((number, position));
        self.done(began, Did::Command { position, calls, reply });
        Ok(())
    }
}

/// A reply as any of those that say where and what.
fn plain(at: u64, value: u64) -> CellsReply {
    CellsReply::Put((at, value))
}

fn by_hand(number: u64, call: Call) -> CellsCommand {
    match call {
        Call::Put { cell, value } => CellsCommand::Put { number, cell, value },
        Call::Add { cell, more } => CellsCommand::Add { number, cell, more },
        Call::Swap { cell, expected, value } => CellsCommand::Swap { number, cell, expected, value },
        Call::Transfer { from, to, amount } => CellsCommand::Transfer { number, from, to, amount },
    }
}

/// Where and why a batch was refused.
fn in_batch(error: Error<Refused<CellsReply>>) -> Error<(usize, Refusal)> {
    error.map(|Refused { index, reply }| match reply {
        CellsReply::Swap(Err(why)) | CellsReply::Transfer(Err(why)) => (index, why),
        // A position that no command has: the check says so.
        _ => (index, Refusal { at: 0, found: 0 }),
    })
}
