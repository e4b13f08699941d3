//! Writes what a person would have written; see `examples/without_macro.rs`.

mod carry;
mod client;
mod counted;
mod data;
mod determinism;
mod display;
mod enums;
mod methods;
mod model;
mod state;

use proc_macro2::{Span, TokenStream};
use quote::ToTokens;
use syn::{DeriveInput, parse::Parser};

use crate::{
    ast::{Block, Item},
    attr::{Keys, Place},
    check::{Commands, Record, Whole},
    errors::Errors,
    fallback::without_helpers,
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

/// What a generated block may do, whatever the user's lints.
fn lenient() -> TokenStream {
    quote_mixed! {
        #[allow(
            dead_code, deprecated, missing_docs, missing_debug_implementations, non_camel_case_types, private_bounds,
            private_interfaces, unreachable_code, unreachable_patterns, unreachable_pub, unused_imports,
            unused_mut, unused_qualifications, unused_variables, clippy::all, clippy::pedantic, clippy::nursery
        )]
    }
}

pub fn data(options: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let keys = Keys::of_options(options, Place::Data, &mut errors);
    let krate = Crate::of(&keys);
    let written = match syn::parse2::<DeriveInput>(item.clone()) {
        Ok(input) if !matches!(input.data, syn::Data::Union(_)) => {
            let whole = if keys.error { Whole::Error } else { Whole::Data };
            let record = Record::of(input, whole, &mut errors);
            let mut written = data::item(&record, &krate, true, keys.error);
            written.extend(state::implementation(&record, &krate));
            if keys.error {
                written.extend(display::implementation(&record, &krate));
            }
            written
        }
        other => {
            let place = other.as_ref().map_or(item.clone(), |input| input.ident.to_token_stream());
            refuse_data(&item, place, &mut errors);
            without_helpers(item, 2)
        }
    };
    with(written, errors)
}

pub fn model(options: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let written = match Item::of.parse2(item.clone()) {
        Ok(Item::Impl) => methods(options, item, &mut errors),
        Ok(Item::Struct) => structure(options, item, &mut errors),
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
    input.generics.lifetimes().next().is_none().then(|| model_of(input, &Keys::default(), errors))
}

fn model_of(input: DeriveInput, keys: &Keys, errors: &mut Errors) -> TokenStream {
    let krate = Crate::of(keys);
    let mut record = Record::of(input, Whole::Model, errors);
    record.migrations.splice(..0, keys.migrations.iter().cloned());
    let mut written = data::item(&record, &krate, false, false);
    written.extend(state::implementation(&record, &krate));
    written.extend(model::implementation(&record, &krate));
    written
}

fn structure(options: TokenStream, item: TokenStream, errors: &mut Errors) -> TokenStream {
    let keys = Keys::of_options(options, Place::ModelStruct, errors);
    let krate = Crate::of(&keys);
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
            model_of(input, &keys, errors)
        }
        Err(error) => {
            errors.push(error);
            without_helpers(item, 2)
        }
    }
}

fn methods(options: TokenStream, item: TokenStream, errors: &mut Errors) -> TokenStream {
    let keys = Keys::of_options(options, Place::ModelImpl, errors);
    let krate = Crate::of(&keys);
    let mut written = without_helpers(item.clone(), 1);
    match syn::parse2::<Block>(item) {
        Ok(block) => {
            if let Some(commands) = Commands::of(block, &keys, errors) {
                written.extend(methods::implementation(&commands, keys.events.as_ref(), &krate));
                written.extend(determinism::warnings(&commands));
            }
        }
        Err(error) => errors.push(error),
    }
    written
}

fn refuse_data(item: &TokenStream, place: TokenStream, errors: &mut Errors) {
    match Item::of.parse2(item.clone()) {
        Ok(Item::Struct) => {
            if let Err(error) = syn::parse2::<DeriveInput>(item.clone()) {
                errors.push(error);
            }
        }
        Ok(Item::Other(keyword)) if keyword == "enum" => {
            if let Err(error) = syn::parse2::<DeriveInput>(item.clone()) {
                errors.push(error);
            }
        }
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
