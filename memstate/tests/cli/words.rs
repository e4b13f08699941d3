//! What the program of a model says: its examples, times, and names that are not there.

use crate::{
    program::{inside, now, run_of, then, today},
    support::{LARGE, json, open, place, wait},
};

/// A model whose commands and queries take and give times, and a type of its own that is called as ours.
mod diary {
    use memstate::collections::HashMap;

    /// Seconds, and of no interest to the program.
    #[memstate::data]
    #[derive(Copy, PartialEq)]
    pub struct Timestamp(pub i64);

    #[memstate::data]
    #[derive(Copy, PartialEq)]
    pub struct Due(pub memstate::Timestamp);

    #[memstate::data]
    pub struct Entry {
        pub due: Due,
        pub seconds: Timestamp,
        pub reminder: Option<memstate::Timestamp>,
    }

    #[memstate::model]
    #[derive(Default)]
    pub struct Diary {
        entries: HashMap<memstate::Timestamp, Entry>,
    }

    #[memstate::model]
    impl Diary {
        pub fn write(
            &mut self,
            due: memstate::Timestamp,
            seconds: Timestamp,
            reminder: Option<memstate::Timestamp>,
        ) -> memstate::Timestamp {
            self.entries.insert(due, Entry { due: Due(due), seconds, reminder });
            due
        }

        pub fn entry(&self, due: memstate::Timestamp) -> Option<Entry> {
            self.entries.get(&due).cloned()
        }

        pub fn by_due(&self, due: Due) -> Vec<Due> {
            self.entries.values().map(|entry| entry.due).filter(|other| *other == due).collect()
        }
    }
}

#[test]
fn times_are_shown_and_taken_as_texts_and_json_stays_as_it_is() {
    let (_temporary, dir) = place();
    let run = |arguments: &[&str]| run_of::<diary::Diary>(&dir, arguments);
    let out = |arguments: &[&str]| {
        let gave = run(arguments);
        assert_eq!(gave.code, 0, "{arguments:?}: {gave:?}");
        gave.out
    };
    const SHOWN: &str = "2023-12-24T00:00:00.000000Z";
    assert_eq!(out(&["call", "write", "2023-12-24", "1703376000"]), format!("{SHOWN}\n"));
    let entry = format!("due: {SHOWN}\nseconds: 1703376000\nreminder: none\n");
    assert_eq!(out(&["query", "entry", "2023-12-24T01:00+01:00"]), entry);
    assert_eq!(out(&["query", "entry", "1703376000000000"]), entry, "microseconds, as in JSON");
    assert_eq!(out(&["query", "by_due", "due=2023-12-24"]), format!("{SHOWN}\n"));
    assert_eq!(out(&["call", "write", "2023-12-24", "7", "reminder=2023-12-23 08:00"]), format!("{SHOWN}\n"));
    assert_eq!(
        out(&["diff", "1", "2"]),
        format!(
            "entries[{SHOWN}].seconds: 1703376000 → 7\n\
             entries[{SHOWN}].reminder: none → 2023-12-23T08:00:00.000000Z\n"
        )
    );
    out(&["call", "write", "2023-12-24", "7", "2023-12-22"]);
    assert_eq!(
        out(&["diff", "2", "3"]),
        format!("entries[{SHOWN}].reminder: 2023-12-23T08:00:00.000000Z → 2023-12-22T00:00:00.000000Z\n")
    );
    let log = out(&["log", "--to", "1"]);
    assert!(log.contains(&format!("write(due: {SHOWN}, seconds: 1703376000, reminder: none)")), "{log}");
    let state = out(&["as-of", "1"]);
    assert!(state.starts_with(&format!("entries[{SHOWN}].due: {SHOWN}\n")), "{state}");

    assert_eq!(
        json(&out(&["query", "entry", "2023-12-24", "--at", "2", "--json"]))[0],
        serde_json::json!({"due": 1_703_376_000_000_000_i64, "seconds": 7, "reminder": 1_703_318_400_000_000_i64})
    );
    let state = json(&out(&["as-of", "1", "--json"])).remove(0);
    assert_eq!(state["entries"]["1703376000000000"]["due"], 1_703_376_000_000_000_i64);
    let log = json(&out(&["log", "--json", "--to", "1"])).remove(0);
    assert_eq!(log["arguments"]["due"], 1_703_376_000_000_000_i64);

    let refused = run(&["query", "entry", "soon"]);
    assert_eq!(refused.code, 2);
    for said in
        ["`due` is of type `memstate::Timestamp`", "`soon` is not a time", "for example 2013-02-08T17:05Z"]
    {
        assert!(refused.err.contains(said), "`{said}` in {}", refused.err);
    }
    let refused = run(&["call", "write", "2023-12-24", "2023-12-24"]);
    assert_eq!(refused.code, 2, "a type of the user's is what it holds: {refused:?}");
}

