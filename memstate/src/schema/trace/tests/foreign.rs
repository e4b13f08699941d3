//! Types of std and of other crates.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    num::Wrapping,
    ops::{Bound, RangeInclusive},
    path::PathBuf,
    time::{Duration, SystemTime},
};

use super::*;

/// What stands behind is only reached if a sample was accepted.
fn accepted<T: DeserializeOwned>() -> String {
    let (shape, _) = traced::<(T, u8)>();
    match shape.strip_prefix('(').and_then(|rest| rest.strip_suffix(", u8)")) {
        Some(shape) => shape.to_owned(),
        None => panic!("no sample was accepted: {shape}"),
    }
}

#[test]
fn types_of_std_are_traced() {
    assert_eq!(types::<Duration>(), ["struct Duration { secs: u64, nanos: u32 }"]);
    assert_eq!(
        types::<SystemTime>(),
        ["struct SystemTime { secs_since_epoch: u64, nanos_since_epoch: u32 }"]
    );
    assert_eq!(types::<std::ops::Range<u8>>(), ["struct Range { start: u8, end: u8 }"]);
    assert_eq!(
        types::<(RangeInclusive<u8>, std::ops::Range<char>)>(),
        ["struct RangeInclusive { start: u8, end: u8 }", "struct Range { start: char, end: char }"]
    );
    assert_eq!(types::<Bound<u8>>(), ["enum Bound { Unbounded, Included(u8), Excluded(u8) }"]);
    assert_eq!(types::<Result<u8, String>>(), ["enum Result { Ok(u8), Err(String) }"]);
    assert_eq!(types::<IpAddr>(), ["enum IpAddr { V4([u8; 4]), V6([u8; 16]) }"]);
    assert_eq!(types::<SocketAddr>(), ["enum SocketAddr { V4(([u8; 4], u16)), V6(([u8; 16], u16)) }"]);
    assert_eq!(accepted::<Ipv4Addr>(), "[u8; 4]");
    assert_eq!(accepted::<Wrapping<i16>>(), "i16");
    assert_eq!(accepted::<std::num::NonZeroI128>(), "i128");
    assert_eq!(accepted::<PathBuf>(), "String");
}

#[test]
fn an_enum_that_takes_one_of_its_variants_on_this_system_only_is_traced() {
    assert_eq!(types::<std::ffi::OsString>(), ["enum OsString { Unix(Vec<u8>), Windows(?) }"]);
}

#[test]
fn types_of_other_crates_are_traced() {
    assert_eq!(accepted::<Uuid>(), "bytes");
    assert_eq!(accepted::<chrono::NaiveDate>(), "String");
    assert_eq!(accepted::<chrono::NaiveTime>(), "String");
    assert_eq!(accepted::<chrono::NaiveDateTime>(), "String");
    assert_eq!(accepted::<chrono::DateTime<chrono::Utc>>(), "String");
    assert_eq!(accepted::<chrono::DateTime<chrono::FixedOffset>>(), "String");
    assert_eq!(accepted::<chrono::Weekday>(), "String");
    assert_eq!(accepted::<chrono::Month>(), "String");
    assert_eq!(accepted::<semver::Version>(), "String");
    assert_eq!(accepted::<smallvec::SmallVec<[u16; 4]>>(), "Vec<u16>");
    assert_eq!(accepted::<indexmap::IndexMap<String, u8>>(), "Map<String, u8>");
    assert_eq!(
        accepted::<crate::collections::HashMap<u8, crate::collections::Vec<char>>>(),
        "Map<u8, Vec<char>>"
    );
}

#[test]
fn a_number_of_seconds_with_chrono_is_a_number() {
    #[derive(Deserialize)]
    struct Event {
        #[serde(with = "chrono::serde::ts_seconds")]
        at: chrono::DateTime<chrono::Utc>,
        #[serde(with = "chrono::serde::ts_milliseconds_option", default)]
        until: Option<chrono::DateTime<chrono::Utc>>,
    }
    assert_eq!(types::<Event>(), ["struct Event { at: i64, until: Option<i64> }"]);
}
