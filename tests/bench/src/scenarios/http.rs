//! `http`: commands and queries over HTTP, against a handler of axum that does nothing.
//!
//! Both are asked by the same clients, of which each has a connection that it keeps, and sends a request when the response to the one
//! before is there. They know no more of HTTP than how long a response is, so that the servers have most of the processor. The
//! handler reads the body, and answers with as many bytes as the server's response has.

use std::{
    io,
    net::SocketAddr,
    sync::atomic::{AtomicUsize, Ordering},
    time::Instant,
};

use axum::{Router, body::Bytes, http::header::CONTENT_TYPE, routing::any, serve::ListenerExt};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    runtime::Runtime,
};

use super::{Rows, remote::Served};
use crate::{
    bank::{ACCOUNTS, Transfers},
    measure::{Aim, Better, Latencies, Row, rate, take_turns},
    setting::Setting,
};

type Fallible<T> = Result<T, Box<dyn std::error::Error>>;

/// How many connections there are, each with one request on its way.
const CONNECTIONS: usize = 256;
const REQUESTS: usize = 200_000;
/// How many bytes a response may have.
const RESPONSE_BYTES_MAX: usize = 4096;
/// What the head of the handler's response has: the status, a type, a length and the date.
const HEAD_BYTES: usize = 109;

/// Appends the next request.
type Ask = fn(&mut Transfers, &mut Vec<u8>);

/// What a round came to.
struct Round {
    rate: f64,
    p50: f64,
    p99: f64,
}

pub fn run(setting: &Setting) -> Rows {
    let runtime = || tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let (server, clients) = (runtime()?, runtime()?);
    let requests = setting.sized(REQUESTS, 2 * CONNECTIONS);
    let mut rows = Vec::new();
    let each: [(&str, &str, Ask); 2] = [("command", "commands/s", command), ("query", "queries/s", query)];
    for (name, unit, ask) in each {
        if !setting.wants(name) {
            continue;
        }
        // How large the latest response of ours was.
        let bytes = AtomicUsize::new(0);
        let ours = || {
            let served = server.block_on(Served::open(setting))?;
            let round = clients.block_on(load(served.http_address()?, requests, ask, &bytes));
            server.block_on(served.close())?;
            round
        };
        // Ours is the first in the first round.
        let idle = || nothing(&server, &clients, requests, ask, bytes.load(Ordering::Relaxed));
        let (ours, idle) = take_turns(setting, &format!("http, {name}"), ours, idle)?;
        let of = |all: &[Round], figure: fn(&Round) -> f64| all.iter().map(figure).collect::<Vec<_>>();
        let [rates, idle] = [of(&ours, |round| round.rate), of(&idle, |round| round.rate)];
        let row = Row::against(name, unit, Better::More, &rates, "axum", &idle);
        rows.push(row.aims(Aim::Ratio(0.6)));
        rows.push(Row::alone(format!("{name}_p50"), "µs", &of(&ours, |round| round.p50)));
        rows.push(Row::alone(format!("{name}_p99"), "µs", &of(&ours, |round| round.p99)));
    }
    Ok(rows)
}

fn command(random: &mut Transfers, request: &mut Vec<u8>) {
    let next = random.next();
    let body = format!(r#"{{"from":{},"to":{},"amount":{}}}"#, next.from, next.to, next.amount);
    let length = body.len();
    let head = "POST /commands/transfer HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json";
    request.extend_from_slice(format!("{head}\r\ncontent-length: {length}\r\n\r\n{body}").as_bytes());
}

fn query(random: &mut Transfers, request: &mut Vec<u8>) {
    let account = random.below(ACCOUNTS);
    let head = format!("GET /queries/balance?account={account} HTTP/1.1\r\nhost: localhost\r\n\r\n");
    request.extend_from_slice(head.as_bytes());
}

/// The same requests to a handler that does nothing, and answers with `bytes` bytes in all.
fn nothing(server: &Runtime, clients: &Runtime, requests: usize, ask: Ask, bytes: usize) -> Fallible<Round> {
    let listener = server.block_on(TcpListener::bind("127.0.0.1:0"))?;
    let address = listener.local_addr()?;
    let body = Bytes::from(vec![b'0'; bytes.saturating_sub(HEAD_BYTES)]);
    let answer = move |_: Bytes| {
        let body = body.clone();
        async move { ([(CONTENT_TYPE, "application/json")], body) }
    };
    let router = Router::new().route("/commands/{name}", any(answer.clone()));
    let router = router.route("/queries/{name}", any(answer));
    let listener = listener.tap_io(|stream| {
        let _ = stream.set_nodelay(true);
    });
    let serving = server.spawn(async move { axum::serve(listener, router).await });
    let round = clients.block_on(load(address, requests, ask, &AtomicUsize::new(0)));
    serving.abort();
    round
}

/// Has so many requests answered, and notes how large the last response was.
async fn load(address: SocketAddr, requests: usize, ask: Ask, bytes: &AtomicUsize) -> Fallible<Round> {
    let mut streams = Vec::new();
    for _ in 0..CONNECTIONS {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        streams.push(stream);
    }
    let began = Instant::now();
    let tasks: Vec<_> = (0..)
        .zip(streams)
        .map(|(number, stream)| {
            let of_each = requests / CONNECTIONS + usize::from(number < requests % CONNECTIONS);
            tokio::spawn(connection(stream, Transfers::new(ACCOUNTS, number as u64), of_each, ask))
        })
        .collect();
    let mut all = Latencies::with_capacity(requests);
    for task in tasks {
        let (took, last) = task.await??;
        all.append(took);
        bytes.store(last, Ordering::Relaxed);
    }
    let rate = rate(requests, began.elapsed());
    Ok(Round { rate, p50: all.quantile(0.5), p99: all.quantile(0.99) })
}

/// Requests one after another; also says how large the last response was.
async fn connection(
    mut stream: TcpStream,
    mut random: Transfers,
    requests: usize,
    ask: Ask,
) -> io::Result<(Latencies, usize)> {
    let mut all = Latencies::with_capacity(requests);
    let (mut request, mut response) = (Vec::new(), Vec::with_capacity(RESPONSE_BYTES_MAX));
    for _ in 0..requests {
        request.clear();
        ask(&mut random, &mut request);
        response.clear();
        let began = Instant::now();
        stream.write_all(&request).await?;
        while !is_whole(&response)? {
            if stream.read_buf(&mut response).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        all.add(began.elapsed());
    }
    Ok((all, response.len()))
}

/// Whether a response has come to its end, which has to be a good one.
fn is_whole(response: &[u8]) -> io::Result<bool> {
    let Some(head) = response.windows(4).position(|end| end == b"\r\n\r\n") else { return Ok(false) };
    let (head, body) = response.split_at(head + 4);
    let odd = || io::Error::other(String::from_utf8_lossy(response).into_owned());
    let text = std::str::from_utf8(head).map_err(io::Error::other)?;
    let length = text.lines().find_map(|line| line.strip_prefix("content-length: "));
    let length: usize = length.and_then(|length| length.parse().ok()).ok_or_else(odd)?;
    match text.starts_with("HTTP/1.1 200 ") {
        true => Ok(body.len() >= length),
        false if body.len() >= length => Err(odd()),
        false => Ok(false),
    }
}
