//! What somebody may take who is not known yet: 4 KiB and two seconds, over both fronts, under TLS and without.

use std::time::Duration;

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    time::timeout,
};

use crate::place::{LONG, Place};

/// The bytes before authentication, by default.
const LIMIT: usize = 4096;

/// All that comes until the other end closes, or resets.
async fn rest(bytes: &mut (impl AsyncRead + Unpin), what: &str) -> Vec<u8> {
    let mut read = Vec::new();
    let reading = async { while bytes.read_buf(&mut read).await.is_ok_and(|count| count > 0) {} };
    timeout(LONG, reading).await.unwrap_or_else(|_| panic!("{what}: the connection stays"));
    read
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_not_known_may_send_4_kib() {
    for is_secure in [false, true] {
        let place = Place::new(is_secure, |_| {}).await;
        let mut typed = place.bytes(false, false).await;
        // A frame of one byte more, and nothing of it.
        typed.write_all(&(LIMIT as u32 + 1).to_le_bytes()).await.expect("it is sent");
        typed.flush().await.expect("it is sent");
        let said = rest(&mut typed, "a frame").await;
        assert!(String::from_utf8_lossy(&said).contains("4097 bytes"), "{said:?}");

        let mut http = place.bytes(true, false).await;
        let head = format!("GET /queries/total HTTP/1.1\r\nHost: a\r\nX-A: {}\r\n", "a".repeat(LIMIT));
        // It may be closed before all of it is sent.
        let _ = http.write_all(head.as_bytes()).await;
        let _ = http.flush().await;
        let said = rest(&mut http, "a head").await;
        assert!(
            said.is_empty() || said.starts_with(b"HTTP/1.1 431 "),
            "{:?}",
            String::from_utf8_lossy(&said)
        );
        place.stop().await;
    }
}

/// The time is of the whole, and does not begin anew with each byte.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_not_known_may_take_two_seconds() {
    for is_secure in [false, true] {
        let place = Place::new(is_secure, |_| {}).await;
        let silent = async |is_http: bool| {
            let mut bytes = place.bytes(is_http, false).await;
            rest(&mut bytes, "nothing is said").await;
        };
        let slow = async |is_http: bool| {
            let bytes = place.bytes(is_http, false).await;
            let (mut read, mut write) = tokio::io::split(bytes);
            let begun: &[u8] = if is_http { b"GET / HTTP/1.1\r\nHost: " } else { &[0, 4, 0, 0] };
            let writing = async {
                let _ = write.write_all(begun).await;
                // Many times as long as it may take.
                for _ in 0..600 {
                    let is_there = write.write_all(b"a").await.is_ok() && write.flush().await.is_ok();
                    if !is_there {
                        return;
                    }
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
                panic!("a byte now and then: the connection stays");
            };
            tokio::select! {
                () = writing => {}
                _ = rest(&mut read, "a byte now and then") => {}
            }
        };
        // Under TLS, who never begins with that.
        let unsecured = async |is_http: bool| {
            let mut tcp = place.tcp(is_http).await;
            rest(&mut tcp, "no handshake").await;
        };
        let begun = tokio::time::Instant::now();
        tokio::join!(silent(true), silent(false), slow(true), slow(false), unsecured(true), unsecured(false));
        assert!(begun.elapsed() < LONG);
        place.stop().await;
    }
}
