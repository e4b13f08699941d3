//! The kernel: the model, and the one function that changes it.
//!
//! Live execution, recovery, snapshots and the events of the past all go through [`Kernel::apply`], which is fed from
//! the journal's bytes. Nothing in here knows a clock, a file or a thread.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use twox_hash::XxHash3_64;

use super::{
    ahead::Ahead,
    atomically::{self, Running},
    evolution::Today,
    record::{ATOMICALLY, ATOMICALLY_NAME, Record, Recorded, Records, Shared},
    requests::{Answered, Identity, Known, Requests},
};
use crate::{
    Ctx, Model, Position,
    codec::{Unreadable, get_bytes, get_varint, whole},
    model::{Operation, Verdict, parts},
    state::{self, Broken, Failed, trace::Trace},
};

/// The state after a position.
pub(crate) struct Kernel<M: Model> {
    /// Only taken out when the kernel is dropped.
    model: Option<M>,
    position: Position,
    requests: Requests,
    trace: Trace,
    /// Made when it is first asked.
    ahead: Option<Ahead>,
}

/// What a record did.
#[derive(Debug)]
pub(crate) struct Applied {
    pub(crate) outcome: Recorded,
    pub(crate) answer: Answer,
    /// Events, each with its length.
    pub(crate) events: Vec<u8>,
}

/// What the caller gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    Accepted(Vec<u8>),
    Rejected(Vec<u8>),
    Panicked(String),
    /// The request's id is so old that it is forgotten.
    Expired,
    /// The request's id was used for something else.
    Reused,
    /// It happened before, and what it was answered cannot be read any more.
    Lost,
}

/// Why a record could not be applied at all.
#[derive(Debug)]
pub(crate) enum Stuck {
    /// Its arguments cannot be read.
    Unreadable(Unreadable),
    /// Its changes could not be taken back: the state is not to be used any more.
    Broken(Broken),
}

/// Why a command changes nothing.
pub(super) enum Refusal {
    Rejected,
    Unwritable(String),
}

/// What a record asks for.
enum Work<M: Model> {
    /// A command; `None` once it runs.
    One(Option<M::Command>),
    /// The commands of an atomic batch.
    All(Running<M>),
}

impl<M: Model> Kernel<M> {
    pub(crate) fn new(model: M, position: Position, requests: Requests) -> Self {
        Kernel { model: Some(model), position, requests, trace: Trace::default(), ahead: None }
    }

    #[inline]
    pub(crate) fn model(&self) -> &M {
        self.model.as_ref().expect("it is there until the kernel is dropped")
    }

    fn model_mut(&mut self) -> &mut M {
        self.model.as_mut().expect("it is there until the kernel is dropped")
    }

    /// Gets ready for the next records, which are in the form of today; says after how many that is worth while again.
    pub(crate) fn look_ahead(&mut self, records: Records<'_>) -> usize {
        let ahead = self.ahead.get_or_insert_with(|| Ahead::of(&Today::of::<M>()));
        ahead.look(self.model.as_mut().expect("it is there until the kernel is dropped"), records)
    }

    pub(crate) fn requests(&self) -> &Requests {
        &self.requests
    }

    /// The position of the last record that was applied.
    pub(crate) fn position(&self) -> Position {
        self.position
    }

    /// Applies the next record, which today's code wrote.
    pub(crate) fn apply(&mut self, record: &Record<'_>, shared: Shared) -> Result<Applied, Stuck> {
        self.apply_as(record, Identity::of(record, method_name::<M>), shared)
    }

    /// Applies the next record. In `record` are today's number of the command and today's form of the arguments.
    pub(crate) fn apply_as(
        &mut self,
        record: &Record<'_>,
        identity: Option<Identity>,
        shared: Shared,
    ) -> Result<Applied, Stuck> {
        self.position = self.position.next();
        let Some(Identity { request, fingerprint }) = identity else {
            return self.run(record, shared);
        };
        let known = match self.requests.look(&request, fingerprint) {
            Known::New => None,
            Known::Happened(_, answered) => Some((Recorded::Repeated, answered.clone().into())),
            Known::Expired => Some((Recorded::Refused, Answer::Expired)),
            Known::Reused => Some((Recorded::Refused, Answer::Reused)),
        };
        if let Some((outcome, answer)) = known {
            return Ok(Applied { outcome, answer, events: Vec::new() });
        }
        let applied = self.run(record, shared)?;
        if let Some(answered) = applied.answer.to_keep(record) {
            self.requests.remember(&request, fingerprint, self.position, record.method, answered);
        }
        Ok(applied)
    }

