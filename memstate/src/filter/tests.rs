use std::collections::BTreeMap;

use proptest::prelude::*;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::*;
use crate::{
    Timestamp, codec,
    schema::{Tracer, value::read},
};

#[derive(Clone, Serialize, Deserialize)]
struct Account {
    owner: String,
    note: Option<String>,
}

#[derive(Clone, Serialize, Deserialize)]
enum Status {
    Free,
    Lent { by: String },
    Sold(u64),
}

#[derive(Clone, Serialize, Deserialize)]
enum Tree {
    Leaf(Box<Tree>),
    Left { tree: Box<Tree>, mark: u8 },
    Right { tree: Box<Tree> },
    End,
}

#[derive(Clone, Serialize, Deserialize)]
enum Event {
    Opened {
        account: Option<Account>,
        at: Timestamp,
        status: Status,
    },
    Deposited {
        amount: u64,
        account: u64,
    },
    #[serde(alias = "Moved")]
    Transferred {
        amount: i64,
        #[serde(alias = "source")]
        from: u64,
        to: u64,
    },
    Walked {
        path: Vec<(u8, char)>,
        balances: BTreeMap<String, f64>,
        counts: BTreeMap<i32, f32>,
        done: bool,
    },
    Named(String),
    Pair(u128, i128),
    Grown(Tree),
    Closed,
}

fn events() -> Vec<Event> {
    vec![
        opened(),
        deposited(100),
        transferred(-5),
        walked(),
        Event::Named("Ann".to_owned()),
        pair(),
        Event::Closed,
    ]
}

fn opened() -> Event {
    let account = Account { owner: "Ann Lee".to_owned(), note: None };
    let at = "2013-02-08T17:05Z".parse().unwrap();
    Event::Opened { account: Some(account), at, status: Status::Lent { by: "Bob".to_owned() } }
}

fn deposited(amount: u64) -> Event {
    Event::Deposited { amount, account: 7 }
}

fn transferred(amount: i64) -> Event {
    Event::Transferred { amount, from: 7, to: 8 }
}

fn walked() -> Event {
    Event::Walked {
        path: vec![(1, 'x'), (2, 'y')],
        balances: BTreeMap::from([("Ann".to_owned(), 0.5), ("Bob".to_owned(), f64::NAN)]),
        counts: BTreeMap::from([(-7, 0.1)]),
        done: true,
    }
}

fn pair() -> Event {
    Event::Pair(u128::MAX, i128::MIN)
}

fn value_of<T: Serialize + DeserializeOwned + 'static>(event: &T) -> Value {
    let mut tracer = Tracer::default();
    let shape = tracer.shape_of::<T>();
    let schema = tracer.into_schema();
    let mut bytes = Vec::new();
    codec::put(event, &mut bytes).expect("it is written");
    read(schema.of(&shape), &mut &bytes[..]).expect("it is read")
}

fn filter(text: &str) -> Filter {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn checked_as<T: DeserializeOwned + 'static>(filter: &Filter) -> Result<(), String> {
    let mut tracer = Tracer::default();
    let shape = tracer.shape_of::<T>();
    filter.check(tracer.into_schema().of(&shape)).map_err(|error| error.to_string())
}

#[track_caller]
fn holds(event: &Event, condition: &str) {
    let filter =
        Filter::from(condition.parse::<Condition>().unwrap_or_else(|error| panic!("{condition}: {error}")));
    assert!(filter.accepts(&value_of(event)), "{condition}");
    assert_eq!(checked_as::<Event>(&filter), Ok(()), "{condition}");
}

#[track_caller]
fn fails(event: &Event, condition: &str) {
    let filter =
        Filter::from(condition.parse::<Condition>().unwrap_or_else(|error| panic!("{condition}: {error}")));
    assert!(!filter.accepts(&value_of(event)), "{condition}");
    assert_eq!(checked_as::<Event>(&filter), Ok(()), "{condition}");
}

#[track_caller]
fn refused(text: &str, why: &str) {
    let error = checked_as::<Event>(&filter(text)).expect_err(text);
    assert_eq!(error, format!("the filter does not fit: {why}"), "{text}");
}

