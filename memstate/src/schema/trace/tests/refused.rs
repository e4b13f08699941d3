//! Types that refuse samples, or panic, or have no shape.

use super::*;

/// Asks for a number, whatever the type is, and refuses it.
pub(super) fn never<'de, D: Deserializer<'de>, T: Deserialize<'de>>(source: D) -> Result<T, D::Error> {
    T::deserialize(source)?;
    Err(D::Error::custom("no"))
}

fn never_asked<'de, D: Deserializer<'de>>(_: D) -> Result<u8, D::Error> {
    Err(D::Error::custom("no"))
}

fn panics<'de, D: Deserializer<'de>>(source: D) -> Result<u8, D::Error> {
    u8::deserialize(source)?;
    std::panic::resume_unwind(Box::new("no"))
}

#[test]
fn a_field_that_refuses_every_sample_keeps_its_shape_and_the_others_are_traced() {
    #[derive(Deserialize)]
    struct Picky {
        before: u8,
        #[serde(deserialize_with = "never")]
        refused: u64,
        #[serde(deserialize_with = "never_asked")]
        unknown: u8,
        #[serde(deserialize_with = "panics")]
        panics: u8,
        after: Vec<Reader>,
    }
    assert_eq!(
        types::<Vec<Picky>>(),
        [
            "struct Picky { before: u8, refused: u64, unknown: ?, panics: u8, after: Vec<Reader> }",
            "struct Reader(String);"
        ]
    );
}

#[test]
fn what_stands_around_a_type_that_cannot_be_made_is_traced() {
    #[derive(Deserialize)]
    struct Outer {
        first: Middle,
        list: Vec<Middle>,
        map: BTreeMap<u8, Middle>,
        option: Option<Middle>,
        last: Status,
    }
    #[derive(Deserialize)]
    struct Middle {
        refused: Inner,
        after: char,
    }
    #[derive(Deserialize)]
    struct Inner(#[serde(deserialize_with = "never")] u64);
    let types = types::<Outer>();
    assert_eq!(
        types[..3],
        [
            "struct Outer { first: Middle, list: Vec<Middle>, map: Map<u8, Middle>, option: Option<Middle>, \
             last: Status }",
            "struct Middle { refused: Inner, after: char }",
            "struct Inner(u64);",
        ]
    );
    assert_eq!(types.len(), 5);
}

#[test]
fn behind_a_refused_part_without_a_name_nothing_is_known() {
    #[derive(Deserialize)]
    struct Tuple(u8, #[serde(deserialize_with = "never")] u16, u32);
    assert_eq!(types::<Tuple>(), ["struct Tuple(u8, u16, ?);"]);
    assert_eq!(shape::<(Tuple, u8)>(), "(Tuple, ?)");
    #[derive(Deserialize)]
    struct Holder {
        tuple: Tuple,
        after: u8,
    }
    assert_eq!(types::<Holder>()[0], "struct Holder { tuple: Tuple, after: u8 }");
}

#[derive(Deserialize)]
#[serde(try_from = "String")]
struct Email(String);

impl TryFrom<String> for Email {
    type Error = &'static str;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        if text.contains('@') { Ok(Email(text)) } else { Err("not an address") }
    }
}

#[derive(Deserialize)]
#[serde(try_from = "RawRange")]
struct Range(u32, u32);

#[derive(Deserialize)]
struct RawRange {
    min: u32,
    max: u32,
    name: Option<String>,
}

impl TryFrom<RawRange> for Range {
    type Error = &'static str;
    fn try_from(raw: RawRange) -> Result<Self, Self::Error> {
        if raw.min < raw.max { Ok(Range(raw.min, raw.max)) } else { Err("empty") }
    }
}

#[derive(Deserialize)]
#[serde(try_from = "Vec<u8>")]
struct Hash([u8; 32]);

impl TryFrom<Vec<u8>> for Hash {
    type Error = &'static str;
    fn try_from(bytes: Vec<u8>) -> Result<Self, Self::Error> {
        bytes.try_into().map(Hash).map_err(|_| "not 32 bytes")
    }
}

#[derive(Deserialize)]
#[serde(try_from = "Vec<Email>")]
struct Addresses(Vec<Email>);

impl TryFrom<Vec<Email>> for Addresses {
    type Error = &'static str;
    fn try_from(all: Vec<Email>) -> Result<Self, Self::Error> {
        if all.len() < 2 { Err("too few") } else { Ok(Addresses(all)) }
    }
}

/// With each of these before it, the part behind is only reached if the sample was right.
#[test]
fn conversions_that_check_their_values_get_other_samples_until_they_take_one() {
    assert_eq!(shape::<(Email, u8)>(), "(String, u8)");
    assert_eq!(shape::<(Range, u8)>(), "(RawRange, u8)");
    assert_eq!(shape::<(Hash, u8)>(), "(Vec<u8>, u8)");
    assert_eq!(shape::<(Addresses, u8)>(), "(Vec<String>, u8)");
    assert_eq!(
        shape::<(Option<Email>, BTreeMap<Email2, Email>, u8)>(),
        "(Option<String>, Map<String, String>, u8)"
    );
    assert_eq!(types::<(Range, u8)>(), ["struct RawRange { min: u32, max: u32, name: Option<String> }"]);
}

#[derive(Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(try_from = "String")]
struct Email2(String);

impl TryFrom<String> for Email2 {
    type Error = &'static str;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        Email::try_from(text).map(|email| Email2(email.0))
    }
}

