//! Events: what commands announced, as a stream from any position on.
//!
//! The engine keeps the latest events in memory, up to a bound. A subscriber that wants older ones, or fell behind the
//! bound, gets them from a replay of the journal on a thread of its own. So it misses none and never holds up the engine.

use std::{
    collections::VecDeque,
    fmt,
    marker::PhantomData,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use futures_core::Stream;
use tokio::sync::mpsc;

use crate::{
    Error, Model, Position,
    codec::{Answer, whole},
    engine::{Engine, Seen, Shared, spawn, split_events, wake},
    sync::Mutex,
};
#[cfg(feature = "remote")]
use crate::{
    Filter,
    remote::{Link, Part, Parts, read_event},
};

/// How many events are kept in memory.
const KEPT_EVENTS_MAX: usize = 65_536;
/// How many bytes of events are kept in memory.
const KEPT_BYTES_MAX: usize = 16 << 20;
/// How many events of the past wait for a subscriber.
const REPLAYED_EVENTS_MAX: usize = 1024;

/// The latest events, and who waits for the next.
pub(crate) struct EventLog {
    ring: Mutex<Ring>,
}

struct Ring {
    events: VecDeque<(Position, Arc<[u8]>)>,
    bytes: usize,
    /// All events after this position are in the ring, up to `published`.
    complete_after: Position,
    published: Position,
    waiting: Vec<Waker>,
    ended: bool,
}

/// What a subscriber finds.
enum Found {
    Events(Vec<(Position, Arc<[u8]>)>, Position),
    /// The events after its position are no longer all there, but those after this one are.
    TooOld(Position),
    Nothing,
    Ended,
}

impl EventLog {
    /// A log that knows nothing of what was before `position` and at it.
    pub(crate) fn new(position: Position) -> Self {
        let ring = Ring {
            events: VecDeque::new(),
            bytes: 0,
            complete_after: position,
            published: position,
            waiting: Vec::new(),
            ended: false,
        };
        EventLog { ring: Mutex::new(ring) }
    }

    /// Adds the events of the records through `last`.
    pub(crate) fn publish(&self, last: Position, events: impl IntoIterator<Item = (Position, Box<[u8]>)>) {
        let mut ring = self.ring.lock();
        ring.published = last;
        for (position, event) in events {
            ring.bytes += event.len();
            ring.events.push_back((position, event.into()));
        }
        while ring.events.len() > KEPT_EVENTS_MAX || ring.bytes > KEPT_BYTES_MAX {
            // A command's events go together, so that what is left is complete after a position.
            let Some(&(oldest, _)) = ring.events.front() else { break };
            while ring.events.front().is_some_and(|(position, _)| *position == oldest) {
                if let Some((_, event)) = ring.events.pop_front() {
                    ring.bytes -= event.len();
                }
            }
            ring.complete_after = oldest;
        }
        let waiting = std::mem::take(&mut ring.waiting);
        // Who is woken is not memstate's, so the lock is let go before.
        drop(ring);
        waiting.into_iter().for_each(wake);
    }

    /// No event will come any more.
    pub(crate) fn end(&self) {
        let mut ring = self.ring.lock();
        ring.ended = true;
        let waiting = std::mem::take(&mut ring.waiting);
        drop(ring);
        waiting.into_iter().for_each(wake);
    }

    fn look(&self, seen: Position, cx: &mut Context<'_>) -> Found {
        let mut ring = self.ring.lock();
        if seen < ring.complete_after {
            return Found::TooOld(ring.complete_after);
        }
        if seen < ring.published {
            let start = ring.events.partition_point(|(position, _)| *position <= seen);
            return Found::Events(ring.events.range(start..).cloned().collect(), ring.published);
        }
        if ring.ended {
            return Found::Ended;
        }
        if !ring.waiting.iter().any(|waker| waker.will_wake(cx.waker())) {
            ring.waiting.push(cx.waker().clone());
        }
        Found::Nothing
    }
}

/// The events of a model in the order of their commands, each with its command's position.
///
/// It is a [`Stream`]; [`next`](Events::next) is there for code without a stream library. It ends when the engine has
/// stopped and everything was read, and after an error that events of the past cannot be made again. An event that cannot be
/// read back gives an error, and the stream goes on.
#[must_use = "events come when this is polled"]
pub struct Events<M: Model> {
    source: Source<M>,
    filter: Filtered,
}

enum Source<M: Model> {
    Here(Here<M>),
    #[cfg(feature = "remote")]
    There(There),
}

/// Which events are wanted: all.
#[cfg(not(feature = "remote"))]
type Filtered = Option<std::convert::Infallible>;

/// Which events are wanted.
#[cfg(feature = "remote")]
type Filtered = Option<Filter>;

/// The events of a model in another process.
#[cfg(feature = "remote")]
enum There {
    Planned { link: Arc<Link>, from: Position },
    Running(Parts),
}

/// The events of a model in this process.
struct Here<M: Model> {
    shared: Arc<Shared<M>>,
    /// Everything through here was given, or is in `ready` or `replayed`.
    seen: Position,
    ready: VecDeque<(Position, Arc<[u8]>)>,
    replayed: Option<mpsc::Receiver<Replayed>>,
    /// Why it cannot begin.
    #[cfg(feature = "remote")]
    fault: Option<Arc<str>>,
    failed: bool,
    /// Whether it had all that there were at some time.
    had_all: bool,
    model: PhantomData<fn() -> M>,
}

/// What comes from a replay.
enum Replayed {
    Event(Position, Arc<[u8]>),
    /// All were sent.
    Done,
    Failed(Arc<str>),
}

impl<M: Model> Events<M> {
    pub(crate) fn new(engine: Arc<Engine<M>>, from: Position) -> Self {
        Events { source: Source::Here(Here::new(engine, from)), filter: Filtered::default() }
    }

    /// Those of a model in another process.
    #[cfg(feature = "remote")]
    pub(crate) fn there(link: &Arc<Link>, from: Position) -> Self {
        let source = Source::There(There::Planned { link: Arc::clone(link), from });
        Events { source, filter: None }
    }

    /// Only those that the filter accepts. Of a model in another process it is the server that looks at them, and the others are
    /// not sent. A filter that speaks of what the events do not have is an [`Error::Failed`], which is the first item and the last.
    ///
    /// Calling it after the first event came changes nothing.
    ///
    /// ```
    /// # use memstate::{Ctx, Filter};
    /// # #[memstate::data]
    /// # #[derive(Debug, PartialEq)]
    /// # enum BookEvent { Signed { name: String } }
    /// # #[memstate::model]
    /// # #[derive(Default)]
    /// # struct Guestbook {}
    /// # #[memstate::model(events = BookEvent)]
    /// # impl Guestbook {
    /// #     pub fn sign(&mut self, ctx: &mut Ctx<BookEvent>, name: String) {
    /// #         ctx.emit(BookEvent::Signed { name });
    /// #     }
    /// # }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let guestbook = memstate::open::<Guestbook>("memory:").await?;
    /// let filter: Filter = "Signed where name starts with \"A\"".parse()?;
    /// let mut events = guestbook.events(1.into()).filter(filter);
    /// guestbook.sign("Bob").await?;
    /// guestbook.sign("Ann").await?;
    /// let (position, event) = events.next().await.expect("there is one")?;
    /// assert_eq!((position.get(), event), (2, BookEvent::Signed { name: "Ann".into() }));
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "remote")]
    pub fn filter(mut self, filter: Filter) -> Self {
        let preamble = &crate::engine::Today::of::<M>().preamble;
        match (filter.resolved(preamble.schema.of(&preamble.events)), &mut self.source) {
            (Ok(resolved), _) => self.filter = Some(resolved).filter(|filter| !filter.is_empty()),
            (Err(error), Source::Here(here)) => here.fault = Some(error.to_string().into()),
            // The server may know of events that this code does not.
            (Err(_), Source::There(_)) => self.filter = Some(filter),
        }
        self
    }

    /// The same, as bytes. Once it has caught up it has nothing replayed any more when it falls behind, but says what it has missed.
    #[cfg(feature = "server")]
    pub(crate) fn telling_what_was_missed(engine: Arc<Engine<M>>, from: Position) -> RawEvents<M> {
        RawEvents { events: Here::new(engine, from), caught_up: false }
    }

    /// The next event; `None` when the engine has stopped and there are no more.
    pub async fn next(&mut self) -> Option<Result<(Position, M::Event), Error>> {
        std::future::poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }
}

