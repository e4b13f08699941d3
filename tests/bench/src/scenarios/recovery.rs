//! `recovery`: how long it takes until a model is there again.

use std::{
    error::Error,
    fs,
    ops::Deref,
    path::Path,
    time::{Duration, Instant},
};

use memstate::{Client, Model, Open, collections::HashMap};
use serde::de::DeserializeOwned;
use tokio::runtime::Runtime;

use super::{
    Rows,
    snapshot::{new_bank, pipeline},
};
use crate::{
    bank::{ACCOUNTS, Bank, Transfer, Transfers, opened},
    measure::{Aim, Better, Row, rate, take_turns, timed},
    setting::Setting,
};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Somebody, in about a hundred bytes.
#[memstate::data]
#[derive(Debug, PartialEq, Eq)]
pub struct Customer {
    /// Of the person.
    pub name: String,
    /// Where bills go.
    pub address: String,
    /// What is owed.
    pub balance: i64,
    /// The last purchases.
    pub purchases: [u32; 4],
}

/// Customers 0 to n.
#[memstate::model]
#[derive(Default, Debug, PartialEq)]
pub struct Shop {
    /// By number.
    pub customers: HashMap<u64, Customer>,
}

#[memstate::model]
impl Shop {
    /// Adds customers until there are so many.
    pub fn welcome(&mut self, count: u64) {
        for number in self.customers.len() as u64..count {
            let mut random = Transfers::new(1, number);
            let mut text =
                |parts: usize| (0..parts).map(|_| format!("{:016x}", random.random())).collect::<String>();
            let (name, address) = (text(1), text(3));
            let purchases = std::array::from_fn(|_| random.random() as u32);
            let customer = Customer { name, address, balance: random.random() as i64, purchases };
            self.customers.insert(number, customer);
        }
    }
}

/// How many customers are added by one command.
const WELCOMED_AT_ONCE: u64 = 50_000;

pub fn run(setting: &Setting) -> Rows {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let mut rows = Vec::new();
    if setting.wants("replay") {
        rows.extend(replay(setting, &runtime)?);
    }
    if setting.wants("snapshot_load") {
        rows.push(snapshot_load(setting, &runtime)?);
    }
    if setting.wants("clean_restart") {
        rows.push(clean_restart(setting, &runtime)?);
    }
    Ok(rows)
}

/// A journal without snapshots, against a loop that reads a file of the same transfers, decodes and applies them.
fn replay(setting: &Setting, runtime: &Runtime) -> Result<Vec<Row>> {
    let dir = setting.dir()?;
    let (bank_dir, log) = (dir.path().join("bank"), dir.path().join("bare.log"));
    let records = setting.sized(10_000_000, 20_000);
    setting.says("recovery, replay: writing the journal");
    runtime.block_on(async {
        let bank = new_bank(&bank_dir, ACCOUNTS).await?;
        let mut transfers = 0..records;
        pipeline(bank.clone(), ACCOUNTS, || transfers.next().is_some()).await?;
        bank.close().await?;
        Ok::<_, Box<dyn Error>>(())
    })?;
    write_log(&log, records)?;
    let (ours, bare) = take_turns(
        setting,
        "recovery, replay",
        || {
            let open = memstate::open::<Bank>(&bank_dir).snapshot_every(0).no_snapshot_on_close();
            Ok(rate(records, reopened(runtime, open)?))
        },
        || {
            let mut bank = opened(ACCOUNTS);
            let (done, took) = timed(|| read_log(&log, &mut bank));
            done?;
            std::hint::black_box(&bank);
            Ok(rate(records, took))
        },
    )?;
    let row = Row::against("replay", "records/s", Better::More, &ours, "bare", &bare);
    Ok(vec![row.aims(Aim::AtLeast(2_000_000.0))])
}

fn write_log(path: &Path, records: usize) -> Result<()> {
    let mut transfers = Transfers::new(ACCOUNTS, 1);
    let mut bytes = Vec::new();
    for _ in 0..records {
        bytes = postcard::to_extend(&transfers.next(), bytes)?;
    }
    Ok(fs::write(path, bytes)?)
}

