//! The keys that the user gives us, in `#[memstate::model(…)]` and in `#[memstate(…)]`.

use proc_macro2::{Ident, TokenStream, TokenTree};
use quote::ToTokens;
use syn::{
    Attribute, LitStr, Path, Token, Type,
    ext::IdentExt,
    parse::{ParseStream, Parser},
};

use crate::errors::Errors;

/// Where a key may stand.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Place {
    ModelStruct,
    ModelImpl,
    Data,
    Method,
    Field,
    Variant,
    /// A struct under `#[memstate::data]`.
    Struct,
    /// Where nothing may stand.
    Nowhere,
}

impl Place {
    fn keys(self) -> &'static [&'static str] {
        match self {
            Place::ModelStruct => &["crate"],
            Place::ModelImpl => &["crate", "events"],
            Place::Data => &["crate", "error"],
            Place::Method => &["skip"],
            Place::Field => &["clone"],
            Place::Variant | Place::Struct => &["display"],
            Place::Nowhere => &[],
        }
    }

    fn name(self) -> &'static str {
        match self {
            Place::ModelStruct => "`#[memstate::model]` above a struct",
            Place::ModelImpl => "`#[memstate::model]` above an `impl` block",
            Place::Data => "`#[memstate::data]`",
            Place::Method => "a method",
            Place::Field => "a field",
            Place::Variant => "a variant",
            Place::Struct => "a struct",
            Place::Nowhere => "this place",
        }
    }
}

/// The keys of one place.
#[derive(Default)]
pub struct Keys {
    pub krate: Option<Path>,
    pub events: Option<Type>,
    pub error: bool,
    pub skip: bool,
    pub clone: bool,
    pub display: Option<LitStr>,
}

impl Keys {
    /// Reads what is in the parentheses of our own attribute.
    pub fn of_options(options: TokenStream, place: Place, errors: &mut Errors) -> Keys {
        let mut keys = Keys::default();
        keys.read(options, place, &mut Vec::new(), errors);
        keys
    }

    /// Reads all `#[memstate(…)]` among `attrs`.
    pub fn of_attrs(attrs: &[Attribute], place: Place, errors: &mut Errors) -> Keys {
        let mut keys = Keys::default();
        let mut seen = Vec::new();
        for attr in attrs.iter().filter(|attr| attr.path().is_ident("memstate")) {
            match &attr.meta {
                _ if place == Place::Nowhere => errors.at(
                    attr,
                    "`#[memstate(…)]` says nothing here",
                    "",
                    "remove it; it stands on commands, queries, fields and the variants of errors",
                ),
                syn::Meta::List(list) => keys.read(list.tokens.clone(), place, &mut seen, errors),
                other => errors.at(other, "expected `#[memstate(…)]` with a key", "", &expected(place)),
            }
        }
        keys
    }

    fn read(&mut self, options: TokenStream, place: Place, seen: &mut Vec<String>, errors: &mut Errors) {
        let parser = |input: ParseStream<'_>| {
            while !input.is_empty() {
                let key = input.call(Ident::parse_any)?;
                let name = key.to_string();
                if !place.keys().contains(&name.as_str()) {
                    unknown(&key, place, errors);
                    skip_value(input);
                } else if seen.contains(&name) {
                    errors.at(&key, format!("`{name}` is there twice"), "", "remove one of them");
                    skip_value(input);
                } else {
                    self.value(&name, input)?;
                    seen.push(name);
                }
                if !input.is_empty() {
                    input.parse::<Token![,]>()?;
                }
            }
            Ok(())
        };
        if let Err(error) = parser.parse2(options) {
            errors.push(error);
        }
    }

    fn value(&mut self, name: &str, input: ParseStream<'_>) -> syn::Result<()> {
        match name {
            "skip" => self.skip = true,
            "clone" => self.clone = true,
            "error" => self.error = true,
            _ => {
                input.parse::<Token![=]>()?;
                match name {
                    "crate" => self.krate = Some(input.call(Path::parse_mod_style)?),
                    "events" => self.events = Some(input.parse()?),
                    _ => self.display = Some(input.parse()?),
                }
            }
        }
        Ok(())
    }
}

fn unknown(key: &Ident, place: Place, errors: &mut Errors) {
    let name = key.to_string();
    let what = match nearest(&name, place.keys()) {
        Some(meant) => format!("unknown key `{name}`; did you mean `{meant}`?"),
        None => format!("unknown key `{name}`"),
    };
    errors.at(key, what, &expected(place), "");
}

fn expected(place: Place) -> String {
    let keys: Vec<_> = place.keys().iter().map(|key| format!("`{key}`")).collect();
    format!("the keys of {} are: {}", place.name(), keys.join(", "))
}

fn skip_value(input: ParseStream<'_>) {
    while !input.is_empty() && !input.peek(Token![,]) {
        let _ = input.parse::<TokenTree>();
    }
}