impl<M: Model> Here<M> {
    fn new(engine: Arc<Engine<M>>, from: Position) -> Self {
        Here {
            shared: Arc::clone(engine.shared()),
            seen: Position::new(from.get().saturating_sub(1)),
            ready: VecDeque::new(),
            replayed: None,
            #[cfg(feature = "remote")]
            fault: None,
            failed: false,
            had_all: false,
            model: PhantomData,
        }
    }

    /// Has the events after `self.seen` and through `until` made again.
    fn replay(&mut self, until: Position) {
        let (send, receive) = mpsc::channel(REPLAYED_EVENTS_MAX);
        let (shared, after) = (Arc::clone(&self.shared), self.seen);
        self.seen = until;
        self.replayed = Some(receive);
        let failed = send.clone();
        let spawned = spawn("memstate-events", move || {
            let mut is_wanted = true;
            let observe = |seen: &Seen<'_>| {
                let position = seen.line.position;
                if position > after {
                    split_events(seen.events, |event| {
                        is_wanted =
                            is_wanted && send.blocking_send(Replayed::Event(position, event.into())).is_ok();
                    });
                }
                is_wanted
            };
            let end = match shared.source.replay_range(after, until, observe) {
                Ok(_) => Replayed::Done,
                Err(error) => {
                    Replayed::Failed(format!("events of the past cannot be made again: {error}").into())
                }
            };
            // Nobody is there to be told if the subscriber is gone.
            let _ = send.blocking_send(end);
        });
        if let Err(error) = spawned {
            let why = format!("there is no thread to make events of the past again: {error}").into();
            let _ = failed.try_send(Replayed::Failed(why));
        }
    }

    /// Ends the stream with an error: it has no gaps, so nothing can follow.
    fn fail(&mut self, why: Arc<str>) -> Error {
        self.replayed = None;
        self.failed = true;
        Error::Failed(why)
    }
}

