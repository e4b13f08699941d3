//! From the user's `impl` block to what is written for it. Every mistake is collected, and what has one is still
//! written, as well as can be, so that the places which use it have nothing to add.

mod arguments;
mod blocks;
mod choice;
mod clients;
mod determinism;
mod evolution;
mod instead;
pub mod part;
mod record;
mod results;

use std::collections::HashMap;

use proc_macro2::{Ident, Span};
use quote::ToTokens;
use syn::{
    Attribute, Generics, Path, PathSegment, ReceiverKind, Safety, Signature, Token, Type, Visibility,
    ext::IdentExt,
};

pub use arguments::{Argument, Form, Input};
pub use blocks::{header_text, is_of, joined, name_of};
pub use choice::{Choice, choose};
pub use determinism::Warning;
pub use evolution::Evolution;
pub use part::Part;
pub use record::{Field, Held, Record, Variant, Whole};

use crate::{
    ast::{Block, Method},
    attr::{Attrs, Keys, Place},
    errors::Errors,
    types::{self, NoSelf},
};

/// What `impl Bank { … }` says.
pub struct Commands {
    pub generics: Generics,
    pub self_ty: Type,
    /// `Bank`, as the last part of its path.
    pub name: Ident,
    /// The path up to the name, and the name's parameters.
    pub path: Path,
    pub operations: Vec<Operation>,
    /// Methods or functions hidden behind a `#[cfg]` make the numbers of the others depend on it.
    pub numbered_by_cfg: bool,
    /// What in the bodies gives another answer in a replay.
    pub warnings: Vec<Warning>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Command,
    Query,
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Kind::Command => "command",
            Kind::Query => "query",
        }
    }
}

/// A command or a query.
pub struct Operation {
    pub kind: Kind,
    pub ident: Ident,
    pub variant: Ident,
    /// What the client calls it.
    pub client: Ident,
    pub vis: Visibility,
    /// What the client's method takes over.
    pub attrs: Vec<Attribute>,
    pub cfgs: Vec<Attribute>,
    pub inputs: Vec<Input>,
    pub result: Type,
    pub result_text: String,
    /// What the iterator gives that a query returns; its `result` is a `Vec` of it.
    pub streams: Option<Type>,
    pub evolution: Evolution,
    /// It has a mistake; it is never run.
    pub broken: bool,
}

impl Operation {
    pub fn arguments(&self) -> impl Iterator<Item = &Argument> {
        self.inputs.iter().filter_map(|input| match input {
            Input::Argument(argument) => Some(argument),
            Input::Ctx(_) => None,
        })
    }
}

impl Commands {
    /// `None` if there is nothing to write.
    pub fn of(block: Block, options: &Keys, errors: &mut Errors) -> Option<Commands> {
        let on_block = Keys::of_attrs(&block.attrs, Place::Block, errors);
        let bodies = determinism::Bodies::new(options, &on_block);
        for stray in &block.strays {
            Keys::of_attrs(std::slice::from_ref(stray), Place::Nowhere, errors);
        }
        if let Some(of_trait) = &block.of_trait {
            let (model, of_trait_text) = (types::text(&block.self_ty), types::text(of_trait));
            errors.at(
                of_trait,
                format!(
                    "`#[memstate::model]` stands on `impl {model}`, not on `impl {of_trait_text} for {model}`"
                ),
                "",
                "write methods in `impl` that call those of the trait",
            );
            return None;
        }
        let Type::Path(path) = types::peel(&block.self_ty) else {
            errors.at(
                &block.self_ty,
                "a model is a struct",
                "",
                "put `#[memstate::model]` on the `impl` of a struct",
            );
            return None;
        };
        let path = path.path.clone();
        let name = path.segments.last()?.ident.clone();
        for path in &block.macros {
            let called = types::text(path);
            errors.at(
                path,
                format!("`{called}!` is expanded after `#[memstate::model]` has run"),
                "its methods would be no commands and no queries, without a word",
                match block.in_module {
                    true => "write the methods out, or call it in another `impl` block, with `#[memstate(skip)]`",
                    false => "write the methods out, or call it in another `impl` block, without `#[memstate::model]`",
                },
            );
        }
        let self_ty = block.self_ty;
        let private =
            block.methods.iter().find(|method| is_private(method)).map(|method| method.sig.ident.clone());
        let has_public =
            block.methods.iter().any(|method| method.sig.receiver().is_some() && !is_private(method));
        let mut warnings = Vec::new();
        let replayed = determinism::replayed(&block.methods);
        let mut operations: Vec<_> = block
            .methods
            .into_iter()
            .filter_map(|method| {
                let keys = Keys::of_attrs(&method.attrs, Place::Method, errors);
                bodies.check(&method, &keys, &replayed, &mut warnings, errors);
                operation(method, keys, &self_ty, errors)
            })
            .collect();
        if let Some(private) = private.filter(|_| !has_public && operations.is_empty()) {
            errors.at(
                &private,
                format!("no method of `{name}` is `pub`, so it has no commands and no queries"),
                "private methods are helpers, which the client does not have",
                &format!("write `pub fn {private}`, or `pub(crate) fn {private}`"),
            );
        }
        doubles(&mut operations);
        evolution::across(&mut operations, errors);
        meetings(&mut operations, &name, errors);
        clients::check(&mut operations, &name, errors);
        Some(Commands {
            numbered_by_cfg: operations.iter().any(|operation| !operation.cfgs.is_empty()),
            generics: block.generics,
            self_ty,
            name,
            path,
            operations,
            warnings,
        })
    }

