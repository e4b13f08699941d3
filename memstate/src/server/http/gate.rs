//! Before anything is read: from which origin, who, and whether they may.

use std::{net::SocketAddr, sync::Arc, time::Instant};

use axum::{
    body::Body,
    extract::Request,
    http::{request::Parts, uri::Authority},
    middleware::Next,
    response::{IntoResponse, Response},
};
use hyper::{
    HeaderMap, Method, StatusCode, Version,
    header::{
        ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
        ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, AUTHORIZATION,
        CACHE_CONTROL, HOST, HeaderName, HeaderValue, ORIGIN, VARY, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
    },
};
use percent_encoding::percent_decode_str;

use super::{
    Http, body,
    connection::Peer,
    problem::{Kind, Problem},
};
use crate::{
    cli::program::methods::{Method as Described, Methods},
    near::near,
    server::{
        Context,
        access::{Act, Credential, Identity},
        telemetry::{CallOutcome, Front, Incoming, incoming},
    },
};

/// What a caller has to be allowed for a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Needs {
    /// It is told to everybody, and says nothing of the model.
    Nothing,
    /// The command that the path names.
    Command,
    /// The query that the path names.
    Query,
    Events,
    History,
    Describe,
    Metrics,
}

/// A request that was let in.
pub(super) struct Asked {
    pub(super) http: Arc<Http>,
    /// `None` where nobody is asked who they are.
    who: Option<Arc<Identity>>,
    /// The number of the method that the path names, if it names one.
    pub(super) number: u16,
    pub(super) parts: Parts,
    body: Body,
}

impl Asked {
    pub(super) fn context(&self) -> &Arc<Context> {
        &self.http.context
    }

    pub(super) fn who(&self) -> Arc<Identity> {
        Arc::clone(self.who.as_ref().expect("a call has a caller"))
    }

    pub(super) fn queries(&self) -> &Methods {
        &self.context().service.described().queries
    }

    /// The method that the path names, among these.
    pub(super) fn method<'m>(&self, methods: &'m Methods) -> &'m Described {
        methods.all().nth(self.number.into()).expect("the gate found it")
    }

    /// Reads the body, which is JSON or nothing.
    pub(super) async fn read_body(&mut self) -> Result<Vec<u8>, Problem> {
        let limits = &self.http.context.settings.limits;
        let peer = self.parts.extensions.get::<Arc<Peer>>().map(Arc::clone);
        let pace = peer.as_ref().map(|peer| &*peer.pace);
        body::read(&self.parts, &mut self.body, pace, limits).await
    }

    /// Where the calls of this request come from.
    pub(super) fn origin(&self) -> Origin {
        let trace = self.parts.headers.get("traceparent").and_then(|trace| trace.to_str().ok());
        let peer = self.parts.extensions.get::<Arc<Peer>>();
        Origin { peer: peer.map(|peer| peer.address), trace: trace.map(str::to_owned) }
    }

    /// The text of a header.
    pub(super) fn header(&self, name: &str) -> Result<Option<&str>, Problem> {
        let mut values = self.parts.headers.get_all(name).iter();
        let Some(value) = values.next() else { return Ok(None) };
        match (value.to_str(), values.next()) {
            (Ok(text), None) => Ok(Some(text)),
            (Ok(_), Some(_)) => {
                Err(Problem::new(Kind::Malformed, format!("the header `{name}` is there twice")))
            }
            (Err(_), _) => Err(Problem::new(
                Kind::Malformed,
                format!("the header `{name}` has other characters than ASCII's"),
            )),
        }
    }
}

/// Where calls come from.
pub(super) struct Origin {
    peer: Option<SocketAddr>,
    /// The trace that they are a part of, as W3C writes it.
    trace: Option<String>,
}

impl Origin {
    /// As long as it is there, calls that this thread makes come from there.
    pub(super) fn incoming(&self) -> Option<Incoming> {
        Some(incoming(self.peer?, self.trace.as_deref()))
    }
}