impl<M: Model> Stream for Events<M> {
    type Item = Item<M>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        match &mut this.source {
            Source::Here(here) => here.poll_event(&this.filter, cx),
            #[cfg(feature = "remote")]
            Source::There(there) => there.poll_event::<M>(&this.filter, cx),
        }
    }
}

#[cfg(feature = "remote")]
impl There {
    fn poll_event<M: Model>(&mut self, filter: &Filtered, cx: &mut Context<'_>) -> Poll<Option<Item<M>>> {
        loop {
            let parts = match self {
                There::Planned { link, from } => {
                    *self = There::Running(link.events(*from, filter.as_ref().map(Filter::to_string)));
                    continue;
                }
                There::Running(parts) => parts,
            };
            return Poll::Ready(match std::task::ready!(parts.poll_next(cx)) {
                Some(Part::Event { position, event, dialect }) => {
                    Some(read_event(dialect.as_deref(), &event).map(|event| (position, event)).map_err(|error| {
                        let why = format!("an event of position {position} has no place in the types of this client: {error}");
                        Error::Incompatible(why.into())
                    }))
                }
                Some(Part::Missed { after, through }) => Some(Err(Error::Missed { after, through })),
                Some(Part::Failed(error)) => Some(Err(error)),
                Some(_) => continue,
                None => None,
            });
        }
    }
}

#[cfg(not(feature = "remote"))]
#[allow(clippy::extra_unused_type_parameters, reason = "a filter is for the events of a model")]
fn is_wanted<M: Model>(_: &Filtered, _: &[u8]) -> bool {
    true
}

#[cfg(feature = "remote")]
fn is_wanted<M: Model>(filter: &Filtered, event: &[u8]) -> bool {
    let Some(filter) = filter else { return true };
    let preamble = &crate::engine::Today::of::<M>().preamble;
    let event = whole(event, |bytes| crate::schema::value::read(preamble.schema.of(&preamble.events), bytes));
    // One that cannot be read is for the subscriber to be told of.
    event.map_or(true, |event| filter.accepts(&event))
}

/// What a stream of events gives.
type Item<M> = Result<(Position, <M as Model>::Event), Error>;

