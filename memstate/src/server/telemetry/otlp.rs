//! The export of traces to a collector of OpenTelemetry, as OTLP over HTTP.
//!
//! Spans are collected in a bounded queue and sent by a thread of their own, so no call ever waits for a collector: when it is away,
//! spans are lost, which the log says once.

use std::{
    collections::HashMap,
    future::Future,
    pin::Pin,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use axum::{
    body::{Body, to_bytes},
    http::{HeaderValue, Uri, header::HOST},
};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use opentelemetry::{
    Context, KeyValue,
    propagation::TextMapPropagator,
    trace::{TraceContextExt, TracerProvider},
};
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::{Resource, propagation::TraceContextPropagator, trace::SdkTracerProvider};
use tokio::{net::TcpStream, runtime};
use tracing::{Level, Subscriber};
use tracing_subscriber::{Layer, filter::Targets, registry::LookupSpan};

use crate::VERSION;

/// Where traces are posted, below a collector's address.
const PATH: &str = "/v1/traces";
/// How long an export may take, unless the environment says otherwise.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long the last ones may take.
const PATIENCE_AT_THE_END: Duration = Duration::from_secs(5);
/// More than a collector ever answers.
const ANSWER_BYTES_MAX: usize = 1 << 20;

/// Sends spans to a collector.
pub(super) struct Exporting {
    provider: SdkTracerProvider,
}

impl Exporting {
    /// Begins, if an address is given here or in the environment.
    pub(super) fn start(address: Option<&str>, service: &str) -> Result<Option<Self>, String> {
        let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let disabled = set("OTEL_SDK_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true"));
        let none = set("OTEL_TRACES_EXPORTER").is_some_and(|value| value == "none");
        let of_environment =
            set("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT").or_else(|| set("OTEL_EXPORTER_OTLP_ENDPOINT"));
        let Some(known) = address.map(str::to_owned).or_else(|| of_environment.clone()) else {
            return Ok(None);
        };
        if disabled || none {
            return Ok(None);
        }
        check_address(&known)?;
        let millis = set("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT").or_else(|| set("OTEL_EXPORTER_OTLP_TIMEOUT"));
        let patience = millis.and_then(|millis| millis.parse().ok()).map_or(PATIENCE, Duration::from_millis);
        let client = Poster { address: known, patience, is_away: AtomicBool::new(false) };
        let mut exporter = SpanExporter::builder().with_http().with_http_client(client);
        if let Some(address) = address {
            exporter = exporter.with_endpoint(posted_to(address)).with_timeout(patience);
        }
        let exporter = exporter.build().map_err(|error| format!("traces cannot be exported: {error}"))?;
        // The environment may name it otherwise.
        let mut resource = Resource::builder().with_attribute(KeyValue::new("service.version", VERSION));
        let named = set("OTEL_SERVICE_NAME").is_some()
            || set("OTEL_RESOURCE_ATTRIBUTES").is_some_and(|all| all.contains("service.name="));
        if !named {
            resource = resource.with_service_name(service.to_owned());
        }
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_resource(resource.build())
            .build();
        Ok(Some(Exporting { provider }))
    }

    /// What takes the spans of the program.
    pub(super) fn layer<S>(&self) -> impl Layer<S> + Send + Sync + use<S>
    where
        S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
    {
        let layer = tracing_opentelemetry::layer()
            .with_tracer(self.provider.tracer("memstate"))
            .with_location(false)
            .with_threads(false);
        // What libraries below have to say at this level is of no use to anybody here.
        let wanted = Targets::new().with_default(Level::INFO).with_target("memstate", Level::DEBUG);
        layer.with_filter(wanted)
    }

    /// Sends what is left.
    pub(super) fn finish(self) {
        // That a collector is away was told before.
        let _ = self.provider.shutdown_with_timeout(PATIENCE_AT_THE_END);
    }
}

/// The span that `traceparent` names, to be a parent of ours.
pub(super) fn parent(traceparent: &str) -> Option<Context> {
    let carrier = HashMap::from([("traceparent".to_owned(), traceparent.to_owned())]);
    let context = TraceContextPropagator::new().extract_with_context(&Context::new(), &carrier);
    context.span().span_context().is_valid().then_some(context)
}

fn check_address(address: &str) -> Result<(), String> {
    let uri: Uri = address.parse().map_err(|error| {
        format!("the address of a collector of traces, `{address}`, cannot be understood: {error}")
    })?;
    match (uri.scheme_str(), uri.host()) {
        (Some("http"), Some(_)) => Ok(()),
        _ => Err(format!(
            "traces are sent over plain HTTP, and `{address}` is no such address; give one as \
             `http://localhost:4318`, of a collector beside this program that passes them on"
        )),
    }
}

/// The address with the path that belongs to it, if it has none.
fn posted_to(address: &str) -> String {
    let address = address.trim_end_matches('/');
    let has_path = address.split_once("://").is_some_and(|(_, rest)| rest.contains('/'));
    match has_path {
        true => address.to_owned(),
        false => format!("{address}{PATH}"),
    }
}

/// Posts what the exporter gives it. It is asked on the exporter's own thread, which may wait.
#[derive(Debug)]
struct Poster {
    address: String,
    patience: Duration,
    /// The last time it was. So the log says it once, and not every five seconds.
    is_away: AtomicBool,
}

