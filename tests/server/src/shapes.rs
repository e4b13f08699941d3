//! A model that takes and gives values of every shape, for what turns them into something else.

use memstate::{Timestamp, collections::BTreeMap};

/// One of every kind of variant.
#[memstate::data]
#[derive(Clone, PartialEq)]
pub enum Kind {
    /// Nothing.
    Plain,
    /// Nothing either.
    Other,
    /// One value.
    Wrapped(u16),
    /// Several values.
    Pair(i8, String),
    /// Values with names.
    Named {
        /// A number.
        number: u32,
        /// Perhaps a text.
        note: Option<String>,
    },
}

/// Variants that hold nothing, and are the keys of a map.
#[memstate::data]
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Colour {
    /// As blood.
    Red,
    /// As grass.
    Green,
}

/// A number of its own type.
#[memstate::data]
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Number(pub u64);

/// A tree, which holds itself.
#[memstate::data]
#[derive(Clone, PartialEq)]
pub struct Tree {
    /// What it is called.
    pub name: String,
    /// What is below.
    pub below: Vec<Tree>,
}

/// Integers.
#[memstate::data]
#[derive(Clone, PartialEq)]
pub struct Integers {
    /// 8 bits.
    pub tiny: i8,
    /// 16 bits.
    pub small: u16,
    /// 32 bits.
    pub plain: i32,
    /// 64 bits.
    pub large: u64,
    /// 64 bits, with a sign.
    pub signed: i64,
    /// 128 bits.
    pub huge: u128,
    /// 128 bits, with a sign.
    pub huge_signed: i128,
}

/// All of the rest.
#[memstate::data]
#[derive(Clone, PartialEq)]
pub struct Everything {
    /// True or not.
    pub truth: bool,
    /// 32 bits of floating point.
    pub narrow: f32,
    /// 64 bits of floating point.
    pub wide: f64,
    /// A character.
    pub letter: char,
    /// A time.
    pub time: Timestamp,
    /// Bytes.
    pub bytes: Vec<u8>,
    /// A pair.
    pub pair: (u8, Option<bool>),
    /// By text.
    pub by_text: BTreeMap<String, Number>,
    /// By number.
    pub by_number: BTreeMap<Number, String>,
    /// By colour.
    pub by_colour: BTreeMap<Colour, ()>,
    /// By what cannot be the name of anything.
    pub by_pair: BTreeMap<(u8, bool), Kind>,
}

/// Why a [`Shapes`] refuses.
#[memstate::data(error)]
#[derive(Clone, PartialEq)]
pub enum Refused {
    /// The name is empty.
    NoName,
    /// There is one of that name.
    Taken(String),
}

/// What is kept.
#[memstate::model]
#[derive(Default)]
pub struct Shapes {
    kept: BTreeMap<String, Everything>,
    steps: u64,
}

#[memstate::model]
impl Shapes {
    /// Keeps something under a name.
    ///
    /// It is there until it is dropped.
    pub fn keep(&mut self, name: String, everything: Everything, kind: Option<Kind>) -> Result<u64, Refused> {
        let _ = kind;
        if name.is_empty() {
            return Err(Refused::NoName);
        }
        if self.kept.contains_key(&name) {
            return Err(Refused::Taken(name));
        }
        self.kept.insert(name, everything);
        Ok(self.kept.len() as u64)
    }

    /// Takes no arguments.
    pub fn step(&mut self) -> u64 {
        self.steps = self.steps.wrapping_add(1);
        self.steps
    }

    /// Gives integers as they are.
    pub fn integers(&self, integers: Integers) -> Integers {
        integers
    }

    /// Gives everything as it is.
    pub fn everything(&self, everything: Everything) -> Everything {
        everything
    }

    /// Gives a variant as it is, with a colour.
    pub fn kind(&self, kind: Kind, colour: Colour) -> (Kind, Colour) {
        (kind, colour)
    }

    /// Gives a tree as it is.
    pub fn tree(&self, tree: Tree) -> Tree {
        tree
    }

    /// Plain arguments.
    pub fn plain(
        &self,
        truth: bool,
        number: i64,
        huge: u128,
        wide: f64,
        text: String,
        time: Option<Timestamp>,
    ) -> (bool, i64, u128, f64, String, Option<Timestamp>) {
        (truth, number, huge, wide, text, time)
    }

    /// What is kept under a name.
    pub fn kept(&self, name: String) -> Option<Everything> {
        self.kept.get(&name).cloned()
    }

    /// Names that are kept, one after another.
    pub fn names(&self) -> impl Iterator<Item = String> {
        self.kept.keys().cloned()
    }

    /// The numbers below `end`, one after another.
    pub fn numbers(&self, end: u32) -> impl Iterator<Item = u32> {
        0..end
    }

    /// The argument is called as a parameter of every query.
    pub fn at_that(&self, at: u8, after: u8) -> u16 {
        u16::from(at) + u16::from(after)
    }
}
