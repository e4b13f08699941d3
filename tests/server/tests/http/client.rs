//! A client of HTTP/1.1 that hides nothing.

use std::{collections::HashMap, net::SocketAddr, time::Duration};

use serde_json::Value as Json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

/// Longer than anything takes that does not hang.
pub const LONG: Duration = Duration::from_secs(30);

/// A connection.
pub struct Web {
    pub stream: TcpStream,
    unread: Vec<u8>,
    /// Server-sent events that were not looked at.
    told: String,
}

/// What came back.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: HashMap<String, String>,
    pub body: Vec<u8>,
}

impl Reply {
    pub fn json(&self) -> Json {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    /// That it is a problem of this status and kind, and which.
    pub fn problem(&self, status: u16, kind: &str) -> Json {
        assert_eq!(self.status, status, "{}", self.text());
        assert_eq!(self.header("content-type"), "application/problem+json");
        let problem = self.json();
        assert_eq!(problem["type"], format!("/docs#{kind}"), "{problem}");
        assert_eq!(problem["status"], status);
        assert!(problem["title"].is_string() && problem["detail"].is_string(), "{problem}");
        problem
    }

    /// That it went well, and what was given.
    pub fn value(&self) -> Json {
        assert_eq!(self.status, 200, "{}", self.text());
        let mut json = self.json();
        assert_eq!(self.header("memstate-position"), json["position"].to_string());
        json["value"].take()
    }
}

impl Web {
    pub async fn to(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.expect("it is listened on");
        Web { stream, unread: Vec::new(), told: String::new() }
    }

    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).await.expect("it is sent");
    }

    /// Sends a request without waiting for what comes back.
    pub async fn ask(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: Option<&str>) {
        let mut head = format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\n");
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if let Some(body) = body {
            if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type")) {
                head.push_str("Content-Type: application/json\r\n");
            }
            head.push_str(&format!("Content-Length: {}\r\n", body.len()));
        }
        self.send(format!("{head}\r\n{}", body.unwrap_or_default())).await;
    }

    pub async fn call(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&str>,
    ) -> Reply {
        self.ask(method, path, headers, body).await;
        self.reply(method == "HEAD").await
    }

    pub async fn get(&mut self, path: &str) -> Reply {
        self.call("GET", path, &[], None).await
    }

    pub async fn post(&mut self, path: &str, body: &str) -> Reply {
        self.call("POST", path, &[], Some(body)).await
    }

    /// Reads more; `false` at the end.
    async fn more(&mut self) -> bool {
        let mut block = [0; 16 << 10];
        let read = timeout(LONG, self.stream.read(&mut block)).await.expect("something comes");
        let count = read.unwrap_or(0);
        self.unread.extend(&block[..count]);
        count > 0
    }

    /// Everything through `end`; `None` if the connection ends before.
    pub async fn through(&mut self, end: &[u8]) -> Option<Vec<u8>> {
        loop {
            if let Some(at) = self.unread.windows(end.len()).position(|bytes| bytes == end) {
                return Some(self.unread.drain(..at + end.len()).collect());
            }
            if !self.more().await {
                return None;
            }
        }
    }

    async fn exactly(&mut self, count: usize) -> Vec<u8> {
        while self.unread.len() < count {
            assert!(self.more().await, "the connection ended within an answer");
        }
        self.unread.drain(..count).collect()
    }

    /// The head of an answer.
    pub async fn head(&mut self) -> (u16, HashMap<String, String>) {
        let head = self.through(b"\r\n\r\n").await.expect("an answer comes");
        let head = String::from_utf8(head).expect("a head is text");
        let mut lines = head.trim_end().split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1)).expect("a status");
        let header =
            |line: &str| line.split_once(": ").map(|(name, value)| (name.to_owned(), value.to_owned()));
        (status.parse().expect("a status"), lines.filter_map(header).collect())
    }

    /// A chunk of a body; `None` after the last.
    pub async fn chunk(&mut self) -> Option<Vec<u8>> {
        let size = self.through(b"\r\n").await?;
        let size = String::from_utf8(size).expect("a size is text");
        let size = usize::from_str_radix(size.trim(), 16).expect("a size");
        let chunk = self.exactly(size).await;
        self.exactly(2).await;
        (size > 0).then_some(chunk)
    }

    pub async fn reply(&mut self, is_head: bool) -> Reply {
        let (status, headers) = self.head().await;
        let mut body = Vec::new();
        if !is_head {
            if headers.get("transfer-encoding").is_some_and(|coding| coding == "chunked") {
                while let Some(chunk) = self.chunk().await {
                    body.extend(chunk);
                }
            } else if let Some(length) = headers.get("content-length") {
                body = self.exactly(length.parse().expect("a length")).await;
            }
        }
        Reply { status, headers, body }
    }

    /// What else comes, until the other end closes.
    pub async fn rest(&mut self) -> Vec<u8> {
        while self.more().await {}
        std::mem::take(&mut self.unread)
    }

    /// Begins a stream of server-sent events.
    pub async fn subscribe(&mut self, path: &str, headers: &[(&str, &str)]) {
        self.ask("GET", path, headers, None).await;
        let (status, headers) = self.head().await;
        assert_eq!(status, 200, "{headers:?}");
        assert_eq!(headers["content-type"], "text/event-stream");
        assert_eq!(self.block().await.as_deref(), Some("retry: 1000"));
    }

    /// The next block of a stream of server-sent events, without signs of life; `None` at its end.
    pub async fn block(&mut self) -> Option<String> {
        loop {
            if let Some(at) = self.told.find("\n\n") {
                let block: String = self.told.drain(..at + 2).collect();
                if !block.starts_with(':') {
                    return Some(block.trim_end().to_owned());
                }
                continue;
            }
            let chunk = self.chunk().await?;
            self.told.push_str(std::str::from_utf8(&chunk).expect("events are text"));
        }
    }

    /// The next event: its id, its name and its data.
    pub async fn event(&mut self) -> Option<(String, String, Json)> {
        let block = self.block().await?;
        let field = |name: &str| {
            let line = block.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
            line.unwrap_or_default().to_owned()
        };
        let data = serde_json::from_str(&field("data")).expect("the data is JSON");
        Some((field("id"), field("event"), data))
    }
}
