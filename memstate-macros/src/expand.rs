//! Writes what a person would have written; see `examples/without_macro.rs`.

mod argument;
mod carry;
mod client;
mod conditions;
mod counted;
mod data;
mod determinism;
mod display;
mod enums;
mod methods;
mod model;
mod module;
mod parts;
mod state;
mod unread;

use proc_macro2::{Span, TokenStream};
use quote::ToTokens;
use syn::{DeriveInput, parse::Parser};

pub use conditions::configured;

use crate::{
    above,
    ast::{Block, Item},
    attr::{Keys, Place},
    check::{Commands, Part, Record, Whole, part},
    errors::Errors,
    fallback::without_helpers,
    second, types,
};

/// Where expansions find memstate.
pub struct Crate {
    path: TokenStream,
    /// The path means the same in every module.
    absolute: bool,
}

impl Crate {
    fn of(keys: &Keys) -> Crate {
        let (path, absolute) = match &keys.krate {
            Some(path) => {
                let absolute = path.leading_colon.is_some()
                    || path.segments.first().is_some_and(|first| first.ident == "crate");
                (path.to_token_stream(), absolute)
            }
            None => (quote_mixed!(::memstate), true),
        };
        Crate { path: quote_mixed!(#path::__private), absolute }
    }

    fn text(&self) -> String {
        self.path.to_string().replace(' ', "")
    }
}

impl ToTokens for Crate {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        self.path.to_tokens(tokens);
    }
}

/// Whether clients may be of models in another process. What the unit tests pin is without that, whatever is built beside them.
fn is_for_remote() -> bool {
    cfg!(all(feature = "remote", not(test)))
}

/// What a generated block may do, whatever the user's lints.
fn lenient() -> TokenStream {
    quote_mixed! {
        #[allow(
            dead_code, deprecated, missing_docs, missing_debug_implementations, non_camel_case_types,
            non_snake_case, non_upper_case_globals, private_bounds,
            private_interfaces, unreachable_code, unreachable_patterns, unreachable_pub, unused_imports,
            unused_mut, unused_qualifications, unused_variables, clippy::all, clippy::pedantic, clippy::nursery, clippy::restriction
        )]
    }
}

pub fn data(options: TokenStream, item: TokenStream) -> TokenStream {
    if let Some(written) = conditions::first("data", &options, &item) {
        return written;
    }
    data_of(options, item)
}

/// `data` of an item without conditions.
fn data_of(options: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let keys = Keys::of_options(options, Place::Data, &mut errors);
    let krate = Crate::of(&keys);
    let written = match syn::parse2::<DeriveInput>(item.clone()) {
        Ok(input) if !matches!(input.data, syn::Data::Union(_)) => {
            let whole = if keys.error { Whole::Error } else { Whole::Data };
            let mut record = Record::of(input, whole, &mut errors);
            let written: &[_] = match keys.error {
                true => &["Clone", "Serialize", "Deserialize", "Debug"],
                false => &["Clone", "Serialize", "Deserialize"],
            };
            record.derived_above = above::derived(&record.input.ident, "data", written, &mut errors);
            let mut written = data::item(&record, &krate, true, keys.error);
            written.extend(state::implementation(&record, &krate));
            if keys.error {
                written.extend(display::implementation(&record, &krate));
            }
            written
        }
        Err(error) if is_struct_or_enum(&item) => {
            let whole = if keys.error { Whole::Error } else { Whole::Data };
            unread::instead(&item, whole, error, &krate, &mut errors)
        }
        other => {
            let place = other.as_ref().map_or(item.clone(), |input| input.ident.to_token_stream());
            refuse_data(&item, place, &mut errors);
            without_helpers(item, 2)
        }
    };
    with(written, errors)
}

fn is_struct_or_enum(item: &TokenStream) -> bool {
    match Item::of.parse2(item.clone()) {
        Ok(Item::Struct) => true,
        Ok(Item::Other(keyword)) => keyword == "enum",
        _ => false,
    }
}

pub fn model(options: TokenStream, item: TokenStream) -> TokenStream {
    if let Some(written) = conditions::first("model", &options, &item) {
        return written;
    }
    model_without_conditions(options, item)
}