    pub fn of_kind(&self, kind: Kind) -> impl Iterator<Item = &Operation> {
        self.operations.iter().filter(move |operation| operation.kind == kind)
    }

    pub fn has_lifetimes(&self) -> bool {
        self.generics.lifetimes().next().is_some()
    }

    /// The client, named where the block stands.
    pub fn client(&self) -> Path {
        let mut path = self.path.clone();
        if let Some(PathSegment { ident, .. }) = path.segments.last_mut() {
            *ident = client_name(ident);
        }
        path
    }
}

/// `BankClient`.
pub fn client_name(model: &Ident) -> Ident {
    beside(model, "Client")
}

/// The model's name with a suffix.
pub fn beside(model: &Ident, suffix: &str) -> Ident {
    Ident::new(&format!("{}{suffix}", model.unraw()), model.span())
}

fn is_private(method: &Method) -> bool {
    matches!(method.vis, Visibility::Inherited) && method.sig.receiver().is_some()
}

fn operation(method: Method, keys: Keys, self_ty: &Type, errors: &mut Errors) -> Option<Operation> {
    let Method { attrs, vis, mut sig, misplaced, .. } = method;
    let is_private = matches!(vis, Visibility::Inherited);
    let is_exposed = sig.receiver().is_some() && (!is_private || evolution::is_for_replay(&keys));
    if !is_exposed || keys.skip {
        let is_helper = is_private && sig.receiver().is_some();
        evolution::of_none(&keys, &sig.ident, is_helper, changes(&sig), errors);
        return None;
    }
    let mut mistakes = Errors::default();
    let kind = receiver(&sig, self_ty, &mut mistakes);
    let client = clients::name(&keys, &sig.ident, errors);
    let evolution = evolution::of(keys, kind, &sig.ident, self_ty, errors);
    if kind == Kind::Query && is_private {
        errors.append(mistakes);
        return None;
    }
    let whole = format!("{} `{}`", kind.name(), sig.ident);
    qualifiers(&sig, kind, &whole, &mut mistakes);
    let mut inputs = arguments::of(&mut sig, kind, &whole, self_ty, &mut mistakes);
    if misplaced {
        arguments::leave_out(&mut inputs);
    }
    let result = match &sig.output {
        syn::ReturnType::Default => syn::parse_quote!(()),
        syn::ReturnType::Type(_, ty) => NoSelf(self_ty).of(ty),
    };
    let returned = results::of(result, kind, &sig.ident, &mut mistakes);
    let variant = variant(&sig.ident);
    let Attrs { carried, cfgs } = Attrs::of(&attrs);
    let unsaid = inputs.iter().any(|input| matches!(input, Input::Argument(argument) if argument.broken));
    let broken = misplaced || unsaid || !mistakes.is_empty();
    errors.append(mistakes);
    Some(Operation {
        kind,
        attrs: carried,
        cfgs,
        ident: sig.ident,
        variant,
        client,
        vis,
        inputs,
        result: returned.ty,
        result_text: returned.text,
        streams: returned.streams,
        evolution,
        broken,
    })
}

/// Whether it has a `&mut self`, under whatever spelling.
fn changes(sig: &Signature) -> bool {
    sig.receiver().is_some_and(|receiver| match &receiver.kind {
        ReceiverKind::Reference(_, _, mutability) => mutability.is_some(),
        ReceiverKind::Typed(_, ty) => {
            matches!(types::peel(ty), Type::Reference(reference) if reference.mutability.is_some())
        }
        _ => false,
    })
}

fn receiver(sig: &Signature, self_ty: &Type, errors: &mut Errors) -> Kind {
    let Some(receiver) = sig.receiver() else { return Kind::Query };
    let kind = if changes(sig) { Kind::Command } else { Kind::Query };
    let name = &sig.ident;
    match &receiver.kind {
        ReceiverKind::Reference(..) => return kind,
        // `self: &Self`.
        ReceiverKind::Typed(_, ty) if lends(ty, self_ty) => return kind,
        ReceiverKind::Typed(_, ty) if types::text(ty).contains('&') => {
            errors.at(
                receiver,
                format!("`{name}` takes the model as `{}`", types::text(ty)),
                "the engine lends the model itself",
                "take `&mut self` for a command, or `&self` for a query",
            );
        }
        _ => errors.at(
            receiver,
            format!("`{name}` would consume the model"),
            "a model stays where it is, in the engine",
            "take `&mut self` for a command, or `&self` for a query",
        ),
    }
    Kind::Command
}

