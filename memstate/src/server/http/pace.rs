//! How long a connection may take: for the head of a request, between requests, and to take what is sent to it.
//!
//! Hyper knows when a head is late, but takes the time between two requests for a late head too.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use axum::body::Body;
use hyper::body::{Bytes, Frame, SizeHint};
use parking_lot::Mutex;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::Instant,
};

use crate::server::{Limits, telemetry::Front};

/// What a connection is at, and until when.
#[derive(Debug, Clone, Copy)]
enum At {
    /// A head has begun, or the connection is new and nobody is known yet.
    Head(Instant),
    /// Between two requests.
    Idle(Instant),
    /// A request is being answered; its body has limits of its own.
    Answering,
}

/// Shared by the bytes of a connection, its requests and its answers.
#[derive(Debug)]
pub(super) struct Pace {
    now: Mutex<Now>,
    for_head: Duration,
    idle: Duration,
}

#[derive(Debug)]
struct Now {
    at: At,
    /// Until when the other end has to take more, if it does not take anything now.
    stalled: Option<Instant>,
    /// Whether bytes of a body are left that nobody will read.
    is_body_left: bool,
}

impl Pace {
    /// Of a connection that began then: the handshake of TLS is a part of the time that a caller has who is not known.
    pub(super) fn new(limits: &Limits, begun: Instant) -> Arc<Self> {
        let for_head = limits.time_before_authentication;
        let at = At::Head(begun + for_head);
        let now = Mutex::new(Now { at, stalled: None, is_body_left: false });
        Arc::new(Pace { now, for_head, idle: limits.idle })
    }

    /// When the connection has to be cut if nothing happens until then.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let now = self.now.lock();
        let until = match now.at {
            At::Head(until) | At::Idle(until) => Some(until),
            At::Answering => None,
        };
        match (until, now.stalled) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        }
    }

    /// A request has come.
    pub(super) fn answering(&self, has_body: bool) {
        let mut now = self.now.lock();
        now.at = At::Answering;
        now.is_body_left = has_body;
    }

    /// The body of the request was read to its end.
    pub(super) fn body_is_read(&self) {
        self.now.lock().is_body_left = false;
    }

    /// Whether what was sent is not read to its end, so that no other request can come behind it.
    pub(super) fn is_body_left(&self) -> bool {
        self.now.lock().is_body_left
    }

    fn answered(&self) {
        self.now.lock().at = At::Idle(Instant::now() + self.idle);
    }

    fn read(&self) {
        let mut now = self.now.lock();
        if let At::Idle(_) = now.at {
            now.at = At::Head(Instant::now() + self.for_head);
        }
    }

    fn written(&self, is_taken: bool) {
        let mut now = self.now.lock();
        match (is_taken, now.stalled) {
            (true, _) => now.stalled = None,
            (false, None) => now.stalled = Some(Instant::now() + self.idle),
            (false, Some(_)) => {}
        }
    }
}

/// The bytes of a connection.
pub(super) struct Paced<S> {
    pub(super) stream: S,
    pub(super) pace: Arc<Pace>,
    /// Is told how many there are.
    pub(super) context: Arc<crate::server::Context>,
}

impl<S: AsyncRead + Unpin> AsyncRead for Paced<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
        let count = buffer.filled().len() - before;
        if count > 0 {
            self.pace.read();
            self.context.telemetry.received(Front::Http, count);
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Paced<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.pace.written(written.is_ready());
        if let Poll::Ready(Ok(count)) = written {
            self.context.telemetry.sent(Front::Http, count);
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        self.pace.written(flushed.is_ready());
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// An answer. When it is gone, the next request may come.
pub(super) struct Answer {
    body: Body,
    pace: Arc<Pace>,
}

impl Answer {
    pub(super) fn new(body: Body, pace: Arc<Pace>) -> Self {
        Answer { body, pace }
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.pace.answered();
    }
}

impl hyper::body::Body for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        hyper::body::Body::poll_frame(Pin::new(&mut self.body), cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
