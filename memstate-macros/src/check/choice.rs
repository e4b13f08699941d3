//! Which struct of a module is the model.

use proc_macro2::Ident;
use syn::ext::IdentExt;

use super::is_of;
use crate::{
    errors::Errors,
    module::{Item, Kind, Module},
};

/// What a module is a model of.
pub enum Choice {
    Struct(Ident),
    /// An enum or a union, by its keyword: a mistake that is said.
    Other(Ident, Ident),
    /// Several, or none: a mistake that is said. What follows is for those that may be meant.
    Unclear(Vec<Ident>),
}

/// Finds the model. The key that names it is taken out of the item.
pub fn choose(module: &mut Module, errors: &mut Errors) -> Choice {
    let mut marked: Vec<Kind> = Vec::new();
    for item in &mut module.items {
        let is_named = matches!(item.kind, Kind::Struct(_) | Kind::Other(..));
        if is_named && (item.attributes.take_key("model") | item.attributes.has_macro("model")) {
            marked.push(item.kind.clone());
        }
    }
    marked.dedup_by(|one, other| name(one).is_some() && name(one) == name(other));
    match marked.as_slice() {
        [Kind::Struct(name)] => Choice::Struct(name.clone()),
        [Kind::Other(keyword, name)] => Choice::Other(keyword.clone(), name.clone()),
        [first, second, ..] => {
            if let (Some(first), Some(second)) = (name(first), name(second)) {
                errors.at(
                    second,
                    format!("`{first}` and `{second}` are both said to be the model of `mod {}`", module.name),
                    "a module is one model, with one client",
                    "put each into a module of its own; or, with `#[memstate::model]` on the structs and on their `impl` \
                     blocks, leave it out above the `mod`",
                );
            }
            Choice::Unclear(marked.iter().filter_map(name).cloned().collect())
        }
        _ => unmarked(module, errors),
    }
}

fn unmarked(module: &Module, errors: &mut Errors) -> Choice {
    let mut structs: Vec<&Ident> = Vec::new();
    for item in module.items.iter().filter(|item| !item.attributes.has_macro("data")) {
        if let Kind::Struct(name) = &item.kind
            && !structs.contains(&name)
        {
            structs.push(name);
        }
    }
    let of_module = |name: &Ident| cased(name) == cased(&module.name);
    match structs.as_slice() {
        [] => none(module, errors),
        [name] => Choice::Struct((*name).clone()),
        several => match several.iter().find(|name| of_module(name)) {
            Some(name) => Choice::Struct((**name).clone()),
            None => {
                which(module, several, errors);
                let meant = several.iter().filter(|name| has_block(module, name)).copied();
                Choice::Unclear(meant.cloned().collect())
            }
        },
    }
}

fn none(module: &Module, errors: &mut Errors) -> Choice {
    let other = module.items.iter().find_map(|item| match &item.kind {
        Kind::Other(keyword, name) if cased(name) == cased(&module.name) => Some((keyword, name)),
        _ => None,
    });
    if let Some((keyword, name)) = other {
        return Choice::Other(keyword.clone(), name.clone());
    }
    let data = module.items.iter().find_map(|item| match &item.kind {
        Kind::Struct(name) => Some(name),
        _ => None,
    });
    let help = match data {
        Some(data) => {
            format!("if `{data}` is the model, put `#[memstate(model)]` above it, and no `#[memstate::data]`")
        }
        None => format!("write a struct that holds the state: `pub struct {} {{ … }}`", named(&module.name)),
    };
    errors.at(
        &module.name,
        format!("no struct of `mod {}` can be the model", module.name),
        if data.is_some() { "what stands under `#[memstate::data]` is held by a model" } else { "" },
        &help,
    );
    Choice::Unclear(Vec::new())
}

fn which(module: &Module, structs: &[&Ident], errors: &mut Errors) {
    let names: Vec<_> = structs.iter().map(|name| format!("`{name}`")).collect();
    let (last, before) = names
        .split_last()
        .map_or((String::new(), Vec::new()), |(last, before)| (last.clone(), before.to_vec()));
    errors.at(
        &module.name,
        format!("which struct of `mod {}` is the model: {} or {last}?", module.name, before.join(", ")),
        &format!(
            "it is the only struct that is not under `#[memstate::data]`, or the one that is called `{}`",
            named(&module.name)
        ),
        "put `#[memstate(model)]` above the one that is meant, or `#[memstate::data]` above the others if it holds them",
    );
}

fn has_block(module: &Module, name: &Ident) -> bool {
    let is_block = |item: &Item| item.kind == Kind::Impl && is_of(&item.rest, name, &module.name);
    module.items.iter().any(is_block)
}

fn name(kind: &Kind) -> Option<&Ident> {
    match kind {
        Kind::Struct(name) | Kind::Other(_, name) => Some(name),
        Kind::Impl | Kind::Rest => None,
    }
}

/// `bank_account` and `BankAccount` are one name.
fn cased(name: &Ident) -> String {
    name.unraw().to_string().replace('_', "").to_lowercase()
}

/// `bank_account` as `BankAccount`.
fn named(module: &Ident) -> Ident {
    super::variant(module)
}
