//! What became of fields and of variants.

use super::{Class, Compared, at};
use crate::schema::{Content, Field, Shape, Type, Variant, names::readers};

/// How a field gets a default.
const DEFAULT: &str = "put `#[serde(default)]` on it";

impl Compared {
    /// Compares what two structs or variants hold; `name` is today's.
    pub(super) fn contents(
        &mut self,
        written: Type<'_>,
        was: &Content,
        today: Type<'_>,
        now: &Content,
        name: &str,
    ) {
        match (was, now) {
            (Content::Unit, Content::Unit) => {}
            (Content::Newtype(was), Content::Newtype(now)) => {
                self.types(written.schema.of(was), today.schema.of(now), &at(name, ".0"));
            }
            (Content::Tuple(was), Content::Tuple(now)) if was.len() == now.len() => {
                self.parts(written, was, today, now, name);
            }
            (Content::Fields(was), Content::Fields(now)) => self.fields(written, was, today, now, name),
            (Content::Unit, Content::Fields(now)) => self.fields(written, &[], today, now, name),
            (Content::Fields(was), Content::Unit) => self.fields(written, was, today, &[], name),
            _ => self.other_contents(written, was, today, now, name),
        }
    }

    fn other_contents(
        &mut self,
        written: Type<'_>,
        was: &Content,
        today: Type<'_>,
        now: &Content,
        name: &str,
    ) {
        let what = match (was, now) {
            (Content::Tuple(was), Content::Tuple(now)) => {
                format!("has {} unnamed fields, and had {}", now.len(), was.len())
            }
            _ => format!("has {}, and had {}", in_words(now), in_words(was)),
        };
        let (was, now) = (shown(written, was), shown(today, now));
        let remedy = format!("put `{was}` back, or convert what was written");
        self.add(Class::Breaking, name, was, now, &what, remedy);
    }

    fn fields(&mut self, written: Type<'_>, was: &[Field], today: Type<'_>, now: &[Field], name: &str) {
        let readers = readers(was, now);
        // What is gone and what is new may be the same under another name, which only a person can tell.
        let gone: Vec<&Field> =
            was.iter().zip(&readers).filter(|(_, reader)| reader.is_none()).map(|(field, _)| field).collect();
        let alike = |gone: &Field, new: &Field| {
            written.schema.of(&gone.shape).to_string() == today.schema.of(&new.shape).to_string()
        };
        let mut new: Vec<&Field> = Vec::new();
        let mut order = Vec::new();
        for (place, field) in now.iter().enumerate() {
            let path = at(name, &format!(".{}", field.name));
            let mut sources = (0..was.len()).filter(|number| readers[*number] == Some(place));
            match sources.next() {
                None => {
                    let was = gone.iter().find(|gone| alike(gone, field)).map(|gone| gone.name.as_str());
                    self.added(today, field, was, &path);
                    new.push(field);
                }
                Some(number) => {
                    let old = &was[number];
                    order.push(number);
                    if let Some(second) = sources.next() {
                        self.met(written, [old, &was[second]], today, field, &path);
                    }
                    let types = (written.schema.of(&old.shape), today.schema.of(&field.shape));
                    if old.name != field.name {
                        let what = format!("was called `{}`", old.name);
                        self.note(Class::Compatible, types.0, types.1, &path, &what);
                    }
                    self.types(types.0, types.1, &path);
                }
            }
        }
        if !order.is_sorted() {
            self.reordered(name, "the fields stand in another order", was, now, |field| &field.name);
        }
        for field in gone {
            let path = at(name, &format!(".{}", field.name));
            let type_was = written.schema.of(&field.shape).to_string();
            let what = "is not there any more: its values are left out";
            let remedy = new.iter().find(|new| alike(field, new)).map(|new| {
                format!("if it is `{}` now, write `#[serde(alias = \"{}\")]` on that", new.name, field.name)
            });
            self.add(Class::Compatible, &path, type_was, String::new(), what, remedy.unwrap_or_default());
        }
    }

    /// Two fields are one today, by an alias.
    fn met(&mut self, written: Type<'_>, was: [&Field; 2], today: Type<'_>, now: &Field, path: &str) {
        let shown =
            was.map(|field| format!("{}: {}", field.name, written.schema.of(&field.shape))).join(", ");
        let what = format!("is read for `{}` and for `{}`, which were two fields", was[0].name, was[1].name);
        let remedy = "take one of the aliases away".to_owned();
        self.add(Class::Breaking, path, shown, today.schema.of(&now.shape).to_string(), &what, remedy);
    }

