//! Errors as `application/problem+json`, RFC 9457.

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use hyper::{
    StatusCode,
    header::{CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER},
};
use serde_json::{Map, Value as Json};

use crate::{Error, NotJournaled, PastError, RequestId};

pub(super) const PROBLEM_JSON: &str = "application/problem+json";

/// What kinds there are. Their names are in the answers, and stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Malformed,
    NotKnown,
    NotAllowed,
    NotFound,
    NoSuchPosition,
    WrongMethod,
    TooSlow,
    Rejected,
    Retired,
    NotYet,
    TooLarge,
    AnswerTooLarge,
    WrongMediaType,
    WrongArguments,
    KeyReused,
    Overloaded,
    Panicked,
    Failed,
    Unshowable,
    OutcomeUnknown,
    Stopped,
}

impl Kind {
    pub(super) const ALL: [Kind; 21] = [
        Kind::Malformed,
        Kind::NotKnown,
        Kind::NotAllowed,
        Kind::NotFound,
        Kind::NoSuchPosition,
        Kind::WrongMethod,
        Kind::TooSlow,
        Kind::Rejected,
        Kind::Retired,
        Kind::NotYet,
        Kind::TooLarge,
        Kind::AnswerTooLarge,
        Kind::WrongMediaType,
        Kind::WrongArguments,
        Kind::KeyReused,
        Kind::Overloaded,
        Kind::Panicked,
        Kind::Failed,
        Kind::Unshowable,
        Kind::OutcomeUnknown,
        Kind::Stopped,
    ];

    /// The name, the status, the title, and what to do.
    pub(super) fn described(self) -> (&'static str, u16, &'static str, &'static str) {
        match self {
            Kind::Malformed => (
                "malformed",
                400,
                "The request cannot be read",
                "The body is no JSON, a name in it stands twice, or a header or the query string is not well-formed. Send it \
                 otherwise.",
            ),
            Kind::NotKnown => (
                "not-known",
                401,
                "It is not known who calls",
                "Send a token, `Authorization: Bearer …`, or connect with a certificate.",
            ),
            Kind::NotAllowed => (
                "not-allowed",
                403,
                "The caller may not do this",
                "No role of the caller's allows it, or a web page of another origin asks.",
            ),
            Kind::NotFound => {
                ("not-found", 404, "There is nothing of this name", "Look at the list of what there is.")
            }
            Kind::NoSuchPosition => (
                "no-such-position",
                404,
                "There is no such moment",
                "The position lies behind the last record; `at` is for the past, `after` waits for what comes.",
            ),
            Kind::WrongMethod => {
                ("wrong-method", 405, "Not with this method of HTTP", "The header `Allow` says with which.")
            }
            Kind::TooSlow => (
                "too-slow",
                408,
                "The body came too slowly",
                "The connection is closed. Nothing has happened; send it again.",
            ),
            Kind::Rejected => (
                "rejected",
                409,
                "The model refused",
                "Nothing changed. `error` is the model's own error. The same call may be accepted when the state is another.",
            ),
            Kind::Retired => (
                "retired",
                410,
                "The command is not sent any more",
                "It is there for records of the past; call the one that has taken its place.",
            ),
            Kind::NotYet => (
                "not-yet",
                412,
                "The state does not contain that position yet",
                "It was waited for, and did not come in time. Ask again.",
            ),
            Kind::TooLarge => (
                "too-large",
                413,
                "The body is too large",
                "Send less at once; the server's limits say how much.",
            ),
            Kind::AnswerTooLarge => (
                "answer-too-large",
                413,
                "The answer is too large",
                "Ask for less, or have a query that streams answered as `application/x-ndjson`.",
            ),
            Kind::WrongMediaType => (
                "wrong-media-type",
                415,
                "The body is of another media type",
                "Send JSON, and say so: `Content-Type: application/json`.",
            ),
            Kind::WrongArguments => (
                "wrong-arguments",
                422,
                "The arguments do not fit",
                "`pointer` is the place in the body, a JSON pointer, or `parameter` the name in the query string.",
            ),
            Kind::KeyReused => (
                "key-reused",
                422,
                "The idempotency key was used for something else",
                "Take a new key for a new command.",
            ),
            Kind::Overloaded => (
                "overloaded",
                429,
                "Too much is in flight",
                "Nothing has happened. Send it again after as many seconds as `Retry-After` says.",
            ),
            Kind::Panicked => (
                "panicked",
                500,
                "The method panicked",
                "Nothing changed. It is a fault in the model, and the same call will panic again.",
            ),
            Kind::Failed => (
                "failed",
                500,
                "It could not be answered",
                "A journal or a snapshot could not be read or written; `detail` says why.",
            ),
            Kind::Unshowable => (
                "unshowable",
                501,
                "There is a type that has no JSON",
                "A type of an argument or of the answer tells nothing of itself to serde.",
            ),
            Kind::OutcomeUnknown => (
                "outcome-unknown",
                503,
                "It may have happened, or not",
                "Send it again with `Idempotency-Key` set to `request`: then it happens once.",
            ),
            Kind::Stopped => {
                ("stopped", 503, "The server is stopping, or has stopped", "Nothing has happened. Try later.")
            }
        }
    }

