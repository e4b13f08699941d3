//! Arguments and states that earlier versions wrote, read by what the macro writes.

use memstate::{
    Model,
    codec::Unreadable,
    model::Operation,
    schema::{Field, Schema, Shape, Written},
};
use serde::Serialize;

use crate::evolution::{Library, LibraryCommand};

fn method(name: &str) -> u16 {
    let number = LibraryCommand::METHODS.iter().position(|method| method.name == name);
    u16::try_from(number.expect("it is there")).unwrap()
}

/// Reads `values` as the arguments of a command in a version that had `fields`.
fn carried(
    name: &str,
    version: u32,
    fields: &[(&str, Shape)],
    values: &impl Serialize,
) -> Result<LibraryCommand, Unreadable> {
    let fields: Vec<Field> = fields.iter().map(|(name, shape)| Field::new(*name, shape.clone())).collect();
    let (schema, bytes) = (Schema::default(), postcard::to_stdvec(values).unwrap());
    LibraryCommand::carry(method(name), version, Written::new(&schema, &fields, &bytes))
}

const NUMBER: Shape = Shape::Unsigned(64);
const SMALL: Shape = Shape::Unsigned(8);

#[test]
fn arguments_are_found_by_their_names_and_have_defaults() {
    let written = [("who", Shape::Text), ("amount", SMALL)];
    assert_eq!(
        carried("add", 3, &written, &("Ann", 7u8)).unwrap(),
        LibraryCommand::Add { amount: 7, who: "Ann".into(), tags: vec![], limit: 9, note: None }
    );
    assert_eq!(
        carried("add", 3, &[("amount", NUMBER)], &300u64).unwrap(),
        LibraryCommand::Add { amount: 300, who: "all".into(), tags: vec![], limit: 9, note: None }
    );
    let all = [
        ("tags", Shape::List(Box::new(SMALL))),
        ("limit", NUMBER),
        ("amount", NUMBER),
        ("gone", Shape::Text),
        ("who", Shape::Text),
    ];
    assert_eq!(
        carried("add", 3, &all, &(vec![1u8, 2], 5u64, 6u64, "x", "Bob")).unwrap(),
        LibraryCommand::Add { amount: 6, who: "Bob".into(), tags: vec![1, 2], limit: 5, note: None }
    );
}

#[test]
fn arguments_are_found_by_names_that_they_had() {
    for name in ["number", "count"] {
        let LibraryCommand::Add { amount, .. } = carried("add", 3, &[(name, NUMBER)], &4u64).unwrap() else {
            panic!("it is an `add`")
        };
        assert_eq!(amount, 4);
    }
}

#[test]
fn what_has_no_default_is_named() {
    let error = carried("add", 3, &[("who", Shape::Text)], &"Ann").unwrap_err();
    assert!(error.to_string().contains("amount"), "{error}");
    let error = carried("add", 3, &[("amount", Shape::Text)], &"many").unwrap_err();
    assert!(error.to_string().contains("amount"), "{error}");
}

#[test]
fn old_versions_are_converted_one_by_one() {
    let old = [("amount", Shape::Unsigned(32))];
    assert_eq!(
        carried("lend", 1, &old, &5u32).unwrap(),
        LibraryCommand::Lend { amount: 5, to: String::new() }
    );
    assert_eq!(
        carried("lend", 2, &old, &5u32).unwrap(),
        LibraryCommand::Lend { amount: 5, to: "Ann".into() }
    );
    assert!(carried("lend", 3, &old, &5u32).is_err());
    let today = [("to", Shape::Text), ("amount", NUMBER)];
    assert_eq!(
        carried("lend", 3, &today, &("Bob", 5u64)).unwrap(),
        LibraryCommand::Lend { amount: 5, to: "Bob".into() }
    );
    assert_eq!(carried("one", 1, &[], &()).unwrap(), LibraryCommand::One { text: "one".into() });
    assert_eq!(carried("clear", 1, &[("gone", SMALL)], &3u8).unwrap(), LibraryCommand::Clear);
}

#[test]
fn a_method_that_replays_another_is_read_as_it_is_written() {
    assert_eq!(
        carried("add_v2", 2, &[("amount", SMALL)], &5u8).unwrap(),
        LibraryCommand::AddV2 { amount: 5 }
    );
    assert_eq!(carried("secret", 1, &[("gone", SMALL)], &5u8).unwrap(), LibraryCommand::Secret);
}

/// A state with one field.
fn state(field: &str, shape: serde_json::Value) -> Schema {
    let field = serde_json::json!({ "name": field, "aliases": [], "shape": shape });
    let library = serde_json::json!({ "name": "Library", "kind": { "Struct": { "Fields": [field] } } });
    serde_json::from_value(serde_json::json!({ "types": [library] })).expect("it is a schema")
}

#[test]
fn a_state_is_converted_from_its_version() {
    let named: Shape = serde_json::from_value(serde_json::json!({ "Named": 0 })).unwrap();
    let migrate = |version: u32, field: &str, bits: u8| {
        let (schema, mut bytes) = (state(field, serde_json::json!({ "Unsigned": bits })), &[200, 1][..]);
        Library::migrate(version, schema.of(&named), &mut bytes).map(|library| (library.count(), bytes.len()))
    };
    assert_eq!(migrate(1, "count", 8), Ok((200, 1)));
    assert_eq!(migrate(2, "count", 32), Ok((1_000_200, 0)));
    assert_eq!(migrate(3, "count", 64), Ok((200, 0)));
    assert!(migrate(1, "count", 64).is_ok());
    let error = migrate(2, "number", 32).unwrap_err().to_string();
    assert!(error.contains("count"), "{error}");
}
