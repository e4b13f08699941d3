//! [`Conversation`]: one connection of a typed client.

use std::{
    cell::RefCell,
    collections::{HashMap, VecDeque},
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context as Task, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf},
    sync::mpsc,
    time::{Instant, Sleep},
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{
    clients::{Clients, Turn},
    dialects::{Dialect, Dialects, SURFACE_BYTES_MAX, no_such_method},
    streams::{Credit, Frames, Gone, Stream, denied, fault_of},
};
use crate::{
    Error, Position, RequestId, VERSION,
    engine::{Pending, Reply, atomically::Sent},
    model::Verdict,
    remote::{
        frames::{self, Ask, Fault, Refusal, Request, Tell, front},
        surface::{Kind, Surface},
    },
    server::{
        Context,
        access::{Act, Credential, Identity, NotKnown},
        calls::{Denied, SentCommand},
        listen::{Connection, Stream as Bytes},
        telemetry::{Front, incoming},
    },
    service::{Asks, Sender},
};

/// How much is read at once.
const READ_BYTES: usize = 32 << 10;
/// How much may wait to be written before nothing more is read.
const OUT_BYTES_MAX: usize = 1 << 20;
/// How many frames of streams wait to be written.
const STREAM_FRAMES_MAX: usize = 64;
/// How long a client may take for the description of its methods.
const SURFACE_LIMIT: Duration = Duration::from_secs(10);
/// How large that may be beside four times the server's own, and how long a name in it.
const SURFACE_BYTES_FREE: usize = 16 << 10;
const NAME_BYTES_MAX: usize = 256;
/// How long a query waits for the state that its client has seen elsewhere.
const AFTER_LIMIT: Duration = Duration::from_secs(10);
/// How long closing a connection may take.
const SHUTDOWN_LIMIT: Duration = Duration::from_secs(5);
/// How often a client from which nothing is read is told that somebody is here.
const PULSE: Duration = Duration::from_secs(5);
/// Clients say something every ten seconds; where less is set, those who are quiet connect again and again, but not without a pause.
const IDLE_MIN: Duration = Duration::from_secs(1);
const LISTENS_NOT: &str = "it does not listen";
/// How many commands may wait in front of one, and more.
const IN_FRONT_MAX: u64 = 1 << 17;
/// Why a connection ends that its client does not know of any more.
const AGAIN: &str = "the client has connected again";
/// How many frames are taken in before others get their turn.
const FRAMES_A_TURN: usize = 256;

thread_local! {
    /// What is read goes here first: room in each connection would be most of what thousands of them take that say nothing.
    static ROOM: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ_BYTES].into_boxed_slice());
}

/// One connection of a typed client, after the greetings.
pub(super) struct Conversation {
    context: Arc<Context>,
    who: Arc<Identity>,
    client: Uuid,
    /// Is over when the client has connected again.
    turn: Arc<Turn>,
    /// How the client calls methods, if it is of another version.
    dialect: Option<Arc<Dialect>>,
    peer: SocketAddr,
    bytes: Bytes,
    input: Vec<u8>,
    output: Vec<u8>,
    written: usize,
    /// Commands, the oldest first.
    commands: VecDeque<InFlight>,
    bytes_in_flight: usize,
    /// When the frames came that are being taken.
    begun: std::time::Instant,
    /// What is a task of its own, and hands in frames.
    tasks: HashMap<u64, Running, foldhash::fast::RandomState>,
    /// Tells which of them have ended.
    ends: (mpsc::UnboundedSender<Ended>, mpsc::UnboundedReceiver<Ended>),
    /// How many there have been.
    generation: u64,
    /// Ends them when the connection does.
    gone: CancellationToken,
    frames: (Frames, mpsc::Receiver<Vec<u8>>),
    streams: HashMap<u64, Arc<Credit>, foldhash::fast::RandomState>,
    idle: Pin<Box<Sleep>>,
    /// When something was read last.
    heard: Instant,
    /// When something was written last.
    wrote: Instant,
    /// Whether the client is told now and then that somebody is here, because nothing is read from it.
    is_pulsing: bool,
    /// Nothing more will be read.
    ended: bool,
    stopping: bool,
}

/// Something that is done on a task of its own.
struct Running {
    /// Tells it from others of its number.
    generation: u64,
    cancel: CancellationToken,
    /// The bytes of its arguments.
    bytes: usize,
    /// Whether it waits for what may never come, so that nobody waits for it.
    is_endless: bool,
}

/// A task that has ended: its number, and what tells it from others of that number.
type Ended = (u64, u64);

/// Says that a task has ended, however it does.
struct Ends {
    task: Ended,
    to: mpsc::UnboundedSender<Ended>,
}

