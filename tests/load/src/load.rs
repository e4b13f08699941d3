//! [`Ledger`]: what clients have been told of their deposits, against what the bank has.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use memstate::{Error, Position};
use memstate_server_tests::{BankClient, BankCommand, BankEvent, BankReply};

use crate::{ensure, harness::Run};

/// How many deposits of 1 there are to be, and what came of them.
pub struct Ledger {
    left: AtomicU64,
    /// The balances that were told, for each account.
    told: Vec<Mutex<Vec<u64>>>,
    unknown: AtomicU64,
}

/// The account of the first client; the others have those behind it.
pub const FIRST: u64 = 1 << 40;
/// A deposit of this much is the last.
const LAST: u64 = 777;

impl Ledger {
    pub fn new(deposits: u64, clients: usize) -> Arc<Self> {
        let told = (0..clients).map(|_| Mutex::default()).collect();
        Arc::new(Ledger { left: deposits.into(), told, unknown: 0.into() })
    }

    fn take(&self, deposits: u64) -> bool {
        let less = |left: u64| left.checked_sub(deposits);
        self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_ok()
    }

    /// There are enough.
    pub fn stop(&self) {
        self.left.store(0, Ordering::Relaxed);
    }

    /// How many deposits nobody knows the outcome of.
    pub fn unknown(&self) -> u64 {
        self.unknown.load(Ordering::Relaxed)
    }

    pub fn is_done(&self) -> bool {
        self.left.load(Ordering::Relaxed) == 0
    }

    /// Deposits until there are enough. Now and then it is two in one batch.
    pub async fn deposit(
        &self,
        run: &Run,
        client: &BankClient,
        number: usize,
        pace: Duration,
    ) -> Result<(), String> {
        let account = FIRST + number as u64;
        let told = |balances: &[u64]| {
            self.told[number].lock().unwrap_or_else(PoisonError::into_inner).extend(balances);
        };
        for round in 0_u64.. {
            let is_batch = round % 16 == 7;
            let answer = if is_batch && self.take(2) {
                let deposit = || BankCommand::Deposit { account, amount: 1 };
                client.atomically([deposit(), deposit()]).await.map_err(|error| error.to_string()).map(
                    |replies| {
                        for reply in replies {
                            let BankReply::Deposit(Ok(balance)) = reply else { panic!("{reply:?}") };
                            told(&[balance]);
                        }
                        run.did(2);
                    },
                )
            } else if self.take(1) {
                match client.deposit(account, 1).await {
                    Ok(balance) => {
                        told(&[balance]);
                        run.did(1);
                        Ok(())
                    }
                    Err(Error::OutcomeUnknown(_)) => {
                        self.unknown.fetch_add(1, Ordering::Relaxed);
                        Ok(())
                    }
                    Err(error) => Err(error.to_string()),
                }
            } else {
                return Ok(());
            };
            answer.map_err(|error| format!("a deposit of client {number} failed: {error}"))?;
            if !pace.is_zero() {
                tokio::time::sleep(pace).await;
            }
        }
        Ok(())
    }

    /// Compares what was told with what there is: each deposit once, each with a reply of its own.
    pub async fn check(&self, direct: &BankClient) -> Result<String, String> {
        let unknown = self.unknown.load(Ordering::Relaxed);
        let mut all = 0;
        for (number, told) in self.told.iter().enumerate() {
            let mut told = told.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let answered = told.len() as u64;
            told.sort_unstable();
            told.dedup();
            ensure!(
                told.len() as u64 == answered,
                "two deposits of client {number} were told the same balance"
            );
            let balance = direct.balance(FIRST + number as u64).await.map_err(|error| error.to_string())?;
            ensure!(
                balance >= answered && balance <= answered + unknown,
                "client {number} was told of {answered} deposits, and {balance} have happened ({unknown} unknown)"
            );
            ensure!(
                unknown > 0 || told.iter().copied().eq(1..=balance),
                "the balances that client {number} was told are not 1 to {balance}"
            );
            all += answered;
        }
        Ok(format!("{all} deposits, each once, {unknown} with an unknown outcome"))
    }
}

/// What a subscriber has seen.
pub struct Seen {
    events: Vec<(Position, BankEvent)>,
    missed: Vec<(Position, Position)>,
}

/// The last event that subscribers wait for.
pub async fn end(direct: &BankClient) -> Result<(), String> {
    direct.deposit(FIRST, LAST).await.map(drop).map_err(|error| error.to_string())
}

/// All events, until the last.
pub async fn subscribe(client: &BankClient) -> Result<Seen, String> {
    let mut seen = Seen { events: Vec::new(), missed: Vec::new() };
    let mut events = client.events(Position::new(1));
    while let Some(event) = events.next().await {
        match event {
            Ok((position, event)) => {
                let is_last = matches!(event, BankEvent::Deposited { amount: LAST, .. });
                seen.events.push((position, event));
                if is_last {
                    return Ok(seen);
                }
            }
            Err(Error::Missed { after, through }) => seen.missed.push((after, through)),
            Err(error) => return Err(format!("a subscription has failed: {error}")),
        }
    }
    Err(format!("a subscription has ended after {} events", seen.events.len()))
}

impl Seen {
    /// Compares it with what a subscriber sees whom nothing befalls. What was said to be missed, and only that, is not there.
    pub fn check(&self, truth: &Seen) -> Result<(), String> {
        ensure!(truth.missed.is_empty(), "a subscriber without any load has missed something");
        let is_missed = |position: Position| {
            self.missed.iter().any(|(after, through)| position > *after && position <= *through)
        };
        let expected: Vec<_> = truth.events.iter().filter(|(position, _)| !is_missed(*position)).collect();
        for (index, seen) in self.events.iter().enumerate() {
            let expected = expected.get(index).copied();
            ensure!(expected == Some(seen), "event {index} is {seen:?}, and should be {expected:?}");
        }
        ensure!(
            self.events.len() == expected.len(),
            "{} events are not there",
            expected.len() - self.events.len()
        );
        Ok(())
    }

    pub fn events(&self) -> usize {
        self.events.len()
    }

    pub fn times_missed(&self) -> usize {
        self.missed.len()
    }
}
