//! One connection: its requests one after another, for as long as it keeps to its pace.

use std::{
    convert::Infallible, future::Future, net::SocketAddr, pin::Pin, sync::Arc, task::Poll, time::Duration,
};

use axum::{Router, body::Body};
use hyper::{
    Request, Response,
    body::{Body as _, Incoming},
    header::{CONNECTION, HeaderValue},
    server::conn::http1,
    service::{Service as _, service_fn},
};
use hyper_util::{rt::TokioIo, service::TowerToHyperService};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::pace::{Answer, Pace, Paced};
use crate::server::{
    Context,
    listen::{Accepted, Stream},
    telemetry::Front,
};

/// The smallest buffer that hyper takes.
const BUFFER_BYTES_MIN: usize = 8192;
/// How much of what nobody reads is taken off a connection before it is closed, and for how long.
const LEFT_BYTES: u64 = 1 << 20;
const LEFT_TIME: Duration = Duration::from_secs(1);

/// The other end of a connection.
#[derive(Debug)]
pub(super) struct Peer {
    pub(super) address: SocketAddr,
    /// Its certificate, as DER.
    pub(super) certificate: Option<Vec<u8>>,
    pub(super) pace: Arc<Pace>,
}

pub(super) async fn serve(accepted: Accepted, router: Router, context: Arc<Context>) {
    let limits = &context.settings.limits;
    let (peer, begun) = (accepted.peer, tokio::time::Instant::now());
    let connection = tokio::select! {
        secured = accepted.secure(limits.time_before_authentication) => match secured {
            Ok(connection) => connection,
            Err(error) => return tracing::debug!(%peer, %error, "a connection is not secured"),
        },
        () = context.stopping.cancelled() => return,
    };
    tracing::trace!(peer = %connection.peer, "a connection of HTTP");
    context.telemetry.connected(Front::Http);
    let pace = Pace::new(limits, begun);
    let other_end =
        Arc::new(Peer { address: peer, certificate: connection.certificate, pace: Arc::clone(&pace) });
    let stream = Paced { stream: connection.stream, pace, context: Arc::clone(&context) };
    if let Some(stream) = answer_all(stream, router, other_end, &context).await {
        let _ = tokio::time::timeout(LEFT_TIME, close(stream)).await;
    }
    // It counts until it is closed.
    drop(connection.permit);
    context.telemetry.disconnected(Front::Http);
}

/// Answers requests until there are no more. Gives the connection back if it has to be closed with care.
async fn answer_all(
    stream: Paced<Stream>,
    router: Router,
    peer: Arc<Peer>,
    context: &Context,
) -> Option<Stream> {
    let limits = &context.settings.limits;
    let pace = Arc::clone(&peer.pace);
    let router = TowerToHyperService::new(router);
    let service = service_fn(|request: Request<Incoming>| Box::pin(answer(request, &router, &peer)));
    let mut connection = http1::Builder::new()
        .header_read_timeout(None)
        .max_header_size(limits.bytes_before_authentication)
        .max_buf_size(limits.bytes_before_authentication.max(BUFFER_BYTES_MIN))
        .pipeline_flush(true)
        .serve_connection(TokioIo::new(stream), service);
    let mut stopping = Box::pin(context.stopping.cancelled());
    let mut is_stopping = false;
    let mut alarm = Box::pin(tokio::time::sleep(limits.time_before_authentication));
    let ended = std::future::poll_fn(|cx| {
        if !is_stopping && stopping.as_mut().poll(cx).is_ready() {
            is_stopping = true;
            Pin::new(&mut connection).graceful_shutdown();
        }
        if let Poll::Ready(ended) = connection.poll_without_shutdown(cx) {
            return Poll::Ready(Some(ended));
        }
        // Only what comes earlier than the alarm moves it; an alarm that is early finds out.
        if let Some(deadline) = pace.deadline()
            && deadline < alarm.deadline()
        {
            alarm.as_mut().reset(deadline);
        }
        while alarm.as_mut().poll(cx).is_ready() {
            let now = tokio::time::Instant::now();
            match pace.deadline() {
                Some(deadline) if deadline <= now => return Poll::Ready(None),
                Some(deadline) => alarm.as_mut().reset(deadline),
                None => alarm.as_mut().reset(now + limits.idle),
            }
        }
        Poll::Pending
    });
    // One that is too slow is cut as it is.
    ended.await?.inspect_err(|error| tracing::debug!(%error, "a connection of HTTP has ended")).ok();
    Some(connection.into_parts().io.into_inner().stream)
}

async fn answer(
    mut request: Request<Incoming>,
    router: &TowerToHyperService<Router>,
    peer: &Arc<Peer>,
) -> Result<Response<Answer>, Infallible> {
    peer.pace.answering(!request.body().is_end_stream());
    request.extensions_mut().insert(Arc::clone(peer));
    let mut response = router.call(request.map(Body::new)).await?;
    if peer.pace.is_body_left() {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    Ok(response.map(|body| Answer::new(body, Arc::clone(&peer.pace))))
}

/// Closes a connection so that what was sent last arrives: one that is closed with bytes left to read is reset, and what it
/// was sent may be lost with it.
async fn close(mut stream: Stream) {
    if stream.shutdown().await.is_ok() {
        let _ = tokio::io::copy(&mut (&mut stream).take(LEFT_BYTES), &mut tokio::io::sink()).await;
    }
}
