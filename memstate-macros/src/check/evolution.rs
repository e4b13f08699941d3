//! What a command was before: its names, its versions, and whether it is there for the past only.

#[cfg(test)]
mod tests;

use std::collections::HashMap;

use proc_macro2::Ident;
use quote::ToTokens;
use syn::{Expr, ExprPath, LitInt, LitStr, Type, ext::IdentExt, visit_mut::VisitMut};

use super::{Input, Kind, Operation};
use crate::{
    attr::{Keys, nearest},
    errors::Errors,
    types::NoSelf,
};

/// What a command says of its past.
pub struct Evolution {
    pub was: Vec<LitStr>,
    pub retired: bool,
    /// The command whose records it replays, and their version.
    pub replays: Option<(LitStr, u32)>,
    /// Of the command that it is. Zero until it is known.
    pub version: u32,
    /// The version that was given.
    given: Option<LitInt>,
    /// What converts the arguments of version 1, of version 2 and so on.
    pub upcasts: Vec<ExprPath>,
}

/// What an argument says of its past.
#[derive(Default)]
pub struct Origin {
    pub was: Vec<LitStr>,
    /// The value for records without it, or `Default::default()`.
    pub default: Option<Option<Box<Expr>>>,
}

/// Whether a private method is a command nevertheless.
pub fn is_for_replay(keys: &Keys) -> bool {
    keys.retired || keys.replays.is_some()
}

/// Says that keys on what is no command mean nothing. `skip` is one that may stand there, and what is said of the body of
/// a helper that changes the model.
pub fn of_none(keys: &Keys, method: &Ident, is_private: bool, changes: bool, errors: &mut Errors) {
    let is_of_body = |key: &Ident| changes && (*key == "deterministic" || *key == "strict");
    for key in keys.given.iter().filter(|key| *key != "skip" && !is_of_body(key)) {
        if keys.skip {
            errors.at(
                key,
                format!("`{key}` and `skip` cannot stand together"),
                "a method that is skipped is no command, so it has no records",
                "remove one of them",
            );
        } else {
            errors.at(
                key,
                format!("`{key}` is for commands, and `{method}` is none"),
                if is_private {
                    "private methods are helpers, which have no records"
                } else {
                    "it has no `&mut self`"
                },
                match is_private {
                    true => "write `pub fn`; or add `retired` if it is kept for records of the past",
                    false => "remove it",
                },
            );
        }
    }
}

/// What one method says.
pub fn of(keys: Keys, kind: Kind, method: &Ident, self_ty: &Type, errors: &mut Errors) -> Evolution {
    if kind == Kind::Query {
        for key in keys.given.iter().filter(|key| *key != "client") {
            errors.at(
                key,
                format!("`{key}` is for commands, and `{method}` is a query"),
                "a query is not in the journal, so there are no records to replay",
                "remove it",
            );
        }
        return Evolution::none();
    }
    alone(&keys, errors);
    let number = |version: &LitInt| version.base10_parse::<u32>().unwrap_or(1);
    if let Some(version) = keys.version.as_ref().filter(|version| number(version) == 0) {
        errors.at(version, "there is no version 0", "the first version of a command is 1", "");
    }
    let replays = keys.replays.as_ref().and_then(|name| match &keys.version {
        Some(version) => Some((name.clone(), number(version).max(1))),
        None => {
            let command = name.value();
            errors.at(
                name,
                format!("which version of `{command}` does `{method}` replay?"),
                "",
                &format!("write `replays = \"{command}\", version = 1`"),
            );
            None
        }
    });
    names(&keys.was, &method.unraw().to_string(), errors);
    let upcasts = keys.upcasts.into_iter().map(|mut path| {
        NoSelf(self_ty).visit_expr_path_mut(&mut path);
        path
    });
    Evolution {
        was: keys.was,
        retired: keys.retired || keys.replays.is_some(),
        given: keys.version.filter(|_| keys.replays.is_none()),
        version: if keys.replays.is_some() { 1 } else { 0 },
        replays,
        upcasts: upcasts.collect(),
    }
}

impl Evolution {
    fn none() -> Self {
        Evolution {
            was: Vec::new(),
            retired: false,
            replays: None,
            version: 1,
            given: None,
            upcasts: Vec::new(),
        }
    }
}