impl Drop for Ends {
    fn drop(&mut self) {
        let _ = self.to.send(self.task);
    }
}

/// A command on its way.
struct InFlight {
    id: u64,
    bytes: usize,
    reply: Replying,
}

enum Replying {
    One(SentCommand),
    Several(Pending),
    /// It was never sent.
    Failed(Option<Fault>),
}

impl Conversation {
    /// Greets the other end, and answers it until it is gone.
    pub(super) async fn have(
        connection: Connection,
        begun: Instant,
        context: &Arc<Context>,
        dialects: &Arc<Dialects>,
        clients: &Arc<Clients>,
    ) -> Result<(), String> {
        let Connection { mut stream, peer, certificate, permit } = connection;
        let limits = &context.settings.limits;
        let greeted = {
            let known_until = begun + limits.time_before_authentication;
            greet(&mut stream, certificate.as_deref(), known_until, context, dialects, clients).await
        };
        let greeted = match greeted {
            Ok(greeted) => greeted,
            Err(refusal) => {
                let why = refusal.to_string();
                refuse(&mut stream, refusal).await;
                return Err(why);
            }
        };
        let (frames, handed_in) = mpsc::channel(STREAM_FRAMES_MAX);
        let gone = CancellationToken::new();
        let mut conversation = Conversation {
            context: Arc::clone(context),
            who: greeted.who,
            client: greeted.client,
            turn: Arc::clone(&greeted.turn),
            dialect: greeted.dialect,
            peer,
            bytes: stream,
            input: greeted.left,
            output: Vec::new(),
            written: 0,
            commands: VecDeque::new(),
            bytes_in_flight: 0,
            begun: std::time::Instant::now(),
            tasks: HashMap::default(),
            ends: mpsc::unbounded_channel(),
            generation: 0,
            gone: gone.clone(),
            frames: (Frames::new(frames), handed_in),
            streams: HashMap::default(),
            idle: Box::pin(tokio::time::sleep(limits.idle)),
            heard: Instant::now(),
            wrote: Instant::now(),
            is_pulsing: false,
            ended: false,
            stopping: false,
        };
        let _gone = gone.drop_guard();
        let stopping = context.stopping.clone();
        let mut stopping = std::pin::pin!(stopping.cancelled());
        let who = Arc::clone(&conversation.who);
        let mut is_over = std::pin::pin!(who.is_over());
        let mut cut = std::pin::pin!(context.cut.cancelled());
        let turn = greeted.turn;
        let mut turn_is_over = std::pin::pin!(turn.ended());
        let ended = std::future::poll_fn(|task| {
            if is_over.as_mut().poll(task).is_ready() {
                // Whoever still is somebody connects again, and loses nothing.
                return Poll::Ready(Err("the credential has expired, or others hold now".to_owned()));
            }
            if turn_is_over.as_mut().poll(task).is_ready() {
                return Poll::Ready(Err(AGAIN.to_owned()));
            }
            if !conversation.stopping && stopping.as_mut().poll(task).is_ready() {
                conversation.stopping = true;
                // Whoever wants them goes on with the next server.
                conversation
                    .tasks
                    .values()
                    .filter(|task| task.is_endless)
                    .for_each(|task| task.cancel.cancel());
            }
            if cut.as_mut().poll(task).is_ready() {
                return Poll::Ready(Err("the server has stopped".to_owned()));
            }
            conversation.poll(task)
        })
        .await;
        for credit in conversation.streams.values() {
            credit.cancel();
        }
        if ended.is_ok() {
            // Whoever takes nothing is not waited for.
            let _ = tokio::time::timeout(SHUTDOWN_LIMIT, conversation.bytes.shutdown()).await;
        }
        drop(permit);
        ended
    }

    /// Does all that can be done now; ready when the connection is to be closed.
    fn poll(&mut self, task: &mut Task<'_>) -> Poll<Result<(), String>> {
        let mut frames = 0;
        loop {
            let mut did = false;
            did |= self.poll_replies(task);
            // In this order: what a task has handed in before it ended is there.
            did |= self.poll_ends(task);
            did |= self.poll_streams(task);
            did |= self.poll_write(task)?;
            if !self.ended {
                did |= self.take_frames(&mut frames)?;
                if frames >= FRAMES_A_TURN {
                    task.waker().wake_by_ref();
                    return Poll::Pending;
                }
                did |= self.poll_read(task)?;
            }
            if !did {
                break;
            }
        }
        let nothing_is_left = self.commands.is_empty() && self.output.is_empty();
        let only_waits = || self.tasks.values().all(|task| task.is_endless);
        if (self.ended || self.stopping) && nothing_is_left && only_waits() {
            return Poll::Ready(Ok(()));
        }
        self.poll_idle(task)
    }

