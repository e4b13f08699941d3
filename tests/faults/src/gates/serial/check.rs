//! Whether what was recorded can have happened one after another, in an order that does not contradict real time.
//!
//! The order is given: commands have positions. What is left to check is
//!
//! * that no position is missing, and none is there twice;
//! * that a replay in that order, on plain numbers, gives each reply, and to each query what it has seen after the
//!   last command that changed something before it;
//! * that where an operation ended before another began, it does not come after it.
//!
//! Why that is enough: a refused command and a query change nothing, so both stand anywhere after the last change
//! that they have seen and before the next. The real-time order among them cannot contradict the order of positions without one of the
//! comparisons below failing, because it is an order of intervals. Read-your-writes and monotonic reads follow.
//!
//! Times are numbers drawn from one counter: before an operation is invoked, and after its reply is there. What is recorded is thus
//! longer than what was, and an operation that ended before another began by these numbers certainly did. So nothing right is
//! ever called wrong.

use super::model::{CELLS, Sight};

/// A command, with plain numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    Put { cell: u8, value: u64 },
    Add { cell: u8, more: u64 },
    Swap { cell: u8, expected: u64, value: u64 },
    Transfer { from: u8, to: u8, amount: u64 },
}

/// What became of commands that happened together, or of a single one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// All were accepted: what each replied.
    Accepted(Vec<u64>),
    /// The one at this index was refused, because it found this.
    Refused(usize, u64),
    /// Nobody was told; the journal has it.
    Untold,
}

/// What was done.
#[derive(Debug, Clone)]
pub enum Did {
    /// A command, or several as an atomic batch.
    Command { position: u64, calls: Vec<Call>, reply: Reply },
    /// A query of two cells; `sum` is the sum of all, if it was asked for.
    Query { cells: [u8; 2], saw: Sight, sum: bool },
    /// `Client::position`.
    Position(u64),
}

/// An operation: what was done, and between which two moments.
#[derive(Debug, Clone)]
pub struct Operation {
    pub began: u64,
    pub ended: u64,
    pub did: Did,
}

/// Plain numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plain {
    pub cells: Vec<u64>,
    last: u64,
    sum: u64,
}

impl Default for Plain {
    fn default() -> Self {
        Plain { cells: vec![0; usize::from(CELLS)], last: 0, sum: 0 }
    }
}

impl Plain {
    /// Does it, and gives the reply, or what was found where it was refused.
    fn call(&mut self, call: Call) -> Result<u64, u64> {
        let at = |cell: u8| usize::from(cell);
        match call {
            Call::Put { cell, value } => {
                let was = std::mem::replace(&mut self.cells[at(cell)], value);
                self.sum = self.sum.wrapping_sub(was).wrapping_add(value);
                Ok(was)
            }
            Call::Add { cell, more } => {
                self.cells[at(cell)] = self.cells[at(cell)].wrapping_add(more);
                self.sum = self.sum.wrapping_add(more);
                Ok(self.cells[at(cell)])
            }
            Call::Swap { cell, expected, value } => {
                let found = self.cells[at(cell)];
                if found != expected {
                    return Err(found);
                }
                self.cells[at(cell)] = value;
                self.sum = self.sum.wrapping_sub(found).wrapping_add(value);
                Ok(value)
            }
            Call::Transfer { from, to, amount } => {
                // A transfer to the same cell finds what it has put there.
                let found = match from == to {
                    true => self.cells[at(from)].wrapping_add(amount),
                    false => self.cells[at(from)],
                };
                let left = found.checked_sub(amount).ok_or(found)?;
                if from != to {
                    self.cells[at(to)] = self.cells[at(to)].wrapping_add(amount);
                }
                self.cells[at(from)] = left;
                Ok(left)
            }
        }
    }

