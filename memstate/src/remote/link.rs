//! [`Link`]: a client's connection to a server, which is made again whenever it is lost.
//!
//! A call is written into `out` on the caller's task, and a task of the link's own writes all that is there at once. What is in
//! flight is kept as it was called: when there is a new connection, it is sent again, in the order of the calls, commands under
//! the identity that they had.

use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use tokio::sync::{Notify, oneshot, watch};
use uuid::Uuid;

use super::{
    Foreign,
    frames::{self, Ask, Fault, Record, Request, Tell},
    kept::Kept,
    parts::{Part, Parts},
    surface::{Dialect, Kind, Surface},
};
use crate::{
    Error, NotJournaled, Position, RequestId, Timestamp,
    codec::Unwritable,
    engine::{self, COMMANDS_MAX, Pending, Replied, Replier, Replies, Reply, Wakers},
    model::Verdict,
};

/// How many calls may be in flight, as in process.
const CALLS_MAX: usize = 65_536;
/// How many bytes of them.
const BYTES_MAX: usize = 64 << 20;
/// What a call counts beside its arguments.
const CALL_BYTES: usize = 64;
/// What a frame has at most beside arguments and the caller's name.
const FRAME_BYTES: usize = 256;

/// A connection to a server. When it is dropped, what is in flight is finished.
pub(crate) struct Link {
    pub(super) shared: Arc<Shared>,
}

/// What calls, the tasks of the connection, and streams share.
pub(crate) struct Shared {
    pub(super) state: Mutex<State>,
    /// Wakes who writes, and who waits to end.
    pub(super) written: Notify,
    /// The highest position that was told.
    position: AtomicU64,
    /// The number of the next call; of commands it is the sequence of their request too.
    next: AtomicU64,
    pub(super) process: Uuid,
    pub(super) surface: Surface,
    commands: Vec<&'static str>,
    queries: Vec<&'static str>,
    pub(super) location: String,
    /// Whether there is much room, for who waits for it.
    room: watch::Sender<bool>,
}

pub(super) struct State {
    /// What is to be written to the connection, if there is one.
    pub(super) out: Vec<u8>,
    calls: HashMap<u64, Entry, foldhash::fast::RandomState>,
    /// Makes the ways back to the callers.
    replies: Replies,
    /// The bytes of the calls in flight.
    bytes: usize,
    /// What those who wait for room were told last.
    told_room: bool,
    phase: Phase,
    dialect: Option<Arc<Dialect>>,
    /// How large a frame to the server may be.
    frame_bytes: usize,
    /// Whether the server has answered anything on this connection.
    answered: bool,
    /// Since when there has been no connection on which anything was answered.
    mute_since: Option<Instant>,
    /// Commands that were sent again, for which the server had no room: they are sent once more.
    put_off: Vec<u64>,
    /// No client is there any more, or it was closed: it ends when nothing is in flight.
    pub(super) closing: bool,
}

enum Phase {
    /// There is a connection.
    Up,
    /// There is none; since then, and why.
    Down(Instant, Arc<str>),
    /// There has been none for so long that calls are answered at once.
    Away(Arc<str>),
    /// There will be none.
    Ended(Arc<str>),
}

/// A call in flight.
struct Entry {
    kept: Kept,
    /// Whether it was written to any connection, so that it may have arrived.
    sent: bool,
    /// Whether it was written to several, so that what is answered may be about another time than the first.
    again: bool,
    to: To,
}

/// Who waits for it.
enum To {
    Reply(Replier),
    Done(oneshot::Sender<Result<Done, Fault>>),
    Parts(tokio::sync::mpsc::UnboundedSender<Part>),
}

/// What comes of a call that is neither a command, a query nor a stream.
#[derive(Debug)]
pub(crate) enum Done {
    At(Position),
    Past(Position, Option<Timestamp>),
    Changes(Vec<crate::Change>),
}