fn model_without_conditions(options: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let written = match Item::of.parse2(item.clone()) {
        Ok(Item::Impl) => methods(options, item, &mut errors),
        Ok(Item::Struct) => structure(options, item, &mut errors),
        Ok(Item::Other(keyword)) if keyword == "mod" => module::expand(options, item, &mut errors),
        Ok(Item::Other(keyword)) => {
            let article = if keyword == "enum" { "an" } else { "a" };
            let what = match keyword.as_str() {
                "" => "a model is a struct".to_owned(),
                keyword => format!("a model is a struct, not {article} `{keyword}`"),
            };
            errors.at_span(
                keyword_span(&item, &keyword),
                what,
                "",
                "put `#[memstate::model]` above a `struct` and above its `impl` block, and `#[memstate::data]` above \
                 the enums in it",
            );
            instead_of_a_struct(&item, &keyword, &mut errors).unwrap_or_else(|| without_helpers(item, 2))
        }
        Err(error) => {
            errors.push(error);
            without_helpers(item, 2)
        }
    };
    with(written, errors)
}

/// What is no struct and is said to be none gets all that a model has nevertheless, so that its `impl` block has nothing to
/// add. A union cannot be saved, and is handed back as a struct.
fn instead_of_a_struct(item: &TokenStream, keyword: &str, errors: &mut Errors) -> Option<TokenStream> {
    if keyword != "enum" && keyword != "union" {
        return None;
    }
    let mut input = syn::parse2::<DeriveInput>(item.clone()).ok()?;
    if let syn::Data::Union(union) = input.data {
        input.data = syn::Data::Struct(syn::DataStruct {
            struct_token: syn::Token![struct](union.union_token.span),
            fields: syn::Fields::Named(union.fields),
            semi_token: None,
        });
    }
    if input.generics.lifetimes().next().is_some() {
        return None;
    }
    let is_alone = second::is_without_block(&input.ident);
    if is_alone {
        let mut written = without_helpers(item.clone(), 2);
        written.extend(model::stand_in(&input, &Crate::of(&Keys::default())));
        return Some(written);
    }
    Some(model_of(input, item, &Keys::default(), errors))
}

fn model_of(input: DeriveInput, item: &TokenStream, keys: &Keys, errors: &mut Errors) -> TokenStream {
    let krate = Crate::of(keys);
    let mut record = Record::of(input, Whole::Model, errors);
    record.migrations.splice(..0, keys.migrations.iter().cloned());
    record.derived_above =
        above::derived(&record.input.ident, "model", &["Serialize", "Deserialize"], errors);
    let mut written = data::item(&record, &krate, false, false);
    written.extend(state::implementation(&record, &krate));
    if record.parts().next().is_some() {
        written.extend(model::around_parts(&record, &krate));
        written.extend(parts::ask(&record.input.ident, &keys.of_structure(), item, &krate));
    } else {
        written.extend(model::implementation(&record, &krate));
    }
    written
}

fn structure(options: TokenStream, item: TokenStream, errors: &mut Errors) -> TokenStream {
    let keys = Keys::of_options(options, Place::ModelStruct, errors);
    structure_of(&keys, item, errors)
}

fn structure_of(keys: &Keys, item: TokenStream, errors: &mut Errors) -> TokenStream {
    let krate = Crate::of(keys);
    match syn::parse2::<DeriveInput>(item.clone()) {
        Ok(input) => {
            let lifetime = input.generics.lifetimes().next().map(|param| param.lifetime.clone());
            if let Some(lifetime) = lifetime {
                errors.at(
                    &lifetime,
                    "a model owns its data and cannot have lifetime parameters",
                    "it lives as long as the engine, and is read from a journal",
                    "use owned types: `String`, `Vec<T>`",
                );
                let mut written = without_helpers(item, 2);
                written.extend(model::stand_in(&input, &krate));
                return written;
            }
            model_of(input, &item, keys, errors)
        }
        Err(error) => unread::instead(&item, Whole::Model, error, &krate, errors),
    }
}

