//! The steps of commands: the whole interface of the collections, and moves of collections as a whole.

use memstate::collections::{BTreeMap, HashMap, Vec as List, VecDeque};

use super::{
    wild::Wild,
    zoo::{Herd, Shape, Step, Zoo},
};

mod maps;
mod moves;
mod sequences;

/// Collections that a command has taken out of the model and holds in locals; they are dropped with it.
#[derive(Default)]
pub struct Held {
    pub lists: Vec<List<Wild>>,
    pub hashes: Vec<HashMap<Wild, List<Wild>>>,
    pub nests: Vec<BTreeMap<u8, List<Wild>>>,
    pub herds: Vec<Herd>,
    pub shapes: Vec<Shape>,
    pub queues: Vec<VecDeque<List<u32>>>,
}

/// What a step does, and gives back a number of what it saw.
type Take = fn(&mut Zoo, &mut Held, &Step) -> u64;

const TABLES: [&[(&str, Take)]; 3] = [maps::STEPS, sequences::STEPS, moves::STEPS];

/// How many kinds of steps there are.
pub const KINDS: usize = maps::STEPS.len() + sequences::STEPS.len() + moves::STEPS.len();

/// The name of a kind of steps and what it does.
fn kind(mut index: usize) -> &'static (&'static str, Take) {
    for table in TABLES {
        if let Some(found) = table.get(index) {
            return found;
        }
        index -= table.len();
    }
    unreachable!("there are {KINDS}")
}

/// The number of its kind.
pub fn index(step: &Step) -> usize {
    usize::from(step.op) % KINDS
}

/// The name of a kind.
pub fn name(index: usize) -> &'static str {
    kind(index).0
}

/// Takes a step.
pub fn take(zoo: &mut Zoo, held: &mut Held, step: &Step) -> u64 {
    (kind(index(step)).1)(zoo, held, step)
}

/// What there is of values, in their order.
fn of<'a>(values: impl IntoIterator<Item = &'a Wild>) -> u64 {
    values.into_iter().fold(1, |seen, value| seen.rotate_left(5) ^ value.whole())
}

/// What was given back of one, if it was.
fn one(value: Option<Wild>) -> u64 {
    of(value.as_ref())
}

/// What was given back of a list, if it was.
fn list(value: Option<List<Wild>>) -> u64 {
    value.map_or(0, |list| of(list.iter()))
}