impl Shared {
    pub(super) fn new(
        surface: Surface,
        commands: Vec<&'static str>,
        queries: Vec<&'static str>,
        location: String,
    ) -> Self {
        let ended = std::sync::OnceLock::from(Arc::from("the client has ended"));
        let state = State {
            out: Vec::new(),
            calls: HashMap::default(),
            replies: Replies::new(Arc::new(ended)),
            bytes: 0,
            told_room: true,
            phase: Phase::Down(Instant::now(), "it was not connected yet".into()),
            dialect: None,
            frame_bytes: usize::MAX,
            answered: false,
            mute_since: None,
            put_off: Vec::new(),
            closing: false,
        };
        Shared {
            state: Mutex::new(state),
            written: Notify::new(),
            position: AtomicU64::new(0),
            next: AtomicU64::new(1),
            process: Uuid::from_bytes(random()),
            surface,
            commands,
            queries,
            location,
            room: watch::Sender::new(true),
        }
    }

    pub(super) fn position(&self) -> Position {
        Position::new(self.position.load(Ordering::Acquire))
    }

    pub(super) fn saw(&self, position: Position) {
        self.position.fetch_max(position.get(), Ordering::AcqRel);
    }

    fn name(&self, kind: Kind, method: u16) -> &'static str {
        let names = match kind {
            Kind::Command => &self.commands,
            Kind::Query => &self.queries,
        };
        names.get(usize::from(method)).copied().unwrap_or("?")
    }

    /// Puts a call on its way.
    fn send(&self, kept: Kept, to: To) -> u64 {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let mut state = self.state.lock();
        match state.refuses(&kept) {
            Some(error) => {
                drop(state);
                self.answer_error(to, error);
            }
            None => self.enter(&mut state, id, kept, to),
        }
        id
    }

    /// Puts a call on its way whose reply comes alone.
    fn replied_to(&self, id: u64, kept: Kept) -> Pending {
        let mut state = self.state.lock();
        if let Some(error) = state.refuses(&kept) {
            return Pending::failed(error);
        }
        let (replier, waiting) = state.replies.next();
        self.enter(&mut state, id, kept, To::Reply(replier));
        Pending::waiting(waiting)
    }

    fn enter(&self, state: &mut State, id: u64, mut kept: Kept, to: To) {
        let bytes = kept.bytes() + CALL_BYTES;
        let mut sent = false;
        if matches!(state.phase, Phase::Up) {
            let was_empty = state.out.is_empty();
            kept.put(id, false, self.position(), &mut state.out);
            sent = true;
            if was_empty {
                self.written.notify_one();
            }
        }
        state.bytes += bytes;
        state.calls.insert(id, Entry { kept, sent, again: false, to });
        self.tell_room(state);
    }

    /// Writes something that has no answer of its own.
    pub(super) fn say(&self, message: &Ask<'_>) {
        let mut state = self.state.lock();
        if matches!(state.phase, Phase::Up) {
            let was_empty = state.out.is_empty();
            frames::put(message, &mut state.out);
            if was_empty {
                self.written.notify_one();
            }
        }
    }

    /// Nobody wants the rest of a stream.
    pub(super) fn cancel(&self, id: u64) {
        let was_there = {
            let mut state = self.state.lock();
            self.take(&mut state, id)
        };
        if was_there.is_some() {
            self.say(&Ask::Cancel { id });
        }
    }

    /// Tells those who wait for room, when that changes: not at every call.
    fn tell_room(&self, state: &mut State) {
        let room = state.has_much_room();
        if std::mem::replace(&mut state.told_room, room) != room {
            self.room.send_replace(room);
        }
    }

    fn take(&self, state: &mut State, id: u64) -> Option<Entry> {
        let entry = state.calls.remove(&id)?;
        state.bytes -= entry.kept.bytes() + CALL_BYTES;
        self.tell_room(state);
        if state.closing && state.calls.is_empty() {
            self.written.notify_one();
        }
        Some(entry)
    }

    /// There is a connection, and the server has greeted: everything in flight is sent.
    pub(super) fn up(&self, position: Position, dialect: Option<Arc<Dialect>>, frame_bytes: usize) {
        self.saw(position);
        let mut state = self.state.lock();
        let state = &mut *state;
        state.phase = Phase::Up;
        state.dialect = dialect;
        state.frame_bytes = frame_bytes;
        state.answered = false;
        state.put_off.clear();
        state.out.clear();
        // The server may take less than the one before.
        let (limit, calls) = (state.frame_bytes, &state.calls);
        let too_large = calls.iter().filter(|(_, entry)| entry.kept.bytes() + FRAME_BYTES > limit);
        let too_large: Vec<_> = too_large.map(|(id, _)| *id).collect();
        for entry in too_large.into_iter().filter_map(|id| self.take(state, id)).collect::<Vec<_>>() {
            self.fail(vec![entry], &format!("the server takes no more than {limit} bytes at once any more"));
        }
        let mut ids: Vec<_> = state.calls.keys().copied().collect();
        ids.sort_unstable();
        // What was left of a stream may have been begun since.
        for entry in self.take_broken(state) {
            let why = "the connection was lost in the middle of it; ask again";
            self.answer_error(entry.to, Error::Failed(why.into()));
        }
        for id in ids {
            let Some(entry) = state.calls.get_mut(&id) else { continue };
            if let (true, Kept::Stream { .. }, To::Parts(to)) = (entry.sent, &entry.kept, &entry.to) {
                let _ = to.send(Part::Again);
            }
            entry.kept.put(id, entry.sent, self.position(), &mut state.out);
            entry.again |= entry.sent;
            entry.sent = true;
        }
        self.written.notify_one();
    }

    /// Whether the server has answered anything on this connection.
    pub(super) fn was_answered(&self) -> bool {
        self.state.lock().answered
    }

    /// Whether commands wait to be sent once more.
    pub(super) fn has_put_off(&self) -> bool {
        !self.state.lock().put_off.is_empty()
    }

    /// Sends once more what the server had no room for.
    pub(super) fn send_put_off(&self) {
        let mut state = self.state.lock();
        let state = &mut *state;
        for id in std::mem::take(&mut state.put_off) {
            if let Some(entry) = state.calls.get_mut(&id) {
                entry.kept.put(id, true, self.position(), &mut state.out);
            }
        }
    }

    /// The connection is lost.
    pub(super) fn down(&self, why: &str) {
        let mut state = self.state.lock();
        if let Phase::Up = state.phase {
            // Connections on which nothing is answered are none.
            let since = match std::mem::replace(&mut state.answered, false) {
                true => Instant::now(),
                false => state.mute_since.unwrap_or_else(Instant::now),
            };
            state.mute_since = Some(since);
            state.phase = Phase::Down(since, why.into());
        } else if let Phase::Down(since, _) = state.phase {
            state.phase = Phase::Down(since, why.into());
        }
        state.out.clear();
        let broken = self.take_broken(&mut state);
        drop(state);
        for entry in broken {
            let why = format!("the connection was lost in the middle of it: {why}; ask again");
            self.answer_error(entry.to, Error::Failed(why.into()));
        }
    }

    /// Streams that have begun: they cannot be continued in the middle.
    fn take_broken(&self, state: &mut State) -> Vec<Entry> {
        let broken = state.calls.iter().filter(|(_, entry)| !entry.kept.can_be_sent_again());
        let broken: Vec<_> = broken.map(|(id, _)| *id).collect();
        broken.into_iter().filter_map(|id| self.take(state, id)).collect()
    }

    /// After so long without a connection, everything in flight is answered, and what comes is answered at once until there is
    /// one.
    pub(super) fn give_up_after(&self, limit: Duration) {
        let mut state = self.state.lock();
        let Phase::Down(since, why) = &state.phase else { return };
        if since.elapsed() < limit {
            return;
        }
        let why = Arc::clone(why);
        state.phase = Phase::Away(Arc::clone(&why));
        let entries = self.take_all(&mut state);
        drop(state);
        let why = match limit.is_zero() {
            true => format!("{}: {why}", self.location),
            false => format!("there is no connection to {} for {limit:?}: {why}", self.location),
        };
        self.fail(entries, &why);
    }

    /// There will be no connection any more.
    pub(super) fn end(&self, why: &str) {
        let mut state = self.state.lock();
        state.phase = Phase::Ended(why.into());
        state.out = Vec::new();
        let entries = self.take_all(&mut state);
        drop(state);
        self.fail(entries, why);
        self.room.send_replace(true);
    }

    fn take_all(&self, state: &mut State) -> Vec<Entry> {
        let ids: Vec<_> = state.calls.keys().copied().collect();
        ids.into_iter().filter_map(|id| self.take(state, id)).collect()
    }

    fn fail(&self, entries: Vec<Entry>, why: &str) {
        for entry in entries {
            let error = match &entry.kept {
                kept if kept.changes_something() && entry.sent => Error::OutcomeUnknown(
                    match kept.request(self.process) {
                        Some(request) => format!(
                            "{why}; sent again with `with_request`, as request {request}, it happens once"
                        ),
                        None => why.to_owned(),
                    }
                    .into(),
                ),
                _ => Error::Unreachable(why.into()),
            };
            self.answer_error(entry.to, error);
        }
    }

    /// A number by chance.
    pub(super) fn chance(&self) -> u64 {
        u64::from_le_bytes(random()[..8].try_into().expect("there are sixteen"))
    }

    /// Takes what is to be written.
    pub(super) fn take_out(&self, into: &mut Vec<u8>) {
        into.clear();
        std::mem::swap(&mut self.state.lock().out, into);
    }

    pub(super) fn is_over(&self) -> bool {
        let state = self.state.lock();
        state.closing && state.calls.is_empty() && state.out.is_empty()
    }

    fn answer_error(&self, to: To, error: Error) {
        match to {
            To::Reply(to) => to.send(Err(error)),
            To::Done(to) => {
                let _ = to.send(Err(Fault::of(&error)));
            }
            To::Parts(to) => {
                let _ = to.send(Part::Failed(error));
            }
        }
    }

    /// Takes in what has arrived: each frame that is whole. Says how many bytes they have.
    ///
    /// # Errors
    ///
    /// If it is no message, so that the connection is of no use.
    pub(super) fn arrived(&self, bytes: &[u8], done: &mut Vec<Woken>) -> Result<usize, String> {
        let mut taken = 0;
        let mut state = self.state.lock();
        let state = &mut *state;
        loop {
            match frames::front(&bytes[taken..], usize::MAX >> 1) {
                frames::Front::Message(message, length) => {
                    taken += length;
                    done.extend(self.told(state, frames::read(message)?)?);
                }
                frames::Front::Partial(_) | frames::Front::TooLarge(_) => return Ok(taken),
            }
        }
    }

    fn told(&self, state: &mut State, message: Tell<'_>) -> Result<Option<Woken>, String> {
        if !matches!(message, Tell::Refused(_)) {
            state.answered = true;
        }
        Ok(match message {
            Tell::Reply { id, position, accepted, reply } => {
                self.saw(position);
                self.replied(state, Kind::Command, id, position, accepted, reply)
            }
            Tell::Answer { id, position, accepted, reply } => {
                self.saw(position);
                if let Some(Entry { to: To::Parts(to), .. }) = state.calls.get(&id) {
                    let _ = to.send(Part::Answer {
                        accepted,
                        reply: reply.to_vec(),
                        dialect: state.dialect.clone(),
                    });
                    return Ok(None);
                }
                self.replied(state, Kind::Query, id, position, accepted, reply)
            }
            Tell::Failed { id, fault } => {
                let Some(entry) = state.calls.get(&id) else { return Ok(None) };
                let may_have_happened = entry.again && entry.kept.changes_something();
                if may_have_happened && matches!(fault, Fault::Overloaded { .. }) {
                    // It was not looked whether it has happened.
                    state.put_off.push(id);
                    self.written.notify_one();
                    return Ok(None);
                }
                let entry = self.take(state, id).expect("it was there");
                let fault = match may_have_happened {
                    true => self.unknown_then(&entry.kept, fault),
                    false => fault,
                };
                Some(Woken::failed(entry.to, fault, self.method_of(&entry.kept)))
            }
            Tell::Items { id, items } => {
                self.part(state, id, |dialect| Part::Items { items: items.to_vec(), dialect });
                None
            }
            Tell::Event { id, position, event } => {
                self.saw(position);
                if let Some(Entry { kept: Kept::Events { from, seen, skip, .. }, .. }) =
                    state.calls.get_mut(&id)
                {
                    if *skip > 0 && position == *from {
                        *skip -= 1;
                        return Ok(None);
                    }
                    // Where the subscription is taken up again: at this command, without those of its events that came.
                    *seen = if *from == position { *seen + 1 } else { 1 };
                    *from = position;
                    *skip = 0;
                }
                self.part(state, id, |dialect| Part::Event { position, event: event.to_vec(), dialect });
                None
            }
            Tell::Missed { id, after, through } => {
                if let Some(Entry { kept: Kept::Events { from, seen, .. }, .. }) = state.calls.get_mut(&id) {
                    (*from, *seen) = (through.next(), 0);
                }
                self.part(state, id, |_| Part::Missed { after, through });
                None
            }
            Tell::Record { id, record } => {
                if let Some(Entry { kept: Kept::History { from, .. }, .. }) = state.calls.get_mut(&id) {
                    *from = record.after();
                }
                self.part(state, id, |dialect| Part::Record { record, dialect });
                None
            }
            Tell::Changes { id, changes } => {
                let changes = changes.into_iter().map(frames::change_of).collect();
                self.take(state, id).and_then(|entry| Woken::done(entry.to, Done::Changes(changes)))
            }
            Tell::Past { id, position, time } => {
                self.take(state, id).and_then(|entry| Woken::done(entry.to, Done::Past(position, time)))
            }
            Tell::Done { id, position } => {
                self.saw(position);
                self.take(state, id).and_then(|entry| Woken::done(entry.to, Done::At(position)))
            }
            Tell::Pong { position } => {
                self.saw(position);
                None
            }
            Tell::Stopping => return Err("the server stops".to_owned()),
            Tell::Welcome { .. } | Tell::Agreed { .. } => return Err("it greets twice".to_owned()),
            Tell::Refused(why) => return Err(format!("it refuses to go on: {why}")),
        })
    }

    /// What is to be said of a command that was sent several times, when it is answered that it has not happened: the first
    /// time it may have.
    fn unknown_then(&self, kept: &Kept, fault: Fault) -> Fault {
        let why = match &fault {
            Fault::Panicked { .. } | Fault::OutcomeUnknown(_) => return fault,
            Fault::InBatch { .. } => "the server does not take a command of it any more".to_owned(),
            fault => fault.clone().into_error(self.method_of(kept)).to_string(),
        };
        let request =
            kept.request(self.process).map(|request| format!(", as request {request}")).unwrap_or_default();
        Fault::OutcomeUnknown(format!(
            "it was sent before a connection was lost, and may have happened then; sent again{request}, it was answered: {why}"
        ))
    }

    fn method_of(&self, kept: &Kept) -> &'static str {
        match kept.method() {
            Some((kind, method)) => self.name(kind, method),
            None => kept.what(),
        }
    }

    fn replied(
        &self,
        state: &mut State,
        kind: Kind,
        id: u64,
        position: Position,
        accepted: bool,
        reply: &[u8],
    ) -> Option<Woken> {
        let entry = self.take(state, id)?;
        let To::Reply(to) = entry.to else { return None };
        let verdict = if accepted { Verdict::Accepted } else { Verdict::Rejected };
        let written = state.dialect.as_ref().map(|dialect| {
            let method = entry.kept.method().map(|(_, method)| method);
            Box::new(Foreign { dialect: Arc::clone(dialect), kind, method })
        });
        Some(Woken::Reply(to, Ok(Reply::told(position, verdict, reply.to_vec(), written))))
    }

    fn part(&self, state: &State, id: u64, part: impl FnOnce(Option<Arc<Dialect>>) -> Part) {
        if let Some(Entry { to: To::Parts(to), .. }) = state.calls.get(&id) {
            let _ = to.send(part(state.dialect.clone()));
        }
    }

    /// Notes that something of a stream was given to who reads it, so that it is not begun again.
    pub(super) fn begun(&self, id: u64) {
        if let Some(entry) = self.state.lock().calls.get_mut(&id)
            && let Kept::Stream { begun, .. } = &mut entry.kept
        {
            *begun = true;
        }
    }
}

