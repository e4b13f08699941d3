//! Golden journals and snapshots: what earlier versions of memstate wrote is read by today's, as it was recorded then.
//!
//! `tests/golden/write` writes those of this version that are not there yet. What was released is never written again.

mod damage;
mod ledger;
mod look;
mod write;

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use memstate_tests::{
    archive::{archive_1, archive_later},
    depot, till,
};

use self::{
    damage::Damage,
    ledger::{later, second},
};
use crate::{
    ensure,
    harness::{Gate, Run},
};

pub use self::write::child;

pub const GATE: Gate = Gate {
    name: "upgrades",
    promise: "journals of earlier formats are read",
    unit: "openings",
    counts: [OPENINGS, OPENINGS, OPENINGS],
    run,
};

/// A golden journal, and the code that has to read it: that of then, and one of years later.
struct Golden {
    name: &'static str,
    codes: &'static [Code],
}

/// A version of a model's code.
struct Code {
    /// What was recorded with it stands beside the journal, in a file of this extension.
    name: &'static str,
    /// Opens a journal, from the beginning if that is asked for, and says all that can be seen of it.
    look: fn(&Path, bool) -> Result<String, String>,
    /// Opens it, writes on, closes, opens it again.
    go_on: fn(&Path) -> Result<(), String>,
}

const ARCHIVE: &[Code] = &[
    Code {
        name: "then",
        look: look::look::<archive_1::Archive>,
        go_on: |dir| {
            look::go_on::<archive_1::Archive>(dir, || archive_1::ArchiveCommand::Register {
                names: vec!["new".to_owned()],
            })
        },
    },
    Code {
        name: "later",
        look: look::look::<archive_later::Archive>,
        go_on: |dir| {
            look::go_on::<archive_later::Archive>(dir, || archive_later::ArchiveCommand::Register {
                names: vec!["new".to_owned()],
            })
        },
    },
];

const LEDGER: &[Code] = &[
    Code {
        name: "then",
        look: look::look::<second::Ledger>,
        go_on: |dir| {
            look::go_on::<second::Ledger>(dir, || second::LedgerCommand::TakeFee { owner: "Ann".to_owned() })
        },
    },
    Code {
        name: "later",
        look: look::look::<later::Ledger>,
        go_on: |dir| {
            look::go_on::<later::Ledger>(dir, || later::LedgerCommand::TakeFee { owner: "Ann".to_owned() })
        },
    },
];

const DEPOT: &[Code] = &[Code {
    name: "then",
    look: look::look::<depot::Depot>,
    go_on: |dir| look::go_on::<depot::Depot>(dir, || depot::DepotCommand::Draw { times: 2 }),
}];

const TILL: &[Code] = &[Code {
    name: "then",
    look: look::look::<till::Till>,
    go_on: |dir| look::go_on::<till::Till>(dir, || till::TillCommand::Sell { cents: 5 }),
}];

/// All of them, by the version that wrote them.
const GOLDEN: &[Golden] = &[
    // Rejections, panics, callers, requests, a snapshot in the middle, several segments; as after a close.
    Golden { name: "0.1.0-archive-closed", codes: ARCHIVE },
    // As when the process ends: outcomes that nobody wrote down.
    Golden { name: "0.1.0-archive-crashed", codes: ARCHIVE },
    // Two versions of the code, amended outcomes, atomic batches, models inside, a poisoned command, an end in the middle.
    Golden { name: "0.1.0-ledger-closed", codes: LEDGER },
    Golden { name: "0.1.0-ledger-crashed", codes: LEDGER },
    // The last batch lacks a sector.
    Golden { name: "0.1.0-ledger-torn", codes: LEDGER },
    // Each way to change each collection, each kind of value, random numbers, all that a command is told.
    Golden { name: "0.1.0-depot-closed", codes: DEPOT },
    Golden { name: "0.1.0-depot-crashed", codes: DEPOT },
    // What docs/format.md takes apart.
    Golden { name: "0.1.0-till", codes: TILL },
];

/// Each in each damage by each code, and twice as one of a later format.
const OPENINGS: u64 = {
    let (mut openings, mut at) = (0, 0);
    while at < GOLDEN.len() {
        openings += GOLDEN[at].codes.len() as u64 * Damage::ALL.len() as u64 + 2;
        at += 1;
    }
    openings
};

/// Where they are.
fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../golden")
}

/// What was recorded beside a golden journal.
fn recorded(name: &str, code: &str) -> PathBuf {
    golden().join(format!("{name}.{code}"))
}

fn run(run: &Run) -> Result<(), String> {
    all_are_known()?;
    for Golden { name, codes } in GOLDEN {
        for code in *codes {
            let expected = fs::read_to_string(recorded(name, code.name))
                .map_err(|error| format!("what was recorded of {name}: {error}"))?;
            for damage in Damage::ALL {
                let tried = try_one(name, code, &expected, *damage);
                tried.map_err(|why| format!("{name}, by the code of {}, {damage:?}: {why}", code.name))?;
                run.tried(1);
                run.fact(&format!("openings {}", damage.in_words()), 1);
            }
        }
        for forge in [damage::newer_segment, damage::newer_snapshot] {
            is_refused(name, codes[0].look, forge)
                .map_err(|why| format!("{name}, of a later format: {why}"))?;
            run.tried(1);
            run.fact("refusals of a later format", 1);
        }
    }
    Ok(())
}

/// No golden journal is forgotten here.
fn all_are_known() -> Result<(), String> {
    let entries = fs::read_dir(golden()).map_err(|error| format!("no golden journals: {error}"))?;
    let there: BTreeSet<_> = entries
        .filter_map(Result::ok)
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    let known: BTreeSet<_> = GOLDEN.iter().map(|golden| golden.name.to_owned()).collect();
    ensure!(there == known, "there are the golden journals {there:?}, and {known:?} are tried");
    Ok(())
}

fn try_one(name: &str, code: &Code, expected: &str, damage: Damage) -> Result<(), String> {
    let dir = damage::copy_of(&golden().join(name))?;
    damage.apply(dir.path())?;
    let seen = (code.look)(dir.path(), damage == Damage::ReplayAll)?;
    if let Some((was, is)) = expected.lines().zip(seen.lines()).find(|(was, is)| was != is) {
        return Err(format!("it was\n    {was}\nand is\n    {is}"));
    }
    ensure!(seen == expected, "{} lines instead of {}", seen.lines().count(), expected.lines().count());
    (code.go_on)(dir.path())
}

/// Refused in words that say why, with nothing changed.
fn is_refused(
    name: &str,
    look: fn(&Path, bool) -> Result<String, String>,
    forge: fn(&Path) -> Result<(), String>,
) -> Result<(), String> {
    let dir = damage::copy_of(&golden().join(name))?;
    forge(dir.path())?;
    let before = damage::bytes_of(dir.path())?;
    match look(dir.path(), false) {
        Ok(_) => return Err("it is read as if it were of this one".to_owned()),
        Err(why) => ensure!(why.contains("newer"), "the refusal does not say why: {why}"),
    }
    ensure!(damage::bytes_of(dir.path())? == before, "a journal that is refused has been changed");
    Ok(())
}
