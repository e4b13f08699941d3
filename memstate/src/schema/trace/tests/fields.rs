//! Names, aliases and defaults.

use super::*;

fn aliases<T: DeserializeOwned>() -> Vec<(String, Vec<String>)> {
    fields::<T>().into_iter().map(|field| (field.name, field.aliases)).collect()
}

fn owned(names: &[(&str, &[&str])]) -> Vec<(String, Vec<String>)> {
    let text = |name: &&str| String::from(*name);
    names.iter().map(|(name, aliases)| (text(name), aliases.iter().map(text).collect())).collect()
}

#[derive(Deserialize)]
struct Renamed {
    #[serde(alias = "aaa", alias = "zzz")]
    middle: u8,
    plain: String,
    #[serde(rename = "new", alias = "old")]
    other: Option<u8>,
}

#[test]
fn aliases_are_told_from_fields_and_serdes_name_stands_first() {
    assert_eq!(
        aliases::<Renamed>(),
        owned(&[("middle", &["aaa", "zzz"]), ("plain", &[]), ("new", &["old"])])
    );
    assert_eq!(types::<Renamed>(), ["struct Renamed { middle: u8, plain: String, new: Option<u8> }"]);
}

#[test]
fn aliases_are_found_where_unknown_fields_are_denied_and_where_there_are_defaults() {
    #[derive(Deserialize, Default)]
    #[serde(deny_unknown_fields, default, rename_all = "camelCase")]
    struct Strict {
        #[serde(alias = "a")]
        first_field: u8,
        #[serde(alias = "b")]
        second_field: String,
    }
    assert_eq!(aliases::<Strict>(), owned(&[("firstField", &["a"]), ("secondField", &["b"])]));
    assert_eq!(defaults::<Strict>(), [Some(true), Some(true)]);
}

#[test]
fn the_name_of_a_field_that_refuses_every_value_is_known_from_serde_too() {
    #[derive(Deserialize)]
    struct Refusing {
        #[serde(alias = "aaa", deserialize_with = "refused::never")]
        value: u8,
        after: u8,
    }
    assert_eq!(aliases::<Refusing>(), owned(&[("value", &["aaa"]), ("after", &[])]));
}

#[test]
fn fields_that_are_skipped_are_not_there() {
    #[derive(Deserialize)]
    struct Skipping {
        before: u8,
        #[serde(skip)]
        skipped: Vec<u8>,
        #[serde(alias = "once")]
        after: u8,
    }
    assert_eq!(types::<Skipping>(), ["struct Skipping { before: u8, after: u8 }"]);
}

#[test]
fn a_field_may_be_missing_if_serde_has_a_default_for_it() {
    #[derive(Deserialize)]
    struct Defaults {
        required: u8,
        #[serde(default)]
        default: u8,
        #[serde(default = "seven")]
        function: u8,
        option: Option<u8>,
        #[serde(with = "optional")]
        with: Option<u8>,
        inner: Inner,
    }
    #[derive(Deserialize)]
    struct Inner {
        required: u8,
    }
    mod optional {
        pub fn deserialize<'de, D: serde::Deserializer<'de>>(source: D) -> Result<Option<u8>, D::Error> {
            serde::Deserialize::deserialize(source)
        }
    }
    fn seven() -> u8 {
        7
    }
    let known = [Some(false), Some(true), Some(true), Some(true), Some(false), Some(false)];
    assert_eq!(defaults::<Defaults>(), known);
}

#[test]
fn fields_of_variants_have_names_aliases_and_defaults() {
    #[derive(Deserialize)]
    enum Event {
        Opened {
            #[serde(alias = "amount")]
            balance: u64,
            #[serde(default)]
            note: String,
            by: String,
        },
    }
    let mut tracer = Tracer::default();
    tracer.shape_of::<Event>();
    let schema = tracer.into_schema();
    assert_eq!(
        schema.definition(0).map(|event| format!("{event:#}")).unwrap_or_default(),
        "enum Event {\n    Opened {\n        balance: u64, // also amount\n        note: String, // may be missing\
         \n        by: String,\n    },\n}"
    );
}

#[test]
fn whether_a_field_may_be_missing_is_unknown_where_a_refused_value_stands_in_the_way() {
    #[derive(Deserialize)]
    struct Behind {
        #[serde(deserialize_with = "refused::never")]
        refused: u8,
        required: u8,
        #[serde(default)]
        default: u8,
    }
    assert_eq!(defaults::<Behind>(), [Some(false), None, None]);
    #[derive(Deserialize)]
    struct Around {
        #[serde(default, deserialize_with = "refused::never")]
        refused: u8,
        required: u8,
        #[serde(default)]
        default: u8,
    }
    assert_eq!(defaults::<Around>(), [Some(true), Some(false), Some(true)]);
}

/// Reads its fields one after another, and knows no names.
struct ByHand {
    number: u8,
    text: String,
}

impl<'de> Deserialize<'de> for ByHand {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = ByHand;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("two fields")
            }
            fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut seq: A) -> Result<ByHand, A::Error> {
                let number = seq.next_element()?.ok_or_else(|| A::Error::invalid_length(0, &self))?;
                let text = seq.next_element()?.ok_or_else(|| A::Error::invalid_length(1, &self))?;
                Ok(ByHand { number, text })
            }
        }
        source.deserialize_struct("ByHand", &["number", "text"], Visitor)
    }
}

#[test]
fn a_struct_that_is_only_read_in_order_is_traced() {
    assert_eq!(types::<Vec<ByHand>>(), ["struct ByHand { number: u8, text: String }"]);
    assert_eq!(defaults::<ByHand>(), [None, None]);
}

/// Reads its fields by names that are texts, as many do.
struct ByText {
    number: u8,
    text: String,
}

impl<'de> Deserialize<'de> for ByText {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = ByText;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("two fields")
            }
            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<ByText, A::Error> {
                let (mut number, mut text) = (None, None);
                while let Some(name) = map.next_key::<&str>()? {
                    match name {
                        "number" => number = Some(map.next_value()?),
                        "text" => text = Some(map.next_value()?),
                        other => return Err(A::Error::unknown_field(other, &[])),
                    }
                }
                Ok(ByText { number: number.unwrap_or(0), text: text.ok_or(A::Error::missing_field("text"))? })
            }
        }
        source.deserialize_struct("ByText", &["number", "text"], Visitor)
    }
}

#[test]
fn a_struct_that_is_only_read_by_name_is_traced() {
    assert_eq!(types::<Vec<ByText>>(), ["struct ByText { number: u8, text: String }"]);
    assert_eq!(defaults::<ByText>(), [Some(true), Some(false)]);
}

#[test]
fn generic_structs_with_bounds_are_traced() {
    #[derive(Deserialize)]
    #[serde(bound(deserialize = "T: DeserializeOwned + Ord"))]
    struct Sorted<T> {
        items: BTreeSet<T>,
    }
    assert_eq!(types::<Sorted<char>>(), ["struct Sorted { items: Vec<char> }"]);
}
