//! The records of the journal, and what differs between two moments.

use std::{ops::Bound, sync::Arc};

use axum::{body::Body, response::Response};
use futures_util::{
    StreamExt,
    stream::{ReadyChunks, Take},
};
use hyper::header::LINK;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;
use tokio::sync::OwnedSemaphorePermit;

use super::{
    arguments::Parameters,
    calls::{self, NDJSON, last_line},
    gate::{Asked, denied},
    problem::{Kind, Problem},
};
use crate::{
    HistoryRecord, Position, Span, Value, When,
    server::{Context, access::Act},
    service::Records,
};

/// How many records a page has, if that is not said, and at most.
const PAGE: usize = 100;
const PAGE_MAX: usize = 1000;
/// How many records that are there already are sent at once.
const AT_ONCE: usize = 64;

/// A record, as it is told.
#[derive(Serialize)]
struct Record<'a> {
    position: u64,
    time: String,
    caller: Option<&'a str>,
    request: Option<String>,
    command: &'a str,
    /// Nothing for an atomic batch, whose commands have theirs.
    arguments: Option<&'a Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    commands: Vec<Call<'a>>,
    outcome: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    amended: Option<Amended>,
    #[serde(skip_serializing_if = "Option::is_none")]
    events: Option<&'a [Value]>,
}

#[derive(Serialize)]
struct Call<'a> {
    command: &'a str,
    arguments: &'a Value,
}

#[derive(Serialize)]
struct Amended {
    was: String,
    time: String,
}

impl<'a> Record<'a> {
    fn of(record: &'a HistoryRecord<Value>, with_events: bool) -> Self {
        let call =
            |call: &'a crate::HistoryCommand| Call { command: &call.command, arguments: &call.arguments };
        Record {
            position: record.position.get(),
            time: record.time.to_string(),
            caller: record.caller.as_deref(),
            request: record.request.map(|request| request.to_string()),
            command: &record.command,
            arguments: record.commands.is_empty().then_some(&record.arguments),
            commands: record.commands.iter().map(call).collect(),
            outcome: record.outcome.to_string(),
            amended: record
                .amended
                .map(|amended| Amended { was: amended.was.to_string(), time: amended.time.to_string() }),
            events: with_events.then_some(&record.events),
        }
    }
}

/// What was asked for.
struct Wanted {
    from: Option<String>,
    to: Option<String>,
    with_events: bool,
    limit: Option<usize>,
}

impl Wanted {
    fn of(asked: &Asked) -> Result<Self, Problem> {
        let mut parameters = Parameters::of(&asked.parts.uri)?;
        let wanted = Wanted {
            from: parameters.take("from")?,
            to: parameters.take("to")?,
            with_events: parameters.parse("events", "true or false")?.unwrap_or(true),
            limit: parameters.parse("limit", "a number of records")?,
        };
        parameters.end()?;
        Ok(wanted)
    }

    fn span(&self) -> Result<Span, Problem> {
        let bound = |text: &Option<String>, name: &str| match text {
            Some(text) => Ok(Bound::Included(when(text, name)?)),
            None => Ok(Bound::Unbounded),
        };
        Ok(Span::from((bound(&self.from, "from")?, bound(&self.to, "to")?)))
    }

    /// Where the records from `position` on are.
    fn link(&self, position: Position, limit: usize) -> String {
        let mut link = format!("/history?from={position}&limit={limit}&events={}", self.with_events);
        if let Some(to) = &self.to {
            link.push_str("&to=");
            link.extend(utf8_percent_encode(to, NON_ALPHANUMERIC));
        }
        link
    }
}

fn when(text: &str, name: &str) -> Result<When, Problem> {
    text.parse().map_err(|error| Problem::at_parameter(name, format!("{error}; or a position")))
}

/// `GET /history`
pub(super) async fn history(asked: Asked) -> Result<Response, Problem> {
    let permit = calls::permit(&asked)?;
    let wanted = Wanted::of(&asked)?;
    if wanted.with_events && !asked.who().may(Act::Events) {
        return Err(denied().with("hint", "this caller may ask for it with `events=false`"));
    }
    let context = Arc::clone(asked.context());
    let records = context.service.history(wanted.span()?, wanted.with_events);
    match calls::wants_lines(&asked) {
        true => Ok(lines(asked, wanted, records, permit)),
        false => page(&context, &wanted, records).await,
    }
}

