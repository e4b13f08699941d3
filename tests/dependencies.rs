//! The crates that a build of memstate with its default features has to build, as they stand in `dependencies.txt`.
//!
//! A new one is seconds in the build of everybody who uses memstate, and code that they have to trust. So it is seen, and
//! somebody has to want it.

use std::{collections::BTreeSet, fs, path::Path, process::Command};

/// The file is of this platform, wherever the test runs.
const TARGET: &str = "x86_64-unknown-linux-gnu";
const OVERWRITE: &str = "MEMSTATE_DEPENDENCIES=overwrite cargo test -p memstate-tests --test dependencies";

#[test]
fn memstate_brings_along_the_crates_in_the_list_and_no_others() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let today = dependencies(folder);
    let path = folder.join("dependencies.txt");
    if std::env::var_os("MEMSTATE_DEPENDENCIES").is_some_and(|what| what == "overwrite") {
        let text: String = today.iter().map(|name| format!("{name}\n")).collect();
        fs::write(&path, text).unwrap_or_else(|error| panic!("cannot write {}: {error}", path.display()));
        return;
    }
    let listed = fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("cannot read {}: {error}\nto write it: {OVERWRITE}", path.display()));
    let listed: BTreeSet<String> = listed.lines().map(str::to_owned).collect();
    let lines = |sign: &str, of: &BTreeSet<String>, without: &BTreeSet<String>| {
        of.difference(without).map(|name| format!("  {sign} {name}\n")).collect::<String>()
    };
    let differences = lines("+", &today, &listed) + &lines("-", &listed, &today);
    assert!(
        differences.is_empty(),
        "memstate with its default features does not bring along what stands in {}:\n{differences}\
         A `+` is new, and built by everybody who uses memstate: can it do without? Is another crate in the list that \
         does the same? `cargo tree -p memstate -i NAME` tells what wants it.\n\
         To take today's: {OVERWRITE}",
        path.display()
    );
}

/// The names with the part of their versions that has to agree, `serde 1` or `getrandom 0.4`.
fn dependencies(folder: &Path) -> BTreeSet<String> {
    let arguments =
        ["tree", "--offline", "--locked", "-p", "memstate", "-e", "normal,build", "--prefix", "none"];
    let tree = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(arguments)
        .args(["--format", "{p}", "--target", TARGET])
        .current_dir(folder)
        .output()
        .expect("cargo can be started");
    let complaint = String::from_utf8_lossy(&tree.stderr);
    assert!(tree.status.success(), "`cargo {}` failed:\n{complaint}", arguments.join(" "));
    let text = String::from_utf8(tree.stdout).expect("names are text");
    let names = text.lines().filter_map(|line| {
        let (name, rest) = line.split_once(' ')?;
        let version = rest.strip_prefix('v')?.split(' ').next()?;
        Some(format!("{name} {}", compatible(version)))
    });
    names.collect()
}

/// `1.0.229` as `1`, `0.4.3` as `0.4`.
fn compatible(version: &str) -> String {
    let parts: Vec<_> = version.split('.').collect();
    let length = 1 + parts.iter().take(2).take_while(|part| **part == "0").count();
    parts[..length.min(parts.len())].join(".")
}

#[test]
fn versions_are_told_by_what_has_to_agree() {
    assert_eq!(["1.0.229", "0.4.3", "0.0.7", "12"].map(compatible), ["1", "0.4", "0.0.7", "12"]);
}
