//! `peers`: the same durable transfers on other stores, with the same number in flight.
//!
//! Everybody has the same callers: so many tasks that each send a transfer, await the answer, and send the next. Every transfer
//! that was answered has been through a sync, changed two accounts and counted in both, or was refused because there was too
//! little. A store that is in the process and has one writer gets what a careful user would put before it: a thread that makes one
//! transaction of all the transfers that have come while it was busy with the last ([`gathered`]). With one call in flight that is a
//! transaction a call. After each turn the store is asked what is in it, and it has to be what was answered.

mod fjall;
mod gathered;
mod postgresql;
mod redb;
mod redis;
mod server;
mod sqlite;

use std::{
    error::Error,
    time::{Duration, Instant},
};

use tokio::runtime::Runtime;

use super::Rows;
use crate::{
    bank::{ACCOUNTS, Account, BALANCE, BankClient, BankError, Transfer, Transfers},
    measure::{Aim, Better, Row, rate, take_turns},
    setting::Setting,
};

/// What it measures.
pub const ABOUT: &str = "durable transfers with so many calls in flight, against other stores with as many";

/// What the ratio to each should come to.
const AHEAD: f64 = 5.0;

/// An error that may come from another thread.
type Failure = Box<dyn Error + Send + Sync>;

/// Measures a store once, and tells the transfers a second.
type Turn = dyn FnMut(&Setting, &Runtime, Step) -> Result<f64, Failure>;

/// A store that others than this program wrote, made ready for turns.
pub struct Peer {
    /// In the names of the rows.
    name: &'static str,
    /// A turn of it: its accounts are new, and it is gone after it.
    turn: Box<Turn>,
}

/// What the callers of a turn do.
#[derive(Debug, Clone, Copy)]
pub struct Step {
    in_flight: usize,
    time: Duration,
}

/// What callers call.
pub trait Store: Clone + Send + Sync + 'static {
    /// Makes a transfer durable and tells whether it was accepted. Callers are numbered, for those that have several connections.
    fn transfer(
        &self,
        caller: usize,
        transfer: Transfer,
    ) -> impl Future<Output = Result<bool, Failure>> + Send;
}

/// What is in all accounts together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sums {
    balance: i64,
    transfers: u64,
}

/// What callers were answered.
struct Driven {
    rate: f64,
    accepted: u64,
}

impl Driven {
    /// The rate, if this is what came of it.
    fn checked(self, found: Sums) -> Result<f64, Failure> {
        let answered = Sums { balance: ACCOUNTS as i64 * BALANCE, transfers: 2 * self.accepted };
        if found != answered {
            return Err(
                format!("what was answered comes to {answered:?}, and in the accounts is {found:?}").into()
            );
        }
        Ok(self.rate)
    }
}

pub fn run(setting: &Setting) -> Rows {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let mut peers = vec![sqlite::peer(setting), redb::peer(setting), fjall::peer(setting)];
    peers.extend(redis::peer(setting));
    peers.extend(postgresql::peers(setting).map_err(of_this_thread)?);
    let mut rows = Vec::new();
    for &in_flight in setting.sized(&[1, 64, 1_024, 32_768][..], &[1, 64]) {
        // Long enough for the snapshots, checkpoints and flushes that everybody makes on the way.
        let step = Step { in_flight, time: setting.sized(Duration::from_secs(3), Duration::from_millis(20)) };
        let (ours, theirs) = take_turns(
            setting,
            &format!("peers, {in_flight} in flight"),
            || ours(setting, &runtime, step).map_err(of_this_thread),
            || {
                let turn = |peer: &mut Peer| {
                    (peer.turn)(setting, &runtime, step).map_err(|error| format!("{}: {error}", peer.name))
                };
                Ok(peers.iter_mut().map(turn).collect::<Result<Vec<f64>, String>>()?)
            },
        )?;
        for (index, peer) in peers.iter().enumerate() {
            let theirs: Vec<f64> = theirs.iter().map(|round| round[index]).collect();
            let name = format!("{}_in_flight_{in_flight}", peer.name);
            let row = Row::against(name, "commands/s", Better::More, &ours, peer.name, &theirs);
            rows.push(row.aims(Aim::Ratio(AHEAD)));
        }
    }
    Ok(rows)
}

fn of_this_thread(error: Failure) -> Box<dyn Error> {
    error
}

impl Store for BankClient {
    async fn transfer(&self, _: usize, transfer: Transfer) -> Result<bool, Failure> {
        match BankClient::transfer(self, transfer.from, transfer.to, transfer.amount).await {
            Ok(()) => Ok(true),
            Err(memstate::Error::Rejected(BankError::Insufficient | BankError::NoAccount(_))) => Ok(false),
            Err(error) => Err(error.to_string().into()),
        }
    }
}

fn ours(setting: &Setting, runtime: &Runtime, step: Step) -> Result<f64, Failure> {
    let dir = setting.dir()?;
    runtime.block_on(async {
        let (bank, _) = setting.open(&dir).await.map_err(|error| error.to_string())?;
        bank.open_accounts(ACCOUNTS + 1, 0).await?;
        let driven = drive(&bank, step).await?;
        let found = bank.read(|bank| {
            let all = || bank.accounts.values();
            Sums {
                balance: all().map(|account| account.balance).sum(),
                transfers: all().map(|account| account.transfers).sum(),
            }
        });
        bank.close().await?;
        driven.checked(found)
    })
}

/// What the callers get done. The store has one account more than they know of, with nothing in it.
async fn drive(store: &impl Store, step: Step) -> Result<Driven, Failure> {
    let began = Instant::now();
    let until = began + step.time;
    let tasks: Vec<_> = (0..step.in_flight)
        .map(|caller| {
            let store = store.clone();
            tokio::spawn(async move {
                let mut transfers = Transfers::new(ACCOUNTS, caller as u64);
                let (mut answered, mut accepted) = (0, 0);
                while answered == 0 || Instant::now() < until {
                    accepted += u64::from(store.transfer(caller, transfers.next()).await?);
                    answered += 1;
                }
                Ok::<_, Failure>((answered, accepted))
            })
        })
        .collect();
    let (mut answered, mut accepted) = (0, 0);
    for task in tasks {
        let (of_it, accepted_of_it) = task.await??;
        answered += of_it;
        accepted += accepted_of_it;
    }
    let rate = rate(answered, began.elapsed());
    let too_much = Transfer { from: ACCOUNTS, to: 0, amount: 1 };
    if store.transfer(0, too_much).await? {
        return Err("a transfer out of an empty account was accepted".into());
    }
    Ok(Driven { rate, accepted })
}

/// The accounts that a store begins with: those that callers know, and the empty one.
fn accounts() -> impl Iterator<Item = (u64, Account)> {
    let account = |number| {
        let balance = if number < ACCOUNTS { BALANCE } else { 0 };
        (number, Account { balance, transfers: 0 })
    };
    (0..=ACCOUNTS).map(account)
}

/// An account after an amount was taken out, if there is enough in it.
fn taken(account: Account, amount: u32) -> Option<Account> {
    let balance = account.balance - i64::from(amount);
    (balance >= 0).then_some(Account { balance, transfers: account.transfers + 1 })
}

/// An account after an amount was put in.
fn given(account: Account, amount: u32) -> Account {
    Account { balance: account.balance + i64::from(amount), transfers: account.transfers + 1 }
}
