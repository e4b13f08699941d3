//! Names that may have been meant.

/// The names that may have been meant, the nearest first.
pub(crate) fn near<'a>(asked: &str, names: &[&'a str]) -> Vec<&'a str> {
    let mut near: Vec<_> = names.iter().filter_map(|name| Some((distance(asked, name)?, *name))).collect();
    near.sort_unstable();
    near.into_iter().map(|(_, name)| name).collect()
}

/// How far a name is from what was typed; `None` if it is another. The models that it is in may have been left out.
fn distance(asked: &str, name: &str) -> Option<usize> {
    let (asked, name) = (asked.to_lowercase(), name.to_lowercase());
    let last = |path: &str| path.rsplit('.').next().unwrap_or_default().to_owned();
    let (last_asked, last_name) = (last(&asked), last(&name));
    let edits = edits(&asked, &name).min(edits(&last_asked, &last_name));
    let may_differ = last_asked.chars().count().div_ceil(3);
    // One letter is in every name.
    let is_part = asked.chars().count() > 1 && (name.contains(&asked) || last_name.contains(&last_asked));
    (edits <= may_differ || is_part).then_some(edits)
}

/// How many characters have to be put in, taken out or changed to get from one text to the other.
fn edits(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (number, from) in from.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], number + 1);
        for (at, to) in to.iter().enumerate() {
            let changed = diagonal + usize::from(from != *to);
            diagonal = row[at + 1];
            row[at + 1] = changed.min(diagonal + 1).min(row[at] + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_near_if_little_is_mistyped_or_its_model_is_left_out() {
        let names = ["deposit", "dues.pay", "fines.pay", "open", "withdraw"];
        assert_eq!(near("depositt", &names), ["deposit"]);
        assert_eq!(near("pay", &names), ["dues.pay", "fines.pay"]);
        assert_eq!(near("due.pay", &names)[0], "dues.pay");
        assert_eq!(near("Open", &names), ["open"]);
        assert_eq!(near("draw", &names), ["withdraw"]);
        assert_eq!(near("transfer", &names), [""; 0]);
        assert_eq!(near("", &names), [""; 0]);
    }

    #[test]
    fn edits_are_counted() {
        assert_eq!([edits("", "abc"), edits("abc", ""), edits("abc", "abc")], [3, 3, 0]);
        assert_eq!([edits("kitten", "sitting"), edits("pay", "pya")], [3, 2]);
    }
}