#[test]
fn a_conversion_inside_of_a_conversion_gets_its_sample() {
    #[derive(Deserialize)]
    #[serde(try_from = "RawContact")]
    struct Contact;
    #[derive(Deserialize)]
    struct RawContact {
        name: String,
        email: Email,
        age: u8,
    }
    impl TryFrom<RawContact> for Contact {
        type Error = &'static str;
        fn try_from(raw: RawContact) -> Result<Self, Self::Error> {
            if raw.age >= 18 && !raw.name.is_empty() { Ok(Contact) } else { Err("too young") }
        }
    }
    assert_eq!(
        traced::<(Contact, u8)>(),
        (
            String::from("(RawContact, u8)"),
            vec![String::from("struct RawContact { name: String, email: String, age: u8 }")]
        )
    );
}

#[test]
fn a_function_that_panics_at_the_first_samples_gets_others() {
    #[derive(Deserialize)]
    struct Parsed(#[serde(deserialize_with = "parse")] u8, u8);
    fn parse<'de, D: Deserializer<'de>>(source: D) -> Result<u8, D::Error> {
        let text = String::deserialize(source)?;
        text.parse().map_err(|_| ()).or_else(|()| std::panic::resume_unwind(Box::new("not a number")))
    }
    assert_eq!(types::<Parsed>(), ["struct Parsed(String, u8);"]);
}

#[test]
fn a_type_that_takes_whatever_comes_has_no_shape_and_the_rest_is_traced() {
    struct Any;
    impl<'de> Deserialize<'de> for Any {
        fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
            source.deserialize_any(serde::de::IgnoredAny).map(|_| Any)
        }
    }
    #[derive(Deserialize)]
    struct Holder {
        any: Any,
        ignored: serde::de::IgnoredAny,
        untagged: Untagged,
        after: u8,
    }
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Untagged {
        Number(u8),
        Text(String),
    }
    assert_eq!(types::<Holder>(), ["struct Holder { any: ?, ignored: ?, untagged: ?, after: u8 }"]);
    assert_eq!(shape::<Any>(), "?");
}

#[test]
fn a_type_that_asks_for_what_its_values_say_has_no_shape() {
    struct Versioned;
    impl<'de> Deserialize<'de> for Versioned {
        fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
            struct Visitor;
            impl<'de> serde::de::Visitor<'de> for Visitor {
                type Value = Versioned;
                fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    f.write_str("a version and what it says")
                }
                fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut seq: A) -> Result<Versioned, A::Error> {
                    match seq.next_element::<bool>()? {
                        Some(true) => seq.next_element::<u8>()?.map(drop),
                        _ => seq.next_element::<String>()?.filter(|text| text.contains('@')).map(drop),
                    };
                    Err(A::Error::custom("no"))
                }
            }
            source.deserialize_tuple(2, Visitor)
        }
    }
    #[derive(Deserialize)]
    struct Holder {
        versioned: Versioned,
        after: u8,
    }
    assert_eq!(types::<Holder>(), ["struct Holder { versioned: (bool, ?), after: u8 }"]);
}
