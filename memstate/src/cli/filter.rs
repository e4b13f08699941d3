//! Which records are wanted.

use super::records::{Entry, outcome_name};
use crate::{
    InvalidTimestamp, Position, Timestamp, When,
    engine::Today,
    when::{end_of_day, just_before},
};

/// Options that choose records; all that are given must hold.
#[derive(Debug, Default, clap::Args)]
#[command(next_help_heading = "Which records")]
pub(super) struct Filter {
    /// From this position on
    #[arg(long, value_name = "POSITION")]
    pub(super) from: Option<u64>,
    /// Up to and with this position
    #[arg(long, value_name = "POSITION")]
    pub(super) to: Option<u64>,
    /// At or after this time: 2013-02-08T17:05Z; a date alone begins with its day
    #[arg(long, value_name = "TIME", value_parser = since)]
    since: Option<Timestamp>,
    /// Before this time; a date alone ends with its day
    #[arg(long, value_name = "TIME", value_parser = last_moment)]
    until: Option<Timestamp>,
    /// Of this command, also in an atomic batch; may be given several times. `atomically` is all batches. A program with a
    /// model also finds what was written under an earlier name
    #[arg(long, value_name = "NAME")]
    pub(super) command: Vec<String>,
    /// Of this caller; may be given several times
    #[arg(long, value_name = "NAME")]
    caller: Vec<String>,
    /// With this outcome; may be given several times
    #[arg(long, value_enum, value_name = "OUTCOME")]
    outcome: Vec<Outcome>,
}

fn since(text: &str) -> Result<Timestamp, InvalidTimestamp> {
    text.parse()
}

/// The last moment that is wanted, if `text` is where it ends.
fn last_moment(text: &str) -> Result<Timestamp, InvalidTimestamp> {
    match When::from(text) {
        When::Day(day) => Ok(end_of_day(day)),
        // A number is no time here: there is an option for positions.
        _ => text.parse().map(just_before),
    }
}

/// What a record did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Outcome {
    /// Its changes stay
    Accepted,
    /// The model refused it
    Rejected,
    /// It panicked, and changed nothing
    Panicked,
    /// Its request had happened before
    Repeated,
    /// Its request was too old to tell, or came before with other arguments
    Refused,
    /// It ended the process whenever it ran, and is left out
    Poisoned,
    /// Nobody has written down what it did yet
    Pending,
}

impl Outcome {
    fn name(self) -> &'static str {
        match self {
            Outcome::Accepted => "accepted",
            Outcome::Rejected => "rejected",
            Outcome::Panicked => "panicked",
            Outcome::Repeated => "repeated",
            Outcome::Refused => "refused",
            Outcome::Poisoned => "poisoned",
            Outcome::Pending => "pending",
        }
    }
}

impl Filter {
    /// Whether records are chosen by more than their positions.
    pub(super) fn is_by_content(&self) -> bool {
        self.since.is_some()
            || self.until.is_some()
            || !(self.command.is_empty() && self.caller.is_empty() && self.outcome.is_empty())
    }

    /// The first position that may be wanted.
    pub(super) fn first(&self) -> Position {
        Position::new(self.from.unwrap_or(1).max(1))
    }

    /// Whether nothing from here on can be wanted: positions and times only grow.
    pub(super) fn is_over(&self, entry: &Entry<'_>) -> bool {
        self.to.is_some_and(|to| entry.position.get() > to)
            || self.until.is_some_and(|last| entry.time > last)
    }

    /// Those of the commands asked for that a record is of: by the name that it was written under, or by the one that its
    /// command has in the model of today.
    pub(super) fn commands_of<'a>(
        &'a self,
        entry: &'a Entry<'_>,
        today: Option<&'a Today>,
    ) -> impl Iterator<Item = &'a String> {
        let preamble = &entry.writer.preamble;
        let is_of = move |asked: &str, method: u16| {
            let name_today = || today?.name_of(preamble.command(method)?);
            preamble.name(method) == asked || name_today() == Some(asked)
        };
        self.command.iter().filter(move |asked| entry.methods().any(|method| is_of(asked, method)))
    }

    /// Whether all of the journal is looked through.
    pub(super) fn is_everywhere(&self) -> bool {
        self.first() <= Position::new(1) && self.to.is_none() && self.since.is_none() && self.until.is_none()
    }

    /// Whether a record is where it may be wanted.
    pub(super) fn is_within(&self, entry: &Entry<'_>) -> bool {
        let is_late_enough = self.since.is_none_or(|since| entry.time >= since);
        entry.position >= self.first() && is_late_enough && !self.is_over(entry)
    }

    /// Whether a record is wanted.
    pub(super) fn wants(&self, entry: &Entry<'_>, today: Option<&Today>) -> bool {
        let outcome = outcome_name(entry.outcome);
        let one_of = |names: &[String], name: &str| names.is_empty() || names.iter().any(|it| it == name);
        self.is_within(entry)
            && (self.command.is_empty() || self.commands_of(entry, today).next().is_some())
            && (self.caller.is_empty() || entry.record.caller.is_some_and(|it| one_of(&self.caller, it)))
            && (self.outcome.is_empty() || self.outcome.iter().any(|it| it.name() == outcome))
    }
}
