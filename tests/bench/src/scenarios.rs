//! What can be measured. Each scenario is a file.

mod commands;
mod pipeline;
mod undo;

use crate::{measure::Row, setting::Setting};

/// What a scenario comes to.
pub type Rows = Result<Vec<Row>, Box<dyn std::error::Error>>;

/// Something that can be measured.
pub struct Scenario {
    /// What it is asked for by.
    pub name: &'static str,
    /// What it measures.
    pub about: &'static str,
    /// Measures it.
    pub run: fn(&Setting) -> Rows,
}

/// Every scenario, in the order of the report.
pub const ALL: &[Scenario] = &[
    Scenario {
        name: "commands",
        about: "durable transfers with so many calls in flight, each of its own task, against one bare thread",
        run: commands::run,
    },
    Scenario {
        name: "pipeline",
        about: "durable transfers by one caller with 4,096 calls outstanding, against one bare thread",
        run: pipeline::run,
    },
    Scenario {
        name: "undo",
        about: "commands that touch two entries, against the same method without undo, and on std's collections",
        run: undo::run,
    },
];

/// The scenarios with these names, all if there are none.
pub fn named(names: &[String]) -> Result<Vec<&'static Scenario>, String> {
    if names.is_empty() {
        return Ok(ALL.iter().collect());
    }
    let find = |name: &String| {
        let all: Vec<&str> = ALL.iter().map(|scenario| scenario.name).collect();
        let found = ALL.iter().find(|scenario| scenario.name == name.as_str());
        found.ok_or_else(|| format!("there is no scenario `{name}`; there are {}", all.join(", ")))
    };
    names.iter().map(find).collect()
}
