//! The table, and the lines of JSON.

use std::io::{self, Write};

use serde_json::json;

use crate::{
    measure::{Aim, Row},
    scenarios::Scenario,
};

/// The head of the table.
pub const HEAD: [&str; 6] = ["name", "ours", "least to most", "reference", "ratio", "aim"];

/// Prints what a scenario came to, and what there is to say about it: on standard error if the rows are to be read by a program.
pub fn print(scenario: &Scenario, rows: &[Row], notes: &[String], as_json: bool) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match as_json {
        true => rows.iter().try_for_each(|row| writeln!(out, "{}", line(scenario.name, row)))?,
        false => table(&mut out, scenario, rows)?,
    }
    for note in notes {
        match as_json {
            true => eprintln!("{note}"),
            false => writeln!(out, "  {note}")?,
        }
    }
    out.flush()
}

fn line(scenario: &str, row: &Row) -> serde_json::Value {
    json!({
        "scenario": scenario,
        "name": row.name,
        "value": row.value,
        "unit": row.unit,
        "reference": row.reference.map(|(_, value)| value),
        "ratio": row.ratio,
        "min": row.min,
        "max": row.max,
    })
}

fn table(out: &mut impl Write, scenario: &Scenario, rows: &[Row]) -> io::Result<()> {
    writeln!(out, "\n{}: {}", scenario.name, scenario.about)?;
    let cells: Vec<[String; 6]> = rows.iter().map(cells).collect();
    let head = HEAD.map(str::to_owned);
    let widths: [usize; 6] = std::array::from_fn(|column| {
        std::iter::once(&head).chain(&cells).map(|row| row[column].chars().count()).max().unwrap_or(0)
    });
    for row in std::iter::once(&head).chain(&cells) {
        let [name, value, range, reference, ratio, aim] = row;
        let line = format!(
            "  {name:<w0$}  {value:>w1$}  {range:>w2$}  {reference:<w3$}  {ratio:>w4$}  {aim}",
            w0 = widths[0],
            w1 = widths[1],
            w2 = widths[2],
            w3 = widths[3],
            w4 = widths[4],
        );
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}

/// A row as it stands in the table.
pub fn cells(row: &Row) -> [String; 6] {
    let aim = match (row.aim, row.reaches()) {
        (Some(aim), Some(reaches)) => {
            let what = match aim {
                Aim::Ratio(least) => format!("ratio >= {}", plain(least)),
                Aim::AtLeast(least) => format!(">= {}", amount(least)),
                Aim::AtMost(most) => format!("<= {}", amount(most)),
            };
            format!("{what}: {}", if reaches { "yes" } else { "NO" })
        }
        _ => String::new(),
    };
    [
        row.name.clone(),
        format!("{} {}", amount(row.value), row.unit),
        format!("{} to {}", amount(row.min), amount(row.max)),
        row.reference.map(|(what, value)| format!("{what}: {}", amount(value))).unwrap_or_default(),
        row.ratio.map(plain).unwrap_or_default(),
        aim,
    ]
}

fn plain(number: f64) -> String {
    format!("{number:.2}")
}

/// A number as a person reads it: three digits that count, and thousands apart.
pub fn amount(number: f64) -> String {
    if number.abs() < 1000.0 {
        let digits = if number.abs() < 10.0 { 2 } else { usize::from(number.abs() < 100.0) };
        return format!("{number:.digits$}");
    }
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        let rest = digits.len() - index;
        if index > 0 && rest.is_multiple_of(3) && !text.ends_with('-') {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
