//! The model: it writes down how often each number was paid.

use memstate::{Ctx, collections::HashMap};

/// Why something is not paid; drawn at random.
#[memstate::data(error)]
#[derive(PartialEq, Eq)]
pub struct NotPaid(pub u64);

/// Numbers that were paid.
#[memstate::model]
#[derive(Default)]
pub struct Till {
    times: HashMap<u64, u32>,
    sum: u64,
}

#[memstate::model]
impl Till {
    /// Pays; what it answers no other run of it would.
    pub fn pay(&mut self, ctx: &mut Ctx, number: u64, amount: u64) -> u64 {
        *self.times.entry(number).or_default() += 1;
        self.sum = self.sum.wrapping_add(amount);
        ctx.rng().next_u64()
    }

    /// Pays, and then refuses.
    pub fn refuse(&mut self, ctx: &mut Ctx, number: u64, amount: u64) -> Result<u64, NotPaid> {
        let drawn = self.pay(ctx, number, amount);
        Err(NotPaid(drawn))
    }

    /// Pays, and then panics.
    pub fn fail(&mut self, ctx: &mut Ctx, number: u64) -> u64 {
        let drawn = self.pay(ctx, number, 1);
        // Without the hook, which would print it.
        std::panic::resume_unwind(Box::new(format!("failed {drawn}")));
    }

    /// How often a number was paid.
    pub fn times(&self, number: u64) -> u32 {
        self.times.get(&number).copied().unwrap_or(0)
    }

    /// All numbers with how often they were paid, in their order, and the sum.
    pub fn all(&self) -> (Vec<(u64, u32)>, u64) {
        (self.times.iter().map(|(number, times)| (*number, *times)).collect(), self.sum)
    }
}

/// What a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Pay,
    Refuse,
    Fail,
    /// Two payments in an atomic batch.
    Batch,
    /// A payment and a refusal in an atomic batch.
    RefusedBatch,
}

impl Kind {
    /// How often its numbers are paid when it has happened.
    pub fn times(self) -> u32 {
        u32::from(matches!(self, Kind::Pay | Kind::Batch))
    }
}

/// What it was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    Paid(Vec<u64>),
    Refused(u64),
    Failed(String),
    Reused,
    /// It is not known what became of it.
    Unknown,
    /// The engine has stopped, and it has not happened.
    NotNow,
    Other(String),
}