#[track_caller]
fn unread(text: &str, column: usize, why: &str) {
    let error = text.parse::<Filter>().expect_err(text);
    assert_eq!(error.column(), Some(column), "{text}: {error}");
    assert!(error.to_string().contains(why), "{text}: {error}");
}

#[test]
fn an_empty_filter_takes_everything_and_a_name_its_events_alone() {
    for event in events() {
        assert!(Filter::default().accepts(&value_of(&event)));
        assert!(filter(" \n").accepts(&value_of(&event)));
    }
    let taken = |text: &str| events().iter().filter(|event| filter(text).accepts(&value_of(*event))).count();
    assert_eq!([taken("Deposited"), taken("Deposited|Closed"), taken("Deposit")], [1, 2, 0]);
    assert_eq!(taken("Deposited | Transferred where amount > 0"), 1);
    assert_eq!(taken("where amount > -6"), 2);
    assert!(Filter::default().is_empty() && filter("").is_empty() && !filter("Closed").is_empty());
}

#[test]
fn numbers_are_compared_by_what_they_are() {
    holds(
        &deposited(100),
        "amount == 100 and amount >= 100 and amount <= 100 and amount != 101 and not amount != 100",
    );
    holds(&deposited(100), "amount > -1 and amount > 99.5 and amount < 100.5 and amount == 1e2");
    holds(&deposited(u64::MAX), "amount == 18446744073709551615 and amount < 18446744073709551616");
    // As a float this is 2^53, which is one less.
    holds(&deposited((1 << 53) + 1), "amount > 9007199254740992.0");
    fails(&deposited((1 << 53) + 1), "amount == 9007199254740992.0");
    fails(&deposited(u64::MAX), "amount == -1 or amount == 1.8446744073709552e19");
    holds(
        &transferred(-5),
        "amount < 0 and amount < -4.5 and amount > -5.5 and amount == -5.0 and amount < NaN or amount != NaN",
    );
    holds(
        &transferred(i64::MIN),
        "amount == -9.223372036854775808e18 and amount > -1e300 and amount > -Infinity",
    );
    holds(
        &pair(),
        "0 == 340282366920938463463374607431768211455 and 0 < 340282366920938463463374607431768211456.0",
    );
    holds(
        &pair(),
        "1 == -170141183460469231731687303715884105728 and 1 == -170141183460469231731687303715884105728.0 and 1 < 0",
    );
    holds(&walked(), "balances['Ann'] == 0.5 and balances[\"Ann\"] < 1 and balances[Ann] > 0");
    holds(
        &walked(),
        "counts[-7] == 0.1 and counts[-7] < 0.10000001 and counts[-7] > 0.09999999 and counts[-7] <= 1",
    );
    holds(
        &walked(),
        "balances[Bob] != 1 and not balances[Bob] == NaN and not balances[Bob] <= 1 and not balances[Bob] > 1",
    );
}

#[test]
fn every_pair_of_integer_and_float_is_ordered_as_by_exact_arithmetic() {
    let floats = [
        0.0,
        -0.0,
        0.5,
        -0.5,
        1.0,
        -1.0,
        1e18,
        -1e18,
        9.007199254740993e15,
        f64::MAX,
        f64::MIN,
        f64::MIN_POSITIVE,
    ];
    for float in floats {
        for near in [-1_i128, 0, 1] {
            // Exact for all that are whole and fit, and cut off for the others.
            let whole = float as i128;
            let Some(integer) = whole.checked_add(near) else { continue };
            let exact = match (whole as f64 == float, near) {
                (true, near) => near.cmp(&0),
                (false, 0 | -1) if float > whole as f64 => std::cmp::Ordering::Less,
                (false, 0 | 1) if float < whole as f64 => std::cmp::Ordering::Greater,
                (false, near) => near.cmp(&0),
            };
            let literal = Literal::from(float);
            let compared = literal.compare(&Value::Signed(integer));
            assert_eq!(compared, literal::Compared::Is(exact), "{integer} to {float:?}");
            let compared = Literal::from(integer).compare(&Value::F64(float));
            assert_eq!(compared, literal::Compared::Is(exact.reverse()), "{float:?} to {integer}");
        }
    }
}

