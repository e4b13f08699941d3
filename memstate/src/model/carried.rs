//! What a generated [`Operation::carry`](crate::model::Operation::carry) is made of: here once, and not in every method.

use serde::de::DeserializeOwned;

use super::{Method, ShapeOf};
use crate::{
    codec::{Argument, Unreadable},
    schema::{Shape, Tracer, Type, Written, carry},
};

/// The place of an argument, which is filled when what was written has come to it.
pub trait Slot {
    /// Reads the argument at which `written` is.
    #[allow(clippy::missing_errors_doc)]
    fn fill(&mut self, written: &mut Written<'_>) -> Result<(), Unreadable>;

    /// Takes what stands for an argument that was not written, if nothing is here yet.
    #[allow(clippy::missing_errors_doc)]
    fn complete(&mut self, name: &'static str) -> Result<(), Unreadable>;
}

impl<T: Argument> Slot for Option<T> {
    fn fill(&mut self, written: &mut Written<'_>) -> Result<(), Unreadable> {
        *self = Some(written.get()?);
        Ok(())
    }

    fn complete(&mut self, name: &'static str) -> Result<(), Unreadable> {
        if self.is_none() {
            *self = Some(T::missing(name)?);
        }
        Ok(())
    }
}

/// Fills the arguments of method number `method`; empty stay those with a default that were not written.
#[allow(clippy::missing_errors_doc)]
pub fn arguments(
    mut written: Written<'_>,
    methods: &'static [Method],
    method: u16,
    slots: &mut [&mut dyn Slot],
) -> Result<(), Unreadable> {
    let parameters = methods.get(usize::from(method)).map_or(&[][..], |method| method.arguments);
    while let Some(number) = written.next(parameters)? {
        slots[number].fill(&mut written)?;
    }
    for (slot, parameter) in slots.iter_mut().zip(parameters) {
        if !parameter.default {
            slot.complete(parameter.name)?;
        }
    }
    Ok(())
}

/// An argument without a default, after [`arguments`].
pub fn filled<T>(place: Option<T>) -> T {
    place.expect("an argument without a default is there, or the command is refused")
}

/// A function of the user's from what was written to what is there today.
#[diagnostic::on_unimplemented(
    message = "this cannot make `{New}` of what an earlier version wrote",
    label = "expected a function `fn(Old) -> {New}`",
    note = "`Old` is the earlier type, or a struct with the earlier arguments as its fields, under `#[memstate::data]` or with serde's `Deserialize`",
    note = "what is returned is the model for `migrate`, and for `upcast` the argument, a tuple of several, or `()` for none"
)]
pub trait Convert<Old, New> {
    /// What the earlier type looks like.
    fn shape(tracer: &mut Tracer) -> Shape;

    /// Reads arguments and converts them.
    #[allow(clippy::missing_errors_doc)]
    fn arguments(&self, written: Written<'_>) -> Result<New, Unreadable>;

    /// Reads a state and converts it.
    #[allow(clippy::missing_errors_doc)]
    fn state(&self, written: Type<'_>, bytes: &mut &[u8]) -> Result<New, Unreadable>;
}

#[diagnostic::do_not_recommend]
impl<F: Fn(Old) -> New, Old: DeserializeOwned, New> Convert<Old, New> for F {
    fn shape(tracer: &mut Tracer) -> Shape {
        tracer.shape_of::<Old>()
    }

    fn arguments(&self, written: Written<'_>) -> Result<New, Unreadable> {
        written.all().map(self)
    }

    fn state(&self, written: Type<'_>, bytes: &mut &[u8]) -> Result<New, Unreadable> {
        carry::read(written, bytes).map(self)
    }
}

/// A [`Convert`], with the types that the compiler has found out.
///
/// Its methods have no bounds, so that a wrong function is one error, where [`conversion`] is called with it.
pub struct Conversion<'a, F, New> {
    function: &'a F,
    shape: ShapeOf,
    arguments: fn(&F, Written<'_>) -> Result<New, Unreadable>,
    state: fn(&F, Type<'_>, &mut &[u8]) -> Result<New, Unreadable>,
}

/// Finds out the types of a conversion.
pub const fn conversion<F: Convert<Old, New>, Old, New>(function: &F) -> Conversion<'_, F, New> {
    Conversion { function, shape: F::shape, arguments: F::arguments, state: F::state }
}

impl<F, New> Conversion<'_, F, New> {
    /// What the earlier type looks like.
    pub const fn shape(&self) -> ShapeOf {
        self.shape
    }

    /// Reads arguments and converts them.
    #[allow(clippy::missing_errors_doc)]
    pub fn arguments(&self, written: Written<'_>) -> Result<New, Unreadable> {
        (self.arguments)(self.function, written)
    }

    /// Reads a state and converts it.
    #[allow(clippy::missing_errors_doc)]
    pub fn state(&self, written: Type<'_>, bytes: &mut &[u8]) -> Result<New, Unreadable> {
        (self.state)(self.function, written, bytes)
    }
}