impl Poster {
    fn post_now(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let runtime = runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
        runtime.block_on(async { tokio::time::timeout(self.patience, post(request)).await? })
    }

    fn note(&self, problem: Option<String>) {
        let was_away = self.is_away.swap(problem.is_some(), Ordering::Relaxed);
        match problem {
            Some(why) if !was_away => {
                tracing::warn!(
                    collector = self.address,
                    why,
                    "traces cannot be sent, and are lost meanwhile"
                );
            }
            None if was_away => tracing::info!(collector = self.address, "traces are sent again"),
            _ => {}
        }
    }
}

impl HttpClient for Poster {
    fn send_bytes<'a, 'b>(
        &'a self,
        request: Request<Bytes>,
    ) -> Pin<Box<dyn Future<Output = Result<Response<Bytes>, HttpError>> + Send + 'b>>
    where
        'a: 'b,
        Self: 'b,
    {
        let posted = self.post_now(request);
        self.note(match &posted {
            Ok(answer) if answer.status().is_success() => None,
            Ok(answer) => Some(format!("it answers {}", answer.status())),
            Err(error) => Some(error.to_string()),
        });
        Box::pin(std::future::ready(posted))
    }
}

/// Posts on a connection of its own: there is one every few seconds.
async fn post(request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
    let (mut parts, body) = request.into_parts();
    let authority = parts.uri.authority().ok_or("an address without a host")?.clone();
    let host = authority.host().trim_start_matches('[').trim_end_matches(']');
    let stream = TcpStream::connect((host, authority.port_u16().unwrap_or(80))).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    parts.headers.insert(HOST, HeaderValue::from_str(authority.as_str())?);
    parts.uri = Uri::builder()
        .path_and_query(parts.uri.path_and_query().map_or("/", |path| path.as_str()))
        .build()?;
    let answered = async {
        let answer = sender.send_request(Request::from_parts(parts, Body::from(body))).await?;
        let (parts, body) = answer.into_parts();
        let bytes = to_bytes(Body::new(body), ANSWER_BYTES_MAX).await?;
        Ok(Response::from_parts(parts, bytes))
    };
    // The connection does the work, and may end with the answer or after it.
    let mut connection = std::pin::pin!(connection);
    let mut answered = std::pin::pin!(answered);
    let mut is_over = false;
    std::future::poll_fn(|task| {
        if !is_over {
            is_over = connection.as_mut().poll(task).is_ready();
        }
        answered.as_mut().poll(task)
    })
    .await
}

#[cfg(test)]
mod tests {
    use std::{
        io::{Read, Write},
        net::SocketAddr,
    };

    use super::*;
    use crate::server::telemetry::{Logs, logs::subscriber, tests::Page};

    #[test]
    fn addresses_get_the_path_that_they_have_not() {
        assert_eq!(posted_to("http://here:4318"), "http://here:4318/v1/traces");
        assert_eq!(posted_to("http://here:4318/"), "http://here:4318/v1/traces");
        assert_eq!(posted_to("http://here/elsewhere"), "http://here/elsewhere");
        for wrong in ["https://here", "here:4318", "", "ftp://here"] {
            assert!(check_address(wrong).is_err(), "{wrong}");
        }
        assert!(check_address("http://[::1]:4318").is_ok());
    }

    #[test]
    fn a_collector_that_is_away_is_told_once_and_so_is_that_it_is_back() {
        let page = Page::default();
        let logs = Logs { filter: "info".to_owned(), json: false, service: String::new(), traces: None };
        let (subscriber, _telling) = subscriber(&logs, false, page.clone()).unwrap();
        let _guard = tracing::subscriber::set_default(subscriber);
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let here = listener.local_addr().unwrap();
        let poster =
            Poster { address: here.to_string(), patience: PATIENCE, is_away: AtomicBool::new(false) };
        let post = |to: SocketAddr| {
            let request = Request::post(format!("http://{to}{PATH}")).body(Bytes::from_static(b"spans"));
            drop(poster.send_bytes(request.unwrap()));
        };
        // Nobody listens where somebody has listened before.
        let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        post(gone);
        post(gone);
        let answers = std::thread::spawn(move || {
            for answer in ["HTTP/1.1 503 Service Unavailable", "HTTP/1.1 200 OK", "HTTP/1.1 200 OK"] {
                let (mut stream, _) = listener.accept().unwrap();
                let mut bytes = [0; 4096];
                let mut seen = Vec::new();
                while !seen.ends_with(b"spans") {
                    let read = stream.read(&mut bytes).unwrap();
                    assert!(read > 0);
                    seen.extend_from_slice(&bytes[..read]);
                }
                stream.write_all(format!("{answer}\r\ncontent-length: 0\r\n\r\n").as_bytes()).unwrap();
            }
        });
        (0..3).for_each(|_| post(here));
        answers.join().unwrap();
        let text = page.text();
        assert_eq!(text.matches("are lost meanwhile").count(), 1, "{text}");
        assert_eq!(text.matches("are sent again").count(), 1, "{text}");
    }

    #[test]
    fn only_whole_parents_are_parents() {
        let good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        assert!(parent(good).is_some());
        for wrong in ["", "00", &good[..52], "00-00000000000000000000000000000000-b7ad6b7169203331-01"] {
            assert!(parent(wrong).is_none(), "{wrong}");
        }
    }
}
