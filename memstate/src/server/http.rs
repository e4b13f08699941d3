//! HTTP: JSON for everybody who has no typed client.
//!
//! ```text
//! connection ── routes ── gate: known? may they? ── calls, past, live ── calls::Context
//!     │            │                                  │
//!   pace        problem                        arguments, json
//! ```
//!
//! `routes` is the table of all that is answered. What a JSON value means as a type stands in `json`, and the OpenAPI description
//! in `openapi` says the same of it. Nothing in here knows TLS, tokens or roles: `access` does.

mod arguments;
mod body;
mod calls;
mod connection;
mod gate;
mod json;
mod live;
mod openapi;
mod pace;
mod page;
mod past;
mod problem;
mod routes;
#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
pub(crate) use routes::PATHS;
use tokio::{sync::Semaphore, task::JoinSet};

use super::{Context, listen::Listener};

/// How long what is in flight may take when the server stops.
const DRAIN: Duration = Duration::from_secs(10);

/// What all requests share.
struct Http {
    context: Arc<Context>,
    /// Bounds the calls that are being answered, on all connections together: one connection has one at a time.
    calls: Arc<Semaphore>,
    /// Bounds those who are told of events and answers, so that they leave connections for others.
    subscriptions: Arc<Semaphore>,
    /// The description of the model, as it is sent.
    openapi: Bytes,
}

impl Http {
    fn new(context: Arc<Context>) -> Self {
        let limits = &context.settings.limits;
        let openapi = openapi::describe(context.service.described()).to_string();
        Http {
            calls: Arc::new(Semaphore::new(limits.calls_in_flight)),
            subscriptions: Arc::new(Semaphore::new(limits.connections.div_ceil(2))),
            openapi: openapi.into(),
            context,
        }
    }
}

/// Answers HTTP until the server stops, and then finishes what is in flight.
pub(crate) async fn run(listener: Listener, context: Arc<Context>) {
    let router = routes::router(&Arc::new(Http::new(Arc::clone(&context))));
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                connections.spawn(connection::serve(accepted, router.clone(), Arc::clone(&context)));
            }
            // They are taken out as they end, so that there are as many as there are connections.
            Some(_) = connections.join_next() => {}
            () = context.stopping.cancelled() => break,
        }
    }
    drop(listener);
    let drained = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(DRAIN, drained).await.is_err() {
        tracing::warn!(left = connections.len(), "connections of HTTP that do not end are cut");
    }
}