    /// Ends a connection whose other end says nothing, not even that it is there, and one whose other end takes nothing.
    fn poll_idle(&mut self, task: &mut Task<'_>) -> Poll<Result<(), String>> {
        while self.idle.as_mut().poll(task).is_ready() {
            let limit = self.context.settings.limits.idle.max(IDLE_MIN);
            let is_stuck = !self.output.is_empty() && self.wrote.elapsed() >= limit;
            if is_stuck || self.has_room() && self.heard.elapsed() >= limit {
                return Poll::Ready(Err(format!("nothing was heard for {limit:?}")));
            }
            self.is_pulsing = !self.has_room();
            if self.is_pulsing && self.output.is_empty() {
                let position = self.context.service.position();
                frames::put(&Tell::Pong { position }, &mut self.output);
                task.waker().wake_by_ref();
            }
            let next = match self.is_pulsing {
                true => Instant::now() + PULSE,
                false => (self.heard + limit).max(Instant::now() + limit / 4),
            };
            self.idle.as_mut().reset(next);
        }
        Poll::Pending
    }

    fn poll_ends(&mut self, task: &mut Task<'_>) -> bool {
        let mut did = false;
        while let Poll::Ready(Some((id, generation))) = self.ends.1.poll_recv(task) {
            did = true;
            if self.tasks.get(&id).is_some_and(|task| task.generation == generation)
                && let Some(ended) = self.tasks.remove(&id)
            {
                self.bytes_in_flight -= ended.bytes;
                self.streams.remove(&id);
            }
        }
        did
    }

    fn poll_replies(&mut self, task: &mut Task<'_>) -> bool {
        let mut did = false;
        // The time is the same for all replies that are there by now.
        let mut now = None;
        while let Some(oldest) = self.commands.front_mut() {
            let replied = match &mut oldest.reply {
                Replying::One(sent) => sent.poll(&self.context, &mut now, task),
                Replying::Several(pending) => Pin::new(pending).poll(task),
                Replying::Failed(fault) => {
                    let fault = fault.take().expect("it is told once");
                    let id = oldest.id;
                    self.bytes_in_flight -= oldest.bytes;
                    self.commands.pop_front();
                    frames::put(&Tell::Failed { id, fault }, &mut self.output);
                    did = true;
                    continue;
                }
            };
            let Poll::Ready(replied) = replied else { break };
            let id = oldest.id;
            self.bytes_in_flight -= oldest.bytes;
            self.commands.pop_front();
            put_reply(id, &replied, &mut self.output);
            did = true;
        }
        did
    }

    fn poll_streams(&mut self, task: &mut Task<'_>) -> bool {
        let mut did = false;
        while self.output.len() < OUT_BYTES_MAX {
            match self.frames.1.poll_recv(task) {
                Poll::Ready(Some(frame)) => {
                    self.output.extend_from_slice(&frame);
                    did = true;
                }
                Poll::Ready(None) | Poll::Pending => break,
            }
        }
        did
    }

    fn poll_write(&mut self, task: &mut Task<'_>) -> Result<bool, String> {
        let mut did = false;
        while self.written < self.output.len() {
            match Pin::new(&mut self.bytes).poll_write(task, &self.output[self.written..]) {
                Poll::Ready(Ok(0)) => return Err("it takes nothing any more".to_owned()),
                Poll::Ready(Ok(bytes)) => {
                    self.written += bytes;
                    self.context.telemetry.sent(Front::Link, bytes);
                    self.wrote = Instant::now();
                    did = true;
                }
                Poll::Ready(Err(error)) => return Err(error.to_string()),
                Poll::Pending => {
                    // What is written is not kept.
                    if self.written > OUT_BYTES_MAX {
                        self.output.drain(..std::mem::take(&mut self.written));
                    }
                    return Ok(did);
                }
            }
        }
        self.output.clear();
        self.written = 0;
        // Under TLS bytes may wait that were taken.
        if let Poll::Ready(Err(error)) = Pin::new(&mut self.bytes).poll_flush(task) {
            return Err(error.to_string());
        }
        Ok(did)
    }

    /// Whether there is room for more calls.
    fn has_room(&self) -> bool {
        let limits = &self.context.settings.limits;
        self.commands.len() < limits.calls_in_flight
            && self.bytes_in_flight < limits.bytes_in_flight
            && self.output.len() < OUT_BYTES_MAX
    }

