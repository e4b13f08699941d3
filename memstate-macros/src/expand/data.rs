//! The item itself, with its derives and serde's attributes.

use proc_macro2::TokenStream;
use quote::{ToTokens, format_ident};
use syn::{LitStr, parse_quote_spanned};

use super::Crate;
use crate::{
    attr,
    check::{Field, Held, Record},
    types,
};

pub fn item(record: &Record, krate: &Crate, clone: bool, debug: bool) -> TokenStream {
    let mut input = record.input.clone();
    let mut derived = attr::derived(&input.attrs);
    derived.extend(record.derived_above.iter().cloned());
    let missing = |name: &str| !derived.iter().any(|derived| derived == name);
    let mut derives = Vec::new();
    if clone && missing("Clone") {
        derives.push(quote_mixed!(#krate::std::clone::Clone));
    }
    if debug && missing("Debug") {
        derives.push(quote_mixed!(#krate::std::fmt::Debug));
    }
    for name in ["Serialize", "Deserialize"] {
        if missing(name) {
            let name = format_ident!("{name}");
            derives.push(quote_mixed!(#krate::serde::#name));
        }
    }
    let has = |key: &str| record.serde_keys.iter().any(|name| name == key);
    let mut serde = Vec::new();
    if !has("crate") && (missing("Serialize") || missing("Deserialize")) {
        let path = format!("{}::serde", krate.text());
        serde.push(quote_mixed!(crate = #path));
    }
    let bounds = record.bounds(krate);
    if !bounds.is_empty() && !has("bound") {
        let bounds: Vec<_> = bounds.iter().map(|bound| bound.to_token_stream().to_string()).collect();
        let bounds = bounds.join(", ");
        serde.push(quote_mixed!(bound = #bounds));
    }
    let mut fields = record.fields();
    let above = |name: &str| record.derived_above.iter().any(|derived| derived == name);
    // Without a derive of serde's below, its attributes would mean nothing.
    let without_serde = above("Serialize") && above("Deserialize");
    match &mut input.data {
        _ if without_serde => {}
        syn::Data::Struct(data) => told(&mut data.fields, &mut fields, krate),
        syn::Data::Enum(data) => {
            data.variants.iter_mut().for_each(|variant| told(&mut variant.fields, &mut fields, krate))
        }
        syn::Data::Union(_) => {}
    }
    let derives = (!derives.is_empty()).then(|| quote_mixed!(#[derive(#(#derives),*)]));
    let serde = (!serde.is_empty() && !without_serde).then(|| quote_mixed!(#[serde(#(#serde),*)]));
    quote_mixed!(#derives #serde #input)
}

/// Has serde write each field through a function of `State`, so that a type without it is one error and not four.
fn told<'a>(fields: &mut syn::Fields, of: &mut impl Iterator<Item = &'a Field>, krate: &Crate) {
    let named = matches!(fields, syn::Fields::Named(_));
    for (field, told) in fields.iter_mut().zip(of) {
        let text = told.ty.to_token_stream().to_string();
        // A `$crate` cannot be written in a string.
        if told.own_serde || text.contains('$') {
            continue;
        }
        let span = types::span_of(&told.ty);
        let path = |function: &str| {
            let krate = krate.text();
            let path = match told.held {
                Held::State => format!("<{text} as {krate}::Held>::__{function}"),
                Held::Clone => format!("<{text} as {krate}::Foreign>::__{function}"),
                Held::Not => format!("{krate}::refused::{function}"),
            };
            LitStr::new(&path, span)
        };
        let (serialize, deserialize) = (path("serialize"), path("deserialize"));
        field.attrs.push(parse_quote_spanned! {span=>
            #[serde(serialize_with = #serialize, deserialize_with = #deserialize)]
        });
        for was in told.part.iter().flat_map(|part| &part.was) {
            field.attrs.push(parse_quote_spanned!(span=> #[serde(alias = #was)]));
        }
        // With functions of its own serde no longer takes a missing `Option` for `None`.
        if named && types::is_option(&told.ty) && !told.has_default {
            field.attrs.push(parse_quote_spanned!(span=> #[serde(default)]));
        }
    }
}
