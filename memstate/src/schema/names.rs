//! Which of the writer's names is which of today's: one rule for the comparison of types and for the reading of values.
//!
//! A name is stronger than an alias, on both sides, and whoever comes first has it: nothing that was written is ever found
//! under the name of something else that was written.

use super::{Field, Variant};

/// Something that has a name, and others that it is read under.
pub(crate) trait Called {
    fn name(&self) -> &str;
    fn aliases(&self) -> &[String];
}

impl Called for Field {
    fn name(&self) -> &str {
        &self.name
    }
    fn aliases(&self) -> &[String] {
        &self.aliases
    }
}

impl Called for Variant {
    fn name(&self) -> &str {
        &self.name
    }
    fn aliases(&self) -> &[String] {
        &self.aliases
    }
}

/// For each of `written` the name that it has among `today`, which are names and aliases alike.
pub(crate) fn pair<'t, T: Called>(written: &[T], today: &[&'t str]) -> Vec<Option<&'t str>> {
    let there = |name: &str| today.iter().copied().find(|today| *today == name);
    let mut pairs: Vec<_> = written.iter().map(|one| there(one.name())).collect();
    for (number, one) in written.iter().enumerate() {
        if pairs[number].is_none() {
            let free = |name: &&'t str| !pairs.contains(&Some(*name));
            pairs[number] = one.aliases().iter().filter_map(|alias| there(alias)).find(free);
        }
    }
    pairs
}

/// For each of `written` the number of the one of `today` that reads it. Several may be read by the same one.
pub(crate) fn readers<T: Called>(written: &[T], today: &[T]) -> Vec<Option<usize>> {
    let names: Vec<&str> =
        today.iter().flat_map(|one| one.aliases().iter().map(String::as_str).chain([one.name()])).collect();
    let reader = |name: &str| {
        let exact = today.iter().position(|one| one.name() == name);
        exact.or_else(|| today.iter().position(|one| one.aliases().iter().any(|alias| alias == name)))
    };
    pair(written, &names).into_iter().map(|name| reader(name?)).collect()
}
