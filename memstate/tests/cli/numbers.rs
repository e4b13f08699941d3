//! `memstate stat`, `schema`, `verify` and `export`.

use crate::support::*;

#[test]
fn stat_counts_records_commands_outcomes_and_files() {
    let (_temporary, dir) = bank();
    let report = &json(&run("stat", &dir, &["--json"]).out)[0];
    assert_eq!(report["model"], "Bank");
    assert_eq!((&report["records"], &report["last_position"]), (&RECORDS.into(), &RECORDS.into()));
    assert_eq!(report["segments"], segments(&dir).len() as u64);
    let bytes: u64 = segments(&dir).iter().map(|path| path.metadata().unwrap().len()).sum();
    assert_eq!(report["bytes"], bytes);
    assert_eq!(report["outcomes"]["rejected"], 2);
    assert_eq!(report["outcomes"]["panicked"], 1);
    assert_eq!(report["outcomes"]["accepted"], RECORDS - 3);
    assert_eq!((&report["with_caller"], &report["with_request"]), (&2.into(), &1.into()));
    let deposit = &report["commands"][0];
    assert_eq!((&deposit["name"], &deposit["records"]), (&"deposit".into(), &61.into()));
    assert_eq!((&deposit["bytes_min"], &deposit["bytes_max"]), (&2.into(), &3.into()));
    assert_eq!(report["closed"], true);
    let columns: u64 =
        report["histogram"]["records"].as_array().unwrap().iter().map(|it| it.as_u64().unwrap()).sum();
    assert_eq!(columns, RECORDS);
    let text = run("stat", &dir, &[]).out;
    for part in ["Bank in ", "65, positions 1 to 65", "62 accepted, 2 rejected, 1 panicked", "deposit", "▕"]
    {
        assert!(text.contains(part), "{part} in {text}");
    }
}

#[test]
fn stat_of_a_hundred_thousand_records_counts_each() {
    let (_temporary, dir) = place();
    wait(async {
        let bank = open::<first::Bank>(&dir, LARGE).await.unwrap();
        for _ in 0..4 {
            let calls: Vec<_> = (0..25_000).map(|number| bank.open(number.to_string())).collect();
            for call in calls {
                call.await.unwrap();
            }
        }
        bank.close().await.unwrap();
    });
    let report = &json(&run("stat", &dir, &["--json"]).out)[0];
    assert_eq!(report["outcomes"]["accepted"], 100_000);
    let check = run("check", &dir, &[]);
    assert_eq!(check.code, 0, "{check:?}");
    assert!(check.out.contains("positions 1–100,000"), "{}", check.out);
    assert_eq!(json(&run("log", &dir, &["--json", "--last", "1"]).out)[0]["position"], 100_000);
    assert_eq!(run("export", &dir, &[]).out.lines().count(), 100_000 + 4);
}

#[test]
fn schema_shows_the_commands_of_the_newest_writer_or_of_one_at_a_position() {
    let (_temporary, dir) = bank();
    let newest = run("schema", &dir, &[]);
    assert_eq!((newest.code, newest.err.as_str()), (0, ""));
    assert!(newest.out.contains("withdraw(account: ") && newest.out.contains("changes"), "{}", newest.out);
    assert!(newest.out.contains(&format!("at position {SECOND} (segment ")), "{}", newest.out);
    assert!(newest.out.contains("+ withdraw("), "{}", newest.out);
    let old = &json(&run("schema", &dir, &["--at", "1", "--json"]).out)[0];
    let names: Vec<_> = old["schema"]["commands"].as_array().unwrap().iter().map(|it| &it["name"]).collect();
    assert_eq!(names, ["open", "deposit", "explode", "swallow"]);
    assert_eq!(old["schema"]["commands"][1]["arguments"][1]["name"], "amount");
    assert_eq!(old["writers"][1]["position"], SECOND);
}

/// Holds once types are traced.
#[test]
fn schema_shows_the_types() {
    let (_temporary, dir) = bank();
    let text = run("schema", &dir, &[]).out;
    for part in [
        "deposit(account: u64, amount: u64) -> Result<u64, BankError>",
        "open(owner: String) -> u64",
        "enum BankError {",
        "NoAccount(u64),",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
}

#[test]
fn a_head_that_was_kept_is_found_in_the_chain_and_another_is_not() {
    let (_temporary, dir) = place();
    let head = |dir| run("verify", dir, &[]).out.split(' ').next().unwrap().to_owned();
    wait(async {
        let bank = open::<first::Bank>(&dir, LARGE).await.unwrap();
        bank.open("Ann".to_owned()).await.unwrap();
        bank.close().await.unwrap();
    });
    let early = head(&dir);
    wait(async {
        let bank = open::<first::Bank>(&dir, LARGE).await.unwrap();
        bank.open("Bob".to_owned()).await.unwrap();
        bank.close().await.unwrap();
    });
    let late = head(&dir);
    assert_ne!(early, late);
    let gave = run("verify", &dir, &["--head", &early, "--json"]);
    assert_eq!(gave.code, 0);
    let report = &json(&gave.out)[0];
    assert_eq!((&report["found_at"], &report["position"]), (&1.into(), &2.into()));
    assert_eq!(report["head"], late);
    let (_other, elsewhere) = bank();
    let gave = run("verify", &elsewhere, &["--head", &early]);
    assert_eq!(gave.code, 1);
    assert!(gave.err.contains("is not in the chain") && gave.err.contains("help:"), "{}", gave.err);
    assert_eq!(run("verify", &dir, &["--head", "12"]).code, 2);
}

#[test]
fn an_export_has_everything_and_says_that_it_is_complete() {
    let (temporary, dir) = bank();
    let lines = json(&run("export", &dir, &[]).out);
    assert_eq!(lines[0]["export"], 1);
    assert_eq!(lines[1]["schema"]["model"], "Bank");
    assert!(lines[2]["initial"]["bytes"].is_string());
    let schema = lines.iter().position(|line| line["schema"]["from"] == SECOND).unwrap();
    assert_eq!(lines[schema - 1]["record"]["position"], SECOND - 1);
    assert_eq!(lines[schema + 1]["record"]["position"], SECOND);
    let records: Vec<_> =
        lines.iter().filter(|line| line["record"].is_object()).map(|it| &it["record"]).collect();
    let log = json(&run("log", &dir, &["--json"]).out);
    assert!(records.into_iter().eq(&log));
    let end = &lines.last().unwrap()["end"];
    assert_eq!(end["records"], RECORDS);
    assert!(run("verify", &dir, &[]).out.starts_with(end["head"].as_str().unwrap()));

    let file = temporary.path().join("bank.jsonl");
    let gave = run("export", &dir, &["--out", file.to_str().unwrap()]);
    assert_eq!((gave.code, gave.out.as_str()), (0, ""));
    assert_eq!(json(&std::fs::read_to_string(file).unwrap()), lines);
    let csv = run("export", &dir, &["--csv"]).out;
    assert_eq!(csv.lines().count() as u64, RECORDS + 1);
    assert!(csv.starts_with("position,time,caller,request,command,outcome,arguments\n1,2"));
}
