//! The model whose commands fail, with everything in it that a model may hold.

use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
};

use memstate::collections::{BTreeMap, BTreeSet, HashMap, HashSet, Vec as List, VecDeque};

use super::{
    steps::{self, Held},
    wild::{self, Foreign, Trap, Wild, spark},
};

/// One step of a command: which one, and with what.
#[memstate::data]
#[derive(Copy)]
pub struct Step {
    pub op: u8,
    pub a: u8,
    pub b: u32,
}

impl Step {
    /// A value of few that there are.
    pub fn wild(&self) -> Wild {
        Wild { id: self.a % 8, print: self.b }
    }

    /// Another one.
    pub fn other(&self) -> Wild {
        Wild { id: (self.a / 8) % 8, print: self.b / 2 }
    }

    /// A key of few that there are.
    pub fn key(&self) -> u8 {
        self.a % 6
    }

    /// A place in something of this length, which may also be its end.
    pub fn place(&self, len: usize) -> usize {
        self.b as usize % (len + 1)
    }
}

impl fmt::Debug for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}, {})", steps::name(steps::index(self)), self.a, self.b)
    }
}

/// A value with collections inside.
#[memstate::data]
#[derive(Debug, Default)]
pub struct Herd {
    pub kept: List<Wild>,
    pub by_name: HashMap<String, u32>,
    #[memstate(clone)]
    pub foreign: Foreign,
    pub tag: Option<u8>,
}

/// A value with and without.
#[memstate::data]
#[derive(Debug, Default)]
pub enum Shape {
    #[default]
    Empty,
    Number(u64),
    List(List<Wild>),
    Tree {
        tree: BTreeMap<u8, List<Wild>>,
        number: u64,
    },
    Boxed(Box<List<Wild>>, String),
}

/// One of everything.
#[memstate::model]
#[derive(Debug, Default)]
pub struct Zoo {
    pub hash: HashMap<Wild, List<Wild>>,
    pub tree: BTreeMap<Wild, Wild>,
    pub grove: BTreeMap<Wild, List<Wild>>,
    pub keyed: HashMap<List<u8>, u64>,
    pub bag: HashSet<Wild>,
    pub sorted: BTreeSet<Wild>,
    pub list: List<Wild>,
    pub queue: VecDeque<Wild>,
    pub nests: HashMap<u8, BTreeMap<u8, List<Wild>>>,
    pub lists: List<Option<List<Wild>>>,
    pub herds: BTreeMap<u8, Herd>,
    pub shape: Shape,
    pub boxed: Option<Box<List<Wild>>>,
    pub pair: (VecDeque<List<u32>>, String),
    pub numbers: List<u32>,
    pub tallies: BTreeMap<u8, u32>,
    pub counts: HashMap<u8, u64>,
    #[memstate(clone)]
    pub foreign: Foreign,
    pub name: String,
    pub number: u64,
}

#[memstate::model]
impl Zoo {
    /// Does the steps, and fails by `trap` when what that names has been called `calls` times, or else at the end; with
    /// `goes_on` it catches a panic of a step, goes on with what is there, and refuses at the end. What it returns has seen
    /// everything that the steps were given back.
    pub fn act(&mut self, steps: Vec<Step>, trap: Trap, calls: u32, goes_on: bool) -> Result<u64, u64> {
        wild::undo_begins(false);
        wild::set(trap, calls);
        let mut held = Held::default();
        let mut seen = 0_u64;
        for step in &steps {
            spark(Trap::Panic);
            if trap == Trap::Refusal && catch_unwind(|| spark(Trap::Refusal)).is_err() {
                return Err(seen);
            }
            match catch_unwind(AssertUnwindSafe(|| steps::take(self, &mut held, step))) {
                Ok(was) => seen = seen.rotate_left(7) ^ was,
                Err(panic) if !goes_on => resume_unwind(panic),
                Err(_) => {}
            }
        }
        match trap {
            Trap::Nothing | Trap::Serialize => {
                drop(held);
                Ok(seen)
            }
            trap => {
                drop(held);
                // What orders and hashes is needed to undo, and a type of which that panics then cannot be brought back:
                // the engine stops, and says so. What is dropped then may panic.
                match trap {
                    Trap::DropInUndo => wild::undo_begins(true),
                    _ => wild::defuse(),
                }
                Err(seen)
            }
        }
    }
}

impl Zoo {
    /// What is wrong with it in itself: a key that is not found where it stands.
    pub fn flaw(&self) -> Option<String> {
        let lost = |what: &str, key: &Wild| Some(format!("{what} does not find its own key {key:?}"));
        for (key, list) in &self.hash {
            if !self.hash.get(key).is_some_and(|found| std::ptr::eq(found, list)) {
                return lost("hash", key);
            }
        }
        for (key, value) in &self.tree {
            if !self.tree.get(key).is_some_and(|found| std::ptr::eq(found, value)) {
                return lost("tree", key);
            }
        }
        if let Some(key) = self.bag.iter().find(|key| !self.bag.contains(*key)) {
            return lost("bag", key);
        }
        if let Some(key) = self.sorted.iter().find(|key| !self.sorted.contains(*key)) {
            return lost("sorted", key);
        }
        let nests = &self.nests;
        let nest =
            nests.iter().find(|(key, nest)| !nests.get(*key).is_some_and(|it| std::ptr::eq(it, *nest)));
        nest.map(|(key, _)| format!("nests does not find its own key {key}"))
    }

    /// Keeps it at a size at which a million failures do not take long.
    pub fn trim(&mut self) {
        self.list.truncate(16);
        self.queue.truncate(16);
        self.lists.truncate(8);
        self.numbers.truncate(24);
        self.pair.0.truncate(6);
        self.name.truncate(12);
        self.pair.1.truncate(12);
        self.foreign.words.truncate(4);
        for list in
            self.hash.values_mut().chain(self.grove.values_mut()).chain(self.lists.iter_mut().flatten())
        {
            list.truncate(6);
        }
        for list in self.nests.values_mut().flat_map(|nest| nest.values_mut()) {
            list.truncate(6);
        }
        for herd in self.herds.values_mut() {
            herd.kept.truncate(6);
            herd.foreign.words.truncate(3);
        }
        for list in self.pair.0.iter_mut() {
            list.truncate(6);
        }
        match &mut self.shape {
            Shape::List(list) => list.truncate(6),
            Shape::Boxed(list, text) => {
                list.truncate(6);
                text.truncate(12);
            }
            Shape::Tree { tree, .. } => tree.values_mut().for_each(|list| list.truncate(6)),
            Shape::Empty | Shape::Number(_) => {}
        }
        if let Some(list) = &mut self.boxed {
            list.truncate(6);
        }
    }
}
