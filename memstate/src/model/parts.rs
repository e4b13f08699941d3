//! Models inside of models: a [`Part`] brings its operations into those of the model that holds it.
//!
//! The operations of a model are numbered in one row: its own methods first, then those of each part, in the order of
//! the fields. Their names begin with the field: `ledger.post`.

use std::{
    any::TypeId,
    collections::HashMap,
    sync::{Arc, LazyLock},
};

use parking_lot::Mutex;

use super::{Method, Operation};

/// A model inside of another: a field under `#[memstate(model)]`.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Part {
    /// The name of the field.
    pub name: &'static str,
    /// Names that it had before.
    pub was: &'static [&'static str],
    /// The methods of the model in it.
    pub methods: &'static [Method],
    /// The models inside of that.
    pub parts: &'static [Part],
}

impl Part {
    /// The operations `O` of the model in the field `name`.
    pub const fn of<O: Operation>(name: &'static str) -> Self {
        Part { name, was: &[], methods: O::METHODS, parts: O::PARTS }
    }

    /// Says which names the field had before.
    pub const fn was(mut self, names: &'static [&'static str]) -> Self {
        self.was = names;
        self
    }

    fn count(&self) -> usize {
        self.methods.len() + self.parts.iter().map(Part::count).sum::<usize>()
    }
}

/// How many operations there are, those of parts among them.
///
/// # Panics
///
/// If there are more than 65,535.
pub(super) const fn count(methods: &[Method], parts: &[Part]) -> u16 {
    let mut count = methods.len();
    let mut number = 0;
    while number < parts.len() {
        count += self::count(parts[number].methods, parts[number].parts) as usize;
        number += 1;
    }
    // The last number is not one of a method.
    assert!(
        count < u16::MAX as usize,
        "a model has at most 65,534 commands, those of the models in it among them"
    );
    count as u16
}

/// An operation, described where it stands in the whole.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Listed {
    /// Its name, behind those of the fields that lead to its model: `post`, `ledger.post`.
    pub name: String,
    /// Names that it had before, of the method or of a field.
    pub was: Vec<String>,
    /// The command, and its version, whose records it replays instead of its own.
    pub replays: Option<(String, u32)>,
    /// What it says of itself.
    pub method: &'static Method,
}

/// All operations, in the order of their numbers.
pub(super) fn list(methods: &'static [Method], parts: &'static [Part]) -> Vec<Listed> {
    let mut listed = Vec::with_capacity(methods.len());
    add(methods, parts, &[String::new()], &mut listed);
    listed
}

/// `prefixes`: the way to here, and the ways that there were before.
fn add(methods: &'static [Method], parts: &'static [Part], prefixes: &[String], listed: &mut Vec<Listed>) {
    let here = &prefixes[0];
    for method in methods {
        let names = [method.name].into_iter().chain(method.was.iter().copied());
        let mut names = names.flat_map(|name| prefixes.iter().map(move |prefix| format!("{prefix}{name}")));
        listed.push(Listed {
            name: names.next().unwrap_or_default(),
            was: names.collect(),
            replays: method.replays.map(|(command, version)| (format!("{here}{command}"), version)),
            method,
        });
    }
    for part in parts {
        let names = [part.name].into_iter().chain(part.was.iter().copied());
        let prefixes: Vec<_> =
            names.flat_map(|name| prefixes.iter().map(move |prefix| format!("{prefix}{name}."))).collect();
        add(part.methods, part.parts, &prefixes, listed);
    }
}

/// The method of this number.
pub(crate) fn method<O: Operation>(number: u16) -> Option<&'static Method> {
    find(O::METHODS, O::PARTS, usize::from(number))
}

fn find(methods: &'static [Method], parts: &'static [Part], mut number: usize) -> Option<&'static Method> {
    if let Some(method) = methods.get(number) {
        return Some(method);
    }
    number -= methods.len();
    for part in parts {
        if number < part.count() {
            return find(part.methods, part.parts, number);
        }
        number -= part.count();
    }
    None
}

/// The names of operations that stand in a part, by the type of the whole; each is made once.
static NAMES: LazyLock<Mutex<HashMap<TypeId, Names>>> = LazyLock::new(Mutex::default);

type Names = Arc<[&'static str]>;

/// The name of the operation of this number: `post`, `ledger.post`.
pub(crate) fn name<O: Operation>(number: u16) -> &'static str {
    let number = usize::from(number);
    if let Some(method) = O::METHODS.get(number) {
        return method.name;
    }
    let mut names = NAMES.lock();
    let names = names.entry(TypeId::of::<O>()).or_insert_with(|| {
        O::list().into_iter().map(|listed| &*Box::leak(listed.name.into_boxed_str())).collect()
    });
    names.get(number).copied().unwrap_or("?")
}

#[cfg(test)]
mod tests {
    use super::*;

    const POST: Method = Method::new("post", &[], "", "").was(&["book"]);
    const OLD: Method = Method::new("old", &[], "", "").replays("post", 1);
    const INNER: Part = Part { name: "inner", was: &[], methods: &[POST], parts: &[] };
    const LEDGER: Part = Part { name: "ledger", was: &["books"], methods: &[POST, OLD], parts: &[INNER] };
    const OWN: &[Method] = &[Method::new("sell", &[], "", "")];

    #[test]
    fn operations_are_listed_under_the_names_of_their_fields() {
        let listed = list(OWN, &[LEDGER, INNER]);
        let names: Vec<_> = listed.iter().map(|listed| listed.name.as_str()).collect();
        assert_eq!(names, ["sell", "ledger.post", "ledger.old", "ledger.inner.post", "inner.post"]);
        assert_eq!(count(OWN, &[LEDGER, INNER]), 5);
        assert_eq!(listed[1].was, ["books.post", "ledger.book", "books.book"]);
        assert_eq!(listed[2].replays, Some(("ledger.post".to_owned(), 1)));
        assert_eq!(listed[3].was, ["books.inner.post", "ledger.inner.book", "books.inner.book"],);
    }

    #[test]
    fn numbers_lead_to_what_is_listed() {
        let parts: &[Part] = &[LEDGER, INNER];
        for (number, listed) in list(OWN, parts).iter().enumerate() {
            assert!(std::ptr::eq(find(OWN, parts, number).unwrap(), listed.method));
        }
        assert!(find(OWN, parts, 5).is_none() && find(OWN, parts, 65_535).is_none());
    }
}
