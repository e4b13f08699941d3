//! What a client is sent one after another, as fast as it takes it: items, answers, events, records.

use std::{
    future::poll_fn,
    ops::ControlFlow,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use futures_util::StreamExt;
use tokio::sync::{Notify, Semaphore, mpsc};

use crate::{
    Filter, Position, Span,
    codec::{put_varint, whole},
    model::Verdict,
    remote::frames::{self, Fault, Record, Tell},
    schema::value,
    server::{
        Context,
        access::{Act, Identity},
        calls::Denied,
        telemetry::Front,
    },
    service::{Asks, Told, Unanswered},
};

/// How many bytes of items go in one frame, about.
const FRAME_BYTES: usize = 16 << 10;

/// A stream that is being sent: how much of it the client takes.
pub(super) struct Credit {
    permits: Semaphore,
    cancelled: AtomicBool,
    ended: Notify,
}

impl Credit {
    pub(super) fn new(credit: u32) -> Arc<Self> {
        let permits = Semaphore::new(bounded(credit));
        Arc::new(Credit { permits, cancelled: AtomicBool::new(false), ended: Notify::new() })
    }

    pub(super) fn add(&self, more: u32) {
        // More than may be there at once is nobody's need.
        if self.permits.available_permits() < Semaphore::MAX_PERMITS / 4 {
            self.permits.add_permits(bounded(more));
        }
    }

    pub(super) fn cancel(&self) {
        self.cancelled.store(true, Ordering::Release);
        self.permits.close();
        self.ended.notify_waiters();
        self.ended.notify_one();
    }

    fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Acquire)
    }

    /// Waits until one more part may be sent. `Err` if nobody wants it.
    async fn take(&self) -> Result<(), Gone> {
        match self.permits.acquire().await {
            Ok(permit) => {
                permit.forget();
                Ok(())
            }
            Err(_) => Err(Gone),
        }
    }
}

fn bounded(credit: u32) -> usize {
    (credit as usize).min(1 << 20)
}

/// The client does not want the rest, or is gone.
pub(super) struct Gone;

/// Hands frames in to the connection.
#[derive(Clone)]
pub(super) struct Frames {
    to: mpsc::Sender<Vec<u8>>,
}

impl Frames {
    pub(super) fn new(to: mpsc::Sender<Vec<u8>>) -> Self {
        Frames { to }
    }

    pub(super) async fn send(&self, message: &Tell<'_>) -> Result<(), Gone> {
        let mut frame = Vec::new();
        frames::put(message, &mut frame);
        self.send_frame(frame).await
    }

    pub(super) async fn send_frame(&self, frame: Vec<u8>) -> Result<(), Gone> {
        self.to.send(frame).await.map_err(|_| Gone)
    }
}

/// What a stream is about to need of its connection.
pub(super) struct Stream {
    pub(super) id: u64,
    pub(super) context: Arc<Context>,
    pub(super) who: Arc<Identity>,
    pub(super) credit: Arc<Credit>,
    pub(super) frames: Frames,
}

pub(super) fn fault_of(unanswered: Unanswered) -> Fault {
    match unanswered {
        Unanswered::Arguments(error) => Fault::Invalid(error.to_string()),
        Unanswered::Answer(why) => Fault::Failed(format!("the answer cannot be written: {why}")),
        Unanswered::Error(error) => Fault::of(&error),
    }
}

pub(super) fn denied(what: &str, who: &Identity) -> Fault {
    Fault::Denied(match &who.name {
        Some(name) => format!("{name} may not {what}"),
        None => format!("without a credential nobody may {what}"),
    })
}

/// Items that are made, on their way to where they wait for the client.
struct Batch {
    items: Vec<u8>,
    send: mpsc::UnboundedSender<Vec<u8>>,
    is_first: bool,
    /// How many bytes wait.
    waiting: Arc<AtomicUsize>,
    limit: usize,
    is_too_large: Arc<AtomicBool>,
    credit: Arc<Credit>,
}

impl Batch {
    fn add(&mut self, item: &[u8]) -> ControlFlow<()> {
        put_varint(item.len() as u64, &mut self.items);
        self.items.extend_from_slice(item);
        // The first goes alone, so that it comes at once.
        match std::mem::take(&mut self.is_first) || self.items.len() >= FRAME_BYTES {
            true => self.flush(),
            false => ControlFlow::Continue(()),
        }
    }

    fn flush(&mut self) -> ControlFlow<()> {
        let items = std::mem::take(&mut self.items);
        let all = self.waiting.fetch_add(items.len(), Ordering::AcqRel) + items.len();
        if all > self.limit {
            self.is_too_large.store(true, Ordering::Release);
            return ControlFlow::Break(());
        }
        match self.send.send(items).is_err() || self.credit.is_cancelled() {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        if !self.items.is_empty() && !self.is_too_large.load(Ordering::Acquire) {
            let _ = self.flush();
        }
    }
}

impl Stream {
    async fn end(&self, end: Result<Position, Fault>) -> Result<(), Gone> {
        let id = self.id;
        match end {
            Ok(position) => self.frames.send(&Tell::Done { id, position }).await,
            Err(fault) => self.frames.send(&Tell::Failed { id, fault }).await,
        }
    }

