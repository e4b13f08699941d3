//! `pipeline`: one caller that does not wait for each reply before the next call.

use std::{collections::VecDeque, error::Error, time::Instant};

use tokio::runtime::Runtime;

use super::Rows;
use crate::{
    bank::{ACCOUNTS, Transfers, opened},
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
        let mut outstanding = VecDeque::with_capacity(OUTSTANDING);
        let began = Instant::now();
        for _ in 0..calls {
            if outstanding.len() == OUTSTANDING
                && let Some(call) = outstanding.pop_front()
            {
                call.await?;
            }
            let transfer = transfers.next();
            outstanding.push_back(bank.transfer(transfer.from, transfer.to, transfer.amount));
        }
        for call in outstanding {
            call.await?;
        }
        let rate = rate(calls, began.elapsed());
        bank.close().await?;
        Ok(rate)
    })
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