/// Whether the type of a `self` is a reference to the model.
fn lends(ty: &Type, self_ty: &Type) -> bool {
    let Type::Reference(reference) = types::peel(ty) else { return false };
    let model = types::peel(&reference.elem);
    types::is_plain(model, "Self") || types::text(model) == types::text(self_ty)
}

fn qualifiers(sig: &Signature, kind: Kind, whole: &str, errors: &mut Errors) {
    if let Some(token) = &sig.asyncness {
        let (why, help) = match kind {
            Kind::Command => (
                "a command runs as one step, and once more in every replay, so there is nothing it could wait for",
                "await before the call and pass the result as an argument",
            ),
            Kind::Query => (
                "a query sees one state of the model, so there is nothing it could wait for",
                "remove `async`",
            ),
        };
        errors.at(token, format!("{whole} cannot be `async`"), why, help);
    }
    let mut plain = |token: &dyn ToTokens, name: &str| {
        errors.at(
            token.to_token_stream(),
            format!("{whole} cannot be `{name}`"),
            "it is called by the engine, with what a client has sent",
            &format!("remove `{name}`, or put `#[memstate(skip)]` on the method"),
        );
    };
    if let Some(token) = &sig.constness {
        plain(token, "const");
    }
    if let Safety::Unsafe(token) = &sig.safety {
        plain(token, "unsafe");
    }
    if let Some(abi) = &sig.abi {
        plain(&abi.extern_token, "extern");
    }
    if let Some(variadic) = &sig.variadic {
        plain(variadic, "...");
    }
    let parameters =
        sig.generics.params.iter().filter(|param| !matches!(param, syn::GenericParam::Lifetime(_)));
    if parameters.clone().next().is_some() {
        errors.at(
            syn::punctuated::Punctuated::<_, Token![,]>::from_iter(parameters),
            format!("{whole} cannot be generic"),
            "each of its arguments is one type in the journal",
            "write a method for each type, or take an enum of them",
        );
    }
}

/// Two methods of one name, for which rustc has its own words: one variant is enough, and neither method is called.
fn doubles(operations: &mut Vec<Operation>) {
    let mut kept: Vec<Operation> = Vec::new();
    for operation in operations.drain(..) {
        let first = kept.iter_mut().find(|first| {
            first.ident == operation.ident && first.cfgs.is_empty() && operation.cfgs.is_empty()
        });
        match first {
            Some(first) => first.broken = true,
            None => kept.push(operation),
        }
    }
    *operations = kept;
}

/// Two methods whose variants have the same name.
fn meetings(operations: &mut [Operation], model: &Ident, errors: &mut Errors) {
    let mut variants: HashMap<String, Ident> = HashMap::new();
    for (number, operation) in operations.iter_mut().enumerate() {
        let name = operation.variant.to_string();
        match variants.get(&name) {
            // A method for each of several `#[cfg]`s.
            Some(first) if *first == operation.ident => {}
            Some(first) => {
                errors.at(
                    &operation.ident,
                    format!("`{first}` and `{}` both become `{name}`", operation.ident),
                    &format!("each has a variant of that name in `{model}Reply`"),
                    "rename one of them",
                );
                operation.variant = Ident::new(&format!("__{name}{number}"), operation.variant.span());
            }
            None => {
                variants.insert(name, operation.ident.clone());
            }
        }
    }
}

/// `transfer_all` as `TransferAll`.
fn variant(method: &Ident) -> Ident {
    let name = method.unraw().to_string();
    let mut cased = String::new();
    for word in name.split('_') {
        let mut letters = word.chars();
        cased.extend(letters.next().into_iter().flat_map(char::to_uppercase));
        cased.push_str(letters.as_str());
    }
    if cased == "Self" || cased.is_empty() {
        cased.push('_');
    }
    if cased.starts_with(|letter: char| !letter.is_alphabetic()) {
        cased.insert(0, 'N');
    }
    Ident::new(&cased, method.span().resolved_at(Span::call_site()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variants_are_named_after_methods() {
        for (method, expected) in [
            ("transfer_all", "TransferAll"),
            ("fooBar", "FooBar"),
            ("self_", "Self_"),
            ("_1st", "N1st"),
            ("__", "N_"),
            ("a__b", "AB"),
        ] {
            assert_eq!(variant(&Ident::new(method, Span::call_site())), expected);
        }
        assert_eq!(variant(&Ident::new_raw("type", Span::call_site())), "Type");
    }
}
