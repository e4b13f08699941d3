//! Very many connections that do nothing, or do it slowly, beside those that work.

use std::{
    fs,
    net::SocketAddr,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use memstate_server_tests::{BankClient, wire};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::{Semaphore, watch},
};
use tokio_rustls::{
    TlsConnector,
    client::TlsStream,
    rustls::{
        ClientConfig, RootCertStore,
        pki_types::{CertificateDer, ServerName, pem::PemObject},
    },
};

use crate::{
    ensure,
    harness::{Gate, Run, all, open_files_max},
    load::FIRST,
    server::{Server, Tls},
};

pub const GATE: Gate = Gate {
    name: "crowd",
    promise: "idle, slow and half-open connections take nothing from those that work, and are cut on time",
    run: |run| run.block_on(crowd(run)),
};

const WORKING: usize = 100;
/// How long after its begin a connection that does not greet may be there: the limit is 2 s, and machines are slow.
const CUT_WITHIN: Duration = Duration::from_secs(10);
/// How often who works calls.
const PACE: Duration = Duration::from_millis(25);

async fn crowd(run: &Run) -> Result<(), String> {
    let dir = tempfile::tempdir().map_err(|error| error.to_string())?;
    let tls = certificate(dir.path())?;
    let server = Server::start(&dir.path().join("bank"), Some(tls.clone()))?;
    let direct = server.client().await?;
    let mut clients = Vec::new();
    for number in 0..WORKING as u64 {
        direct.open(FIRST + number, "Ann").await.map_err(|error| error.to_string())?;
        clients.push(server.client().await?);
    }
    let (mut idle, mut slow) = (run.of(2_000, 10_000, 10_000), run.of(200, 1_000, 1_000));
    let room = open_files_max().saturating_sub(500) as usize;
    if idle + 2 * slow > room {
        run.says(format!("SCALED DOWN: only {room} files may be open; raise `ulimit -n` to 16384"));
        (idle, slow) = (room * 10 / 12, room / 12);
    }
    let window = Duration::from_secs(run.of(4, 10, 60));
    let messages = record(dir.path()).await?;
    let alone = latencies(run, &clients, window).await?;
    let before = server.sockets()?;

    // The crowd has threads of its own, so that those who work are not measured behind it.
    let crowd = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let crowd = crowd.map_err(|error| error.to_string())?;
    let connector = connector(&tls)?;
    let (leave, leaving) = watch::channel(());
    let (address, at_once) = (server.address, Arc::new(Semaphore::new(64)));
    let greeted = Arc::new(AtomicU64::new(0));
    let idlers: Vec<_> = (0..idle as u64)
        .map(|number| {
            let (connector, mut leaving, at_once) =
                (connector.clone(), leaving.clone(), Arc::clone(&at_once));
            let (hello, greeted) =
                (wire::frame(&wire::greeting_of(&messages[0], number)), Arc::clone(&greeted));
            crowd.spawn(async move {
                let permit = at_once.acquire_owned().await.map_err(|error| error.to_string())?;
                let mut stream = secure(&connector, address).await?;
                stream.write_all(&hello).await.map_err(|error| error.to_string())?;
                let mut welcome = [0; 512];
                let length = stream.read(&mut welcome).await.map_err(|error| error.to_string())?;
                ensure!(length > 4 && welcome[4] == wire::tell::WELCOME, "it was not greeted");
                greeted.fetch_add(1, Ordering::Relaxed);
                drop(permit);
                tokio::select! {
                    read = stream.read(&mut welcome[length..]) => match read {
                        // What was agreed may come by itself.
                        Ok(1..) => { let _ = leaving.changed().await; Ok(()) }
                        other => Err(format!("an idle connection was ended: {other:?}")),
                    },
                    _ = leaving.changed() => Ok(()),
                }
            })
        })
        .collect();
    while greeted.load(Ordering::Relaxed) < idle as u64 {
        if idlers.iter().any(tokio::task::JoinHandle::is_finished) {
            return Err("an idle connection could not be made, or was ended".to_owned());
        }
        run.did(greeted.load(Ordering::Relaxed));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let there = server.sockets()?;
    ensure!(there >= before + idle, "{there} connections are there, of {}", before + idle);
    let (memory, _) = server.memory()?;
    let hello = wire::frame(&messages[0]);
    let ends: Vec<_> = (0..2 * slow)
        .map(|number| {
            let (connector, hello) = (connector.clone(), hello.clone());
            crowd.spawn(async move {
                // Not all in one moment: it is what they do afterwards that is measured.
                tokio::time::sleep(window / 3 * number as u32 / (2 * slow) as u32).await;
                match number % 2 {
                    0 => trickle(&connector, address, &hello).await,
                    _ => half_open(address).await,
                }
            })
        })
        .collect();
    let beside = latencies(run, &clients, window).await?;
    let mut longest = Duration::ZERO;
    for end in ends {
        let lasted = end.await.map_err(|error| error.to_string())??;
        ensure!(lasted <= CUT_WITHIN, "a connection that does not greet was there for {lasted:?}");
        ensure!(lasted >= Duration::from_millis(1500), "one was cut after {lasted:?} already");
        longest = longest.max(lasted);
        run.did(1);
    }
    let there = server.sockets()?;
    ensure!(there <= before + idle, "{there} connections are there, when {} should be left", before + idle);
    leave.send_replace(());
    for idler in idlers {
        idler.await.map_err(|error| error.to_string())??;
    }
    let begun = Instant::now();
    while server.sockets()? > before {
        ensure!(begun.elapsed() < CUT_WITHIN, "{} connections are left, not {before}", server.sockets()?);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    crowd.shutdown_background();
    run.says(format!(
        "{idle} idle, {slow} slow and {slow} half-open connections under TLS; {} MiB in the server",
        memory >> 20
    ));
    run.says(format!(
        "the last that did not greet was cut after {longest:.1?}, and {WORKING} connections are left"
    ));
    // The machine may be shared.
    let alone = alone.max(latencies(run, &clients, window).await?);
    let ratio = beside.as_secs_f64() / alone.as_secs_f64();
    run.says(format!(
        "99 of 100 calls of {WORKING} clients within {alone:.1?} alone, {beside:.1?} beside: {ratio:.2} times"
    ));
    // On a shared machine it may be more than twice; below some milliseconds it is chance.
    ensure!(
        ratio <= 4.0 || beside < Duration::from_millis(20),
        "the crowd made calls {ratio:.1} times as slow"
    );
    Ok(())
}

/// Makes the certificate of `localhost`.
fn certificate(dir: &Path) -> Result<Tls, String> {
    let made =
        rcgen::generate_simple_self_signed(["localhost".to_owned()]).map_err(|error| error.to_string())?;
    let tls = Tls { certificate: dir.join("certificate.pem"), key: dir.join("key.pem") };
    let written = fs::write(&tls.certificate, made.cert.pem());
    written
        .and_then(|()| fs::write(&tls.key, made.signing_key.serialize_pem()))
        .map_err(|error| error.to_string())?;
    Ok(tls)
}

/// A greeting, of a client that is told the same surface.
async fn record(dir: &Path) -> Result<Vec<Vec<u8>>, String> {
    // Without TLS, because it is listened to.
    let plain = Server::start(&dir.join("recorded"), None)?;
    Ok(wire::recorded(plain.address).await)
}

fn connector(tls: &Tls) -> Result<TlsConnector, String> {
    let mut roots = RootCertStore::empty();
    let certificate = CertificateDer::from_pem_file(&tls.certificate).map_err(|error| error.to_string())?;
    roots.add(certificate).map_err(|error| error.to_string())?;
    let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

async fn secure(connector: &TlsConnector, address: SocketAddr) -> Result<TlsStream<TcpStream>, String> {
    let tcp = TcpStream::connect(address).await.map_err(|error| error.to_string())?;
    let name = ServerName::try_from("localhost").expect("it is a name");
    connector.connect(name, tcp).await.map_err(|error| error.to_string())
}

/// Greets with a byte a second; says how long the connection was there.
async fn trickle(connector: &TlsConnector, address: SocketAddr, hello: &[u8]) -> Result<Duration, String> {
    let begun = Instant::now();
    // With a thousand at once the handshake itself may take too long, and is cut.
    let Ok(stream) = secure(connector, address).await else { return Ok(begun.elapsed()) };
    let (mut read, mut write) = tokio::io::split(stream);
    let writing = async {
        for byte in hello {
            if write.write_all(&[*byte]).await.is_err() || write.flush().await.is_err() {
                break;
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        std::future::pending::<()>().await;
    };
    let reading = async { while let Ok(1..) = read.read(&mut [0; 256]).await {} };
    tokio::select! {
        () = writing => {}
        () = reading => {}
        () = tokio::time::sleep(3 * CUT_WITHIN) => {}
    }
    Ok(begun.elapsed())
}

/// Begins a handshake of TLS, and leaves it at that; says how long the connection was there.
async fn half_open(address: SocketAddr) -> Result<Duration, String> {
    let begun = Instant::now();
    let mut tcp = TcpStream::connect(address).await.map_err(|error| error.to_string())?;
    // A record of a handshake, of which only the begin comes.
    tcp.write_all(&[0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3]).await.map_err(|error| error.to_string())?;
    let reading = async { while let Ok(1..) = tcp.read(&mut [0; 256]).await {} };
    let _ = tokio::time::timeout(3 * CUT_WITHIN, reading).await;
    Ok(begun.elapsed())
}

/// Has all of them call, and says in which time 99 of 100 calls were answered.
async fn latencies(run: &Run, clients: &[BankClient], window: Duration) -> Result<Duration, String> {
    let end = Instant::now() + window;
    let each = all(clients.iter().enumerate().map(async |(number, client)| {
        let mut taken = Vec::new();
        // Not all at once.
        tokio::time::sleep(PACE * number as u32 / WORKING as u32).await;
        while Instant::now() < end {
            let begun = Instant::now();
            client.deposit(FIRST + number as u64, 1).await.map_err(|error| error.to_string())?;
            taken.push(begun.elapsed());
            run.did(1);
            tokio::time::sleep(PACE).await;
        }
        Ok(taken)
    }));
    let mut taken: Vec<_> = each.await?.into_iter().flatten().collect();
    taken.sort_unstable();
    Ok(taken[taken.len() * 99 / 100])
}