    /// Passes a record by that the journal says changed nothing.
    ///
    /// One with a request id is passed by as well when it panicked or was poisoned; a rejected one has to be run for its
    /// reply, see [`Kernel::reject`].
    pub(crate) fn pass_by(
        &mut self,
        record: &Record<'_>,
        identity: Option<Identity>,
        answered: Option<Answered>,
    ) {
        self.position = self.position.next();
        if let (Some(Identity { request, fingerprint }), Some(answered)) = (identity, answered)
            && self.requests.look(&request, fingerprint) == Known::New
        {
            self.requests.remember(&request, fingerprint, self.position, record.method, answered);
        }
    }

    /// Runs a record that the journal says was rejected, for its reply only: whatever it does is taken back.
    pub(crate) fn reject(
        &mut self,
        record: &Record<'_>,
        identity: Option<Identity>,
        shared: Shared,
    ) -> Result<(), Stuck> {
        let mut work = Work::<M>::read(record).map_err(Stuck::Unreadable)?;
        let mut ctx = context::<M>(record, shared, self.position.next());
        let mut reply = Vec::new();
        let result =
            state::transaction(self.model_mut(), |model| Err::<(), _>(work.run(model, &mut ctx, &mut reply)));
        let answered = match result {
            Err(Failed::Broken(broken)) => return Err(Stuck::Broken(broken)),
            Err(Failed::Refused(Err(Refusal::Rejected))) => Answer::Rejected(reply).to_keep(record),
            // Today's code would do something else; what happened is that it was rejected.
            _ => Some(Answered::Panicked("it was rejected, and today's code no longer tells why".to_owned())),
        };
        self.pass_by(record, identity, answered);
        Ok(())
    }

    fn run(&mut self, record: &Record<'_>, shared: Shared) -> Result<Applied, Stuck> {
        let mut work = Work::<M>::read(record).map_err(Stuck::Unreadable)?;
        let mut ctx = context::<M>(record, shared, self.position);
        let mut reply = Vec::new();
        let model = self.model.as_mut().expect("it is there until the kernel is dropped");
        let result = state::traced(model, &mut self.trace, |model| work.run(model, &mut ctx, &mut reply));
        let without_events = |outcome, answer| Applied { outcome, answer, events: Vec::new() };
        match result {
            Ok(()) => {
                let events = ctx.into_events();
                let outcome = Recorded::accepted(digest(&reply, &events), self.trace.digest());
                Ok(Applied { outcome, answer: Answer::Accepted(reply), events })
            }
            Err(Failed::Refused(Refusal::Rejected)) => {
                let outcome = Recorded::rejected(digest(&reply, &[]));
                Ok(without_events(outcome, Answer::Rejected(reply)))
            }
            Err(Failed::Refused(Refusal::Unwritable(why)) | Failed::Panicked(why)) => {
                Ok(without_events(Recorded::Panicked, Answer::Panicked(work.blame(why))))
            }
            Err(Failed::Broken(broken)) => Err(Stuck::Broken(broken)),
        }
    }
}

impl<M: Model> Work<M> {
    /// Reads all that is to be run. The user's `Deserialize` runs here, and may panic.
    fn read(record: &Record<'_>) -> Result<Self, Unreadable> {
        match record.is_atomic_batch() {
            true => Running::read(record).map(Work::All),
            false => decode::<M>(record.method, record.arguments).map(Some).map(Work::One),
        }
    }

    fn run(&mut self, model: &mut M, ctx: &mut Ctx<M::Event>, reply: &mut Vec<u8>) -> Result<(), Refusal> {
        match self {
            Work::One(command) => match command.take() {
                Some(command) => execute(model, command, ctx, reply),
                None => Ok(()),
            },
            Work::All(commands) => commands.run(model, ctx, reply),
        }
    }