/// Lets a request in, or says why not. Nothing of its body is read.
pub(super) async fn pass(http: &Arc<Http>, needs: Needs, request: Request) -> Result<Asked, Problem> {
    let begun = Instant::now();
    let (parts, body) = request.into_parts();
    let mut asked = Asked { http: Arc::clone(http), who: None, number: 0, parts, body };
    if needs == Needs::Nothing {
        return Ok(asked);
    }
    let context = &http.context;
    let who = identify(context, &asked.parts)?;
    let described = context.service.described();
    let act = match needs {
        Needs::Command => {
            let found = named(&described.commands, "command", Act::Command, &asked.parts, &who);
            asked.number = found.map_err(|problem| refused(context, Act::Command, begun, problem))?;
            Act::Command(asked.number)
        }
        Needs::Query => {
            let found = named(&described.queries, "query", Act::Query, &asked.parts, &who);
            asked.number = found.map_err(|problem| refused(context, Act::Query, begun, problem))?;
            Act::Query(asked.number)
        }
        Needs::Events => Act::Events,
        Needs::History => Act::History,
        Needs::Describe => Act::Describe,
        Needs::Metrics => Act::Metrics,
        Needs::Nothing => unreachable!("it was let in"),
    };
    if !who.may(act) {
        return Err(denied());
    }
    asked.who = Some(who);
    Ok(asked)
}

const DENIED: &str = "the caller has no role that allows this";

pub(super) fn denied() -> Problem {
    Problem::new(Kind::NotAllowed, DENIED)
}

/// Why a method is not called: there is none of this name, or there is this one, and the caller may not call it.
enum Refused {
    Unknown(Problem),
    Denied(u16, Problem),
}

/// Counts what was denied.
fn refused(context: &Context, act: fn(u16) -> Act, begun: Instant, refused: Refused) -> Problem {
    let (number, problem) = match refused {
        Refused::Unknown(problem) => return problem,
        Refused::Denied(number, problem) => (number, problem),
    };
    let took = begun.elapsed();
    match act(number) {
        Act::Query(number) => context.telemetry.query(number, Front::Http, CallOutcome::Denied, took),
        _ => context.telemetry.command(number, Front::Http, CallOutcome::Denied, took),
    }
    problem
}

/// Finds out who calls.
fn identify(context: &Context, parts: &Parts) -> Result<Arc<Identity>, Problem> {
    let peer = parts.extensions.get::<Arc<Peer>>();
    let credential = match parts.headers.get(AUTHORIZATION) {
        Some(shown) => Credential::Bearer(
            bearer(shown)
                .ok_or_else(|| not_known("the header `Authorization` is `Bearer`, a space, and a token"))?,
        ),
        None => match peer.and_then(|peer| peer.certificate.as_deref()) {
            Some(certificate) => Credential::Certificate(certificate),
            None => Credential::None,
        },
    };
    context.access.identify(credential).map_err(|why| {
        context.telemetry.not_known(Front::Http, &why);
        not_known(&why.to_string())
    })
}

