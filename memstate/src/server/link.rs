//! Typed clients: frames over TCP.
//!
//! A connection is one task: it reads frames, has them done, and writes what comes of them, all when it is polled. Commands are
//! answered by the engine in the order in which they were sent, so only the oldest of them is waited for; everything else that is
//! not answered at once is a task of its own that hands in frames.
//!
//! Whoever sends more than may be in flight, or does not read what is sent, is not read from any more until there is room again.

mod clients;
mod conversation;
mod dialects;
mod streams;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use tokio::time::Instant;
use tokio_util::task::TaskTracker;

use self::{clients::Clients, conversation::Conversation, dialects::Dialects};
use super::{Context, listen::Listener, telemetry::Front};

/// Answers typed clients until the server stops, and then finishes what is in flight.
pub(crate) async fn run(listener: Listener, context: Arc<Context>) {
    let (dialects, clients) = (Arc::new(Dialects::default()), Arc::new(Clients::default()));
    let connections = TaskTracker::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = context.stopping.cancelled() => break,
        };
        let (context, dialects) = (Arc::clone(&context), Arc::clone(&dialects));
        let clients = Arc::clone(&clients);
        connections.spawn(async move {
            let (peer, begun) = (accepted.peer, Instant::now());
            let limit = context.settings.limits.time_before_authentication;
            match accepted.secure(limit).await {
                Ok(connection) => {
                    context.telemetry.connected(Front::Link);
                    let ended = Conversation::have(connection, begun, &context, &dialects, &clients).await;
                    if let Err(why) = ended {
                        tracing::debug!(%peer, why, "a connection has ended");
                    }
                    context.telemetry.disconnected(Front::Link);
                }
                Err(error) => tracing::debug!(%peer, %error, "a connection could not be secured"),
            }
        });
    }
    drop(listener);
    connections.close();
    connections.wait().await;
}
