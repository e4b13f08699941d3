//! `commands`: durable commands a second and their latency, by calls in flight.

use std::{cell::Cell, error::Error, sync::atomic::Ordering, time::Instant};

use tokio::runtime::Runtime;

use super::Rows;
use crate::{
    bank::{ACCOUNTS, BankClient, Transfers, opened},
    bare::Bare,
    measure::{Aim, Better, Latencies, Row, rate, take_turns, timed},
    setting::Setting,
};

/// So many calls in flight, so many calls in all, and what the ratio should come to.
const STEPS: [(usize, usize, Option<f64>); 5] = [
    (1, 3_000, None),
    (64, 60_000, None),
    (1_024, 600_000, Some(0.3)),
    (8_192, 2_000_000, None),
    (32_768, 4_000_000, Some(0.6)),
];

/// With more calls in flight than this, one in so many is timed: two looks at the clock are a tenth of what a call costs then.
const ALL_TIMED: usize = 64;
const TIMED: usize = 16;

/// What a round of ours came to.
struct Round {
    rate: f64,
    /// How many commands a batch of the journal had.
    batch: f64,
    p50: f64,
    p99: f64,
}

pub fn run(setting: &Setting) -> Rows {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let mut rows = Vec::new();
    let mut lone = None;
    for (in_flight, calls, aim) in STEPS {
        let calls = setting.sized(calls, in_flight * 2);
        let name = format!("in_flight_{in_flight}");
        // The first is where the figure of a lone caller comes from.
        let is_wanted = setting.wants(&name) || in_flight == 1 && setting.wants("lone_p50");
        if !is_wanted {
            continue;
        }
        // Before the first of ours has been, as many as there can be.
        let batch = Cell::new(in_flight);
        let (ours, bare) = take_turns(
            setting,
            &format!("commands, {name}"),
            || {
                let round = ours(setting, &runtime, in_flight, calls)?;
                batch.set(round.batch.round().max(1.0) as usize);
                Ok(round)
            },
            || bare(setting, batch.get(), calls),
        )?;
        let of = |figure: fn(&Round) -> f64| ours.iter().map(figure).collect::<Vec<_>>();
        let (rates, p50, p99) = (of(|round| round.rate), of(|round| round.p50), of(|round| round.p99));
        let bare_rates: Vec<f64> = bare.iter().map(|round| round.rate).collect();
        let row = Row::against(&name, "commands/s", Better::More, &rates, "bare", &bare_rates);
        rows.push(match aim {
            Some(least) => row.aims(Aim::Ratio(least)),
            None => row,
        });
        rows.push(Row::alone(format!("{name}_batch"), "commands", &of(|round| round.batch)));
        rows.push(Row::alone(format!("{name}_p50"), "µs", &p50));
        rows.push(Row::alone(format!("{name}_p99"), "µs", &p99));
        if in_flight == 1 {
            let bare: Vec<f64> = bare.iter().map(|round| round.p50).collect();
            let row = Row::against("lone_p50", "µs", Better::Less, &p50, "bare", &bare);
            lone = Some(row.aims(Aim::Ratio(1.0 / 1.3)));
        }
    }
    rows.extend(lone);
    Ok(rows)
}

/// Tasks that each send a transfer, await its reply, and send the next.
fn ours(
    setting: &Setting,
    runtime: &Runtime,
    in_flight: usize,
    calls: usize,
) -> Result<Round, Box<dyn Error>> {
    let dir = setting.dir()?;
    runtime.block_on(async {
        let (bank, batches) = setting.open(&dir).await?;
        let timed = if in_flight > ALL_TIMED { TIMED } else { 1 };
        let (each, more) = (calls / in_flight, calls % in_flight);
        let began = Instant::now();
        let tasks: Vec<_> = (0..in_flight)
            .map(|task| tokio::spawn(caller(bank.clone(), task, each + usize::from(task < more), timed)))
            .collect();
        let mut all = Latencies::with_capacity(calls / timed + in_flight);
        for task in tasks {
            all.append(task.await??);
        }
        let rate = rate(calls, began.elapsed());
        let batch = calls as f64 / batches.load(Ordering::Relaxed).max(1) as f64;
        bank.close().await?;
        Ok(Round { rate, batch, p50: all.quantile(0.5), p99: all.quantile(0.99) })
    })
}

async fn caller(
    bank: BankClient,
    task: usize,
    calls: usize,
    timed: usize,
) -> Result<Latencies, memstate::Error<crate::bank::BankError>> {
    let mut transfers = Transfers::new(ACCOUNTS, task as u64);
    let mut took = Latencies::with_capacity(calls / timed + 1);
    for call in task..task + calls {
        let transfer = transfers.next();
        let began = call.is_multiple_of(timed).then(Instant::now);
        bank.transfer(transfer.from, transfer.to, transfer.amount).await?;
        if let Some(began) = began {
            took.add(began.elapsed());
        }
    }
    Ok(took)
}

/// Batches of this size.
fn bare(setting: &Setting, batch: usize, calls: usize) -> Result<Round, Box<dyn Error>> {
    let dir = setting.dir()?;
    let mut bare = Bare::new(dir.path(), opened(ACCOUNTS))?;
    let mut transfers = Transfers::new(ACCOUNTS, 1);
    let mut all = Latencies::default();
    let began = Instant::now();
    for _ in 0..calls.div_ceil(batch) {
        let transfers = &mut std::iter::repeat_with(|| transfers.next()).take(batch);
        let (done, took) = timed(|| bare.batch(transfers));
        done?;
        all.add(took);
    }
    let rate = rate(calls.div_ceil(batch) * batch, began.elapsed());
    Ok(Round { rate, batch: batch as f64, p50: all.quantile(0.5), p99: all.quantile(0.99) })
}
