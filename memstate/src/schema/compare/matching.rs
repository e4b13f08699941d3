//! Which of today's fields and variants is which of the written ones.

use crate::schema::{Field, Variant};

/// A field or a variant: something with a name and aliases.
pub(super) trait Called {
    fn name(&self) -> &str;
    fn is_called(&self, name: &str) -> bool;
}

impl Called for Field {
    fn name(&self) -> &str {
        &self.name
    }
    fn is_called(&self, name: &str) -> bool {
        Field::is_called(self, name)
    }
}

impl Called for Variant {
    fn name(&self) -> &str {
        &self.name
    }
    fn is_called(&self, name: &str) -> bool {
        Variant::is_called(self, name)
    }
}

/// Whether they are the same one: today's is called as the written one was, or the written one was called so too.
fn same_name<T: Called>(written: &T, today: &T) -> bool {
    today.is_called(written.name()) || written.is_called(today.name())
}

/// The written one that is `today`'s, with its number. One of the very name goes before one by an alias, and one that
/// another of today's is called exactly is that one's.
pub(super) fn written_for<'a, T: Called>(
    written: &'a [T],
    today: &[T],
    wanted: &T,
) -> Option<(usize, &'a T)> {
    let mut all = written.iter().enumerate();
    if let Some(exact) = all.clone().find(|(_, one)| one.name() == wanted.name()) {
        return Some(exact);
    }
    let is_another = |one: &T| today.iter().any(|other| other.name() == one.name());
    all.find(|(_, one)| same_name(*one, wanted) && !is_another(one))
}

/// Whether each written one stands where today's stands that it is. More may stand behind.
pub(super) fn stand_alike<T: Called>(written: &[T], today: &[T]) -> bool {
    let is_at = |(number, one)| written_for(written, today, one).is_some_and(|(found, _)| found == number);
    written.len() <= today.len() && today.iter().take(written.len()).enumerate().all(is_at)
}
