//! Calls, whichever way they came: whether the caller may, what became of it, and how long it took.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context as Task, Poll},
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use tokio::runtime::{Handle, RuntimeFlavor};
use tracing::Span;

use super::{
    Context,
    access::{Act, Credential, Identity, NotKnown},
    telemetry::{CallOutcome, Front, became, command_span, query_span},
};
use crate::{
    Error, NotJournaled, PastError, Position, When,
    engine::{Pending, Reply, atomically::Sent},
    model::Verdict,
    service::{Asks, EachItem, Sender, State, Unanswered},
};

/// The caller may not do this. It is said before arguments are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Denied;

impl Context {
    /// Finds out who calls, and counts those of whom that cannot be told.
    pub(crate) fn identify(
        &self,
        front: Front,
        credential: Credential<'_>,
    ) -> Result<Arc<Identity>, NotKnown> {
        let found = self.access.identify(credential);
        found.inspect_err(|why| self.telemetry.not_known(front, why))
    }

    /// Sends a command.
    pub(crate) fn command(
        self: &Arc<Self>,
        who: &Identity,
        front: Front,
        number: u16,
        arguments: &[u8],
        sender: &Sender,
    ) -> Result<Performing, Denied> {
        let sent = self.send(who, front, number, arguments, sender, Instant::now())?;
        Ok(Performing { context: Arc::clone(self), sent })
    }

    /// Sends a command that came at `begun`. For who has many of them in hand, and asks for the time and the
    /// context once for all.
    pub(super) fn send(
        &self,
        who: &Identity,
        front: Front,
        number: u16,
        arguments: &[u8],
        sender: &Sender,
        begun: Instant,
    ) -> Result<SentCommand, Denied> {
        let name = self.telemetry.command_name(number);
        let span = command_span(name, front, sender.caller.as_deref(), sender.request);
        if !self.may_send(who, &[number], sender) {
            became(&span, CallOutcome::Denied, None);
            self.telemetry.command(number, front, CallOutcome::Denied, begun.elapsed());
            return Err(Denied);
        }
        let pending = span.in_scope(|| self.service.submit(number, arguments, sender));
        Ok(SentCommand { pending, number, front, begun, span })
    }

    /// Sends several commands that happen together or not at all. They are not measured one by one.
    pub(crate) fn commands(
        &self,
        who: &Identity,
        commands: &[(u16, &[u8])],
        sender: &Sender,
    ) -> Result<Sent, Denied> {
        let numbers: Vec<_> = commands.iter().map(|(number, _)| *number).collect();
        match self.may_send(who, &numbers, sender) {
            true => Ok(self.service.submit_all(commands, sender)),
            false => Err(Denied),
        }
    }

    fn may_send(&self, who: &Identity, commands: &[u16], sender: &Sender) -> bool {
        let own_name = sender.caller == who.name;
        commands.iter().all(|number| who.may(Act::Command(*number))) && (own_name || who.may(Act::AsCaller))
    }

    /// Asks `asked`, which is the model of now or of the past, on this thread.
    pub(crate) fn query(
        &self,
        who: &Identity,
        front: Front,
        asked: &dyn Asks,
        number: u16,
        arguments: &[u8],
        reply: &mut Vec<u8>,
    ) -> Result<Result<Verdict, Unanswered>, Denied> {
        let begun = Instant::now();
        let span = query_span(self.telemetry.query_name(number), front, who.name.as_deref());
        if !who.may(Act::Query(number)) {
            became(&span, CallOutcome::Denied, None);
            self.telemetry.query(number, front, CallOutcome::Denied, begun.elapsed());
            return Err(Denied);
        }
        let answer = span.in_scope(|| self.slow.aside(number, || asked.ask(number, arguments, reply)));
        let outcome = outcome_of_query(&answer);
        became(&span, outcome, Some(asked.position()));
        let took = begun.elapsed();
        self.slow.took(number, took);
        self.telemetry.query(number, front, outcome, took);
        Ok(answer)
    }

    /// Asks a query that streams, on this thread.
    pub(crate) fn query_each(
        &self,
        who: &Identity,
        front: Front,
        asked: &dyn Asks,
        number: u16,
        arguments: &[u8],
        each: EachItem,
    ) -> Result<Result<(), Unanswered>, Denied> {
        let begun = Instant::now();
        let span = query_span(self.telemetry.query_name(number), front, who.name.as_deref());
        if !who.may(Act::Query(number)) {
            became(&span, CallOutcome::Denied, None);
            self.telemetry.query(number, front, CallOutcome::Denied, begun.elapsed());
            return Err(Denied);
        }
        let answer = span.in_scope(|| asked.ask_each(number, arguments, each));
        let outcome = outcome_of_query(&answer.as_ref().map(|()| Verdict::Accepted));
        became(&span, outcome, Some(asked.position()));
        self.telemetry.query(number, front, outcome, begun.elapsed());
        Ok(answer)
    }

    /// The model as it was. What was asked for lately is kept.
    pub(crate) async fn at(&self, when: When) -> Result<State, PastError> {
        if let When::Position(position) = when
            && let Some(kept) = self.pasts.get(position)
        {
            return Ok(kept);
        }
        let made = self.service.at(when).await?;
        self.pasts.keep(&made, self.settings.limits.past_states);
        Ok(made)
    }
}

