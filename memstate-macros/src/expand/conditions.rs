//! `#[cfg(…)]` and `#[cfg_attr(…)]` on an item and in it: nothing is written for what is not there.
//!
//! An attribute macro sees its item with the conditions as they stand, and only the compiler knows which of them hold. A
//! derive sees what they have left. So an item with conditions in it is handed to a derive of ours, which writes all there
//! is to write, the item too; the one that the derive stands on is taken away by an attribute right below.

use proc_macro2::{Delimiter, Ident, Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::{Attribute, parse::Parser};

use crate::{
    ast::Item,
    attr::{Keys, Place},
    errors::Errors,
};

/// What takes the item away, and carries the name and the options of our attribute to the derive.
const GONE: &str = "written_by_the_derive_above";

/// The item, written so that its conditions are looked at before our attribute; `None` if it has none.
pub fn first(name: &str, options: &TokenStream, item: &TokenStream) -> Option<TokenStream> {
    let (attrs, rest) = split(item.clone())?;
    let (cfgs, attrs): (Vec<_>, Vec<_>) = attrs.into_iter().partition(|attr| attr.path().is_ident("cfg"));
    let krate = Keys::of_options(options.clone(), Place::Data, &mut Errors::default()).krate;
    let krate = krate.map_or_else(|| quote_mixed!(::memstate), |path| path.to_token_stream());
    let name = Ident::new(name, Span::mixed_site());
    if !cfgs.is_empty() {
        return Some(quote_mixed!(#(#cfgs)* #[#krate::#name(#options)] #(#attrs)* #rest));
    }
    let attrs = attrs.iter().map(ToTokens::to_token_stream).collect::<TokenStream>();
    if !is_derivable(item) || !(are_in(attrs.clone()) || are_in(rest.clone())) {
        return None;
    }
    let gone = Ident::new(GONE, Span::mixed_site());
    Some(quote_mixed! {
        #[derive(#krate::__private::Configured)]
        #[#krate::__private::#gone(#name { #options })]
        #attrs #rest
    })
}

/// What our attribute writes for an item whose conditions have been looked at.
pub fn configured(item: TokenStream) -> TokenStream {
    let Some((mut attrs, rest)) = split(item) else { return TokenStream::new() };
    let is_gone = |attr: &Attribute| attr.path().segments.last().is_some_and(|last| last.ident == GONE);
    let Some(place) = attrs.iter().position(is_gone) else { return TokenStream::new() };
    let syn::Meta::List(list) = attrs.remove(place).meta else { return TokenStream::new() };
    let mut carried = list.tokens.into_iter();
    let (Some(TokenTree::Ident(name)), Some(TokenTree::Group(options))) = (carried.next(), carried.next())
    else {
        return TokenStream::new();
    };
    let item = quote_mixed!(#(#attrs)* #rest);
    match name == "data" {
        true => super::data_of(options.stream(), item),
        false => super::model_without_conditions(options.stream(), item),
    }
}

fn split(item: TokenStream) -> Option<(Vec<Attribute>, TokenStream)> {
    let parse = |input: syn::parse::ParseStream<'_>| {
        Ok((input.call(Attribute::parse_outer)?, input.parse::<TokenStream>()?))
    };
    parse.parse2(item).ok()
}

/// Whether a derive may stand on it, and it can be read at all.
fn is_derivable(item: &TokenStream) -> bool {
    let is_definition = match Item::of.parse2(item.clone()) {
        Ok(Item::Struct) => true,
        Ok(Item::Other(keyword)) => keyword == "enum" || keyword == "union",
        _ => false,
    };
    is_definition && syn::parse2::<syn::DeriveInput>(item.clone()).is_ok()
}

/// Whether a `#[cfg(…)]` or a `#[cfg_attr(…)]` is anywhere in it.
pub fn are_in(tokens: TokenStream) -> bool {
    let mut after_hash = false;
    for token in tokens {
        match token {
            TokenTree::Group(group) => {
                let is_attribute = after_hash && group.delimiter() == Delimiter::Bracket;
                if (is_attribute && is_condition(group.stream())) || are_in(group.stream()) {
                    return true;
                }
                after_hash = false;
            }
            TokenTree::Punct(punct) => after_hash = punct.as_char() == '#',
            _ => after_hash = false,
        }
    }
    false
}

fn is_condition(attribute: TokenStream) -> bool {
    match attribute.into_iter().next() {
        Some(TokenTree::Ident(name)) => name == "cfg" || name == "cfg_attr",
        // What a macro has taken as `$attribute:meta`.
        Some(TokenTree::Group(meta)) if meta.delimiter() == Delimiter::None => is_condition(meta.stream()),
        _ => false,
    }
}
