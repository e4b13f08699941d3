//! An argument in each of its forms: as the variant holds it, as it is written, read and described, as the method and
//! the client take it.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote_spanned};

use super::Crate;
use crate::{
    check::{Argument, Form},
    types,
};

/// A name that cannot meet one of the user's: not even a constant, which a pattern of the same name would mean.
pub fn local(name: &str, number: usize) -> Ident {
    format_ident!("__{name}{number}", span = Span::mixed_site())
}

/// The type that the variant holds.
pub fn owned(argument: &Argument, krate: &Crate) -> TokenStream {
    let ty = &argument.ty;
    let held = match argument.form {
        _ if argument.broken => return quote_mixed!(()),
        Form::Owned | Form::Text | Form::Borrowed => quote_mixed!(#ty),
        Form::Slice => quote_mixed!(#krate::std::vec::Vec<#ty>),
        Form::Unsized(path) => {
            let path = path.iter().map(|segment| Ident::new(segment, Span::mixed_site()));
            quote_mixed!(#krate::std #(::#path)*)
        }
    };
    match argument.optional {
        true => quote_mixed!(#krate::std::option::Option<#held>),
        false => held,
    }
}

/// The same as a person would write it.
pub fn owned_text(argument: &Argument) -> String {
    let held = match argument.form {
        Form::Slice => format!("Vec<{}>", types::text(&argument.ty)),
        Form::Unsized(path) => path.last().map(|name| (*name).to_owned()).unwrap_or_default(),
        Form::Owned | Form::Text | Form::Borrowed => types::text(&argument.ty),
    };
    if argument.optional { format!("Option<{held}>") } else { held }
}

/// What the method takes, from the `local` that holds what the variant held.
pub fn passed(argument: &Argument, local: &Ident, krate: &Crate) -> TokenStream {
    match argument.form {
        Form::Owned | Form::Text => quote_mixed!(#local),
        _ if argument.optional => lent(argument, &quote_mixed!(&#local), krate),
        Form::Borrowed | Form::Slice | Form::Unsized(_) => quote_mixed!(&#local),
    }
}

/// What [`put`] takes, from a reference to what the variant holds.
pub fn lent(argument: &Argument, held: &TokenStream, krate: &Crate) -> TokenStream {
    match argument.form {
        _ if !argument.optional || argument.broken => held.clone(),
        Form::Slice | Form::Unsized(_) => quote_mixed!(#krate::std::option::Option::as_deref(#held)),
        Form::Owned | Form::Text | Form::Borrowed => quote_mixed!(#krate::std::option::Option::as_ref(#held)),
    }
}

/// Writes an argument; `value` is a reference to it, or an `Option` of one.
pub fn put(argument: &Argument, value: &TokenStream, krate: &Crate) -> TokenStream {
    let ty = &argument.ty;
    let span = types::span_of(ty);
    let function = match argument.form {
        _ if argument.broken => {
            return quote_mixed!(#krate::std::result::Result::Ok::<(), #krate::Unwritable>(()));
        }
        Form::Owned | Form::Text | Form::Borrowed => quote_spanned!(span=> <#ty as #krate::Argument>::put),
        Form::Slice => quote_spanned!(span=> <#ty as #krate::Argument>::put_slice),
        Form::Unsized(_) => quote_spanned!(span=> #krate::put::<#ty>),
    };
    match argument.optional {
        // Closures, as a function that there is not would be told of once more, where it is handed over.
        true => {
            quote_spanned!(span=> #krate::put_option(#value, __bytes, |__value, __bytes| #function(__value, __bytes)))
        }
        false => quote_spanned!(span=> #function(#value, __bytes)),
    }
}

/// The function that tells what an argument looks like.
pub fn shape(argument: &Argument, krate: &Crate) -> TokenStream {
    of_argument(argument, "shape", krate)
}

/// The place of an argument that is carried over; `place` is a `&mut Option` of it.
pub fn slot(argument: &Argument, place: &TokenStream, krate: &Crate) -> TokenStream {
    let slot = of_argument(argument, "slot", krate);
    quote_spanned!(types::span_of(&argument.ty)=> #slot(#place))
}

/// Reads an argument.
pub fn get(argument: &Argument, krate: &Crate) -> TokenStream {
    let ty = &argument.ty;
    let span = types::span_of(ty);
    let function = match argument.form {
        _ if argument.broken => return quote_mixed!(()),
        Form::Owned | Form::Text | Form::Borrowed => quote_spanned!(span=> <#ty as #krate::Argument>::get),
        Form::Slice => quote_spanned!(span=> <#ty as #krate::Argument>::get_slice),
        Form::Unsized(_) => {
            let owned = owned(argument, krate);
            return quote_mixed!(<#owned as #krate::Argument>::get(__bytes)?);
        }
    };
    match argument.optional {
        true => quote_spanned!(span=> #krate::get_option(__bytes, |__bytes| #function(__bytes))?),
        false => quote_spanned!(span=> #function(__bytes)?),
    }
}

/// A function of `Argument` that there is for each form.
///
/// It is named for the type that the user wrote, so that one which is no argument is one error for all of them.
fn of_argument(argument: &Argument, name: &str, krate: &Crate) -> TokenStream {
    let ty = &argument.ty;
    let span = types::span_of(ty);
    let option = if argument.optional { "_option" } else { "" };
    let named = |form: &str| format_ident!("{name}{option}{form}", span = span);
    match argument.form {
        _ if argument.broken => {
            let name = Ident::new(name, Span::mixed_site());
            quote_mixed!(<() as #krate::Argument>::#name)
        }
        Form::Owned | Form::Text | Form::Borrowed => {
            let name = named("");
            quote_spanned!(span=> <#ty as #krate::Argument>::#name)
        }
        Form::Slice => {
            let name = named("_slice");
            quote_spanned!(span=> <#ty as #krate::Argument>::#name)
        }
        Form::Unsized(_) => {
            let (owned, name) = (owned(argument, krate), Ident::new(name, Span::mixed_site()));
            quote_mixed!(<#owned as #krate::Argument>::#name)
        }
    }
}

/// The client's parameter.
pub fn parameter(argument: &Argument, number: usize, krate: &Crate) -> TokenStream {
    let Argument { name, ty, form, optional, broken, .. } = argument;
    if *broken {
        let name = local("argument", number);
        return quote_mixed!(#name: impl #krate::std::marker::Sized);
    }
    let lent = match form {
        Form::Owned => return quote_mixed!(#name: #ty),
        Form::Text => return quote_mixed!(#name: impl #krate::std::convert::Into<#ty>),
        Form::Borrowed | Form::Unsized(_) => quote_mixed!(&#ty),
        Form::Slice => quote_mixed!(&[#ty]),
    };
    match optional {
        true => quote_mixed!(#name: #krate::std::option::Option<#lent>),
        false => quote_mixed!(#name: #lent),
    }
}
