//! A kernel that is fed by hand: what an engine does to a command, without a thread, a journal or a clock.

use std::{fmt::Write as _, sync::Arc, time::Duration};

use crate::{
    Model, Position, Timestamp,
    codec::{self, whole},
    engine::{
        Today,
        bench::{
            Answer, Applied, Kernel, Record, Requests, Shared, Stuck, answer_text, arguments_text, why_broken,
        },
    },
    model::Operation,
    schema::diff,
};

/// The time of the first command: the year 2000 in UTC.
const BEGINNING: Timestamp = Timestamp::from_micros(946_684_800_000_000);
/// From a command to the next.
const TICK: Duration = Duration::from_secs(1);
/// How many differences are shown, of which there may be thousands.
const SHOWN_MAX: usize = 12;

/// When commands happen, and who sends them.
#[derive(Debug, Clone)]
pub(super) struct Circumstances {
    last: Option<Timestamp>,
    next: Timestamp,
    caller: Option<Arc<str>>,
}

/// A command as the journal would hold it.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) method: u16,
    arguments: Vec<u8>,
    caller: Option<Arc<str>>,
    time: Timestamp,
    /// `deposit(account: 1, amount: 5)`
    pub(super) text: String,
}

/// A state, and what applies commands to it.
pub(super) struct Bench<M: Model> {
    kernel: Kernel<M>,
    pub(super) today: Arc<Today>,
}

/// What a command did.
#[derive(Debug)]
pub(super) struct Ran {
    pub(super) applied: Applied,
    /// The state before it, and after it.
    pub(super) before: Vec<u8>,
    pub(super) after: Vec<u8>,
}

impl Default for Circumstances {
    fn default() -> Self {
        Circumstances { last: None, next: BEGINNING, caller: None }
    }
}

impl Circumstances {
    /// Sets the time of the next command.
    pub(super) fn set_time(&mut self, time: Timestamp) -> Result<(), String> {
        match self.last.filter(|last| time < *last) {
            Some(last) => Err(format!("time does not go back in a journal, and {time} is before {last}")),
            None => {
                self.next = time;
                Ok(())
            }
        }
    }

    pub(super) fn skip(&mut self, duration: Duration) {
        self.next = self.next + duration;
    }

    pub(super) fn set_caller(&mut self, caller: Option<&str>) {
        self.caller = caller.map(Arc::from);
    }

    /// Takes a command down as the next one.
    pub(super) fn step(&mut self, command: &impl Operation, today: &Today) -> Result<Step, String> {
        let (method, mut arguments) = (command.method(), Vec::new());
        let written = command.put(&mut arguments);
        let record = Record { method, caller: None, request: None, arguments: &arguments };
        let name = today.preamble.name(method);
        let text = format!("{name}({})", arguments_text(&today.preamble, &record));
        written.map_err(|error| format!("an argument of `{name}` cannot be written: {error}"))?;
        let (caller, time) = (self.caller.clone(), self.next);
        self.last = Some(time);
        self.next = time + TICK;
        Ok(Step { method, arguments, caller, time, text })
    }
}

impl<M: Model> Bench<M> {
    pub(super) fn new(state: M) -> Self {
        Bench::after(state, Position::START)
    }

    /// With the state after `position`.
    fn after(state: M, position: Position) -> Self {
        Bench { kernel: Kernel::new(state, position, Requests::default()), today: Today::of::<M>() }
    }

    /// A copy by way of bytes, as a snapshot makes one.
    pub(super) fn read_back(&self, bytes: &[u8]) -> Result<Self, String> {
        let state = whole(bytes, codec::get::<M>)
            .map_err(|error| format!("the state cannot be read back: {error}"))?;
        Ok(Bench::after(state, self.kernel.position()))
    }

    pub(super) fn model(&self) -> &M {
        self.kernel.model()
    }

    /// The state as a snapshot has it.
    pub(super) fn bytes(&self) -> Result<Vec<u8>, String> {
        let mut bytes = Vec::new();
        codec::put(self.model(), &mut bytes)
            .map_err(|error| format!("the state cannot be written: {error}"))?;
        Ok(bytes)
    }

    /// Runs a command. One that fails has to leave the state as it was.
    pub(super) fn run(&mut self, step: &Step) -> Result<Ran, String> {
        let text = &step.text;
        let record = Record {
            method: step.method,
            caller: step.caller.as_deref(),
            request: None,
            arguments: &step.arguments,
        };
        let before = self.bytes()?;
        let applied = self.kernel.apply(&record, Shared { time: step.time, seed: [0; 16] });
        let applied = applied.map_err(|stuck| match stuck {
            Stuck::Unreadable(error) => format!("the arguments of `{text}` cannot be read back: {error}"),
            Stuck::Broken(broken) => {
                format!("`{text}` failed, and could not be undone: {}", why_broken(broken))
            }
        })?;
        let after = self.bytes().map_err(|error| format!("after `{text}`, {error}"))?;
        if !matches!(applied.answer, Answer::Accepted(_)) && before != after {
            return Err(format!(
                "`{text}` {}, and what it had changed was not taken back:\n\n{}\n\
                 What is saved as a clone must not share its parts with the clone.",
                self.outcome(step.method, &applied.answer),
                self.differences(&before, &after),
            ));
        }
        Ok(Ran { applied, before, after })
    }

    /// What a command answered, in words: `accepted with 7`.
    pub(super) fn answer(&self, method: u16, answer: &Answer) -> String {
        answer_text(&self.today.preamble, method, answer)
    }

    /// The same as the end of a sentence: `was accepted with 7`.
    pub(super) fn outcome(&self, method: u16, answer: &Answer) -> String {
        let text = self.answer(method, answer);
        match answer {
            Answer::Panicked(_) => text,
            _ => format!("was {text}"),
        }
    }

    /// What is different between two states, a line for each.
    pub(super) fn differences(&self, before: &[u8], after: &[u8]) -> String {
        let changes = match diff::changes(self.today.preamble.state(), before, after) {
            Ok(changes) => changes,
            Err(_) => {
                let same = before.iter().zip(after).take_while(|(left, right)| left == right).count();
                return format!(
                    "  the state, from byte {same} on, of {} and of {} bytes\n",
                    before.len(),
                    after.len()
                );
            }
        };
        if changes.is_empty() {
            return "  the same values, in another order: a hash collection of `std` has one of its own each time; take \
                    that of `memstate::collections`\n"
                .to_owned();
        }
        let mut lines = String::new();
        for change in changes.iter().take(SHOWN_MAX) {
            let _ = writeln!(lines, "  {change}");
        }
        if changes.len() > SHOWN_MAX {
            let _ = writeln!(lines, "  and {} more", changes.len() - SHOWN_MAX);
        }
        lines
    }
}