/// The lines of a help's examples, without the program's name.
fn examples(help: &str) -> Vec<Vec<&str>> {
    let examples = help.split_once("Examples:\n").map_or("", |(_, examples)| examples);
    let lines = examples.lines().take_while(|line| line.starts_with("  "));
    lines.map(|line| line.split_whitespace().skip(1).collect()).collect()
}

#[test]
fn the_examples_of_the_help_are_of_the_model_and_can_be_typed() {
    let (_temporary, dir) = place();
    let run = |arguments: &[&str]| run_of::<today::Bank>(&dir, arguments);
    let help = |name: &str| run(&[name, "--help"]).out;
    let call = help("call");
    assert!(
        call.contains("  bank call open Ann Ann\n  bank call open owner=Ann note=Ann --as ann --json"),
        "{call}"
    );
    for example in examples(&call) {
        assert_eq!(run(&example).code, 0, "{example:?}");
    }
    let query = help("query");
    assert!(
        query.contains("  bank query balance 7\n  bank query balance account=7 --at 2013-06-01 --json"),
        "{query}"
    );
    assert_eq!(examples(&query).len(), 2);
    for example in examples(&query) {
        assert_eq!(run(&example).code, 0, "{example:?}");
    }
    let as_of = help("as-of");
    assert!(as_of.contains("bank as-of '2013-02-08 17:05' balance account=7 --json"), "{as_of}");

    let of_diary = run_of::<diary::Diary>(&dir, &["query", "--help"]).out;
    assert!(of_diary.contains("bank query entry 2013-02-08T17:05Z\n"), "{of_diary}");
    let of_shop = run_of::<inside::Shop>(&dir, &["query", "--help"]).out;
    assert!(of_shop.contains("bank query ledger.total\n"), "{of_shop}");
    let of_shop = run_of::<inside::Shop>(&dir, &["call", "--help"]).out;
    assert!(of_shop.contains("bank call ledger.post 7\n"), "it shows how arguments are given: {of_shop}");
    // A model without queries has no example of one.
    assert_eq!(examples(&run_of::<then::Tally>(&dir, &["query", "--help"]).out), [[""; 0]; 0]);
    assert_eq!(examples(&run_of::<then::Tally>(&dir, &["as-of", "--help"]).out), [["as-of", "2013-02-08"]]);
}

#[test]
fn without_a_name_the_queries_and_commands_are_listed_with_their_signatures() {
    let (_temporary, dir) = place();
    let gave = run_of::<today::Bank>(&dir, &["query"]);
    assert_eq!((gave.code, gave.out.as_str()), (2, ""));
    for said in [
        "error: the name of a query is missing\n",
        "\n  balance(account: u64)              What an account holds.\n",
        "\n  owners(beginning: Option<String>)\n",
    ] {
        assert!(gave.err.contains(said), "`{said}` in {}", gave.err);
    }
    let gave = run_of::<today::Bank>(&dir, &["call", "--json"]);
    assert_eq!((gave.code, gave.out.as_str()), (2, ""));
    assert!(gave.err.contains("the name of a command is missing"), "{}", gave.err);
    assert!(gave.err.contains("\n  deposit(account: u64, amount: u64)\n"), "{}", gave.err);
    assert!(!gave.err.contains("forget"), "it is retired: {}", gave.err);
    let gave = run_of::<then::Tally>(&dir, &["query"]);
    assert!(gave.err.contains("the model has no query that can be called"), "{}", gave.err);
    assert!(!dir.exists());
}

#[test]
fn types_are_named_without_an_article() {
    let (_temporary, dir) = place();
    let gave = run_of::<today::Bank>(&dir, &["call", "deposit", "1"]);
    assert!(gave.err.contains("the argument `amount` is missing; its type is `u64`"), "{}", gave.err);
    let gave = run_of::<today::Bank>(&dir, &["call", "order", "1", "7"]);
    assert!(gave.err.contains("the argument `orders` is of type `Vec<Order>`: "), "{}", gave.err);
}

#[test]
fn one_record_did_what_it_had_done() {
    let (_temporary, dir) = place();
    wait(async {
        let tally = open::<then::Tally>(&dir, LARGE).await.unwrap();
        tally.add(3).await.unwrap();
        tally.close().await.unwrap();
    });
    let gave = run_of::<then::Tally>(&dir, &["replay", "--verify"]);
    assert!(gave.out.ends_with("1 record did what it had done\n"), "{gave:?}");
}

