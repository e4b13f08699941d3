//! A model with everything in it that a journal can hold: for tests that feed memstate with bytes that nobody wrote.
//!
//! Its commands take no more memory than their arguments do, and none of them panics, so what a test measures or
//! catches is memstate's own.

use memstate::{
    Ctx, Timestamp,
    collections::{BTreeMap, BTreeSet, HashMap, HashSet, Vec, VecDeque},
};
use std::vec::Vec as List;

pub mod seeds;

/// A type that holds itself in every way there is.
#[memstate::data]
#[derive(Debug, PartialEq, Eq)]
pub enum Expr {
    /// Nothing in it.
    Nothing,
    /// A number.
    Number(i64),
    /// A text.
    Text(String),
    /// Two in boxes.
    Sum(Box<Expr>, Box<Expr>),
    /// Any number.
    All(List<Expr>),
    /// With names, and one that may be missing.
    Named {
        /// Its name.
        name: String,
        /// What is named.
        of: Option<Box<Expr>>,
    },
}

/// A variant as a key.
#[memstate::data]
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Color {
    /// Without anything.
    Red,
    /// With a number.
    Mixed(u16),
    /// With two.
    Between {
        /// From here.
        low: u8,
        /// To there.
        high: u8,
    },
}

/// A newtype.
#[memstate::data]
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(pub String);

/// A tuple struct.
#[memstate::data]
#[derive(Debug, PartialEq)]
pub struct Point(pub f64, pub f64, pub Option<f32>);

/// Every kind of number, and what else is written as a single value.
#[memstate::data]
#[derive(Debug, PartialEq)]
pub struct Plain {
    /// One byte.
    pub small: (u8, i8),
    /// Two bytes.
    pub short: (u16, i16),
    /// Four bytes.
    pub long: (u32, i32),
    /// Eight bytes.
    pub longer: (u64, i64),
    /// Sixteen bytes.
    pub longest: (u128, i128),
    /// With fractions.
    pub float: (f32, f64),
    /// A truth value and a character.
    pub rest: (bool, char),
    /// Nothing.
    pub unit: (),
    /// An array.
    pub bytes: [u8; 4],
    /// A time.
    pub time: Timestamp,
}

/// Why the model refuses.
#[memstate::data(error)]
#[derive(PartialEq, Eq)]
pub enum Refusal {
    /// There is too much of it already.
    Full(u64),
    /// It is not wanted.
    Unwanted {
        /// What it was.
        what: String,
    },
}

/// What the model announces.
#[memstate::data]
#[derive(Debug, PartialEq, Eq)]
pub enum Happened {
    /// An expression was kept.
    Kept(Expr),
    /// A color was seen.
    Seen(Color, u64),
}

/// The model.
#[memstate::model]
#[derive(Debug, Default)]
pub struct Everything {
    count: u64,
    title: Name,
    last: Option<Plain>,
    exprs: Vec<Expr>,
    queue: VecDeque<(u16, Option<String>)>,
    tags: HashSet<Color>,
    names: BTreeSet<Name>,
    points: HashMap<String, Point>,
    nested: BTreeMap<Color, HashMap<Name, Vec<Numbers>>>,
    raw: List<u8>,
}

impl Default for Name {
    fn default() -> Self {
        Name("everything".to_owned())
    }
}

/// What the model keeps of one kind at most.
const MOST: usize = 10_000;

#[memstate::model(events = Happened)]
impl Everything {
    /// Nothing but a count.
    pub fn tick(&mut self) -> u64 {
        self.count = self.count.wrapping_add(1);
        self.count
    }

    /// Keeps a recursive value and says so.
    pub fn keep(&mut self, ctx: &mut Ctx<Happened>, expr: Expr) -> Result<usize, Refusal> {
        ctx.emit(Happened::Kept(expr.clone()));
        self.exprs.push(expr);
        match self.exprs.len() > MOST {
            true => Err(Refusal::Full(MOST as u64)),
            false => Ok(self.exprs.len()),
        }
    }

    /// Keeps one of each plain value.
    pub fn plain(&mut self, plain: Plain) -> Option<Plain> {
        self.last.replace(plain)
    }

    /// Puts several in the queue.
    pub fn enqueue(&mut self, items: List<(u16, Option<String>)>) -> Result<(), Refusal> {
        for (number, text) in items {
            if number == 0 {
                return Err(Refusal::Unwanted { what: text.unwrap_or_default() });
            }
            self.queue.push_back((number, text));
            if self.queue.len() > MOST {
                self.queue.pop_front();
            }
        }
        Ok(())
    }

    /// Paints.
    pub fn paint(&mut self, ctx: &mut Ctx<Happened>, color: Color, names: BTreeSetOfNames) -> bool {
        ctx.emit(Happened::Seen(color.clone(), names.len() as u64));
        for name in names {
            self.names.insert(name);
        }
        self.tags.insert(color)
    }

    /// Places a point.
    pub fn place(&mut self, name: String, point: Option<Point>) -> Option<Point> {
        match point {
            Some(point) => self.points.insert(name, point),
            None => self.points.remove(&name),
        }
    }

    /// Fills the nested maps.
    pub fn nest(
        &mut self,
        color: Color,
        entries: std::collections::BTreeMap<Name, List<(i32, Option<u128>)>>,
    ) {
        let names = self.nested.entry(color).or_default();
        for (name, pairs) in entries {
            let mut map = BTreeMap::new();
            for (number, value) in pairs {
                map.insert(number, value);
            }
            names.entry(name).or_default().push(map);
        }
    }

    /// Replaces the raw bytes.
    pub fn write(&mut self, bytes: List<u8>, title: Name) -> usize {
        self.raw = bytes;
        self.title = title;
        self.raw.len()
    }

    /// How many commands ticked.
    pub fn count(&self) -> u64 {
        self.count
    }
}

/// Numbers by number.
type Numbers = BTreeMap<i32, Option<u128>>;

/// Names in order, each once.
pub type BTreeSetOfNames = std::collections::BTreeSet<Name>;