    fn poll_read(&mut self, task: &mut Task<'_>) -> Result<bool, String> {
        if !self.has_room() {
            if !std::mem::replace(&mut self.is_pulsing, true) {
                self.idle.as_mut().reset(Instant::now() + PULSE);
                task.waker().wake_by_ref();
            }
            return Ok(false);
        }
        let (polled, read) = ROOM.with_borrow_mut(|room| {
            let mut buffer = ReadBuf::new(room);
            let polled = Pin::new(&mut self.bytes).poll_read(task, &mut buffer);
            self.input.extend_from_slice(buffer.filled());
            (polled, buffer.filled().len())
        });
        match polled.map_ok(|()| read) {
            Poll::Pending => Ok(false),
            Poll::Ready(Ok(0)) => {
                self.ended = true;
                Ok(true)
            }
            Poll::Ready(Ok(read)) => {
                self.context.telemetry.received(Front::Link, read);
                self.heard = Instant::now();
                Ok(true)
            }
            Poll::Ready(Err(error)) => Err(error.to_string()),
        }
    }

    /// Has the frames done that have arrived, as far as there is room.
    fn take_frames(&mut self, frames: &mut usize) -> Result<bool, String> {
        if self.input.is_empty() {
            return Ok(false);
        }
        let input = std::mem::take(&mut self.input);
        let mut taken = 0;
        self.begun = std::time::Instant::now();
        let limit = self.context.settings.limits.frame_bytes;
        let mut end = Ok(());
        while self.has_room() && *frames < FRAMES_A_TURN {
            match front(&input[taken..], limit) {
                frames::Front::Message(message, length) => {
                    taken += length;
                    *frames += 1;
                    end = frames::read(message).and_then(|message| self.take(message));
                    if end.is_err() {
                        break;
                    }
                }
                frames::Front::TooLarge(bytes) => {
                    end = Err(format!("a frame has {bytes} bytes, more than {limit}"));
                    break;
                }
                frames::Front::Partial(_) => break,
            }
        }
        self.input = input;
        self.input.drain(..taken);
        if let frames::Front::Partial(length) = front(&self.input, limit)
            && self.input.len() >= length / 4
        {
            // A large frame that is really coming gets its room at once, and not twice what it needs.
            self.input.reserve_exact(length.saturating_sub(self.input.len()));
        }
        if let Err(why) = end {
            // It cannot be told where the next begins, or what comes is no protocol; what was called is still answered.
            frames::put(&Tell::Refused(Refusal::Invalid(why)), &mut self.output);
            self.ended = true;
            return Ok(true);
        }
        Ok(taken > 0)
    }

    fn fail(&mut self, id: u64, fault: Fault) {
        frames::put(&Tell::Failed { id, fault }, &mut self.output);
    }

    fn sender(&self, request: Request, caller: Option<&str>) -> Sender {
        let request = match request {
            // It was never sent before, so everything that happens before it is older: also what waits in front of it, which may be as
            // many requests as are remembered.
            Request::New(sequence) => {
                let since = Position::new(self.context.service.position().get() + IN_FRONT_MAX);
                RequestId { client: self.client, sequence, since }
            }
            Request::Again { sequence, since } => RequestId { client: self.client, sequence, since },
            Request::Given(request) => request,
        };
        let caller = caller.map(Arc::from).or_else(|| self.who.name.clone());
        Sender { caller, request: Some(request) }
    }

    fn number(&self, kind: Kind, method: u16) -> Result<u16, Fault> {
        match &self.dialect {
            Some(dialect) => dialect.method(kind, method),
            None => {
                let ours = self.context.service.surface().methods(kind);
                ours.command(method).map(|_| method).ok_or_else(no_such_method)
            }
        }
    }

