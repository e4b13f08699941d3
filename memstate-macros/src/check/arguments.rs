//! What a method takes: data, and perhaps a `Ctx`.

use proc_macro2::Ident;
use syn::{
    FnArg, Lifetime, Pat, Signature, Type, TypeReference,
    spanned::Spanned,
    visit_mut::{self, VisitMut},
};

use super::{
    Kind,
    evolution::{self, Origin},
    instead,
};
use crate::{
    attr::{Keys, Place},
    errors::Errors,
    types::{self, NoSelf},
};

/// A parameter of the user's method, in order.
pub enum Input {
    /// `&mut Ctx<E>`: the type behind the reference.
    Ctx(Type),
    Argument(Argument),
}

/// An argument.
pub struct Argument {
    pub name: Ident,
    /// Owned, or what the reference refers to.
    pub ty: Type,
    pub form: Form,
    /// An `Option` of a reference, whose form it is; the variant holds an `Option` of what that has.
    pub optional: bool,
    pub origin: Origin,
    /// It has a mistake: the client takes anything for it, and the variant holds nothing.
    pub broken: bool,
}

/// How an argument is handed over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Form {
    /// By value.
    Owned,
    /// A `String`: the client takes what can be made into one.
    Text,
    /// `&T`; the variant holds the `T`.
    Borrowed,
    /// `&[T]`; the variant holds a `Vec<T>`.
    Slice,
    /// `&str` and its like; the variant holds this type.
    Unsized(&'static [&'static str]),
}

pub const UNSIZED: &[(&str, &[&str])] = &[
    ("str", &["string", "String"]),
    ("Path", &["path", "PathBuf"]),
    ("CStr", &["ffi", "CString"]),
    ("OsStr", &["ffi", "OsString"]),
];

pub fn of(sig: &mut Signature, kind: Kind, whole: &str, self_ty: &Type, errors: &mut Errors) -> Vec<Input> {
    let mut inputs = Vec::new();
    for (number, input) in sig.inputs.iter().enumerate() {
        let input = match input {
            FnArg::Typed(input) => input,
            FnArg::Receiver(receiver) => {
                Keys::of_attrs(&receiver.attrs, Place::Nowhere, errors);
                continue;
            }
        };
        let is_data = ctx(&input.ty).is_none() && !is_ctx(&input.ty);
        let place = if is_data { Place::Argument } else { Place::Nowhere };
        let keys = Keys::of_attrs(&input.attrs, place, errors);
        if let Some(attr) = input.attrs.iter().find(|attr| attr.path().is_ident("cfg")) {
            errors.at(attr, "an argument cannot depend on a `#[cfg]`", "", "write a method for each case");
        }
        if let Some(ctx) = ctx(&input.ty) {
            if kind == Kind::Query {
                errors.at(
                    &input.ty,
                    format!("{whole} cannot have a `Ctx`"),
                    "a query has no record in the journal, so it has no time, no position and no random numbers",
                    "pass what it needs as an argument, or make it a command with `&mut self`",
                );
            }
            inputs.push(Input::Ctx(ctx.clone()));
            continue;
        }
        if is_ctx(&input.ty) {
            errors.at(
                &input.ty,
                format!("{whole} cannot have a `Ctx` of its own"),
                "it is lent to a command while it runs",
                &format!("write `&mut {}`", types::text(&input.ty)),
            );
            inputs.push(Input::Ctx(input.ty.as_ref().clone()));
            continue;
        }
        let before = errors.len();
        let name = name(&input.pat, number, whole, errors);
        let what = Of { name: &name, whole };
        let (ty, form, optional) = form(&NoSelf(self_ty).of(&input.ty), &what, errors);
        // What has no size is rustc's to refuse.
        let broken = errors.len() > before || instead::is_unsized(&input.ty);
        let origin = evolution::origin(keys, kind, whole, self_ty, errors);
        inputs.push(Input::Argument(Argument { name, ty, form, optional, origin, broken }));
    }
    evolution::arguments(&inputs, errors);
    inputs
}

/// For a method that is not run: its arguments may be anything.
pub fn leave_out(inputs: &mut [Input]) {
    for input in inputs {
        if let Input::Argument(argument) = input {
            argument.broken = true;
        }
    }
}

struct Of<'a> {
    name: &'a Ident,
    whole: &'a str,
}

/// What a method calls its `Ctx`, if it has one.
pub fn name_of_ctx(sig: &Signature) -> Option<&Ident> {
    sig.inputs.iter().find_map(|input| match input {
        FnArg::Typed(input) if ctx(&input.ty).is_some() => match &*input.pat {
            Pat::Ident(pat) => Some(&pat.ident),
            _ => None,
        },
        _ => None,
    })
}

/// The type behind `&mut Ctx<E>` or `&Ctx<E>`.
fn ctx(ty: &Type) -> Option<&Type> {
    match types::peel(ty) {
        Type::Reference(reference) => is_ctx(&reference.elem).then_some(&reference.elem),
        _ => None,
    }
}

