//! A model inside of a model: a field under `#[memstate(model)]`.

use proc_macro2::Ident;
use syn::{Field, GenericParam, Generics, LitStr, Type, Visibility, ext::IdentExt};

use super::{Commands, Kind, clients, variant};
use crate::{
    attr::{self, Keys},
    errors::Errors,
    types,
};

/// What is written for it.
#[derive(Clone)]
pub struct Part {
    /// The field, which names the client's method too.
    pub name: Ident,
    /// The client's method would meet another.
    pub hidden: bool,
    pub variant: Ident,
    pub vis: Visibility,
    pub docs: String,
    /// Names that the field had before.
    pub was: Vec<LitStr>,
    pub ty: Type,
}

/// The model in `field`, whose keys these are.
pub fn of(field: &Field, keys: &Keys, ty: &Type, errors: &mut Errors) -> Option<Part> {
    let Some(key) = keys.place("model") else {
        if let Some(was) = keys.place("was") {
            errors.at(
                was,
                "`was` is for models inside, and this field is none",
                "",
                "for a field that was renamed, write `#[serde(alias = \"old_name\")]`; for a model, add `model`",
            );
        }
        return None;
    };
    if let Some(clone) = keys.place("clone") {
        errors.at(
            clone,
            "`clone` and `model` cannot stand together",
            "a model takes its own changes back",
            "remove `clone`",
        );
    }
    let Some(name) = field.ident.clone() else {
        errors.at(
            key,
            "a model inside needs a field with a name",
            "its commands are journaled under it, and the client has a method of that name",
            "write the struct with names: `struct Shop { ledger: Ledger }`",
        );
        return None;
    };
    if let Some(name) = never_a_model(ty) {
        errors.at(
            ty,
            format!("`{name}` is no model"),
            "a model inside is a struct with commands and queries of its own, which stand beside those of this one",
            "put `#[memstate::model]` on a struct and its `impl` block, and name it here; or remove `model`",
        );
        return None;
    }
    if clients::is_reserved(&name.unraw().to_string(), Kind::Query) {
        errors.at(
            &name,
            format!("every client has a method `{name}`, which that of the model inside would hide"),
            "the client of a model inside is a method of the field's name",
            "give the field another name",
        );
    }
    let mut known = vec![name.unraw().to_string()];
    for was in &keys.was {
        let text = was.value();
        let what = match syn::parse_str::<Ident>(&text) {
            Err(_) => format!("`{text}` is no name of a field"),
            Ok(_) if known[0] == text => format!("`{text}` is called so today"),
            Ok(_) if known.contains(&text) => format!("`{text}` is there twice"),
            Ok(_) => {
                known.push(text);
                continue;
            }
        };
        errors.at(was, what, "", "write the name that the field had before");
    }
    Some(Part {
        hidden: false,
        variant: variant(&name),
        vis: field.vis.clone(),
        docs: attr::docs(&field.attrs),
        was: keys.was.clone(),
        ty: ty.clone(),
        name,
    })
}

/// The text of a type that everybody knows to be no model.
fn never_a_model(ty: &Type) -> Option<String> {
    const KNOWN: &[&str] = &[
        "Option", "Result", "Box", "Vec", "VecDeque", "HashMap", "HashSet", "BTreeMap", "BTreeSet", "String",
        "bool", "char", "u8", "u16", "u32", "u64", "u128", "usize", "i8", "i16", "i32", "i64", "i128",
        "isize", "f32", "f64",
    ];
    match types::peel(ty) {
        Type::Path(_) => {
            let name = types::last_segment(ty)?.ident.to_string();
            KNOWN.contains(&name.as_str()).then(|| types::text(ty))
        }
        other => Some(types::text(other)),
    }
}

/// Models inside that meet each other or the model's own methods.
pub fn meetings(parts: &mut [Part], commands: &Commands, declared: &Generics, errors: &mut Errors) {
    let names = |generics: &Generics| generics.params.iter().map(name).collect::<Vec<_>>();
    if names(declared) != names(&commands.generics) {
        errors.at(
            &commands.self_ty,
            "this block names the model's parameters otherwise than the struct does",
            "the models inside are of types that the struct has written with its own names",
            "name them as the struct does",
        );
    }
    let (operations, model) = (&commands.operations, &commands.name);
    for number in 0..parts.len() {
        let (before, rest) = parts.split_at_mut(number);
        let part = &mut rest[0];
        let same_variant = operations.iter().find(|operation| {
            operation.variant == part.variant || operation.client.unraw() == part.name.unraw()
        });
        let other = same_variant.map(|operation| format!("the method `{}`", operation.ident)).or_else(|| {
            before.iter().find(|other| other.variant == part.variant).map(|other| format!("`{}`", other.name))
        });
        let Some(other) = other else { continue };
        errors.at(
            &part.name,
            format!("the model `{}` and {other} both become `{}`", part.name, part.variant),
            &format!("each has a variant of that name in `{model}Reply`"),
            "rename one of them",
        );
        part.hidden = true;
        part.variant = Ident::new(&format!("__{}{number}", part.variant), part.variant.span());
    }
}

fn name(param: &GenericParam) -> String {
    match param {
        GenericParam::Type(param) => param.ident.to_string(),
        GenericParam::Const(param) => param.ident.to_string(),
        GenericParam::Lifetime(param) => param.lifetime.to_string(),
    }
}