#[test]
fn texts_truth_values_characters_times_and_variants_are_compared() {
    holds(
        &opened(),
        "account.owner == 'Ann Lee' and account.owner contains 'n L' and account.owner starts with \"Ann\"",
    );
    fails(
        &opened(),
        "account.owner contains 'ann' or account.owner starts with Lee or account.owner < 'Ann'",
    );
    holds(
        &opened(),
        "at == '2013-02-08 18:05+01:00' and at > '2013-02-08' and at < '2013-02-09' and at == 1360343100000000",
    );
    holds(&opened(), "status == Lent and status != Free and status in [Free, Lent] and status.by == Bob");
    fails(&opened(), "status == Sold or status in [Free, Sold] or status.by in [] or status.0 == 3");
    holds(
        &walked(),
        "path.0.1 == x and path[1].0 == 2 and path.1.1 > 'x' and done == true and done != false",
    );
    fails(&walked(), "path.2.0 >= 0");
    holds(&Event::Named("Ann".to_owned()), "0 == Ann and 0 starts with A");
}

#[test]
fn what_an_event_does_not_have_makes_a_comparison_false_and_not_of_it_true() {
    fails(
        &deposited(1),
        "from == 7 or from != 7 or from in [7] or account.owner is none or account.owner is some",
    );
    holds(&deposited(1), "not from == 7 and not from != 7 and not account.owner is none and account == 7");
    holds(
        &opened(),
        "account is some and account.note is none and not account.note == 'x' and not account.note != 'x'",
    );
    let without = Event::Opened { account: None, at: Timestamp::default(), status: Status::Free };
    holds(
        &without,
        "account is none and account.owner is none and not account.owner == 'x' and not account.owner is some",
    );
}

#[test]
fn not_binds_the_closest_and_or_the_least() {
    holds(&deposited(1), "amount == 1 or amount == 2 and amount == 3");
    fails(&deposited(1), "(amount == 1 or amount == 2) and amount == 3");
    holds(&deposited(1), "not amount == 2 and amount == 1");
    fails(&deposited(1), "not (amount == 2 or amount == 1)");
    holds(&deposited(1), "not not amount == 1");
}

#[test]
fn a_struct_is_an_event_by_the_name_of_its_type() {
    #[derive(Serialize, Deserialize)]
    struct Measured(Reading);
    #[derive(Serialize, Deserialize)]
    struct Reading {
        heat: f32,
    }
    let warm = filter("Reading where heat > 20.5");
    assert_eq!(checked_as::<Reading>(&warm), Ok(()));
    assert_eq!(checked_as::<Measured>(&warm), Ok(()));
    assert_eq!(checked_as::<Measured>(&filter("Measured")), Ok(()));
    assert_eq!(
        checked_as::<Reading>(&filter("Raeding")).unwrap_err(),
        "the filter does not fit: there is no event `Raeding`; did you mean `Reading`?"
    );
    assert!(warm.accepts(&value_of(&Reading { heat: 21.0 })));
    assert!(!warm.accepts(&value_of(&Measured(Reading { heat: 20.5 }))));
}