    /// Does all of them, or none.
    pub fn apply(&mut self, position: u64, calls: &[Call]) -> Reply {
        let before = (calls.len() > 1).then(|| self.clone());
        let mut replies = Vec::with_capacity(calls.len());
        for (index, call) in calls.iter().enumerate() {
            match self.call(*call) {
                Ok(reply) => replies.push(reply),
                Err(found) => {
                    if let Some(before) = before {
                        *self = before;
                    }
                    return Reply::Refused(index, found);
                }
            }
        }
        self.last = position;
        Reply::Accepted(replies)
    }

    /// What a query of these cells sees now.
    pub fn sight(&self, cells: [u8; 2]) -> Sight {
        let values = cells.map(|cell| self.cells[usize::from(cell)]);
        Sight { last: self.last, values, sum: self.sum }
    }
}

/// Checks a phase: `plain` is the state after position `start`, and becomes that after `end`, where the journal ends.
pub fn check(plain: &mut Plain, start: u64, end: u64, operations: &mut [Operation]) -> Result<(), String> {
    let place = |did: &Did| match did {
        Did::Command { position, .. } => (*position, 0),
        Did::Query { saw, .. } => (saw.last, 1),
        Did::Position(position) => (*position, 2),
    };
    operations.sort_by_key(|operation| (place(&operation.did), operation.began));
    // For each operation the least and the most that it can say about the order: see `real_time`.
    let mut floors = Vec::with_capacity(operations.len());
    let mut position = start;
    for operation in operations.iter() {
        match &operation.did {
            Did::Command { position: at, calls, reply } => {
                if *at != position + 1 {
                    return Err(format!("after position {position} comes {at}: {operation:?}"));
                }
                position = *at;
                let expected = plain.apply(position, calls);
                if *reply != expected && *reply != Reply::Untold {
                    return Err(format!("a replay gives {expected:?}: {operation:?}"));
                }
                floors.push(plain.last);
            }
            Did::Query { cells, saw, sum } => {
                let expected = plain.sight(*cells);
                let same = expected.last == saw.last && expected.values == saw.values;
                if !same || *sum && expected.sum != saw.sum {
                    return Err(format!("a replay gives {expected:?}: {operation:?}"));
                }
                floors.push(saw.last);
            }
            Did::Position(at) => {
                if *at > end {
                    return Err(format!("a position after the end, {end}: {operation:?}"));
                }
                floors.push(plain.last);
            }
        }
    }
    if position != end {
        return Err(format!("the journal ends at position {end}, and the last that was told is {position}"));
    }
    real_time(operations, &floors)
}

/// Whether what ended before something else began also comes before it.
fn real_time(operations: &[Operation], floors: &[u64]) -> Result<(), String> {
    let mut by_begin: Vec<u32> = (0..operations.len() as u32).collect();
    let mut by_end = by_begin.clone();
    by_begin.sort_unstable_by_key(|index| operations[*index as usize].began);
    by_end.sort_unstable_by_key(|index| operations[*index as usize].ended);
    let mut ended = by_end.into_iter().map(|index| index as usize).peekable();
    // The largest of what has ended: positions of commands, changes that were seen or made, positions that were told.
    let (mut commands, mut changes, mut told) = (0, 0, 0);
    for index in by_begin.into_iter().map(|index| index as usize) {
        let operation = &operations[index];
        while let Some(before) = ended.next_if(|before| operations[*before].ended < operation.began) {
            changes = changes.max(floors[before]);
            match operations[before].did {
                Did::Command { position, .. } => commands = commands.max(position),
                Did::Position(position) => told = told.max(position),
                Did::Query { .. } => {}
            }
        }
        let late = |what: &str, then: u64| Err(format!("{what} {then} ended before it began: {operation:?}"));
        match operation.did {
            Did::Command { position, .. } if position <= commands => return late("the command at", commands),
            Did::Command { position, .. } if position <= changes => return late("a query that saw", changes),
            Did::Command { position, .. } if position <= told => {
                return late("a call that told position", told);
            }
            Did::Query { .. } if floors[index] < changes => {
                return late("an operation that saw or made", changes);
            }
            Did::Position(position) if position < commands => return late("the command at", commands),
            Did::Position(position) if position < told => return late("a call that told position", told),
            _ => {}
        }
    }
    Ok(())
}