/// Who is to be woken when the lock is let go, and with what.
pub(super) enum Woken {
    Reply(Replier, Replied),
    Done(oneshot::Sender<Result<Done, Fault>>, Result<Done, Fault>),
    Part(tokio::sync::mpsc::UnboundedSender<Part>, Part),
}

impl Woken {
    fn failed(to: To, fault: Fault, method: &'static str) -> Self {
        match to {
            To::Reply(to) => Woken::Reply(to, Err(fault.into_error(method))),
            To::Done(to) => Woken::Done(to, Err(fault)),
            To::Parts(to) => Woken::Part(to, Part::Failed(fault.into_error(method))),
        }
    }

    fn done(to: To, done: Done) -> Option<Self> {
        match to {
            To::Reply(_) => None,
            To::Done(to) => Some(Woken::Done(to, Ok(done))),
            To::Parts(to) => Some(Woken::Part(to, Part::Done)),
        }
    }

    /// Gives it to who waits. Callers are only added to those who are to be woken.
    pub(super) fn tell(self, wakers: &mut Wakers) {
        match self {
            Woken::Reply(to, reply) => {
                if let Some(waker) = to.leave(reply) {
                    wakers.add(waker);
                }
            }
            Woken::Done(to, done) => {
                let _ = to.send(done);
            }
            Woken::Part(to, part) => {
                let _ = to.send(part);
            }
        }
    }
}

