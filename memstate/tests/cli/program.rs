//! The command line of a program with a model, `memstate::main`.

use std::path::Path;

use memstate::{
    Model,
    cli::{Terminal, program},
};

use crate::support::{Gave, LARGE, contents, json, open, place, wait};

/// The bank of today.
pub mod today {
    use memstate::collections::HashMap;

    #[memstate::data(error)]
    #[derive(PartialEq)]
    pub enum BankError {
        NoAccount(u64),
        Insufficient { balance: u64 },
    }

    #[memstate::data]
    pub struct Account {
        pub owner: String,
        pub balance: u64,
        pub note: Option<String>,
    }

    #[memstate::data]
    pub struct Order {
        pub to: u64,
        pub amount: u64,
    }

    #[memstate::model]
    #[derive(Default)]
    pub struct Bank {
        accounts: HashMap<u64, Account>,
        last: u64,
    }

    #[memstate::model]
    impl Bank {
        /// Opens an account and returns its number.
        pub fn open(&mut self, owner: String, note: Option<String>) -> u64 {
            self.last += 1;
            self.accounts.insert(self.last, Account { owner, balance: 0, note });
            self.last
        }

        pub fn deposit(&mut self, account: u64, amount: u64) -> Result<u64, BankError> {
            let account = self.accounts.get_mut(&account).ok_or(BankError::NoAccount(account))?;
            account.balance += amount;
            Ok(account.balance)
        }

        /// Carries out many orders, or none.
        pub fn order(&mut self, from: u64, orders: Vec<Order>) -> Result<(), BankError> {
            for Order { to, amount } in orders {
                let account = self.accounts.get_mut(&from).ok_or(BankError::NoAccount(from))?;
                let balance = account.balance;
                account.balance = balance.checked_sub(amount).ok_or(BankError::Insufficient { balance })?;
                self.deposit(to, amount)?;
            }
            Ok(())
        }

        #[memstate(retired)]
        pub fn forget(&mut self) {
            self.accounts.clear();
        }

        pub fn explode(&mut self) {
            panic!("boom");
        }

        /// What an account holds.
        pub fn balance(&self, account: u64) -> Option<u64> {
            Some(self.accounts.get(&account)?.balance)
        }

        pub fn statement(&self, account: u64) -> Result<Account, BankError> {
            self.accounts.get(&account).cloned().ok_or(BankError::NoAccount(account))
        }

        pub fn owners(&self, beginning: Option<String>) -> Vec<(u64, String)> {
            let beginning = beginning.unwrap_or_default();
            let owners = self.accounts.iter().map(|(number, account)| (*number, account.owner.clone()));
            owners.filter(|(_, owner)| owner.starts_with(&beginning)).collect()
        }

        pub fn fail(&self) -> u64 {
            panic!("no answer");
        }
    }
}

/// The bank of tomorrow: it gives one more with each deposit of more than 50.
mod tomorrow {
    use memstate::collections::HashMap;

    pub use super::today::{Account, BankError};

    #[memstate::model]
    #[derive(Default)]
    pub struct Bank {
        accounts: HashMap<u64, Account>,
        last: u64,
    }

    #[memstate::model]
    impl Bank {
        pub fn open(&mut self, owner: String, note: Option<String>) -> u64 {
            self.last += 1;
            self.accounts.insert(self.last, Account { owner, balance: 0, note });
            self.last
        }

        pub fn deposit(&mut self, account: u64, amount: u64) -> Result<u64, BankError> {
            let account = self.accounts.get_mut(&account).ok_or(BankError::NoAccount(account))?;
            account.balance += amount + u64::from(amount > 50);
            Ok(account.balance)
        }

        pub fn balance(&self, account: u64) -> Option<u64> {
            Some(self.accounts.get(&account)?.balance)
        }
    }
}

/// A bank that has no place for deposits of the others.
mod broken {
    use memstate::collections::HashMap;

    pub use super::today::Account;

    #[memstate::model]
    #[derive(Default)]
    pub struct Bank {
        accounts: HashMap<u64, Account>,
        last: u64,
    }

