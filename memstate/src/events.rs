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
    shared: Arc<Shared<M>>,
    /// Everything through here was given, or is in `ready` or `replayed`.
    seen: Position,
    ready: VecDeque<(Position, Arc<[u8]>)>,
    replayed: Option<mpsc::Receiver<Replayed>>,
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
        Events {
            shared: Arc::clone(engine.shared()),
            seen: Position::new(from.get().saturating_sub(1)),
            ready: VecDeque::new(),
            replayed: None,
            failed: false,
            had_all: false,
            model: PhantomData,
        }
    }

    /// The same, as bytes. Once it has caught up it has nothing replayed any more when it falls behind, but says what it has missed.
    #[cfg(feature = "server")]
    pub(crate) fn telling_what_was_missed(self) -> RawEvents<M> {
        RawEvents { events: self, caught_up: false }
    }

    /// The next event; `None` when the engine has stopped and there are no more.
    pub async fn next(&mut self) -> Option<Result<(Position, M::Event), Error>> {
        std::future::poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
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
    type Item = Result<(Position, M::Event), Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            match self.poll_step(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Step::Event(position, bytes)) => {
                    return Poll::Ready(Some(read::<M>(position, &bytes)));
                }
                Poll::Ready(Step::Behind(until)) => self.replay(until),
                Poll::Ready(Step::CaughtUp) => {}
                Poll::Ready(Step::Failed(error)) => return Poll::Ready(Some(Err(error))),
                Poll::Ready(Step::Ended) => return Poll::Ready(None),
            }
        }
    }
}

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

impl<M: Model> Events<M> {
    fn poll_step(&mut self, cx: &mut Context<'_>) -> Poll<Step> {
        if self.failed {
            return Poll::Ready(Step::Ended);
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
    events: Events<M>,
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
        f.debug_struct("Events").field("seen", &self.seen).finish_non_exhaustive()
    }
}
