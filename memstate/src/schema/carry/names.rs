//! Which of the writer's names is which of today's, where today's are no schema's.

use crate::{
    model::Parameter,
    schema::{Field, names::Called},
};

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
