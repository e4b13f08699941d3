//! Bodies of requests: bounded in bytes and in time.

use std::{pin::Pin, time::Duration};

use axum::{body::Body, http::request::Parts};
use hyper::{
    body::Body as _,
    header::{CONTENT_ENCODING, CONTENT_TYPE},
};

use super::{
    pace::Pace,
    problem::{Kind, Problem},
};
use crate::server::Limits;

/// How many times the limit for a head a body may take at least.
const GRACE: u32 = 5;
/// How slowly a body may come after that, in bytes a second.
const SLOWEST: u64 = 16 << 10;

/// Reads a body of JSON to its end.
pub(super) async fn read(
    parts: &Parts,
    body: &mut Body,
    pace: Option<&Pace>,
    limits: &Limits,
) -> Result<Vec<u8>, Problem> {
    let is_empty = body.is_end_stream();
    if !is_empty {
        check_type(parts)?;
    }
    let too_large = || {
        let limit = limits.frame_bytes;
        Problem::new(Kind::TooLarge, format!("the body has more than the {limit} bytes that it may have"))
    };
    let announced = body.size_hint().lower();
    if announced > limits.frame_bytes as u64 {
        return Err(too_large());
    }
    let mut bytes = Vec::new();
    let begun = tokio::time::Instant::now();
    while !body.is_end_stream() {
        // A rate, because a limit for the whole body would cut whoever sends much.
        let allowed =
            limits.time_before_authentication * GRACE + Duration::from_secs(bytes.len() as u64 / SLOWEST);
        let frame = std::future::poll_fn(|cx| Pin::new(&mut *body).poll_frame(cx));
        let frame = match tokio::time::timeout_at(begun + allowed, frame).await {
            Ok(Some(Ok(frame))) => frame,
            Ok(Some(Err(error))) => {
                return Err(Problem::new(Kind::Malformed, format!("the body cannot be read: {error}")));
            }
            Ok(None) => break,
            Err(_) => return Err(Problem::of(Kind::TooSlow)),
        };
        // Trailers say nothing here.
        let Ok(data) = frame.into_data() else { continue };
        if bytes.len() + data.len() > limits.frame_bytes {
            return Err(too_large());
        }
        bytes.extend_from_slice(&data);
    }
    if let Some(pace) = pace {
        pace.body_is_read();
    }
    Ok(bytes)
}

/// A body has to say that it is JSON: a form on a web page of somebody else's cannot.
fn check_type(parts: &Parts) -> Result<(), Problem> {
    let said = parts.headers.get(CONTENT_TYPE).and_then(|said| said.to_str().ok()).unwrap_or_default();
    let (media_type, parameters) = said.split_once(';').unwrap_or((said, ""));
    let is_json = media_type.trim().eq_ignore_ascii_case("application/json");
    let charset = parameters
        .split(';')
        .filter_map(|one| one.split_once('='))
        .find(|(name, _)| name.trim().eq_ignore_ascii_case("charset"));
    let is_utf8 =
        charset.is_none_or(|(_, value)| value.trim().trim_matches('"').eq_ignore_ascii_case("utf-8"));
    if !is_json || !is_utf8 {
        let said = if said.is_empty() { "none" } else { said };
        return Err(Problem::new(
            Kind::WrongMediaType,
            format!("the media type of the body is {said}, and `application/json` in UTF-8 is wanted"),
        ));
    }
    match parts.headers.get(CONTENT_ENCODING) {
        Some(coded) if !coded.as_bytes().eq_ignore_ascii_case(b"identity") => {
            Err(Problem::new(Kind::WrongMediaType, "the body is compressed, and none may be"))
        }
        _ => Ok(()),
    }
}
