//! `pipeline`: one caller that does not wait for each reply before the next call.

use std::{collections::VecDeque, error::Error, time::Instant};

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
    let (ours, bare) =
        take_turns(setting, "pipeline", || ours(setting, &runtime, calls), || bare(setting, calls))?;
    let row = Row::against("outstanding_4096", "commands/s", Better::More, &ours, "bare", &bare);
    Ok(vec![row.aims(Aim::Ratio(0.8))])
}

fn ours(setting: &Setting, runtime: &Runtime, calls: usize) -> Result<f64, Box<dyn Error>> {
    let dir = setting.dir()?;
    runtime.block_on(async {
        let bank = setting.open(&dir).await?;
        let mut transfers = Transfers::new(ACCOUNTS, 1);
        let mut outstanding = Outstanding::new(&bank, OUTSTANDING);
        let began = Instant::now();
        for _ in 0..calls {
            outstanding.send(transfers.next()).await?;
        }
        outstanding.finish().await?;
        let rate = rate(calls, began.elapsed());
        bank.close().await?;
        Ok(rate)
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

fn bare(setting: &Setting, calls: usize) -> Result<f64, Box<dyn Error>> {
    let dir = setting.dir()?;
    let mut bare = Bare::new(dir.path(), opened(ACCOUNTS))?;
    let mut transfers = Transfers::new(ACCOUNTS, 1);
    let began = Instant::now();
    for _ in 0..calls / OUTSTANDING {
        bare.batch(&mut std::iter::repeat_with(|| transfers.next()).take(OUTSTANDING))?;
    }
    Ok(rate(calls, began.elapsed()))
}
