//! Ten times as many calls as can be done.

use std::{
    collections::VecDeque,
    pin::pin,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

use memstate::{Error, NotJournaled};
use memstate_server_tests::{BankClient, BankError};

use crate::{
    ensure,
    harness::{Gate, Run, all},
    load::FIRST,
    server::Server,
};

pub const GATE: Gate = Gate {
    name: "overload",
    promise: "with ten times as many calls as can be done, as many are done as before, and the rest is told",
    run: |run| run.block_on(overload(run)),
};

/// So many that what the server lets them have in flight is more than the engine takes.
const CLIENTS: usize = 20;
/// Calls in flight of each client at capacity.
const AT_CAPACITY: usize = 128;
/// What may be in flight of each client under overload: as many again wait for the server to read them.
const IN_FLIGHT_MAX: usize = 6_000;
/// What the engine takes, as the documentation says.
const ENGINE_MAX: f64 = 65_536.0;

/// What calls came to.
#[derive(Default)]
struct Told {
    offered: AtomicU64,
    done: AtomicU64,
    overloaded: AtomicU64,
    /// How many had as much in flight as they may have.
    held_back: AtomicU64,
}

impl Told {
    fn answer(&self, answer: Result<u64, Error<BankError>>) -> Result<(), String> {
        match answer {
            Ok(_) => self.done.fetch_add(1, Ordering::Relaxed),
            Err(Error::NotJournaled(NotJournaled::Overloaded { .. })) => {
                self.overloaded.fetch_add(1, Ordering::Relaxed)
            }
            Err(error) => return Err(format!("what is too much is told otherwise: {error}")),
        };
        Ok(())
    }
}

async fn overload(run: &Run) -> Result<(), String> {
    let dir = tempfile::tempdir().map_err(|error| error.to_string())?;
    let server = Server::start(dir.path(), None)?;
    let direct = server.client().await?;
    let mut clients = Vec::new();
    for number in 0..CLIENTS as u64 {
        direct.open(FIRST + number, "Ann").await.map_err(|error| error.to_string())?;
        clients.push(server.client().await?);
    }
    let short = Duration::from_secs(run.of(2, 8, 30));
    let capacity = at_capacity(run, &clients, short).await?;
    run.says(format!("{capacity:.0} calls a second at capacity"));

    let (told, is_over) = (Told::default(), AtomicBool::new(false));
    let window = Duration::from_secs(run.of(5, 30, 120));
    let begun = Instant::now();
    let rate = 10.0 * capacity / CLIENTS as f64;
    let offering = all(clients
        .iter()
        .enumerate()
        .map(|(number, client)| offer(run, client, number, rate, &told, &is_over)));
    let fresh = server.client().await?;
    let measuring = async {
        // Until the queues are full.
        tokio::time::sleep(window / 10).await;
        let (from, before) = (Instant::now(), told.done.load(Ordering::Relaxed));
        tokio::time::sleep(window - window / 10).await;
        let done = told.done.load(Ordering::Relaxed) - before;
        let goodput = done as f64 / from.elapsed().as_secs_f64();
        is_over.store(true, Ordering::Relaxed);
        let offered = told.offered.load(Ordering::Relaxed) as f64 / begun.elapsed().as_secs_f64();
        // Somebody who comes now is answered when what is in the engine is done.
        let ended = Instant::now();
        let recovery = loop {
            match fresh.deposit(FIRST, 0).await {
                Ok(_) => break ended.elapsed(),
                Err(Error::NotJournaled(NotJournaled::Overloaded { .. })) => {}
                Err(error) => return Err(error.to_string()),
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        };
        Ok((goodput, offered, recovery))
    };
    let (_, (goodput, offered, recovery)) = tokio::try_join!(offering, measuring)?;
    let count = |number: &AtomicU64| number.load(Ordering::Relaxed);
    let (offers, done, refused) = (count(&told.offered), count(&told.done), count(&told.overloaded));
    let held_back = count(&told.held_back);
    ensure!(offers == done + refused, "{offers} calls were made, and {} were answered", done + refused);
    ensure!(refused > 0, "nothing was refused, so it was no overload");
    let mut balance = 0;
    for number in 0..CLIENTS as u64 {
        balance += direct.balance(FIRST + number).await.map_err(|error| error.to_string())?;
    }
    // At capacity it was zero.
    ensure!(balance == done, "{done} deposits were told to be done, and {balance} were");
    let after = at_capacity(run, &clients, short).await?;
    let wanted = capacity.min(after);
    run.says(format!("{after:.0} calls a second at capacity after it"));
    let wants = (offers + held_back) as f64 / window.as_secs_f64();
    run.says(format!(
        "{wants:.0} a second wanted, {offered:.0} made: {goodput:.0} done a second, {:.0} % of what can be done",
        100.0 * goodput / wanted
    ));
    run.says(format!(
        "{offers} made, {done} done, {refused} told that it is too much, none without an answer"
    ));
    run.says(format!("somebody who came at its end was answered after {recovery:.0?}"));
    ensure!(goodput >= 0.8 * wanted, "goodput is {:.0} % of capacity", 100.0 * goodput / wanted);
    // What the engine has taken is done first; on a machine that is slow that takes more than the second.
    let limit = (1.5 * ENGINE_MAX / wanted).max(1.0);
    ensure!(recovery.as_secs_f64() < limit, "recovery took {recovery:?}, and may take {limit:.1} s here");
    Ok(())
}

/// How many calls a second are done when each client waits for its replies.
async fn at_capacity(run: &Run, clients: &[BankClient], window: Duration) -> Result<f64, String> {
    let begun = Instant::now();
    let end = begun + window;
    let done: u64 = all(clients.iter().enumerate().map(async |(number, client)| {
        let mut calls = VecDeque::new();
        let mut done = 0;
        loop {
            let is_over = Instant::now() >= end;
            while !is_over && calls.len() < AT_CAPACITY {
                calls.push_back(client.deposit(FIRST + number as u64, 0));
            }
            let Some(call) = calls.pop_front() else { return Ok(done) };
            call.await.map_err(|error| error.to_string())?;
            done += 1;
            run.did(1);
        }
    }))
    .await?
    .into_iter()
    .sum();
    Ok(done as f64 / begun.elapsed().as_secs_f64())
}

/// Makes calls at this rate, whatever comes of them.
async fn offer(
    run: &Run,
    client: &BankClient,
    number: usize,
    rate: f64,
    told: &Told,
    is_over: &AtomicBool,
) -> Result<(), String> {
    let begun = Instant::now();
    let mut calls = VecDeque::new();
    let mut wanted = 0;
    while !is_over.load(Ordering::Relaxed) || !calls.is_empty() {
        let due = (begun.elapsed().as_secs_f64() * rate) as u64;
        while wanted < due && !is_over.load(Ordering::Relaxed) {
            wanted += 1;
            if calls.len() >= IN_FLIGHT_MAX {
                // Whoever waits for so many makes no more.
                told.held_back.fetch_add(due - wanted + 1, Ordering::Relaxed);
                wanted = due;
                break;
            }
            told.offered.fetch_add(1, Ordering::Relaxed);
            calls.push_back(Box::pin(client.deposit(FIRST + number as u64, 1)));
        }
        // In the order of the calls, as the replies come.
        while let Some(call) = calls.front_mut() {
            match pin!(call).poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(answer) => {
                    told.answer(answer)?;
                    calls.pop_front();
                    run.did(1);
                }
                Poll::Pending => break,
            }
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    Ok(())
}
