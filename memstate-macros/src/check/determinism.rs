//! What a command's body may not name, because a replay runs it again: the clock, random numbers, the world outside.
//!
//! It is a warning, as the name may be the user's own; `strict` makes it an error, and `deterministic` says that it is
//! well. Queries are not replayed and may do as they please.

mod scan;
mod table;

use std::collections::HashSet;

use proc_macro2::{Delimiter, Ident, TokenStream, TokenTree};
use quote::ToTokens;
use syn::{Attribute, Path, Token, Type, Visibility, punctuated::Punctuated};

use self::{
    scan::{Finding, findings},
    table::Instead,
};
use super::{arguments::name_of_ctx, changes};
use crate::{
    ast::Method,
    attr::Keys,
    errors::{Errors, text},
    types,
};

/// A warning, at tokens of the user's.
pub struct Warning {
    /// The conditions of the method that it stands in.
    pub cfgs: Vec<Attribute>,
    pub place: Vec<Ident>,
    /// What the compiler calls it.
    pub name: &'static str,
    pub text: String,
}

/// How the bodies of a block are looked at.
pub struct Bodies<'a> {
    strict: bool,
    events: Option<&'a Type>,
}

impl<'a> Bodies<'a> {
    /// `options` are those in the parentheses above the block, `on_block` those of the attribute below it.
    pub fn new(options: &'a Keys, on_block: &Keys) -> Self {
        Bodies { strict: options.strict || on_block.strict, events: options.events.as_ref() }
    }

    /// Looks at a body, if it is part of what is replayed.
    pub fn check(
        &self,
        method: &Method,
        keys: &Keys,
        replayed: &HashSet<String>,
        warnings: &mut Vec<Warning>,
        errors: &mut Errors,
    ) {
        if let (Some(deterministic), true) = (keys.place("deterministic"), keys.strict) {
            errors.at(
                deterministic,
                "`deterministic` and `strict` cannot stand together",
                "the one allows what the other refuses",
                "remove one of them",
            );
            return;
        }
        let is_replayed = changes(&method.sig) || replayed.contains(&method.sig.ident.to_string());
        if keys.deterministic || !is_replayed {
            return;
        }
        for finding in findings(&method.body) {
            let (what, why, help) = self.words(&finding, method, keys);
            if self.strict || keys.strict || method.strict {
                errors.at(path(&finding), what, &why, &help);
                continue;
            }
            warnings.push(Warning {
                cfgs: method.attrs.iter().filter(|attr| attr.path().is_ident("cfg")).cloned().collect(),
                name: finding.source.name,
                text: text(&what, &why, &help),
                place: finding.segments,
            });
        }
    }

    fn words(&self, finding: &Finding, method: &Method, keys: &Keys) -> (String, String, String) {
        let (named, name) = (finding.text(), &method.sig.ident);
        let is_helper = keys.skip
            || !changes(&method.sig)
            || matches!(method.vis, Visibility::Inherited) && !keys.retired && keys.replays.is_none();
        let whole =
            if is_helper { format!("`{name}`, a helper of commands,") } else { format!("command `{name}`") };
        let why = "the model is brought back by running its commands again, and must come out the same";
        let ctx = match self.events {
            Some(events) => format!("Ctx<{}>", types::text(events)),
            None => "Ctx".to_owned(),
        };
        let instead = match (&finding.source.instead, name_of_ctx(&method.sig)) {
            (Instead::Other(instead), _) => (*instead).to_owned(),
            (Instead::Ctx(method), Some(name)) => {
                format!("use `{name}.{method}`, which every replay repeats")
            }
            (Instead::Ctx(method), None) => {
                format!("take `ctx: &mut {ctx}` and use `ctx.{method}`, which every replay repeats")
            }
        };
        (
            format!("{whole} names `{named}`, which in a replay {}", finding.source.why),
            why.to_owned(),
            format!(
                "{instead}; if it is well as it is, say so: `#[memstate(deterministic)]` on the method, and for something of \
                 your own write `self::` or `crate::` in front"
            ),
        )
    }
}

/// The methods and functions of a block that its commands call, by their names: those of commands too, and those that are
/// called by these.
pub fn replayed(methods: &[Method]) -> HashSet<String> {
    let mut called = HashSet::new();
    for method in methods.iter().filter(|method| changes(&method.sig)) {
        calls(method.body.clone(), &mut called);
    }
    loop {
        let before = called.len();
        for method in methods {
            if called.contains(&method.sig.ident.to_string()) {
                calls(method.body.clone(), &mut called);
            }
        }
        if called.len() == before {
            return called;
        }
    }
}

/// The names that stand in front of parentheses.
fn calls(body: TokenStream, called: &mut HashSet<String>) {
    let mut tokens = body.into_iter().peekable();
    while let Some(token) = tokens.next() {
        match token {
            TokenTree::Ident(name) => {
                let is_call = matches!(tokens.peek(), Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Parenthesis);
                if is_call {
                    called.insert(name.to_string());
                }
            }
            TokenTree::Group(group) => calls(group.stream(), called),
            _ => {}
        }
    }
}

/// The path, as one piece.
fn path(finding: &Finding) -> impl ToTokens + use<> {
    let segments: Punctuated<syn::PathSegment, Token![::]> =
        finding.segments.iter().cloned().map(syn::PathSegment::from).collect();
    Path { leading_colon: None, segments }
}