    pub(super) fn name(self) -> &'static str {
        self.described().0
    }

    pub(super) fn status(self) -> StatusCode {
        StatusCode::from_u16(self.described().1).expect("it is a status")
    }

    /// The reference that names it, which leads to its place on the docs page.
    pub(super) fn reference(self) -> String {
        format!("/docs#{}", self.name())
    }
}

/// An error, as it is told.
#[derive(Debug)]
pub(super) struct Problem {
    pub(super) kind: Kind,
    detail: String,
    members: Map<String, Json>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Problem {
    pub(super) fn new(kind: Kind, detail: impl Into<String>) -> Self {
        let problem = Problem { kind, detail: detail.into(), members: Map::new(), headers: Vec::new() };
        match kind {
            // A queue is empty again in much less than a second, but there is no smaller one to be told.
            Kind::Overloaded | Kind::Stopped | Kind::OutcomeUnknown | Kind::NotYet => {
                problem.header(RETRY_AFTER, "1")
            }
            _ => problem,
        }
    }

    /// What a kind says by itself.
    pub(super) fn of(kind: Kind) -> Self {
        Problem::new(kind, kind.described().3)
    }

    pub(super) fn with(mut self, name: &str, value: impl Into<Json>) -> Self {
        self.members.insert(name.to_owned(), value.into());
        self
    }

    pub(super) fn without(mut self, name: &str) -> Self {
        self.members.remove(name);
        self
    }

    pub(super) fn header(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.push((name, value));
        }
        self
    }

    /// Arguments that do not fit at this place in the body.
    pub(super) fn at_pointer(pointer: &str, detail: impl Into<String>) -> Self {
        Problem::new(Kind::WrongArguments, detail).with("pointer", pointer)
    }

    /// A parameter of the query string that does not fit.
    pub(super) fn at_parameter(name: &str, detail: impl Into<String>) -> Self {
        Problem::new(Kind::WrongArguments, detail).with("parameter", name)
    }

    pub(super) fn overloaded(detail: impl Into<String>) -> Self {
        Problem::new(Kind::Overloaded, detail)
    }

    pub(super) fn json(&self) -> Json {
        let (_, status, title, _) = self.kind.described();
        let mut members = self.members.clone();
        members.insert("type".to_owned(), self.kind.reference().into());
        members.insert("title".to_owned(), title.into());
        members.insert("status".to_owned(), status.into());
        members.insert("detail".to_owned(), self.detail.as_str().into());
        Json::Object(members)
    }

    /// Why a command has no reply.
    pub(super) fn of_command(error: Error, request: &RequestId) -> Self {
        match error {
            Error::Panicked { method, position, message } => {
                let problem = Problem::of_panic(method, &message);
                match position {
                    Some(position) => problem.with("position", position.get()),
                    None => problem,
                }
            }
            Error::NotJournaled(why) => Problem::of_not_journaled(&why),
            Error::OutcomeUnknown(why) => {
                Problem::new(Kind::OutcomeUnknown, &*why).with("request", request.to_string())
            }
            other => Problem::of_error(&other),
        }
    }

    fn of_not_journaled(why: &NotJournaled) -> Self {
        let kind = match why {
            NotJournaled::Overloaded { .. } => Kind::Overloaded,
            NotJournaled::TooLarge { .. } => Kind::TooLarge,
            NotJournaled::Retired { .. } => Kind::Retired,
            NotJournaled::RequestReused => Kind::KeyReused,
            NotJournaled::Unencodable { .. }
            | NotJournaled::InBatch { .. }
            | NotJournaled::TooMany { .. } => {
                return Problem::at_pointer("", why.to_string());
            }
        };
        Problem::new(kind, why.to_string())
    }

    fn of_panic(method: &str, message: &str) -> Self {
        Problem::new(Kind::Panicked, format!("`{method}` panicked: {message}"))
    }

    /// Why a query, or something that is no call, was not answered.
    pub(super) fn of_error(error: &Error) -> Self {
        match error {
            Error::Panicked { method, message, .. } => Problem::of_panic(method, message),
            Error::NotJournaled(why) => Problem::of_not_journaled(why),
            Error::Stopped(why) => Problem::new(Kind::Stopped, &**why),
            other => Problem::new(Kind::Failed, other.to_string()),
        }
    }

    /// Why something of the past cannot be shown; the moment was given as this parameter.
    pub(super) fn of_past(error: &PastError, parameter: &str) -> Self {
        match error {
            PastError::Unknown(_) => Problem::at_parameter(parameter, error.to_string()),
            PastError::AfterTheEnd { .. } => {
                Problem::new(Kind::NoSuchPosition, error.to_string()).with("parameter", parameter)
            }
            PastError::Denied(_) => Problem::new(Kind::NotAllowed, error.to_string()),
            PastError::Failed(_) => Problem::new(Kind::Failed, error.to_string()),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(self.json().to_string()));
        *response.status_mut() = self.kind.status();
        response.headers_mut().extend(self.headers);
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        response
    }
}
