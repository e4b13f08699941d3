#![allow(dead_code, reason = "what counts is how they look")]

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    num::NonZeroU32,
};

use serde::{Deserialize, Deserializer, Serialize, de::DeserializeOwned, de::Error as _};
use uuid::Uuid;

use super::*;
use crate::schema::{Content, Field, Kind};

mod agree;
mod enums;
mod fields;
mod foreign;
mod refused;

/// The shape of `T`, and the definitions of all named types in it.
fn traced<T: DeserializeOwned>() -> (String, Vec<String>) {
    let mut tracer = Tracer::default();
    let shape = tracer.shape_of::<T>();
    let schema = tracer.into_schema();
    let definitions = schema.definitions().map(|each| each.to_string()).collect();
    (schema.of(&shape).to_string(), definitions)
}

fn shape<T: DeserializeOwned>() -> String {
    traced::<T>().0
}

/// The definitions of all named types in `T`.
fn types<T: DeserializeOwned>() -> Vec<String> {
    traced::<T>().1
}

/// The fields of the struct `T`.
fn fields<T: DeserializeOwned>() -> Vec<Field> {
    let mut tracer = Tracer::default();
    tracer.shape_of::<T>();
    match tracer.into_schema().types.swap_remove(0).kind {
        Kind::Struct(Content::Fields(fields)) => fields,
        other => panic!("no struct with fields: {other:?}"),
    }
}

/// Whether each field of the struct `T` may be missing.
fn defaults<T: DeserializeOwned>() -> Vec<Option<bool>> {
    fields::<T>().into_iter().map(|field| field.default).collect()
}

#[derive(Deserialize)]
struct Book {
    copies: u32,
    title: Option<String>,
    id: Uuid,
    pages: NonZeroU32,
    status: Status,
    tags: Vec<(u8, String)>,
    lent: BTreeMap<u64, Status>,
}

#[derive(Deserialize)]
enum Status {
    Free,
    Lent(u64),
    Lost { since: i64, by: Box<Option<Reader>> },
    Pair(u8, bool),
}

#[derive(Deserialize)]
struct Reader(String);

#[test]
fn structs_and_enums_are_traced_with_their_names() {
    assert_eq!(
        types::<Book>(),
        [
            "struct Book { copies: u32, title: Option<String>, id: bytes, pages: u32, status: Status, \
             tags: Vec<(u8, String)>, lent: Map<u64, Status> }",
            "enum Status { Free, Lent(u64), Lost { since: i64, by: Option<Reader> }, Pair(u8, bool) }",
            "struct Reader(String);",
        ]
    );
}

#[test]
fn every_simple_type_has_its_shape() {
    type Simple = (bool, i8, i16, i32, i64, i128, u8, u16, u32, u64, u128, f32, f64, char, String, ());
    assert_eq!(
        shape::<Simple>(),
        "(bool, i8, i16, i32, i64, i128, u8, u16, u32, u64, u128, f32, f64, char, String, ())"
    );
    assert_eq!(shape::<(usize, isize)>(), "(u64, i64)");
    assert_eq!(shape::<[u8; 20]>(), "[u8; 20]");
    assert_eq!(shape::<[u8; 0]>(), "()");
    assert_eq!(shape::<Vec<Vec<Option<Option<u8>>>>>(), "Vec<Vec<Option<Option<u8>>>>");
}

#[test]
fn every_kind_of_struct_has_its_shape() {
    #[derive(Deserialize)]
    struct All(Unit, Newtype, Pair, Empty, EmptyPair);
    #[derive(Deserialize)]
    struct Unit;
    #[derive(Deserialize)]
    struct Newtype(u8);
    #[derive(Deserialize)]
    struct Pair(u8, Newtype);
    #[derive(Deserialize)]
    struct Empty {}
    #[derive(Deserialize)]
    struct EmptyPair();
    assert_eq!(
        types::<All>(),
        [
            "struct All(Unit, Newtype, Pair, Empty, EmptyPair);",
            "struct Unit;",
            "struct Newtype(u8);",
            "struct Pair(u8, Newtype);",
            "struct Empty {}",
            "struct EmptyPair();",
        ]
    );
}

#[derive(Deserialize)]
enum Tree {
    Node(Box<Tree>, Box<Tree>),
    Many(Vec<Tree>),
    Leaf(u8),
}

#[derive(Deserialize)]
struct Chain {
    next: Option<Box<Chain>>,
    all: Vec<Chain>,
    by_name: HashMap<String, Chain>,
    value: i32,
}

#[derive(Deserialize)]
struct Ping {
    pong: Vec<Pong>,
    number: u8,
}

#[derive(Deserialize)]
enum Pong {
    Ping(Box<Ping>),
    Both { left: Box<Pong>, right: Box<Pong> },
    Wall(Option<Box<Ping>>, String),
}

#[test]
fn types_that_contain_themselves_are_traced() {
    assert_eq!(types::<Tree>(), ["enum Tree { Node(Tree, Tree), Many(Vec<Tree>), Leaf(u8) }"]);
    assert_eq!(
        types::<Chain>(),
        ["struct Chain { next: Option<Chain>, all: Vec<Chain>, by_name: Map<String, Chain>, value: i32 }"]
    );
    let ping = "struct Ping { pong: Vec<Pong>, number: u8 }";
    let pong = "enum Pong { Ping(Ping), Both { left: Pong, right: Pong }, Wall(Option<Ping>, String) }";
    assert_eq!(types::<Ping>(), [ping, pong]);
    assert_eq!(types::<Pong>(), [pong, ping]);
}

