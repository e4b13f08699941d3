//! Types of a user's whose every trait is code that may panic, and when it does.

use std::{
    cell::Cell,
    cmp::Ordering,
    collections::BTreeMap,
    hash::{Hash, Hasher},
    panic::resume_unwind,
    thread,
};

use memstate::{State, Visitor};
use serde::{Deserialize, Serialize, Serializer};

/// What a command fails by.
#[memstate::data]
#[derive(Debug, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trap {
    /// Nothing: it is to succeed.
    Nothing,
    /// It returns `Err` after some steps.
    Refusal,
    /// It panics, between steps or in a closure that it gave to a collection.
    Panic,
    /// A destructor panics while nothing unwinds.
    Drop,
    /// It returns `Err`, and a destructor panics while its changes are taken back.
    DropInUndo,
    /// A clone panics: one that the command makes, or one that saves a value.
    Clone,
    /// `Hash` panics.
    Hash,
    /// `Ord` panics.
    Ord,
    /// `Eq` panics.
    Eq,
    /// `Serialize` panics when the command is done and its changes are digested.
    Serialize,
}

thread_local! {
    static SET: Cell<(Trap, u32)> = const { Cell::new((Trap::Nothing, 0)) };
    static SPRUNG: Cell<bool> = const { Cell::new(false) };
}

/// Lets what `trap` names panic when it has been called `calls` times more; once.
pub fn set(trap: Trap, calls: u32) {
    SET.set((trap, calls));
    SPRUNG.set(false);
}

/// Takes the trap away that has not been sprung.
pub fn defuse() {
    SET.set((Trap::Nothing, 0));
}

/// Sets none any more, and tells whether the last one was sprung.
pub fn disarm() -> bool {
    defuse();
    SPRUNG.get()
}

/// Where `trap` springs if it is its time.
pub fn spark(trap: Trap) {
    match SET.get() {
        (set, 0) if set == trap => {
            SET.set((Trap::Nothing, 0));
            SPRUNG.set(true);
            // Without the hook, which would print a million times.
            resume_unwind(Box::new("sprung"));
        }
        (set, calls) if set == trap => SET.set((set, calls - 1)),
        _ => {}
    }
}

/// A value every one of whose traits may panic.
#[derive(Debug, Deserialize)]
pub struct Wild {
    pub id: u8,
    /// Not part of its identity: shows which of two equal keys stands somewhere.
    pub print: u32,
}

impl Wild {
    /// All of it.
    pub fn whole(&self) -> u64 {
        u64::from(self.id) << 32 | u64::from(self.print)
    }
}

impl Serialize for Wild {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        #[serde(rename = "Wild")]
        struct Plain {
            id: u8,
            print: u32,
        }
        spark(Trap::Serialize);
        Plain { id: self.id, print: self.print }.serialize(serializer)
    }
}

impl Hash for Wild {
    fn hash<H: Hasher>(&self, state: &mut H) {
        spark(Trap::Hash);
        // Few hashes, so that entries of a table collide.
        (self.id % 4).hash(state);
    }
}

impl PartialEq for Wild {
    fn eq(&self, other: &Self) -> bool {
        spark(Trap::Eq);
        self.id == other.id
    }
}

impl Eq for Wild {}

impl PartialOrd for Wild {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Wild {
    fn cmp(&self, other: &Self) -> Ordering {
        spark(Trap::Ord);
        self.id.cmp(&other.id)
    }
}

impl Clone for Wild {
    fn clone(&self) -> Self {
        spark(Trap::Clone);
        Wild { id: self.id, print: self.print }
    }
}

impl Drop for Wild {
    fn drop(&mut self) {
        if !thread::panicking() {
            spark(Trap::Drop);
            if SET.get().0 == Trap::DropInUndo && IN_UNDO.get() {
                spark(Trap::DropInUndo);
            }
        }
    }
}

thread_local! {
    static IN_UNDO: Cell<bool> = const { Cell::new(false) };
}

/// From now on, or no more, [`Trap::DropInUndo`] may spring.
pub fn undo_begins(yes: bool) {
    IN_UNDO.set(yes);
}

impl State for Wild {
    type Saved = Wild;
    fn save(&self) -> Wild {
        self.clone()
    }
    fn restore(saved: Wild) -> Wild {
        saved
    }
    fn visit(&mut self, _: &mut Visitor) {}
}

/// A type of another crate, as it were: no [`State`], and a `Clone` that may panic.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Foreign {
    pub words: Vec<String>,
    pub numbers: BTreeMap<u8, u32>,
}

impl Clone for Foreign {
    fn clone(&self) -> Self {
        spark(Trap::Clone);
        Foreign { words: self.words.clone(), numbers: self.numbers.clone() }
    }
}

impl Drop for Foreign {
    fn drop(&mut self) {
        if !thread::panicking() {
            spark(Trap::Drop);
        }
    }
}