/// `replays` says where the records come from, and that it is for them alone.
fn alone(keys: &Keys, errors: &mut Errors) {
    let Some(command) = &keys.replays else { return };
    let command = command.value();
    for (name, why, help) in [
        (
            "retired",
            "what replays the records of another command is retired anyway",
            "remove `retired`".to_owned(),
        ),
        (
            "was",
            "it has no records of its own, under whatever name",
            format!("put `was` on `{command}`; its versions are found under its old names too"),
        ),
        (
            "upcast",
            "it takes the arguments as they were written",
            format!(
                "remove one of them: `upcast` on `{command}` converts old arguments, `replays` keeps an old method"
            ),
        ),
    ] {
        if let Some(key) = keys.place(name) {
            errors.at(key, format!("`{name}` and `replays` cannot stand together"), why, &help);
        }
    }
}

/// What an argument says.
pub fn origin(keys: Keys, kind: Kind, whole: &str, self_ty: &Type, errors: &mut Errors) -> Origin {
    if kind == Kind::Query {
        for key in &keys.given {
            errors.at(
                key,
                format!("`{key}` is for the arguments of commands, not for those of {whole}"),
                "a query is not in the journal, so there are no records to replay",
                "remove it",
            );
        }
        return Origin::default();
    }
    let default = keys.default.map(|value| {
        value.map(|mut value| {
            NoSelf(self_ty).visit_expr_mut(&mut value);
            value
        })
    });
    Origin { was: keys.was, default }
}

/// Old names that say nothing: the name of today, or one twice.
fn names(was: &[LitStr], today: &str, errors: &mut Errors) {
    for (number, name) in was.iter().enumerate() {
        let text = name.value();
        if text == today {
            errors.at(name, format!("`{text}` is called so today"), "", "write the name that it had before");
        } else if was[..number].iter().any(|other| other.value() == text) {
            errors.at(name, format!("`{text}` is there twice"), "", "remove one of them");
        } else if syn::parse_str::<Ident>(&text).is_err()
            && syn::parse_str::<Ident>(&format!("r#{text}")).is_err()
        {
            errors.at(name, format!("`{text}` is no name"), "", "write the name that it had before");
        }
    }
}

/// Old names of a method's arguments that are those of others.
pub fn arguments(inputs: &[Input], errors: &mut Errors) {
    let arguments = || {
        inputs.iter().filter_map(|input| match input {
            Input::Argument(argument) => Some(argument),
            Input::Ctx(_) => None,
        })
    };
    let mut taken: HashMap<String, String> = arguments()
        .map(|argument| argument.name.unraw().to_string())
        .map(|name| (name.clone(), name))
        .collect();
    for argument in arguments() {
        let today = argument.name.unraw().to_string();
        names(&argument.origin.was, &today, errors);
        for was in &argument.origin.was {
            match taken.get(&was.value()).filter(|other| **other != today) {
                Some(other) if *other == was.value() => errors.at(
                    was,
                    format!("`{other}` is another argument of today"),
                    "what was written under that name is its own",
                    "remove it",
                ),
                Some(other) => errors.at(
                    was,
                    format!("`{other}` was `{}` too", was.value()),
                    "what was written under that name can have one place only",
                    "remove one of them",
                ),
                None => {
                    taken.insert(was.value(), today.clone());
                }
            }
        }
    }
}

/// What the commands say of each other.
pub fn across(operations: &mut [Operation], errors: &mut Errors) {
    old_names(operations, errors);
    replayed(operations, errors);
    for number in 0..operations.len() {
        let version = version(&operations[number], operations, errors);
        let operation = &mut operations[number];
        if operation.kind == Kind::Command && operation.evolution.replays.is_none() {
            operation.evolution.version = version.max(operation.evolution.version);
        }
    }
}

fn name(operation: &Operation) -> String {
    operation.ident.unraw().to_string()
}

fn commands(operations: &[Operation]) -> impl Iterator<Item = &Operation> {
    operations.iter().filter(|operation| operation.kind == Kind::Command)
}

fn old_names(operations: &[Operation], errors: &mut Errors) {
    let mut taken: HashMap<String, String> = HashMap::new();
    for operation in commands(operations) {
        for was in &operation.evolution.was {
            let (text, today) = (was.value(), name(operation));
            if text == today {
                continue;
            }
            if commands(operations).any(|other| name(other) == text) {
                errors.at(
                    was,
                    format!("`{text}` is a command of today"),
                    "records under that name are its own",
                    &format!(
                        "remove it; or rename the method `{text}`, if its records are those of `{today}`"
                    ),
                );
            } else if let Some(other) =
                taken.insert(text.clone(), today.clone()).filter(|other| *other != today)
            {
                errors.at(
                    was,
                    format!("`{other}` was `{text}` too"),
                    "a record under that name can be one command's only",
                    "remove one of them; if one keeps an older version, write `replays` and `version` on it",
                );
            }
        }
    }
}

