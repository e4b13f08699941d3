//! [`Ctx`]: time, randomness and identity for a command, all of them from its record.

use std::{fmt, marker::PhantomData, sync::Arc};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    Position, Timestamp,
    codec::{Answer, put_varint},
};

/// The events of a model that has none.
pub type NoEvents = NoEventsAboveTheImplBlock;

/// [`NoEvents`], under a name that says what is missing when a command emits one nevertheless: "expected
/// `NoEventsAboveTheImplBlock`, found `BankEvent`". `#[memstate::model(events = BankEvent)]` belongs there, and the
/// command takes a `Ctx<BankEvent>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename = "NoEvents")]
pub enum NoEventsAboveTheImplBlock {}

/// What a command may know beside its arguments, and how it announces what happened.
///
/// A command that wants it takes `ctx: &mut Ctx<BankEvent>` (or `&mut Ctx` in a model without events) anywhere among
/// its arguments. Everything in it comes from the command's record, so that a replay sees the same.
pub struct Ctx<E = NoEvents> {
    position: Position,
    time: Timestamp,
    caller: Option<Arc<str>>,
    seed: [u8; 16],
    rng: Option<Rng>,
    events: Vec<u8>,
    event_count: u32,
    refused: Option<String>,
    event: PhantomData<fn() -> E>,
}

impl<E> Ctx<E> {
    /// The context of the record at `position`.
    pub(crate) fn new(position: Position, time: Timestamp, seed: [u8; 16], caller: Option<Arc<str>>) -> Self {
        Ctx {
            position,
            time,
            caller,
            seed,
            rng: None,
            events: Vec::new(),
            event_count: 0,
            refused: None,
            event: PhantomData,
        }
    }

    /// A context for a unit test that calls a method directly: position 1, the given time, randomness that is the
    /// same in every run.
    pub fn for_test(time: Timestamp) -> Self {
        Ctx::new(Position::new(1), time, [0; 16], None)
    }

    /// When the command was journaled. It never goes backwards, and a replay sees the same.
    pub fn now(&self) -> Timestamp {
        self.time
    }

    /// The number of the command's record.
    pub fn position(&self) -> Position {
        self.position
    }

    /// Who called, if the client said so; see [`Client::as_caller`](crate::Client::as_caller).
    pub fn caller(&self) -> Option<&str> {
        self.caller.as_deref()
    }

    /// Random numbers, from a seed in the journal and the position: unpredictable to a caller, and the same in a replay.
    pub fn rng(&mut self) -> &mut Rng {
        let (seed, position) = (self.seed, self.position);
        self.rng.get_or_insert_with(|| Rng::new(seed, position))
    }

    /// A new random UUID (version 4), the same in a replay.
    pub fn uuid(&mut self) -> Uuid {
        let mut bytes = [0; 16];
        self.rng().fill(&mut bytes);
        uuid::Builder::from_random_bytes(bytes).into_uuid()
    }
}

impl<E: Answer> Ctx<E> {
    /// Announces an event, of the type in `#[memstate::model(events = BankEvent)]` above the `impl` block. Subscribers get it when the command is accepted; a rejected one announces nothing.
    pub fn emit(&mut self, event: E) {
        let mut bytes = Vec::new();
        match event.put(&mut bytes) {
            Ok(()) => {
                put_varint(bytes.len() as u64, &mut self.events);
                self.events.extend_from_slice(&bytes);
                self.event_count += 1;
            }
            Err(error) => self.refused = Some(error.to_string()),
        }
    }

    /// The events so far, for a unit test that calls a method directly.
    pub fn events(&self) -> Vec<E> {
        let mut bytes = self.events.as_slice();
        (0..self.event_count)
            .filter_map(|_| {
                let length = crate::codec::get_varint(&mut bytes).ok()?;
                let event = crate::codec::get_bytes(&mut bytes, usize::try_from(length).ok()?).ok()?;
                crate::codec::whole(event, E::get).ok()
            })
            .collect()
    }
}

impl<E: Answer> Ctx<E> {
    /// Lends a model inside of this one what its commands take: `ctx.within(|ctx| self.ledger.post(ctx, 3))`.
    ///
    /// Position, time and caller are those of the command, random numbers go on from one to the other, and what the inner
    /// command announces is announced as an event of this model, into which it is converted.
    ///
    /// It is a call like any other, and no command of its own: when it returns `Err` and the command goes on, what it has
    /// changed and announced until then stays. Undo comes when the whole command fails; pass the error on with `?`.
    pub fn within<I, R>(&mut self, run: impl FnOnce(&mut Ctx<I>) -> R) -> R
    where
        I: Answer,
        E: From<I>,
    {
        self.lend(run, E::from)
    }

    /// The same for a model that has no events: `ctx.without_events(|ctx| self.stock.take(ctx, 3))`.
    pub fn without_events<R>(&mut self, run: impl FnOnce(&mut Ctx<NoEvents>) -> R) -> R {
        self.lend(run, |never| match never {})
    }

    /// [`within`](Ctx::within), by a given conversion.
    #[doc(hidden)]
    pub fn lend<I: Answer, R>(&mut self, run: impl FnOnce(&mut Ctx<I>) -> R, convert: fn(I) -> E) -> R {
        let mut inner = Ctx {
            rng: self.rng.take(),
            refused: self.refused.take(),
            ..Ctx::new(self.position, self.time, self.seed, self.caller.clone())
        };
        let result = run(&mut inner);
        let events = inner.events();
        if events.len() < inner.event_count as usize {
            inner.refused = Some("one of a model inside cannot be read back".to_owned());
        }
        events.into_iter().for_each(|event| self.emit(convert(event)));
        self.rng = inner.rng;
        self.refused = inner.refused.or(self.refused.take());
        result
    }
}