fn is_ctx(ty: &Type) -> bool {
    types::last_segment(types::peel(ty)).is_some_and(|segment| segment.ident == "Ctx")
}

fn name(pat: &Pat, number: usize, whole: &str, errors: &mut Errors) -> Ident {
    match pat {
        Pat::Ident(pat) if pat.by_ref.is_none() && pat.subpat.is_none() => pat.ident.clone(),
        other => {
            errors.at(
                other,
                format!("an argument of {whole} needs a name"),
                "it names the argument in the journal and in the enum",
                "write a name, and take the value apart in the body",
            );
            Ident::new(&format!("argument_{number}"), other.span())
        }
    }
}

fn form(ty: &Type, place: &Of<'_>, errors: &mut Errors) -> (Type, Form, bool) {
    if let Type::Reference(reference) = types::peel(ty) {
        let (ty, form) = lent(ty, reference, place, errors);
        return (ty, form, false);
    }
    if let Some(inner) = types::option_of(ty)
        && let Type::Reference(reference) = types::peel(inner)
    {
        let (ty, form) = lent(inner, reference, place, errors);
        return (ty, form, true);
    }
    owned(ty, ty, place, errors);
    let form = if types::is_plain(ty, "String") { Form::Text } else { Form::Owned };
    (ty.clone(), form, false)
}

/// What a reference refers to, and how it is handed over.
fn lent(ty: &Type, reference: &TypeReference, place: &Of<'_>, errors: &mut Errors) -> (Type, Form) {
    let Of { name, whole } = place;
    if reference.mutability.is_some() {
        errors.at(
            ty,
            format!("argument `{name}` of {whole} cannot be `&mut`"),
            "arguments are copied into the journal, so nothing can be written back through them",
            "take it by value, and return what has changed",
        );
    }
    if let Some(lifetime) = reference.lifetime.as_ref().filter(|lifetime| lifetime.ident == "static") {
        errors.at(
            lifetime,
            format!("argument `{name}` of {whole} cannot be borrowed for ever"),
            "arguments are read from the journal",
            "leave out `'static`",
        );
    }
    let inner = types::peel(&reference.elem);
    if let Type::Slice(slice) = inner {
        owned(&slice.elem, ty, place, errors);
        return ((*slice.elem).clone(), Form::Slice);
    }
    let unsized_ = UNSIZED.iter().find(|(name, _)| types::is_plain(inner, name));
    if let Some((_, owned)) = unsized_ {
        return (inner.clone(), Form::Unsized(owned));
    }
    owned(inner, ty, place, errors);
    (inner.clone(), Form::Borrowed)
}

/// Refuses what cannot be data, wherever in the type it stands. `written` is all that the user wrote of it.
fn owned(ty: &Type, written: &Type, place: &Of<'_>, errors: &mut Errors) {
    let mut finder = NotData { place, written, errors, done: false };
    finder.visit_type_mut(&mut ty.clone());
}

struct NotData<'a> {
    place: &'a Of<'a>,
    written: &'a Type,
    errors: &'a mut Errors,
    done: bool,
}

impl VisitMut for NotData<'_> {
    fn visit_type_mut(&mut self, ty: &mut Type) {
        let Of { name, whole } = self.place;
        if self.done {
            return;
        }
        let behaviour = "code cannot be written to the journal and run again in a replay";
        let by_enum = "take an enum that says what to do, and `match` on it in the method";
        let (why, help) = match ty {
            Type::ImplTrait(ty) => instead::of_impl(&name.to_string(), ty.bounds.clone()),
            Type::TraitObject(_) | Type::FnPtr(_) => (behaviour, by_enum.to_owned()),
            Type::Ptr(_) => {
                ("an address means nothing when the journal is read", "take the value".to_owned())
            }
            Type::Reference(_) => (
                "only an argument as a whole can be a reference, or an `Option` of one",
                format!("write `{}`", instead::owned_inside(self.written)),
            ),
            Type::Infer(_) => ("", "write the type".to_owned()),
            _ if instead::cow(ty).is_some() => (
                "it is read from the journal, where there is nothing to borrow from",
                format!("write `{}`", instead::owned_inside(self.written)),
            ),
            _ if instead::shared(ty).is_some() => (
                "what is shared in memory is two values when the journal is read",
                format!("write `{}`", instead::owned_inside(self.written)),
            ),
            Type::Array(array) if instead::is_too_long(array) => {
                (instead::LONG, format!("write `{}`", instead::listed(self.written, array)))
            }
            _ => return visit_mut::visit_type_mut(self, ty),
        };
        let text = types::text(ty);
        self.errors.at(&*ty, format!("argument `{name}` of {whole} must be data, not `{text}`"), why, &help);
        self.done = true;
    }

    fn visit_lifetime_mut(&mut self, lifetime: &mut Lifetime) {
        if lifetime.ident == "static" || self.done {
            return;
        }
        let Of { name, whole } = self.place;
        self.errors.at(
            &*lifetime,
            format!("argument `{name}` of {whole} must own what it holds"),
            "it is read from the journal, where there is nothing to borrow from",
            "take an owned type",
        );
        self.done = true;
    }
}
