use std::collections::{BTreeMap, HashSet};

use indexmap::IndexMap;
use proptest::prelude::*;
use serde::Serialize;

use super::*;
use crate::schema::{Field, Named, Schema, Variant};

#[derive(Debug, Clone, PartialEq, Default, Serialize)]
struct Bank {
    accounts: IndexMap<u64, Account>,
    names: BTreeMap<String, Vec<u64>>,
    size: (u8, i32),
    motto: Option<String>,
    bytes: Vec<u8>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct Account {
    balance: u64,
    status: Status,
    notes: Vec<Note>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct Note(String);

#[derive(Debug, Clone, PartialEq, Serialize)]
enum Status {
    Open,
    Lent { by: String, days: u8 },
    Moved(u64),
}

fn schema() -> Schema {
    let variant = |name: &str, content| Variant { name: name.to_owned(), aliases: Vec::new(), content };
    let of = |name: &str, kind| Named { name: name.to_owned(), kind };
    let map = |key, value| Shape::Map(Box::new(key), Box::new(value));
    let list = |element| Shape::List(Box::new(element));
    let number = || Shape::Unsigned(64);
    Schema {
        types: vec![
            of(
                "Bank",
                Kind::Struct(Content::Fields(vec![
                    Field::new("accounts", map(number(), Shape::Named(1))),
                    Field::new("names", map(Shape::Text, list(number()))),
                    Field::new("size", Shape::Tuple(vec![Shape::Unsigned(8), Shape::Signed(32)])),
                    Field::new("motto", Shape::Option(Box::new(Shape::Text))),
                    Field::new("bytes", list(Shape::Unsigned(8))),
                ])),
            ),
            of(
                "Account",
                Kind::Struct(Content::Fields(vec![
                    Field::new("balance", number()),
                    Field::new("status", Shape::Named(2)),
                    Field::new("notes", list(Shape::Named(3))),
                ])),
            ),
            of(
                "Status",
                Kind::Enum(vec![
                    variant("Open", Content::Unit),
                    variant(
                        "Lent",
                        Content::Fields(vec![
                            Field::new("by", Shape::Text),
                            Field::new("days", Shape::Unsigned(8)),
                        ]),
                    ),
                    variant("Moved", Content::Newtype(number())),
                ]),
            ),
            of("Note", Kind::Struct(Content::Newtype(Shape::Text))),
        ],
    }
}

fn bank_changes(before: &Bank, after: &Bank) -> Vec<Change> {
    let (schema, root) = (schema(), Shape::Named(0));
    let bytes = |bank| postcard::to_stdvec(bank).unwrap();
    changes(schema.of(&root), &bytes(before), &bytes(after)).unwrap()
}

fn lines(before: &Bank, after: &Bank) -> Vec<String> {
    bank_changes(before, after).iter().map(Change::to_string).collect()
}

fn account(balance: u64) -> Account {
    Account { balance, status: Status::Open, notes: Vec::new() }
}

fn sample() -> Bank {
    Bank {
        accounts: (1..=4).map(|number| (number, account(number * 10))).collect(),
        names: [("Ann".to_owned(), vec![1, 2, 3])].into(),
        size: (1, -1),
        motto: None,
        bytes: vec![1, 2, 3],
    }
}

#[test]
fn what_is_the_same_is_not_mentioned() {
    assert_eq!(lines(&sample(), &sample()), [""; 0]);
}

#[test]
fn a_field_in_a_value_of_a_map_is_found_by_its_key() {
    let mut after = sample();
    after.accounts[&3].balance = 77;
    after.size.1 = 5;
    assert_eq!(lines(&sample(), &after), ["accounts[3].balance: 30 → 77", "size.1: -1 → 5"]);
}

#[test]
fn keys_that_come_and_go_are_added_and_removed_whatever_their_order() {
    let mut after = sample();
    after.accounts.swap_remove(&1);
    after.accounts.insert(9, account(90));
    after.names.insert("Bob".to_owned(), vec![4]);
    assert_eq!(
        lines(&sample(), &after),
        [
            "accounts[1]: removed {balance: 10, status: Open, notes: []}",
            "accounts[9]: added {balance: 90, status: Open, notes: []}",
            "names[\"Bob\"]: added [4]",
        ]
    );
}

#[test]
fn what_stayed_at_the_ends_of_a_list_is_left_out() {
    let with = |numbers: &[u64]| Bank { names: [("Ann".to_owned(), numbers.to_vec())].into(), ..sample() };
    for (before, after, expected) in [
        (&[1, 2, 3][..], &[1, 2, 3, 4][..], &["names[\"Ann\"][3]: added 4"][..]),
        (&[1, 2, 3], &[2, 3], &["names[\"Ann\"][0]: removed 1"]),
        (&[1, 2, 3], &[1, 9, 3], &["names[\"Ann\"][1]: 2 → 9"]),
        (&[1, 2, 3], &[1, 8, 9, 3], &["names[\"Ann\"][1]: 2 → 8", "names[\"Ann\"][2]: added 9"]),
        (&[1, 1, 1], &[1, 1], &["names[\"Ann\"][2]: removed 1"]),
        (&[], &[5], &["names[\"Ann\"][0]: added 5"]),
    ] {
        assert_eq!(lines(&with(before), &with(after)), expected);
    }
}

#[test]
fn another_variant_is_another_value_and_the_same_one_is_looked_into() {
    let with = |status| {
        let mut bank = sample();
        bank.accounts[&2].status = status;
        bank
    };
    let lent = |days| Status::Lent { by: "Ann".to_owned(), days };
    for (before, after, expected) in [
        (Status::Open, lent(3), "accounts[2].status: Open → Lent {by: \"Ann\", days: 3}"),
        (lent(3), lent(4), "accounts[2].status.days: 3 → 4"),
        (Status::Moved(1), Status::Moved(2), "accounts[2].status: 1 → 2"),
        (Status::Moved(1), Status::Open, "accounts[2].status: Moved(1) → Open"),
    ] {
        assert_eq!(lines(&with(before), &with(after)), [expected]);
    }
}

#[test]
fn an_option_is_there_before_and_after() {
    let with = |motto: Option<&str>| Bank { motto: motto.map(str::to_owned), ..sample() };
    assert_eq!(lines(&with(None), &with(Some("up"))), ["motto: none → \"up\""]);
    assert_eq!(lines(&with(Some("up")), &with(None)), ["motto: \"up\" → none"]);
    assert_eq!(lines(&with(Some("up")), &with(Some("down"))), ["motto: \"up\" → \"down\""]);
}

#[test]
fn bytes_are_one_value_and_a_newtype_is_what_it_holds() {
    let mut after = Bank { bytes: vec![1, 2], ..sample() };
    after.accounts[&1].notes.push(Note("hi".to_owned()));
    assert_eq!(lines(&sample(), &after), ["accounts[1].notes[0]: added \"hi\"", "bytes: [1, 2, 3] → [1, 2]"]);
}

#[test]
fn what_is_opaque_cannot_be_compared_unless_it_is_the_same() {
    let schema = Schema::default();
    assert_eq!(changes(schema.of(&Shape::Opaque), &[1, 2], &[1, 2]), Ok(Vec::new()));
    assert!(changes(schema.of(&Shape::Opaque), &[1, 2], &[1, 3]).is_err());
}

fn any_account() -> impl Strategy<Value = Account> {
    let status = prop_oneof![
        Just(Status::Open),
        ("[ab]{0,2}", 0..3u8).prop_map(|(by, days)| Status::Lent { by, days }),
        (0..3u64).prop_map(Status::Moved),
    ];
    let notes = prop::collection::vec("[ab]{0,1}".prop_map(Note), 0..4);
    (0..3u64, status, notes).prop_map(|(balance, status, notes)| Account { balance, status, notes })
}

fn any_bank() -> impl Strategy<Value = Bank> {
    (
        prop::collection::vec((0..6u64, any_account()), 0..6),
        prop::collection::btree_map("[ab]{0,1}", prop::collection::vec(0..3u64, 0..5), 0..3),
        (0..2u8, -1..2i32),
        prop::option::of("[ab]{0,1}"),
        prop::collection::vec(0..2u8, 0..3),
    )
        .prop_map(|(accounts, names, size, motto, bytes)| Bank {
            accounts: accounts.into_iter().collect(),
            names,
            size,
            motto,
            bytes,
        })
}

proptest! {
    /// Equality of `IndexMap` leaves the order out too.
    #[test]
    fn there_are_changes_if_and_only_if_something_is_different(before in any_bank(), after in any_bank()) {
        let changes = bank_changes(&before, &after);
        prop_assert_eq!(changes.is_empty(), before == after);
        for change in &changes {
            prop_assert!(change.before != change.after, "{}", change);
        }
        let paths: HashSet<_> = changes.iter().map(|change| (&change.path, change.before.is_none())).collect();
        prop_assert_eq!(paths.len(), changes.len(), "no place is mentioned twice");
    }

    #[test]
    fn the_way_back_has_the_same_changes_the_other_way_round(before in any_bank(), after in any_bank()) {
        let sorted = |mut changes: Vec<Change>| {
            changes.sort_by_key(|change| format!("{change:?}"));
            changes
        };
        let there = bank_changes(&before, &after);
        let back = bank_changes(&after, &before);
        let turned = there
            .into_iter()
            .map(|Change { path, before, after }| Change { path, before: after, after: before })
            .collect();
        prop_assert_eq!(sorted(turned), sorted(back));
    }
}
