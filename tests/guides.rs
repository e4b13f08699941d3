//! The guides quote errors and a model. What they quote is there.

use std::{fs, path::Path};

fn guide(name: &str) -> String {
    read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../memstate/src/guide").join(name))
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()))
}

/// The text of all files with this ending in a folder of the repository.
fn texts(folder: &str, ending: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(folder);
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let paths = entries.map(|entry| entry.expect("it can be listed").path());
    paths.filter(|path| path.extension().is_some_and(|is| is == ending)).map(|path| read(&path)).collect()
}

/// The lines of the blocks that are marked as text.
fn quoted(guide: &str) -> Vec<&str> {
    let blocks = guide.split("```text\n").skip(1).map(|rest| rest.split("```").next().unwrap_or_default());
    blocks.flat_map(str::lines).filter(|line| !line.is_empty()).collect()
}

#[test]
fn what_the_guides_quote_is_what_is_said() {
    let said = texts("tests/compile_fail", "stderr") + &texts("examples/failures", "txt");
    let said: Vec<_> = said.lines().map(str::trim).collect();
    for name in ["errors.md", "changing.md"] {
        let guide = guide(name);
        let quoted = quoted(&guide);
        assert!(quoted.len() >= 4, "{name} quotes {} lines", quoted.len());
        for line in quoted {
            assert!(said.contains(&line), "{name} quotes what is not said any more, or otherwise:\n{line}");
        }
    }
}

#[test]
fn the_first_model_is_the_one_that_is_tested() {
    let model = guide("lockers.rs");
    assert!(
        guide("first_model.md").contains(&format!("```rust\n{model}")),
        "first_model.md and lockers.rs differ"
    );
}

/// A number as the guides print it.
fn grouped(number: &str) -> String {
    let digits: Vec<_> = number.bytes().filter(u8::is_ascii_digit).collect();
    let groups: Vec<_> = digits.rchunks(3).rev().map(|group| String::from_utf8_lossy(group)).collect();
    groups.join(",")
}

#[test]
fn the_page_of_promises_has_a_row_for_every_gate_and_says_how_much_is_tried() {
    let page = guide("promises.md");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("faults/src/gates");
    let mut gates = 0;
    for entry in fs::read_dir(&folder).expect("the gates are there") {
        let path = entry.expect("it can be listed").path();
        if path.is_dir() {
            continue;
        }
        let source = read(&path);
        let value = |key: &str| {
            let rest =
                source.split_once(key).map(|(_, rest)| rest.split_once([',', '\n']).expect("it ends").0);
            rest.map(|value| value.trim_matches([' ', '"']).to_owned())
        };
        let (Some(name), Some(unit)) = (value("    name: "), value("    unit: ")) else { continue };
        let counts = source.split_once("    counts: [").expect("a gate has counts").1;
        let in_ci = counts.split(',').nth(1).expect("three counts").trim();
        let row = page.lines().find(|line| line.contains(&format!("| `{name}` |")));
        let row = row.unwrap_or_else(|| panic!("the page has no row of `{name}`"));
        // Where it is a constant, it is what there is of something.
        let is_number = in_ci.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_');
        let in_ci = grouped(in_ci);
        assert!(
            !is_number || row.contains(&format!("| {in_ci} {unit} |")),
            "{name} tries {in_ci} {unit}:\n{row}"
        );
        gates += 1;
    }
    assert!(gates >= 16, "{gates} gates");
}
