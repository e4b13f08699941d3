//! Commands and queries.

use std::{
    ops::ControlFlow,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use axum::{body::Body, response::Response};
use futures_util::StreamExt;
use hyper::{
    StatusCode,
    header::{ACCEPT, CONTENT_TYPE, HeaderValue},
};
use parking_lot::Mutex;
use serde::Serialize;
use tokio::sync::{OwnedSemaphorePermit, mpsc};

use super::{
    arguments::{self, Parameters},
    gate::{Asked, POSITION, REQUEST, denied},
    problem::{Kind, Problem},
};
use crate::{
    Position, RequestId, Value, When,
    cli::program::methods::{Method, Methods},
    codec::whole,
    model::Verdict,
    schema::{Shape, value},
    server::{Context, access::Identity, telemetry::Front},
    service::{Asks, Sender, Unanswered},
};

pub(super) const JSON: &str = "application/json";
pub(super) const NDJSON: &str = "application/x-ndjson";

/// How long a query waits for the position that it is to contain.
const WAIT: Duration = Duration::from_secs(2);
/// How many characters an idempotency key may have.
const KEY_CHARS_MAX: usize = 255;
/// How many bytes of items go together, and how long they wait for each other.
const PACK_BYTES: usize = 16 << 10;
const PACK_TIME: Duration = Duration::from_millis(5);

/// What a call gives.
#[derive(Serialize)]
struct Given<'a> {
    position: u64,
    value: &'a Value,
}

/// `POST /commands/{name}`
pub(super) async fn command(mut asked: Asked) -> Result<Response, Problem> {
    let _permit = permit(&asked)?;
    Parameters::of(&asked.parts.uri)?.end()?;
    let who = asked.who();
    let request = request_id(&asked, &who)?;
    let body = asked.read_body().await?;
    let context = Arc::clone(asked.context());
    let methods = &context.service.described().commands;
    let method = asked.method(methods);
    let bytes = arguments::of_body(methods, method, &body)?;
    drop(body);
    let sender = Sender { caller: who.name.clone(), request: Some(request) };
    let performing = {
        let origin = asked.origin();
        let _incoming = origin.incoming();
        asked.context().command(&who, Front::Http, asked.number, &bytes, &sender)
    };
    let replied = performing.map_err(|_| denied())?.await;
    let reply = replied.map_err(|error| Problem::of_command(error, &request))?;
    let position = reply.position();
    let mut response = match reply.verdict() {
        Verdict::Accepted => {
            let value = shown(methods, &method.command.accepted, reply.bytes(), method)?;
            json(&Given { position: position.get(), value: &value }, asked.limit())?
        }
        Verdict::Rejected => return Err(rejected(methods, method, reply.bytes(), position)?),
    };
    set(&mut response, POSITION, &position.to_string());
    set(&mut response, REQUEST, &request.to_string());
    Ok(response)
}

/// The identity of a command: what the client gave as one, or one of the client's key, or a new one.
fn request_id(asked: &Asked, who: &Identity) -> Result<RequestId, Problem> {
    let new = asked.context().service.new_request();
    let Some(key) = asked.header("idempotency-key")? else { return Ok(new) };
    let unquoted = key.strip_prefix('"').and_then(|key| key.strip_suffix('"')).unwrap_or(key);
    if unquoted.is_empty()
        || unquoted.len() > KEY_CHARS_MAX
        || !unquoted.bytes().all(|one| one.is_ascii_graphic())
    {
        return Err(Problem::new(
            Kind::Malformed,
            format!("`Idempotency-Key` has 1 to {KEY_CHARS_MAX} visible characters of ASCII"),
        ));
    }
    Ok(unquoted.parse().unwrap_or_else(|_| of_key(who.name.as_deref(), unquoted, new.since)))
}