fn methods(options: TokenStream, item: TokenStream, errors: &mut Errors) -> TokenStream {
    let keys = Keys::of_options(options, Place::ModelImpl, errors);
    // Methods of a model cannot be `const`, so nobody should be told to make them so.
    let mut written = quote_mixed!(#[allow(clippy::missing_const_for_fn)]);
    written.extend(without_helpers(item.clone(), 1));
    let fingerprint = second::Fingerprint::of(&item);
    match syn::parse2::<Block>(item) {
        Ok(block) if let Some(other) = second::other(fingerprint, &block) => {
            written.extend(second_block(&keys, block, &other, errors));
        }
        Ok(block) => written.extend(methods_of(&keys, block, errors)),
        Err(error) => errors.push(error),
    }
    written
}

/// What is written where a struct with models inside and its `impl` block are both known. What is wrong with either by itself
/// is said already.
pub fn compose(input: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let Some([options, structure, block]) = parts::given(input) else { return TokenStream::new() };
    let (Ok(input), Ok(block)) = (syn::parse2::<DeriveInput>(structure), syn::parse2::<Block>(block)) else {
        return TokenStream::new();
    };
    let mut said = Errors::default();
    let keys = Keys::of_options(options, Place::ModelStruct, &mut said);
    let krate = Crate::of(&keys);
    let mut record = Record::of(input, Whole::Model, &mut said);
    record.migrations.splice(..0, keys.migrations);
    let Some(mut commands) = Commands::of(block, &Keys::default(), &mut said) else {
        return TokenStream::new();
    };
    methods::collect(&mut commands, &krate);
    let mut models: Vec<Part> = record.parts().cloned().collect();
    part::meetings(&mut models, &commands, &record.input.generics, &mut errors);
    with(parts::implementation(&record, &commands, &models, &krate), errors)
}

/// A second block of one struct gets the client's methods, so that what calls them has nothing to add.
fn second_block(keys: &Keys, block: Block, other: &str, errors: &mut Errors) -> Option<TokenStream> {
    let model = types::text(&block.self_ty);
    errors.at(
        &block.self_ty,
        format!("`{model}` has an `impl` block with `#[memstate::model]` already, at {other}"),
        "the commands of a model are one enum, and so are its queries; this attribute sees one block alone",
        "move these methods there, or put the struct and all of its blocks into one `#[memstate::model] mod … { … }`; \
         a block without commands and queries needs no attribute",
    );
    // What its methods say of others may be true of the other block.
    let (mut commands, krate) = (Commands::of(block, keys, &mut Errors::default())?, Crate::of(keys));
    methods::collect(&mut commands, &krate);
    Some(methods::client_alone(&commands, &krate))
}

fn methods_of(keys: &Keys, block: Block, errors: &mut Errors) -> Option<TokenStream> {
    let signatures = block.signatures();
    let (mut commands, krate) = (Commands::of(block, keys, errors)?, Crate::of(keys));
    methods::collect(&mut commands, &krate);
    let mut written = methods::implementation(&commands, keys.events.as_ref(), &krate);
    written.extend(determinism::warnings(&commands));
    written.extend(parts::leave(&commands.name, &signatures));
    Some(written)
}

fn refuse_data(item: &TokenStream, place: TokenStream, errors: &mut Errors) {
    match Item::of.parse2(item.clone()) {
        Ok(Item::Other(keyword)) if !keyword.is_empty() => errors.at_span(
            keyword_span(item, &keyword),
            "`#[memstate::data]` is for structs and enums",
            "",
            "remove it here",
        ),
        _ => errors.at(place, "`#[memstate::data]` is for structs and enums", "", "remove it here"),
    }
}

fn keyword_span(item: &TokenStream, keyword: &str) -> Span {
    item.clone()
        .into_iter()
        .find(|token| matches!(token, proc_macro2::TokenTree::Ident(ident) if ident == keyword))
        .map_or_else(Span::call_site, |token| token.span())
}

fn with(mut written: TokenStream, errors: Errors) -> TokenStream {
    written.extend(errors.into_tokens());
    written
}

/// `Bank<T>` from the struct's own definition.
fn self_ty(input: &DeriveInput) -> syn::Type {
    let (name, (_, parameters, _)) = (&input.ident, input.generics.split_for_impl());
    syn::parse_quote!(#name #parameters)
}

/// A generic's parameters without bounds and defaults, as a definition has them.
fn bare_parameters(generics: &syn::Generics) -> TokenStream {
    let parameters = generics.params.iter().map(bare_parameter);
    quote_mixed!(<#(#parameters),*>)
}

fn bare_parameter(param: &syn::GenericParam) -> TokenStream {
    match param {
        syn::GenericParam::Type(param) => param.ident.to_token_stream(),
        syn::GenericParam::Lifetime(param) => param.lifetime.to_token_stream(),
        syn::GenericParam::Const(param) => {
            let (name, ty) = (&param.ident, &param.ty);
            quote_mixed!(const #name: #ty)
        }
    }
}

fn without_defaults(generics: &syn::Generics) -> syn::Generics {
    let mut generics = generics.clone();
    for param in generics.type_params_mut() {
        param.default = None;
    }
    generics
}

#[cfg(test)]
mod tests;
