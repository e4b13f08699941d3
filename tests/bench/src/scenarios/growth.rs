//! `growth`: what a command costs as the model grows, and as the journal does.
//!
//! *The model.* Durable transfers by one caller with 4,096 outstanding, between random ones of 10⁴ to 10⁷ accounts, in turns with the bare
//! loop on a bank as large. A larger bank costs both more, because less of it is in the cache; `entries_growth` says by how much more
//! than at first each costs at last, and is flat if ours does not grow by more than the bare one.
//!
//! *The journal.* The same caller and 100,000 accounts, in one journal that grows to 10⁸ records, which takes some minutes and 3 GB. After 10⁵, 10⁶,
//! 10⁷ and 10⁸ it is looked at: as many windows of transfers as there are rounds, each against the first windows; the memory of the process;
//! a snapshot 100,000 records after another; and an opening right after a snapshot, which applies nothing and reads everything,
//! because a journal that is damaged in its old part is damaged. No snapshots are made by themselves meanwhile: what they cost beside the
//! commands is the scenario `snapshot`'s business.

use std::{
    error::Error,
    fs, io,
    path::Path,
    time::{Duration, Instant},
};

use tokio::runtime::Runtime;

use super::{Rows, pipeline::Outstanding};
use crate::{
    bank::{ACCOUNTS, BALANCE, Bank, BankClient, Transfers, opened},
    bare::Bare,
    measure::{Aim, Better, Row, median, take_turns, timed},
    setting::Setting,
};

const OUTSTANDING: usize = 4_096;
/// How many accounts one command opens.
const OPENED_AT_ONCE: u64 = 100_000;
/// What is flat: nothing costs more than a tenth more.
const FLAT: Aim = Aim::Ratio(0.9);

type Measured<T> = Result<T, Box<dyn Error>>;

pub fn run(setting: &Setting) -> Rows {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let mut rows = of_the_model(setting, &runtime)?;
    rows.extend(of_the_journal(setting, &runtime)?);
    Ok(rows)
}

fn of_the_model(setting: &Setting, runtime: &Runtime) -> Rows {
    let sizes = setting.sized(&[10_000, 100_000, 1_000_000, 10_000_000][..], &[100, 1_000]);
    let calls = setting.sized(240, 1) * OUTSTANDING;
    let (mut rows, mut all) = (Vec::new(), Vec::new());
    for &accounts in sizes {
        let name = format!("entries_{accounts}");
        setting.says(&format!("growth, {name}: opening accounts"));
        let dir = setting.dir()?;
        let bank = runtime.block_on(open(dir.path(), accounts))?;
        let mut bare = Bare::new(dir.path(), opened(accounts))?;
        let (mut transfers, mut same) = (Transfers::new(accounts, 1), Transfers::new(accounts, 1));
        let (ours, bare) = take_turns(
            setting,
            &format!("growth, {name}"),
            || Ok(nanos(calls, runtime.block_on(send(&bank, &mut transfers, calls))?)),
            || Ok(nanos(calls, write(&mut bare, &mut same, calls)?)),
        )?;
        runtime.block_on(bank.close())?;
        rows.push(Row::against(&name, "ns/command", Better::Less, &ours, "bare", &bare));
        all.push((ours, bare));
    }
    if let [(ours_first, bare_first), .., (ours_last, bare_last)] = &all[..] {
        let (ours, bare) = (times(ours_last, ours_first), times(bare_last, bare_first));
        rows.push(Row::against("entries_growth", "×", Better::Less, &ours, "bare", &bare).aims(FLAT));
    }
    Ok(rows)
}

/// What is found out when the journal has a certain length.
#[derive(Default)]
struct Look {
    /// What a command costs, in each window.
    nanos: Vec<f64>,
    memory: Option<f64>,
    snapshot: f64,
    opening: f64,
}