    /// `was`: a field that is gone and of the same type.
    fn added(&mut self, today: Type<'_>, field: &Field, was: Option<&str>, path: &str) {
        let now = today.schema.of(&field.shape).to_string();
        let (class, what, remedy) = match field.default {
            Some(true) => (Class::Compatible, "is new, and has a default", ""),
            None => (Class::Compatible, "is new, and can be read if it has a default", ""),
            Some(false) => (Class::NeedsDefault, "is new, and has no default", DEFAULT),
        };
        let remedy = match was.filter(|_| class == Class::NeedsDefault) {
            Some(was) => format!(
                "if it was called `{was}`, write `#[serde(alias = \"{was}\")]` on it, or, if it is new, {DEFAULT}"
            ),
            None => remedy.to_owned(),
        };
        self.add(class, path, String::new(), now, what, remedy);
    }

    fn reordered<T>(
        &mut self,
        name: &str,
        what: &'static str,
        was: &[T],
        now: &[T],
        called: impl Fn(&T) -> &String,
    ) {
        let list = |all: &[T]| all.iter().map(|one| called(one).as_str()).collect::<Vec<_>>().join(", ");
        self.add(Class::Compatible, name, list(was), list(now), what, String::new());
    }

    /// Compares the variants of two enums; `name` is today's.
    pub(super) fn variants(
        &mut self,
        written: Type<'_>,
        was: &[Variant],
        today: Type<'_>,
        now: &[Variant],
        name: &str,
    ) {
        let readers = readers(was, now);
        let mut order = Vec::new();
        for (place, variant) in now.iter().enumerate() {
            let path = format!("{name}::{}", variant.name);
            let sources: Vec<_> = (0..was.len()).filter(|number| readers[*number] == Some(place)).collect();
            if sources.is_empty() {
                let shape = shown(today, &variant.content);
                let what = "is a new variant";
                self.add(Class::Compatible, &path, String::new(), shape, what, String::new());
            }
            order.extend(sources.first().copied());
            for old in sources.into_iter().map(|number| &was[number]) {
                if old.name != variant.name {
                    let (was, now) = (old.name.clone(), variant.name.clone());
                    let what = format!("was called `{was}`");
                    self.add(Class::Compatible, &path, was, now, &what, String::new());
                }
                self.variant(written, &old.content, today, &variant.content, &path);
            }
        }
        if !order.is_sorted() {
            let what = "the variants stand in another order";
            self.reordered(name, what, was, now, |variant| &variant.name);
        }
        for (variant, _) in was.iter().zip(&readers).filter(|(_, reader)| reader.is_none()) {
            self.removed_variant(written, variant, name);
        }
    }

    fn removed_variant(&mut self, written: Type<'_>, variant: &Variant, name: &str) {
        let path = format!("{name}::{}", variant.name);
        let remedy = format!(
            "put it back, or `#[serde(alias = \"{}\")]` on the variant that it is now, if such values were written",
            variant.name
        );
        let what = "is not there any more: a value that is this variant is refused";
        let was = shown(written, &variant.content);
        self.add(Class::Checked, &path, was, String::new(), what, remedy);
    }

    fn variant(&mut self, written: Type<'_>, was: &Content, today: Type<'_>, now: &Content, path: &str) {
        let before = self.differences.len();
        self.contents(written, was, today, now, path);
        let what = match (was, now) {
            (Content::Unit, Content::Fields(_)) => "has fields now",
            (Content::Fields(_), Content::Unit) => "has no fields any more",
            _ => return,
        };
        // What is said of each field follows.
        let change = super::Difference {
            class: Class::Compatible,
            path: path.to_owned(),
            was: shown(written, was),
            now: shown(today, now),
            what: what.to_owned(),
            remedy: String::new(),
        };
        self.differences.insert(before, change);
    }
}

fn in_words(content: &Content) -> &'static str {
    match content {
        Content::Unit => "no fields",
        Content::Newtype(_) => "one unnamed field",
        Content::Tuple(_) => "unnamed fields",
        Content::Fields(_) => "named fields",
    }
}

/// What a struct or a variant holds, as it is written behind its name.
fn shown(of: Type<'_>, content: &Content) -> String {
    let one = |shape: &Shape| of.schema.of(shape).to_string();
    match content {
        Content::Unit => String::from("()"),
        Content::Newtype(shape) => format!("({})", one(shape)),
        Content::Tuple(parts) => format!("({})", parts.iter().map(one).collect::<Vec<_>>().join(", ")),
        Content::Fields(fields) => {
            let field = |field: &Field| format!("{}: {}", field.name, one(&field.shape));
            format!("{{ {} }}", fields.iter().map(field).collect::<Vec<_>>().join(", "))
        }
    }
}
