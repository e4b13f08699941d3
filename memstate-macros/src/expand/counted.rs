//! Lists of what takes no bytes, refused where they are spelled.
//!
//! `Vec<()>` of any length is as long as an empty one, so a few bytes could announce more elements than can ever be read.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote_spanned};
use syn::{
    GenericArgument, Generics, PathArguments, Type,
    visit_mut::{self, VisitMut},
};

use super::{Crate, methods::Scope};
use crate::{
    check::{Form, Held, Kind, Record},
    errors, types,
};

const LISTS: &[&str] = &["Vec", "VecDeque", "LinkedList", "BinaryHeap", "BTreeSet", "HashSet"];
const MAPS: &[&str] = &["BTreeMap", "HashMap"];

/// The checks of an `impl` block: what its methods take and return.
pub fn of_methods(scope: &Scope<'_>) -> TokenStream {
    let (krate, generics) = (scope.krate, scope.generics());
    let operations = scope.commands.operations.iter().filter(|operation| !operation.broken);
    let checks = operations.filter_map(|operation| {
        let cfgs = &operation.cfgs;
        let arguments = operation.arguments().map(|argument| match argument.form {
            Form::Slice => {
                let ty = &argument.ty;
                syn::parse_quote_spanned!(types::start_of(ty)=> [#ty])
            }
            _ => argument.ty.clone(),
        });
        let all: Vec<Type> = arguments.chain([operation.result.clone()]).collect();
        let mut checks: TokenStream = all.iter().map(|ty| checks(ty, generics, krate)).collect();
        if operation.kind == Kind::Command {
            checks.extend(all.iter().map(|ty| orders(ty, generics, krate)));
        }
        (!checks.is_empty()).then(|| quote_mixed!(#(#cfgs)* const _: () = { #checks };))
    });
    checks.collect()
}

/// The checks of a struct or an enum: what its fields hold.
pub fn of_fields(record: &Record, krate: &Crate) -> TokenStream {
    let fields = record.fields().filter(|field| field.held != Held::Not);
    fields.map(|field| checks(&field.ty, &record.input.generics, krate)).collect()
}

/// A struct without fields is written as nothing. Of one with fields that are written so nothing is known here.
pub fn is_nothing(record: &Record, krate: &Crate) -> Option<TokenStream> {
    let name = &record.input.ident;
    let (header, parameters, bounds) = record.input.generics.split_for_impl();
    (!record.is_enum() && record.fields().next().is_none()).then(|| {
        quote_mixed! {
            #[automatically_derived]
            impl #header #krate::WritesNothing for #name #parameters #bounds {}
        }
    })
}

/// One for each list in a type. A list of a type parameter is not known before there is one.
fn checks(ty: &Type, generics: &Generics, krate: &Crate) -> TokenStream {
    let mut lists = Lists { found: Vec::new() };
    lists.visit_type_mut(&mut ty.clone());
    let names: Vec<_> = generics
        .type_params()
        .map(|param| &param.ident)
        .chain(generics.const_params().map(|param| &param.ident))
        .collect();
    let known = lists.found.iter().filter(|(list, _)| !names.iter().any(|name| types::mentions(list, name)));
    known.map(|(list, element)| check(list, element, krate)).collect()
}

/// One for each hash collection in what a command takes or returns, which must not be std's: a journal that is read back gives it
/// another order than it had.
fn orders(ty: &Type, generics: &Generics, krate: &Crate) -> TokenStream {
    let mut hashed = Hashed { found: Vec::new() };
    hashed.visit_type_mut(&mut ty.clone());
    let is_generic = |ty: &Type| {
        let mut names = generics.type_params().map(|param| &param.ident);
        names.any(|name| types::mentions(ty, name))
    };
    let known = hashed.found.iter().filter(|ty| !is_generic(ty));
    known
        .map(|ty| {
            let text = errors::text(
                &format!("std's `{}` has another order whenever it is read from the journal", types::text(ty)),
                "a replay of the command would see another order than the command did, and so may do something else",
                "take that of `memstate::collections`, which has one order, or a `BTreeMap` or `BTreeSet`",
            );
            let span = types::span_of(ty);
            let evaluated = quote_mixed! {
                {
                    use #krate::KnownOrder as _;
                    #krate::order_is_known(#krate::Order::<#ty>::IS_RANDOM, #text)
                }
            };
            let evaluated = types::at(evaluated, span);
            quote_spanned!(span=> const _: () = #evaluated;)
        })
        .collect()
}

/// Hash collections by the names of their types.
struct Hashed {
    found: Vec<Type>,
}

impl VisitMut for Hashed {
    fn visit_type_mut(&mut self, ty: &mut Type) {
        let is_hashed = types::last_segment(ty).is_some_and(|last| {
            (last.ident == "HashMap" || last.ident == "HashSet") && !last.arguments.is_none()
        });
        if is_hashed {
            self.found.push(ty.clone());
        }
        visit_mut::visit_type_mut(self, ty);
    }
}

fn check(list: &Type, element: &TokenStream, krate: &Crate) -> TokenStream {
    let text = errors::text(
        &format!("the elements of `{}` take no bytes", types::text(list)),
        "any number of them is written like none, so that a few bytes could keep a reader busy for ever",
        "take their number instead, as a `u64`",
    );
    let span = types::span_of(list);
    // All of it at one place, which is where the compiler says it.
    let evaluated = quote_mixed! {
        {
            use #krate::WritesSomething as _;
            #krate::elements_take_bytes(#krate::Elements::<#element>::TAKE_NO_BYTES, #text)
        }
    };
    let evaluated = types::at(evaluated, span);
    quote_spanned!(span=> const _: () = #evaluated;)
}

/// Lists by the names of their types, with what one element is.
struct Lists {
    found: Vec<(Type, TokenStream)>,
}

impl VisitMut for Lists {
    fn visit_type_mut(&mut self, ty: &mut Type) {
        if let Some(element) = element(ty) {
            self.found.push((ty.clone(), element));
        }
        visit_mut::visit_type_mut(self, ty);
    }
}

fn element(ty: &Type) -> Option<TokenStream> {
    if let Type::Slice(slice) = ty {
        return (!is_plain(&slice.elem)).then(|| slice.elem.to_token_stream());
    }
    let Type::Path(path) = ty else { return None };
    let last = path.path.segments.last()?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
    let types: Vec<&Type> = arguments
        .args
        .iter()
        .filter_map(|argument| match argument {
            GenericArgument::Type(ty) => Some(ty),
            _ => None,
        })
        .collect();
    let is = |names: &[&str]| names.iter().any(|name| last.ident == name);
    match types.as_slice() {
        [element, ..] if is(LISTS) && !is_plain(element) => Some(element.to_token_stream()),
        [key, value, ..] if is(MAPS) && !is_plain(key) && !is_plain(value) => {
            Some(quote_mixed!((#key, #value)))
        }
        _ => None,
    }
}

/// A number or a text, which there is nothing to ask about.
fn is_plain(ty: &Type) -> bool {
    types::is_plain(ty, "String")
        || !matches!(types::peel(ty), Type::Tuple(_) | Type::Array(_))
            && types::is_certainly_result(ty) == Some(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_found_wherever_they_stand() {
        for (written, found) in [
            ("Option<Vec<()>>", 1),
            ("HashMap<B, BTreeSet<Vec<A>>>", 3),
            ("HashMap<B, Vec<String>>", 1),
            ("(Vec<u8>, HashSet<String>, [bool])", 0),
            ("Box<[A]>", 1),
            ("([u8; 0], String, Own<()>)", 0),
            ("std::collections::VecDeque<A>", 1),
            ("Vec<T>", 0),
            ("BTreeMap<u8, [T; N]>", 0),
        ] {
            let krate = Crate { path: quote_mixed!(m), absolute: true };
            let generics: Generics = syn::parse_quote!(<T, const N: usize>);
            let text = checks(&syn::parse_str(written).unwrap(), &generics, &krate).to_string();
            assert_eq!(text.matches("TAKE_NO_BYTES").count(), found, "{written}: {text}");
        }
    }
}
