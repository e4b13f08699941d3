//! What a method returns.

use proc_macro2::Ident;
use syn::{
    GenericArgument, PathArguments, Type, TypeParamBound,
    visit_mut::{self, VisitMut},
};

use super::{Kind, instead};
use crate::{errors::Errors, types};

/// What a method returns, as far as it can be handed out of the engine.
pub struct Returned {
    /// The type, or an owned one that resembles it. Of what gives one value after another it is still written with `::std`.
    pub ty: Type,
    /// What an iterator gives, which is collected into a `Vec`.
    pub streams: Option<Type>,
    /// The type as a person would write it; empty for `()`.
    pub text: String,
}

/// Refuses what cannot be handed out of the engine.
pub fn of(mut result: Type, kind: Kind, method: &Ident, errors: &mut Errors) -> Returned {
    if kind == Kind::Query
        && let Some(item) = item(&result)
    {
        let mut item = item.clone();
        let whole = Streamed { result: &result, item: &item.clone() };
        if !lends(&mut item, &whole, method, errors) {
            let finder = &mut Borrowed { kind, method, whole: &result, errors, done: false };
            finder.visit_type_mut(&mut item);
        }
        let text = format!("Vec<{}>", types::text(&item));
        return Returned { ty: syn::parse_quote!(::std::vec::Vec<#item>), streams: Some(item), text };
    }
    let text = match &result {
        Type::Tuple(tuple) if tuple.elems.is_empty() => String::new(),
        other => types::text(other),
    };
    let whole = result.clone();
    let mut finder = Borrowed { kind, method, whole: &whole, errors, done: false };
    finder.visit_type_mut(&mut result);
    Returned { ty: result, streams: None, text }
}

/// The `T` of `impl Iterator<Item = T>` and of `Box<dyn Iterator<Item = T>>`.
fn item(ty: &Type) -> Option<&Type> {
    let mut bounds = match types::peel(ty) {
        Type::ImplTrait(ty) => ty.bounds.iter(),
        Type::TraitObject(ty) => ty.bounds.iter(),
        ty => {
            let segment = types::last_segment(ty).filter(|segment| segment.ident == "Box")?;
            let PathArguments::AngleBracketed(arguments) = &segment.arguments else { return None };
            let Some(GenericArgument::Type(inner)) = arguments.args.first() else { return None };
            return match types::peel(inner) {
                Type::TraitObject(_) => item(inner),
                _ => None,
            };
        }
    };
    bounds.find_map(|bound| match bound {
        TypeParamBound::Trait(bound) => instead::item(&bound.path),
        _ => None,
    })
}

/// Whether it is `impl Iterator` or `dyn Iterator`, whatever it gives.
fn is_iterator(ty: &Type) -> bool {
    let bounds = match types::peel(ty) {
        Type::ImplTrait(ty) => &ty.bounds,
        Type::TraitObject(ty) => &ty.bounds,
        _ => return false,
    };
    bounds
        .iter()
        .any(|bound| matches!(bound, TypeParamBound::Trait(bound) if instead::is_iterator(&bound.path)))
}

/// Whether it is any error, as `dyn Error` and `impl Error` are.
fn is_error(ty: &Type) -> bool {
    let bounds = match ty {
        Type::ImplTrait(ty) => &ty.bounds,
        Type::TraitObject(ty) => &ty.bounds,
        _ => return false,
    };
    bounds.iter().any(|bound| {
        matches!(bound, TypeParamBound::Trait(bound)
            if bound.path.segments.last().is_some_and(|last| last.ident == "Error"))
    })
}

const OWN_ERROR: &str = "return an error of your own, an `enum` under `#[memstate::data(error)]`; or a `String`, with `.to_string()`";

struct Streamed<'a> {
    result: &'a Type,
    item: &'a Type,
}

/// Refuses an iterator over references, each of which can be cloned; gives what it would be over then.
fn lends(item: &mut Type, whole: &Streamed<'_>, method: &Ident, errors: &mut Errors) -> bool {
    let Type::Reference(reference) = types::peel(item) else { return false };
    let place = reference.clone();
    let owned = instead::owned(item);
    let written = types::text(whole.result).replacen(&types::text(whole.item), &types::text(&owned), 1);
    let way = match types::peel(&reference.elem) {
        Type::Slice(_) => ".map(<[_]>::to_vec)",
        inner if types::is_plain(inner, "str") => ".map(str::to_owned)",
        _ => ".cloned()",
    };
    errors.at(
        place,
        format!("query `{method}` returns references into the model"),
        "the model goes on changing, and the caller may be in another process",
        &format!("write `{written}`, with `{way}` at the end; in this process `client.read(|model| …)` lends the model itself"),
    );
    *item = owned;
    true
}

struct Borrowed<'a> {
    kind: Kind,
    method: &'a Ident,
    /// All that the user wrote.
    whole: &'a Type,
    errors: &'a mut Errors,
    done: bool,
}

