//! The text of an error.

use proc_macro2::{Ident, TokenStream};
use quote::format_ident;
use syn::{LitStr, Member, ext::IdentExt};

use super::{Crate, lenient};
use crate::{
    check::{Field, Record, Variant},
    types,
};

pub fn implementation(record: &Record, krate: &Crate) -> TokenStream {
    let mut generics = record.input.generics.clone();
    for param in record.input.generics.type_params() {
        let name = &param.ident;
        generics.make_where_clause().predicates.push(syn::parse_quote!(#name: #krate::std::fmt::Debug));
    }
    let (header, _, bounds) = generics.split_for_impl();
    let (lenient, model) = (lenient(), &record.self_ty);
    let arms = record.variants.iter().map(|variant| arm(variant, &record.input.ident, krate));
    let body = match record.variants.is_empty() {
        true => quote_mixed!(match *self {}),
        false => quote_mixed!(match self { #(#arms)* }),
    };
    quote_mixed! {
        #lenient
        const _: () = {
            #[automatically_derived]
            impl #header #krate::std::fmt::Display for #model #bounds {
                fn fmt(&self, __f: &mut #krate::std::fmt::Formatter<'_>) -> #krate::std::fmt::Result {
                    #body
                }
            }

            #[automatically_derived]
            impl #header #krate::std::error::Error for #model #bounds {}
        };
    }
}

fn arm(variant: &Variant, item: &Ident, krate: &Crate) -> TokenStream {
    let name = match &variant.ident {
        Some(name) => quote_mixed!(Self::#name),
        None => quote_mixed!(Self),
    };
    let members = variant.fields.iter().map(|field| &field.member);
    if let Some(format) = &variant.display {
        // The format string sees the names that have its span; a pattern with them in it would be linted as redundant.
        let bindings: Vec<_> = variant
            .fields
            .iter()
            .map(|field| match &field.member {
                Member::Named(name) => Ident::new_raw(&name.unraw().to_string(), format.span()),
                Member::Unnamed(index) => format_ident!("_{}", index.index, span = format.span()),
            })
            .collect();
        let locals = locals(variant);
        let format = numbered(format);
        return quote_mixed! {
            #name { #(#members: #locals),* } => {
                #(#[allow(unused_variables)] let #bindings = #locals;)*
                #krate::std::write!(__f, #format)
            }
        };
    }
    let locals = locals(variant);
    let mut format = words(&variant.ident.as_ref().unwrap_or(item).unraw().to_string());
    for (number, field) in variant.fields.iter().enumerate() {
        format.push_str(if number == 0 { ": " } else { ", " });
        if let Member::Named(name) = &field.member {
            format.push_str(&words(&name.unraw().to_string()));
            format.push(' ');
        }
        format.push_str(if is_text(field) { "{}" } else { "{:?}" });
    }
    quote_mixed!(#name { #(#members: #locals),* } => #krate::std::write!(__f, #format #(, #locals)*),)
}

fn locals(variant: &Variant) -> Vec<Ident> {
    (0..variant.fields.len())
        .map(|number| format_ident!("__field{number}", span = proc_macro2::Span::mixed_site()))
        .collect()
}

fn is_text(field: &Field) -> bool {
    types::is_plain(&field.ty, "String")
}

/// `NoSuchThing` and `no_such_thing` as "no such thing".
fn words(name: &str) -> String {
    let mut words = String::new();
    let mut lower = false;
    for letter in name.chars() {
        if letter == '_' {
            words.push(' ');
        } else {
            if letter.is_uppercase() && lower {
                words.push(' ');
            }
            words.extend(letter.to_lowercase());
        }
        lower = letter.is_lowercase() || letter.is_numeric();
    }
    words.trim().to_owned()
}

/// A format string with `{_0}` for `{0}`, as the fields of a tuple are bound.
fn numbered(format: &LitStr) -> LitStr {
    let text = format.value();
    let mut numbered = String::new();
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        numbered.push(letter);
        if letter == '{' {
            match letters.peek() {
                Some('{') => numbered.extend(letters.next()),
                Some(next) if next.is_ascii_digit() => numbered.push('_'),
                _ => {}
            }
        }
    }
    LitStr::new(&numbered, format.span())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_words() {
        for (name, expected) in [
            ("NoSuchThing", "no such thing"),
            ("Insufficient", "insufficient"),
            ("IOError", "ioerror"),
            ("last_id", "last id"),
            ("Http2Closed", "http2 closed"),
        ] {
            assert_eq!(words(name), expected);
        }
    }

    #[test]
    fn numbers_in_format_strings_become_names() {
        let format: LitStr = syn::parse_quote!("{{0}} {0} of {limit:?} {1:>5}");
        assert_eq!(numbered(&format).value(), "{{0}} {_0} of {limit:?} {_1:>5}");
    }
}
