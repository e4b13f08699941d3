//! Every scenario runs at a small size, and says what it should. No figure is looked at.

use std::process::Command;

fn bench(args: &[&str]) -> (bool, String, String) {
    let dir = tempfile::tempdir().expect("a directory");
    let mut command = Command::new(env!("CARGO_BIN_EXE_memstate-bench"));
    let output = command.args(args).arg("--dir").arg(dir.path()).output().expect("the program runs");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    (output.status.success(), text(output.stdout), text(output.stderr))
}

#[test]
fn every_scenario_says_what_it_measured() {
    let (_, list, _) = bench(&["--list"]);
    let names: Vec<&str> = list.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert!(names.contains(&"commands"), "{list}");
    for scenario in names {
        let (success, rows, said) = bench(&["--size", "smoke", "--json", scenario]);
        assert!(success, "{scenario}: {said}");
        assert!(!rows.is_empty(), "{scenario} says nothing");
        for row in rows.lines() {
            let row: serde_json::Value = serde_json::from_str(row).expect("a JSON object");
            assert_eq!(row["scenario"], scenario);
            assert!(row["name"].is_string() && row["unit"].is_string(), "{row}");
            let value = row["value"].as_f64().expect("a value");
            assert!(value > 0.0 && value.is_finite(), "{row}");
            assert!(row["min"].as_f64() <= Some(value) && Some(value) <= row["max"].as_f64(), "{row}");
            assert_eq!(row["reference"].is_null(), row["ratio"].is_null(), "{row}");
        }
    }
}

#[test]
fn an_unknown_scenario_is_refused_with_the_names_of_those_there_are() {
    let (success, _, said) = bench(&["comands"]);
    assert!(!success);
    assert!(said.contains("no scenario `comands`") && said.contains("commands, pipeline"), "{said}");
}
