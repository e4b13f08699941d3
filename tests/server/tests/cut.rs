//! Links that are cut: what was called happens once all the same. `memstate-load cut` does it a hundred thousand times.

use std::{net::SocketAddr, time::Duration};

use memstate::{
    Error, NotJournaled, Position,
    server::{Serving, Settings},
};
use memstate_server_tests::{Bank, BankClient, BankEvent, proxy::Proxy, wire};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

async fn served() -> (BankClient, Serving, SocketAddr) {
    let mut settings = Settings::default();
    settings.listen = Some(SocketAddr::from(([127, 0, 0, 1], 0)));
    settings.http = None;
    let bank = memstate::open::<Bank>("memory:").await.unwrap();
    let serving = memstate::serve::<Bank>(&bank, settings).await.unwrap();
    let address = serving.address().unwrap();
    (bank, serving, address)
}

async fn connected(address: SocketAddr) -> BankClient {
    loop {
        match memstate::connect::<Bank>(format!("memstate://{address}")).await {
            Ok(client) => return client,
            // Greetings are cut too.
            Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_happen_once_and_events_come_once_however_links_are_cut() {
    let (bank, serving, address) = served().await;
    bank.open(1, "Ann").await.unwrap();
    let proxy = Proxy::start(address, 7, 40).await.unwrap();
    let client = connected(proxy.address).await;
    let subscriber = client.clone();
    let subscribed = tokio::spawn(async move {
        let mut events = subscriber.events(Position::new(2));
        let (mut positions, mut missed) = (Vec::new(), Vec::new());
        loop {
            match events.next().await.expect("it goes on") {
                Ok((_, BankEvent::Deposited { amount: 777, .. })) => return (positions, missed),
                Ok((position, _)) => positions.push(position),
                // On a machine that is slow it may be told so.
                Err(Error::Missed { after, through }) => missed.push((after, through)),
                Err(error) => panic!("{error}"),
            }
        }
    });
    let mut tasks = JoinSet::new();
    for _ in 0..20 {
        let client = client.clone();
        tasks.spawn(async move {
            let mut balances = Vec::new();
            while balances.len() < 1000 {
                balances.push(client.deposit(1, 1).await.unwrap());
            }
            balances
        });
    }
    let mut balances: Vec<_> = tasks.join_all().await.into_iter().flatten().collect();
    balances.sort_unstable();
    assert!(balances.into_iter().eq(1..=20_000), "each deposit once, each with a reply of its own");
    assert_eq!(bank.balance(1).await, Ok(20_000));
    client.deposit(1, 777).await.unwrap();
    let (positions, missed) = subscribed.await.unwrap();
    assert!(positions.is_sorted_by(|one, next| one < next), "none twice, all in order");
    assert!(positions.len() == 20_000 || !missed.is_empty(), "only {} events came", positions.len());
    assert!(proxy.cuts() >= 5, "only {} links were cut", proxy.cuts());
    client.close().await.unwrap();
    serving.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_come_whole_or_are_told_to_be_broken() {
    let (bank, serving, address) = served().await;
    for account in 1..=3000 {
        drop(bank.open(account, "Ann"));
    }
    bank.deposit(3000, 1).await.unwrap();
    let proxy = Proxy::start(address, 11, 30).await.unwrap();
    let client = connected(proxy.address).await;
    let mut whole = 0;
    for _ in 0..60 {
        let mut items = client.accounts(None);
        // What has arrived before it is looked at may have been cut and asked for again.
        tokio::time::sleep(Duration::from_millis(5)).await;
        let mut next = 1;
        whole += loop {
            match items.next().await {
                Some(Ok(line)) => assert_eq!(line.number, next),
                Some(Err(error)) => {
                    assert!(error.to_string().contains("in the middle of it"), "{error}");
                    break 0;
                }
                None => {
                    assert_eq!(next, 3001, "the end came too early");
                    break 1;
                }
            }
            next += 1;
        };
    }
    assert!(whole > 0 && proxy.cuts() >= 5, "{whole} came whole, {} links were cut", proxy.cuts());
    client.close().await.unwrap();
    serving.stop().await;
}

/// A command is on its way when its client loses the connection, and arrives when the client has long been told its reply, and so
/// many others have happened that it is not remembered.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_arrives_on_a_connection_that_its_client_has_left_does_not_happen_again() {
    let (bank, serving, address) = served().await;
    bank.open(1, "Ann").await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let between = listener.local_addr().unwrap();
    let (hold, held) = tokio::sync::oneshot::channel();
    tokio::spawn(async move {
        let (mut near, _) = listener.accept().await.unwrap();
        let mut far = TcpStream::connect(address).await.unwrap();
        let mut bytes = vec![0; 64 << 10];
        // The greetings, and no more.
        let length = near.read(&mut bytes).await.unwrap();
        far.write_all(&bytes[..length]).await.unwrap();
        let mut answers = Vec::new();
        while wire::messages(&answers).len() < 2 {
            let length = far.read(&mut bytes).await.unwrap();
            answers.extend_from_slice(&bytes[..length]);
        }
        near.write_all(&answers).await.unwrap();
        // The command is on its way, and the client loses the connection.
        let length = near.read(&mut bytes).await.unwrap();
        drop(near);
        hold.send((far, bytes[..length].to_vec())).unwrap();
        // The next is left alone.
        let (mut near, _) = listener.accept().await.unwrap();
        let mut far = TcpStream::connect(address).await.unwrap();
        let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
    });
    let client = connected(between).await;
    assert_eq!(client.deposit(1, 1).await, Ok(1));
    let (mut far, late) = held.await.unwrap();
    assert!(!late.is_empty());
    let others = connected(address).await;
    for _ in 0..8 {
        let calls: Vec<_> = (0..10_000).map(|_| others.curse(7)).collect();
        for call in calls {
            call.await.unwrap();
        }
    }
    // The server may have closed it, as it should.
    let _ = far.write_all(&late).await;
    let _ = tokio::time::timeout(Duration::from_secs(2), far.read(&mut [0; 100])).await;
    assert_eq!(bank.balance(1).await, Ok(1), "it has happened twice");
    serving.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn as_many_commands_as_may_wait_are_done_or_refused_and_never_unknown() {
    let (bank, serving, address) = served().await;
    bank.open(1, "Ann").await.unwrap();
    // So many connections that the engine has as much to do as it takes, which is as many requests as it remembers.
    let mut tasks = JoinSet::new();
    for _ in 0..20 {
        let client = connected(address).await;
        tasks.spawn(async move {
            let mut done = 0;
            let calls: Vec<_> = (0..12_000).map(|_| client.deposit(1, 1)).collect();
            for call in calls {
                match call.await {
                    Ok(_) => done += 1,
                    Err(Error::NotJournaled(NotJournaled::Overloaded { .. })) => {}
                    Err(error) => panic!("{error}"),
                }
            }
            done
        });
    }
    let done: u64 = tasks.join_all().await.into_iter().sum();
    assert_eq!(bank.balance(1).await, Ok(done));
    serving.stop().await;
}