    /// The server's number of a method, and the arguments as it writes them. Who may not call it learns nothing of them.
    fn call<'a>(
        &self,
        kind: Kind,
        method: u16,
        arguments: &'a [u8],
    ) -> Result<(u16, std::borrow::Cow<'a, [u8]>), Fault> {
        let number = self.number(kind, method)?;
        let act = match kind {
            Kind::Command => Act::Command(number),
            Kind::Query => Act::Query(number),
        };
        if !self.who.may(act) {
            let name = self.context.service.surface().methods(kind).name(number).to_owned();
            return Err(denied(&format!("call `{name}`"), &self.who));
        }
        let carried = match &self.dialect {
            Some(dialect) => dialect.carry(kind, method, arguments, &*self.context.service)?,
            None => None,
        };
        Ok((number, carried.map_or(arguments.into(), Into::into)))
    }

    /// Does what a frame says.
    fn take(&mut self, message: Ask<'_>) -> Result<(), String> {
        let trace = match &message {
            Ask::Command { trace, .. } | Ask::Atomically { trace, .. } | Ask::Query { trace, .. } => {
                trace.as_deref()
            }
            _ => None,
        };
        let _incoming = incoming(self.peer, trace);
        if self.stopping && !matches!(message, Ask::Credit { .. } | Ask::Cancel { .. } | Ask::Ping) {
            // It is not answered, so it is asked again, of the next server.
            return Ok(());
        }
        match message {
            Ask::Command { id, method, request, caller, arguments, .. } => {
                let reply = match self.call(Kind::Command, method, arguments) {
                    Err(fault) => Replying::Failed(Some(fault)),
                    Ok((number, arguments)) => {
                        let Some(_during) = self.turn.during() else { return Err(AGAIN.to_owned()) };
                        let sender = self.sender(request, caller.as_deref());
                        let (context, who, begun) = (&self.context, &self.who, self.begun);
                        match context.send(who, Front::Link, number, &arguments, &sender, begun) {
                            Ok(sent) => Replying::One(sent),
                            Err(Denied) => {
                                Replying::Failed(Some(denied("call in another's name", &self.who)))
                            }
                        }
                    }
                };
                self.enter(id, arguments.len(), reply);
            }
            Ask::Atomically { id, request, caller, commands, .. } => {
                let bytes = commands.iter().map(|(_, arguments)| arguments.len()).sum();
                let reply = {
                    let Some(_during) = self.turn.during() else { return Err(AGAIN.to_owned()) };
                    self.atomically(request, caller.as_deref(), &commands)
                };
                let reply = match reply {
                    Ok(Sent::Pending(pending, _)) => Replying::Several(pending),
                    Ok(Sent::Empty(_)) => Replying::Failed(Some(Fault::Invalid("an empty batch".to_owned()))),
                    Err(fault) => Replying::Failed(Some(fault)),
                };
                self.enter(id, bytes, reply);
            }
            Ask::Query { id, method, after, at, arguments, .. } => {
                match self.call(Kind::Query, method, arguments) {
                    Err(fault) => self.fail(id, fault),
                    Ok((number, arguments)) => self.query(id, number, after, at, &arguments),
                }
            }
            Ask::Stream { id, method, after, at, credit, arguments } => {
                match self.call(Kind::Query, method, arguments) {
                    Err(fault) => self.fail(id, fault),
                    Ok((number, arguments)) => {
                        let arguments = arguments.into_owned();
                        let bytes = arguments.len();
                        self.stream(id, credit, bytes, false, |stream| async move {
                            match state_of(&stream.context, after, at).await {
                                Ok(asked) => stream.items(asked, number, arguments).await,
                                Err(fault) => stream.frames.send(&Tell::Failed { id, fault }).await,
                            }
                        });
                    }
                }
            }
            Ask::Watch { id, method, credit, arguments } => match self.call(Kind::Query, method, arguments) {
                Err(fault) => self.fail(id, fault),
                Ok((number, arguments)) => {
                    let arguments = arguments.into_owned();
                    let bytes = arguments.len();
                    self.stream(id, credit, bytes, true, |stream| stream.watch(number, arguments));
                }
            },
            Ask::Events { id, from, filter, credit } => {
                let filter = filter.map(std::borrow::Cow::into_owned);
                let bytes = filter.as_ref().map_or(0, String::len);
                self.stream(id, credit, bytes, true, |stream| stream.events(from, filter));
            }
            Ask::History { id, from, to, with_events, credit } => {
                let span = frames::span(from, to);
                self.stream(id, credit, 0, false, |stream| stream.history(span, with_events));
            }
            Ask::Diff { id, from, to } => match self.who.may(Act::History) {
                false => self.fail(id, denied("see what has changed", &self.who)),
                true => {
                    let diff = self.context.service.diff(from.into(), to.into());
                    self.tell(id, false, async move {
                        let changes = diff.await.map_err(|error| Fault::of_past(&error))?;
                        let changes = changes.into_iter().map(frames::change).collect();
                        Ok(Tell::Changes { id, changes })
                    });
                }
            },
            // A state of the past is made for whoever may ask it something, because that costs as much as a recovery.
            Ask::At { id, when } => match self.who.may_ask() || self.who.may(Act::History) {
                false => self.fail(id, denied("see the past", &self.who)),
                true => {
                    let context = Arc::clone(&self.context);
                    self.tell(id, false, async move {
                        let (state, time) =
                            context.at(when.into()).await.map_err(|error| Fault::of_past(&error))?;
                        Ok(Tell::Past { id, position: state.position(), time })
                    });
                }
            },
            // Positions are told with every greeting, so waiting for one needs no right.
            Ask::Reached { id, position } => {
                let reached = self.context.service.reached(position);
                self.tell(id, true, async move {
                    reached.await.map_err(|error| Fault::of(&error))?;
                    Ok(Tell::Done { id, position })
                });
            }
            Ask::Snapshot { id } => match self.who.may(Act::Snapshot) {
                false => self.fail(id, denied("take a snapshot", &self.who)),
                true => {
                    let snapshot = self.context.service.snapshot();
                    self.tell(id, false, async move {
                        let position = snapshot.await.map_err(|error| Fault::of(&error))?;
                        Ok(Tell::Done { id, position })
                    });
                }
            },
            Ask::Credit { id, more } => {
                if let Some(credit) = self.streams.get(&id) {
                    credit.add(more);
                }
            }
            Ask::Cancel { id } => {
                if let Some(credit) = self.streams.remove(&id) {
                    credit.cancel();
                }
                if let Some(task) = self.tasks.get(&id) {
                    task.cancel.cancel();
                }
            }
            Ask::Ping => {
                let position = self.context.service.position();
                frames::put(&Tell::Pong { position }, &mut self.output);
            }
            Ask::Hello { .. } | Ask::Surface(_) => return Err("it greets twice".to_owned()),
        }
        Ok(())
    }

    fn enter(&mut self, id: u64, bytes: usize, reply: Replying) {
        self.bytes_in_flight += bytes;
        self.commands.push_back(InFlight { id, bytes, reply });
    }

    fn atomically(
        &self,
        request: Request,
        caller: Option<&str>,
        commands: &[(u16, &[u8])],
    ) -> Result<Sent, Fault> {
        let mut read = Vec::with_capacity(commands.len());
        for (index, (method, arguments)) in commands.iter().enumerate() {
            let called = self.call(Kind::Command, *method, arguments);
            read.push(called.map_err(|fault| match fault {
                fault @ (Fault::Denied(_) | Fault::Incompatible(_)) => fault,
                why => Fault::InBatch { index: index as u64, why: Box::new(why) },
            })?);
        }
        let commands: Vec<_> = read.iter().map(|(number, arguments)| (*number, &arguments[..])).collect();
        let sent = self.context.commands(&self.who, &commands, &self.sender(request, caller));
        sent.map_err(|Denied| denied("call in another's name", &self.who))
    }

    /// Answers a query: at once, if it is one of a state that is there, and what was slow before beside the other calls.
    fn query(&mut self, id: u64, number: u16, after: Position, at: Option<Position>, arguments: &[u8]) {
        let service = &self.context.service;
        if at.is_none() && service.position() >= after && !self.context.slow.is(number) {
            let asks: &dyn Asks = &**service;
            answer(id, &self.context, &self.who, asks, number, arguments, &mut self.output);
            return;
        }
        let (who, arguments) = (Arc::clone(&self.who), arguments.to_vec());
        let frames = self.frames.0.clone();
        let context = Arc::clone(&self.context);
        self.task(id, arguments.len(), false, async move {
            let mut frame = Vec::new();
            match state_of(&context, after, at).await {
                Ok(asks) => answer(id, &context, &who, &*asks, number, &arguments, &mut frame),
                Err(fault) => frames::put(&Tell::Failed { id, fault }, &mut frame),
            }
            frames.send_frame(frame).await
        });
    }

    /// Has something done on a task of its own, and told. `is_endless` says whether it waits for what may never come.
    fn tell<F>(&mut self, id: u64, is_endless: bool, work: F)
    where
        F: Future<Output = Result<Tell<'static>, Fault>> + Send + 'static,
    {
        let frames = self.frames.0.clone();
        self.task(id, 0, is_endless, async move {
            match work.await {
                Ok(message) => frames.send(&message).await,
                Err(fault) => frames.send(&Tell::Failed { id, fault }).await,
            }
        });
    }

    /// Sends a stream, on a task of its own.
    fn stream<F>(
        &mut self,
        id: u64,
        credit: u32,
        bytes: usize,
        is_endless: bool,
        work: impl FnOnce(Stream) -> F,
    ) where
        F: Future<Output = Result<(), Gone>> + Send + 'static,
    {
        let limit = self.context.settings.limits.subscriptions;
        if self.streams.len() >= limit {
            let why =
                format!("there are {limit} streams on this connection, as many as there may be; end one");
            return self.fail(id, Fault::Failed(why));
        }
        let credit = Credit::new(credit);
        let stream = Stream {
            id,
            context: Arc::clone(&self.context),
            who: Arc::clone(&self.who),
            credit: Arc::clone(&credit),
            frames: self.frames.0.clone(),
        };
        let work = work(stream);
        if self.task(id, bytes, is_endless, work)
            && let Some(other) = self.streams.insert(id, credit)
        {
            other.cancel();
        }
    }

    /// Has something done on a task of its own, unless there are too many.
    fn task<F>(&mut self, id: u64, bytes: usize, is_endless: bool, work: F) -> bool
    where
        F: Future<Output = Result<(), Gone>> + Send + 'static,
    {
        let (waiting, limit) = (self.tasks.len(), self.context.settings.limits.calls_in_flight);
        if waiting >= limit {
            self.fail(id, Fault::Overloaded { waiting: waiting as u64, limit: limit as u64 });
            return false;
        }
        self.generation += 1;
        let (generation, cancel) = (self.generation, self.gone.child_token());
        let ends = Ends { task: (id, generation), to: self.ends.0.clone() };
        self.bytes_in_flight += bytes;
        let running = Running { generation, cancel: cancel.clone(), bytes, is_endless };
        if let Some(other) = self.tasks.insert(id, running) {
            // The client has used a number twice; nobody waits for the first.
            self.bytes_in_flight -= other.bytes;
            other.cancel.cancel();
        }
        tokio::spawn(async move {
            let _ends = ends;
            tokio::select! {
                // Nobody is there any more to be told.
                () = cancel.cancelled() => {}
                _ = work => {}
            }
        });
        true
    }
}