impl State {
    fn has_much_room(&self) -> bool {
        self.calls.len() <= CALLS_MAX / 2 && self.bytes <= BYTES_MAX / 2
    }

    /// Why a call is not taken.
    fn refuses(&self, kept: &Kept) -> Option<Error> {
        match &self.phase {
            Phase::Ended(why) => return Some(Error::Stopped(Arc::clone(why))),
            Phase::Away(why) => return Some(Error::Unreachable(Arc::clone(why))),
            Phase::Up | Phase::Down(..) => {}
        }
        if self.closing {
            return Some(Error::Stopped("the client was closed".into()));
        }
        let bytes = kept.bytes() + CALL_BYTES;
        if kept.bytes() + FRAME_BYTES > self.frame_bytes {
            let (bytes, limit) = (kept.bytes(), self.frame_bytes.saturating_sub(FRAME_BYTES));
            return Some(Error::NotJournaled(NotJournaled::TooLarge { method: kept.what(), bytes, limit }));
        }
        let (calls, full) = (self.calls.len(), self.bytes + bytes > BYTES_MAX && !self.calls.is_empty());
        (calls >= CALLS_MAX || full)
            .then_some(Error::NotJournaled(NotJournaled::Overloaded { waiting: calls, limit: CALLS_MAX }))
    }
}

