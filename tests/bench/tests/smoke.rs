//! Every scenario runs at a small size, and says what it should. No figure is looked at.

use std::{collections::BTreeSet, fs, path::Path, process::Command};

fn bench(args: &[&str]) -> (bool, String, String) {
    let dir = tempfile::tempdir().expect("a directory");
    // A server that does not run as root gets at its files below.
    #[cfg(unix)]
    fs::set_permissions(dir.path(), std::os::unix::fs::PermissionsExt::from_mode(0o711)).expect("a mode");
    let mut command = Command::new(env!("CARGO_BIN_EXE_memstate-bench"));
    let output = command.args(args).arg("--dir").arg(dir.path()).output().expect("the program runs");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    (output.status.success(), text(output.stdout), text(output.stderr))
}

/// The names of the scenarios, without the peers where they are not built.
fn scenarios() -> Vec<String> {
    let (_, list, _) = bench(&["--list"]);
    let names = list.lines().filter_map(|line| line.split_whitespace().next());
    let names: Vec<String> =
        names.filter(|name| cfg!(feature = "peers") || *name != "peers").map(str::to_owned).collect();
    assert!(names.iter().any(|name| name == "commands"), "{list}");
    names
}

fn page() -> String {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/performance.md");
    fs::read_to_string(page).expect("the page about performance")
}

/// The command that the page names for all of its figures, at a small size.
#[test]
fn a_run_of_everything_says_what_it_measured_and_puts_it_into_the_page_and_the_charts() {
    let dir = tempfile::tempdir().expect("a directory");
    let copy = dir.path().join("performance.md");
    let before = page();
    fs::write(&copy, &before).expect("a copy of the page");
    let into = [copy.display().to_string(), dir.path().display().to_string()];
    let (success, said, notes) =
        bench(&["--size", "smoke", "--json", "--markdown", &into[0], "--chart", &into[1]]);
    assert!(success, "{notes}");
    let rows: Vec<serde_json::Value> =
        said.lines().map(|row| serde_json::from_str(row).expect("a JSON object")).collect();
    let measured: BTreeSet<&str> = rows.iter().filter_map(|row| row["scenario"].as_str()).collect();
    assert_eq!(measured, scenarios().iter().map(String::as_str).collect());
    for row in &rows {
        assert!(row["name"].is_string() && row["unit"].is_string(), "{row}");
        let value = row["value"].as_f64().expect("a value");
        assert!(value > 0.0 && value.is_finite(), "{row}");
        assert!(row["min"].as_f64() <= Some(value) && Some(value) <= row["max"].as_f64(), "{row}");
        assert_eq!(row["reference"].is_null(), row["ratio"].is_null(), "{row}");
    }
    is_in_the_page(&rows, &before, &fs::read_to_string(&copy).expect("the page"));
    is_in_the_charts(&rows, dir.path());
    #[cfg(feature = "peers")]
    every_peer_is_there_or_said_to_be_missing(&rows, &notes);
}

fn is_in_the_page(rows: &[serde_json::Value], before: &str, after: &str) {
    for row in rows {
        let name = row["name"].as_str().expect("a name");
        assert!(after.contains(&format!("| `{name}` |")), "`{name}` is not in the page");
    }
    let around = |page: &str| {
        let (first, rest) = page.split_once("<!-- figures: ").expect("a place for figures");
        let rests = rest.split("<!-- figures: ");
        let behind =
            rests.map(|rest| rest.split_once("<!-- end of figures -->").expect("its end").1.to_owned());
        std::iter::once(first.to_owned()).chain(behind).collect::<Vec<_>>()
    };
    assert_eq!(around(before), around(after));
}

fn is_in_the_charts(rows: &[serde_json::Value], dir: &Path) {
    let of = |scenario: &str| rows.iter().filter(|row| row["scenario"] == scenario).collect::<Vec<_>>();
    let names = |row: &serde_json::Value| row["name"].as_str().expect("a name").to_owned();
    let (commands, peers) = (of("commands"), of("peers"));
    let rates = commands.iter().filter(|row| row["unit"] == "commands/s").count();
    let is_time = |row: &serde_json::Value| row["unit"] == "µs" && names(row).starts_with("in_flight_");
    let times = commands.iter().filter(|row| is_time(row)).count();
    // With each of ours that of the bare loop, and beside the latencies that of a bare write and sync.
    for (file, points) in [("throughput.svg", 2 * rates + peers.len()), ("latency.svg", times + 1)] {
        let text = fs::read_to_string(dir.join(file)).expect("a chart");
        let svg = roxmltree::Document::parse(&text).expect("well-formed XML");
        assert_eq!(svg.root_element().tag_name().name(), "svg");
        let circles: Vec<_> = svg.descendants().filter(|node| node.has_tag_name("circle")).collect();
        assert_eq!(circles.len(), points, "{file}: {text}");
        for circle in circles {
            let place = |name| circle.attribute(name).and_then(|at| at.parse::<f64>().ok());
            let (x, y) = (place("cx").expect("a place"), place("cy").expect("a place"));
            assert!((0.0..=860.0).contains(&x) && (0.0..=520.0).contains(&y), "{file}: {x}, {y} is outside");
        }
        let texts: Vec<_> = svg.descendants().filter_map(|node| node.text()).collect();
        for in_flight in ["1", "64", "1,024", "8,192", "32,768"] {
            assert!(texts.contains(&in_flight), "{file} has no {in_flight}");
        }
    }
}

#[cfg(feature = "peers")]
fn every_peer_is_there_or_said_to_be_missing(rows: &[serde_json::Value], notes: &str) {
    for peer in ["sqlite", "redb", "fjall", "redis", "postgresql"] {
        let measured = rows.iter().any(|row| row["name"] == format!("{peer}_in_flight_64"));
        let missing = notes.contains(&format!("{peer}: left out, because"));
        assert!(measured != missing, "{peer}: {notes}");
        let may_be_missing = ["redis", "postgresql"].contains(&peer);
        assert!(measured || may_be_missing, "{peer} is in this build, and was not measured: {notes}");
    }
}

#[cfg(not(feature = "peers"))]
#[test]
fn the_peers_say_how_to_get_them() {
    let (success, _, said) = bench(&["--size", "smoke", "peers"]);
    assert!(!success);
    assert!(said.contains("--features peers -- peers"), "{said}");
}

#[test]
fn a_page_without_a_place_for_the_figures_is_refused_before_anything_is_measured() {
    let dir = tempfile::tempdir().expect("a directory");
    let page = dir.path().join("page.md");
    fs::write(&page, "# Nothing\n").expect("a page");
    let (success, rows, said) = bench(&["commands", "--markdown", &page.display().to_string()]);
    assert!(!success && rows.is_empty());
    assert!(said.contains("has no place for `machine`: <!-- figures: machine -->"), "{said}");
}

#[test]
fn a_chart_is_refused_without_what_it_is_drawn_of() {
    let (success, rows, said) = bench(&["pipeline", "--chart", "nowhere"]);
    assert!(!success && rows.is_empty());
    assert!(said.contains("a chart is drawn of `commands`"), "{said}");
    assert!(!Path::new("nowhere").exists());
}

#[test]
fn an_unknown_scenario_is_refused_with_the_names_of_those_there_are() {
    let (success, _, said) = bench(&["comands"]);
    assert!(!success);
    assert!(said.contains("no scenario `comands`") && said.contains("commands, "), "{said}");
}
