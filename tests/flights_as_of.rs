//! The example `flights_as_of`: the journal of the flights on the command line, with what it prints.
//!
//! The journal's times are the days of the log, so a day of 2013 is a moment of it: the 8th of February is the day of the
//! blizzard.

use std::{
    env,
    path::{Path, PathBuf},
    process::{Command, Output},
};

/// Where the examples are, built if they are not there.
fn examples() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace");
    let built = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["build", "--release", "-p", "memstate-examples", "--features", "cli"])
        .args(["--example", "flights", "--example", "flights_as_of"])
        .current_dir(root)
        .status()
        .expect("cargo runs");
    assert!(built.success(), "the examples are built");
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    target.join("release/examples")
}

struct Program {
    path: PathBuf,
    data: PathBuf,
}

impl Program {
    fn output(&self, arguments: &[&str]) -> Output {
        let data = ["--data".as_ref(), self.data.as_os_str()];
        Command::new(&self.path)
            .args(data)
            .args(arguments)
            .env_remove("MEMSTATE_DATA")
            .output()
            .expect("it runs")
    }

    /// What it prints, if all is well.
    fn says(&self, arguments: &[&str]) -> String {
        let output = self.output(arguments);
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{arguments:?}: {err}");
        out.into_owned()
    }
}

#[test]
fn the_flights_are_shown_as_they_were_on_the_day_of_the_blizzard_and_the_day_before() {
    let examples = examples();
    let temporary = tempfile::tempdir().expect("there is room");
    let data = temporary.path().join("flights");
    let import = Command::new(examples.join("flights"))
        .args(["--until", "02-09", "--quiet", "--data"])
        .arg(&data)
        .status()
        .expect("it runs");
    assert!(import.success());
    let program = Program { path: examples.join("flights_as_of"), data };

    let before = program.says(&["as-of", "2013-02-07", "cancellations"]);
    assert_eq!(before, "\"EWR\": 286\n\"JFK\": 110\n\"LGA\": 199\n");
    let blizzard = program.says(&["as-of", "2013-02-08", "cancellations"]);
    assert_eq!(blizzard, "\"EWR\": 463\n\"JFK\": 269\n\"LGA\": 335\n");
    let json = program.says(&["query", "cancellations", "--at", "2013-02-08", "--json"]);
    assert_eq!(json, "{\"EWR\":463,\"JFK\":269,\"LGA\":335}\n");
    assert_eq!(program.says(&["query", "airport", "code=JFK"]), "\"John F Kennedy Intl\"\n");

    // The time of a record is the day of the log, from its first moment in New York on.
    let log = program.says(&[
        "log",
        "--since",
        "2013-02-08",
        "--until",
        "2013-02-08",
        "--command",
        "cancel",
        "--limit",
        "2",
    ]);
    assert_eq!(
        log,
        "104464  2013-02-08T05:00:00.000000Z  accepted  -  cancel(step: 104431, flight: 33111)\n\
         104473  2013-02-08T05:00:00.000000Z  accepted  -  cancel(step: 104440, flight: 33117)\n"
    );
    let of_the_day = ["log", "--since", "2013-02-08", "--until", "2013-02-08", "--command", "cancel"];
    assert_eq!(program.says(&of_the_day).lines().count(), 463 + 269 + 335 - 286 - 110 - 199);
    assert_eq!(
        program.says(&["diff", "104463", "104464"]),
        "flights[33111].status: Scheduled → Cancelled\ntallies[\"MQ\"].cancelled: 76 → 77\ntaken: 104430 → 104431\n"
    );
    let stat = program.says(&["stat"]);
    assert!(stat.contains("records  107,455, positions 1 to 107,455"), "{stat}");
    assert!(stat.contains("107,421 accepted, 34 rejected"), "{stat}");
    assert!(stat.contains("2013-01-01T05:00:00.000000Z to 2013-02-09T05:00:00.000000Z, 39 d"), "{stat}");
    assert!(program.says(&["check"]).contains("can be carried over to today's"));
    assert!(program.says(&["replay", "--verify"]).contains("107,455 records did what they had done"));

    let refused = program.output(&["call", "cancel", "1", "1"]);
    let why = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(1), "{why}");
    assert!(why.contains("NotTheNextStep {step: 1, next: "), "{why}");
    let wrong = program.output(&["query", "flight", "first"]);
    assert_eq!(wrong.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("`flight` is of type `u32`"));
}