/// The system's random numbers, or, where there are none, what is different each time.
fn random() -> [u8; 16] {
    let mut bytes = [0; 16];
    if getrandom::fill(&mut bytes).is_err() {
        bytes[..8].copy_from_slice(&Timestamp::of_the_clock().as_micros().to_le_bytes());
        bytes[8..12].copy_from_slice(&std::process::id().to_le_bytes());
    }
    bytes
}

/// Writes arguments; what is sent is what the model's own code wrote.
type Put<'a> = &'a mut dyn FnMut(&mut Vec<u8>) -> Result<(), Unwritable>;

impl Link {
    pub(crate) fn location(&self) -> &str {
        &self.shared.location
    }

    pub(crate) fn position(&self) -> Position {
        self.shared.position()
    }

    pub(crate) fn surface(&self) -> &Surface {
        &self.shared.surface
    }

    pub(crate) fn new_request(&self) -> RequestId {
        RequestId {
            client: self.shared.process,
            sequence: self.shared.next.fetch_add(1, Ordering::Relaxed),
            since: self.position(),
        }
    }

    pub(crate) fn command(
        &self,
        method: u16,
        put: Put<'_>,
        caller: Option<&Arc<str>>,
        request: Option<RequestId>,
    ) -> Pending {
        let name = self.shared.name(Kind::Command, method);
        let arguments = check_caller(name, caller).and_then(|()| self.arguments(Kind::Command, method, put));
        let arguments = match arguments {
            Ok(arguments) => arguments,
            Err(error) => return Pending::failed(error),
        };
        let (request, id) = self.request(request);
        self.shared.replied_to(id, Kept::Command { method, request, caller: caller.cloned(), arguments })
    }

