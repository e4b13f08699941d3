//! Whether all that other versions of the code wrote can be carried over, found out before anything is replayed.
//!
//! Every record of a command whose arguments look different today is read into today's types, so that a value which has
//! no place there is found too. Nothing is applied.

use std::sync::Arc;

use indexmap::{IndexMap, IndexSet};

use super::{
    amendments::Amendments,
    evolution::{self, Route, Routes, Today, Way},
    preamble::Preamble,
    record::{Payload, Record},
};
use crate::{
    Model, OpenError, Position, Problem,
    codec::Unreadable,
    journal::Entry,
    schema::compare::{Class, Difference},
};

/// Reads a journal for what cannot be carried over.
pub(crate) struct Check {
    location: String,
    today: Arc<Today>,
    writers: Vec<Writer>,
    /// The place of the writer of the last entry.
    current: usize,
    problems: Problems,
    genesis: Vec<u8>,
    amendments: Amendments,
}

struct Writer {
    bytes: Arc<[u8]>,
    preamble: Preamble,
    routes: Routes,
}

/// Problems with what they are of, each once, and the position of the last record that each is about.
#[derive(Default)]
struct Problems(IndexMap<Key, (Problem, Position)>);

/// The command, the place, the type then, and what is wrong with its type; empty if it is a value that has no place, because there are as
/// many of these as there are values.
type Key = (Option<String>, String, String, String);

impl Check {
    pub(crate) fn new(location: String, today: Arc<Today>) -> Self {
        Check {
            location,
            today,
            writers: Vec::new(),
            current: 0,
            problems: Problems::default(),
            genesis: Vec::new(),
            amendments: Amendments::default(),
        }
    }

    /// Takes the next batch of the journal.
    pub(crate) fn visit<M: Model>(&mut self, entry: &Entry<'_>) -> Result<(), OpenError> {
        self.find_writer::<M>(entry)?;
        let writer = &self.writers[self.current];
        let payload =
            Payload::parse(entry.payload).map_err(|error| self.unreadable("a batch", entry.first, &error))?;
        match payload {
            Payload::Genesis { index, last, part } => {
                if index == 0 {
                    self.genesis.clear();
                }
                self.genesis.extend_from_slice(part);
                if last {
                    self.problems.of_state::<M>(writer, &self.genesis);
                    self.genesis = Vec::new();
                }
            }
            Payload::Amended { .. } => self.amendments.read(entry),
            Payload::Records { mut records, .. } => {
                if !writer.routes.need_a_check() {
                    return Ok(());
                }
                for index in 0..entry.count {
                    let position = entry.first.plus(index.into());
                    let record =
                        records.take().map_err(|error| self.unreadable("a batch", entry.first, &error))?;
                    self.problems.of_record::<M>(writer, &record, position);
                }
            }
        }
        Ok(())
    }

    fn find_writer<M: Model>(&mut self, entry: &Entry<'_>) -> Result<(), OpenError> {
        let is_it =
            |writer: &Writer| Arc::ptr_eq(&writer.bytes, entry.preamble) || writer.bytes == *entry.preamble;
        if self.writers.get(self.current).is_some_and(|writer| Arc::ptr_eq(&writer.bytes, entry.preamble)) {
            return Ok(());
        }
        if let Some(place) = self.writers.iter().position(is_it) {
            self.current = place;
            return Ok(());
        }
        let preamble = Preamble::decode(entry.preamble)
            .map_err(|error| self.unreadable("what the writer says of itself", entry.first, &error))?;
        if preamble.model != M::NAME {
            return Err(OpenError::OtherModel {
                location: self.location.clone(),
                found: preamble.model,
                expected: M::NAME,
            });
        }
        let routes = Routes::new(&preamble, &self.today);
        self.writers.push(Writer { bytes: Arc::clone(entry.preamble), preamble, routes });
        self.current = self.writers.len() - 1;
        Ok(())
    }

    /// The amended outcomes of the whole journal, if all of it can be carried over.
    pub(crate) fn finish<M: Model>(self) -> Result<Amendments, OpenError> {
        let location = self.location.clone();
        match self.found() {
            (problems, amendments) if problems.is_empty() => Ok(amendments),
            (problems, _) => Err(OpenError::Changed { location, model: M::NAME, problems }),
        }
    }

    /// How many versions of the code wrote what was visited.
    pub(crate) fn writers(&self) -> usize {
        self.writers.len()
    }

    /// What is written and has no place in today's types any more, so that it is left out: fields and arguments.
    pub(crate) fn left_out(&self) -> Vec<String> {
        let differences =
            self.writers.iter().flat_map(|writer| evolution::all_differences(&writer.preamble, &self.today));
        let left_out = differences.filter(|(_, difference)| {
            difference.class < Class::NeedsDefault && difference.now.is_empty() && !difference.path.is_empty()
        });
        let texts: IndexSet<String> = left_out
            .map(|(subject, Difference { path, what, remedy, .. })| match remedy.is_empty() {
                true => format!("{subject}, `{path}`: {what}"),
                false => format!("{subject}, `{path}`: {what}; {remedy}"),
            })
            .collect();
        texts.into_iter().collect()
    }

    /// Everything that cannot be carried over, and the amended outcomes.
    pub(crate) fn found(self) -> (Vec<Problem>, Amendments) {
        let mut problems: Vec<_> = self.problems.0.into_values().map(|(problem, _)| problem).collect();
        // Those of one command stand together, the commands in the order in which they were met.
        let commands: IndexSet<_> = problems.iter().map(|problem| problem.command.clone()).collect();
        problems.sort_by_key(|problem| commands.get_index_of(&problem.command));
        (problems, self.amendments)
    }

