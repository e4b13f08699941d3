//! Links cut at random.

use std::{sync::Arc, time::Duration};

use memstate_server_tests::{BankClient, BankQuery, BankReply, proxy::Proxy};

use crate::{
    ensure,
    harness::{Gate, Run, all},
    load::{FIRST, Ledger, end, subscribe},
    server::Server,
};

pub const GATE: Gate = Gate {
    name: "cut",
    promise: "links may be cut at any byte: each command happens once, streams and events have no gaps",
    run: |run| run.block_on(cut(run)),
};

const CLIENTS: usize = 4;
/// Calls at once, of each client.
const TASKS: usize = 16;
/// Accounts that a stream lists.
const LISTED: u64 = 2_000;

async fn cut(run: &Run) -> Result<(), String> {
    let dir = tempfile::tempdir().map_err(|error| error.to_string())?;
    let server = Server::start(dir.path(), None)?;
    let direct = server.client().await?;
    let accounts = (1..=LISTED).chain((0..CLIENTS as u64).map(|number| FIRST + number));
    let opened: Vec<_> = accounts.map(|account| direct.open(account, "Ann")).collect();
    for opened in opened {
        opened.await.map_err(|error| error.to_string())?;
    }
    let ledger = Ledger::new(run.of(10_000, 100_000, 2_000_000), CLIENTS);
    let mut proxies = Vec::new();
    let mut clients = Vec::new();
    for number in 0..CLIENTS as u64 {
        let proxy = Proxy::start(server.address, run.seed * 1000 + number, u64::MAX >> 1).await;
        let proxy = proxy.map_err(|error| error.to_string())?;
        clients.push(server.client_by(proxy.address).await?);
        proxies.push(proxy);
    }
    let depositing = async {
        let each = clients.iter().enumerate().flat_map(|(number, client)| {
            let ledger = &ledger;
            (0..TASKS).map(move |_| ledger.deposit(run, client, number, Duration::ZERO))
        });
        all(each).await?;
        // Subscribers have to hear of the end, and listed accounts to be there.
        end(&direct).await?;
        Ok(())
    };
    let subscribing = all(clients.iter().map(subscribe));
    let listing = all(clients.iter().map(|client| list(run, client, &ledger)));
    let watching = all(clients.iter().map(|client| watch(client, &ledger, &direct)));
    let ((), seen, listed, _) = tokio::try_join!(depositing, subscribing, listing, watching)?;
    // The last deposit is not one of those.
    direct.transfer(FIRST, 1, 777).await.map_err(|error| error.to_string())?;
    run.says(ledger.check(&direct).await?);
    let truth = subscribe(&direct).await?;
    for seen in &seen {
        seen.check(&truth)?;
    }
    let cuts: u64 = proxies.iter().map(Proxy::cuts).sum();
    let late: u64 = proxies.iter().map(Proxy::late).sum();
    let missed: usize = seen.iter().map(|seen| seen.times_missed()).sum();
    let (lists, broken) = listed.iter().fold((0, 0), |(a, b), (whole, broken)| (a + whole, b + broken));
    run.says(format!("{cuts} cuts of links, after {late} of which more arrived at the server"));
    run.says(format!(
        "{CLIENTS} subscribers saw {} events each, and were told {missed} times what they missed",
        truth.events()
    ));
    run.says(format!("{lists} streams of {LISTED} items came whole, {broken} were told to be broken"));
    ensure!(cuts > 20, "only {cuts} links were cut");
    ensure!(lists >= CLIENTS as u64, "no stream came whole");
    Ok(())
}

/// Lists accounts again and again: what comes of a list is its beginning, in order, and all of it unless it is told that it was broken.
async fn list(run: &Run, client: &BankClient, ledger: &Arc<Ledger>) -> Result<(u64, u64), String> {
    let (mut whole, mut broken) = (0, 0);
    while whole == 0 || !ledger.is_done() {
        let mut items = client.accounts(None);
        let mut next = 1;
        let is_whole = loop {
            match items.next().await {
                None => break true,
                Some(Err(_)) => break false,
                Some(Ok(line)) => {
                    let expected = if next <= LISTED { next } else { FIRST + next - LISTED - 1 };
                    ensure!(line.number == expected, "item {next} of a stream is {}", line.number);
                    next += 1;
                }
            }
        };
        match is_whole {
            true => {
                ensure!(next == LISTED + CLIENTS as u64 + 1, "a stream ended after {} items", next - 1);
                whole += 1;
            }
            false => broken += 1,
        }
        run.did(1);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok((whole, broken))
}

/// Watches the total until it is the last.
async fn watch(client: &BankClient, ledger: &Arc<Ledger>, direct: &BankClient) -> Result<(), String> {
    let mut totals = client.watch_query(BankQuery::Total {});
    let mut last = 0;
    loop {
        let next = match tokio::time::timeout(Duration::from_secs(1), totals.next()).await {
            Ok(Some(Ok(BankReply::Total(total)))) => Some(total),
            Ok(other) => return Err(format!("a watch gave {other:?}")),
            Err(_) => None,
        };
        if let Some(total) = next {
            ensure!(total >= last, "a watch went back from {last} to {total}");
            last = total;
        }
        if ledger.is_done() {
            let total = direct.total().await.map_err(|error| error.to_string())?;
            if total == last {
                return Ok(());
            }
        }
    }
}
