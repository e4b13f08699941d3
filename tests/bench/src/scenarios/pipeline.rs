//! `pipeline`: one caller that does not wait for each reply before the next call.

use std::{cell::Cell, collections::VecDeque, error::Error, sync::atomic::Ordering, time::Instant};

use memstate::client::Call;
use tokio::runtime::Runtime;

use super::Rows;
use crate::{
    bank::{ACCOUNTS, BankClient, BankError, Transfer, Transfers, opened},
    bare::Bare,
    measure::{Aim, Better, Row, rate, take_turns},
    setting::Setting,
};

const OUTSTANDING: usize = 4_096;

pub fn run(setting: &Setting) -> Rows {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let calls = setting.sized(1_000, 2) * OUTSTANDING;
    let batch = Cell::new(OUTSTANDING);
    let ours = || {
        let (rate, mean) = ours(setting, &runtime, calls)?;
        batch.set(mean.round().max(1.0) as usize);
        Ok((rate, mean))
    };
    let (ours, bare) = take_turns(setting, "pipeline", ours, || bare(setting, batch.get(), calls))?;
    let (ours, batches): (Vec<f64>, Vec<f64>) = ours.into_iter().unzip();
    let row = Row::against("outstanding_4096", "commands/s", Better::More, &ours, "bare", &bare);
    let row = row.aims(Aim::Ratio(0.8));
    Ok(vec![row, Row::alone("outstanding_4096_batch", "commands", &batches)])
}

fn ours(setting: &Setting, runtime: &Runtime, calls: usize) -> Result<(f64, f64), Box<dyn Error>> {
    let dir = setting.dir()?;
    runtime.block_on(async {
        let (bank, batches) = setting.open(&dir).await?;
        let mut transfers = Transfers::new(ACCOUNTS, 1);
        let mut outstanding = Outstanding::new(&bank, OUTSTANDING);
        let began = Instant::now();
        for _ in 0..calls {
            outstanding.send(transfers.next()).await?;
        }
        outstanding.finish().await?;
        let rate = rate(calls, began.elapsed());
        let batch = calls as f64 / batches.load(Ordering::Relaxed).max(1) as f64;
        bank.close().await?;
        Ok((rate, batch))
    })
}

/// Calls of one caller that are on the way, of which there are so many at most.
pub struct Outstanding<'a> {
    bank: &'a BankClient,
    calls: VecDeque<Call<Result<(), BankError>, true>>,
    most: usize,
}

impl<'a> Outstanding<'a> {
    /// None yet.
    pub fn new(bank: &'a BankClient, most: usize) -> Self {
        Outstanding { bank, calls: VecDeque::with_capacity(most), most }
    }

    /// Sends another, after the oldest is done if there are too many.
    pub async fn send(&mut self, transfer: Transfer) -> Result<(), memstate::Error<BankError>> {
        if self.calls.len() == self.most
            && let Some(call) = self.calls.pop_front()
        {
            call.await?;
        }
        self.calls.push_back(self.bank.transfer(transfer.from, transfer.to, transfer.amount));
        Ok(())
    }

    /// Waits for all.
    pub async fn finish(self) -> Result<(), memstate::Error<BankError>> {
        for call in self.calls {
            call.await?;
        }
        Ok(())
    }
}

/// Batches of the size that ours have.
fn bare(setting: &Setting, batch: usize, calls: usize) -> Result<f64, Box<dyn Error>> {
    let dir = setting.dir()?;
    let mut bare = Bare::new(dir.path(), opened(ACCOUNTS))?;
    let mut transfers = Transfers::new(ACCOUNTS, 1);
    let began = Instant::now();
    for _ in 0..calls.div_ceil(batch) {
        bare.batch(&mut std::iter::repeat_with(|| transfers.next()).take(batch))?;
    }
    Ok(rate(calls.div_ceil(batch) * batch, began.elapsed()))
}
