//! The model: cells, and the position of the last command that changed them.

use memstate::{Ctx, collections::Vec as List};

/// How many cells there are.
pub const CELLS: u8 = 12;

/// Why a command is refused, and where: a refusal has a position too.
#[memstate::data(error)]
#[derive(PartialEq, Eq)]
pub struct Refusal {
    /// The position of the command that is refused.
    pub at: u64,
    /// What is in the cell that it looked at.
    pub found: u64,
}

/// What a query sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sight {
    /// The position of the last command that changed something.
    pub last: u64,
    /// The values of the two cells that were asked for.
    pub values: [u64; 2],
    /// The sum of all.
    pub sum: u64,
}

/// Numbers in cells.
#[memstate::model]
#[derive(Default)]
pub struct Cells {
    cells: List<u64>,
    last: u64,
}

/// Each command has a number, by which it is found in the journal when its outcome is unknown.
#[memstate::model]
impl Cells {
    /// Sets a cell, and gives what it was.
    pub fn put(&mut self, ctx: &mut Ctx, number: u64, cell: u8, value: u64) -> (u64, u64) {
        let _ = number;
        let cell = self.cell(ctx, cell);
        (ctx.position().get(), std::mem::replace(cell, value))
    }

    /// Adds to a cell, and gives what it is then.
    pub fn add(&mut self, ctx: &mut Ctx, number: u64, cell: u8, more: u64) -> (u64, u64) {
        let _ = number;
        let cell = self.cell(ctx, cell);
        *cell = cell.wrapping_add(more);
        (ctx.position().get(), *cell)
    }

    /// Sets a cell if it is what is expected. It sets it before it looks, so that a refusal has something to undo.
    pub fn swap(
        &mut self,
        ctx: &mut Ctx,
        number: u64,
        cell: u8,
        expected: u64,
        value: u64,
    ) -> Result<(u64, u64), Refusal> {
        let _ = number;
        let at = ctx.position().get();
        let found = std::mem::replace(self.cell(ctx, cell), value);
        if found == expected { Ok((at, value)) } else { Err(Refusal { at, found }) }
    }

    /// Moves an amount from one cell to another, if there is as much.
    pub fn transfer(
        &mut self,
        ctx: &mut Ctx,
        number: u64,
        from: u8,
        to: u8,
        amount: u64,
    ) -> Result<(u64, u64), Refusal> {
        let _ = number;
        let at = ctx.position().get();
        let target = self.cell(ctx, to);
        *target = target.wrapping_add(amount);
        let source = self.cell(ctx, from);
        let found = *source;
        *source = found.checked_sub(amount).ok_or(Refusal { at, found })?;
        Ok((at, *source))
    }

    /// What is in a cell.
    pub fn get(&self, cell: u8) -> (u64, u64) {
        (self.last, self.value(cell))
    }
}

impl Cells {
    fn cell(&mut self, ctx: &Ctx, cell: u8) -> &mut u64 {
        self.last = ctx.position().get();
        if self.cells.is_empty() {
            self.cells.resize(usize::from(CELLS), 0);
        }
        &mut self.cells[usize::from(cell)]
    }

    fn value(&self, cell: u8) -> u64 {
        self.cells.get(usize::from(cell)).copied().unwrap_or(0)
    }

    /// What a query sees of two cells and of all.
    pub fn sight(&self, cells: [u8; 2]) -> Sight {
        let sum = self.cells.iter().fold(0, |sum: u64, cell| sum.wrapping_add(*cell));
        Sight { last: self.last, values: cells.map(|cell| self.value(cell)), sum }
    }

    /// All of them.
    pub fn all(&self) -> Vec<u64> {
        (0..CELLS).map(|cell| self.value(cell)).collect()
    }
}