impl<E> Ctx<E> {
    /// Why an event could not be written, if one could not.
    pub(crate) fn refused(&self) -> Option<&str> {
        self.refused.as_deref()
    }

    /// The events as bytes, each with its length.
    pub(crate) fn into_events(self) -> Vec<u8> {
        self.events
    }
}

/// Makes an event of a model of one that a model inside of it announces: `Announced::<E, I>::convert`.
///
/// The inherent function wins for a model that has no events, which needs no conversion; for all others there is that of
/// [`Announce`], which must be in scope.
#[doc(hidden)]
pub struct Announced<E, I>(PhantomData<(E, I)>);

impl<E> Announced<E, NoEvents> {
    #[doc(hidden)]
    pub fn convert(event: NoEvents) -> E {
        match event {}
    }
}

#[doc(hidden)]
pub trait Announce<E, I> {
    fn convert(event: I) -> E
    where
        E: Announces<I>;
}

// The bound is that of the function, so that the one who calls it hears of it.
impl<E, I> Announce<E, I> for Announced<E, I> {
    fn convert(event: I) -> E
    where
        E: Announces<I>,
    {
        E::announce(event)
    }
}

/// An event type that the events of a model inside of the model can become.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "this model cannot announce the events of the model inside: `{Self}` cannot be made of `{I}`",
    label = "announces events of type `{I}`",
    note = "write `impl From<{I}> for …` for the events of this model, which are named above its `impl` block: `#[memstate::model(events = ShopEvent)]`"
)]
pub trait Announces<I> {
    fn announce(event: I) -> Self;
}

#[diagnostic::do_not_recommend]
impl<E: From<I>, I> Announces<I> for E {
    fn announce(event: I) -> Self {
        E::from(event)
    }
}

impl<E> fmt::Debug for Ctx<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ctx")
            .field("position", &self.position)
            .field("time", &self.time)
            .field("caller", &self.caller)
            .field("events", &self.event_count)
            .finish_non_exhaustive()
    }
}

/// Random numbers that a replay draws again.
///
/// They are the output of BLAKE3 in its extendable mode over the batch's seed and the record's position, so they are
/// the same in every version and on every machine: how they are drawn is a part of the journal's format.
pub struct Rng {
    output: blake3::OutputReader,
}

impl Rng {
    fn new(seed: [u8; 16], position: Position) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key("memstate 2026 random numbers of a command");
        hasher.update(&seed).update(&position.get().to_le_bytes());
        Rng { output: hasher.finalize_xof() }
    }

    /// Fills `bytes` with random ones.
    pub fn fill(&mut self, bytes: &mut [u8]) {
        self.output.fill(bytes);
    }

    /// A random number of 64 bits.
    pub fn next_u64(&mut self) -> u64 {
        let mut bytes = [0; 8];
        self.fill(&mut bytes);
        u64::from_le_bytes(bytes)
    }

    /// A random number from 0 up to but not including `bound`, all of them equally likely.
    ///
    /// # Panics
    ///
    /// If `bound` is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        assert!(bound > 0, "there is no number below 0");
        // The numbers above the last whole multiple of `bound` would favour the small remainders.
        let whole = u64::MAX - u64::MAX % bound;
        loop {
            let number = self.next_u64();
            if number < whole {
                return number % bound;
            }
        }
    }

    /// A random number from 0 up to but not including 1, with 53 bits.
    pub fn fraction(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }
}

impl fmt::Debug for Rng {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rng").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The numbers were computed by other programs from what docs/format.md says. A replay in a later version must draw them
    /// again, so they never change.
    #[test]
    fn random_numbers_are_those_that_the_format_says() {
        let seed: [u8; 16] = std::array::from_fn(|index| index as u8);
        let mut ctx = Ctx::<NoEvents>::new(Position::new(7), Timestamp::default(), seed, None);
        let first: Vec<u64> = (0..4).map(|_| ctx.rng().next_u64()).collect();
        let expected =
            [0xca42_de84_5a11_8004, 0x619c_060a_4570_141c, 0xb58b_70f6_5099_e8e5, 0xf3db_79e5_d87d_18e0];
        assert_eq!(first, expected);

        let mut ctx = Ctx::<NoEvents>::new(Position::new(7), Timestamp::default(), seed, None);
        let mut bytes = [0; 32];
        ctx.rng().fill(&mut bytes[..5]);
        ctx.rng().fill(&mut bytes[5..]);
        assert_eq!(bytes[..8], first[0].to_le_bytes(), "one stream, however it is cut");
        assert_eq!(ctx.uuid().to_string(), "3cada00c-8788-4498-8442-32644a04f8d7");
        assert_eq!(ctx.rng().below(1000), 439);
        assert_eq!(ctx.rng().fraction(), 0.219_316_275_915_105_27);
        let bare = Ctx::<NoEvents>::for_test(Timestamp::default()).rng().next_u64();
        assert_ne!(bare, first[0], "seed and position count");
    }

    #[test]
    fn what_would_favour_small_numbers_is_drawn_again() {
        let mut rng = Rng::new([3; 16], Position::new(1));
        // Every second number is too large for this bound.
        let bound = (1 << 63) + 1;
        let drawn: Vec<u64> = (0..8).map(|_| rng.below(bound)).collect();
        let mut again = Rng::new([3; 16], Position::new(1));
        let all: Vec<u64> = (0..64).map(|_| again.next_u64()).filter(|number| *number < bound).collect();
        assert_eq!(drawn, all[..8]);
    }
}
