//! What became of a type: the same, carried over by name, or not.
//!
//! [`same`] is the question of the hot path: whether today's type itself reads the bytes. [`differences`] says what is not
//! the same, how it is carried over, and what to do if it is not. How a value is then carried over is not decided here,
//! but both follow one set of rules.

use std::collections::HashSet;

use super::{
    Content, Kind, Named, Shape, Type, Variant,
    form::is_byte,
    names::{Called, readers},
};

mod content;
mod leaves;

#[cfg(test)]
mod tests;

/// How a change is carried over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Every value that was written can be read.
    Compatible,
    /// Some values may not be there in today's type; each one is checked when it is read.
    Checked,
    /// Something new is not in what was written, and has no default.
    NeedsDefault,
    /// What was written cannot be read.
    Breaking,
}

/// One difference between a type as it was written and as it is today.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// How it is carried over.
    pub class: Class,
    /// Where: from the name of the innermost named type on, as in `Account.balance`, `Status::Lent.since` or
    /// `Bank.accounts[].0`; from the outermost type on outside of named types; empty for that type itself.
    pub path: String,
    /// The type as it was written; empty if it was not there.
    pub was: String,
    /// The type as it is today; empty if it is not there.
    pub now: String,
    /// What changed, in words.
    pub what: String,
    /// What to do about it; empty if nothing has to be done.
    pub remedy: String,
}

/// Whether the bytes of `written` are read rightly by `today` itself, without a look at `written`.
///
/// Names of types mean nothing, nor does what is only known of today's types.
pub fn same(written: Type<'_>, today: Type<'_>) -> bool {
    Same::default().types(written, today)
}

/// All differences, in the order of today's fields and variants; those that are gone stand last.
///
/// A named type that is used in several places is gone through once.
pub fn differences(written: Type<'_>, today: Type<'_>) -> Vec<Difference> {
    let mut compared = Compared::default();
    compared.types(written, today, "");
    compared.differences
}

/// How deep types may be in each other to be compared. Today's are as deep as they are; but one of them may hold itself, and what a
/// writer says of itself may go on without end beside it.
const TYPES_DEEPEST: u32 = 256;

/// Pairs of named types that were met: they are the same unless a difference is found.
#[derive(Debug, Default)]
struct Same {
    assumed: HashSet<(u32, u32)>,
    /// In how many types the present ones are.
    depth: u32,
}

impl Same {
    fn types(&mut self, written: Type<'_>, today: Type<'_>) -> bool {
        if self.depth >= TYPES_DEEPEST {
            return false;
        }
        self.depth += 1;
        let same = self.shapes(written, today);
        self.depth -= 1;
        same
    }

    fn shapes(&mut self, written: Type<'_>, today: Type<'_>) -> bool {
        let mut inner = |was, now| self.types(written.schema.of(was), today.schema.of(now));
        match (written.shape, today.shape) {
            (Shape::Option(was), Shape::Option(now)) | (Shape::List(was), Shape::List(now)) => {
                inner(was, now)
            }
            (Shape::Tuple(was), Shape::Tuple(now)) => {
                was.len() == now.len() && was.iter().zip(now).all(|(was, now)| inner(was, now))
            }
            (Shape::Map(was_key, was), Shape::Map(now_key, now)) => {
                inner(was_key, now_key) && inner(was, now)
            }
            (Shape::Named(was), Shape::Named(now)) => self.named(written, *was, today, *now),
            (was, now) => was == now,
        }
    }

    fn named(&mut self, written: Type<'_>, was: u32, today: Type<'_>, now: u32) -> bool {
        if !self.assumed.insert((was, now)) {
            return true;
        }
        let (Some(was), Some(now)) = (written.schema.named(was), today.schema.named(now)) else {
            return false;
        };
        match (&was.kind, &now.kind) {
            (Kind::Struct(was), Kind::Struct(now)) => self.content(written, was, today, now),
            // New ones may stand behind.
            (Kind::Enum(was), Kind::Enum(now)) => {
                let contents = |(was, now): (&Variant, &Variant)| {
                    self.content(written, &was.content, today, &now.content)
                };
                stand_alike(was, now) && was.iter().zip(now).all(contents)
            }
            _ => false,
        }
    }