fn of_the_journal(setting: &Setting, runtime: &Runtime) -> Rows {
    let lengths = setting.sized(&[100_000, 1_000_000, 10_000_000, 100_000_000][..], &[1_000, 20_000]);
    let (window, apart) = setting.sized((100_000, 100_000), (1_000, 1_000));
    let dir = setting.dir()?;
    let mut transfers = Transfers::new(ACCOUNTS, 1);
    let mut bank = runtime.block_on(open(dir.path(), ACCOUNTS))?;
    let (mut rows, mut first) = (Vec::new(), None);
    for &length in lengths {
        let name = format!("records_{length}");
        setting.says(&format!("growth, {name}"));
        let look = runtime.block_on(async {
            let missing = usize::try_from(length)?.saturating_sub(usize::try_from(bank.position().get())?);
            send(&bank, &mut transfers, missing).await?;
            let mut look = Look::default();
            for _ in 0..setting.rounds {
                look.nanos.push(nanos(window, send(&bank, &mut transfers, window).await?));
            }
            look.memory = memory();
            bank.snapshot().await?;
            send(&bank, &mut transfers, apart).await?;
            let began = Instant::now();
            bank.snapshot().await?;
            look.snapshot = millis(began.elapsed());
            bank.close().await?;
            let began = Instant::now();
            bank = open(dir.path(), ACCOUNTS).await?;
            look.opening = millis(began.elapsed());
            Ok::<_, Box<dyn Error>>(look)
        })?;
        let begun = first.get_or_insert_with(|| median(&look.nanos));
        let reference = vec![*begun; look.nanos.len()];
        let row =
            Row::against(&name, "ns/command", Better::Less, &look.nanos, "the first windows", &reference);
        rows.push(row.aims(FLAT));
        rows.extend(look.memory.map(|memory| Row::alone(format!("{name}_memory"), "MiB", &[memory])));
        rows.push(Row::alone(format!("{name}_snapshot"), "ms", &[look.snapshot]));
        rows.push(Row::alone(format!("{name}_open"), "ms", &[look.opening]));
    }
    runtime.block_on(bank.close())?;
    setting.says("");
    Ok(rows)
}

/// The bank in `dir`, with so many accounts.
async fn open(dir: &Path, accounts: u64) -> Measured<BankClient> {
    let bank = memstate::open::<Bank>(dir.join("bank")).snapshot_every(0).no_snapshot_on_close().await?;
    let mut opened = bank.read(|bank| bank.accounts.len() as u64);
    while opened < accounts {
        opened = accounts.min(opened + OPENED_AT_ONCE);
        bank.open_accounts(opened, BALANCE).await?;
    }
    Ok(bank)
}

/// Sends so many transfers with [`OUTSTANDING`] on the way; says how long it took.
async fn send(bank: &BankClient, transfers: &mut Transfers, calls: usize) -> Measured<Duration> {
    let mut outstanding = Outstanding::new(bank, OUTSTANDING);
    let began = Instant::now();
    for _ in 0..calls {
        outstanding.send(transfers.next()).await?;
    }
    outstanding.finish().await?;
    Ok(began.elapsed())
}

/// The same by the bare loop.
fn write(bare: &mut Bare, transfers: &mut Transfers, calls: usize) -> io::Result<Duration> {
    let (done, took) = timed(|| {
        (0..calls / OUTSTANDING)
            .try_for_each(|_| bare.batch(&mut std::iter::repeat_with(|| transfers.next()).take(OUTSTANDING)))
    });
    done.map(|()| took)
}

fn nanos(calls: usize, took: Duration) -> f64 {
    took.as_nanos() as f64 / calls as f64
}

fn millis(took: Duration) -> f64 {
    took.as_secs_f64() * 1e3
}

/// How many times as much each is as the first were.
fn times(all: &[f64], first: &[f64]) -> Vec<f64> {
    let first = median(first);
    all.iter().map(|figure| figure / first).collect()
}

/// How much memory this process has, in MiB, where the system tells.
fn memory() -> Option<f64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: f64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kib / 1024.0)
}
