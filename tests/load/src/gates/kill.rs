//! The server, killed and started again under load.

use std::time::Duration;

use memstate_server_tests::random::Random;

use crate::{
    ensure,
    harness::{Gate, Run, all},
    load::{FIRST, Ledger, end, subscribe},
    server::Server,
};

pub const GATE: Gate = Gate {
    name: "kill",
    promise: "a server that is killed and started again has each command once, and its clients go on",
    run: |run| run.block_on(kill(run)),
};

const CLIENTS: usize = 4;
const TASKS: usize = 16;

async fn kill(run: &Run) -> Result<(), String> {
    let dir = tempfile::tempdir().map_err(|error| error.to_string())?;
    let mut server = Server::start(dir.path(), None)?;
    let direct = server.client().await?;
    let mut clients = Vec::new();
    for number in 0..CLIENTS as u64 {
        direct.open(FIRST + number, "Ann").await.map_err(|error| error.to_string())?;
        clients.push(server.client().await?);
    }
    // More than there will be: it ends with the kills.
    let ledger = Ledger::new(u64::MAX, CLIENTS);
    let subscriber = clients[0].clone();
    let subscribing = tokio::spawn(async move { subscribe(&subscriber).await });
    let kills = run.of(4, 25, 500);
    // Slowly, so that the journal stays small enough for many restarts.
    let pace = Duration::from_millis(2);
    let depositing = all((0..CLIENTS * TASKS).map(|task| {
        let number = task % CLIENTS;
        ledger.deposit(run, &clients[number], number, pace)
    }));
    let killing = async {
        let mut random = Random::new(run.seed);
        for _ in 0..kills {
            tokio::time::sleep(Duration::from_millis(50 + random.below(400))).await;
            server.kill()?;
            // Now and then so long that clients wait longer before they try again.
            tokio::time::sleep(Duration::from_millis(random.below(3) * 100)).await;
            server.restart()?;
            direct.deposit(FIRST, 0).await.map_err(|error| format!("nobody answers any more: {error}"))?;
        }
        ledger.stop();
        Ok(())
    };
    tokio::try_join!(depositing, killing)?;
    run.says(format!("{kills} kills"));
    let checked = ledger.check(&direct).await?;
    ensure!(ledger.unknown() == 0, "clients that wait for 30 s were told that an outcome is unknown");
    run.says(checked);
    end(&direct).await?;
    let seen = subscribing.await.map_err(|error| error.to_string())??;
    seen.check(&subscribe(&direct).await?)?;
    run.says(format!("a subscriber saw {} events, none twice", seen.events()));
    Ok(())
}
