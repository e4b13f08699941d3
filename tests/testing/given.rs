//! `given`, `when`, `then`, and what they say when it is otherwise.

use std::{sync::Arc, time::Duration};

use memstate::{
    Ctx, Timestamp,
    testing::{given, given_nothing, given_state},
};
use memstate_tests::bank::{
    Bank, BankCommand as Command, BankError, BankEvent, BankQuery, BankReply as Reply, Learned,
};

use crate::support::{failure, message};

fn open(owner: &str) -> Command {
    Command::Open { owner: owner.to_owned() }
}

#[test]
fn replies_events_and_the_state_are_compared() {
    given([open("ann"), Command::Deposit { account: 1, amount: 50 }, open("bob")])
        .when(Command::Transfer { from: 1, to: 2, amount: 20 })
        .then(Reply::Transfer(Ok(())))
        .then_events([BankEvent::Transferred { from: 1, to: 2, amount: 20 }])
        .then_query(BankQuery::Balance { account: 2 }, Reply::Balance(Some(20)))
        .then_state(|bank| assert_eq!(bank.accounts[&1].entries.len(), 2))
        .when(Command::Deposit { account: 2, amount: 1 })
        .then(Reply::Deposit(Ok(21)))
        .then_events([])
        .given([Command::Deposit { account: 2, amount: 1 }])
        .when(Command::CloseAccount { account: 2 })
        .then_reply(|reply| assert!(matches!(reply, Reply::CloseAccount(Ok(22)))));
}

#[test]
fn what_is_refused_is_a_reply_and_leaves_everything_as_it_was() {
    given([open("ann"), Command::Deposit { account: 1, amount: 50 }])
        .when(Command::Transfer { from: 1, to: 3, amount: 20 })
        .then(Reply::Transfer(Err(BankError::NoAccount(3))))
        .then_events([])
        .then_nothing_changed()
        .then_query(BankQuery::Balance { account: 1 }, Reply::Balance(Some(50)));
}

#[test]
fn a_panic_is_undone_and_known_by_a_part_of_its_message() {
    given([open("ann")])
        .when(Command::Explode)
        .then_panics("boom after 0")
        .then_nothing_changed()
        .then_query(BankQuery::Numbers, Reply::Numbers(vec![1]));
}

#[test]
fn a_model_without_commands_so_far_is_named() {
    given_nothing::<Bank>().when(open("ann")).then(Reply::Open(1));
    given_nothing::<Bank>().then_query(BankQuery::Total, Reply::Total(0));
}

#[test]
fn a_model_may_begin_in_any_state() {
    let mut bank = Bank::default();
    bank.deposit(1, 1).unwrap_err();
    bank.by_owner.insert("ann".to_owned(), [7].into_iter().collect());
    given_state(bank)
        .then_state(|bank| assert_eq!(bank.by_owner.len(), 1))
        .when(open("ann"))
        .then_state(|bank| assert_eq!(bank.by_owner["ann"].len(), 2));
}

#[test]
fn time_goes_on_by_a_second_from_a_moment_that_never_changes() {
    let times = |bank: &Bank| bank.learned.iter().map(|learned| learned.now).collect::<Vec<_>>();
    let at = |text: &str| text.parse::<Timestamp>().unwrap();
    given([Command::Learn, Command::Learn])
        .after(Duration::from_secs(60))
        .when(Command::Learn)
        .at("2013-02-08 17:05")
        .when(Command::Learn)
        .given([Command::Learn])
        .at(at("2013-02-09"))
        .when(Command::Learn)
        .then(Reply::Learn(6))
        .then_state(|bank| {
            let expected = [
                "2000-01-01 00:00",
                "2000-01-01 00:00:01",
                "2000-01-01 00:01:02",
                "2013-02-08 17:05",
                "2013-02-08 17:05:01",
                "2013-02-09",
            ];
            assert_eq!(times(bank), expected.map(at));
        });
}

#[test]
fn randomness_and_positions_are_the_same_in_every_run() {
    let learned = || {
        let mut learned = Vec::<Learned>::new();
        given([Command::Learn, Command::Learn])
            .then_state(|bank| learned.extend(bank.learned.iter().cloned()));
        learned
    };
    let [first, second] = <[Learned; 2]>::try_from(learned()).unwrap();
    assert_eq!([first.position, second.position], [1, 2]);
    assert_ne!(first.random, second.random);
    assert_eq!(learned(), [first, second]);
}

#[test]
fn a_caller_stays_until_another_one_comes() {
    let callers = |bank: &Bank| bank.learned.iter().map(|learned| learned.caller.clone()).collect::<Vec<_>>();
    given([Command::Learn])
        .as_caller("ann")
        .given([Command::Learn, Command::Learn])
        .as_caller(None)
        .when(Command::Learn)
        .then_state(|bank| {
            let ann = Some("ann".to_owned());
            assert_eq!(callers(bank), [None, ann.clone(), ann, None]);
        });
}