impl Borrowed<'_> {
    fn say(&mut self, ty: &Type, what: String, why: &str, help: &str) {
        if !std::mem::replace(&mut self.done, true) {
            self.errors.at(ty, what, why, help);
        }
    }

    /// An iterator in a place where nothing can collect it.
    fn iterator(&mut self, ty: &mut Type) {
        let Some(item) = item(ty).map(instead::owned) else { return };
        let (text, owned) = (types::text(ty), format!("Vec<{}>", types::text(&item)));
        let why = match self.kind {
            Kind::Command => {
                "its result is journaled and sent to a client, and an iterator would go on borrowing the model"
            }
            Kind::Query => "an iterator is collected for the client only where it is the whole result",
        };
        let help =
            format!("write `{}`, and `.collect()`", types::text(self.whole).replacen(&text, &owned, 1));
        let what = format!("{} `{}` must return data, not `{text}`", self.kind.name(), self.method);
        self.say(&*ty, what, why, &help);
        *ty = syn::parse_quote!(::std::vec::Vec<#item>);
        visit_mut::visit_type_mut(self, ty);
    }
}

impl VisitMut for Borrowed<'_> {
    fn visit_type_mut(&mut self, ty: &mut Type) {
        let whole = format!("{} `{}`", self.kind.name(), self.method);
        match ty {
            Type::Reference(reference) => {
                let owned = match types::peel(&reference.elem) {
                    Type::Slice(slice) => {
                        let element = &slice.elem;
                        syn::parse_quote!(::std::vec::Vec<#element>)
                    }
                    inner if types::is_plain(inner, "str") => syn::parse_quote!(::std::string::String),
                    inner => inner.clone(),
                };
                let help = format!(
                    "return the owned `{}`; in this process `client.read(|model| …)` lends the model itself; a helper of the model's own is private, or has `#[memstate(skip)]`",
                    types::text(&owned).replace("::std::vec::", "").replace("::std::string::", "")
                );
                let for_ever = reference.lifetime.as_ref().is_some_and(|lifetime| lifetime.ident == "static");
                match for_ever {
                    true => self.say(
                        &*ty,
                        format!("{whole} returns a reference"),
                        "it is read from what the engine has sent, where there is nothing to borrow from for ever",
                        help.split(';').next().unwrap_or_default(),
                    ),
                    false => self.say(
                        &*ty,
                        format!("{whole} returns a reference into the model"),
                        "the model goes on changing, and the caller may be in another process",
                        &help,
                    ),
                }
                *ty = owned;
                self.visit_type_mut(ty);
            }
            _ if item(ty).is_some() => self.iterator(ty),
            Type::ImplTrait(_) | Type::TraitObject(_) | Type::FnPtr(_) | Type::Ptr(_) => {
                let text = types::text(ty);
                let help = match ty {
                    _ if is_iterator(ty) => "say what it gives: `impl Iterator<Item = …>`",
                    _ if is_error(ty) => OWN_ERROR,
                    _ => "return the type itself",
                };
                self.say(
                    &*ty,
                    format!("{whole} must return data, not `{text}`"),
                    "the result is sent to a client, and it must be one type",
                    help,
                );
                *ty = syn::parse_quote!(());
            }
            Type::Never(_) => {
                let help = "return what the caller is to know, or nothing";
                self.say(
                    &*ty,
                    format!("{whole} never returns"),
                    "the caller waits for it, and the engine too",
                    help,
                );
                *ty = syn::parse_quote!(());
            }
            _ if instead::cow(ty).is_some() || instead::shared(ty).is_some() => {
                let owned = instead::owned(ty);
                let (text, help) = (types::text(ty), format!("return the owned `{}`", types::text(&owned)));
                let why = match instead::cow(ty) {
                    Some(_) => "the model goes on changing, and the caller may be in another process",
                    None => "what is shared in memory cannot be sent to a client",
                };
                self.say(&*ty, format!("{whole} must return data, not `{text}`"), why, &help);
                *ty = syn::parse_quote!(());
            }
            Type::Array(array) if instead::is_too_long(array) => {
                let help = format!("return `{}`", instead::listed(self.whole, array));
                let what = format!("{whole} cannot return `{}`", types::text(array));
                self.say(&*ty, what, instead::LONG, &help);
                *ty = syn::parse_quote!(());
            }
            _ => visit_mut::visit_type_mut(self, ty),
        }
    }

    fn visit_lifetime_mut(&mut self, lifetime: &mut syn::Lifetime) {
        if lifetime.ident == "static" {
            return;
        }
        let place = lifetime.clone();
        lifetime.ident = Ident::new("static", lifetime.ident.span());
        if !std::mem::replace(&mut self.done, true) {
            self.errors.at(
                place,
                format!("{} `{}` returns what borrows from the model", self.kind.name(), self.method),
                "the model goes on changing, and the caller may be in another process",
                "return an owned type",
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use proc_macro2::Span;
    use syn::parse_quote;

    use super::*;

    fn read(ty: Type, kind: Kind) -> (Returned, Vec<String>) {
        let mut errors = Errors::default();
        let returned = of(ty, kind, &Ident::new("all", Span::call_site()), &mut errors);
        (returned, errors.texts())
    }

    #[test]
    fn an_iterator_is_the_result_of_a_query_under_every_spelling() {
        for written in [
            parse_quote!(impl Iterator<Item = u8>),
            parse_quote!(impl std::iter::DoubleEndedIterator<Item = u8> + '_),
            parse_quote!((impl Clone + ExactSizeIterator<Item = u8> + use<'_>)),
            parse_quote!(Box<dyn Iterator<Item = u8> + Send + '_>),
            parse_quote!(impl IntoIterator<Item = u8, IntoIter: Send>),
        ] {
            let (returned, errors) = read(written, Kind::Query);
            assert!(errors.is_empty(), "{errors:?}");
            assert_eq!(
                (types::text(&returned.streams.unwrap()).as_str(), returned.text.as_str()),
                ("u8", "Vec<u8>")
            );
        }
    }

    #[test]
    fn anywhere_else_it_is_refused_with_what_to_write() {
        for (written, kind, help) in [
            (parse_quote!(impl Iterator<Item = u8>), Kind::Command, "write `Vec<u8>`, and `.collect()`"),
            (
                parse_quote!(Result<impl Iterator<Item = &'a str>, Gone>),
                Kind::Query,
                "write `Result<Vec<String>, Gone>`, and `.collect()`",
            ),
            (
                parse_quote!(Option<Box<dyn Iterator<Item = u8> + '_>>),
                Kind::Query,
                "write `Option<Vec<u8>>`, and `.collect()`",
            ),
            (parse_quote!(impl Iterator), Kind::Query, "say what it gives: `impl Iterator<Item = …>`"),
            (
                parse_quote!(impl Iterator<Item = &Account>),
                Kind::Query,
                "write `impl Iterator<Item = Account>`, with `.cloned()` at",
            ),
            (
                parse_quote!(impl Iterator<Item = &'_ str> + '_),
                Kind::Query,
                "write `impl Iterator<Item = String> + '_`, with `.map(",
            ),
        ] {
            let (_, errors) = read(written, kind);
            assert_eq!(errors.len(), 1, "{errors:?}");
            assert!(errors[0].contains(&format!("= help: {help}")), "{}", errors[0]);
        }
    }
}
