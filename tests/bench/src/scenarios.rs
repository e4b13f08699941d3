//! What can be measured. Each scenario is a file.

mod commands;
mod growth;
mod http;
mod memory;
#[cfg_attr(not(feature = "peers"), path = "scenarios/without_peers.rs")]
mod peers;
mod pipeline;
mod reads;
mod recovery;
mod remote;
mod snapshot;
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
        name: "reads",
        about: "point queries, by one thread and two, and beside a saturated writer, against a bare RwLock<HashMap>",
        run: reads::run,
    },
    Scenario {
        name: "undo",
        about: "commands that touch two entries, against the same method without undo, and on std's collections",
        run: undo::run,
    },
    Scenario {
        name: "recovery",
        about: "opening: a journal without snapshots against a bare loop, snapshots against postcard from memory",
        run: recovery::run,
    },
    Scenario {
        name: "snapshot",
        about: "taking a snapshot while commands run, against the same commands without",
        run: snapshot::run,
    },
    Scenario {
        name: "memory",
        about: "bytes an entry, asked of the allocator, against the collections of std",
        run: memory::run,
    },
    Scenario {
        name: "growth",
        about: "what a transfer costs in a model of up to 10 million accounts, and in a journal of up to 100 million records",
        run: growth::run,
    },
    Scenario {
        name: "remote",
        about: "durable transfers, queries and events by typed clients over TCP, against an echo of the same frames",
        run: remote::run,
    },
    Scenario {
        name: "http",
        about: "durable transfers and queries over HTTP, against a handler of axum that does nothing",
        run: http::run,
    },
    Scenario { name: "peers", about: peers::ABOUT, run: peers::run },
];

/// The scenarios with these names, all that are in this build if there are none.
pub fn named(names: &[String]) -> Result<Vec<&'static Scenario>, String> {
    if names.is_empty() {
        let in_build = |scenario: &&Scenario| cfg!(feature = "peers") || scenario.name != "peers";
        return Ok(ALL.iter().filter(in_build).collect());
    }
    let find = |name: &String| {
        let all: Vec<&str> = ALL.iter().map(|scenario| scenario.name).collect();
        let found = ALL.iter().find(|scenario| scenario.name == name.as_str());
        found.ok_or_else(|| format!("there is no scenario `{name}`; there are {}", all.join(", ")))
    };
    names.iter().map(find).collect()
}
