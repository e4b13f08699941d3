//! What goes wrong, and what is said then: each on a small journal in a temporary directory.
//!
//! cargo run --example failures
//! cargo run --example failures -- evolution
//!
//! Beside each module in `failures/` is a file with what it prints. A test compares them;
//! `FAILURES=overwrite cargo test -p memstate-examples --example failures` writes them anew, for you to read.

use std::{error::Error, path::Path, process::ExitCode};

use crate::page::Page;

#[path = "failures/changed_body.rs"]
mod changed_body;
#[path = "failures/evolution.rs"]
mod evolution;
#[path = "failures/locked.rs"]
mod locked;
#[path = "failures/log.rs"]
mod log;
#[path = "failures/newer.rs"]
mod newer;
#[path = "failures/not_deterministic.rs"]
mod not_deterministic;
#[path = "failures/notes.rs"]
mod notes;
#[path = "failures/other_model.rs"]
mod other_model;
#[path = "failures/page.rs"]
mod page;
#[path = "failures/rot.rs"]
mod rot;
#[path = "failures/torn.rs"]
mod torn;
#[path = "failures/undone.rs"]
mod undone;

/// What there is, in the order in which it is shown.
const NAMES: [&str; 9] = [
    "evolution",
    "newer",
    "changed_body",
    "not_deterministic",
    "undone",
    "torn",
    "rot",
    "locked",
    "other_model",
];

/// What a scenario comes to: an error is one that it did not mean to show.
type Shown = Result<(), Box<dyn Error>>;

#[tokio::main]
async fn main() -> ExitCode {
    let asked: Vec<_> = std::env::args().skip(1).collect();
    if let Some(unknown) = asked.iter().find(|name| !NAMES.contains(&name.as_str())) {
        eprintln!("failures: there is no `{unknown}`; there are: {}", NAMES.join(", "));
        return ExitCode::from(2);
    }
    log::start();
    for name in NAMES.iter().filter(|name| asked.is_empty() || asked.iter().any(|asked| asked == *name)) {
        match page(name).await {
            Ok(text) => println!("{text}"),
            Err(error) => {
                eprintln!("failures: {name}: {error}");
                return ExitCode::FAILURE;
            }
        }
    }
    ExitCode::SUCCESS
}

/// What a scenario shows.
async fn page(name: &str) -> Result<String, Box<dyn Error>> {
    let temporary = tempfile::tempdir()?;
    let (dir, mut page) = (temporary.path(), Page::new(temporary.path()));
    run(name, dir, &mut page).await?;
    Ok(page.text())
}

async fn run(name: &str, dir: &Path, page: &mut Page) -> Shown {
    match name {
        "evolution" => evolution::run(dir, page).await,
        "newer" => newer::run(dir, page).await,
        "changed_body" => changed_body::run(dir, page).await,
        "not_deterministic" => not_deterministic::run(dir, page).await,
        "undone" => undone::run(dir, page).await,
        "torn" => torn::run(dir, page).await,
        "rot" => rot::run(dir, page).await,
        "locked" => locked::run(dir, page).await,
        "other_model" => other_model::run(dir, page).await,
        _ => Err("there is no such scenario".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One after another, because they share the log.
    #[tokio::test]
    async fn every_failure_is_told_as_it_is_written_down() {
        log::start();
        let overwrite = std::env::var_os("FAILURES").is_some_and(|what| what == "overwrite");
        let mut unlike = String::new();
        for name in NAMES {
            let shown = page(name).await.unwrap_or_else(|error| panic!("{name}: {error}"));
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("failures/{name}.txt"));
            if overwrite {
                std::fs::write(&path, &shown).unwrap();
                continue;
            }
            let pinned = std::fs::read_to_string(&path).unwrap_or_default();
            if shown != pinned {
                unlike += &format!("\n{}:\n{}", path.display(), differences(&pinned, &shown));
            }
        }
        assert!(
            unlike.is_empty(),
            "{unlike}\nRead what is new (+), then: \
             FAILURES=overwrite cargo test -p memstate-examples --example failures"
        );
    }

    /// The README shows a part of a report: what is in it has to be in the whole one.
    #[test]
    fn the_report_in_the_readme_is_a_real_one() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let readme = std::fs::read_to_string(root.join("../README.md")).unwrap();
        let whole = std::fs::read_to_string(root.join("failures/evolution.txt")).unwrap();
        let (_, block) = readme.split_once("```text\ndata/shop cannot").expect("there is a report");
        let (block, _) = block.split_once("```").expect("it ends");
        // A problem with all that is said of it.
        for paragraph in block.split("\n\n").skip(1) {
            let indented: Vec<_> = paragraph.trim_end().lines().map(|line| format!("    {line}")).collect();
            assert!(whole.contains(&indented.join("\n")), "{paragraph}");
        }
    }

    /// The lines of both from the first to the last that differs.
    fn differences(pinned: &str, shown: &str) -> String {
        let (was, is): (Vec<_>, Vec<_>) = (pinned.lines().collect(), shown.lines().collect());
        let before = was.iter().zip(&is).take_while(|(was, is)| was == is).count();
        let (was, is) = (&was[before..], &is[before..]);
        let after = was.iter().rev().zip(is.iter().rev()).take_while(|(was, is)| was == is).count();
        let lines = |sign: &str, lines: &[&str]| -> String {
            lines[..lines.len() - after].iter().map(|line| format!("{sign} {line}\n")).collect()
        };
        format!("  from line {} on\n{}{}", before + 1, lines("-", was), lines("+", is))
    }
}
