//! Bytes that somebody sends who means it badly.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use memstate_server_tests::{BankClient, hostile, random::Random, wire};

use crate::{
    ensure,
    harness::{Gate, Run, all},
    load::{FIRST, Ledger},
    server::Server,
};

pub const GATE: Gate = Gate {
    name: "hostile",
    promise: "hostile bytes end nothing but their connection, and take at most 32 MiB",
    run: |run| run.block_on(hostile(run)),
};

const MEMORY_MAX: u64 = 32 << 20;
/// Good clients beside.
const CLIENTS: usize = 4;
/// Hostile connections at once.
const AT_ONCE: usize = 8;
/// How long a connection may last after its end was said: what came before is still answered.
const PATIENCE: Duration = Duration::from_secs(20);

async fn hostile(run: &Run) -> Result<(), String> {
    let dir = tempfile::tempdir().map_err(|error| error.to_string())?;
    let mut server = Server::start_impatient(dir.path(), 4)?;
    let direct = server.client().await?;
    let messages = wire::recorded(server.address).await;
    let mut clients = Vec::new();
    for number in 0..CLIENTS as u64 {
        direct.open(FIRST + number, "Ann").await.map_err(|error| error.to_string())?;
        clients.push(server.client().await?);
    }
    warm_up(run, &server, &direct, &messages).await?;
    let ledger = Ledger::new(u64::MAX, CLIENTS);
    let good = all(clients
        .iter()
        .enumerate()
        .map(|(number, client)| ledger.deposit(run, client, number, Duration::from_millis(5))));
    let bad = async {
        let handmade = hostile::handmade();
        ensure!(handmade.len() >= 200, "only {} are made by hand", handmade.len());
        let at_first = memory(&server)?;
        let (mut most, mut worst) = (0, String::new());
        for case in &handmade {
            for is_greeted in [false, true] {
                let bytes = match is_greeted {
                    false => case.bytes.clone(),
                    true => [greeting(&messages, case.bytes.len() as u64), case.bytes.clone()].concat(),
                };
                let when = if is_greeted { "behind a greeting" } else { "as the first" };
                let told = |why: String| format!("`{}` {when}: {why}", case.tries);
                let before = memory(&server)?;
                say(&server, &bytes).await.map_err(told)?;
                let more = server.memory()?.1.saturating_sub(before);
                ensure!(more <= MEMORY_MAX, "{}", told(format!("{} MiB more memory", more >> 20)));
                if more > most {
                    (most, worst) = (more, told(format!("{} MiB", more >> 20)));
                }
                run.did(1);
            }
        }
        let left = server.memory()?.0.saturating_sub(at_first);
        run.says(format!(
            "{} by hand, each first and behind a greeting; the most memory took {worst}",
            handmade.len()
        ));
        run.says(format!("{} MiB more are left of all of them", left >> 20));
        ensure!(left <= MEMORY_MAX, "{} MiB more memory are left of those made by hand", left >> 20);
        let before = memory(&server)?;
        let count = run.of(10_000, 100_000, 10_000_000);
        let next = AtomicU64::new(0);
        all((0..AT_ONCE).map(|_| mutate(run, &server, &messages, &next, count))).await?;
        let more = server.memory()?.1.saturating_sub(before);
        ensure!(more <= MEMORY_MAX, "{} MiB more memory by {count} changed frames", more >> 20);
        run.says(format!("{count} changed frames, half of them first: {} MiB more", more >> 20));
        ledger.stop();
        Ok(())
    };
    tokio::try_join!(good, bad)?;
    ensure!(server.is_alive(), "the server has ended");
    run.says(format!("good clients beside: {}", ledger.check(&direct).await?));
    Ok(())
}

/// Fills what is bounded and lasts: remembered requests, the latest events, states of the past.
async fn warm_up(
    run: &Run,
    server: &Server,
    direct: &BankClient,
    messages: &[Vec<u8>],
) -> Result<(), String> {
    for _ in 0..run.of(10, 30, 30) {
        let deposits: Vec<_> = (0..10_000).map(|_| direct.deposit(1, 0)).collect();
        for deposit in deposits {
            deposit.await.map_err(|error| error.to_string())?;
        }
        run.did(1);
    }
    for number in 0..20 {
        let mut bytes = greeting(messages, u64::MAX - number);
        for message in &messages[1..] {
            bytes.extend(wire::frame(message));
        }
        say(server, &bytes).await?;
    }
    direct.snapshot().await.map_err(|error| error.to_string())?;
    Ok(())
}

/// How much memory the server has now; from now on its most is measured.
fn memory(server: &Server) -> Result<u64, String> {
    server.forget_peak()?;
    Ok(server.memory()?.0)
}

/// The good greeting, of a client of its own.
fn greeting(messages: &[Vec<u8>], client: u64) -> Vec<u8> {
    wire::frame(&wire::greeting_of(&messages[0], client))
}

async fn say(server: &Server, bytes: &[u8]) -> Result<(), String> {
    match wire::say(server.address, bytes, PATIENCE).await {
        Ok(ended) if ended.in_time => Ok(()),
        Ok(_) => Err(format!("the connection was not ended within {PATIENCE:?}")),
        Err(error) => Err(format!("nobody listens any more: {error}")),
    }
}

async fn mutate(
    run: &Run,
    server: &Server,
    messages: &[Vec<u8>],
    next: &AtomicU64,
    count: u64,
) -> Result<(), String> {
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= count {
            return Ok(());
        }
        let mut random = Random::new(run.seed ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let is_first = number.is_multiple_of(2);
        let bytes = match is_first {
            // A greeting as a rule, since nothing else is taken.
            true => {
                let which = if random.below(4) == 0 { random.below(messages.len() as u64) } else { 0 };
                hostile::mutated(&mut random, messages, which as usize)
            }
            false => {
                let which = random.below(messages.len() as u64) as usize;
                let mut bytes = greeting(messages, number);
                bytes.extend(hostile::mutated(&mut random, messages, which));
                bytes
            }
        };
        let told = |why| format!("changed frame {number} of seed {}: {why}; it is {bytes:02x?}", run.seed);
        say(server, &bytes).await.map_err(told)?;
        run.did(1);
    }
}
