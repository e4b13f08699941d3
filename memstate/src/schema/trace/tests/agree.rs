//! What was traced agrees with what postcard writes.

use super::*;
use crate::schema::{Kind, Type};

/// Walks over a value of `written` at the front of `bytes`, and gives what is left.
fn walk<'a>(written: Type<'_>, bytes: &'a [u8]) -> &'a [u8] {
    let schema = written.schema;
    let all = |parts: &[Shape], bytes| parts.iter().fold(bytes, |bytes, part| walk(schema.of(part), bytes));
    match written.shape {
        Shape::Opaque => panic!("nothing is known of what is opaque"),
        Shape::Unit => bytes,
        Shape::Bool | Shape::Unsigned(8) | Shape::Signed(8) => &bytes[1..],
        Shape::Signed(_) | Shape::Unsigned(_) => varint(bytes).1,
        Shape::F32 => &bytes[4..],
        Shape::F64 => &bytes[8..],
        Shape::Char | Shape::Text | Shape::Bytes => {
            let (length, rest) = varint(bytes);
            &rest[length..]
        }
        Shape::Option(inner) => match bytes[0] {
            0 => &bytes[1..],
            1 => walk(schema.of(inner), &bytes[1..]),
            other => panic!("an option that is {other}"),
        },
        Shape::List(inner) => {
            let (count, rest) = varint(bytes);
            (0..count).fold(rest, |rest, _| walk(schema.of(inner), rest))
        }
        Shape::Tuple(parts) => all(parts, bytes),
        Shape::Map(key, value) => {
            let (count, rest) = varint(bytes);
            (0..count).fold(rest, |rest, _| walk(schema.of(value), walk(schema.of(key), rest)))
        }
        Shape::Named(number) => match &schema.named(*number).expect("the type is in the schema").kind {
            Kind::Struct(content) => walk_content(schema, content, bytes),
            Kind::Enum(variants) => {
                let (variant, rest) = varint(bytes);
                walk_content(schema, &variants[variant].content, rest)
            }
        },
    }
}

fn walk_content<'a>(schema: &Schema, content: &Content, bytes: &'a [u8]) -> &'a [u8] {
    match content {
        Content::Unit => bytes,
        Content::Newtype(inner) => walk(schema.of(inner), bytes),
        Content::Tuple(parts) => parts.iter().fold(bytes, |bytes, part| walk(schema.of(part), bytes)),
        Content::Fields(fields) => {
            fields.iter().fold(bytes, |bytes, field| walk(schema.of(&field.shape), bytes))
        }
    }
}

fn varint(bytes: &[u8]) -> (usize, &[u8]) {
    let length = bytes.iter().position(|byte| byte & 0x80 == 0).expect("the number ends") + 1;
    let value = bytes[..length].iter().rev().fold(0u128, |value, byte| value << 7 | u128::from(byte & 0x7f));
    (usize::try_from(value).unwrap_or(usize::MAX), &bytes[length..])
}

/// The bytes of each value are walked over to their end, and not further.
fn agrees<T: Serialize + DeserializeOwned>(values: &[T]) {
    let mut tracer = Tracer::default();
    let shape = tracer.shape_of::<T>();
    let schema = tracer.into_schema();
    for value in values {
        let mut bytes = postcard::to_stdvec(value).expect("it is written");
        bytes.extend([0xee; 3]);
        assert_eq!(walk(schema.of(&shape), &bytes), [0xee; 3], "{}", schema.of(&shape));
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Everything {
    #[serde(alias = "aaa")]
    small: (bool, u8, i8, char),
    #[serde(skip)]
    skipped: String,
    numbers: (u16, i16, u32, i32, u64, i64, u128, i128, usize, isize),
    floats: [f32; 3],
    double: f64,
    unit: (),
    nested: Vec<Option<Variants>>,
    map: BTreeMap<String, Vec<(u8, String)>>,
    #[serde(with = "chrono::serde::ts_seconds")]
    at: chrono::DateTime<chrono::Utc>,
    id: Uuid,
    port: Port,
}

#[derive(Serialize, Deserialize)]
enum Variants {
    Unit,
    #[serde(alias = "A")]
    Newtype(Box<Variants>),
    Tuple(u8, String),
    Struct {
        left: Option<Box<Variants>>,
        right: Marker,
    },
    #[serde(other)]
    Other,
}

#[derive(Serialize, Deserialize)]
struct Marker;

#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "u16", into = "u16")]
struct Port(u16);

impl TryFrom<u16> for Port {
    type Error = &'static str;
    fn try_from(port: u16) -> Result<Self, Self::Error> {
        if port >= 1024 { Ok(Port(port)) } else { Err("reserved") }
    }
}

impl From<Port> for u16 {
    fn from(port: Port) -> Self {
        port.0
    }
}

fn variants() -> Vec<Variants> {
    let structure = |left| Variants::Struct { left, right: Marker };
    vec![
        Variants::Unit,
        Variants::Newtype(Box::new(Variants::Tuple(7, String::from("seven")))),
        structure(None),
        structure(Some(Box::new(structure(Some(Box::new(Variants::Other)))))),
        Variants::Other,
    ]
}

#[test]
fn a_struct_of_everything_is_traced_as_postcard_writes_it() {
    let everything = Everything {
        small: (true, 200, -100, '€'),
        skipped: String::from("not written"),
        numbers: (300, -300, u32::MAX, i32::MIN, u64::MAX, i64::MIN, u128::MAX, i128::MIN, 1, -1),
        floats: [1.5; 3],
        double: -0.5,
        unit: (),
        nested: variants().into_iter().map(Some).chain([None]).collect(),
        map: BTreeMap::from([(String::from("a"), vec![(1, String::from("b"))]), (String::new(), Vec::new())]),
        at: chrono::DateTime::from_timestamp(1_709_209_800, 0).expect("a time"),
        id: Uuid::from_u128(u128::MAX),
        port: Port(8080),
    };
    agrees(&[everything]);
}

#[test]
fn enums_and_types_of_std_are_traced_as_postcard_writes_them() {
    use std::{net::IpAddr, ops::Bound, time::Duration};
    agrees(&variants());
    agrees(&[Ok(300u16), Err(String::from("no"))]);
    agrees(&[Duration::new(3, 5)]);
    agrees(&["127.0.0.1".parse::<IpAddr>().expect("an address"), "::1".parse().expect("an address")]);
    agrees(&[Bound::Included(300), Bound::Excluded(1), Bound::Unbounded]);
    agrees(&[std::path::PathBuf::from("/tmp")]);
    agrees(&[std::num::Wrapping(300u32)]);
    agrees(&[Some(Some(())), Some(None), None]);
    agrees(&[HashMap::from([(1u8, 'a'), (2, 'b')])]);
    agrees(&[[[1u8; 2]; 3]]);
    agrees(&[chrono::NaiveDate::from_ymd_opt(2024, 2, 29).expect("a day")]);
    agrees(&[semver::Version::new(1, 2, 3)]);
}
