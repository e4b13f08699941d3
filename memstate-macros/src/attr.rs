//! The keys that the user gives us, in `#[memstate::model(…)]` and in `#[memstate(…)]`.

mod method;
mod serde;

use proc_macro2::{Ident, TokenStream, TokenTree};
use syn::{
    Attribute, Expr, ExprPath, LitInt, LitStr, Path, Token, Type,
    ext::IdentExt,
    parse::{Parse, ParseStream, Parser, discouraged::Speculative},
};

pub use method::{Attrs, conditional, docs as docs_of};
pub use serde::{keys as serde_keys, keys_of_variant as serde_keys_of_variant};

use crate::errors::Errors;

/// Where a key may stand.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Place {
    ModelStruct,
    /// On the struct, below `#[memstate::model]`.
    Model,
    ModelImpl,
    /// Of both, as the module has both.
    ModelModule,
    /// On an `impl` block in the model's module.
    BlockInModule,
    /// On the `impl` block, below `#[memstate::model]`.
    Block,
    Data,
    Method,
    Argument,
    Field,
    /// A field of a model.
    ModelField,
    Variant,
    /// A struct under `#[memstate::data]`.
    Struct,
    /// Where nothing may stand.
    Nowhere,
}

impl Place {
    /// All that have keys.
    #[cfg(test)]
    pub const ALL: [Place; 13] = [
        Place::ModelStruct,
        Place::Model,
        Place::ModelImpl,
        Place::ModelModule,
        Place::BlockInModule,
        Place::Block,
        Place::Data,
        Place::Method,
        Place::Argument,
        Place::Field,
        Place::ModelField,
        Place::Variant,
        Place::Struct,
    ];

    pub fn keys(self) -> &'static [&'static str] {
        match self {
            Place::ModelStruct => &["crate", "migrate"],
            Place::Model => &["migrate"],
            Place::ModelImpl => &["crate", "events", "strict"],
            Place::ModelModule => &[],
            Place::BlockInModule => &["skip", "strict"],
            Place::Block => &["strict"],
            Place::Data => &["crate", "error"],
            Place::Method => &[
                "skip",
                "client",
                "was",
                "retired",
                "replays",
                "version",
                "upcast",
                "deterministic",
                "strict",
            ],
            Place::Argument => &["was", "default"],
            Place::Field => &["clone"],
            Place::ModelField => &["clone", "model", "was"],
            Place::Variant | Place::Struct => &["display"],
            Place::Nowhere => &[],
        }
    }

    /// Its own keys, and those of the places that it stands for.
    pub fn all_keys(self) -> Vec<&'static str> {
        let mut keys = self.keys().to_vec();
        if self == Place::ModelModule {
            keys.extend(Place::ModelStruct.keys());
            keys.extend(Place::ModelImpl.keys());
            keys.sort_unstable();
            keys.dedup();
        }
        keys
    }

    /// The module of `memstate::__private::keys` with its keys.
    pub fn module(self) -> &'static str {
        match self {
            Place::ModelStruct => "model_struct",
            Place::Model => "model",
            Place::ModelImpl => "model_impl",
            Place::ModelModule => "model_module",
            Place::BlockInModule => "block_in_module",
            Place::Block => "block",
            Place::Data => "data",
            Place::Method => "method",
            Place::Argument => "argument",
            Place::Field => "field",
            Place::ModelField => "model_field",
            Place::Variant => "variant",
            Place::Struct => "structure",
            Place::Nowhere => "nowhere",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Place::ModelStruct => "`#[memstate::model]` above a struct",
            Place::Model => "a model",
            Place::ModelImpl => "`#[memstate::model]` above an `impl` block",
            Place::ModelModule => "`#[memstate::model]` above a `mod`",
            Place::BlockInModule => "an `impl` block in a model's module",
            Place::Block => "an `impl` block",
            Place::Data => "`#[memstate::data]`",
            Place::Method => "a method",
            Place::Argument => "an argument",
            Place::Field => "a field",
            Place::ModelField => "a field of a model",
            Place::Variant => "a variant",
            Place::Struct => "a struct",
            Place::Nowhere => "this place",
        }
    }
}

/// How each key is written.
const FORMS: &[(&str, &str)] = &[
    ("skip", "skip"),
    ("clone", "clone"),
    ("model", "model"),
    ("error", "error"),
    ("retired", "retired"),
    ("deterministic", "deterministic"),
    ("strict", "strict"),
    ("client", "client = \"name_on_the_client\""),
    ("crate", "crate = path::to::memstate"),
    ("events", "events = BankEvent"),
    ("display", "display = \"no account {0}\""),
    ("was", "was = \"old_name\""),
    ("replays", "replays = \"command\""),
    ("version", "version = 2"),
    ("upcast", "upcast = path::of::a_function"),
    ("migrate", "migrate = path::of::a_function"),
    ("default", "default` or `default = value"),
];