#[test]
fn a_filter_that_cannot_be_meant_is_refused_with_what_there_is() {
    refused("Depositd", "there is no event `Depositd`; did you mean `Deposited`?");
    refused(
        "Deposited where amuont > 1",
        "no event that is asked for has field `amuont`; did you mean `amount`?",
    );
    refused(
        "Deposited where from > 1",
        "no event that is asked for has field `from`; there are `account` and `amount`",
    );
    refused("where account.ownr == x", "`account` has no field `ownr`; did you mean `owner`?");
    refused("Closed where x == 1", "no event that is asked for has field `x`; there are none");
    refused("Pair where 2 == 1", "no event that is asked for has place `2`; there are 2 places, from 0");
    refused(
        "where balances.Ann == 1",
        "`balances` has no field `Ann`; there are keys in brackets, each String",
    );
    refused("where balances[1] == 1", "`balances` has no key `[1]`; there are keys in brackets, each String");
    refused("Deposited where amount == '7'", "`amount == \"7\"`: `amount` is u64, and not a number here");
    refused(
        "where account.owner == 7",
        "`account.owner == 7`: `account.owner` is String, and is compared with a text in quotes",
    );
    refused("where done == 1", "`done == 1`: `done` is bool, and is compared with `true` or `false`");
    refused("where done contains x", "`done contains \"x\"`: `done` is bool, and no text");
    refused(
        "where status == Lnt",
        "`status == \"Lnt\"`: `status` is Status, which has no such variant; did you mean `Lent`?",
    );
    refused("where status < Lent", "`status < \"Lent\"`: `status` is Status, and its variants have no order");
    refused(
        "where path.0.1 in [x, yz]",
        "`path.0.1 == \"yz\"`: `path.0.1` is char, and the text is not one character",
    );
    refused(
        "where not path == 1",
        "`path == 1`: `path` is Vec<(u8, char)>, which is compared with nothing; a field or a place in it may be",
    );
    refused("where amount is none", "`amount` is u64, and never none");
    let error = checked_as::<Event>(&filter("where at > yesterday")).unwrap_err();
    assert!(error.contains("`at` is memstate::Timestamp, and `yesterday` is not a time"), "{error}");
    // One of the two has it as a number.
    assert_eq!(checked_as::<Event>(&filter("Opened | Deposited where account == 7")), Ok(()));
    assert_eq!(checked_as::<Event>(&filter("Opened | Closed where account is none")), Ok(()));
}

#[test]
fn a_name_may_be_any_that_it_is_read_under() {
    // Which of the names the schema takes for the first is its own business.
    #[derive(Serialize, Deserialize)]
    enum Colour {
        #[serde(alias = "Amber")]
        Yellow,
        Red,
    }
    #[derive(Serialize, Deserialize)]
    enum Painted {
        #[serde(alias = "Coloured")]
        Wall {
            #[serde(alias = "dye")]
            colour: Colour,
        },
        Door {
            dye: Colour,
            colour: u8,
        },
    }
    let mut tracer = Tracer::default();
    let shape = tracer.shape_of::<Painted>();
    let schema = tracer.into_schema();
    let accepts = |text: &str, event: &Painted| {
        filter(text).resolved(schema.of(&shape)).expect("it fits").accepts(&value_of(event))
    };
    let wall = Painted::Wall { colour: Colour::Yellow };
    let door = Painted::Door { dye: Colour::Yellow, colour: 3 };
    for text in ["Wall", "Coloured", "Coloured where dye == Amber", "Wall where colour in [Red, Yellow]"] {
        assert!(accepts(text, &wall) && !accepts(text, &door), "{text}");
    }
    for colour in ["Amber", "Yellow"] {
        assert!(accepts(&format!("where dye == {colour} or colour == {colour}"), &wall));
        assert!(accepts(&format!("where dye == {colour}"), &door));
        assert!(!accepts(&format!("where dye != {colour}"), &door));
        assert!(accepts(&format!("Coloured | Door where not dye in [Red] and not dye != {colour}"), &wall));
    }
    assert!(accepts("where colour == 3 and dye != Red", &door));
    let error = filter("Wal").resolved(schema.of(&shape)).unwrap_err().to_string();
    assert!(error.contains("did you mean `Wall`?") || error.contains("`Coloured`"), "{error}");
}

#[test]
fn types_that_hold_themselves_are_checked_in_no_time() {
    let deep = format!("Grown where {}mark == 1", "tree.".repeat(STEPS_MAX - 1));
    assert_eq!(checked_as::<Event>(&filter(&deep)), Ok(()));
    assert!(checked_as::<Event>(&filter("Grown where tree.marc == 1")).unwrap_err().contains("`mark`"));
    let end = || Box::new(Tree::End);
    let tree = Tree::Leaf(Box::new(Tree::Left { tree: Box::new(Tree::Right { tree: end() }), mark: 3 }));
    holds(&Event::Grown(tree), "mark == 3 and tree.tree == End and 0.0 == Left");
}