    fn content(&mut self, written: Type<'_>, was: &Content, today: Type<'_>, now: &Content) -> bool {
        let mut inner = |was, now| self.types(written.schema.of(was), today.schema.of(now));
        match (was, now) {
            (Content::Unit, Content::Unit) => true,
            (Content::Newtype(was), Content::Newtype(now)) => inner(was, now),
            (Content::Tuple(was), Content::Tuple(now)) => {
                was.len() == now.len() && was.iter().zip(now).all(|(was, now)| inner(was, now))
            }
            (Content::Fields(was), Content::Fields(now)) => {
                was.len() == now.len()
                    && stand_alike(was, now)
                    && was.iter().zip(now).all(|(was, now)| inner(&was.shape, &now.shape))
            }
            _ => false,
        }
    }
}

/// Whether each written one stands where today's stands that reads it. More may stand behind.
fn stand_alike<T: Called>(written: &[T], today: &[T]) -> bool {
    let numbers = 0..written.len();
    written.len() <= today.len() && readers(written, today).into_iter().eq(numbers.map(Some))
}

/// What was found so far.
#[derive(Debug, Default)]
struct Compared {
    differences: Vec<Difference>,
    /// Pairs of named types that were met.
    met: HashSet<(u32, u32)>,
    /// Pairs of which today's type holds another, which is compared now to the same written one.
    holding: Vec<(u32, u32)>,
    /// How many types were taken out of others around the present ones.
    wrappings: usize,
    /// In how many types the present ones are.
    depth: u32,
    /// What was told apart by a key is not looked for, because that is what this comparison is for.
    of_key: bool,
}

/// How many types may be taken out of others: one may hold itself.
const WRAPPINGS_MAX: usize = 16;

/// What bytes are made of.
static BYTE: Shape = Shape::Unsigned(8);

/// What is said where there is no way from one type to the other.
const ANOTHER: &str = "is of another type";

impl Compared {
    /// Compares two types at `path`.
    fn types(&mut self, written: Type<'_>, today: Type<'_>, path: &str) {
        if self.depth >= TYPES_DEEPEST {
            return self.breaking(written, today, path, "is too deep in other types to be compared");
        }
        self.depth += 1;
        self.shapes(written, today, path);
        self.depth -= 1;
    }

    fn shapes(&mut self, written: Type<'_>, today: Type<'_>, path: &str) {
        let of_written = |shape| written.schema.of(shape);
        let of_today = |shape| today.schema.of(shape);
        match (written.shape, today.shape) {
            (was, now) if was == now && !was.has_parts() => {}
            (Shape::Option(was), Shape::Option(now)) => self.types(of_written(was), of_today(now), path),
            (Shape::List(was), Shape::List(now)) => {
                self.types(of_written(was), of_today(now), &at(path, "[]"))
            }
            (Shape::Tuple(was), Shape::Tuple(now)) if was.len() == now.len() => {
                self.parts(written, was, today, now, path);
            }
            (Shape::Map(was_key, was), Shape::Map(now_key, now)) => {
                self.types(of_written(was_key), of_today(now_key), &at(path, "[key]"));
                self.keys(of_written(was_key), of_today(now_key), &at(path, "[key]"));
                self.types(of_written(was), of_today(now), &at(path, "[]"));
            }
            (Shape::Named(was), Shape::Named(now)) => self.named(written, *was, today, *now, path),
            _ => self.other_kinds(written, today, path),
        }
    }

    /// Two keys that were told apart by something that is not there any more would become one, and one of their values
    /// would be lost.
    fn keys(&mut self, written: Type<'_>, today: Type<'_>, path: &str) {
        if self.of_key {
            return;
        }
        let mut compared = Compared { depth: self.depth, of_key: true, ..Compared::default() };
        compared.types(written, today, "");
        let lost = compared
            .differences
            .into_iter()
            .find(|difference| difference.class == Class::Compatible && difference.now.is_empty());
        if let Some(lost) = lost {
            let what = "keys are told apart by it, and entries would become one without it";
            let path = if lost.path.is_empty() { path.to_owned() } else { format!("{path} {}", lost.path) };
            let remedy = "keep it, or convert what was written".to_owned();
            self.add(Class::Breaking, &path, written.to_string(), today.to_string(), what, remedy);
        }
    }

