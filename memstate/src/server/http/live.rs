//! What goes on: events, and answers whenever they change, as server-sent events.

use std::{convert::Infallible, fmt::Write, sync::Arc, task::Poll, time::Duration};

use axum::{body::Body, response::Response};
use futures_util::{Stream, StreamExt};
use hyper::header::{HeaderName, HeaderValue};
use serde::Serialize;
use tokio::sync::OwnedSemaphorePermit;

use super::{
    arguments::{self, Parameters},
    calls,
    gate::{Asked, Origin, denied},
    problem::{Kind, Problem},
};
use crate::{
    Error, Position,
    codec::whole,
    filter::{Condition, Filter, FilterError},
    model::Verdict,
    schema::value,
    server::{
        Context,
        access::Identity,
        telemetry::{Front, Subscribed},
    },
    service::{Subscription, Told},
};

/// How often something is sent, so that who went away is found out.
const ALIVE: Duration = Duration::from_secs(15);
/// How many bytes of events are sent at once.
const BLOCK_BYTES: usize = 32 << 10;
/// How soon an answer is asked for again.
const PAUSE: Duration = Duration::from_millis(20);
/// How soon a browser comes back.
const RETRY: &str = "retry: 1000\n\n";

/// What a subscriber has: everything before this event, and the event itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct EventId {
    pub(super) position: Position,
    /// Its place among the events of the command; `None` for all of them.
    pub(super) index: Option<u64>,
}

impl std::fmt::Display for EventId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.index {
            Some(index) => write!(f, "{}.{index}", self.position),
            None => self.position.fmt(f),
        }
    }
}

impl std::str::FromStr for EventId {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (position, index) = match text.split_once('.') {
            Some((position, index)) => (position, Some(index.parse()?)),
            None => (text, None),
        };
        Ok(EventId { position: Position::new(position.parse()?), index })
    }
}

impl EventId {
    /// From which position on events have to come.
    pub(super) fn from(self) -> Position {
        match self.index {
            // There may be more of the same command.
            Some(_) => self.position,
            None => self.position.next(),
        }
    }

    /// Whether who has this has also the event with that place.
    pub(super) fn covers(self, position: Position, index: u64) -> bool {
        position < self.position
            || (position == self.position && self.index.is_none_or(|through| index <= through))
    }
}

/// `GET /events`
pub(super) async fn events(asked: Asked) -> Result<Response, Problem> {
    let permit = subscribe(&asked)?;
    let mut parameters = Parameters::of(&asked.parts.uri)?;
    let from: Option<u64> = parameters.parse("from", "a position")?;
    let context = Arc::clone(asked.context());
    let filter = filter(&mut parameters, &context)?;
    parameters.end()?;
    // A browser that comes back sends what it has, and the address as it was.
    let last: Option<EventId> = match asked.header("last-event-id")? {
        None | Some("") => None,
        Some(text) => Some(text.parse().map_err(|_| {
            Problem::new(Kind::Malformed, format!("`Last-Event-ID` is the id of an event, and not {text:?}"))
        })?),
    };
    let from = match (last, from) {
        (Some(last), _) => last.from(),
        (None, Some(from)) => Position::new(from),
        (None, None) => context.service.position().next(),
    };
    let subscription = context.service.events(from);
    // The events of a command are counted from its first, also where that was sent before.
    let has = EventId { position: Position::new(from.get().saturating_sub(1)), index: None };
    let following = Following {
        context: Arc::clone(&context),
        who: asked.who(),
        subscription,
        has,
        sent: last.unwrap_or(has),
        already: last,
        filter,
        is_over: false,
        counted: context.telemetry.subscribed(Front::Http),
        _permit: permit,
    };
    let blocks = futures_util::stream::unfold(following, |mut following| async move {
        let block = following.next().await?;
        Some((block, following))
    });
    Ok(sse(blocks))
}

/// Which events are wanted: `type`, names with commas between, and `where`, a condition.
fn filter(parameters: &mut Parameters, context: &Context) -> Result<Filter, Problem> {
    let names = parameters.take("type")?.unwrap_or_default();
    let names = names.split(',').map(str::trim).filter(|name| !name.is_empty());
    let mut filter = Filter::any_of(names);
    let wrong = |name: &str, error: FilterError| Problem::at_parameter(name, error.to_string());
    let events = context.service.described().events();
    filter = filter.resolved(events).map_err(|error| wrong("type", error))?;
    if let Some(condition) = parameters.take("where")? {
        let condition: Condition = condition.parse().map_err(|error| wrong("where", error))?;
        filter = filter.and(condition).resolved(events).map_err(|error| wrong("where", error))?;
    }
    Ok(filter)
}