#[test]
fn a_text_that_is_no_filter_is_refused_with_the_column_and_what_is_wanted() {
    unread(
        "Deposited amount > 3",
        11,
        "`|` and another event, or `where` and a condition is wanted, and there is `amount`",
    );
    unread("Deposited |", 12, "the name of an event is wanted, and there is the end");
    unread("where", 6, "a field is wanted");
    unread("where é = 3", 9, "`==`, `!=`");
    unread("where a ==", 11, "a number, a text in quotes");
    unread("where a == none", 12, "there are `is none` and `is some`");
    unread("where a is null", 12, "`none` or `some` is wanted, and there is `null`");
    unread("where a == 1 && b == 2", 14, "`and`, `or` or the end is wanted, and there is `&`");
    unread("where (a == 1", 14, "`and`, `or` or `)`");
    unread("where a in 1", 12, "`[`");
    unread("where a in [1 2]", 15, "`,` or `]`");
    unread("where in == 1", 7, "write `\"in\"`");
    unread("where a starts 'x'", 16, "`with`");
    unread("where a contains 3", 18, "a text is wanted");
    unread("where a == 'x", 12, "no `'` at its end");
    unread(r"where a == '\x41'", 13, "after `\\` comes");
    unread(r"where a == '\u{d800}'", 13, "after `\\` comes");
    for number in ["1.", "-", "1e", "12a", "1.5.5", ".5"] {
        assert!(format!("where a == {number}").parse::<Filter>().is_err(), "{number}");
    }
    unread("where a == 1e999", 12, "too large");
    unread("where a == 340282366920938463463374607431768211456", 12, "too large");
    unread("where a[1 == 2", 11, "`]`");
    unread("where a.99999999999999999999 == 2", 9, "no such place");
}

#[test]
fn hostile_texts_are_refused_by_length_and_depth() {
    let deepest = |count| format!("where {}a == 1{}", "(".repeat(count), ")".repeat(count));
    assert!(deepest(DEPTH_MAX).parse::<Filter>().is_ok());
    unread(&deepest(DEPTH_MAX + 1), 7 + DEPTH_MAX, "deeper than 64 levels");
    unread(&format!("where {} a == 1", "not ".repeat(1000)), 7 + 4 * DEPTH_MAX, "deeper than 64 levels");
    unread(&format!("where {}a == 1", "a.".repeat(1000)), 6 + 2 * STEPS_MAX, "at most 64 steps");
    unread(&" ".repeat(TEXT_BYTES_MAX + 1), 1, "4097 bytes long, and may be 4096");
    assert!("a".repeat(TEXT_BYTES_MAX).parse::<Filter>().is_ok());
    assert_eq!(format!("where {}a == 1", "(a == 1) and ".repeat(300)).parse::<Filter>().map(|_| ()), Ok(()));
}

#[test]
fn a_filter_travels_as_its_text() {
    let wanted = filter("Deposited where amount >= 100");
    let json = serde_json::to_string(&wanted).unwrap();
    assert_eq!(json, "\"Deposited where amount >= 100\"");
    assert_eq!(serde_json::from_str::<Filter>(&json).unwrap(), wanted);
    let bytes = postcard::to_allocvec(&wanted).unwrap();
    assert_eq!(postcard::from_bytes::<Filter>(&bytes).unwrap(), wanted);
    let error = serde_json::from_str::<Filter>("\"where\"").unwrap_err().to_string();
    assert!(error.starts_with("column 6 of the filter: a field is wanted"), "{error}");
    let long = Filter::of("x".repeat(TEXT_BYTES_MAX + 1));
    assert!(postcard::to_allocvec(&long).is_err());
}