    pub(crate) fn commands(
        &self,
        commands: Vec<(u16, Vec<u8>)>,
        caller: Option<&Arc<str>>,
        request: Option<RequestId>,
    ) -> Pending {
        if let Err(error) = check_caller(crate::engine::ATOMICALLY_NAME, caller) {
            return Pending::failed(error);
        }
        if commands.len() > COMMANDS_MAX {
            // The server would take such a frame for a mistake, and end the connection.
            return Pending::failed(Error::NotJournaled(NotJournaled::TooMany { limit: COMMANDS_MAX }));
        }
        let (request, id) = self.request(request);
        self.shared.replied_to(id, Kept::Atomically { request, caller: caller.cloned(), commands })
    }

    /// The identity under which a command is sent, and the number of its call.
    fn request(&self, given: Option<RequestId>) -> (Request, u64) {
        let id = self.shared.next.fetch_add(1, Ordering::Relaxed);
        let request = match given {
            Some(request) => Request::Given(request),
            None => Request::Again { sequence: id, since: self.position() },
        };
        (request, id)
    }

    /// Asks a query of the state that contains everything that this client has seen, or of that of the past at `at`.
    pub(crate) fn query(&self, method: u16, put: Put<'_>, at: Option<Position>) -> Pending {
        match self.arguments(Kind::Query, method, put) {
            Ok(arguments) => {
                let id = self.shared.next.fetch_add(1, Ordering::Relaxed);
                self.shared.replied_to(id, Kept::Query { method, after: self.position(), at, arguments })
            }
            Err(error) => Pending::failed(error),
        }
    }