#[test]
fn another_reply_is_shown_with_what_led_to_it_at_the_line_of_the_test() {
    let first = line!();
    let (text, file, line) = failure(|| {
        given([open("ann")])
            .when(Command::Deposit { account: 1, amount: 5 })
            .then(Reply::Deposit(Err(BankError::NoAccount(1))));
    });
    let expected = "\
`deposit(account: 1, amount: 5)` gave another reply

  expected  Deposit(Err(NoAccount(1)))
  was       Deposit(Ok(5))

after
     1  open(owner: \"ann\"): accepted with 1
     2  deposit(account: 1, amount: 5): accepted with 5";
    assert_eq!(text, expected);
    assert_eq!((file.as_str(), line), (file!(), first + 4));
}

#[test]
fn a_given_command_that_is_rejected_says_where_it_belongs() {
    let text = message(|| {
        let _ = given([open("ann"), Command::Deposit { account: 9, amount: 5 }]);
    });
    let expected = "\
`deposit(account: 9, amount: 5)` is given, and was rejected with NoAccount(9)

What is given has to be accepted; what is to be refused is for `.when(…)`.

after
     1  open(owner: \"ann\"): accepted with 1
     2  deposit(account: 9, amount: 5): rejected with NoAccount(9)";
    assert_eq!(text, expected);
    let text = message(|| drop(given([Command::Explode])));
    assert!(text.starts_with("`explode()` is given, and panicked: boom after 0\n"), "{text}");
}

type Test = Box<dyn FnOnce()>;

#[test]
fn each_expectation_fails_with_its_own_words() {
    let given = || given([open("ann")]);
    let deposit = || Command::Deposit { account: 1, amount: 5 };
    let cases: [(&str, Test); 8] = [
        (
            "`explode()` panicked: boom after 0\n\n  expected  Open(1)",
            Box::new(move || drop(given().when(Command::Explode).then(Reply::Open(1)))),
        ),
        (
            "`deposit(account: 1, amount: 5)` was to panic, with \"boom\" in the message, and was accepted with 5",
            Box::new(move || drop(given().when(deposit()).then_panics("boom"))),
        ),
        (
            "`explode()` was to panic, with \"bang\" in the message, and panicked: boom after 0",
            Box::new(move || drop(given().when(Command::Explode).then_panics("bang"))),
        ),
        (
            "`open(owner: \"bob\")` announced something else\n\n  expected  []\n  was       [Opened { account: 2 }]",
            Box::new(move || drop(given().when(open("bob")).then_events([]))),
        ),
        (
            "`deposit(account: 1, amount: 5)` changed the state:\n\n  accounts[1].balance: 0 → 5\n  accounts[1].entries[0]: added 5\n\nafter",
            Box::new(move || drop(given().when(deposit()).then_nothing_changed())),
        ),
        (
            "the query `total` gave another answer\n\n  expected  Total(1)\n  was       Total(0)",
            Box::new(move || drop(given().then_query(BankQuery::Total, Reply::Total(1)))),
        ),
        (
            "time does not go back in a journal, and 1999-01-01T00:00:00.000000Z is before 2000-01-01T00:00:00.000000Z",
            Box::new(move || drop(given().at("1999-01-01"))),
        ),
        ("`tomorrow` is not a time: ", Box::new(move || drop(given().at("tomorrow")))),
    ];
    for (expected, test) in cases {
        let text = message(test);
        assert!(text.starts_with(expected), "{text}\n\nand it was to begin with\n\n{expected}");
    }
}

#[test]
fn a_long_story_is_cut_at_its_beginning_and_a_long_value_is_spread() {
    let text = message(|| {
        given((0..14).map(|_| open("ann")))
            .when(Command::Learn)
            .then_query(BankQuery::Numbers, Reply::Numbers((0..40).collect()));
    });
    assert!(text.contains("\n       … 5 more\n     6  open"), "{text}");
    assert!(text.contains("  expected  Numbers(\n                [\n                    0,\n"), "{text}");
}

/// A cell that its clones share.
#[derive(Clone, Default)]
pub struct SharedCell(Arc<std::sync::atomic::AtomicU64>);

impl serde::Serialize for SharedCell {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(self.0.load(std::sync::atomic::Ordering::Relaxed))
    }
}

impl<'de> serde::Deserialize<'de> for SharedCell {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        u64::deserialize(deserializer).map(|value| SharedCell(Arc::new(value.into())))
    }
}

#[memstate::model]
#[derive(Default)]
pub struct Leak {
    #[memstate(clone)]
    cell: SharedCell,
}

#[memstate::model]
impl Leak {
    pub fn set(&mut self, value: u64) -> Result<(), String> {
        self.cell.0.store(value, std::sync::atomic::Ordering::Relaxed);
        if value > 5 { Err("too much".to_owned()) } else { Ok(()) }
    }

    #[memstate(retired)]
    pub fn set_twice(&mut self, value: u64) -> Result<(), String> {
        self.set(value * 2)
    }

    pub fn look(&mut self, ctx: &Ctx) -> u64 {
        ctx.position().get()
    }
}

#[test]
fn what_a_refused_command_leaves_behind_is_found_without_being_asked_for() {
    let first = line!();
    let (text, file, line) = failure(|| {
        let _ = given([LeakCommand::Set { value: 3 }]).when(LeakCommand::Set { value: 6 });
    });
    assert!(
        text.starts_with(
            "`set(value: 6)` was rejected with \"too much\", and what it had changed was not taken back:\n\n  cell: 3 → 6\n"
        ),
        "{text}"
    );
    assert_eq!((file.as_str(), line), (file!(), first + 2));
}

#[test]
fn a_retired_command_is_a_record_of_the_past_and_cannot_be_sent() {
    let past = given([LeakCommand::SetTwice { value: 2 }]).when(LeakCommand::Look).then(LeakReply::Look(2));
    let text = message(|| drop(past.when(LeakCommand::SetTwice { value: 1 })));
    assert!(text.starts_with("`set_twice` is retired, and no client can send it."), "{text}");
}
