//! Problems as a report: those of one command stand together, and what is known of each stands in columns.

use std::fmt;

use super::Problem;

/// Many problems, for people.
pub(super) struct Report<'a>(pub(super) &'a [Problem]);

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for of_one in self.0.chunk_by(|before, after| before.command == after.command) {
            match &of_one[0].command {
                Some(command) => write!(f, "\n\n  command `{command}`")?,
                None => f.write_str("\n\n  the state")?,
            }
            for problem in of_one {
                entry(f, problem)?;
            }
        }
        Ok(())
    }
}

fn entry(f: &mut fmt::Formatter<'_>, problem: &Problem) -> fmt::Result {
    write!(f, "\n    ")?;
    place(f, problem)?;
    f.write_str(&problem.what)?;
    for (label, of_type) in [("was", &problem.was), ("now", &problem.now)] {
        if !of_type.is_empty() {
            line(f, label, &format!("`{of_type}`"))?;
        }
    }
    match (&problem.command, problem.records, problem.first) {
        (None, ..) => line(f, "in", "the initial state")?,
        (Some(_), 1, first) => line(f, "in", &format!("one record, at position {first}"))?,
        (Some(_), records, first) => {
            line(f, "in", &format!("{records} records, the first at position {first}"))?
        }
    }
    // One way to mend it on each line.
    for (number, way) in problem.remedy.split_inclusive(", or ").enumerate() {
        let (label, or) = if number == 0 { ("mend", "") } else { ("", "or ") };
        let way = way.strip_suffix(" or ").unwrap_or(way);
        if !way.is_empty() {
            line(f, label, &format!("{or}{way}"))?;
        }
    }
    Ok(())
}

fn place(f: &mut fmt::Formatter<'_>, problem: &Problem) -> fmt::Result {
    match (&problem.command, problem.place.split_once(": ")) {
        (_, None) if problem.place.is_empty() => Ok(()),
        (Some(_), Some((argument, inside))) => write!(f, "argument `{argument}`, `{inside}`: "),
        (Some(_), None) => write!(f, "argument `{}`: ", problem.place),
        (None, _) => write!(f, "`{}`: ", problem.place),
    }
}

fn line(f: &mut fmt::Formatter<'_>, label: &str, text: &str) -> fmt::Result {
    write!(f, "\n        {label:<4}  {text}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Position;

    fn problem(command: Option<&str>, place: &str, remedy: &str, records: u64) -> Problem {
        Problem {
            command: command.map(str::to_owned),
            place: place.to_owned(),
            was: "u32".to_owned(),
            now: String::new(),
            what: "is of another type".to_owned(),
            remedy: remedy.to_owned(),
            first: Position::new(7),
            records,
        }
    }

    #[test]
    fn problems_of_one_command_stand_together_with_a_line_for_each_way_to_mend_them() {
        let problems = [
            problem(None, "Shop.open", "", 0),
            problem(Some("sell"), "to", "put it back, or `convert` it, or not", 1),
            problem(Some("sell"), "order: Line.pieces", "", 12),
            problem(Some("buy"), "", "", 2),
        ];
        let expected = "

  the state
    `Shop.open`: is of another type
        was   `u32`
        in    the initial state

  command `sell`
    argument `to`: is of another type
        was   `u32`
        in    one record, at position 7
        mend  put it back,
              or `convert` it,
              or not
    argument `order`, `Line.pieces`: is of another type
        was   `u32`
        in    12 records, the first at position 7

  command `buy`
    is of another type
        was   `u32`
        in    2 records, the first at position 7";
        assert_eq!(Report(&problems).to_string(), expected);
    }
}