    #[memstate::model]
    impl Bank {
        pub fn open(&mut self, owner: String, note: Option<String>, branch: u32) -> u64 {
            self.last += 1 + u64::from(branch);
            self.accounts.insert(self.last, Account { owner, balance: 0, note });
            self.last
        }

        pub fn last(&self) -> u64 {
            self.last
        }
    }
}

/// Runs the program of a model on a directory.
pub fn run_of<M: Model + Default>(dir: &Path, arguments: &[&str]) -> Gave {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let mut all = vec!["/usr/local/bin/bank", "--data", dir.to_str().unwrap()];
    all.extend(arguments);
    let code = {
        let mut terminal = Terminal::new(&mut out, &mut err);
        program::run(all, M::default, &mut terminal)
    };
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Gave { code: code.into(), out: text(out), err: text(err) }
}

fn run(dir: &Path, arguments: &[&str]) -> Gave {
    run_of::<today::Bank>(dir, arguments)
}

/// What it printed, if all went well.
fn out(dir: &Path, arguments: &[&str]) -> String {
    let gave = run(dir, arguments);
    assert_eq!(gave.code, 0, "{arguments:?}: {gave:?}");
    gave.out
}

/// A journal of five records: Ann and Bob, two deposits, and one that was rejected.
async fn work(dir: &Path) -> today::BankClient {
    let bank = open::<today::Bank>(dir, LARGE).await.unwrap();
    bank.open("Ann", None).await.unwrap();
    bank.open("Bob", Some("a=b".to_owned())).await.unwrap();
    bank.deposit(1, 100).await.unwrap();
    bank.deposit(2, 20).await.unwrap();
    assert!(bank.deposit(77, 5).await.is_err());
    bank
}

fn journal() -> (tempfile::TempDir, std::path::PathBuf) {
    let (temporary, dir) = place();
    wait(async { work(&dir).await.close().await.unwrap() });
    (temporary, dir)
}

#[test]
fn the_model_is_asked_and_compared_as_it_was_while_somebody_has_it_open() {
    let (_temporary, dir) = place();
    wait(async {
        let bank = work(&dir).await;
        bank.snapshot().await.unwrap();
        let before = contents(&dir);
        assert_eq!(out(&dir, &["as-of", "3", "balance", "1"]), "100\n");
        assert_eq!(out(&dir, &["as-of", "2", "balance", "account=1"]), "0\n");
        assert_eq!(out(&dir, &["as-of", "0", "balance", "1"]), "none\n");
        assert_eq!(out(&dir, &["query", "balance", "2", "--json"]), "20\n");
        assert_eq!(out(&dir, &["query", "balance", "2", "--at", "2999-12-31"]), "20\n");
        assert_eq!(out(&dir, &["query", "balance", "2", "--at", "2000-01-01"]), "none\n");
        assert_eq!(out(&dir, &["query", "owners"]), "(1, \"Ann\")\n(2, \"Bob\")\n");
        assert_eq!(out(&dir, &["query", "owners", "B", "--json"]), "[[2,\"Bob\"]]\n");
        assert_eq!(out(&dir, &["query", "statement", "2"]), "owner: \"Bob\"\nbalance: 20\nnote: \"a=b\"\n");
        assert_eq!(
            out(&dir, &["as-of", "3"]),
            "accounts[1].owner: \"Ann\"\naccounts[1].balance: 100\naccounts[1].note: none\n\
             accounts[2].owner: \"Bob\"\naccounts[2].balance: 0\naccounts[2].note: \"a=b\"\nlast: 2\n"
        );
        let state = json(&out(&dir, &["as-of", "3", "--json"])).remove(0);
        assert_eq!(state["accounts"]["1"]["balance"], 100);
        assert_eq!(out(&dir, &["diff", "3", "4"]), "accounts[2].balance: 0 → 20\n");
        assert_eq!(
            out(&dir, &["diff", "3", "4", "--json"]),
            "{\"path\":\"accounts[2].balance\",\"before\":0,\"after\":20}\n"
        );
        assert!(out(&dir, &["replay", "--verify"]).contains("5 records did what they had done"));
        let check = out(&dir, &["check"]);
        assert!(check.contains("what one version of the code wrote can be carried over"), "{check}");
        assert!(out(&dir, &["schema"]).contains("today's code\n  it is the same"));
        assert_eq!(out(&dir, &["log"]).lines().count(), 5);
        assert_eq!(contents(&dir), before, "nothing was changed");
        for needs_it in [&["call", "deposit", "1", "1"][..], &["snapshot"], &["replay", "--accept"]] {
            let gave = run(&dir, needs_it);
            assert_eq!((gave.code, gave.out.as_str()), (4, ""), "{needs_it:?}: {gave:?}");
            assert!(gave.err.contains("is in use by another process"), "{}", gave.err);
        }
        bank.deposit(1, 1).await.unwrap();
        bank.close().await.unwrap();
    });
    assert_eq!(out(&dir, &["query", "balance", "1"]), "101\n");
}

