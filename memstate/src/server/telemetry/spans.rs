//! Spans of `tracing` from a call to its reply.
//!
//! They are of the level `debug`, so by default they are never made. They hold names, and neither arguments nor answers.

use std::{cell::RefCell, marker::PhantomData, net::SocketAddr};

use tracing::{Level, Span, field::Empty};

use super::{CallOutcome, Front};
use crate::{Position, RequestId};

/// The target of the spans of calls, for filters.
pub(crate) const TARGET: &str = "memstate::calls";

/// From where the calls come that a thread is about to make.
struct Origin {
    peer: SocketAddr,
    #[cfg(feature = "otel")]
    parent: Option<opentelemetry::Context>,
}

thread_local! {
    static ORIGIN: RefCell<Option<Origin>> = const { RefCell::new(None) };
}

/// As long as it is there, calls that this thread makes come from somewhere. It cannot be held while something is awaited.
#[must_use = "it holds as long as it is there"]
pub(crate) struct Incoming {
    before: Option<Origin>,
    is_set: bool,
    stays_on_this_thread: PhantomData<*const ()>,
}

/// Says from where the calls come that follow: from whom, and as a part of which trace, in the words of W3C's `traceparent`. What is
/// no such words is passed over. It costs next to nothing where nobody looks at the spans.
pub(crate) fn incoming(peer: SocketAddr, traceparent: Option<&str>) -> Incoming {
    let is_set = tracing::enabled!(target: TARGET, Level::DEBUG);
    let before = match is_set {
        true => ORIGIN.replace(Some(Origin {
            peer,
            #[cfg(feature = "otel")]
            parent: traceparent.and_then(super::otlp::parent),
        })),
        false => None,
    };
    #[cfg(not(feature = "otel"))]
    let _ = traceparent;
    Incoming { before, is_set, stays_on_this_thread: PhantomData }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        if self.is_set {
            ORIGIN.set(self.before.take());
        }
    }
}

/// The span of a command, until its reply.
#[inline]
pub(crate) fn command_span(
    method: &str,
    front: Front,
    caller: Option<&str>,
    request: Option<RequestId>,
) -> Span {
    let span = tracing::debug_span!(
        target: TARGET,
        "command",
        method,
        front = front.name(),
        caller,
        request = request.map(tracing::field::display),
        peer = Empty,
        position = Empty,
        outcome = Empty,
    );
    come_from_there(&span);
    span
}

/// The span of a query, until its answer.
#[inline]
pub(crate) fn query_span(method: &str, front: Front, caller: Option<&str>) -> Span {
    let span = tracing::debug_span!(
        target: TARGET,
        "query",
        method,
        front = front.name(),
        caller,
        peer = Empty,
        position = Empty,
        outcome = Empty,
    );
    come_from_there(&span);
    span
}

/// Notes in the span of a call what became of it.
#[inline]
pub(crate) fn became(span: &Span, outcome: CallOutcome, position: Option<Position>) {
    if span.is_disabled() {
        return;
    }
    if let Some(position) = position {
        span.record("position", position.get());
    }
    span.record("outcome", outcome.name());
}

#[inline]
fn come_from_there(span: &Span) {
    if !span.is_disabled() {
        record_origin(span);
    }
}

#[cold]
fn record_origin(span: &Span) {
    ORIGIN.with_borrow(|origin| {
        let Some(origin) = origin else { return };
        span.record("peer", tracing::field::display(origin.peer));
        #[cfg(feature = "otel")]
        if let Some(parent) = &origin.parent {
            use tracing_opentelemetry::OpenTelemetrySpanExt;
            // Without an exporter there is nothing that could have a parent.
            let _ = span.set_parent(parent.clone());
        }
    });
}