    /// Compares parts without names, of which there are as many as there were.
    fn parts(&mut self, written: Type<'_>, was: &[Shape], today: Type<'_>, now: &[Shape], path: &str) {
        for (number, (was, now)) in was.iter().zip(now).enumerate() {
            self.types(written.schema.of(was), today.schema.of(now), &at(path, &format!(".{number}")));
        }
    }

    fn named(&mut self, written: Type<'_>, was: u32, today: Type<'_>, now: u32, path: &str) {
        // A type that holds itself and nothing else would be taken apart without end.
        if self.holding.contains(&(was, now)) {
            return self.breaking(written, today, path, ANOTHER);
        }
        if !self.met.insert((was, now)) {
            return;
        }
        let (Some(old), Some(new)) = (written.schema.named(was), today.schema.named(now)) else {
            return self.breaking(written, today, path, "the schema is not whole");
        };
        match (written.newtype(), today.newtype()) {
            (None, Some(inner)) => {
                self.holding.push((was, now));
                self.held(written, inner, (written, today), path);
                self.holding.pop();
                return;
            }
            (Some(inner), None) => return self.not_held(inner, today, (written, today), path),
            _ => {}
        }
        let name = today.to_string();
        // What is inside of the written type is another.
        let holding = std::mem::take(&mut self.holding);
        match (&old.kind, &new.kind) {
            (Kind::Struct(was), Kind::Struct(now)) => self.contents(written, was, today, now, &name),
            (Kind::Enum(was), Kind::Enum(now)) => self.variants(written, was, today, now, &name),
            _ => {
                let what = format!("{} became {}", kind_in_words(old), kind_in_words(new));
                self.breaking(written, today, path, &what);
            }
        }
        self.holding = holding;
    }

    /// The types are of different kinds, one of which may be carried over to the other.
    fn other_kinds(&mut self, written: Type<'_>, today: Type<'_>, path: &str) {
        if let Some((class, what)) = leaves::change(written.shape, today.shape) {
            return self.add(class, path, written.to_string(), today.to_string(), what, String::new());
        }
        let of_written = |shape| written.schema.of(shape);
        let of_today = |shape| today.schema.of(shape);
        if let Some(inner) = today.newtype() {
            return self.held(written, inner, (written, today), path);
        }
        // One that holds an option is that option before it is one of its values.
        let holds_option = written.newtype().filter(|inner| matches!(inner.shape, Shape::Option(_)));
        if let Some(inner) = holds_option {
            return self.not_held(inner, today, (written, today), path);
        }
        let shown = (written, today);
        match (written.shape, today.shape) {
            (_, Shape::Option(now)) => {
                self.wrapped(written, of_today(now), shown, path, Class::Compatible, "may be none now");
            }
            (Shape::Option(was), _) => {
                let what = "can be none no more: one that was none is refused";
                self.wrapped(of_written(was), today, shown, path, Class::Checked, what);
            }
            (Shape::Tuple(parts), Shape::List(now)) => {
                self.note(Class::Compatible, written, today, path, "may be of any length now");
                for part in distinct(parts) {
                    self.types(of_written(part), of_today(now), &at(path, "[]"));
                }
            }
            (Shape::List(was), Shape::Tuple(parts)) => {
                let what = format!("has to have {} elements now: any other number is refused", parts.len());
                self.note(Class::Checked, written, today, path, &what);
                for part in distinct(parts) {
                    self.types(of_written(was), of_today(part), &at(path, "[]"));
                }
            }
            (Shape::Bytes, Shape::List(now)) => {
                self.note(Class::Compatible, written, today, path, "is written as a list now");
                self.types(of_written(&BYTE), of_today(now), &at(path, "[]"));
            }
            (Shape::Bytes, Shape::Tuple(parts)) => {
                let what = format!("has to have {} elements now: any other number is refused", parts.len());
                self.note(Class::Checked, written, today, path, &what);
                for part in distinct(parts) {
                    self.types(of_written(&BYTE), of_today(part), &at(path, "[]"));
                }
            }
            (Shape::List(was), Shape::Bytes) if is_byte(written.schema, was) => {
                self.note(Class::Compatible, written, today, path, "is written as bytes now");
            }
            (Shape::Tuple(was), Shape::Bytes) if was.iter().all(|was| is_byte(written.schema, was)) => {
                self.note(Class::Compatible, written, today, path, "is written as bytes now");
            }
            _ => match written.newtype() {
                Some(inner) => self.not_held(inner, today, shown, path),
                None => self.breaking(written, today, path, ANOTHER),
            },
        }
    }