/// The state that contains `after`, or that of the past at `at`.
async fn state_of(
    context: &Arc<Context>,
    after: Position,
    at: Option<Position>,
) -> Result<Arc<dyn Asks>, Fault> {
    if let Some(position) = at {
        let (state, _) = context.at(position.into()).await.map_err(|error| Fault::of_past(&error))?;
        return Ok(state);
    }
    let reached = context.service.reached(after);
    match tokio::time::timeout(AFTER_LIMIT, reached).await {
        Ok(reached) => reached.map_err(|error| Fault::of(&error))?,
        Err(_) => {
            return Err(Fault::Failed(format!(
                "the client has seen position {after}, and the server's journal is at {}: it is another one, or an older copy",
                context.service.position()
            )));
        }
    }
    let service: Arc<dyn Asks> = Arc::clone(&context.service) as Arc<dyn Asks>;
    Ok(service)
}

/// Asks a query, and appends the frame with its answer.
fn answer(
    id: u64,
    context: &Context,
    who: &Identity,
    asks: &dyn Asks,
    number: u16,
    arguments: &[u8],
    out: &mut Vec<u8>,
) {
    let mut reply = Vec::new();
    // Of the state that is asked it may be later, never earlier.
    let position = asks.position();
    let fault = match context.query(who, Front::Link, asks, number, arguments, &mut reply) {
        Ok(Ok(verdict)) => {
            let accepted = verdict == Verdict::Accepted;
            match reply.len() > context.settings.limits.answer_bytes {
                false => return frames::put(&Tell::Answer { id, position, accepted, reply: &reply }, out),
                true => Fault::Failed(format!(
                    "the answer has {} bytes, more than the {} that one may have; ask for less",
                    reply.len(),
                    context.settings.limits.answer_bytes
                )),
            }
        }
        Ok(Err(unanswered)) => fault_of(unanswered),
        Err(Denied) => denied("ask this query", who),
    };
    frames::put(&Tell::Failed { id, fault }, out);
}