fn outcome_of_query<E: std::borrow::Borrow<Unanswered>>(answer: &Result<Verdict, E>) -> CallOutcome {
    match answer {
        Ok(Verdict::Accepted) => CallOutcome::Accepted,
        Ok(Verdict::Rejected) => CallOutcome::Rejected,
        Err(why) => match why.borrow() {
            Unanswered::Arguments(_) => CallOutcome::Invalid,
            Unanswered::Error(Error::Panicked { .. }) => CallOutcome::Panicked,
            Unanswered::Answer(_) | Unanswered::Error(_) => CallOutcome::Failed,
        },
    }
}

fn outcome_of_command(replied: &Result<Reply, Error>) -> CallOutcome {
    match replied {
        Ok(reply) => match reply.verdict() {
            Verdict::Accepted => CallOutcome::Accepted,
            Verdict::Rejected => CallOutcome::Rejected,
        },
        Err(Error::Panicked { .. }) => CallOutcome::Panicked,
        Err(Error::NotJournaled(NotJournaled::Overloaded { .. })) => CallOutcome::Overloaded,
        Err(Error::NotJournaled(_)) => CallOutcome::Invalid,
        Err(Error::OutcomeUnknown(_)) => CallOutcome::Unknown,
        Err(_) => CallOutcome::Failed,
    }
}

fn position_of(replied: &Result<Reply, Error>) -> Option<Position> {
    match replied {
        Ok(reply) => Some(reply.position()),
        Err(Error::Panicked { position, .. }) => *position,
        Err(_) => None,
    }
}

/// A command on its way to its reply, for who has the context at hand when it is polled.
pub(super) struct SentCommand {
    pending: Pending,
    number: u16,
    front: Front,
    begun: Instant,
    span: Span,
}

impl SentCommand {
    /// `now` is what the time is, asked when it is first needed.
    pub(super) fn poll(
        &mut self,
        context: &Context,
        now: &mut Option<Instant>,
        task: &mut Task<'_>,
    ) -> Poll<Result<Reply, Error>> {
        let _entered = self.span.enter();
        let replied = std::task::ready!(Pin::new(&mut self.pending).poll(task));
        let outcome = outcome_of_command(&replied);
        became(&self.span, outcome, position_of(&replied));
        let took = now.get_or_insert_with(Instant::now).saturating_duration_since(self.begun);
        context.telemetry.command(self.number, self.front, outcome, took);
        Poll::Ready(replied)
    }
}

/// A command on its way to its reply.
pub(crate) struct Performing {
    context: Arc<Context>,
    sent: SentCommand,
}

impl Future for Performing {
    type Output = Result<Reply, Error>;

    fn poll(mut self: Pin<&mut Self>, task: &mut Task<'_>) -> Poll<Self::Output> {
        let Performing { context, sent } = &mut *self;
        sent.poll(context, &mut None, task)
    }
}

/// A query that takes longer than this keeps others waiting who share its thread.
const SLOW: Duration = Duration::from_millis(1);

/// Which queries took long the last time.
///
/// A query runs on the thread of the runtime that took it in. To hand the other tasks of that thread to another one first costs more than most
/// queries do, so it is only done for those that were slow before.
pub(crate) struct Slow(Box<[AtomicBool]>);

impl Slow {
    pub(crate) fn new(queries: usize) -> Self {
        Slow((0..queries).map(|_| AtomicBool::new(false)).collect())
    }

    /// Whether the last of this number was slow.
    pub(crate) fn is(&self, number: u16) -> bool {
        self.0.get(usize::from(number)).is_some_and(|slow| slow.load(Ordering::Relaxed))
    }

    fn took(&self, number: u16, took: Duration) {
        let is_slow = took >= SLOW;
        // It is seldom another, and only read otherwise: the threads share it.
        if let Some(slow) = self.0.get(usize::from(number))
            && slow.load(Ordering::Relaxed) != is_slow
        {
            slow.store(is_slow, Ordering::Relaxed);
        }
    }

    /// Does something that may take as long as this query did, without keeping the other tasks of this thread.
    fn aside<R>(&self, number: u16, work: impl FnOnce() -> R) -> R {
        let has_other_threads = || {
            Handle::try_current().is_ok_and(|handle| handle.runtime_flavor() == RuntimeFlavor::MultiThread)
        };
        match self.is(number) && has_other_threads() {
            true => tokio::task::block_in_place(work),
            false => work(),
        }
    }
}

/// States of the past that were asked for lately, the latest last.
#[derive(Default)]
pub(crate) struct Pasts {
    kept: Mutex<Vec<State>>,
}

impl Pasts {
    fn get(&self, position: Position) -> Option<State> {
        let mut kept = self.kept.lock();
        let place = kept.iter().position(|(state, _)| state.position() == position)?;
        let found = kept.remove(place);
        kept.push(found.clone());
        Some(found)
    }

    fn keep(&self, state: &State, at_most: usize) {
        let mut kept = self.kept.lock();
        kept.retain(|(other, _)| other.position() != state.0.position());
        kept.push(state.clone());
        let too_many = kept.len().saturating_sub(at_most);
        let dropped: Vec<_> = kept.drain(..too_many).collect();
        // A model is dropped, which may take long, so not under the lock.
        drop(kept);
        drop(dropped);
    }
}