/// The key that was meant, if one is near: a third of its letters may be wrong.
fn nearest(name: &str, keys: &[&'static str]) -> Option<&'static str> {
    keys.iter()
        .map(|key| (distance(name, key), *key))
        .filter(|(distance, key)| *distance <= 1 + key.len() / 3)
        .min()
        .map(|(_, key)| key)
}

/// How many letters must be put in, left out or exchanged to make `b` of `a`.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = i;
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let exchanged = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = exchanged.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

/// The serde attributes whose bytes postcard cannot read back, and why.
const UNREADABLE: &[(&str, &str)] = &[
    ("flatten", "it needs a format that names its fields"),
    ("untagged", "it needs a format that says what comes next"),
    ("tag", "it needs a format that names its fields"),
    ("content", "it needs a format that names its fields"),
    (
        "skip_serializing_if",
        "what is left out is not missed when it is read, so the next field is read in its place",
    ),
    (
        "skip_serializing",
        "what is left out is not missed when it is read, so the next field is read in its place",
    ),
    ("skip_deserializing", "what is not read is read as the next field"),
    (
        "skip",
        "what is left out is lost, so that a snapshot would bring back another state than the journal does",
    ),
];

/// Refuses what is in [`UNREADABLE`]; gives the names of the other keys, and `attr` without the refused ones.
pub fn serde_keys(attrs: &mut Vec<Attribute>, errors: &mut Errors) -> Vec<String> {
    let mut names = Vec::new();
    attrs.retain(|attr| {
        if !attr.path().is_ident("serde") {
            return true;
        }
        let mut keep = true;
        let _ = attr.parse_nested_meta(|meta| {
            let name = meta.path.to_token_stream().to_string();
            if let Some((_, why)) = UNREADABLE.iter().find(|(unreadable, _)| *unreadable == name) {
                errors.at(
                    &meta.path,
                    format!("`#[serde({name})]` cannot be read back from a snapshot or a journal"),
                    &format!("they are written in postcard's format: {why}"),
                    "remove it, or give the type its own `Serialize` and `Deserialize`",
                );
                keep = false;
            }
            names.push(name);
            if meta.input.peek(Token![=]) || meta.input.peek(syn::token::Paren) {
                skip_value(meta.input);
            }
            Ok(())
        });
        keep
    });
    names
}

/// The last names of what the `#[derive(…)]`s among `attrs` derive.
pub fn derived(attrs: &[Attribute]) -> Vec<String> {
    let mut names = Vec::new();
    for attr in attrs.iter().filter(|attr| attr.path().is_ident("derive")) {
        let _ = attr.parse_nested_meta(|meta| {
            names.extend(meta.path.segments.last().map(|segment| segment.ident.to_string()));
            Ok(())
        });
    }
    names
}

/// The text of the documentation, a line each.
pub fn docs(attrs: &[Attribute]) -> String {
    let mut lines = Vec::new();
    for attr in attrs.iter().filter(|attr| attr.path().is_ident("doc")) {
        if let syn::Meta::NameValue(doc) = &attr.meta
            && let syn::Expr::Lit(lit) = &doc.value
            && let syn::Lit::Str(text) = &lit.lit
        {
            let text = text.value();
            lines.push(text.strip_prefix(' ').unwrap_or(&text).trim_end().to_owned());
        }
    }
    lines.join("\n").trim().to_owned()
}

#[cfg(test)]
mod tests {
    use quote::quote;

    use super::*;

    fn read(options: TokenStream, place: Place) -> (Keys, Vec<String>) {
        let mut errors = Errors::default();
        let keys = Keys::of_options(options, place, &mut errors);
        (keys, errors.texts())
    }

    #[test]
    fn keys_are_read_in_any_order() {
        let (keys, errors) = read(quote!(crate = a::b, events = Vec<Happened>,), Place::ModelImpl);
        assert!(errors.is_empty(), "{errors:?}");
        assert_eq!(keys.events.to_token_stream().to_string(), "Vec < Happened >");
        assert_eq!(keys.krate.to_token_stream().to_string(), "a :: b");
    }

    #[test]
    fn every_unknown_key_is_named_with_the_one_that_was_meant() {
        let (keys, errors) = read(quote!(event = A, evnets = B, idempotent, crate = x), Place::ModelImpl);
        assert_eq!(errors.len(), 3);
        assert!(errors[0].starts_with("unknown key `event`; did you mean `events`?"), "{}", errors[0]);
        assert!(errors[1].contains("did you mean `events`?"));
        assert!(errors[2].starts_with("unknown key `idempotent`\n"), "{}", errors[2]);
        assert!(keys.krate.is_some());
    }

    #[test]
    fn a_key_twice_is_refused() {
        let (_, errors) = read(quote!(error, error), Place::Data);
        assert!(errors[0].starts_with("`error` is there twice"));
    }

    #[test]
    fn a_key_belongs_to_its_place() {
        assert_eq!(read(quote!(events = A), Place::ModelStruct).1.len(), 1);
        assert_eq!(read(quote!(error), Place::ModelImpl).1.len(), 1);
    }

    #[test]
    fn distances() {
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("event", "events"), 1);
        assert_eq!(distance("skpi", "skip"), 2);
        assert_eq!(nearest("clnoe", &["clone"]), Some("clone"));
        assert_eq!(nearest("version", &["skip", "clone"]), None);
    }

    #[test]
    fn serde_keys_that_cannot_be_read_back_are_refused_one_by_one() {
        let mut attrs: Vec<Attribute> =
            vec![syn::parse_quote!(#[serde(rename = "a", flatten)]), syn::parse_quote!(#[serde(default)])];
        let mut errors = Errors::default();
        assert_eq!(serde_keys(&mut attrs, &mut errors), ["rename", "flatten", "default"]);
        assert_eq!(attrs.len(), 1);
        assert_eq!(errors.texts().len(), 1);
    }

    #[test]
    fn documentation_is_one_text() {
        let attrs: Vec<Attribute> =
            vec![syn::parse_quote!(#[doc = " One."]), syn::parse_quote!(#[doc = "  two"])];
        assert_eq!(docs(&attrs), "One.\n two");
    }
}