/// Those that may stand several times.
const REPEATED: &[&str] = &["was", "upcast", "migrate"];

/// The keys of one place.
#[derive(Default)]
pub struct Keys {
    /// Their names, as they were given.
    pub given: Vec<Ident>,
    /// Each of them with its value, as it was written.
    written: Vec<TokenStream>,
    pub krate: Option<Path>,
    pub events: Option<Type>,
    pub error: bool,
    pub skip: bool,
    pub deterministic: bool,
    pub strict: bool,
    /// What the client calls the method.
    pub client: Option<LitStr>,
    pub clone: bool,
    pub model: bool,
    pub display: Option<LitStr>,
    pub was: Vec<LitStr>,
    pub retired: bool,
    pub replays: Option<LitStr>,
    pub version: Option<LitInt>,
    pub upcasts: Vec<ExprPath>,
    pub migrations: Vec<ExprPath>,
    /// With a value, or `Default::default()`.
    pub default: Option<Option<Box<Expr>>>,
}

impl Keys {
    /// Reads what is in the parentheses of our own attribute.
    pub fn of_options(options: TokenStream, place: Place, errors: &mut Errors) -> Keys {
        let mut keys = Keys::default();
        keys.read(options, place, errors);
        keys
    }

    /// Reads all `#[memstate(…)]` among `attrs`.
    pub fn of_attrs(attrs: &[Attribute], place: Place, errors: &mut Errors) -> Keys {
        let mut keys = Keys::default();
        for meta in attrs.iter().filter_map(|attr| conditional(&attr.meta)).flat_map(|(_, metas)| metas) {
            if meta.path().is_ident("memstate") {
                errors.at(
                    meta,
                    "`#[memstate(…)]` cannot stand under a condition",
                    "what is written for the item is written before conditions are looked at",
                    "write the item once for each case, each under its own `#[cfg(…)]`",
                );
            }
        }
        for attr in attrs.iter().filter(|attr| attr.path().is_ident("memstate")) {
            match &attr.meta {
                _ if place == Place::Nowhere => errors.at(
                    attr,
                    "`#[memstate(…)]` says nothing here",
                    "",
                    "remove it; it stands on models, commands and their arguments, queries, fields and the variants \
                     of errors",
                ),
                syn::Meta::List(list) => keys.read(list.tokens.clone(), place, errors),
                other => errors.at(other, "expected `#[memstate(…)]` with a key", "", &expected(place)),
            }
        }
        keys
    }

    /// Reads what is in the parentheses of another attribute of ours, which says something of the same model. What is
    /// said in both of them must be the same.
    pub fn and_options(&mut self, options: TokenStream, place: Place, errors: &mut Errors) {
        self.read(options, place, errors);
    }

    /// Those that may stand at a place, as they were written.
    pub fn written_for(&self, place: Place) -> impl Iterator<Item = &TokenStream> {
        let keys = place.all_keys();
        let of = self.given.iter().zip(&self.written);
        of.filter(move |(key, _)| keys.iter().any(|name| *key == name)).map(|(_, written)| written)
    }

