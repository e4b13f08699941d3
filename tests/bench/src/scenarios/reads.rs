//! `reads`: point queries a second, by one thread and by two, and while commands keep the engine as busy as they can.
//!
//! The reference is a `parking_lot::RwLock` around the `HashMap` of std, with the same accounts, asked for the same random ones:
//! of all 100,000, which is more than the cache next to a core holds, and of the first 1,000. Reads do not depend on each other, so a processor begins
//! the next while one waits for memory, if there is nothing in the way.
//!
//! *With a writer* means with one caller that keeps 4,096 transfers outstanding, which takes three threads: the caller's, the
//! journal's and the kernel's. On two cores a reader beside them has less than one core, so reads a second say how the
//! machine is shared as much as what the lock costs. Therefore there are two figures: reads in a second of the clock, and
//! reads in a second in which the reader had a core (where the system tells). A reader that waits for the lock has none meanwhile, so
//! only the first shows waiting, and only the second shows what is in the way of a reader that runs: lines of the cache that the kernel has
//! written to, and looks at a lock that is held. The bare map has a writer too, for comparison: one thread that encodes, writes and syncs batches of
//! 4,096 transfers, and applies them under the exclusive lock, for as long at a time as the engine does.
//!
//! No snapshots are made meanwhile, which would take a core of their own for a while.
//!
//! The latencies are of reads that come at moments which have nothing to do with the lock, some ten thousand a second. Among reads one right after the
//! other those that wait would be one in thousands, because nobody reads while he waits.

