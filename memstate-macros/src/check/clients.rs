//! What the client calls a method: the method's own name, unless it says otherwise.

use std::collections::HashMap;

use proc_macro2::Ident;
use syn::ext::IdentExt;

use super::{Kind, Operation, beside};
use crate::{attr::Keys, errors::Errors};

/// The methods of `memstate::Client`, which every client has; a model's own method of such a name would hide it without
/// a word.
const OF_EVERY_CLIENT: &[&str] = &[
    "as_caller",
    "at",
    "atomically",
    "close",
    "diff",
    "events",
    "execute",
    "history",
    "metrics",
    "new_request",
    "position",
    "query",
    "reached",
    "read",
    "ready",
    "snapshot",
    "watch",
    "watch_query",
    "with_request",
];

/// What a client has of traits that everybody has in scope. `into` and `try_into` take it by value, and so are found first.
const OF_TRAITS: &[&str] = &["clone", "from", "into", "try_into"];

/// What `memstate::Past` has beside, and so the client of the past, which has the queries alone.
const OF_THE_PAST: &[&str] = &["time"];

/// Whether every client has a method of this name, or that of the past.
pub fn is_reserved(name: &str, kind: Kind) -> bool {
    OF_EVERY_CLIENT.contains(&name)
        || OF_TRAITS.contains(&name)
        || kind == Kind::Query && OF_THE_PAST.contains(&name)
}

/// What the keys say, or the method's name.
pub fn name(keys: &Keys, method: &Ident, errors: &mut Errors) -> Ident {
    let Some(client) = &keys.client else { return method.clone() };
    if keys.retired || keys.replays.is_some() {
        if let Some(key) = keys.place("client") {
            errors.at(
                key,
                format!("the client does not have `{method}`"),
                "it is there to replay records of the past",
                "remove `client`",
            );
        }
        return method.clone();
    }
    match client.parse_with(Ident::parse_any).ok().filter(|_| client.parse::<Ident>().is_ok()) {
        Some(name) => name,
        None => {
            let text = client.value();
            errors.at(client, format!("`{text}` is no name"), "", "write the name of a method");
            method.clone()
        }
    }
}

/// Names that every client has already, and names that meet.
pub fn check(operations: &mut [Operation], model: &Ident, errors: &mut Errors) {
    let mut taken: HashMap<String, Ident> = HashMap::new();
    for (number, operation) in operations.iter_mut().enumerate() {
        if operation.kind == Kind::Command
            && operation.ident == "atomically"
            && operation.client != operation.ident
        {
            errors.at(
                &operation.ident,
                "`atomically` is what an atomic batch is called in the journal",
                "a record of this command would look like one",
                "rename it",
            );
        }
        if operation.evolution.retired {
            continue;
        }
        let (name, method) = (operation.client.unraw().to_string(), operation.ident.clone());
        if is_reserved(&name, operation.kind) {
            reserved(operation, model, errors);
            // The client's own method stays, for those who call it.
            operation.client = Ident::new(&format!("__{name}"), operation.client.span());
            continue;
        }
        match taken.get(&name).filter(|first| **first != method) {
            None => drop(taken.insert(name, method)),
            Some(first) => {
                errors.at(
                    &operation.client,
                    format!("`{first}` and `{method}` are both called `{name}` on the client"),
                    "",
                    "give one of them another name",
                );
                // Two methods of one name would be said again.
                operation.client = Ident::new(&format!("__{name}{number}"), operation.client.span());
            }
        }
    }
}

fn reserved(operation: &Operation, model: &Ident, errors: &mut Errors) {
    let (client, method) = (beside(model, "Client"), operation.ident.unraw());
    let name = operation.client.unraw();
    let suggestion = format!("{name}_{}", snake(&model.unraw().to_string()));
    let help = match operation.client == operation.ident {
        true => format!(
            "rename it; or write `#[memstate(client = \"{suggestion}\")]` above it, which names the client's method and \
             leaves `{method}` in the journal"
        ),
        false => format!("write another name, like `client = \"{suggestion}\"`"),
    };
    errors.at(
        &operation.client,
        format!("`{client}` has a method `{name}` already, which every client has"),
        "this one would hide it",
        &help,
    );
}

/// `BankAccount` as `bank_account`.
fn snake(name: &str) -> String {
    let mut snake = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.extend(letter.to_lowercase());
    }
    snake
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use syn::{ImplItem, Item, Type, Visibility};

    use super::*;

    /// The public methods of `memstate`'s type `of`, from its source.
    fn methods(file: &str, of: &str) -> BTreeSet<String> {
        let path = format!("{}/../memstate/src/{file}", env!("CARGO_MANIFEST_DIR"));
        let source = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
        let blocks = syn::parse_file(&source).unwrap().items.into_iter().filter_map(|item| match item {
            Item::Impl(block) if block.trait_.is_none() => Some(block),
            _ => None,
        });
        let is_of = |ty: &Type| crate::types::last_segment(ty).is_some_and(|segment| segment.ident == of);
        let items = blocks.filter(|block| is_of(&block.self_ty)).flat_map(|block| block.items);
        let public = items.filter_map(|item| match item {
            ImplItem::Fn(method) if matches!(method.vis, Visibility::Public(_)) => {
                Some(method.sig.ident.to_string())
            }
            _ => None,
        });
        public.filter(|name| !name.starts_with("__")).collect()
    }

    #[test]
    fn every_method_of_a_client_is_reserved_and_nothing_else() {
        let mut reserved: BTreeSet<String> = OF_EVERY_CLIENT.iter().map(|name| (*name).to_owned()).collect();
        let real = methods("client.rs", "Client");
        assert!(real.contains("read") && real.contains("history"), "{real:?}");
        // Batches, whether the client has them yet or not.
        if !real.contains("atomically") {
            reserved.remove("atomically");
        }
        assert_eq!(reserved, real);
    }

    #[test]
    fn what_a_client_of_the_past_has_beside_is_reserved_for_queries() {
        let past = methods("past.rs", "Past");
        let beside: Vec<&str> =
            past.iter().map(String::as_str).filter(|name| !OF_EVERY_CLIENT.contains(name)).collect();
        assert_eq!(beside, OF_THE_PAST);
        assert!(is_reserved("time", Kind::Query) && !is_reserved("time", Kind::Command));
    }

    #[test]
    fn names_are_suggested_in_snake_case() {
        assert_eq!(snake("BankAccount"), "bank_account");
    }
}