    /// Those for a struct, as they are written.
    pub fn of_structure(&self) -> TokenStream {
        let (krate, migrations) = (self.krate.iter(), &self.migrations);
        quote::quote!(#(crate = #krate,)* #(migrate = #migrations),*)
    }

    /// The place of a key.
    pub fn place(&self, name: &str) -> Option<&Ident> {
        self.given.iter().find(|key| *key == name)
    }

    fn read(&mut self, options: TokenStream, place: Place, errors: &mut Errors) {
        let before = self.given.len();
        let parser = |input: ParseStream<'_>| {
            while !input.is_empty() {
                let whole = input.cursor().token_stream();
                let key = input.call(Ident::parse_any)?;
                let name = key.to_string();
                errors.completion().met(place, &key);
                if !place.all_keys().contains(&name.as_str()) {
                    unknown(&key, place, errors);
                    skip_value(input);
                } else if self.place(&name).is_some() && !REPEATED.contains(&name.as_str()) {
                    Keys::default().value(&key, &name, input, &mut Errors::default());
                    let again = taken(whole, input).to_string();
                    let same = |(given, written): (&Ident, &TokenStream)| {
                        *given == name && written.to_string() == again
                    };
                    if !self.given[..before].iter().zip(&self.written).any(same) {
                        errors.at(&key, format!("`{name}` is there twice"), "", "remove one of them");
                    }
                } else {
                    self.value(&key, &name, input, errors);
                    if let (true, Some(path)) = (name == "crate", &self.krate) {
                        errors.completion().within(path);
                    }
                    self.given.push(key);
                    self.written.push(taken(whole, input));
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

    /// Reads the value of a key. One that is wrong is said to be, and left out.
    fn value(&mut self, key: &Ident, name: &str, input: ParseStream<'_>, errors: &mut Errors) {
        let ahead = input.fork();
        if self.set(name, &ahead).is_ok() && (ahead.is_empty() || ahead.peek(Token![,])) {
            input.advance_to(&ahead);
            return;
        }
        let form = FORMS.iter().find(|(key, _)| *key == name).map_or(name, |(_, form)| form);
        errors.at(key, format!("`{name}` has no such value"), "", &format!("write `{form}`"));
        skip_value(input);
    }

    fn set(&mut self, name: &str, input: ParseStream<'_>) -> syn::Result<()> {
        match name {
            "skip" => self.skip = true,
            "clone" => self.clone = true,
            "model" => self.model = true,
            "error" => self.error = true,
            "retired" => self.retired = true,
            "deterministic" => self.deterministic = true,
            "strict" => self.strict = true,
            "client" => self.client = Some(value(input)?),
            "default" => {
                let value = input.peek(Token![=]).then(|| value(input)).transpose()?;
                self.default = Some(value.map(Box::new));
            }
            "crate" => {
                input.parse::<Token![=]>()?;
                self.krate = Some(input.call(Path::parse_mod_style)?);
            }
            "events" => self.events = Some(value(input)?),
            "was" => self.was.push(value(input)?),
            "replays" => self.replays = Some(value(input)?),
            "version" => {
                let version: LitInt = value(input)?;
                version.base10_parse::<u32>()?;
                self.version = Some(version);
            }
            "upcast" => self.upcasts.push(value(input)?),
            "migrate" => self.migrations.push(value(input)?),
            _ => self.display = Some(value(input)?),
        }
        Ok(())
    }
}

fn value<T: Parse>(input: ParseStream<'_>) -> syn::Result<T> {
    input.parse::<Token![=]>()?;
    input.parse()
}

fn unknown(key: &Ident, place: Place, errors: &mut Errors) {
    let name = key.to_string();
    // A key that is near to one of this place is that one, unless it is a key of another place to the letter.
    let meant = nearest(&name, &place.all_keys());
    let elsewhere = match meant {
        None => nearest(&name, &FORMS.iter().map(|(key, _)| *key).collect::<Vec<_>>()),
        Some(_) => FORMS.iter().map(|(key, _)| *key).find(|key| *key == name),
    };
    if let Some(elsewhere) = elsewhere {
        let what = match elsewhere == name {
            true => format!("`{name}` has no place on {}", place.name()),
            false => format!("unknown key `{name}`; did you mean `{elsewhere}`?"),
        };
        return errors.at(key, what, &expected(place), &home(elsewhere));
    }
    let what = match meant {
        Some(meant) => format!("unknown key `{name}`; did you mean `{meant}`?"),
        None => format!("unknown key `{name}`"),
    };
    errors.at(key, what, &expected(place), "");
}

/// Where a key stands.
fn home(key: &str) -> String {
    let form = FORMS.iter().find(|(name, _)| *name == key).map_or(key, |(_, form)| form);
    let form = form.split('`').next().unwrap_or(form);
    let homes: Vec<String> = HOMES
        .iter()
        .filter(|(place, _, _)| place.keys().contains(&key))
        // What stands on every field need not be said of those of a model.
        .filter(|(place, _, _)| *place != Place::ModelField || !Place::Field.keys().contains(&key))
        .map(|(_, whereabouts, attribute)| format!("{whereabouts} as `#[{attribute}({form})]`"))
        .collect();
    format!("it stands {}", homes.join(", or "))
}

/// Where something may stand, in words, and as what.
const HOMES: &[(Place, &str, &str)] = &[
    (Place::ModelStruct, "above the struct of a model", "memstate::model"),
    (Place::ModelImpl, "above the `impl` block", "memstate::model"),
    (Place::Data, "above a struct or an enum", "memstate::data"),
    (Place::Method, "on a method", "memstate"),
    (Place::Argument, "on an argument of a command", "memstate"),
    (Place::Field, "on a field", "memstate"),
    (Place::ModelField, "on a field of a model", "memstate"),
    (Place::Variant, "on a variant or a struct under `#[memstate::data(error)]`", "memstate"),
];

fn expected(place: Place) -> String {
    let keys: Vec<_> = place.all_keys().iter().map(|key| format!("`{key}`")).collect();
    format!("the keys of {} are: {}", place.name(), keys.join(", "))
}

/// What has been read of `whole`, of which `input` is the rest.
fn taken(whole: TokenStream, input: ParseStream<'_>) -> TokenStream {
    let whole: Vec<TokenTree> = whole.into_iter().collect();
    let rest = input.cursor().token_stream().into_iter().count();
    whole[..whole.len().saturating_sub(rest)].iter().cloned().collect()
}

fn skip_value(input: ParseStream<'_>) {
    while !input.is_empty() && !input.peek(Token![,]) {
        let _ = input.parse::<TokenTree>();
    }
}

/// The key that was meant, if one is near: a third of its letters may be wrong.
pub fn nearest<'a>(name: &str, keys: &[&'a str]) -> Option<&'a str> {
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

/// Whether an attribute is `#[memstate(…)]`, or has one under a condition, which is refused.
pub fn is_ours(attr: &Attribute) -> bool {
    let is_key = |meta: &syn::Meta| meta.path().is_ident("memstate");
    is_key(&attr.meta) || conditional(&attr.meta).is_some_and(|(_, metas)| metas.iter().any(is_key))
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
    use quote::{ToTokens, quote};

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
    fn names_and_functions_may_be_there_several_times() {
        let (keys, errors) = read(
            quote!(was = "a", upcast = one, was = "b", version = 3, upcast = Self::two::<u8>, retired),
            Place::Method,
        );
        assert!(errors.is_empty(), "{errors:?}");
        assert_eq!(keys.was.iter().map(LitStr::value).collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!((keys.upcasts.len(), keys.retired), (2, true));
        assert_eq!(keys.place("version").unwrap(), "version");
    }

    #[test]
    fn a_default_has_a_value_or_none() {
        let (keys, errors) = read(quote!(default), Place::Argument);
        assert!(errors.is_empty() && matches!(keys.default, Some(None)));
        let (keys, errors) = read(quote!(default = f(1, 2) + 3, was = "x"), Place::Argument);
        assert!(errors.is_empty() && keys.was.len() == 1);
        assert_eq!(keys.default.flatten().to_token_stream().to_string(), "f (1 , 2) + 3");
    }

    #[test]
    fn a_wrong_value_is_told_how_it_is_written() {
        for (options, form) in [
            (quote!(was = add, skip), "was = \"old_name\""),
            (quote!(was, skip), "was = \"old_name\""),
            (quote!(version = "2", skip), "version = 2"),
            (quote!(version = 99999999999, skip), "version = 2"),
            (quote!(upcast = |a: u8| a, skip), "upcast = path::of::a_function"),
            (quote!(retired = true, skip), "retired"),
        ] {
            let (keys, errors) = read(options, Place::Method);
            assert_eq!(errors.len(), 1, "{errors:?}");
            assert!(errors[0].ends_with(&format!("help: write `{form}`")), "{}", errors[0]);
            assert!(keys.skip);
        }
    }

    #[test]
    fn a_key_belongs_to_its_place() {
        assert_eq!(read(quote!(events = A), Place::ModelStruct).1.len(), 1);
        assert_eq!(read(quote!(error), Place::ModelImpl).1.len(), 1);
    }

    #[test]
    fn a_key_of_another_place_is_told_where_it_belongs() {
        let of = |options, place| read(options, place).1.remove(0);
        let text = of(quote!(events = A), Place::ModelStruct);
        assert!(text.starts_with("`events` has no place on `#[memstate::model]` above a struct\n"), "{text}");
        assert!(
            text.ends_with(
                "help: it stands above the `impl` block as `#[memstate::model(events = BankEvent)]`"
            ),
            "{text}"
        );
        let text = of(quote!(defualt), Place::Method);
        assert!(text.starts_with("unknown key `defualt`; did you mean `default`?"), "{text}");
        assert!(text.ends_with("on an argument of a command as `#[memstate(default)]`"), "{text}");
        // Near to one of its own place.
        assert!(of(quote!(crat = x), Place::Data).contains("did you mean `crate`?"));
    }

    #[test]
    fn every_key_has_a_form_and_a_home() {
        for place in Place::ALL {
            for key in place.keys() {
                assert!(FORMS.iter().any(|(name, _)| name == key), "{key}");
                assert_ne!(home(key), "it stands ", "{key}");
            }
        }
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
    fn documentation_is_one_text() {
        let attrs: Vec<Attribute> =
            vec![syn::parse_quote!(#[doc = " One."]), syn::parse_quote!(#[doc = "  two"])];
        assert_eq!(docs(&attrs), "One.\n two");
    }
}