fn bearer(shown: &HeaderValue) -> Option<&str> {
    let (scheme, token) = shown.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn not_known(why: &str) -> Problem {
    Problem::new(Kind::NotKnown, why).header(WWW_AUTHENTICATE, "Bearer realm=\"memstate\"")
}

/// The number of the method that a path names, if the caller may call it.
///
/// That there is none is only said to those who may know which there are, because they may call all of them or read the description.
/// Everybody else is told the same of a method that there is not as of one that they may not call.
fn named(
    methods: &Methods,
    what: &str,
    act: fn(u16) -> Act,
    parts: &Parts,
    who: &Identity,
) -> Result<u16, Refused> {
    let last = parts.uri.path().rsplit('/').next().unwrap_or_default();
    let name = percent_decode_str(last).decode_utf8_lossy();
    let may = |method: &&Described| who.may(act(method.number));
    let found = methods.named(&name).map(|method| method.number);
    if let Some(number) = found
        && who.may(act(number))
    {
        return Ok(number);
    }
    let living = || methods.all().filter(|method| !method.retired);
    let allowed: Vec<_> = living().filter(may).map(|method| method.command.name.as_str()).collect();
    let near: Vec<_> = near(&name, &allowed).into_iter().take(3).collect();
    let quoted: Vec<_> = near.iter().map(|name| format!("`{name}`")).collect();
    let hint = match quoted.is_empty() {
        true => String::new(),
        false => format!("; did you mean {}?", quoted.join(" or ")),
    };
    let knows_all = who.may(Act::Describe) || allowed.len() == living().count();
    let problem = match knows_all && found.is_none() {
        true => Problem::new(Kind::NotFound, format!("there is no {what} `{name}`{hint}")),
        false => Problem::new(Kind::NotAllowed, format!("{DENIED}{hint}")),
    };
    let problem = problem.with("near", near);
    Err(match found {
        Some(number) => Refused::Denied(number, problem),
        None => Refused::Unknown(problem),
    })
}

/// What is looked at and set for all requests alike: the host, the origin, and what browsers may make of an answer.
pub(super) async fn origins(http: Arc<Http>, request: Request, next: Next) -> Response {
    let allowed = match origin(&http.context, &request) {
        Ok(allowed) => allowed,
        Err(problem) => return dressed(problem.into_response(), None),
    };
    let is_preflight = request.method() == Method::OPTIONS
        && allowed.is_some()
        && request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD);
    let response = match is_preflight {
        true => preflight(),
        false => next.run(request).await,
    };
    dressed(response, allowed)
}

/// The origin of the page that calls, if it is another than this server's, and may.
///
/// A browser sends simple requests of every page without asking whether it may. So one from a page of another origin is refused here,
/// and not only its answer kept from the page.
fn origin(context: &Context, request: &Request) -> Result<Option<HeaderValue>, Problem> {
    let headers = request.headers();
    if request.version() == Version::HTTP_11 && headers.get_all(HOST).iter().count() != 1 {
        return Err(Problem::new(Kind::Malformed, "a request has one header `Host`"));
    }
    let Some(origin) = headers.get(ORIGIN) else { return Ok(None) };
    let text = origin.to_str().unwrap_or_default();
    if context.settings.cors_origins.iter().any(|allowed| allowed == text) {
        return Ok(Some(origin.clone()));
    }
    match is_own(text, headers) {
        true => Ok(None),
        false => Err(Problem::new(
            Kind::NotAllowed,
            format!(
                "pages of the origin {text:?} may not call here; the setting `cors_origins` says which may"
            ),
        )),
    }
}

/// Whether a page of this origin came from where the request goes to.
fn is_own(origin: &str, headers: &HeaderMap) -> bool {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let authority = origin.split_once("://").map(|(_, authority)| authority);
    let parsed = |text: &str| text.parse::<Authority>().ok();
    match (authority.and_then(parsed), parsed(host)) {
        (Some(origin), Some(host)) => origin == host,
        _ => false,
    }
}

fn preflight() -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    let set = [
        (ACCESS_CONTROL_ALLOW_METHODS, "GET, HEAD, POST"),
        (
            ACCESS_CONTROL_ALLOW_HEADERS,
            "Accept, Authorization, Content-Type, Idempotency-Key, Last-Event-ID, Memstate-After, Memstate-At",
        ),
        (ACCESS_CONTROL_MAX_AGE, "600"),
    ];
    response.headers_mut().extend(set.map(|(name, value)| (name, HeaderValue::from_static(value))));
    response
}

/// Sets what all answers have.
fn dressed(mut response: Response, origin: Option<HeaderValue>) -> Response {
    let headers = response.headers_mut();
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    if let Some(origin) = origin {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(VARY, HeaderValue::from_static("Origin"));
        let exposed = "Allow, Link, Memstate-Position, Memstate-Request, Retry-After, WWW-Authenticate";
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(exposed));
    }
    response
}

/// The name of the header that says which position an answer is of.
pub(super) const POSITION: HeaderName = HeaderName::from_static("memstate-position");
/// The name of the header that says under which identity a command was sent.
pub(super) const REQUEST: HeaderName = HeaderName::from_static("memstate-request");
