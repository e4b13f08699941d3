#![allow(dead_code, reason = "what counts is how they look")]

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, de::DeserializeOwned};

use super::*;
use crate::schema::{Schema, Tracer};

mod changes;
mod equality;

fn traced<T: DeserializeOwned>() -> (Schema, Shape) {
    let mut tracer = Tracer::default();
    let shape = tracer.shape_of::<T>();
    (tracer.into_schema(), shape)
}

/// The differences, after the question whether they are the same agreed.
fn between<Was: DeserializeOwned, Now: DeserializeOwned>() -> Vec<Difference> {
    let ((was_schema, was), (now_schema, now)) = (traced::<Was>(), traced::<Now>());
    let found = differences(was_schema.of(&was), now_schema.of(&now));
    if found.is_empty() {
        assert!(same(was_schema.of(&was), now_schema.of(&now)));
    }
    if found.iter().any(|difference| difference.class != Class::Compatible) {
        // A variant that went from the end is the only other one, and that is `Checked`.
        assert!(!same(was_schema.of(&was), now_schema.of(&now)));
    }
    found
}

/// Class, path, what was, what is, and in which words.
type Line = (Class, &'static str, &'static str, &'static str, &'static str);

#[track_caller]
fn assert_between<Was: DeserializeOwned, Now: DeserializeOwned>(expected: &[Line]) {
    let found = between::<Was, Now>();
    let found: Vec<_> = found
        .iter()
        .map(|one| (one.class, one.path.as_str(), one.was.as_str(), one.now.as_str(), one.what.as_str()))
        .collect();
    assert_eq!(found, expected);
}

#[track_caller]
fn assert_class<Was: DeserializeOwned, Now: DeserializeOwned>(class: Class) {
    let found = between::<Was, Now>();
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].class, class, "{found:?}");
    assert_eq!(found[0].remedy.is_empty(), matches!(class, Class::Compatible | Class::Checked), "{found:?}");
}

fn is_same<Was: DeserializeOwned, Now: DeserializeOwned>() -> bool {
    let ((was_schema, was), (now_schema, now)) = (traced::<Was>(), traced::<Now>());
    same(was_schema.of(&was), now_schema.of(&now))
}