#[test]
fn a_replay_says_that_it_accepted_another_state() {
    let (_temporary, dir) = place();
    wait(async {
        let tally = open::<then::Tally>(&dir, LARGE).await.unwrap();
        tally.add(3).await.unwrap();
        tally.add(5).await.unwrap();
        tally.close().await.unwrap();
    });
    let accepted = run_of::<now::Tally>(&dir, &["replay", "--accept"]);
    assert_eq!(accepted.code, 0, "{accepted:?}");
    let said = "the state after position 2 is not that of the snapshot of then: it was accepted";
    assert!(accepted.out.contains(said), "{accepted:?}");
    assert!(accepted.out.contains("no record did something else"), "{accepted:?}");
    let again = run_of::<now::Tally>(&dir, &["replay", "--accept"]);
    assert!(!again.out.contains("the state after"), "there is nothing more to accept: {again:?}");
}

/// A library before its commands were renamed.
mod before {
    #[memstate::model]
    #[derive(Default)]
    pub struct Library {
        paid: u64,
        lent: u64,
    }

    #[memstate::model]
    impl Library {
        pub fn pay(&mut self, amount: u64) {
            self.paid += amount;
        }

        pub fn lend(&mut self, books: u64) {
            self.lent += books;
        }
    }
}

/// The same afterwards: `pay` is something else now.
mod after {
    #[memstate::model]
    #[derive(Default)]
    pub struct Library {
        paid: u64,
        lent: u64,
    }

    #[memstate::model]
    impl Library {
        #[memstate(was = "pay")]
        pub fn pay_fine(&mut self, amount: u64) {
            self.paid += amount;
        }

        pub fn lend(&mut self, books: u64) {
            self.lent += books;
        }

        pub fn reserve(&mut self, books: u64) {
            self.lent += books;
        }
    }
}

/// A payment, two loans, a payment under its new name, and a batch with one.
fn library() -> (tempfile::TempDir, std::path::PathBuf) {
    let (temporary, dir) = place();
    wait(async {
        let library = open::<before::Library>(&dir, LARGE).await.unwrap();
        library.pay(3).await.unwrap();
        library.lend(1).await.unwrap();
        let batch = [before::LibraryCommand::Pay { amount: 1 }, before::LibraryCommand::Lend { books: 1 }];
        library.atomically(batch).await.unwrap();
        library.close().await.unwrap();
        let library = open::<after::Library>(&dir, LARGE).await.unwrap();
        library.pay_fine(5).await.unwrap();
        library.close().await.unwrap();
    });
    (temporary, dir)
}

#[test]
fn records_are_found_by_the_name_that_their_command_has_today() {
    let (_temporary, dir) = library();
    let of = |name: &str| {
        let gave = run_of::<after::Library>(&dir, &["log", "--json", "--command", name]);
        assert_eq!((gave.code, gave.err.as_str()), (0, ""));
        json(&gave.out).iter().map(|line| line["position"].as_u64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(of("pay_fine"), [1, 3, 4]);
    assert_eq!(of("pay"), [1, 3], "as they were written");
    assert_eq!(of("lend"), [2, 3]);
    let alone = crate::support::run("log", &dir, &["--json", "--command", "pay_fine"]);
    assert_eq!(json(&alone.out).len(), 1, "without the model, there is only what was written");
}

#[test]
fn a_command_that_no_record_has_is_told_with_what_is_near_to_it() {
    let (_temporary, dir) = library();
    let told = |arguments: &[&str]| {
        let gave = crate::support::run("log", &dir, arguments);
        assert_eq!((gave.code, gave.out.as_str()), (0, ""), "{arguments:?}: {gave:?}");
        gave.err
    };
    assert_eq!(told(&["--command", "payy"]), "note: no record has the command `payy`; near to it is `pay`\n");
    assert_eq!(
        told(&["--command", "transfer", "--last", "3"]),
        "note: no record has the command `transfer`; there are `lend`, `pay`, `pay_fine`, `reserve`\n"
    );
    assert_eq!(told(&["--command", "reserve"]), "note: no record has the command `reserve` yet\n");
    assert_eq!(
        told(&["--command", "lend", "--from", "4"]),
        "note: none of the records that were looked at has the command `lend`\n"
    );
    assert_eq!(told(&["--command", "payy", "--quiet"]), "");
    assert_eq!(told(&["--command", "lend", "--caller", "ann"]), "", "others have it");
    let some = crate::support::run("log", &dir, &["--command", "lend", "--command", "lendd", "--json"]);
    assert_eq!((some.code, json(&some.out).len()), (0, 2));
    assert!(some.err.contains("`lendd`; near to it is `lend`"), "{}", some.err);
    let enough =
        crate::support::run("log", &dir, &["--command", "pay_fine", "--command", "pay", "--limit", "1"]);
    assert_eq!((enough.out.lines().count(), enough.err.as_str()), (1, ""), "it is not known what comes");
    let of_model = run_of::<after::Library>(&dir, &["log", "--command", "reserv"]);
    assert_eq!(of_model.err, "note: no record has the command `reserv`; near to it is `reserve`\n");
}