fn put_reply(id: u64, replied: &Result<Reply, Error>, out: &mut Vec<u8>) {
    match replied {
        Ok(reply) => {
            let accepted = reply.verdict() == Verdict::Accepted;
            let message = Tell::Reply { id, position: reply.position(), accepted, reply: reply.bytes() };
            frames::put(&message, out);
        }
        Err(error) => frames::put(&Tell::Failed { id, fault: Fault::of(error) }, out),
    }
}

/// What is known after the greetings.
struct Greeted {
    who: Arc<Identity>,
    client: Uuid,
    turn: Arc<Turn>,
    dialect: Option<Arc<Dialect>>,
    /// What was read and is not taken in.
    left: Vec<u8>,
}

async fn refuse(bytes: &mut Bytes, why: Refusal) {
    let mut out = Vec::new();
    frames::put(&Tell::Refused(why), &mut out);
    let told = async {
        bytes.write_all(&out).await?;
        bytes.shutdown().await
    };
    // Whoever does not listen is not waited for.
    let _ = tokio::time::timeout(Duration::from_secs(1), told).await;
}

/// Finds out who is at the other end, and which methods it means.
async fn greet(
    bytes: &mut Bytes,
    certificate: Option<&[u8]>,
    known_until: Instant,
    context: &Arc<Context>,
    dialects: &Arc<Dialects>,
    clients: &Arc<Clients>,
) -> Result<Greeted, Refusal> {
    let limits = &context.settings.limits;
    let mut left = Vec::new();
    let first = limits.bytes_before_authentication;
    let message = tokio::time::timeout_at(known_until, next(bytes, &mut left, first)).await;
    let message = message.map_err(|_| Refusal::Late("the greeting was not there in time".to_owned()))??;
    let hello = frames::read(&message).map_err(Refusal::Invalid)?;
    let Ask::Hello { version, memstate, model, surface, client, token } = hello else {
        return Err(Refusal::Invalid("it does not greet".to_owned()));
    };
    if version != frames::VERSION {
        return Err(Refusal::OtherVersion(format!(
            "it speaks version {} of the protocol (memstate {VERSION}), and the client version {version} (memstate {memstate}); \
             use the same version of memstate on both sides",
            frames::VERSION
        )));
    }
    let credential = match (&token, certificate) {
        (Some(token), _) => Credential::Bearer(token),
        (None, Some(certificate)) => Credential::Certificate(certificate),
        (None, None) => Credential::None,
    };
    let who = context
        .identify(Front::Link, credential)
        .map_err(|why: NotKnown| Refusal::NotKnown(why.to_string()))?;
    if context.stopping.is_cancelled() {
        return Err(Refusal::Stopping);
    }
    let service = &context.service;
    let ours = service.surface();
    if model != service.described().model {
        return Err(Refusal::OtherModel(service.described().model.to_owned()));
    }
    // Before the client is told a position, and so before it sends anything again.
    let turn = clients.begin(who.name.clone(), client);
    let known = dialects.get(surface);
    let is_same = surface == ours.digest;
    let knows_surface = is_same || known.is_some();
    let mut out = Vec::new();
    let welcome = Tell::Welcome {
        version: frames::VERSION,
        memstate: VERSION.into(),
        position: service.position(),
        knows_surface,
        frame_bytes: u32::try_from(limits.frame_bytes).unwrap_or(u32::MAX),
    };
    frames::put(&welcome, &mut out);
    let lost = |_| Refusal::Late(LISTENS_NOT.to_owned());
    let dialect = match (is_same, known) {
        (true, _) => None,
        (false, Some(known)) => Some(known),
        (false, None) => {
            bytes.write_all(&out).await.map_err(lost)?;
            out.clear();
            // The work that a description makes grows with it, so one that is much larger than ours is not looked at.
            let limit = SURFACE_BYTES_MAX.min(4 * ours.bytes.len() + SURFACE_BYTES_FREE);
            let message = tokio::time::timeout(SURFACE_LIMIT, next(bytes, &mut left, limit)).await;
            let message =
                message.map_err(|_| Refusal::Late("its description was not there in time".to_owned()))??;
            let Ask::Surface(described) = frames::read(&message).map_err(Refusal::Invalid)? else {
                return Err(Refusal::Invalid("it does not describe its methods".to_owned()));
            };
            let theirs = Surface::decode(described).map_err(|error| {
                Refusal::OtherVersion(format!("its methods cannot be understood: {error}"))
            })?;
            if theirs.digest != surface {
                return Err(Refusal::Invalid("its description is not the one of its digest".to_owned()));
            }
            if let Some(name) = theirs.longest_name().filter(|name| name.len() > NAME_BYTES_MAX) {
                let why = format!("a name of {} bytes is longer than {NAME_BYTES_MAX}", name.len());
                return Err(Refusal::Invalid(why));
            }
            Some(Dialects::learn(dialects, theirs, service).await?)
        }
    };
    let agreed = match &dialect {
        None => Tell::Agreed { commands: Vec::new(), queries: Vec::new(), surface: None },
        Some(dialect) => Tell::Agreed {
            commands: dialect.numbers(Kind::Command),
            queries: dialect.numbers(Kind::Query),
            surface: Some(&ours.bytes),
        },
    };
    frames::put(&agreed, &mut out);
    let told = async {
        bytes.write_all(&out).await?;
        bytes.flush().await
    };
    tokio::time::timeout(SURFACE_LIMIT, told)
        .await
        .map_err(|_| Refusal::Late(LISTENS_NOT.to_owned()))?
        .map_err(lost)?;
    Ok(Greeted { who, client, turn, dialect, left })
}

/// The next frame of the greetings.
async fn next(bytes: &mut Bytes, left: &mut Vec<u8>, limit: usize) -> Result<Vec<u8>, Refusal> {
    loop {
        match front(left, limit) {
            frames::Front::Message(message, length) => {
                let message = message.to_vec();
                left.drain(..length);
                return Ok(message);
            }
            frames::Front::TooLarge(bytes) => {
                return Err(Refusal::Invalid(format!(
                    "a frame has {bytes} bytes, more than the {limit} that it may have here"
                )));
            }
            frames::Front::Partial(_) => {}
        }
        match bytes.read_buf(left).await {
            Ok(0) => return Err(Refusal::Invalid("it has closed the connection".to_owned())),
            Ok(_) => {}
            Err(error) => return Err(Refusal::Invalid(error.to_string())),
        }
    }
}