fn read_log(path: &Path, bank: &mut Bank) -> Result<()> {
    let bytes = fs::read(path)?;
    let mut rest = &bytes[..];
    while !rest.is_empty() {
        let (transfer, after) = postcard::take_from_bytes::<Transfer>(rest)?;
        rest = after;
        bank.transfer(transfer.from, transfer.to, transfer.amount)?;
    }
    Ok(())
}

/// A snapshot of about a gigabyte and next to no journal, against the same bytes read by postcard from memory.
fn snapshot_load(setting: &Setting, runtime: &Runtime) -> Result<Row> {
    let dir = setting.dir()?;
    let path = dir.path().join("shop");
    let customers = setting.sized(9_000_000, 2_000);
    setting.says("recovery, snapshot_load: writing the snapshot");
    let open = || memstate::open::<Shop>(&path).snapshot_every(0);
    let bytes = runtime.block_on(async {
        let shop = open().await?;
        for count in (0..customers).step_by(WELCOMED_AT_ONCE as usize) {
            shop.welcome((count + WELCOMED_AT_ONCE).min(customers)).await?;
        }
        let bytes = shop.read(postcard::to_stdvec)?;
        shop.close().await?;
        Ok::<_, Box<dyn Error>>(bytes)
    })?;
    let megabytes = |took: Duration| bytes.len() as f64 / 1e6 / took.as_secs_f64();
    let (ours, postcards) = take_turns(
        setting,
        "recovery, snapshot_load",
        || Ok(megabytes(reopened(runtime, open().no_snapshot_on_close())?)),
        || Ok(megabytes(decoded::<Shop>(&bytes)?)),
    )?;
    let row = Row::against("snapshot_load", "MB/s", Better::More, &ours, "postcard::from_bytes", &postcards);
    Ok(row.aims(Aim::Ratio(0.7)))
}

/// A bank of ten million accounts that was closed, against its state read by postcard from memory.
fn clean_restart(setting: &Setting, runtime: &Runtime) -> Result<Row> {
    let dir = setting.dir()?;
    let path = dir.path().join("bank");
    let accounts = setting.sized(10_000_000, 10_000);
    setting.says("recovery, clean_restart: opening the accounts");
    let open = || memstate::open::<Bank>(&path).snapshot_every(0);
    let bytes = runtime.block_on(async {
        new_bank(&path, accounts).await?.close().await?;
        let bank = open().await?;
        let bytes = bank.read(postcard::to_stdvec)?;
        bank.close().await?;
        Ok::<_, Box<dyn Error>>(bytes)
    })?;
    let (ours, postcards) = take_turns(
        setting,
        "recovery, clean_restart",
        || Ok(reopened(runtime, open().no_snapshot_on_close())?.as_secs_f64()),
        || Ok(decoded::<Bank>(&bytes)?.as_secs_f64()),
    )?;
    Ok(Row::against("clean_restart", "s", Better::Less, &ours, "postcard::from_bytes", &postcards))
}

/// How long it takes to open a model. Closing it again does not count.
fn reopened<M: Model>(runtime: &Runtime, open: Open<M>) -> Result<Duration>
where
    M::Client: Deref<Target = Client<M>>,
{
    runtime.block_on(async {
        let began = Instant::now();
        let client = open.await?;
        let took = began.elapsed();
        client.close().await?;
        Ok(took)
    })
}

/// How long it takes to read a state from memory, on a thread of its own as a model is opened. Dropping it again does not count.
fn decoded<M: DeserializeOwned>(bytes: &[u8]) -> Result<Duration> {
    let decode = || {
        let (model, took) = timed(|| postcard::from_bytes::<M>(bytes));
        std::hint::black_box(&model?);
        Ok::<_, postcard::Error>(took)
    };
    let took = std::thread::scope(|scope| scope.spawn(decode).join());
    Ok(took.map_err(|_| "the thread that reads it panicked")??)
}
