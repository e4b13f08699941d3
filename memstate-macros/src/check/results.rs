//! What a method returns.

use proc_macro2::Ident;
use syn::{
    Type,
    visit_mut::{self, VisitMut},
};

use super::Kind;
use crate::{errors::Errors, types};

/// Refuses what cannot be handed out of the engine; gives the type, or an owned one that resembles it.
pub fn of(mut result: Type, kind: Kind, method: &Ident, errors: &mut Errors) -> Type {
    let mut finder = Borrowed { kind, method, errors, done: false };
    finder.visit_type_mut(&mut result);
    result
}

struct Borrowed<'a> {
    kind: Kind,
    method: &'a Ident,
    errors: &'a mut Errors,
    done: bool,
}

impl Borrowed<'_> {
    fn say(&mut self, ty: &Type, what: String, why: &str, help: &str) {
        if !std::mem::replace(&mut self.done, true) {
            self.errors.at(ty, what, why, help);
        }
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
                    "return the owned `{}`; in this process `client.read(|model| …)` lends the model itself",
                    types::text(&owned).replace("::std::vec::", "").replace("::std::string::", "")
                );
                self.say(
                    &*ty,
                    format!("{whole} returns a reference into the model"),
                    "the model goes on changing, and the caller may be in another process",
                    &help,
                );
                *ty = owned;
                self.visit_type_mut(ty);
            }
            Type::ImplTrait(_) | Type::TraitObject(_) | Type::FnPtr(_) | Type::Ptr(_) => {
                let text = types::text(ty);
                self.say(
                    &*ty,
                    format!("{whole} must return data, not `{text}`"),
                    "the result is sent to a client, and it must be one type",
                    "return the type itself; for an iterator, `.collect()` it into a `Vec`",
                );
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