/// Room for a subscription.
fn subscribe(asked: &Asked) -> Result<OwnedSemaphorePermit, Problem> {
    let subscriptions = Arc::clone(&asked.http.subscriptions);
    subscriptions
        .try_acquire_owned()
        .map_err(|_| Problem::overloaded("there are as many subscriptions as there may be"))
}

fn sse(blocks: impl Stream<Item = String> + Send + 'static) -> Response {
    let begin = futures_util::stream::iter([RETRY.to_owned()]);
    let body = Body::from_stream(begin.chain(blocks).map(Ok::<_, Infallible>));
    let mut response = calls::body("text/event-stream", body);
    // Proxies that gather an answer before they pass it on do not with this.
    let name = HeaderName::from_static("x-accel-buffering");
    response.headers_mut().insert(name, HeaderValue::from_static("no"));
    response
}

/// Somebody who is told of events.
struct Following {
    context: Arc<Context>,
    who: Arc<Identity>,
    subscription: Box<dyn Subscription>,
    filter: Filter,
    /// All events that were come to, sent or passed over.
    has: EventId,
    /// What the other end knows that it has.
    sent: EventId,
    /// What was sent on another connection.
    already: Option<EventId>,
    is_over: bool,
    counted: Subscribed,
    _permit: OwnedSemaphorePermit,
}

impl Following {
    /// What is to be sent next: all events that are there, or a sign of life.
    async fn next(&mut self) -> Option<String> {
        if self.is_over {
            return None;
        }
        let stopping = self.context.stopping.clone();
        let who = Arc::clone(&self.who);
        tokio::select! {
            block = self.told() => block,
            () = stopping.cancelled() => None,
            // Whoever comes back says again who they are.
            () = who.is_over() => None,
            () = tokio::time::sleep(ALIVE) => Some(self.alive()),
        }
    }

    /// Waits for something, and takes what has come with it. Nothing is lost when it is not awaited to its end: what was taken is sent.
    async fn told(&mut self) -> Option<String> {
        std::future::poll_fn(|cx| {
            let mut block = String::new();
            while block.len() < BLOCK_BYTES {
                match self.subscription.poll_next(cx) {
                    Poll::Ready(Some(told)) => self.put(told, &mut block),
                    Poll::Ready(None) => self.is_over = true,
                    Poll::Pending if block.is_empty() => return Poll::Pending,
                    Poll::Pending => break,
                }
                if self.is_over {
                    break;
                }
            }
            Poll::Ready((!block.is_empty()).then_some(block))
        })
        .await
    }

    fn put(&mut self, told: Result<Told, Error>, block: &mut String) {
        match told {
            Ok(Told::Event(position, bytes)) => {
                let index = match self.has {
                    EventId { position: at, index: Some(index) } if at == position => index + 1,
                    _ => 0,
                };
                let id = EventId { position, index: Some(index) };
                self.has = id;
                if self.already.is_some_and(|already| already.covers(position, index)) {
                    return;
                }
                let events = self.context.service.described().events();
                match whole(&bytes, |bytes| value::read(events, bytes)) {
                    Ok(event) if self.filter.accepts(&event) => {
                        self.sent = id;
                        self.counted.sent(1);
                        put_event(block, Some(id), event.as_variant().map(|(name, _)| name), &event);
                    }
                    Ok(_) => {}
                    Err(error) => {
                        let why = format!("an event of position {position} cannot be shown: {error}");
                        self.fail(&Problem::new(Kind::Unshowable, why), block);
                    }
                }
            }
            Ok(Told::Missed(after, through)) => {
                self.counted.missed(through.get().saturating_sub(after.get()));
                let id = EventId { position: through, index: None };
                (self.has, self.sent) = (id, id);
                let missed = serde_json::json!({ "after": after.get(), "through": through.get() });
                put_event(block, Some(id), Some("missed"), &missed);
            }
            Err(error) => self.fail(&Problem::of_error(&error), block),
        }
    }

    fn fail(&mut self, problem: &Problem, block: &mut String) {
        put_event(block, None, Some("failed"), &problem.json());
        self.is_over = true;
    }

    /// A sign of life, which also says how far the events that were passed over go.
    fn alive(&mut self) -> String {
        let EventId { position, index } = self.has;
        match self.sent.covers(position, index.unwrap_or(u64::MAX)) {
            true => ":\n\n".to_owned(),
            false => {
                self.sent = self.has;
                format!("id: {}\n\n", self.has)
            }
        }
    }
}