    fn held(&mut self, written: Type<'_>, inner: Type<'_>, shown: (Type<'_>, Type<'_>), path: &str) {
        self.wrapped(written, inner, shown, path, Class::Compatible, "is held by a new type");
    }

    fn not_held(&mut self, inner: Type<'_>, today: Type<'_>, shown: (Type<'_>, Type<'_>), path: &str) {
        self.wrapped(inner, today, shown, path, Class::Compatible, "is not held by another type any more");
    }

    /// One type holds what the other is.
    fn wrapped(
        &mut self,
        written: Type<'_>,
        today: Type<'_>,
        shown: (Type<'_>, Type<'_>),
        path: &str,
        class: Class,
        what: &str,
    ) {
        let before = self.differences.len();
        self.wrappings += 1;
        self.note(class, shown.0, shown.1, path, what);
        if self.wrappings <= WRAPPINGS_MAX {
            self.types(written, today, path);
        }
        let inside = &self.differences[before + 1..];
        let is_breaking =
            |difference: &Difference| difference.class == Class::Breaking && difference.path == path;
        if self.wrappings > WRAPPINGS_MAX || inside.iter().any(is_breaking) {
            self.differences.truncate(before);
            self.breaking(shown.0, shown.1, path, ANOTHER);
        }
        self.wrappings -= 1;
    }

    fn note(&mut self, class: Class, written: Type<'_>, today: Type<'_>, path: &str, what: &str) {
        self.add(class, path, written.to_string(), today.to_string(), what, String::new());
    }

    fn breaking(&mut self, written: Type<'_>, today: Type<'_>, path: &str, what: &str) {
        let (was, now) = (written.to_string(), today.to_string());
        let remedy = format!("make it `{was}` again, or convert what was written");
        self.add(Class::Breaking, path, was, now, what, remedy);
    }

    fn add(&mut self, class: Class, path: &str, was: String, now: String, what: &str, remedy: String) {
        let (path, what) = (path.to_owned(), what.to_owned());
        self.differences.push(Difference { class, path, was, now, what, remedy });
    }
}

/// A path that goes on.
fn at(path: &str, step: &str) -> String {
    let step = if path.is_empty() { step.trim_start_matches('.') } else { step };
    format!("{path}{step}")
}

/// Each of several shapes once.
fn distinct(parts: &[Shape]) -> impl Iterator<Item = &Shape> {
    parts.iter().enumerate().filter(|(number, part)| !parts[..*number].contains(part)).map(|(_, part)| part)
}

fn kind_in_words(named: &Named) -> &'static str {
    match named.kind {
        Kind::Struct(_) => "a struct",
        Kind::Enum(_) => "an enum",
    }
}

impl Shape {
    /// Whether its equality does not say that it is the same.
    fn has_parts(&self) -> bool {
        matches!(self, Shape::Option(_) | Shape::List(_) | Shape::Tuple(_) | Shape::Map(..) | Shape::Named(_))
    }
}

impl<'a> Type<'a> {
    /// What it holds, if it is a struct of one value without a name.
    fn newtype(self) -> Option<Type<'a>> {
        let Shape::Named(number) = self.shape else { return None };
        match &self.schema.named(*number)?.kind {
            Kind::Struct(Content::Newtype(inner)) => Some(self.schema.of(inner)),
            _ => None,
        }
    }
}
