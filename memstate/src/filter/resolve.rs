//! A filter with the names that values have. What a schema calls by one name may be asked for by any that it is read under.

use super::{
    Comparison, Field, Filter, Literal, Node, Step,
    check::{Check, comparable},
};
use crate::schema::{Schema, form::Form, names::Called};

pub(super) fn names(names: &[String], events: Form<'_>) -> Vec<String> {
    let Form::Enum(variants) = events else { return names.to_vec() };
    names.iter().map(|name| called(variants, name).unwrap_or(name).to_owned()).collect()
}

/// The name of what has this one as an alias; nothing if it is a name itself.
fn called<'a, T: Called>(there: &'a [T], name: &str) -> Option<&'a str> {
    let is_alias = |one: &&T| one.aliases().iter().any(|alias| alias == name);
    match there.iter().any(|one| one.name() == name) {
        true => None,
        false => there.iter().find(is_alias).map(Called::name),
    }
}

pub(super) fn node(of: &Node, check: &Check<'_>) -> Node {
    let field = |field: &Field| Field(field.0.iter().map(|one| step(one, check.schema)).collect());
    match of {
        Node::All(nodes) => Node::all(nodes.iter().map(|one| node(one, check)).collect()),
        Node::Any(nodes) => Node::any(nodes.iter().map(|one| node(one, check)).collect()),
        Node::Not(one) => Node::Not(Box::new(node(one, check))),
        Node::Is(at, comparison @ (Comparison::Equal | Comparison::Different), literal) => {
            let at = field(at);
            let literals = variants(&at, literal, check);
            let mut nodes: Vec<_> =
                literals.into_iter().map(|literal| Node::Is(at.clone(), *comparison, literal)).collect();
            match (nodes.len(), comparison) {
                (1, _) => nodes.remove(0),
                (_, Comparison::Equal) => Node::any(nodes),
                _ => Node::all(nodes),
            }
        }
        Node::Is(at, comparison, literal) => Node::Is(field(at), *comparison, literal.clone()),
        Node::In(at, literals) => {
            let at = field(at);
            let literals = literals.iter().flat_map(|literal| variants(&at, literal, check)).collect();
            Node::In(at, literals)
        }
        Node::None(at) => Node::None(field(at)),
        Node::Some(at) => Node::Some(field(at)),
    }
}

/// A field of this name stands for those that are read under it. One that has the name comes first.
fn step(step: &Step, schema: &Schema) -> Step {
    let Step::Field(name) = step else { return step.clone() };
    let mut names: Vec<String> = Vec::new();
    let of_name = schema.fields().filter(|field| field.name == *name);
    let of_alias = schema.fields().filter(|field| field.aliases.contains(name));
    for field in of_name.chain(of_alias) {
        if !names.contains(&field.name) {
            names.push(field.name.clone());
        }
    }
    match names.len() {
        0 => step.clone(),
        1 => Step::Field(names.remove(0)),
        _ => Step::AnyField(names),
    }
}

/// What a literal is in the enums that it is compared with, and itself if it is compared with something else.
fn variants(field: &Field, literal: &Literal, check: &Check<'_>) -> Vec<Literal> {
    let (Some(text), Ok(shapes)) = (literal.as_text(), check.shapes(field)) else {
        return vec![literal.clone()];
    };
    let mut literals = Vec::new();
    for shape in shapes {
        let renamed = match check.form(shape) {
            Form::Enum(variants) => called(variants, text).map(Literal::from),
            _ => None,
        };
        let fits = || comparable(check.schema, shape, Comparison::Equal, literal).is_ok();
        let meant = renamed.or_else(|| fits().then(|| literal.clone()));
        literals.extend(meant.filter(|meant| !literals.contains(meant)));
    }
    // It fits nothing, which is for the check to say.
    if literals.is_empty() {
        literals.push(literal.clone());
    }
    literals
}

impl Filter {
    /// The same filter with the names that events of this type have as values. A variant and a field may be asked for by any
    /// name that they are read under (`#[serde(alias)]`), of which the schema takes one for the first. A server evaluates this one.
    ///
    /// # Errors
    /// As [`check`](Filter::check).
    pub fn resolved(&self, events: crate::schema::Type<'_>) -> Result<Filter, super::FilterError> {
        super::check::resolve(self, events)
    }
}
