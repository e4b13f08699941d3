//! `snapshot`: what commands notice of a snapshot that is being taken.

use std::{
    collections::VecDeque,
    error::Error,
    future::Future,
    path::Path,
    time::{Duration, Instant},
};

use memstate::Position;
use tokio::{task::JoinHandle, task::JoinSet, time::MissedTickBehavior};

use super::Rows;
use crate::{
    bank::{BALANCE, Bank, BankClient, BankError, Transfers},
    measure::{Aim, Better, Latencies, Row, rate, take_turns},
    setting::Setting,
};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const OUTSTANDING: usize = 4_096;
/// How many accounts are opened by one command.
const OPENED_AT_ONCE: u64 = 100_000;
/// The moderate load: so many calls at a time, so often.
const CALLS_A_TICK: usize = 20;
const TICK: Duration = Duration::from_millis(1);

pub fn run(setting: &Setting) -> Rows {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let dir = setting.dir()?;
    let accounts = setting.sized(4_000_000, 4_000);
    let round = Round {
        accounts,
        // As many as between two snapshots that are taken by themselves.
        since: setting.sized(1_000_000, 2 * OUTSTANDING),
        without: Duration::from_millis(setting.sized(5_000, 50)),
        bank: runtime.block_on(new_bank(&dir.path().join("bank"), accounts))?,
    };
    let mut rows = Vec::new();
    if setting.wants("throughput") {
        let (during, without) = take_turns(
            setting,
            "snapshot, throughput",
            || runtime.block_on(round.during(|bank, taking| pipeline(bank, accounts, taking))),
            || runtime.block_on(round.without(|bank, going| pipeline(bank, accounts, going))),
        )?;
        let (during, times): (Vec<f64>, Vec<f64>) = during.into_iter().unzip();
        let row = Row::against("throughput", "commands/s", Better::More, &during, "without", &without);
        rows.push(row.aims(Aim::Ratio(0.8)));
        rows.push(Row::alone("throughput_snapshot_takes", "s", &times));
    }
    if setting.wants("p99") {
        let (during, without) = take_turns(
            setting,
            "snapshot, p99",
            || runtime.block_on(round.during(|bank, taking| steady(bank, accounts, taking))),
            || runtime.block_on(round.without(|bank, going| steady(bank, accounts, going))),
        )?;
        let (mut during, times): (Vec<Latencies>, Vec<f64>) = during.into_iter().unzip();
        let mut without = without;
        let mut quantiles = |share| {
            let each =
                |all: &mut Vec<Latencies>| all.iter_mut().map(|it| it.quantile(share)).collect::<Vec<_>>();
            (each(&mut during), each(&mut without))
        };
        let (ours, reference) = quantiles(0.5);
        rows.push(Row::against("p50", "µs", Better::Less, &ours, "without", &reference));
        let (ours, reference) = quantiles(0.99);
        let row = Row::against("p99", "µs", Better::Less, &ours, "without", &reference);
        rows.push(row.aims(Aim::Ratio(0.5)));
        rows.push(Row::alone("p99_snapshot_takes", "s", &times));
    }
    runtime.block_on(round.bank.close())?;
    Ok(rows)
}

/// What a round has.
struct Round {
    accounts: u64,
    since: usize,
    without: Duration,
    bank: BankClient,
}

impl Round {
    /// What `load` comes to while a snapshot is taken, and how long that takes. `load` goes on while what it is given says so.
    async fn during<T, F: Future<Output = Result<T>>>(
        &self,
        load: impl FnOnce(BankClient, Box<dyn Fn() -> bool>) -> F,
    ) -> Result<(T, f64)> {
        self.prepare().await?;
        let bank = self.bank.clone();
        let began = Instant::now();
        let snapshot: JoinHandle<_> = tokio::spawn(async move {
            let taken: std::result::Result<Position, memstate::Error> = bank.snapshot().await;
            taken.map(|_| began.elapsed())
        });
        let handle = snapshot.abort_handle();
        let came_to = load(self.bank.clone(), Box::new(move || !handle.is_finished())).await?;
        Ok((came_to, snapshot.await??.as_secs_f64()))
    }

    /// Takes a snapshot and sends as many commands as come between two of them, so that no more is replayed for the next one. It is
    /// done before both, because the disk is busy with what was written for some time after.
    async fn prepare(&self) -> Result<()> {
        self.bank.snapshot().await?;
        let mut since = 0..self.since;
        pipeline(self.bank.clone(), self.accounts, || since.next().is_some()).await?;
        Ok(())
    }

    /// What it comes to without.
    async fn without<T, F: Future<Output = Result<T>>>(
        &self,
        load: impl FnOnce(BankClient, Box<dyn Fn() -> bool>) -> F,
    ) -> Result<T> {
        self.prepare().await?;
        let (began, long) = (Instant::now(), self.without);
        load(self.bank.clone(), Box::new(move || began.elapsed() < long)).await
    }
}

/// A bank with so many accounts.
pub(super) async fn new_bank(dir: &Path, accounts: u64) -> Result<BankClient> {
    let bank = memstate::open::<Bank>(dir).snapshot_every(0).no_snapshot_on_close().await?;
    for count in (0..accounts).step_by(OPENED_AT_ONCE as usize) {
        bank.open_accounts((count + OPENED_AT_ONCE).min(accounts), BALANCE).await?;
    }
    Ok(bank)
}

/// Transfers a second, with 4,096 calls outstanding.
pub(super) async fn pipeline(
    bank: BankClient,
    accounts: u64,
    mut goes_on: impl FnMut() -> bool,
) -> Result<f64> {
    let mut transfers = Transfers::new(accounts, 1);
    let mut outstanding = VecDeque::with_capacity(OUTSTANDING);
    let (mut count, began) = (0, Instant::now());
    while goes_on() {
        if outstanding.len() == OUTSTANDING
            && let Some(call) = outstanding.pop_front()
        {
            call.await?;
        }
        let transfer = transfers.next();
        outstanding.push_back(bank.transfer(transfer.from, transfer.to, transfer.amount));
        count += 1;
    }
    for call in outstanding {
        call.await?;
    }
    Ok(rate(count, began.elapsed()))
}

/// How long each call takes of a load that does not wait for replies.
async fn steady(bank: BankClient, accounts: u64, goes_on: impl Fn() -> bool) -> Result<Latencies> {
    let mut transfers = Transfers::new(accounts, 2);
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut calls = JoinSet::<std::result::Result<Duration, memstate::Error<BankError>>>::new();
    let mut all = Latencies::default();
    while goes_on() || all.is_empty() {
        ticks.tick().await;
        for transfer in std::iter::repeat_with(|| transfers.next()).take(CALLS_A_TICK) {
            let began = Instant::now();
            let call = bank.transfer(transfer.from, transfer.to, transfer.amount);
            calls.spawn(async move { call.await.map(|()| began.elapsed()) });
        }
        while let Some(took) = calls.try_join_next() {
            all.add(took??);
        }
    }
    while let Some(took) = calls.join_next().await {
        all.add(took??);
    }
    Ok(all)
}
