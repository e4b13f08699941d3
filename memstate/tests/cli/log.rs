//! `memstate log`.

use std::{
    io::{BufRead, BufReader, Read},
    process::Stdio,
};

use serde_json::Value;

use crate::support::*;

fn positions(lines: &[Value]) -> Vec<u64> {
    lines.iter().map(|line| line["position"].as_u64().unwrap()).collect()
}

#[test]
fn every_record_is_a_line_with_its_time_caller_command_and_outcome() {
    let (_temporary, dir) = bank();
    let gave = run("log", &dir, &[]);
    assert_eq!((gave.code, gave.err.as_str()), (0, ""));
    let lines: Vec<_> = gave.out.lines().collect();
    assert_eq!(lines.len() as u64, RECORDS);
    assert!(!gave.out.contains('\x1b'), "a pipe has no colours");
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let rejected = words(lines[59]);
    assert_eq!(&rejected[2..4], ["rejected", "teller"]);
    assert!(rejected[4].starts_with("deposit("), "{rejected:?}");
    assert_eq!(&words(lines[61])[2..4], ["panicked", "-"]);
    assert!(lines[62].contains("withdraw("), "the second version has its own table of names");
}

#[test]
fn json_lines_have_all_that_is_known_of_a_record() {
    let (_temporary, dir) = bank();
    let gave = run("log", &dir, &["--json"]);
    let lines = json(&gave.out);
    assert_eq!(positions(&lines), (1..=RECORDS).collect::<Vec<_>>());
    let line = &lines[60];
    assert_eq!((&line["command"], &line["outcome"]), (&"deposit".into(), &"accepted".into()));
    assert!(line["request"].as_str().unwrap().parse::<memstate::RequestId>().is_ok());
    assert_eq!(line["digest"].as_str().unwrap().len(), 8);
    assert_eq!(lines[59]["caller"], "teller");
    assert_eq!(lines[59]["outcome"], "rejected");
    assert_eq!(lines[0]["caller"], Value::Null);
    let times: Vec<_> = lines.iter().map(|line| line["time"].as_str().unwrap()).collect();
    assert!(times.is_sorted() && times[0].ends_with('Z'));
}