    /// The items of a query that streams. They are made on a thread of their own while the model is locked, and wait here until the
    /// client takes them.
    pub(super) async fn items(
        self,
        asked: Arc<dyn Asks>,
        method: u16,
        arguments: Vec<u8>,
    ) -> Result<(), Gone> {
        let limit = self.context.settings.limits.answer_bytes;
        // What is made is never waited for, or the model would be.
        let (send, mut made) = mpsc::unbounded_channel::<Vec<u8>>();
        let waiting = Arc::new(AtomicUsize::new(0));
        let is_too_large = Arc::new(AtomicBool::new(false));
        let position = asked.position();
        let mut batch = Batch {
            items: Vec::new(),
            send,
            is_first: true,
            waiting: Arc::clone(&waiting),
            limit,
            is_too_large: Arc::clone(&is_too_large),
            credit: Arc::clone(&self.credit),
        };
        let (context, who) = (Arc::clone(&self.context), Arc::clone(&self.who));
        let asking = tokio::task::spawn_blocking(move || {
            let each = Box::new(move |item: &[u8]| batch.add(item));
            context.query_each(&who, Front::Link, &*asked, method, &arguments, each)
        });
        while let Some(items) = made.recv().await {
            self.credit.take().await?;
            waiting.fetch_sub(items.len(), Ordering::AcqRel);
            self.frames.send(&Tell::Items { id: self.id, items: &items }).await?;
        }
        let end = match asking.await {
            Ok(Ok(Ok(()))) if is_too_large.load(Ordering::Acquire) => Err(Fault::Failed(format!(
                "it gives more than {limit} bytes that wait to be taken, and was broken off; ask for less, or take it faster"
            ))),
            Ok(Ok(Ok(()))) => Ok(position),
            Ok(Ok(Err(unanswered))) => Err(fault_of(unanswered)),
            Ok(Err(Denied)) => Err(denied("ask this query", &self.who)),
            Err(_) => Err(Fault::Failed("its thread panicked".to_owned())),
        };
        self.end(end).await
    }

    /// The answer to a query, now and whenever it has changed.
    pub(super) async fn watch(self, method: u16, arguments: Vec<u8>) -> Result<(), Gone> {
        let service = Arc::clone(&self.context.service);
        let mut last: Option<(Verdict, Vec<u8>)> = None;
        loop {
            let position = service.position();
            let mut reply = Vec::new();
            let asks: &dyn Asks = &*service;
            let asked = self.context.query(&self.who, Front::Link, asks, method, &arguments, &mut reply);
            let answer = match asked {
                Err(Denied) => return self.end(Err(denied("ask this query", &self.who))).await,
                Ok(Err(unanswered)) => return self.end(Err(fault_of(unanswered))).await,
                Ok(Ok(verdict)) => (verdict, reply),
            };
            if last.as_ref() != Some(&answer) {
                self.credit.take().await?;
                let accepted = answer.0 == Verdict::Accepted;
                self.frames.send(&Tell::Answer { id: self.id, position, accepted, reply: &answer.1 }).await?;
                last = Some(answer);
            }
            let goes_on = tokio::select! {
                goes_on = service.applied_after(position) => goes_on,
                () = self.credit.ended.notified() => return Err(Gone),
            };
            if !goes_on {
                return self.end(Ok(service.position())).await;
            }
        }
    }

    pub(super) async fn events(self, from: Position, filter: Option<String>) -> Result<(), Gone> {
        if !self.who.may(Act::Events) {
            return self.end(Err(denied("see events", &self.who))).await;
        }
        let described = self.context.service.described();
        let resolved = |text: String| text.parse::<Filter>()?.resolved(described.events());
        let filter = match filter.map(resolved).transpose() {
            Ok(filter) => filter.filter(|filter| !filter.is_empty()),
            Err(error) => return self.end(Err(Fault::Failed(error.to_string()))).await,
        };
        let mut events = self.context.service.events(from);
        let subscribed = self.context.telemetry.subscribed(Front::Link);
        loop {
            let next = tokio::select! {
                next = poll_fn(|cx| events.poll_next(cx)) => next,
                () = self.credit.ended.notified() => return Err(Gone),
            };
            match next {
                None => return self.end(Ok(self.context.service.position())).await,
                Some(Err(error)) => return self.end(Err(Fault::of(&error))).await,
                Some(Ok(Told::Missed(after, through))) => {
                    self.credit.take().await?;
                    self.frames.send(&Tell::Missed { id: self.id, after, through }).await?;
                    subscribed.missed(through.get() - after.get());
                }
                Some(Ok(Told::Event(position, event))) => {
                    let is_wanted = filter.as_ref().is_none_or(|filter| {
                        let read = whole(&event, |bytes| value::read(described.events(), bytes));
                        // One that cannot be read is for the client to say.
                        read.map_or(true, |event| filter.accepts(&event))
                    });
                    if is_wanted {
                        self.credit.take().await?;
                        self.frames.send(&Tell::Event { id: self.id, position, event: &event }).await?;
                        subscribed.sent(1);
                    }
                }
            }
        }
    }

    pub(super) async fn history(self, span: Span, with_events: bool) -> Result<(), Gone> {
        if !self.who.may(Act::History) {
            return self.end(Err(denied("see the history", &self.who))).await;
        }
        if with_events && !self.who.may(Act::Events) {
            let what = "see events, which are in the history; `without_events` leaves them out";
            return self.end(Err(denied(what, &self.who))).await;
        }
        let service = Arc::clone(&self.context.service);
        let mut records = service.history_with_bytes(span, with_events);
        loop {
            let next = tokio::select! {
                next = records.next() => next,
                () = self.credit.ended.notified() => return Err(Gone),
            };
            match next {
                None => return self.end(Ok(service.position())).await,
                Some(Err(error)) => return self.end(Err(Fault::of_past(&error))).await,
                Some(Ok(record)) => {
                    self.credit.take().await?;
                    let record = Box::new(Record::of(record));
                    self.frames.send(&Tell::Record { id: self.id, record }).await?;
                }
            }
        }
    }
}