    pub(crate) fn stream(&self, method: u16, put: Put<'_>, at: Option<Position>) -> Parts {
        let kept = self.arguments(Kind::Query, method, put).map(|arguments| Kept::Stream {
            method,
            after: self.position(),
            at,
            begun: false,
            arguments,
        });
        self.parts(kept)
    }

    pub(crate) fn watch(&self, method: u16, put: Put<'_>) -> Parts {
        let kept = self.arguments(Kind::Query, method, put);
        self.parts(kept.map(|arguments| Kept::Watch { method, arguments }))
    }

    pub(crate) fn events(&self, from: Position, filter: Option<String>) -> Parts {
        self.parts(Ok(Kept::Events { from, seen: 0, skip: 0, filter }))
    }

    pub(crate) fn history(
        &self,
        from: std::ops::Bound<frames::Moment>,
        to: std::ops::Bound<frames::Moment>,
        with_events: bool,
    ) -> Parts {
        self.parts(Ok(Kept::History { from, to, with_events }))
    }

    fn parts(&self, kept: Result<Kept, Error>) -> Parts {
        let (to, parts) = tokio::sync::mpsc::unbounded_channel();
        match kept {
            Ok(kept) => {
                let id = self.shared.send(kept, To::Parts(to));
                Parts::new(Arc::clone(&self.shared), id, parts)
            }
            Err(error) => {
                let _ = to.send(Part::Failed(error));
                Parts::new(Arc::clone(&self.shared), 0, parts)
            }
        }
    }

    pub(crate) async fn diff(
        &self,
        from: frames::Moment,
        to: frames::Moment,
    ) -> Result<Vec<crate::Change>, Fault> {
        match self.done(Kept::Diff { from, to }).await? {
            Done::Changes(changes) => Ok(changes),
            other => Err(unexpected(&other)),
        }
    }

    pub(crate) async fn at(&self, when: frames::Moment) -> Result<(Position, Option<Timestamp>), Fault> {
        match self.done(Kept::At { when }).await? {
            Done::Past(position, time) => Ok((position, time)),
            other => Err(unexpected(&other)),
        }
    }

    pub(crate) async fn reached(&self, position: Position) -> Result<(), Error> {
        let done = self.done(Kept::Reached { position }).await;
        done.map(drop).map_err(|fault| fault.into_error("reached"))
    }

