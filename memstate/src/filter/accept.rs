//! Whether an event is taken. Nothing is allocated.

use std::cmp::Ordering;

use super::{Comparison, Field, Literal, Node, Step, literal::Compared};
use crate::Value;

/// What stands where a path leads.
enum Found<'a> {
    Value(&'a Value),
    /// An option on the way is none.
    None,
    /// There is no such place.
    Missing,
}

/// Whether an event has one of the names, if there are any.
pub(super) fn has_name(event: &Value, names: &[String]) -> bool {
    match through(event) {
        Value::Variant(name, _) => names.is_empty() || names.contains(name),
        _ => true,
    }
}

pub(super) fn holds(node: &Node, event: &Value) -> bool {
    match node {
        Node::All(nodes) => nodes.iter().all(|node| holds(node, event)),
        Node::Any(nodes) => nodes.iter().any(|node| holds(node, event)),
        Node::Not(node) => !holds(node, event),
        Node::Is(field, comparison, literal) => {
            matches!(field.find(event), Found::Value(value) if is(value, *comparison, literal))
        }
        Node::In(field, literals) => match field.find(event) {
            Found::Value(value) => literals.iter().any(|literal| is(value, Comparison::Equal, literal)),
            Found::None | Found::Missing => false,
        },
        Node::None(field) => matches!(field.find(event), Found::None),
        Node::Some(field) => matches!(field.find(event), Found::Value(_)),
    }
}

fn is(value: &Value, comparison: Comparison, literal: &Literal) -> bool {
    use Comparison as C;
    let is = |compared: fn(Ordering) -> bool| match literal.compare(value) {
        Compared::Is(ordering) => compared(ordering),
        Compared::Never | Compared::Different => false,
    };
    match comparison {
        C::Equal => is(Ordering::is_eq),
        C::Different => is(Ordering::is_ne) || literal.compare(value) == Compared::Different,
        C::Less => is(Ordering::is_lt),
        C::AtMost => is(Ordering::is_le),
        C::More => is(Ordering::is_gt),
        C::AtLeast => is(Ordering::is_ge),
        C::Contains => texts(value, literal).is_some_and(|(value, part)| value.contains(part)),
        C::StartsWith => texts(value, literal).is_some_and(|(value, part)| value.starts_with(part)),
    }
}

fn texts<'a>(value: &'a Value, literal: &'a Literal) -> Option<(&'a str, &'a str)> {
    Some((value.as_str()?, literal.as_text()?))
}

fn through(mut value: &Value) -> &Value {
    while let Value::Option(Some(inner)) = value {
        value = inner;
    }
    value
}

impl Field {
    /// What stands there; an option that has a value is the value.
    fn find<'a>(&self, event: &'a Value) -> Found<'a> {
        let mut found = event;
        for step in &self.0 {
            match step.find(found) {
                Found::Value(value) => found = value,
                nothing => return nothing,
            }
        }
        match through(found) {
            Value::Option(None) => Found::None,
            value => Found::Value(value),
        }
    }
}

impl Step {
    fn find<'a>(&self, value: &'a Value) -> Found<'a> {
        let found = match (through(value), self) {
            (Value::Option(None), _) => return Found::None,
            (Value::Variant(_, content), Step::Place(place)) => return in_variant(content, *place, self),
            (Value::Variant(_, content), _) => return self.find(content),
            (Value::Struct(fields), Step::Field(name)) => {
                fields.iter().find(|(field, _)| field == name).map(|(_, value)| value)
            }
            (Value::Struct(fields), Step::AnyField(names)) => {
                let mut named =
                    names.iter().filter_map(|name| fields.iter().find(|(field, _)| field == name));
                named.next().map(|(_, value)| value)
            }
            (Value::List(values) | Value::Tuple(values), Step::Place(place)) => values.get(*place),
            (Value::List(values) | Value::Tuple(values), Step::Key(key)) => {
                key.as_place().and_then(|place| values.get(place))
            }
            (Value::Map(entries), Step::Key(key)) => {
                let is_key = |at: &Value| key.compare(at) == Compared::Is(Ordering::Equal);
                entries.iter().find(|(at, _)| is_key(at)).map(|(_, value)| value)
            }
            _ => None,
        };
        found.map_or(Found::Missing, Found::Value)
    }
}

/// A place of what a variant holds; place 0 of one that holds a single value without places is the value.
fn in_variant<'a>(content: &'a Value, place: usize, step: &Step) -> Found<'a> {
    match through(content) {
        Value::List(_) | Value::Tuple(_) => step.find(content),
        Value::Struct(_) | Value::Unit => Found::Missing,
        _ if place == 0 => Found::Value(content),
        _ => Found::Missing,
    }
}