/// Whether `replays` names a command, and no version twice.
fn replayed(operations: &[Operation], errors: &mut Errors) {
    let mut taken: HashMap<(String, u32), String> = HashMap::new();
    for operation in commands(operations) {
        let Some((command, version)) = &operation.evolution.replays else { continue };
        let text = command.value();
        match commands(operations).find(|other| name(other) == text) {
            None => unknown(command, operation, operations, errors),
            Some(target) if target.evolution.replays.is_some() => errors.at(
                command,
                format!("`{text}` has no records of its own"),
                "it replays those of another command",
                "name the command that wrote the records",
            ),
            Some(target) if !target.evolution.upcasts.is_empty() => errors.at(
                command,
                format!(
                    "`{text}` converts its older versions by `upcast`, so they cannot be replayed as well"
                ),
                "a record has one way into today's model",
                &format!("remove `upcast` there, or `{}` here", operation.ident),
            ),
            Some(_) => {
                let this = name(operation);
                let other = taken.insert((text.clone(), *version), this.clone());
                if let Some(other) = other.filter(|other| *other != this) {
                    errors.at(
                        command,
                        format!("`{other}` replays version {version} of `{text}` too"),
                        "a record has one way into today's model",
                        "remove one of them, or give it another version",
                    );
                }
            }
        }
    }
}

/// A name that no command has.
fn unknown(command: &LitStr, operation: &Operation, operations: &[Operation], errors: &mut Errors) {
    let text = command.value();
    let renamed =
        commands(operations).find(|other| other.evolution.was.iter().any(|was| was.value() == text));
    if let Some(renamed) = renamed {
        let today = name(renamed);
        return errors.at(
            command,
            format!("`{text}` is called `{today}` today"),
            "",
            &format!("write `replays = \"{today}\"`; its versions are found under its old names too"),
        );
    }
    let names: Vec<String> = commands(operations)
        .filter(|other| other.ident != operation.ident && other.evolution.replays.is_none())
        .map(name)
        .collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let meant = nearest(&text, &names).map(|meant| format!("; did you mean `{meant}`?"));
    errors.at(
        command,
        format!("there is no command `{text}`{}", meant.unwrap_or_default()),
        "the records of a command that is gone are replayed by the command itself, in its last version",
        &format!("name a command of this block, or keep the old one as `#[memstate(retired)] fn {text}`"),
    );
}

/// The version of a command: one more than those that are replayed or converted, if it does not say more.
fn version(operation: &Operation, operations: &[Operation], errors: &mut Errors) -> u32 {
    let text = name(operation);
    let mut replayed: Vec<(u32, &LitStr)> = commands(operations)
        .filter_map(|other| other.evolution.replays.as_ref())
        .filter(|(command, _)| command.value() == text)
        .map(|(command, version)| (*version, command))
        .collect();
    replayed.sort_by_key(|(version, _)| *version);
    replayed.dedup_by_key(|(version, _)| *version);
    if let Some((missing, (found, place))) =
        (1..).zip(&replayed).find(|(expected, (version, _))| expected != version)
    {
        errors.at(
            place,
            format!("version {missing} of `{text}` is missing"),
            &format!("version {found} is replayed, so there were {missing} and all before it"),
            &format!("write a method with `#[memstate(replays = \"{text}\", version = {missing})]`"),
        );
    }
    let upcasts = u32::try_from(operation.evolution.upcasts.len()).unwrap_or(u32::MAX);
    let past = replayed.last().map_or(upcasts, |(version, _)| *version);
    let least = past.saturating_add(1);
    let Some(given) = &operation.evolution.given else { return least };
    let version = given.base10_parse::<u32>().unwrap_or(least);
    if version != 0 && version < least {
        errors.at(
            given.to_token_stream(),
            format!("`{text}` is of version {least} at least"),
            &format!("version {past} of it is one of the past"),
            &format!("write `version = {least}`, or leave it out"),
        );
    }
    version.max(least)
}