#[test]
fn an_enum_whose_variants_nearly_all_contain_it_is_traced() {
    #[derive(Deserialize)]
    enum Expression {
        Not(Box<Expression>),
        And(Box<Expression>, Box<Expression>),
        If { condition: Box<Expression>, then: Box<Expression>, otherwise: Option<Box<Expression>> },
        Call(Function, Vec<Expression>),
        Quote(Box<Quoted>),
        Let { name: String, value: Box<Expression>, inside: Box<Expression> },
        Number(f64),
    }
    #[derive(Deserialize)]
    struct Quoted {
        expression: Expression,
        line: u32,
    }
    #[derive(Deserialize)]
    enum Function {
        Lambda(Box<Expression>),
        Named(String),
    }
    assert_eq!(
        types::<Expression>(),
        [
            "enum Expression { Not(Expression), And(Expression, Expression), If { condition: Expression, \
             then: Expression, otherwise: Option<Expression> }, Call(Function, Vec<Expression>), Quote(Quoted), \
             Let { name: String, value: Expression, inside: Expression }, Number(f64) }",
            "enum Function { Lambda(Expression), Named(String) }",
            "struct Quoted { expression: Expression, line: u32 }",
        ]
    );
}

#[test]
fn a_type_that_contains_itself_without_an_end_is_traced_all_the_same() {
    #[derive(Deserialize)]
    struct Endless {
        next: Box<Endless>,
        number: u8,
    }
    #[derive(Deserialize)]
    enum Forever {
        More(Box<Forever>),
        Twice(Box<Forever>, u8),
    }
    #[derive(Deserialize)]
    struct Before {
        endless: Option<Endless>,
        forever: Vec<Forever>,
        after: bool,
    }
    assert_eq!(
        types::<Before>(),
        [
            "struct Before { endless: Option<Endless>, forever: Vec<Forever>, after: bool }",
            "struct Endless { next: Endless, number: u8 }",
            "enum Forever { More(Forever), Twice(Forever, ?) }",
        ]
    );
}

mod first {
    #[derive(serde::Deserialize)]
    pub struct Item {
        number: u8,
    }
}

mod second {
    #[derive(serde::Deserialize)]
    pub struct Item {
        number: String,
    }
}

#[test]
fn types_of_one_name_are_told_apart() {
    #[derive(Deserialize)]
    struct Wrapper<T> {
        value: T,
    }
    #[derive(Deserialize)]
    struct Both {
        number: Wrapper<u8>,
        text: Wrapper<String>,
        again: Vec<Wrapper<u8>>,
        first: first::Item,
        second: second::Item,
    }
    assert_eq!(
        types::<Both>(),
        [
            "struct Both { number: Wrapper, text: Wrapper#2, again: Vec<Wrapper>, first: Item, second: Item#2 }",
            "struct Wrapper { value: u8 }",
            "struct Wrapper#2 { value: String }",
            "struct Item { number: u8 }",
            "struct Item#2 { number: String }",
        ]
    );
}

#[test]
fn types_that_nothing_tells_apart_but_their_contents_are_not_mixed_up() {
    struct Same<const TEXT: bool>;
    struct Visitor(bool);
    impl<'de, const TEXT: bool> Deserialize<'de> for Same<TEXT> {
        fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
            source.deserialize_tuple_struct("Same", 1, Visitor(TEXT))?;
            Ok(Same)
        }
    }
    impl<'de> serde::de::Visitor<'de> for Visitor {
        type Value = ();
        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("one element")
        }
        fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
            if self.0 { seq.next_element::<String>()?.map(drop) } else { seq.next_element::<u8>()?.map(drop) }
                .ok_or_else(|| A::Error::custom("no element"))
        }
    }
    assert_eq!(
        traced::<(Same<true>, Same<false>, Same<true>)>(),
        (
            String::from("(Same, Same#2, Same#3)"),
            vec![
                String::from("struct Same(String);"),
                String::from("struct Same#2(u8);"),
                String::from("struct Same#3(String);"),
            ]
        )
    );
}

#[test]
fn named_types_are_shared_by_all_that_is_traced() {
    let mut tracer = Tracer::default();
    let reader = tracer.shape_of::<Reader>();
    let book = tracer.shape_of::<Book>();
    let readers = tracer.shape_of::<Vec<Reader>>();
    assert_eq!(reader, Shape::Named(0));
    assert_eq!(book, Shape::Named(1));
    assert_eq!(readers, Shape::List(Box::new(Shape::Named(0))));
    let names: Vec<_> = tracer.into_schema().types.into_iter().map(|named| named.name).collect();
    assert_eq!(names, ["Reader", "Book", "Status"]);
}

#[test]
fn the_same_type_gives_the_same_schema_each_time() {
    let schema = || {
        let mut tracer = Tracer::default();
        tracer.shape_of::<(Book, Chain, Ping, Tree)>();
        tracer.into_schema()
    };
    assert_eq!(schema(), schema());
}

#[test]
fn wrappers_of_serde_and_std_are_seen_through() {
    #[derive(Deserialize)]
    #[serde(transparent)]
    struct Transparent {
        inner: Vec<u8>,
    }
    #[derive(Deserialize)]
    #[serde(from = "u16")]
    struct From(u64);
    impl std::convert::From<u16> for From {
        fn from(number: u16) -> Self {
            From(number.into())
        }
    }
    #[derive(Deserialize)]
    struct Owning<'a> {
        text: Cow<'a, str>,
        bytes: Cow<'a, [u8]>,
    }
    assert_eq!(shape::<(Transparent, From, Box<str>, Cow<'static, str>)>(), "(Vec<u8>, u16, String, String)");
    assert_eq!(types::<Owning<'static>>(), ["struct Owning { text: String, bytes: Vec<u8> }"]);
    assert_eq!(shape::<(BTreeSet<u8>, HashSet<String>)>(), "(Vec<u8>, Vec<String>)");
}