/// The identity that a caller's key stands for. Two callers may use one key for two commands.
///
/// A key does not say since when it may have been sent, as an id of memstate's own does. So it counts as new when it is not
/// remembered any more: `since` is now.
fn of_key(caller: Option<&str>, key: &str, since: Position) -> RequestId {
    let mut hasher = blake3::Hasher::new_derive_key("memstate idempotency key of a caller, version 1");
    hasher.update(&[caller.is_some().into()]);
    hasher.update(&(caller.unwrap_or_default().len() as u64).to_le_bytes());
    hasher.update(caller.unwrap_or_default().as_bytes());
    hasher.update(key.as_bytes());
    let mut bytes = [0; 16];
    hasher.finalize_xof().fill(&mut bytes);
    RequestId { client: uuid::Builder::from_custom_bytes(bytes).into_uuid(), sequence: 0, since }
}

/// `GET /queries/{name}` and `POST /queries/{name}`
pub(super) async fn query(mut asked: Asked) -> Result<Response, Problem> {
    let permit = permit(&asked)?;
    let is_post = asked.parts.method == hyper::Method::POST;
    let mut parameters = Parameters::of(&asked.parts.uri)?;
    let number = asked.number;
    let moment = Moment::of(&asked, &mut parameters, is_post)?;
    let body = if is_post { Some(asked.read_body().await?) } else { None };
    let context = Arc::clone(asked.context());
    let methods = &context.service.described().queries;
    let method = asked.method(methods);
    let bytes = match body {
        Some(body) => arguments::of_body(methods, method, &body)?,
        None => arguments::of_parameters(methods, method, &mut parameters)?,
    };
    parameters.end()?;
    let model = moment.model(&context).await?;
    let position = model.position();
    if method.stream {
        let stream = Streamed { asked, number, arguments: bytes, model, position, permit };
        return stream.answer().await;
    }
    let mut reply = Vec::new();
    let answer = {
        let origin = asked.origin();
        let _incoming = origin.incoming();
        asked.context().query(&asked.who(), Front::Http, &*model, number, &bytes, &mut reply)
    };
    let verdict = answer.map_err(|_| denied())?.map_err(|why| unanswered(&why, is_post))?;
    match verdict {
        Verdict::Accepted => {
            let value = shown(methods, &method.command.accepted, &reply, method)?;
            let mut response = json(&Given { position: position.get(), value: &value }, asked.limit())?;
            set(&mut response, POSITION, &position.to_string());
            Ok(response)
        }
        Verdict::Rejected => Err(rejected(methods, method, &reply, position)?),
    }
}

/// Of when a query is asked.
pub(super) struct Moment {
    at: Option<When>,
    after: Option<Position>,
}

impl Moment {
    /// Takes it from the query string, or from headers where the query has arguments of these names.
    fn of(asked: &Asked, parameters: &mut Parameters, is_post: bool) -> Result<Self, Problem> {
        let method = asked.method(asked.queries());
        let mut given = |name: &str, header: &str| {
            let is_ours = is_post || !arguments::has(method, name);
            let text = if is_ours { parameters.take(name)? } else { None };
            match (text, asked.header(header)?) {
                (Some(_), Some(_)) => {
                    Err(Problem::at_parameter(name, "is given in the query string and as a header"))
                }
                (Some(text), None) => Ok(Some(text)),
                (None, header) => Ok(header.map(str::to_owned)),
            }
        };
        let at = given("at", "memstate-at")?.map(|text| {
            text.parse::<When>()
                .map_err(|error| Problem::at_parameter("at", format!("{error}; or a position")))
        });
        let after = given("after", "memstate-after")?.map(|text| match text.parse() {
            Ok(position) => Ok(Position::new(position)),
            Err(_) => Err(Problem::at_parameter("after", format!("{text:?} is no position"))),
        });
        Ok(Moment { at: at.transpose()?, after: after.transpose()? })
    }