/// So many records, and where the next ones are.
async fn page(context: &Context, wanted: &Wanted, mut records: Records) -> Result<Response, Problem> {
    let limit = match wanted.limit {
        None => PAGE,
        Some(limit) if (1..=PAGE_MAX).contains(&limit) => limit,
        Some(_) => {
            return Err(Problem::at_parameter("limit", format!("a page has 1 to {PAGE_MAX} records")));
        }
    };
    let bytes_max = context.settings.limits.answer_bytes;
    let mut page = b"{\"records\":[".to_vec();
    let (mut count, mut next) = (0, None);
    while let Some(record) = records.next().await {
        let record = record.map_err(|error| Problem::of_past(&error, "from"))?;
        let line = serde_json::to_vec(&Record::of(&record, wanted.with_events))
            .map_err(|error| Problem::new(Kind::Unshowable, error.to_string()))?;
        let is_full = page.len() + line.len() > bytes_max;
        if is_full && count == 0 {
            return Err(calls::answer_too_large(bytes_max));
        }
        if is_full || count == limit {
            next = Some(wanted.link(record.position, limit));
            break;
        }
        if count > 0 {
            page.push(b',');
        }
        page.extend(line);
        count += 1;
    }
    page.extend(b"],\"next\":");
    page.extend(serde_json::Value::from(next.clone()).to_string().bytes());
    page.push(b'}');
    let mut response = calls::body(calls::JSON, Body::from(page));
    if let Some(next) = next {
        calls::set(&mut response, LINK, &format!("<{next}>; rel=\"next\""));
    }
    Ok(response)
}

fn lines(asked: Asked, wanted: Wanted, records: Records, permit: OwnedSemaphorePermit) -> Response {
    let limit = wanted.limit.unwrap_or(usize::MAX);
    let chunks = records.take(limit).ready_chunks(AT_ONCE);
    let state = Lines { chunks, asked, with_events: wanted.with_events, _permit: permit };
    let blocks = futures_util::stream::unfold(Some(state), |state| async move {
        let mut state = state?;
        let stopping = state.asked.context().stopping.clone();
        let chunk = tokio::select! {
            chunk = state.chunks.next() => chunk?,
            () = stopping.cancelled() => return Some((last_line(&Problem::of(Kind::Stopped)), None)),
        };
        let mut block = Vec::new();
        for record in chunk {
            match record
                .map_err(|error| Problem::of_past(&error, "from"))
                .and_then(|record| state.line(&record))
            {
                Ok(line) => block.extend(line),
                Err(problem) => {
                    block.extend(last_line(&problem));
                    return Some((block, None));
                }
            }
        }
        Some((block, Some(state)))
    });
    calls::body(NDJSON, Body::from_stream(blocks.map(Ok::<_, std::convert::Infallible>)))
}

/// Records on their way.
struct Lines {
    chunks: ReadyChunks<Take<Records>>,
    asked: Asked,
    with_events: bool,
    _permit: OwnedSemaphorePermit,
}

impl Lines {
    fn line(&self, record: &HistoryRecord<Value>) -> Result<Vec<u8>, Problem> {
        let mut line = serde_json::to_vec(&Record::of(record, self.with_events))
            .map_err(|error| Problem::new(Kind::Unshowable, error.to_string()))?;
        line.push(b'\n');
        Ok(line)
    }
}

#[derive(Serialize)]
struct Change<'a> {
    path: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<&'a Value>,
}

#[derive(Serialize)]
struct Changes<'a> {
    changes: Vec<Change<'a>>,
}

/// `GET /diff`
pub(super) async fn diff(asked: Asked) -> Result<Response, Problem> {
    let _permit = calls::permit(&asked)?;
    let mut parameters = Parameters::of(&asked.parts.uri)?;
    let mut moment = |name: &str| match parameters.take(name)? {
        Some(text) => when(&text, name),
        None => Err(Problem::at_parameter(name, "is missing: a position or a time")),
    };
    let (from, to) = (moment("from")?, moment("to")?);
    parameters.end()?;
    let context = Arc::clone(asked.context());
    let changes = context.service.diff(from, to).await.map_err(|error| Problem::of_past(&error, "to"))?;
    let changes = changes.iter().map(|change| Change {
        path: &change.path,
        before: change.before.as_ref(),
        after: change.after.as_ref(),
    });
    calls::json(&Changes { changes: changes.collect() }, context.settings.limits.answer_bytes)
}