#[test]
fn rust_and_text_make_the_same_filter() {
    for (made, text) in [
        (Filter::default(), ""),
        (Filter::of("where"), "\"where\""),
        (Filter::any_of(["A", "B"]).and(field("x").less_than(-1)), "A | B where x < -1"),
        (field("a.0.b").key("k").equals(true).into(), "where a.0.b[\"k\"] == true"),
        (field("a-b").differs_from(0.1_f32).into(), "where \"a-b\" != 0.1"),
        ((!field("x").contains("é\n\"")).into(), "where not (x contains \"é\\n\\\"\")"),
        (field("x").one_of([1, 2]).or(field("x").is_none()).into(), "where x in [1, 2] or x is none"),
        (
            Filter::from(field("x").is_some().or(field("y").is_some())).and(field("z").starts_with("-")),
            "where (x is some or y is some) and z starts with \"-\"",
        ),
        (
            field("at").at_most(Timestamp::from_micros(0)).into(),
            "where at <= \"1970-01-01T00:00:00.000000Z\"",
        ),
        (field("at").more_than(Timestamp::BEFORE_ALL).into(), "where at > -9223372036854775808"),
    ] {
        assert_eq!(made.to_string(), text);
        assert_eq!(filter(text), made);
    }
}

fn literals() -> impl Strategy<Value = Literal> {
    prop_oneof![
        any::<i128>().prop_map(Literal::from),
        any::<u128>().prop_map(Literal::from),
        any::<f64>().prop_map(Literal::from),
        any::<f32>().prop_map(Literal::from),
        prop::num::f64::ANY.prop_map(Literal::from),
        any::<bool>().prop_map(Literal::from),
        any::<String>().prop_map(Literal::from),
        any::<i64>().prop_map(|micros| Literal::from(Timestamp::from_micros(micros))),
    ]
}

fn names() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z_][a-z0-9_]{0,6}",
        "and|or|not|in|is|none|where|starts|with|NaN|Infinity|true",
        any::<String>()
    ]
}

fn fields() -> impl Strategy<Value = Field> {
    let step = prop_oneof![
        names().prop_map(Step::Field),
        any::<usize>().prop_map(Step::Place),
        literals().prop_map(Step::Key)
    ];
    let first = prop_oneof![names().prop_map(Step::Field), any::<usize>().prop_map(Step::Place)];
    (first, prop::collection::vec(step, 0..3)).prop_map(|(first, mut steps)| {
        steps.insert(0, first);
        Field(steps)
    })
}

fn conditions() -> impl Strategy<Value = Condition> {
    let comparison = prop::sample::select(&Comparison::ALL[..6]);
    let plain = prop_oneof![
        (fields(), comparison, literals())
            .prop_map(|(field, (comparison, _), literal)| field.is(comparison, literal)),
        (fields(), any::<String>(), any::<bool>()).prop_map(|(field, text, is_start)| match is_start {
            true => field.starts_with(text),
            false => field.contains(text),
        }),
        (fields(), prop::collection::vec(literals(), 0..3))
            .prop_map(|(field, literals)| field.one_of(literals)),
        fields().prop_map(Field::is_none),
        fields().prop_map(Field::is_some),
    ];
    plain.prop_recursive(4, 12, 3, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(one, other)| one.and(other)),
            (inner.clone(), inner.clone()).prop_map(|(one, other)| one.or(other)),
            inner.prop_map(|one| !one),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read(names in prop::collection::vec(names(), 0..3), condition in prop::option::of(conditions())) {
        let mut made = Filter::any_of(names);
        if let Some(condition) = condition {
            made = made.and(condition);
        }
        let text = made.to_string();
        match text.len() > TEXT_BYTES_MAX {
            true => prop_assert!(text.parse::<Filter>().is_err()),
            false => prop_assert_eq!(text.parse(), Ok(made), "{}", text),
        }
    }

    #[test]
    fn no_text_panics(text in ".{0,60}|where .{0,60}|(where|[a-z]|\"|\\\\|[0-9.<>=!-]|and|or|not|in|is| |\\[|\\]|\\(|\\)){0,40}") {
        if let Ok(read) = text.parse::<Filter>() {
            prop_assert_eq!(read.to_string().parse(), Ok(read));
        }
    }

    #[test]
    fn a_condition_or_its_contrary_holds(condition in conditions(), of in 0..7_usize) {
        let event = value_of(&events()[of]);
        let contrary = Filter::from(!condition.clone());
        prop_assert_ne!(Filter::from(condition).accepts(&event), contrary.accepts(&event));
    }
}
