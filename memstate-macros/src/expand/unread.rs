//! A struct or an enum that cannot be read. The compiler has read it before us and has said where the mistake is, so nothing
//! is said again: the item is handed back with all that others may look for in it, as if it held nothing.

use proc_macro2::{Delimiter, Ident, TokenStream, TokenTree};
use quote::quote_spanned;
use syn::{
    DeriveInput, Generics, Visibility,
    ext::IdentExt,
    parse::{ParseStream, Parser},
};

use super::{Crate, lenient, model};
use crate::{
    attr,
    check::{Record, Whole},
    errors::Errors,
    fallback::without_helpers,
};

/// What is written for `item`, which `error` says why it cannot be read.
pub fn instead(
    item: &TokenStream,
    whole: Whole,
    error: syn::Error,
    krate: &Crate,
    errors: &mut Errors,
) -> TokenStream {
    let mut written = without_helpers(item.clone(), 2);
    // The end of a tuple is lost where the compiler goes on after a mistake.
    if let Some(TokenTree::Group(last)) = written.clone().into_iter().last()
        && last.delimiter() == Delimiter::Parenthesis
    {
        written.extend(quote_mixed!(;));
    }
    let input = match header.parse2(item.clone()) {
        Ok(input) if input.generics.lifetimes().next().is_none() => input,
        _ => {
            errors.push(error);
            return written;
        }
    };
    let derived = attr::derived(&input.attrs);
    let record = Record::of(input, whole, &mut Errors::default());
    written.extend(traits(&record, whole, &derived, krate));
    if whole == Whole::Model {
        written.extend(model::implementation(&record, krate));
    }
    written.extend(unless_said(&error, krate));
    written
}

/// The item as if it were an empty struct.
fn header(input: ParseStream<'_>) -> syn::Result<DeriveInput> {
    let attrs = input.call(syn::Attribute::parse_outer)?;
    let vis: Visibility = input.parse()?;
    let _keyword: Ident = input.call(Ident::parse_any)?;
    let ident: Ident = input.parse()?;
    let mut generics: Generics = input.parse()?;
    generics.where_clause = input.parse()?;
    let rest: TokenStream = input.parse()?;
    let first = rest.into_iter().next();
    // Bounds stand behind a tuple, and may be what cannot be read.
    if !matches!(&first, Some(TokenTree::Group(group)) if group.delimiter() != Delimiter::Bracket) {
        return Err(syn::Error::new(ident.span(), "expected fields"));
    }
    let mut empty: DeriveInput = syn::parse_quote!(struct #ident {});
    (empty.attrs, empty.vis, empty.generics) = (attrs, vis, generics);
    Ok(empty)
}

/// What our attribute gives to an item, without anything in it: it does not compile anyway.
fn traits(record: &Record, whole: Whole, derived: &[String], krate: &Crate) -> TokenStream {
    let (header, parameters, bounds) = record.input.generics.split_for_impl();
    let mut read = record.input.generics.clone();
    read.params.insert(0, syn::parse_quote!('__de));
    let read = read.split_for_impl().0;
    let item = &record.input.ident;
    let named =
        |name: &str, then: TokenStream| (!derived.iter().any(|derived| derived == name)).then_some(then);
    let never = quote_mixed!(#krate::std::unreachable!());
    let serialize = named(
        "Serialize",
        quote_mixed! {
            impl #header #krate::serde::Serialize for #item #parameters #bounds {
                fn serialize<__S: #krate::serde::Serializer>(&self, _: __S) -> #krate::std::result::Result<__S::Ok, __S::Error> {
                    #never
                }
            }
        },
    );
    let deserialize = named(
        "Deserialize",
        quote_mixed! {
            impl #read #krate::serde::Deserialize<'__de> for #item #parameters #bounds {
                fn deserialize<__D: #krate::serde::Deserializer<'__de>>(_: __D) -> #krate::std::result::Result<Self, __D::Error> {
                    #never
                }
            }
        },
    );
    let clone = (whole != Whole::Model).then(|| {
        named(
            "Clone",
            quote_mixed! {
                impl #header #krate::std::clone::Clone for #item #parameters #bounds {
                    fn clone(&self) -> Self { #never }
                }
            },
        )
    });
    let error = (whole == Whole::Error).then(|| {
        let show = quote_mixed! {
            fn fmt(&self, _: &mut #krate::std::fmt::Formatter<'_>) -> #krate::std::fmt::Result { #never }
        };
        let debug = named(
            "Debug",
            quote_mixed! {
                impl #header #krate::std::fmt::Debug for #item #parameters #bounds { #show }
            },
        );
        quote_mixed! {
            #debug
            impl #header #krate::std::fmt::Display for #item #parameters #bounds { #show }
            impl #header #krate::std::error::Error for #item #parameters #bounds {}
        }
    });
    let clone = clone.flatten();
    let lenient = lenient();
    quote_mixed! {
        #lenient
        const _: () = {
            #serialize
            #deserialize
            #clone
            #error
            impl #header #krate::State for #item #parameters #bounds {
                type Saved = ();
                fn save(&self) { #never }
                fn restore(_: ()) -> Self { #never }
                fn visit(&mut self, _: &mut #krate::Visitor) { #never }
            }
        };
    }
}

/// The mistake, if the compiler knows of none: of lints that come as late as this one it says nothing after an error.
fn unless_said(error: &syn::Error, krate: &Crate) -> TokenStream {
    let text = format!("memstate cannot read this: {error}");
    let lenient = lenient();
    let read = quote_spanned!(error.span().resolved_at(proc_macro2::Span::mixed_site())=> unread(););
    quote_mixed! {
        #lenient
        const _: () = {
            #[must_use = #text]
            struct Unread(#krate::std::marker::PhantomData<()>);
            fn unread() -> Unread { Unread(#krate::std::marker::PhantomData) }
            #[deny(unused_must_use)]
            fn read() { #read }
        };
    }
}
