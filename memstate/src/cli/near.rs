//! Names that no record has, and those that may have been meant.

use std::collections::BTreeSet;

use super::{filter::Filter, records::Entry};
use crate::{
    engine::{Today, preamble::Preamble, record::ATOMICALLY_NAME},
    near::near,
};

/// How many names are told.
const TOLD: usize = 8;

/// The commands that were asked for and of which no record was met.
pub(super) struct Unmet {
    asked: Vec<String>,
    /// What commands there are, in the tables of the writers and in the model of today.
    known: BTreeSet<String>,
}

impl Unmet {
    pub(super) fn new(filter: &Filter, today: Option<&Today>) -> Self {
        let mut unmet = Unmet { asked: filter.command.clone(), known: BTreeSet::new() };
        if let Some(today) = today {
            unmet.know(&today.preamble);
        }
        unmet
    }

    /// Takes note of what a writer's commands are called.
    pub(super) fn know(&mut self, writer: &Preamble) {
        self.known.extend(writer.commands.iter().map(|command| command.name.clone()));
    }

    /// Takes note of what a record is of.
    pub(super) fn meet(&mut self, filter: &Filter, entry: &Entry<'_>, today: Option<&Today>) {
        if !self.asked.is_empty() && filter.is_within(entry) {
            let met: Vec<_> = filter.commands_of(entry, today).collect();
            self.asked.retain(|asked| !met.contains(&asked));
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.asked.is_empty()
    }

    /// A sentence for each. `is_all` says whether all records were looked at.
    pub(super) fn in_words(&self, is_all: bool) -> Vec<String> {
        let none = if is_all { "no record has" } else { "none of the records that were looked at has" };
        let sentence = |asked: &String| {
            let remark = match self.known.contains(asked) || asked == ATOMICALLY_NAME {
                true if is_all => " yet".to_owned(),
                true => String::new(),
                false => self.others(asked),
            };
            format!("{none} the command `{asked}`{remark}")
        };
        self.asked.iter().map(sentence).collect()
    }

    /// What there is instead: what is near to it, or else all, if they are few.
    fn others(&self, asked: &str) -> String {
        let names: Vec<_> = self.known.iter().map(String::as_str).collect();
        let (intro, told) = match near(asked, &names) {
            near if !near.is_empty() => ("near to it", near),
            _ if names.len() <= TOLD => ("there", names),
            _ => return String::new(),
        };
        let quoted: Vec<_> = told.iter().take(TOLD).map(|name| format!("`{name}`")).collect();
        match quoted.len() {
            0 => String::new(),
            1 => format!("; {intro} is {}", quoted[0]),
            _ => format!("; {intro} are {}", quoted.join(", ")),
        }
    }
}