    pub(crate) async fn snapshot(&self) -> Result<Position, Error> {
        match self.done(Kept::Snapshot).await {
            Ok(Done::At(position)) => Ok(position),
            Ok(other) => Err(unexpected(&other).into_error("snapshot")),
            Err(fault) => Err(fault.into_error("snapshot")),
        }
    }

    fn done(&self, kept: Kept) -> impl Future<Output = Result<Done, Fault>> + Send + use<> {
        let (to, done) = oneshot::channel();
        let id = self.shared.send(kept, To::Done(to));
        let wanted = Wanted { shared: Arc::clone(&self.shared), id };
        async move {
            let done = done.await;
            drop(wanted);
            done.unwrap_or_else(|_| Err(Fault::Stopped("the client has ended".to_owned())))
        }
    }

    /// Waits until at least half of what may be in flight is free.
    pub(crate) async fn ready(&self) -> Result<(), Error> {
        let mut room = self.shared.room.subscribe();
        let _ = room.wait_for(|room| *room).await;
        match &self.shared.state.lock().phase {
            Phase::Ended(why) => Err(Error::Stopped(Arc::clone(why))),
            _ => Ok(()),
        }
    }

    /// Finishes what is in flight, and closes the connection.
    pub(crate) async fn close(&self) -> Result<(), Error> {
        self.shared.close();
        let mut room = self.shared.room.subscribe();
        loop {
            if self.shared.is_over() {
                return Ok(());
            }
            // It changes at the end, and now and then before.
            let _ = tokio::time::timeout(Duration::from_millis(20), room.changed()).await;
            if matches!(self.shared.state.lock().phase, Phase::Ended(_)) {
                return Ok(());
            }
        }
    }

    fn arguments(&self, kind: Kind, method: u16, put: Put<'_>) -> Result<Vec<u8>, Error> {
        let name = self.shared.name(kind, method);
        let unencodable = |why| Error::NotJournaled(NotJournaled::Unencodable { method: name, why });
        let mut arguments = Vec::new();
        let written = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| put(&mut arguments)));
        written
            .map_err(|panic| unencodable(format!("writing panicked: {}", crate::state::message(panic))))?
            .map_err(|error| unencodable(error.to_string()))?;
        Ok(arguments)
    }
}

fn check_caller(method: &'static str, caller: Option<&Arc<str>>) -> Result<(), Error> {
    engine::check_caller(|| method, caller.map(|caller| &**caller)).map_err(Error::NotJournaled)
}

/// Tells the server that nobody wants an answer, when it is dropped before that came.
struct Wanted {
    shared: Arc<Shared>,
    id: u64,
}

impl Drop for Wanted {
    fn drop(&mut self) {
        self.shared.cancel(self.id);
    }
}

fn unexpected(done: &Done) -> Fault {
    Fault::Failed(format!("the server answers something else than was asked: {done:?}"))
}

impl Shared {
    /// Ends what never ends by itself, and takes nothing new.
    fn close(&self) {
        let mut state = self.state.lock();
        state.closing = true;
        let endless = state.calls.iter().filter(|(_, entry)| entry.kept.is_endless());
        let endless: Vec<_> = endless.map(|(id, _)| *id).collect();
        let ended: Vec<_> = endless.into_iter().filter_map(|id| self.take(&mut state, id)).collect();
        drop(state);
        for entry in ended {
            match entry.to {
                To::Parts(to) => {
                    let _ = to.send(Part::Done);
                }
                to => self.answer_error(to, Error::Stopped("the client was closed".into())),
            }
        }
        self.written.notify_one();
    }

    /// The last client is gone, and subscriptions may still be read.
    fn let_go(&self) {
        self.state.lock().closing = true;
        self.written.notify_one();
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.shared.let_go();
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").field("location", &self.shared.location).finish_non_exhaustive()
    }
}

impl Record {
    /// The bound behind this record.
    fn after(&self) -> std::ops::Bound<frames::Moment> {
        std::ops::Bound::Excluded(frames::Moment::Position(self.position()))
    }
}
