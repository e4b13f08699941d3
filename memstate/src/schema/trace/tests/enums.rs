//! Variants and their names.

use super::*;

fn variants<T: DeserializeOwned>() -> Vec<(String, Vec<String>)> {
    let mut tracer = Tracer::default();
    tracer.shape_of::<T>();
    match tracer.into_schema().types.swap_remove(0).kind {
        Kind::Enum(variants) => variants.into_iter().map(|variant| (variant.name, variant.aliases)).collect(),
        other => panic!("no enum: {other:?}"),
    }
}

fn owned(names: &[(&str, &[&str])]) -> Vec<(String, Vec<String>)> {
    let text = |name: &&str| String::from(*name);
    names.iter().map(|(name, aliases)| (text(name), aliases.iter().map(text).collect())).collect()
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Renamed {
    NotYet,
    #[serde(alias = "Borrowed", alias = "out")]
    LentOut(u8),
    #[serde(alias = "z")]
    #[serde(rename = "gone")]
    Lost {
        since: u8,
    },
}

#[test]
fn aliases_of_variants_are_told_from_variants() {
    assert_eq!(
        variants::<Renamed>(),
        owned(&[("not-yet", &[]), ("lent-out", &["Borrowed", "out"]), ("gone", &["z"])])
    );
    assert_eq!(types::<Renamed>(), ["enum Renamed { not-yet, lent-out(u8), gone { since: u8 } }"]);
}

#[test]
fn a_variant_for_everything_else_has_its_own_number() {
    #[derive(Deserialize)]
    enum Open {
        #[serde(alias = "one", alias = "EINS_UND_ALLES")]
        First,
        Second(u8),
        #[serde(other)]
        Other,
    }
    assert_eq!(
        variants::<Open>(),
        owned(&[("First", &["EINS_UND_ALLES", "one"]), ("Second", &[]), ("Other", &[])])
    );
    assert_eq!(types::<Open>(), ["enum Open { First, Second(u8), Other }"]);
}

#[test]
fn variants_that_are_skipped_are_not_there() {
    #[derive(Deserialize)]
    enum Skipping {
        First,
        #[serde(skip)]
        Hidden(u8),
        Last(String),
    }
    assert_eq!(types::<Skipping>(), ["enum Skipping { First, Last(String) }"]);
}

#[test]
fn an_enum_without_variants_is_traced() {
    #[derive(Deserialize)]
    enum Never {}
    #[derive(Deserialize)]
    struct Holder {
        never: Vec<Never>,
        also: Option<Never>,
        after: u8,
    }
    assert_eq!(
        types::<Holder>(),
        ["struct Holder { never: Vec<Never>, also: Option<Never>, after: u8 }", "enum Never {}"]
    );
}

/// Its variants are numbers, not an enum that serde made, and what they hold is asked for by the number.
struct ByNumber;

impl<'de> Deserialize<'de> for ByNumber {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = ByNumber;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a variant")
            }
            fn visit_enum<A: serde::de::EnumAccess<'de>>(self, access: A) -> Result<ByNumber, A::Error> {
                use serde::de::VariantAccess;
                match access.variant::<u32>()? {
                    (0, variant) => variant.unit_variant()?,
                    (1, variant) => drop(variant.newtype_variant::<u8>()?),
                    _ => return Err(A::Error::custom("there are two")),
                }
                Ok(ByNumber)
            }
        }
        source.deserialize_enum("ByNumber", &["Nothing", "Something"], Visitor)
    }
}

#[test]
fn an_enum_whose_variants_are_only_numbers_is_traced() {
    assert_eq!(types::<Vec<ByNumber>>(), ["enum ByNumber { Nothing, Something(u8) }"]);
}

#[test]
fn a_variant_that_refuses_every_value_keeps_its_shape_and_the_others_are_traced() {
    #[derive(Deserialize)]
    enum Some {
        Refused {
            before: u8,
            #[serde(deserialize_with = "refused::never")]
            never: u64,
            after: String,
        },
        Taken(u8),
        Tuple(u8, #[serde(deserialize_with = "refused::never")] u64, u8),
        Last,
    }
    assert_eq!(
        types::<(Some, Some)>(),
        [
            "enum Some { Refused { before: u8, never: u64, after: String }, Taken(u8), Tuple(u8, u64, ?), Last }"
        ]
    );
}

#[test]
fn an_enum_inside_of_something_that_refuses_some_of_its_variants_is_traced() {
    #[derive(Deserialize)]
    #[serde(try_from = "Raw")]
    struct Even(u64);
    #[derive(Deserialize)]
    enum Raw {
        Zero,
        Number(u64),
        Text(String),
    }
    impl TryFrom<Raw> for Even {
        type Error = &'static str;
        fn try_from(raw: Raw) -> Result<Self, Self::Error> {
            match raw {
                Raw::Number(number) if number % 2 == 0 => Ok(Even(number)),
                _ => Err("not even"),
            }
        }
    }
    #[derive(Deserialize)]
    struct Holder {
        even: Even,
        after: u8,
    }
    assert_eq!(
        types::<Holder>(),
        ["struct Holder { even: Raw, after: u8 }", "enum Raw { Zero, Number(u64), Text(String) }"]
    );
}