    fn unreadable(&self, what: &str, position: Position, error: &Unreadable) -> OpenError {
        OpenError::Unreadable {
            location: self.location.clone(),
            what: what.to_owned(),
            position,
            why: error.to_string(),
        }
    }
}

impl Problems {
    fn of_state<M: Model>(&mut self, writer: &Writer, bytes: &[u8]) {
        let route = &writer.routes.state;
        if route.same {
            return;
        }
        let obstacles: Vec<_> = route.obstacles().collect();
        if obstacles.is_empty()
            && let Err(error) = evolution::read_state::<M>(&writer.preamble, route, bytes)
        {
            self.add(of_value(None, &error, &route.differences, Position::START), true);
        }
        for difference in obstacles {
            self.add(of_type(None, difference, Position::START), false);
        }
    }

    fn of_record<M: Model>(&mut self, writer: &Writer, record: &Record<'_>, position: Position) {
        if !record.is_atomic_batch() {
            return self.of_command::<M>(writer, record, position);
        }
        match record.commands() {
            Ok(commands) => {
                commands.iter().for_each(|command| self.of_command::<M>(writer, command, position));
            }
            Err(error) => {
                let name = writer.preamble.name(record.method).to_owned();
                self.add(of_value(Some(name), &error, &[], position), true);
            }
        }
    }

    fn of_command<M: Model>(&mut self, writer: &Writer, record: &Record<'_>, position: Position) {
        let name = writer.preamble.name(record.method).to_owned();
        let Some(route) = writer.routes.command(record.method) else {
            let error =
                format!("the record names command number {}, which is not in its table", record.method);
            self.add(of_value(Some(name), &Unreadable::new(error), &[], position), true);
            return;
        };
        match route.way {
            Way::Same(_) => {}
            Way::None => self.of_route(name, route, position),
            Way::Carried { method, version } => {
                if let Err(error) = evolution::carry::<M>(&writer.preamble, record, method, version) {
                    self.add(of_value(Some(name), &error, &route.differences, position), true);
                }
            }
        }
    }

    fn of_route(&mut self, name: String, route: &Route, position: Position) {
        for difference in route.obstacles() {
            self.add(of_type(Some(name.clone()), difference, position), false);
        }
    }

    fn add(&mut self, problem: Problem, of_values: bool) {
        let what = if of_values { String::new() } else { problem.what.clone() };
        let key = (problem.command.clone(), problem.place.clone(), problem.was.clone(), what);
        match self.0.get_mut(&key) {
            // The commands of an atomic batch are one record.
            Some((_, last)) if *last == problem.first && problem.records > 0 => {}
            Some((known, last)) => {
                known.records += problem.records;
                *last = problem.first;
            }
            None => {
                let last = problem.first;
                self.0.insert(key, (problem, last));
            }
        }
    }
}

/// A problem with a type, whatever the values are.
fn of_type(command: Option<String>, difference: &Difference, first: Position) -> Problem {
    Problem {
        records: u64::from(command.is_some()),
        place: difference.path.clone(),
        was: difference.was.clone(),
        now: difference.now.clone(),
        what: difference.what.clone(),
        remedy: match difference.class {
            Class::Breaking if !difference.path.is_empty() => {
                format!("{}: {}", difference.remedy, conversion(command.is_some()))
            }
            _ => difference.remedy.clone(),
        },
        command,
        first,
    }
}

/// A problem with a value; its type may tell more.
fn of_value(
    command: Option<String>,
    error: &Unreadable,
    differences: &[Difference],
    first: Position,
) -> Problem {
    let place = error.place().to_owned();
    let difference = of_place(&place, differences);
    let is_command = command.is_some();
    Problem {
        records: u64::from(command.is_some()),
        command,
        was: difference.map(|difference| difference.was.clone()).unwrap_or_default(),
        now: difference.map(|difference| difference.now.clone()).unwrap_or_default(),
        what: error.reason().to_owned(),
        remedy: match difference.map_or("", |difference| &difference.remedy) {
            "" => format!("put the type back, or convert what was written: {}", conversion(is_command)),
            remedy => remedy.to_owned(),
        },
        place,
        first,
    }
}

/// The attribute that says how what was written becomes today's.
fn conversion(of_command: bool) -> &'static str {
    match of_command {
        true => "`#[memstate(upcast = …)]` on the command",
        false => "`#[memstate(migrate = …)]` on the model",
    }
}

/// The difference that a value stumbled over. Values have their place from the outermost type on, differences from the
/// innermost named one, so what they share is the end.
fn of_place<'a>(place: &str, differences: &'a [Difference]) -> Option<&'a Difference> {
    let checked = || differences.iter().filter(|difference| difference.class == Class::Checked);
    let end = |path: &str| path.rsplit(['.', ' ', ':']).next().unwrap_or_default().to_owned();
    let exact = checked().find(|difference| difference.path == place);
    exact.or_else(|| {
        let mut of_the_end = checked().filter(|difference| end(&difference.path) == end(place));
        let first = of_the_end.next()?;
        // Where several types could be meant, none is said.
        of_the_end.all(|other| (&other.was, &other.now) == (&first.was, &first.now)).then_some(first)
    })
}