    /// Adds to the words of a panic which command it was, where there are several.
    fn blame(&self, why: String) -> String {
        match self {
            Work::One(_) => why,
            Work::All(commands) => format!("{}: {why}", commands.place()),
        }
    }
}

/// Runs a command.
pub(super) fn execute<M: Model>(
    model: &mut M,
    command: M::Command,
    ctx: &mut Ctx<M::Event>,
    reply: &mut Vec<u8>,
) -> Result<(), Refusal> {
    let verdict = model
        .execute(command, ctx, reply)
        .map_err(|error| Refusal::Unwritable(format!("its reply cannot be written: {error}")))?;
    if let Some(why) = ctx.refused() {
        return Err(Refusal::Unwritable(format!("an event cannot be written: {why}")));
    }
    match verdict {
        Verdict::Accepted => Ok(()),
        Verdict::Rejected => Err(Refusal::Rejected),
    }
}

impl<M: Model> Drop for Kernel<M> {
    fn drop(&mut self) {
        let model = self.model.take();
        // The user's destructors run here, on threads of the engine and of callers, none of which may end by it.
        let _ = catch_unwind(AssertUnwindSafe(|| drop(model)));
    }
}

impl Answer {
    /// What a request is remembered to have been answered; `record` has today's numbers.
    fn to_keep(&self, record: &Record<'_>) -> Option<Answered> {
        if record.is_atomic_batch() {
            let methods = || record.commands().unwrap_or_default().into_iter().map(|command| command.method);
            match self {
                Answer::Accepted(bytes) => {
                    return Some(Answered::AcceptedAll {
                        methods: methods().collect(),
                        replies: bytes.clone(),
                    });
                }
                Answer::Rejected(bytes) => {
                    let method = atomically::refusal(bytes).ok().and_then(|(index, _)| methods().nth(index));
                    return method.map(|method| Answered::RejectedIn { method, reply: bytes.clone() });
                }
                _ => {}
            }
        }
        match self {
            Answer::Accepted(bytes) => Some(Answered::Accepted(bytes.clone())),
            Answer::Rejected(bytes) => Some(Answered::Rejected(bytes.clone())),
            Answer::Panicked(message) => Some(Answered::Panicked(message.clone())),
            Answer::Expired | Answer::Reused | Answer::Lost => None,
        }
    }
}

impl From<Answered> for Answer {
    fn from(answered: Answered) -> Self {
        match answered {
            Answered::Accepted(bytes) | Answered::AcceptedAll { replies: bytes, .. } => {
                Answer::Accepted(bytes)
            }
            Answered::Rejected(bytes) | Answered::RejectedIn { reply: bytes, .. } => Answer::Rejected(bytes),
            Answered::Panicked(message) => Answer::Panicked(message),
            Answered::Lost => Answer::Lost,
        }
    }
}

/// The name of today's command with this number.
pub(crate) fn method_name<M: Model>(method: u16) -> &'static str {
    match method {
        ATOMICALLY => ATOMICALLY_NAME,
        method => parts::name::<M::Command>(method),
    }
}

/// Reads the arguments of a command, all of them and nothing else.
pub(crate) fn decode<M: Model>(method: u16, arguments: &[u8]) -> Result<M::Command, Unreadable> {
    whole(arguments, |bytes| M::Command::get(method, bytes))
}

fn context<M: Model>(record: &Record<'_>, shared: Shared, position: Position) -> Ctx<M::Event> {
    Ctx::new(position, shared.time, shared.seed, record.caller.map(Arc::from))
}

/// A digest of what a command answered and announced.
fn digest(reply: &[u8], events: &[u8]) -> u64 {
    XxHash3_64::oneshot_with_seed(XxHash3_64::oneshot(reply), events)
}

/// Takes the events of a record apart.
pub(crate) fn split_events(mut events: &[u8], mut each: impl FnMut(&[u8])) {
    while !events.is_empty() {
        let taken = get_varint(&mut events)
            .and_then(|length| get_bytes(&mut events, usize::try_from(length).unwrap_or(usize::MAX)));
        match taken {
            Ok(event) => each(event),
            Err(_) => return,
        }
    }
}
