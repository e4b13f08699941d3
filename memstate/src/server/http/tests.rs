use std::collections::BTreeSet;

use super::{
    json::{self, Wrong},
    live::EventId,
    problem::Kind,
};
use crate::{
    Position,
    schema::{
        Field, Schema, Shape,
        form::{Form, Place},
        value,
    },
};

fn read(shape: &Shape, text: &str) -> Result<Vec<u8>, Wrong> {
    let mut bytes = Vec::new();
    json::read(&Schema::default(), Place::Shape(shape), text.as_bytes(), &mut bytes).map(|()| bytes)
}

fn at(pointer: &str) -> impl Fn(&Result<Vec<u8>, Wrong>) -> bool {
    move |read| matches!(read, Err(Wrong::At(at, _)) if at == pointer)
}

#[test]
fn what_json_says_is_read_by_its_type_and_written_the_same() {
    let pairs = Shape::Map(Box::new(Shape::Tuple(vec![Shape::Bool])), Box::new(Shape::Text));
    for (shape, text) in [
        (Shape::Unsigned(64), "18446744073709551615"),
        (Shape::Signed(8), "-128"),
        (Shape::Unsigned(128), "\"340282366920938463463374607431768211455\""),
        (Shape::Bytes, "\"0x00ff\""),
        (Shape::F32, "\"NaN\""),
        (Shape::F64, "1.5"),
        (Shape::Char, "\"é\""),
        (Shape::Option(Box::new(Shape::Bool)), "null"),
        (Shape::Option(Box::new(Shape::Bool)), "true"),
        (Shape::List(Box::new(Shape::Text)), "[\"a\",\"\"]"),
        (Shape::Tuple(vec![Shape::Unit, Shape::Bool]), "[null,false]"),
        (Shape::Map(Box::new(Shape::Signed(16)), Box::new(Shape::Unit)), "{\"-7\":null,\"8\":null}"),
        (pairs, "[[[true],\"a\"]]"),
    ] {
        let bytes = read(&shape, text).unwrap_or_else(|error| panic!("{text}: {error:?}"));
        let schema = Schema::default();
        let value = value::read(schema.of(&shape), &mut &bytes[..]).expect("it is such a value");
        assert_eq!(serde_json::to_string(&value).expect("it is written"), text);
    }
}

#[test]
fn what_is_of_another_type_is_refused_at_its_place() {
    let list = Shape::List(Box::new(Shape::Tuple(vec![Shape::Unsigned(8), Shape::Bool])));
    assert!(at("/1/0")(&read(&list, "[[1,true],[256,true]]")));
    assert!(at("/0")(&read(&list, "[[1]]")), "too few");
    assert!(at("/0")(&read(&list, "[[1,true,1]]")), "too many");
    let map = Shape::Map(Box::new(Shape::Text), Box::new(Shape::Bool));
    assert!(at("/a~1b~0c")(&read(&map, r#"{"a/b~c": 1}"#)));
    assert!(at("/a")(&read(&map, r#"{"a": true, "a": true}"#)), "a key twice");
    assert!(at("")(&read(&map, "[]")));
    for (shape, text) in [
        (Shape::Unsigned(32), "\"7\""),
        (Shape::Unsigned(64), "\"07\""),
        (Shape::Signed(64), "\"-0\""),
        (Shape::Unsigned(64), "7.5"),
        (Shape::Unsigned(128), "1e30"),
        (Shape::Bool, "\"true\""),
        (Shape::F64, "\"1.5\""),
        (Shape::F32, "1e39"),
        (Shape::Char, "\"ab\""),
        (Shape::Bytes, "\"00ff\""),
        (Shape::Bytes, "\"0x0\""),
        (Shape::Text, "null"),
        (Shape::Unit, "{}"),
        (Shape::Opaque, "1"),
    ] {
        assert!(at("")(&read(&shape, text)), "{shape:?} {text}: {:?}", read(&shape, text));
    }
    for text in ["", "1 2", "[", "nul", "01", "\"\\ud800\"", "1e999"] {
        assert!(matches!(read(&Shape::F64, text), Err(Wrong::Syntax(_) | Wrong::At(..))), "{text}");
    }
    assert!(matches!(read(&Shape::Bool, "true x"), Err(Wrong::Syntax(_))));
}

#[test]
fn fields_come_in_any_order_under_any_of_their_names_and_once() {
    let mut old = Field::new("account", Shape::Unsigned(8));
    old.aliases.push("number".to_owned());
    let fields = [old, Field::new("note", Shape::Option(Box::new(Shape::Bool)))];
    let place = Place::Form(Form::Struct(&fields));
    let read = |text: &str| {
        let mut bytes = Vec::new();
        json::read(&Schema::default(), place, text.as_bytes(), &mut bytes).map(|()| bytes)
    };
    assert_eq!(read(r#"{"note": true, "account": 7}"#), Ok(vec![7, 1, 1]));
    assert_eq!(read(r#"{"number": 7}"#), Ok(vec![7, 0]));
    assert!(at("/number")(&read(r#"{"account": 7, "number": 7}"#)));
    assert!(at("/account")(&read("{}")));
    assert!(at("/x")(&read(r#"{"account": 7, "x": 1}"#)));
}

#[test]
fn a_type_that_holds_itself_is_read_as_deep_as_is_safe() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let schema = {
        use crate::schema::{Content, Kind, Named};
        let list = Shape::List(Box::new(Shape::Named(0)));
        let mut schema = Schema::default();
        schema.types.push(Named { name: "Nest".to_owned(), kind: Kind::Struct(Content::Newtype(list)) });
        let option = Shape::Option(Box::new(Shape::Named(1)));
        schema.types.push(Named { name: "Endless".to_owned(), kind: Kind::Struct(Content::Newtype(option)) });
        schema
    };
    let read = |number: u32, text: &str| {
        json::read(&schema, Place::Shape(&Shape::Named(number)), text.as_bytes(), &mut Vec::new())
    };
    assert_eq!(read(0, &nested(100)), Ok(()));
    assert!(read(0, &nested(100_000)).is_err());
    assert_eq!(read(1, "null"), Ok(()));
    assert!(read(1, "7").is_err(), "it never comes to a value");
}

#[test]
fn an_id_says_what_its_subscriber_has() {
    let all: EventId = "7".parse().unwrap();
    let some: EventId = "7.1".parse().unwrap();
    assert_eq!((all.to_string(), some.to_string()), ("7".to_owned(), "7.1".to_owned()));
    assert_eq!((all.from(), some.from()), (Position::new(8), Position::new(7)));
    for (position, index, by_all, by_some) in
        [(6, 9, true, true), (7, 1, true, true), (7, 2, true, false), (8, 0, false, false)]
    {
        let position = Position::new(position);
        assert_eq!((all.covers(position, index), some.covers(position, index)), (by_all, by_some));
    }
    for wrong in ["", ".", "7.", ".7", "7.1.1", "-1", "x", "99999999999999999999"] {
        assert!(wrong.parse::<EventId>().is_err(), "{wrong}");
    }
}

#[test]
fn every_kind_of_error_has_a_name_and_a_status_of_errors() {
    let names: BTreeSet<_> = Kind::ALL.iter().map(|kind| kind.name()).collect();
    assert_eq!(names.len(), Kind::ALL.len());
    assert!(Kind::ALL.iter().all(|kind| kind.status().is_client_error() || kind.status().is_server_error()));
}