use std::{
    collections::HashMap,
    error::Error,
    fs::{self, OpenOptions},
    hint::black_box,
    io::Write,
    path::Path,
    sync::{
        Barrier,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use parking_lot::{RwLock, RwLockWriteGuard};

use super::{Rows, pipeline::Outstanding};
use crate::{
    bank::{ACCOUNTS, Account, BALANCE, Bank, BankClient, Transfer, Transfers},
    measure::{Aim, Better, Latencies, Row, rate, take_turns, timed},
    setting::Setting,
};

/// How many reads there are between two looks at the clock.
const CHUNK: usize = 1_024;
/// How many transfers a writer has on the way.
const OUTSTANDING: usize = 4_096;
/// How long the writer of the bare map holds the lock.
const SLICE: Duration = Duration::from_micros(200);
/// How long a reader sleeps that measures latencies.
const PAUSE: Duration = Duration::from_micros(50);

/// Makes [`CHUNK`] reads of random accounts.
type Chunk<'a> = &'a (dyn Fn(&mut Transfers) + Sync);

/// Writes until it is told to stop; says how many commands a second that were.
type Saturate<'a> = &'a (dyn Fn(&AtomicBool) -> Result<f64, Failed> + Sync);

type Failed = Box<dyn Error + Send + Sync>;
type Measured<T> = Result<T, Box<dyn Error>>;

/// What a round came to: reads a second of the clock and of a core, and the writer's commands a second.
#[derive(Default)]
struct Round {
    wall: f64,
    cpu: Option<f64>,
    commands: f64,
}

pub fn run(setting: &Setting) -> Rows {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let dir = setting.dir()?;
    let bank = runtime.block_on(async {
        let bank = memstate::open::<Bank>(dir.path().join("bank")).snapshot_every(0).await?;
        bank.open_accounts(ACCOUNTS, BALANCE).await?;
        Ok::<_, Box<dyn Error>>(bank)
    })?;
    let bare = Map::default();
    bare.write().extend((0..ACCOUNTS).map(|id| (id, Account { balance: BALANCE, transfers: 0 })));

    let typed = |ids: &mut Transfers| runtime.block_on(ask(&bank, ids, ACCOUNTS));
    let of_bare = |ids: &mut Transfers| look_at_bare(&bare, ids, ACCOUNTS);
    let mut rows = Vec::new();
    for (of, among) in [("", ACCOUNTS), ("_of_1000", 1_000)] {
        let bare = |ids: &mut Transfers| look_at_bare(&bare, ids, among);
        let typed = |ids: &mut Transfers| runtime.block_on(ask(&bank, ids, among));
        let row = against(setting, &format!("typed_query{of}"), (&typed, 1), "bare", (&bare, 1))?;
        rows.push(row.aims(Aim::Ratio(0.7)));
        let closure = |ids: &mut Transfers| look_at(&bank, ids, among);
        let row = against(setting, &format!("read_closure{of}"), (&closure, 1), "bare", (&bare, 1))?;
        rows.push(row.aims(Aim::Ratio(0.7)));
    }
    rows.push(against(setting, "two_threads", (&typed, 2), "one", (&typed, 1))?.aims(Aim::Ratio(1.8)));
    rows.push(against(setting, "bare_two_threads", (&of_bare, 2), "one", (&of_bare, 1))?);

    let write = |stop: &AtomicBool| write(&bank, stop);
    let mut with = with_writer(setting, "with_writer", &typed, &write)?;
    let wall = with.remove(0);
    with.insert(0, wall.aims(Aim::Ratio(0.5)));
    rows.extend(with);
    rows.extend(latencies(setting, "with_writer", &write, &|id| {
        black_box(bank.read(|bank| bank.accounts.get(&id).map(|account| account.balance)));
    })?);
    let log = setting.dir()?;
    let write = |stop: &AtomicBool| write_bare(&bare, log.path(), stop);
    rows.extend(with_writer(setting, "bare_with_writer", &of_bare, &write)?);
    rows.extend(latencies(setting, "bare_with_writer", &write, &|id| {
        black_box(bare.read().get(&id).map(|account| account.balance));
    })?);
    runtime.block_on(bank.close())?;
    Ok(rows)
}

async fn ask(bank: &BankClient, ids: &mut Transfers, among: u64) {
    for _ in 0..CHUNK {
        let id = ids.below(among);
        black_box(bank.balance(id).await.is_ok_and(|balance| balance.is_some()));
    }
}

fn look_at(bank: &BankClient, ids: &mut Transfers, among: u64) {
    for _ in 0..CHUNK {
        let id = ids.below(among);
        black_box(bank.read(|bank| bank.accounts.get(&id).map(|account| account.balance)));
    }
}

fn look_at_bare(map: &Map, ids: &mut Transfers, among: u64) {
    for _ in 0..CHUNK {
        let id = ids.below(among);
        black_box(map.read().get(&id).map(|account| account.balance));
    }
}

/// Reads by so many threads, in turns with others.
fn against(
    setting: &Setting,
    name: &str,
    (ours, ours_threads): (Chunk<'_>, usize),
    what: &'static str,
    (reference, reference_threads): (Chunk<'_>, usize),
) -> Measured<Row> {
    let (ours, reference) = take_turns(
        setting,
        &format!("reads, {name}"),
        || Ok(read(setting, ours_threads, ours).wall),
        || Ok(read(setting, reference_threads, reference).wall),
    )?;
    Ok(Row::against(name, "reads/s", Better::More, &ours, what, &reference))
}

/// The rows of reads beside a writer, against the same without: of the clock, of a core, and what the writer got done.
fn with_writer(setting: &Setting, name: &str, chunk: Chunk<'_>, write: Saturate<'_>) -> Measured<Vec<Row>> {
    let (with, without) = take_turns(
        setting,
        &format!("reads, {name}"),
        || {
            let (round, commands) = beside(write, || read(setting, 1, chunk))?;
            Ok(Round { commands, ..round })
        },
        || Ok(read(setting, 1, chunk)),
    )?;
    let of = |rounds: &[Round], figure: fn(&Round) -> f64| rounds.iter().map(figure).collect::<Vec<_>>();
    let wall = |rounds| of(rounds, |round| round.wall);
    let mut rows =
        vec![Row::against(name, "reads/s", Better::More, &wall(&with), "without", &wall(&without))];
    let cpu = |rounds: &[Round]| rounds.iter().map(|round| round.cpu).collect::<Option<Vec<_>>>();
    if let (Some(with), Some(without)) = (cpu(&with), cpu(&without)) {
        let name = format!("{name}_cpu");
        rows.push(Row::against(name, "reads/s of a core", Better::More, &with, "without", &without));
    }
    let commands = of(&with, |round| round.commands);
    rows.push(Row::alone(format!("{name}_commands"), "commands/s", &commands));
    Ok(rows)
}

/// The rows of how long reads take that come now and then, beside a writer.
fn latencies(
    setting: &Setting,
    name: &str,
    write: Saturate<'_>,
    look: &(dyn Fn(u64) + Sync),
) -> Measured<Vec<Row>> {
    let (mut p50, mut p99) = (Vec::new(), Vec::new());
    for round in 0..setting.rounds {
        setting.says(&format!("reads, {name}: latency, round {}", round + 1));
        let (mut all, _) = beside(write, || {
            let (mut ids, mut all) = (Transfers::new(ACCOUNTS, round as u64), Latencies::default());
            let began = Instant::now();
            while began.elapsed() < duration(setting) || all.is_empty() {
                thread::sleep(PAUSE);
                let id = ids.below(ACCOUNTS);
                all.add(timed(|| look(id)).1);
            }
            all
        })?;
        p50.push(all.quantile(0.5));
        p99.push(all.quantile(0.99));
    }
    setting.says("");
    Ok(vec![Row::alone(format!("{name}_p50"), "µs", &p50), Row::alone(format!("{name}_p99"), "µs", &p99)])
}

fn duration(setting: &Setting) -> Duration {
    setting.sized(Duration::from_millis(400), Duration::from_millis(10))
}

/// Reads by so many threads at once, for as long as is set.
fn read(setting: &Setting, threads: usize, chunk: Chunk<'_>) -> Round {
    let (start, during) = (Barrier::new(threads), duration(setting));
    let one = |seed| {
        let mut ids = Transfers::new(ACCOUNTS, seed);
        chunk(&mut ids);
        start.wait();
        let (began, cpu) = (Instant::now(), cpu_time());
        let mut count = 0;
        while began.elapsed() < during {
            chunk(&mut ids);
            count += CHUNK;
        }
        let took = began.elapsed();
        let cpu = Option::zip(cpu, cpu_time()).map(|(before, after)| rate(count, after - before));
        Round { wall: rate(count, took), cpu: cpu.filter(|rate| rate.is_finite()), commands: 0.0 }
    };
    thread::scope(|scope| {
        let others: Vec<_> = (1..threads as u64).map(|seed| scope.spawn(move || one(seed))).collect();
        let mine = one(0);
        others.into_iter().fold(mine, |sum, other| {
            let other = other.join().expect("a reader does not panic");
            Round {
                wall: sum.wall + other.wall,
                cpu: Option::zip(sum.cpu, other.cpu).map(|(a, b)| a + b),
                ..sum
            }
        })
    })
}

/// How long this thread has had a core, where the system tells.
fn cpu_time() -> Option<Duration> {
    let stat = fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    stat.split(' ').next()?.parse().ok().map(Duration::from_nanos)
}

/// Runs `work` while another thread writes; gives the writer's commands a second too.
fn beside<T>(write: Saturate<'_>, work: impl FnOnce() -> T) -> Measured<(T, f64)> {
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let writer = scope.spawn(|| write(&stop));
        // Until it has as many on the way as it will have.
        thread::sleep(Duration::from_millis(20));
        let done = work();
        stop.store(true, Ordering::Relaxed);
        let commands =
            writer.join().expect("a writer does not panic").map_err(|error| error as Box<dyn Error>)?;
        Ok((done, commands))
    })
}

/// One caller with [`OUTSTANDING`] transfers on the way.
fn write(bank: &BankClient, stop: &AtomicBool) -> Result<f64, Failed> {
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    runtime.block_on(async {
        let (mut transfers, mut outstanding) =
            (Transfers::new(ACCOUNTS, 1), Outstanding::new(bank, OUTSTANDING));
        let (began, mut count) = (Instant::now(), 0);
        while !stop.load(Ordering::Relaxed) {
            outstanding.send(transfers.next()).await?;
            count += 1;
        }
        outstanding.finish().await?;
        Ok(rate(count, began.elapsed()))
    })
}

type Map = RwLock<HashMap<u64, Account>>;

/// One thread that writes and syncs batches of [`OUTSTANDING`] transfers, and applies them.
fn write_bare(map: &Map, dir: &Path, stop: &AtomicBool) -> Result<f64, Failed> {
    let mut file = OpenOptions::new().create(true).append(true).open(dir.join("bare.log"))?;
    let mut transfers = Transfers::new(ACCOUNTS, 1);
    let (began, mut count) = (Instant::now(), 0);
    while !stop.load(Ordering::Relaxed) {
        let mut buffer = Vec::new();
        for _ in 0..OUTSTANDING {
            buffer = postcard::to_extend(&transfers.next(), buffer)?;
        }
        file.write_all(&buffer)?;
        file.sync_data()?;
        let mut rest = &buffer[..];
        while !rest.is_empty() {
            rest = apply_slice(&mut map.write(), rest)?;
        }
        count += OUTSTANDING;
    }
    Ok(rate(count, began.elapsed()))
}

/// Applies for as long as a slice takes; gives back what is left.
fn apply_slice<'a>(
    map: &mut RwLockWriteGuard<'_, HashMap<u64, Account>>,
    mut rest: &'a [u8],
) -> postcard::Result<&'a [u8]> {
    let began = Instant::now();
    while !rest.is_empty() && began.elapsed() < SLICE {
        for _ in 0..16 {
            let Ok((transfer, after)) = postcard::take_from_bytes::<Transfer>(rest) else { break };
            rest = after;
            let amount = i64::from(transfer.amount);
            for (id, amount) in [(transfer.from, -amount), (transfer.to, amount)] {
                if let Some(account) = map.get_mut(&id) {
                    account.balance += amount;
                    account.transfers += 1;
                }
            }
        }
    }
    Ok(rest)
}