/// What a subscriber comes to next.
enum Step {
    Event(Position, Arc<[u8]>),
    /// The events after those that it has and through this position are not kept any more.
    Behind(Position),
    /// It has all of the past, and goes on with those that are kept.
    CaughtUp,
    Failed(Error),
    Ended,
}

impl<M: Model> Here<M> {
    fn poll_event(&mut self, filter: &Filtered, cx: &mut Context<'_>) -> Poll<Option<Item<M>>> {
        loop {
            return Poll::Ready(match std::task::ready!(self.poll_step(cx)) {
                Step::Event(_, bytes) if !is_wanted::<M>(filter, &bytes) => continue,
                Step::Event(position, bytes) => Some(read::<M>(position, &bytes)),
                Step::Behind(until) => {
                    self.replay(until);
                    continue;
                }
                Step::CaughtUp => continue,
                Step::Failed(error) => Some(Err(error)),
                Step::Ended => None,
            });
        }
    }

    fn poll_step(&mut self, cx: &mut Context<'_>) -> Poll<Step> {
        if self.failed {
            return Poll::Ready(Step::Ended);
        }
        #[cfg(feature = "remote")]
        if let Some(why) = self.fault.take() {
            return Poll::Ready(Step::Failed(self.fail(why)));
        }
        if let Some((position, bytes)) = self.ready.pop_front() {
            return Poll::Ready(Step::Event(position, bytes));
        }
        if let Some(replayed) = &mut self.replayed {
            match std::task::ready!(replayed.poll_recv(cx)) {
                Some(Replayed::Event(position, bytes)) => return Poll::Ready(Step::Event(position, bytes)),
                Some(Replayed::Done) => self.replayed = None,
                Some(Replayed::Failed(why)) => return Poll::Ready(Step::Failed(self.fail(why))),
                None => return Poll::Ready(Step::Failed(self.fail("the replay for it panicked".into()))),
            }
        }
        match self.shared.events.look(self.seen, cx) {
            Found::Events(events, through) => {
                self.had_all = true;
                self.seen = through;
                self.ready.extend(events);
                Poll::Ready(Step::CaughtUp)
            }
            Found::TooOld(until) => {
                if std::mem::take(&mut self.had_all) {
                    self.shared.meters.subscriber_fell_behind();
                }
                Poll::Ready(Step::Behind(until))
            }
            Found::Nothing => {
                self.had_all = true;
                Poll::Pending
            }
            Found::Ended => Poll::Ready(Step::Ended),
        }
    }
}

/// Events as bytes, for who passes them on.
#[cfg(feature = "server")]
pub(crate) struct RawEvents<M: Model> {
    events: Here<M>,
    /// Whether everything of the past was given.
    caught_up: bool,
}

#[cfg(feature = "server")]
impl<M: Model> crate::service::Subscription for RawEvents<M> {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<crate::service::Told, Error>>> {
        use crate::service::Told;
        loop {
            let Poll::Ready(step) = self.events.poll_step(cx) else {
                self.caught_up |= self.events.replayed.is_none();
                return Poll::Pending;
            };
            return Poll::Ready(match step {
                Step::Event(position, bytes) => Some(Ok(Told::Event(position, bytes))),
                Step::Behind(until) if self.caught_up => {
                    let before = std::mem::replace(&mut self.events.seen, until);
                    Some(Ok(Told::Missed(before, until)))
                }
                Step::Behind(until) => {
                    self.events.replay(until);
                    continue;
                }
                Step::CaughtUp => {
                    self.caught_up = true;
                    continue;
                }
                Step::Failed(error) => Some(Err(error)),
                Step::Ended => None,
            });
        }
    }
}

impl<M: Model> Unpin for Events<M> {}

fn read<M: Model>(position: Position, bytes: &[u8]) -> Result<(Position, M::Event), Error> {
    match whole(bytes, M::Event::get) {
        Ok(event) => Ok((position, event)),
        Err(error) => {
            Err(Error::Failed(format!("an event of position {position} cannot be read back: {error}").into()))
        }
    }
}

impl<M: Model> fmt::Debug for Events<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Events").field("model", &M::NAME).finish_non_exhaustive()
    }
}
