//! What is no call: the description, the page that shows it, metrics, and how the server is.

use std::fmt::Write;

use axum::{body::Body, response::Response};
use futures_util::FutureExt;
use hyper::{
    StatusCode,
    header::{ACCEPT, CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderName, HeaderValue, LOCATION},
};

use super::{
    super::telemetry::CONTENT_TYPE,
    calls::{self, JSON},
    gate::Asked,
    problem::{Kind, Problem},
};

const PAGE: &str = include_str!("docs.html");

/// `GET /openapi.json`
pub(super) async fn openapi(asked: Asked) -> Result<Response, Problem> {
    Ok(calls::body(JSON, Body::from(asked.http.openapi.clone())))
}

/// `GET /metrics`
pub(super) async fn metrics(asked: Asked) -> Result<Response, Problem> {
    let context = asked.context();
    let text = context.telemetry.render(&*context.service);
    Ok(calls::body(CONTENT_TYPE, Body::from(text)))
}

/// `GET /`
pub(super) async fn root(asked: Asked) -> Result<Response, Problem> {
    let accepts = asked.parts.headers.get(ACCEPT).and_then(|accepts| accepts.to_str().ok());
    if accepts.is_some_and(|accepts| accepts.contains("text/html")) {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::TEMPORARY_REDIRECT;
        response.headers_mut().insert(LOCATION, HeaderValue::from_static("/docs"));
        return Ok(response);
    }
    calls::json(&serde_json::json!({ "docs": "/docs", "openapi": "/openapi.json" }), usize::MAX)
}

/// `GET /docs`: a page that says nothing of the model, and asks for the description with what the reader gives it to show.
pub(super) async fn docs(_: Asked) -> Result<Response, Problem> {
    let mut nonce = [0; 16];
    getrandom::fill(&mut nonce).map_err(|error| Problem::new(Kind::Failed, error.to_string()))?;
    let nonce: String = nonce.iter().map(|byte| format!("{byte:02x}")).collect();
    let page = PAGE.replace("{{problems}}", &problems()).replace("{{nonce}}", &nonce);
    let mut response = calls::body("text/html; charset=utf-8", Body::from(page));
    let policy = format!(
        "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; connect-src 'self'; img-src data:; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    calls::set(&mut response, CONTENT_SECURITY_POLICY, &policy);
    calls::set(&mut response, HeaderName::from_static("referrer-policy"), "no-referrer");
    calls::set(&mut response, CACHE_CONTROL, "no-store");
    Ok(response)
}

/// The kinds of errors, as rows of a table.
fn problems() -> String {
    let mut rows = String::new();
    for kind in Kind::ALL {
        let (name, status, title, remedy) = kind.described();
        let mut code = false;
        let remedy: String = remedy
            .split('`')
            .map(|part| {
                code = !code;
                if code { part.to_owned() } else { format!("<code>{part}</code>") }
            })
            .collect();
        // What is in here are our own words, without anything that HTML takes for its own.
        let _ = write!(
            rows,
            "<tr id=\"{name}\"><td>{status}</td><td><code>{name}</code></td><td>{title}</td><td>{remedy}</td></tr>"
        );
    }
    rows
}

/// `GET /healthz`: the process lives.
pub(super) async fn healthz(_: Asked) -> Result<Response, Problem> {
    calls::json(&serde_json::json!({ "status": "ok" }), usize::MAX)
}

/// `GET /readyz`: calls are answered.
pub(super) async fn readyz(asked: Asked) -> Result<Response, Problem> {
    let context = asked.context();
    let is_stopping = context.stopping.is_cancelled();
    // It is only told at once when nothing will be applied any more.
    let has_ended = context.service.applied_after(context.service.position()).now_or_never() == Some(false);
    if is_stopping || has_ended {
        let which = if is_stopping { "the server is stopping" } else { "the engine has stopped" };
        return Err(Problem::new(Kind::Stopped, which));
    }
    calls::json(&serde_json::json!({ "status": "ok" }), usize::MAX)
}
