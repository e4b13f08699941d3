//! Which of the writer's names is which of today's.
//!
//! A name is stronger than an alias, on both sides, and whoever comes first has it: nothing that was written is ever found
//! under the name of something else that was written.

use crate::{
    model::Parameter,
    schema::{Field, Variant},
};

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
pub(super) fn pair<T: Called>(written: &[T], today: &'static [&'static str]) -> Vec<Option<&'static str>> {
    let there = |name: &str| today.iter().copied().find(|today| *today == name);
    let mut pairs: Vec<_> = written.iter().map(|one| there(one.name())).collect();
    for (number, one) in written.iter().enumerate() {
        if pairs[number].is_none() {
            let free = |name: &&'static str| !pairs.contains(&Some(*name));
            pairs[number] = one.aliases().iter().filter_map(|alias| there(alias)).find(free);
        }
    }
    pairs
}

/// Whether the writer's names are exactly `today`, in this order.
pub(super) fn same<T: Called>(written: &[T], today: &[&str]) -> bool {
    written.len() == today.len() && written.iter().zip(today).all(|(one, name)| one.name() == *name)
}

/// For each of `written` the number of today's argument that it is.
pub(super) fn arguments(written: &[Field], today: &[Parameter]) -> Vec<Option<usize>> {
    let mut pairs = vec![None; written.len()];
    let rules: [fn(&Field, &Parameter) -> bool; 4] = [
        |field, today| field.name == today.name,
        |field, today| today.was.contains(&field.name.as_str()),
        |field, today| field.aliases.iter().any(|alias| alias == today.name),
        |field, today| field.aliases.iter().any(|alias| today.was.contains(&alias.as_str())),
    ];
    for is_same in rules {
        for (number, field) in written.iter().enumerate() {
            if pairs[number].is_none() {
                let free = |place: &usize| !pairs.contains(&Some(*place));
                pairs[number] = (0..today.len()).filter(free).find(|place| is_same(field, &today[*place]));
            }
        }
    }
    pairs
}