/// Writes an event. JSON has no line in it that could end one.
fn put_event(block: &mut String, id: Option<EventId>, name: Option<&str>, data: &impl Serialize) {
    // A String takes everything, and what is here has JSON.
    if let Some(id) = id {
        let _ = writeln!(block, "id: {id}");
    }
    if let Some(name) = name {
        let _ = writeln!(block, "event: {name}");
    }
    let data = serde_json::to_string(data).unwrap_or_else(|_| "null".to_owned());
    let _ = write!(block, "data: {data}\n\n");
}

/// `GET /watch/{name}`
pub(super) async fn watch(asked: Asked) -> Result<Response, Problem> {
    let permit = subscribe(&asked)?;
    let context = Arc::clone(asked.context());
    let methods = &context.service.described().queries;
    let method = asked.method(methods);
    let mut parameters = Parameters::of(&asked.parts.uri)?;
    let arguments = arguments::of_parameters(methods, method, &mut parameters)?;
    parameters.end()?;
    let mut watching = Watching {
        context: Arc::clone(&context),
        who: asked.who(),
        origin: asked.origin(),
        number: asked.number,
        arguments,
        last: None,
        seen: Position::START,
        is_over: false,
        counted: context.telemetry.subscribed(Front::Http),
        _permit: permit,
    };
    // What is wrong with the call is told with a status of its own.
    let first = watching.ask()?;
    let blocks = futures_util::stream::unfold((first, watching), |(ready, mut watching)| async move {
        let block = match ready {
            Some(block) => block,
            None => watching.next().await?,
        };
        Some((block, (None, watching)))
    });
    Ok(sse(blocks))
}

/// Somebody who is told the answer to a query.
struct Watching {
    context: Arc<Context>,
    who: Arc<Identity>,
    origin: Origin,
    number: u16,
    arguments: Vec<u8>,
    /// What was told last.
    last: Option<String>,
    /// Through where the model was looked at.
    seen: Position,
    is_over: bool,
    counted: Subscribed,
    _permit: OwnedSemaphorePermit,
}

impl Watching {
    /// Asks, and says what is new.
    fn ask(&mut self) -> Result<Option<String>, Problem> {
        let context = Arc::clone(&self.context);
        let service = &context.service;
        // Seen before it is asked, so that what changes meanwhile is looked at once more.
        self.seen = service.position();
        let mut reply = Vec::new();
        let _incoming = self.origin.incoming();
        let asked =
            context.query(&self.who, Front::Http, &**service, self.number, &self.arguments, &mut reply);
        let verdict = asked.map_err(|_| denied())?.map_err(|why| calls::unanswered(&why, false))?;
        let limit = context.settings.limits.answer_bytes;
        if reply.len() > limit {
            return Err(calls::answer_too_large(limit));
        }
        let methods = &service.described().queries;
        let method = methods.all().nth(self.number.into()).expect("it was found");
        let (name, data) = match verdict {
            Verdict::Accepted => {
                let value = calls::shown(methods, &method.command.accepted, &reply, method)?;
                let value = serde_json::to_string(&value)
                    .map_err(|error| Problem::new(Kind::Unshowable, error.to_string()))?;
                ("answer", value)
            }
            Verdict::Rejected => {
                let problem = calls::rejected(methods, method, &reply, self.seen)?;
                ("rejected", problem.without("position").json().to_string())
            }
        };
        if self.last.as_ref() == Some(&data) {
            return Ok(None);
        }
        let told = match name {
            "answer" => format!("{{\"position\":{},\"value\":{data}}}", self.seen),
            _ => data.clone(),
        };
        self.last = Some(data);
        self.counted.sent(1);
        Ok(Some(format!("id: {}\nevent: {name}\ndata: {told}\n\n", self.seen)))
    }

    /// Waits until there is something new to tell, or a sign of life to give.
    async fn next(&mut self) -> Option<String> {
        let alive = tokio::time::sleep(ALIVE);
        tokio::pin!(alive);
        let stopping = self.context.stopping.clone();
        while !self.is_over {
            tokio::select! {
                biased;
                () = stopping.cancelled() => return None,
                () = self.who.is_over() => return None,
                () = &mut alive => return Some(":\n\n".to_owned()),
                has_changed = self.context.service.applied_after(self.seen) => if !has_changed { return None },
            }
            // Many commands are one change, because nobody reads a thousand answers a second.
            tokio::time::sleep(PAUSE).await;
            match self.ask() {
                Ok(Some(block)) => return Some(block),
                Ok(None) => {}
                Err(problem) => {
                    self.is_over = problem.kind == Kind::Stopped;
                    let data = problem.json().to_string();
                    if self.last.as_ref() != Some(&data) {
                        self.last = Some(data.clone());
                        return Some(format!("event: failed\ndata: {data}\n\n"));
                    }
                }
            }
        }
        None
    }
}