    /// Waits for what is to be contained, and gives the model of then.
    async fn model(self, context: &Context) -> Result<Arc<dyn Asks>, Problem> {
        if let Some(after) = self.after {
            reached(context, after).await?;
        }
        match self.at {
            None => Ok(Arc::clone(&context.service) as Arc<dyn Asks>),
            Some(when) => {
                let made = context.at(when).await;
                Ok(made.map_err(|error| Problem::of_past(&error, "at"))?.0)
            }
        }
    }
}

async fn reached(context: &Context, after: Position) -> Result<(), Problem> {
    let waited = tokio::time::timeout(WAIT, context.service.reached(after));
    tokio::select! {
        reached = waited => match reached {
            Ok(reached) => reached.map_err(|error| Problem::of_error(&error)),
            Err(_) => Err(Problem::new(
                Kind::NotYet,
                format!("the state contains position {}, and not {after} yet", context.service.position()),
            )),
        },
        () = context.stopping.cancelled() => Err(Problem::of(Kind::Stopped)),
    }
}

/// Why a query was not answered.
pub(super) fn unanswered(why: &Unanswered, in_body: bool) -> Problem {
    match why {
        // Of the right types, and still refused by a type of the user's own.
        Unanswered::Arguments(why) if in_body => Problem::at_pointer("", why.to_string()),
        Unanswered::Arguments(why) => Problem::new(Kind::WrongArguments, why.to_string()),
        Unanswered::Answer(why) => Problem::new(Kind::Failed, format!("the answer cannot be written: {why}")),
        Unanswered::Error(error) => Problem::of_error(error),
    }
}

/// What a method gave.
pub(super) fn shown(
    methods: &Methods,
    shape: &Shape,
    bytes: &[u8],
    method: &Method,
) -> Result<Value, Problem> {
    whole(bytes, |bytes| value::read(methods.of_shape(shape), bytes)).map_err(|error| {
        let name = &method.command.name;
        Problem::new(Kind::Unshowable, format!("what `{name}` gives cannot be shown: {error}"))
    })
}

/// What a method refused with.
pub(super) fn rejected(
    methods: &Methods,
    method: &Method,
    bytes: &[u8],
    position: Position,
) -> Result<Problem, Problem> {
    let shape = method.command.rejected.as_ref().unwrap_or(&Shape::Opaque);
    let error = shown(methods, shape, bytes, method)?;
    let json = serde_json::to_value(&error)
        .map_err(|error| Problem::new(Kind::Unshowable, format!("the error cannot be shown: {error}")))?;
    let detail = format!("`{}` refused: {error}", method.command.name);
    Ok(Problem::new(Kind::Rejected, detail)
        .with("error", json)
        .with("position", position.get())
        .header(POSITION, &position.to_string()))
}

impl Asked {
    fn limit(&self) -> usize {
        self.context().settings.limits.answer_bytes
    }
}

/// Room for a call.
pub(super) fn permit(asked: &Asked) -> Result<OwnedSemaphorePermit, Problem> {
    let limit = asked.context().settings.limits.calls_in_flight;
    Arc::clone(&asked.http.calls)
        .try_acquire_owned()
        .map_err(|_| Problem::overloaded(format!("{limit} calls are in flight, and no more may be")))
}

/// An answer in JSON.
pub(super) fn json(of: &impl Serialize, limit: usize) -> Result<Response, Problem> {
    let bytes = serde_json::to_vec(of)
        .map_err(|error| Problem::new(Kind::Unshowable, format!("the answer cannot be shown: {error}")))?;
    if bytes.len() > limit {
        return Err(answer_too_large(limit));
    }
    Ok(body(JSON, Body::from(bytes)))
}

pub(super) fn answer_too_large(limit: usize) -> Problem {
    let kind = Kind::AnswerTooLarge;
    Problem::new(
        kind,
        format!("the answer has more than the {limit} bytes that it may have; {}", kind.described().3),
    )
}

pub(super) fn body(media_type: &'static str, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::OK;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    response
}