/// Holds once types are traced and values are read by them.
#[test]
fn arguments_are_shown_by_the_types_that_the_journal_says() {
    let (_temporary, dir) = bank();
    let lines = json(&run("log", &dir, &["--json"]).out);
    assert_eq!(lines[0]["arguments"], serde_json::json!({ "owner": "Ann" }));
    assert_eq!(lines[1]["arguments"], serde_json::json!({ "account": 1, "amount": 1 }));
    assert_eq!(lines[61]["arguments"], serde_json::json!({}));
    let text = run("log", &dir, &["--from", "1", "--to", "2"]).out;
    assert!(text.contains(r#"open(owner: "Ann")"#), "{text}");
    assert!(text.contains("deposit(account: 1, amount: 1)"), "{text}");
}

#[test]
fn records_are_chosen_by_position_time_command_caller_and_outcome() {
    let (_temporary, dir) = bank();
    let chosen = |rest: &[&str]| {
        let gave = run("log", &dir, &[&["--json"], rest].concat());
        assert_eq!((gave.code, gave.err.as_str()), (0, ""), "{rest:?}");
        positions(&json(&gave.out))
    };
    assert_eq!(chosen(&["--from", "10", "--to", "12"]), [10, 11, 12]);
    assert_eq!(chosen(&["--from", "64"]), [64, 65]);
    assert_eq!(chosen(&["--from", "66"]), [0; 0]);
    assert_eq!(chosen(&["--command", "withdraw", "--command", "open"]), [1, 63, 64]);
    assert_eq!(chosen(&["--caller", "teller"]), [60, 65]);
    assert_eq!(chosen(&["--outcome", "rejected", "--outcome", "panicked"]), [60, 62, 64]);
    assert_eq!(chosen(&["--limit", "2", "--command", "deposit"]), [2, 3]);
    assert_eq!(chosen(&["--last", "3"]), [63, 64, 65]);
    assert_eq!(chosen(&["--last", "2", "--command", "open"]), [1]);
    assert_eq!(chosen(&["--last", "2", "--to", "20"]), [19, 20]);
    assert_eq!(chosen(&["--until", "2013-02-08"]), [0; 0]);
    assert_eq!(chosen(&["--since", "2013-02-08T17:05Z"]).len() as u64, RECORDS);
    let all = json(&run("log", &dir, &["--json"]).out);
    let middle = all[30]["time"].as_str().unwrap();
    let before = chosen(&["--until", middle]);
    let after = chosen(&["--since", middle]);
    assert_eq!([before, after].concat(), (1..=RECORDS).collect::<Vec<_>>());
}

#[test]
fn a_line_is_the_same_wherever_reading_began() {
    let (_temporary, dir) = bank();
    let all = run("log", &dir, &["--json"]).out;
    for from in 1..=RECORDS {
        let gave = run("log", &dir, &["--json", "--from", &from.to_string()]).out;
        assert!(all.ends_with(&gave) && gave.lines().count() as u64 == RECORDS - from + 1, "from {from}");
    }
}

#[test]
fn outcomes_that_nobody_wrote_down_are_pending() {
    let (_temporary, dir) = place();
    let bytes = wait(async {
        let bank = open::<first::Bank>(&dir, LARGE).await.unwrap();
        bank.open("Ann".to_owned()).await.unwrap();
        let bytes = contents(&dir);
        bank.close().await.unwrap();
        bytes
    });
    // As it was when the command was answered; its outcome comes later. If it was there already, it is known.
    for (path, bytes) in bytes {
        std::fs::write(path, bytes).unwrap();
    }
    let lines = json(&run("log", &dir, &["--json"]).out);
    assert_eq!(lines.len(), 1);
    assert!(["pending", "accepted"].contains(&lines[0]["outcome"].as_str().unwrap()));
}

#[test]
fn a_journal_that_is_being_written_is_followed() {
    let (_temporary, dir) = place();
    wait(async {
        let bank = open::<first::Bank>(&dir, 8 << 10).await.unwrap();
        bank.open("Ann".to_owned()).await.unwrap();
        let mut follower = command(&["log", dir.to_str().unwrap(), "--follow", "--json"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(follower.stdout.take().unwrap()).lines();
        let first: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
        assert_eq!(first["position"], 1);
        // Over the ends of segments.
        for amount in 0..60 {
            bank.deposit(1, amount).await.unwrap();
            let read: Value = match amount % 20 {
                // It comes while the writer goes on, and needs nothing after it.
                0 => serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap(),
                _ => continue,
            };
            assert!(read["position"].as_u64().unwrap() >= 2);
        }
        let rest: Vec<Value> = lines
            .by_ref()
            .take(61 - 1 - 3)
            .map(|line| serde_json::from_str(&line.unwrap()).unwrap())
            .collect();
        assert_eq!(rest.last().unwrap()["position"], 61);
        assert!(rest.iter().all(|line| line["outcome"] == "accepted"));
        follower.kill().unwrap();
        let mut err = String::new();
        follower.stderr.take().unwrap().read_to_string(&mut err).unwrap();
        follower.wait().unwrap();
        assert_eq!(err, "");
        bank.close().await.unwrap();
    });
    assert!(segments(&dir).len() > 1, "the follower went over the end of a segment");
}

#[test]
fn whoever_closes_the_pipe_ends_it_in_silence() {
    let (_temporary, dir) = place();
    wait(async {
        let bank = open::<first::Bank>(&dir, LARGE).await.unwrap();
        let calls: Vec<_> = (0..30_000).map(|number| bank.open(number.to_string())).collect();
        for call in calls {
            call.await.unwrap();
        }
        bank.close().await.unwrap();
    });
    let mut child = command(&["log", dir.to_str().unwrap()])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let mut err = String::new();
    child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
    assert_eq!((child.wait().unwrap().code(), err.as_str()), (Some(0), ""));
    assert!(line.contains("open("));
}

#[test]
fn colours_are_used_only_when_they_are_wanted() {
    let (_temporary, dir) = bank();
    assert!(run("log", &dir, &["--color", "always"]).out.contains("\x1b["));
    assert!(!run("log", &dir, &["--color", "never"]).out.contains('\x1b'));
    assert!(!run("log", &dir, &["--color", "auto"]).out.contains('\x1b'));
}

/// A journal with an atomic batch that was accepted, one that was refused, and a single command.
fn with_batches() -> (tempfile::TempDir, std::path::PathBuf) {
    use first::{Bank, BankCommand as Command};
    let (temporary, dir) = place();
    wait(async {
        let bank = open::<Bank>(&dir, LARGE).await.unwrap();
        let deposit = |account, amount| Command::Deposit { account, amount };
        let batch = [Command::Open { owner: "Ann".into() }, deposit(1, 5)];
        bank.as_caller("teller").atomically(batch).await.unwrap();
        bank.atomically((0..20).map(|amount| deposit(1, amount)).chain([deposit(77, 1)])).await.unwrap_err();
        bank.open("Bob".to_owned()).await.unwrap();
        bank.close().await.unwrap();
    });
    (temporary, dir)
}

#[test]
fn an_atomic_batch_is_a_line_with_its_commands() {
    let (_temporary, dir) = with_batches();
    let out = run("log", &dir, &[]).out;
    let lines: Vec<_> = out.lines().collect();
    assert!(
        lines[0].ends_with(r#"teller  atomically(open(owner: "Ann"), deposit(account: 1, amount: 5))"#),
        "{out}"
    );
    assert!(lines[1].contains("rejected") && lines[1].ends_with(", … 9 more)"), "{out}");
    assert!(run("log", &dir, &["--full"]).out.contains("deposit(account: 77, amount: 1))"));

    let lines = json(&run("log", &dir, &["--json"]).out);
    assert_eq!((&lines[0]["command"], &lines[0]["arguments"]), (&"atomically".into(), &Value::Null));
    let commands = serde_json::json!([
        {"command": "open", "version": 1, "arguments": {"owner": "Ann"}},
        {"command": "deposit", "version": 1, "arguments": {"account": 1, "amount": 5}},
    ]);
    assert_eq!(lines[0]["commands"], commands);
    assert_eq!(
        (&lines[1]["outcome"], lines[1]["commands"].as_array().unwrap().len()),
        (&"rejected".into(), 21)
    );
    assert_eq!(lines[2]["commands"], Value::Null);
}

#[test]
fn a_command_is_found_in_atomic_batches_too() {
    let (_temporary, dir) = with_batches();
    let of = |name: &str| positions(&json(&run("log", &dir, &["--json", "--command", name]).out));
    assert_eq!(of("open"), [1, 3]);
    assert_eq!(of("deposit"), [1, 2]);
    assert_eq!(of("atomically"), [1, 2]);
}

#[test]
fn atomic_batches_are_checked_counted_and_exported() {
    let (_temporary, dir) = with_batches();
    let checked = run("check", &dir, &[]);
    assert_eq!((checked.code, checked.err.as_str()), (0, ""), "{}", checked.out);
    let numbers: Value = serde_json::from_str(&run("stat", &dir, &["--json"]).out).unwrap();
    assert_eq!(
        (&numbers["commands"][0]["name"], &numbers["commands"][0]["records"]),
        (&"atomically".into(), &2.into())
    );
    let exported = json(&run("export", &dir, &[]).out);
    let first = exported.iter().find(|line| line["record"]["position"] == 1).unwrap();
    assert_eq!(first["record"]["commands"][1]["arguments"]["amount"], 5);
    let csv = run("export", &dir, &["--csv"]).out;
    let line = csv.lines().nth(1).unwrap();
    assert!(line.contains(r#",teller,,atomically,accepted,"[{""command"":""open"",""#), "{line}");
}
