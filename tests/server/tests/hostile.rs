//! Bytes that somebody sends who means it badly end their connection, and nothing else. `memstate-load hostile` sends a hundred
//! thousand, and measures memory.

use std::{collections::HashSet, net::SocketAddr, time::Duration};

use memstate::server::Settings;
use memstate_server_tests::{Bank, hostile, random::Random, wire};

const PATIENCE: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_bytes_end_their_connection_and_nothing_else() {
    let mut settings = Settings::default();
    settings.listen = Some(SocketAddr::from(([127, 0, 0, 1], 0)));
    settings.http = None;
    // So long a client is listened to that has as much in flight as it may have, and is gone.
    settings.limits.idle = Duration::from_secs(2);
    let bank = memstate::open::<Bank>("memory:").await.unwrap();
    let serving = memstate::serve::<Bank>(&bank, settings).await.unwrap();
    let address = serving.address().unwrap();
    let good = memstate::connect::<Bank>(format!("memstate://{address}")).await.unwrap();
    good.open(1 << 40, "Ann").await.unwrap();
    let messages = wire::recorded(address).await;
    let variants: HashSet<_> = messages.iter().map(|message| message[0]).collect();
    // A good conversation has no reason to ping, and a server of the same version needs no description.
    assert!(variants.len() >= 12, "only {variants:?} were recorded");

    let handmade = hostile::handmade();
    assert!(handmade.len() >= 200);
    let mut deposits = 0;
    for (number, case) in handmade.iter().enumerate() {
        let greeting = wire::frame(&wire::greeting_of(&messages[0], number as u64));
        for bytes in [case.bytes.clone(), [greeting, case.bytes.clone()].concat()] {
            let ended = wire::say(address, &bytes, PATIENCE).await.unwrap();
            assert!(ended.in_time, "`{}` is still listened to", case.tries);
        }
        deposits += 1;
        assert_eq!(good.deposit(1 << 40, 1).await, Ok(deposits), "after `{}`", case.tries);
    }
    let mut random = Random::new(3);
    for number in 0..1000 {
        let which = random.below(messages.len() as u64) as usize;
        let mut bytes = wire::frame(&wire::greeting_of(&messages[0], 1 << 32 | number));
        bytes.extend(hostile::mutated(&mut random, &messages, which));
        let ended = wire::say(address, &bytes, PATIENCE).await.unwrap();
        assert!(ended.in_time, "a changed frame is still listened to: {bytes:02x?}");
    }
    assert_eq!(good.deposit(1 << 40, 1).await, Ok(deposits + 1));
    serving.stop().await;
}