pub(super) fn set(response: &mut Response, name: hyper::header::HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

/// Whether lines are wanted rather than one value.
pub(super) fn wants_lines(asked: &Asked) -> bool {
    let accepts = asked.parts.headers.get_all(ACCEPT).iter();
    accepts.filter_map(|accept| accept.to_str().ok()).any(|accept| {
        accept.split(',').any(|one| {
            let media_type = one.split(';').next().unwrap_or_default().trim();
            media_type.eq_ignore_ascii_case(NDJSON) || media_type.eq_ignore_ascii_case("application/ndjson")
        })
    })
}

/// An error as the last line of several.
pub(super) fn last_line(problem: &Problem) -> Vec<u8> {
    let mut line =
        serde_json::json!({ super::problem::PROBLEM_JSON: problem.json() }).to_string().into_bytes();
    line.push(b'\n');
    line
}

/// A query that gives one value after another.
struct Streamed {
    asked: Asked,
    number: u16,
    arguments: Vec<u8>,
    model: Arc<dyn Asks>,
    position: Position,
    permit: OwnedSemaphorePermit,
}

/// What comes from the thread that asks.
enum Made {
    Items(Pack),
    End(Result<(), Problem>),
}

/// Some items, because each by itself would take more memory around it than it has.
#[derive(Default)]
struct Pack {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Pack {
    fn add(&mut self, item: &[u8]) {
        self.bytes.extend_from_slice(item);
        self.ends.push(self.bytes.len());
    }

    fn items(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| &self.bytes[start..*end])
    }

    /// What it takes.
    fn weight(&self) -> usize {
        self.bytes.len() + self.ends.len() * size_of::<usize>()
    }
}

/// Packs items and sends them on, without ever waiting.
struct Packer {
    send: mpsc::UnboundedSender<Made>,
    /// How much was sent and not taken.
    waiting: Arc<AtomicUsize>,
    limit: usize,
    pack: Pack,
    sent: Option<Instant>,
    is_too_large: Arc<AtomicBool>,
}

impl Packer {
    fn item(&mut self, item: &[u8]) -> ControlFlow<()> {
        self.pack.add(item);
        // The first goes at once, and others when it is worth it.
        match self.sent {
            Some(sent) if self.pack.weight() < PACK_BYTES && sent.elapsed() < PACK_TIME => {
                ControlFlow::Continue(())
            }
            _ => self.flush(),
        }
    }

    fn flush(&mut self) -> ControlFlow<()> {
        let pack = std::mem::take(&mut self.pack);
        let weight = pack.weight();
        if self.waiting.fetch_add(weight, Ordering::Relaxed) + weight > self.limit {
            self.is_too_large.store(true, Ordering::Relaxed);
            return ControlFlow::Break(());
        }
        self.sent = Some(Instant::now());
        match self.send.send(Made::Items(pack)) {
            Ok(()) => ControlFlow::Continue(()),
            // Nobody wants more.
            Err(_) => ControlFlow::Break(()),
        }
    }
}

/// The items of a stream as they come, and how many bytes of them nobody has taken yet.
struct Items {
    made: mpsc::UnboundedReceiver<Made>,
    waiting: Arc<AtomicUsize>,
    asked: Asked,
    _permit: OwnedSemaphorePermit,
}

impl Streamed {
    /// Asks on a thread of its own. The model is locked while it gives items, so these wait in memory, up to a bound.
    fn ask(self) -> Items {
        let Streamed { asked, number, arguments, model, permit, .. } = self;
        let limit = asked.limit();
        let (send, made) = mpsc::unbounded_channel();
        let waiting = Arc::new(AtomicUsize::new(0));
        let (context, who, counted) = (Arc::clone(asked.context()), asked.who(), Arc::clone(&waiting));
        let origin = asked.origin();
        tokio::task::spawn_blocking(move || {
            let _incoming = origin.incoming();
            let is_too_large = Arc::new(AtomicBool::new(false));
            let packer = Packer {
                send: send.clone(),
                waiting: counted,
                limit,
                pack: Pack::default(),
                sent: None,
                is_too_large: Arc::clone(&is_too_large),
            };
            // The rest is in it when the query has ended.
            let packer = Arc::new(Mutex::new(packer));
            let packing = Arc::clone(&packer);
            let each = Box::new(move |item: &[u8]| packing.lock().item(item));
            let answer = context.query_each(&who, Front::Http, &*model, number, &arguments, each);
            let mut packer = packer.lock();
            if !packer.pack.ends.is_empty() && !is_too_large.load(Ordering::Relaxed) {
                let _ = packer.flush();
            }
            let end = match answer {
                Err(_) => Err(denied()),
                Ok(Err(why)) => Err(unanswered(&why, false)),
                Ok(Ok(())) if is_too_large.load(Ordering::Relaxed) => Err(answer_too_large(limit)),
                Ok(Ok(())) => Ok(()),
            };
            // Nobody is there to be told if the caller is gone.
            let _ = send.send(Made::End(end));
        });
        Items { made, waiting, asked, _permit: permit }
    }

    async fn answer(self) -> Result<Response, Problem> {
        let position = self.position;
        let as_lines = wants_lines(&self.asked);
        let items = self.ask();
        let mut response = match as_lines {
            true => items.into_lines().await?,
            false => items.into_list(position).await?,
        };
        set(&mut response, POSITION, &position.to_string());
        Ok(response)
    }
}

impl Items {
    /// Appends the next items as JSON, a separator behind each; `false` at the end.
    async fn next(&mut self, out: &mut Vec<u8>, separator: u8) -> Result<bool, Problem> {
        let pack = match self.made.recv().await {
            Some(Made::Items(pack)) => pack,
            Some(Made::End(end)) => return end.map(|()| false),
            None => return Err(Problem::new(Kind::Failed, "the query did not come to its end")),
        };
        self.waiting.fetch_sub(pack.weight(), Ordering::Relaxed);
        let methods = self.asked.queries();
        let method = self.asked.method(methods);
        let element = match &method.command.accepted {
            Shape::List(element) => element,
            other => other,
        };
        for item in pack.items() {
            let value = shown(methods, element, item, method)?;
            serde_json::to_writer(&mut *out, &value).map_err(|error| {
                Problem::new(Kind::Unshowable, format!("an item cannot be shown: {error}"))
            })?;
            out.push(separator);
        }
        Ok(true)
    }

    /// One value.
    async fn into_list(mut self, position: Position) -> Result<Response, Problem> {
        let mut out = format!("{{\"position\":{position},\"value\":[").into_bytes();
        let (empty, limit) = (out.len(), self.asked.limit());
        while self.next(&mut out, b',').await? {
            if out.len() > limit {
                return Err(answer_too_large(limit));
            }
        }
        if out.len() > empty {
            out.pop();
        }
        out.extend(b"]}");
        Ok(body(JSON, Body::from(out)))
    }

    /// A line for each, sent as it comes. What goes wrong before the first is told with a status of its own.
    async fn into_lines(mut self) -> Result<Response, Problem> {
        let mut first = Vec::new();
        if !self.next(&mut first, b'\n').await? {
            return Ok(body(NDJSON, Body::empty()));
        }
        let rest = futures_util::stream::unfold(Some(self), |items| async move {
            let mut items = items?;
            let mut block = Vec::new();
            match items.next(&mut block, b'\n').await {
                Ok(true) => Some((block, Some(items))),
                Ok(false) => None,
                Err(problem) => {
                    block.extend(last_line(&problem));
                    Some((block, None))
                }
            }
        });
        let all = futures_util::stream::iter([first]).chain(rest);
        Ok(body(NDJSON, Body::from_stream(all.map(Ok::<_, std::convert::Infallible>))))
    }
}
