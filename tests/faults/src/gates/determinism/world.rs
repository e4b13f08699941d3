//! A model with everything whose replay could come to something else.

use memstate::{
    Ctx, Timestamp,
    collections::{BTreeMap, HashMap, HashSet, Vec as List, VecDeque},
};

/// What is announced.
#[memstate::data]
#[derive(Debug, PartialEq)]
pub enum WorldEvent {
    /// A number was drawn.
    Drawn {
        /// By whom.
        caller: Option<String>,
        /// When.
        time: Timestamp,
        /// The number.
        number: f64,
    },
    /// The keys of a map, in its order.
    Order(Vec<u32>),
}

/// What a command learned from its context.
#[memstate::data]
#[derive(Debug)]
pub struct Note {
    time: Timestamp,
    position: u64,
    drawn: (u64, u64),
    id: memstate::Uuid,
    caller: Option<String>,
}

/// A model inside of the other.
#[memstate::model]
#[derive(Debug, Default)]
pub struct Tally {
    counts: HashMap<String, u64>,
}

#[memstate::model]
impl Tally {
    /// Counts a word.
    pub fn count(&mut self, ctx: &mut Ctx, word: String) -> u64 {
        let count = self.counts.entry(word).or_default();
        *count += 1 + ctx.rng().below(3);
        *count
    }
}

/// Everything.
#[memstate::model]
#[derive(Debug, Default)]
pub struct World {
    measures: HashMap<String, List<f64>>,
    mean: f64,
    small: f32,
    notes: VecDeque<Note>,
    order: HashMap<u32, f64>,
    seen: HashSet<(u8, String)>,
    tree: BTreeMap<u8, HashMap<u32, List<u64>>>,
    #[memstate(model)]
    tally: Tally,
}

#[memstate::model(events = WorldEvent)]
impl World {
    /// Notes a measure, and gives the mean of all.
    pub fn measure(&mut self, name: String, value: f64) -> f64 {
        self.measures.entry(name).or_default().push(value);
        let (sum, count) = self
            .measures
            .values()
            .flat_map(|list| list.iter())
            .fold((0.0, 0.0), |(sum, count), value| (sum + value.sin(), count + 1.0));
        self.mean = sum / count;
        self.small = (self.mean as f32).sqrt();
        self.mean
    }

    /// Takes a note of all that the context tells.
    pub fn learn(&mut self, ctx: &mut Ctx<WorldEvent>) -> (u64, f64) {
        let note = Note {
            time: ctx.now(),
            position: ctx.position().get(),
            drawn: (ctx.rng().next_u64(), ctx.rng().below(6)),
            id: ctx.uuid(),
            caller: ctx.caller().map(str::to_owned),
        };
        let number = note.drawn.0 as f64 / 3.0;
        ctx.emit(WorldEvent::Drawn { caller: note.caller.clone(), time: note.time, number });
        self.notes.push_back(note);
        if self.notes.len() > 20 {
            self.notes.pop_front();
        }
        (self.notes.len() as u64, number)
    }

    /// Puts keys in and takes keys out, and tells the order that is left.
    pub fn reorder(&mut self, ctx: &mut Ctx<WorldEvent>, keys: Vec<u32>) -> u64 {
        for key in keys {
            match ctx.rng().below(4) {
                0 => drop(self.order.remove(&key)),
                1 => drop(self.order.shift_remove(&key)),
                _ => drop(self.order.insert(key, f64::from(key) / 7.0)),
            }
            self.seen.insert((key as u8 % 9, format!("{key}")));
        }
        ctx.emit(WorldEvent::Order(self.order.keys().copied().collect()));
        self.order
            .iter()
            .fold(0, |seen, (key, value)| seen.rotate_left(3) ^ u64::from(*key) ^ value.to_bits())
    }

    /// Grows a map of maps, and refuses when it has grown too much.
    pub fn grow(&mut self, ctx: &mut Ctx<WorldEvent>, branch: u8, leaf: u32) -> Result<u64, String> {
        let leaves = self.tree.entry(branch % 4).or_default();
        leaves.entry(leaf % 8).or_default().push(ctx.rng().next_u64());
        let order: Vec<_> = leaves.keys().copied().collect();
        match leaves.values().map(|list| list.len()).sum::<usize>() {
            // Everything is undone, also that it was cleared.
            sum if sum > 12 && leaf.is_multiple_of(2) => {
                self.tree.clear();
                Err(format!("{sum} leaves, {order:?}"))
            }
            sum if sum > 14 => {
                leaves.retain(|key, _| key.is_multiple_of(2));
                Ok(leaves.len() as u64)
            }
            sum => Ok(sum as u64),
        }
    }

    /// Changes much, and panics.
    pub fn fail(&mut self, ctx: &mut Ctx<WorldEvent>) {
        self.order.clear();
        self.measures.clear();
        ctx.emit(WorldEvent::Order(Vec::new()));
        // Without the hook, which would print it.
        std::panic::resume_unwind(Box::new("failed"));
    }

    /// How many notes there are.
    pub fn notes(&self) -> u64 {
        self.notes.len() as u64
    }
}

/// Everything that is in it, in its order.
pub fn bytes(world: &World) -> Vec<u8> {
    postcard::to_stdvec(world).expect("it can be written")
}