#[test]
fn a_command_is_called_with_its_reply_its_rejection_and_its_caller() {
    let (_temporary, dir) = place();
    let opened = run(&dir, &["call", "open", "Ann"]);
    assert_eq!((opened.code, opened.out.as_str()), (0, "1\n"), "{opened:?}");
    assert!(opened.err.contains("accepted at position 1"), "{}", opened.err);
    assert_eq!(out(&dir, &["call", "open", "note=\"none\"", "owner=Bob"]), "2\n");
    assert_eq!(out(&dir, &["call", "deposit", "1", "100", "--as", "teller"]), "100\n");
    assert_eq!(
        out(&dir, &["call", "deposit", "amount=5", "account=1", "--json"]),
        "{\"position\":4,\"reply\":105}\n"
    );
    assert_eq!(out(&dir, &["call", "order", "1", r#"[{"to":2,"amount":"30"},{"amount":5,"to":2}]"#]), "");
    assert_eq!(out(&dir, &["query", "balance", "2"]), "35\n");
    assert_eq!(out(&dir, &["query", "statement", "2"]), "owner: \"Bob\"\nbalance: 35\nnote: \"none\"\n");

    let rejected = run(&dir, &["call", "deposit", "9", "1", "--json"]);
    assert_eq!(
        (rejected.code, rejected.out.as_str()),
        (1, "{\"position\":6,\"rejected\":{\"NoAccount\":9}}\n")
    );
    assert!(rejected.err.contains("`deposit` was rejected at position 6: NoAccount(9)"), "{}", rejected.err);
    let panicked = run(&dir, &["call", "explode"]);
    assert_eq!(panicked.code, 1);
    assert!(panicked.err.contains("boom") && panicked.err.contains("position 7"), "{}", panicked.err);
    let log = json(&out(&dir, &["log", "--json", "--from", "3", "--to", "3"]));
    assert_eq!(log[0]["caller"], "teller");
}

#[test]
fn a_call_with_a_request_happens_once() {
    let (_temporary, dir) = journal();
    let request = wait(async {
        let bank = open::<today::Bank>(&dir, LARGE).await.unwrap();
        let request = bank.new_request().to_string();
        bank.close().await.unwrap();
        request
    });
    for _ in 0..2 {
        assert_eq!(out(&dir, &["call", "deposit", "1", "1", "--request", &request]), "101\n");
    }
    assert_eq!(out(&dir, &["query", "balance", "1"]), "101\n");
    let again = run(&dir, &["call", "deposit", "1", "2", "--request", &request]);
    assert_eq!(again.code, 2, "{again:?}");
    assert!(again.err.contains("used before for another command"), "{}", again.err);
}

#[test]
fn wrong_arguments_are_named_with_their_type_and_an_example() {
    let (_temporary, dir) = journal();
    let before = contents(&dir);
    for (arguments, said) in [
        (&["call", "deposit", "x", "1"][..], &["argument `account`", "`u64`", "account=7"][..]),
        (&["call", "deposit", "1"], &["argument `amount` is missing", "`u64`", "for example 7"]),
        (&["call", "deposit", "1", "2", "3"], &["no argument for `3`", "deposit(account: u64, amount: u64)"]),
        (&["call", "deposit", "account=1", "account=2"], &["`account` is given twice"]),
        (&["call", "deposit", "-5", "1"], &["argument `account`", "-5"]),
        (&["call", "order", "1", "[7]"], &["argument `orders`", r#"'[{"amount":7,"to":7}]'"#]),
        (&["call", "order", "1", r#"[{"to":1,"sum":1}]"#], &["no field `sum`"]),
        (&["call", "forget"], &["`forget` is retired"]),
        (&["call", "depositt", "1", "2"], &["depositt", "deposit"]),
        (&["query", "balance", "18446744073709551616"], &["does not fit u64"]),
        (&["query", "deposit", "1"], &["deposit"]),
        (&["as-of", "yesterday"], &["`yesterday` is not a time"]),
        (&["as-of", "2013-02-30"], &["2013-02"]),
        (&["query", "balance", "1", "--at", "soon"], &["`soon` is not a time"]),
        (&["call", "deposit", "1", "1", "--request", "x"], &["--request"]),
        (&["replay"], &["--verify"]),
        (&["sing"], &["sing"]),
    ] {
        let gave = run(&dir, arguments);
        assert_eq!((gave.code, gave.out.as_str()), (2, ""), "{arguments:?}: {gave:?}");
        assert!(gave.err.starts_with("error: "), "{}", gave.err);
        for said in said {
            assert!(gave.err.contains(said), "{arguments:?}: `{said}` in {}", gave.err);
        }
    }
    for (arguments, said) in [
        (&["query", "statement", "9"][..], "`statement` gave an error: NoAccount(9)"),
        (&["query", "fail"], "query `fail` panicked: no answer"),
        (&["as-of", "6"], "there is no position 6 yet: the last is 5"),
    ] {
        let gave = run(&dir, arguments);
        assert_eq!((gave.code, gave.out.as_str()), (1, ""), "{arguments:?}: {gave:?}");
        assert!(gave.err.contains(said), "{}", gave.err);
    }
    assert_eq!(contents(&dir), before);
}

#[test]
fn a_directory_without_a_journal_is_only_begun_by_a_call() {
    let (_temporary, dir) = place();
    for arguments in [
        &["as-of", "1"][..],
        &["query", "fail"],
        &["diff", "1", "2"],
        &["check"],
        &["snapshot"],
        &["replay", "--verify"],
        &["replay", "--accept"],
    ] {
        let gave = run(&dir, arguments);
        assert_eq!((gave.code, gave.out.as_str()), (3, ""), "{arguments:?}: {gave:?}");
        assert!(!dir.exists(), "{arguments:?} made it");
    }
}

#[test]
fn a_replay_lists_every_record_that_differs_and_accepts_them_when_told() {
    let (_temporary, dir) = place();
    wait(async {
        let bank = open::<today::Bank>(&dir, LARGE).await.unwrap();
        let ann = bank.open("Ann", None).await.unwrap();
        for amount in [60, 10, 70] {
            bank.deposit(ann, amount).await.unwrap();
        }
        bank.close().await.unwrap();
    });
    let before = contents(&dir);
    let verified = run_of::<tomorrow::Bank>(&dir, &["replay", "--verify"]);
    assert_eq!(verified.code, 1, "{verified:?}");
    let lines: Vec<_> = verified.out.lines().collect();
    assert_eq!(lines.len(), 4, "each of the deposits has another reply: {verified:?}");
    assert!(lines[0].contains("position 2: deposit(account: 1, amount: 60) was accepted"), "{}", lines[0]);
    assert!(lines[0].contains("accepted with 61"), "{}", lines[0]);
    assert!(lines[2].contains("position 4: ") && lines[3].contains("3 of 4 records"), "{}", verified.out);
    assert!(verified.err.contains("`bank replay --accept`"), "{}", verified.err);
    assert_eq!(contents(&dir), before);

    let accepted = run_of::<tomorrow::Bank>(&dir, &["replay", "--accept"]);
    assert_eq!(accepted.code, 0, "{accepted:?}");
    assert!(accepted.out.starts_with("3 other outcomes accepted and journaled"), "{}", accepted.out);
    let verified = run_of::<tomorrow::Bank>(&dir, &["replay", "--verify"]);
    assert_eq!(verified.code, 0, "{verified:?}");
    assert_eq!(run_of::<tomorrow::Bank>(&dir, &["query", "balance", "1"]).out, "142\n");
    let again = run_of::<tomorrow::Bank>(&dir, &["replay", "--accept"]);
    assert!(again.out.contains("nothing had to be journaled"), "{again:?}");

    // Everybody who shows the records shows the outcome that holds, and that another was recorded.
    let log = out(&dir, &["log"]);
    let lines: Vec<_> = log.lines().collect();
    assert!(!lines[0].contains("amended"), "{log}");
    assert!(lines[1].contains("accepted (was accepted; amended 20"), "{log}");
    let log = json(&out(&dir, &["log", "--json", "--from", "2", "--limit", "1"]));
    assert_eq!(log[0]["amended"]["was"], "accepted");
    assert!(log[0]["amended"]["time"].as_str().unwrap().parse::<memstate::Timestamp>().is_ok());
    let stat = json(&out(&dir, &["stat", "--json"]));
    assert_eq!(stat[0]["amended"], 3);
    assert!(out(&dir, &["export"]).contains(r#""amended":{"was":"accepted""#));
    let history = wait(async {
        let bank = open::<tomorrow::Bank>(&dir, LARGE).await.unwrap();
        let mut history = bank.history(..).without_events();
        let mut marks = Vec::new();
        while let Some(record) = history.next().await {
            marks.push(record.unwrap().amended.map(|amended| amended.was));
        }
        bank.close().await.unwrap();
        marks
    });
    let was = Some(memstate::RecordOutcome::Accepted);
    assert_eq!(history, [None, was, was, was]);
}

#[test]
fn check_lists_all_that_the_code_has_no_place_for_beside_who_has_it_open() {
    let (_temporary, dir) = place();
    wait(async {
        let bank = work(&dir).await;
        let before = contents(&dir);
        let gave = run_of::<broken::Bank>(&dir, &["check"]);
        assert_eq!(gave.code, 1, "{gave:?}");
        for said in ["command `open`, argument `branch`", "2 records", "command `deposit`", "2 problems"] {
            assert!(gave.out.contains(said), "`{said}` in {}", gave.out);
        }
        let checked = memstate::check::<broken::Bank>(dir.as_path()).unwrap();
        assert_eq!((checked.problems.len(), checked.end.get(), checked.is_fine()), (2, 5, false));
        assert!(memstate::check::<today::Bank>(dir.as_path()).unwrap().is_fine());
        let schema = run_of::<broken::Bank>(&dir, &["schema"]);
        assert!(schema.out.contains("needs a default: command `open`, `branch`"), "{}", schema.out);
        assert!(schema.out.contains("breaking: command `deposit`"), "{}", schema.out);
        let schema = json(&run_of::<broken::Bank>(&dir, &["schema", "--json"]).out);
        assert_eq!(schema[0]["today"][0]["class"], "needs a default");
        assert_eq!(contents(&dir), before);
        bank.close().await.unwrap();
    });
    let query = run_of::<broken::Bank>(&dir, &["query", "last"]);
    assert_eq!(query.code, 1, "{query:?}");
    assert!(query.err.contains("cannot be carried over"), "{}", query.err);
    let other = memstate::check::<crate::support::first::Bank>(dir.with_extension("none").as_path());
    assert!(other.is_err());
}

#[test]
fn a_snapshot_is_written_when_it_is_asked_for() {
    let (_temporary, dir) = journal();
    out(&dir, &["call", "deposit", "1", "1"]);
    let names = |dir: &Path| contents(dir).into_iter().map(|(path, _)| path).collect::<Vec<_>>();
    let before = names(&dir);
    assert_eq!(out(&dir, &["snapshot"]), "there is a snapshot of position 6\n");
    assert_eq!(names(&dir).len(), before.len() + 1);
    assert_eq!(out(&dir, &["as-of", "6", "balance", "1"]), "101\n");
}

#[test]
fn help_and_completions_speak_of_the_program_and_its_model() {
    let (_temporary, dir) = place();
    let help = out(&dir, &["--help"]);
    for said in ["Usage: bank", "as-of", "query", "call", "replay", "log", "--data <DIR>", "MEMSTATE_DATA"] {
        assert!(help.contains(said), "`{said}` in {help}");
    }
    let log = out(&dir, &["log", "--help"]);
    assert!(log.contains("bank log --last 20") && !log.contains("data/bank --"), "{log}");
    let query = out(&dir, &["query", "--help"]);
    assert!(query.contains("balance") && query.contains("What an account holds"), "{query}");
    let call = out(&dir, &["call", "--help"]);
    assert!(call.contains("deposit(account: u64, amount: u64)") && !call.contains("forget"), "{call}");
    for shell in ["bash", "zsh", "fish"] {
        let script = out(&dir, &["completions", shell]);
        for name in ["as-of", "statement", "deposit", "accept-loss"] {
            assert!(script.contains(name), "{name} for {shell}");
        }
    }
}

pub mod inside {
    #[memstate::model]
    #[derive(Default)]
    pub struct Ledger {
        total: u64,
    }

    #[memstate::model]
    impl Ledger {
        /// Adds an amount.
        pub fn post(&mut self, amount: u64) -> u64 {
            self.total += amount;
            self.total
        }
        #[memstate(retired)]
        pub fn clear(&mut self) {
            self.total = 0;
        }
        pub fn total(&self) -> u64 {
            self.total
        }
    }

    #[memstate::model]
    #[derive(Default)]
    pub struct Shop {
        #[memstate(model)]
        ledger: Ledger,
    }

    #[memstate::model]
    impl Shop {
        pub fn tidy(&mut self) {}
    }
}

#[test]
fn commands_and_queries_of_a_model_inside_are_called_by_their_whole_names() {
    let dir = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| run_of::<inside::Shop>(dir.path(), arguments);
    assert!(run(&["call", "ledger.post", "5"]).out.contains('5'));
    assert!(run(&["call", "ledger.post", "amount=2"]).out.contains('7'));
    assert!(run(&["query", "ledger.total"]).out.contains('7'));
    assert!(run(&["as-of", "1", "ledger.total"]).out.contains('5'));
    let log = run(&["log"]).out;
    assert!(log.contains("ledger.post") && log.contains("amount"), "{log}");
    assert!(run(&["diff", "1", "2"]).out.contains("ledger.total"));
    let refused = run(&["call", "ledger.clear"]);
    assert!(refused.err.contains("ledger.clear"), "{}", refused.err);
    let unknown = run(&["call", "post", "5"]);
    assert!(unknown.err.contains("ledger.post"), "{}", unknown.err);
}

pub mod then {
    #[memstate::model]
    #[derive(Default)]
    pub struct Tally {
        total: u64,
    }

    #[memstate::model]
    impl Tally {
        pub fn add(&mut self, number: u64) {
            self.total += number;
        }
    }
}

pub mod now {
    #[memstate::model]
    #[derive(Default)]
    pub struct Tally {
        total: u64,
        /// New, and filled for the records of then too.
        largest: Option<u64>,
    }

    #[memstate::model]
    impl Tally {
        pub fn add(&mut self, number: u64) {
            self.total += number;
            self.largest = self.largest.max(Some(number));
        }
    }
}

#[test]
fn a_replay_tells_of_a_state_that_is_not_that_of_the_snapshot() {
    let (_temporary, dir) = place();
    wait(async {
        let tally = open::<then::Tally>(&dir, LARGE).await.unwrap();
        tally.add(3).await.unwrap();
        tally.add(5).await.unwrap();
        tally.close().await.unwrap();
    });
    let verified = run_of::<now::Tally>(&dir, &["replay", "--verify"]);
    assert_eq!(verified.code, 1, "{verified:?}");
    assert!(
        verified.out.contains("the state after position 2 is not that of the snapshot of then"),
        "{verified:?}"
    );
    assert!(verified.out.contains("largest"), "{verified:?}");
    assert!(!verified.out.contains("of 2 records"), "no record did something else: {verified:?}");
    assert_eq!(run_of::<now::Tally>(&dir, &["replay", "--accept"]).code, 0);
    let verified = run_of::<now::Tally>(&dir, &["replay", "--verify"]);
    assert_eq!(verified.code, 0, "{verified:?}");
}
