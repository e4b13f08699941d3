//! Filters as the text that they are read from.

use std::fmt::{Display, Formatter, Result, Write};

use super::{
    Condition, Field, Filter, Literal, Node, Step,
    literal::Kind,
    parse::{is_reserved, is_word},
};

impl Display for Filter {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        separated(f, " | ", &self.names, |f, name| show_name(f, name))?;
        match &self.condition {
            Some(condition) if self.names.is_empty() => write!(f, "where {condition}"),
            Some(condition) => write!(f, " where {condition}"),
            None => Ok(()),
        }
    }
}

impl Display for Condition {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        self.0.fmt(f)
    }
}

impl Display for Node {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Node::All(nodes) => separated(f, " and ", nodes, |f, node| match node {
                Node::Any(_) => write!(f, "({node})"),
                node => node.fmt(f),
            }),
            Node::Any(nodes) => separated(f, " or ", nodes, |f, node| node.fmt(f)),
            Node::Not(node) => write!(f, "not ({node})"),
            Node::Is(field, comparison, literal) => write!(f, "{field} {} {literal}", comparison.sign()),
            Node::In(field, literals) => {
                write!(f, "{field} in [")?;
                separated(f, ", ", literals, |f, literal| literal.fmt(f))?;
                f.write_char(']')
            }
            Node::None(field) => write!(f, "{field} is none"),
            Node::Some(field) => write!(f, "{field} is some"),
        }
    }
}

impl Display for Field {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        for (number, step) in self.0.iter().enumerate() {
            let dot = if number == 0 { "" } else { "." };
            match step {
                Step::Field(name) => {
                    f.write_str(dot)?;
                    show_name(f, name)?;
                }
                // All are read under the same name.
                Step::AnyField(names) => {
                    f.write_str(dot)?;
                    show_name(f, names.first().map_or("", String::as_str))?;
                }
                Step::Place(place) => write!(f, "{dot}{place}")?,
                Step::Key(key) => write!(f, "[{key}]")?,
            }
        }
        Ok(())
    }
}

impl Display for Literal {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match &self.0 {
            Kind::Bool(value) => write!(f, "{value}"),
            Kind::Integer(value) => write!(f, "{value}"),
            Kind::Float { value, .. } if value.is_nan() => f.write_str("NaN"),
            Kind::Float { value, .. } if value.is_infinite() => {
                f.write_str(if *value < 0.0 { "-Infinity" } else { "Infinity" })
            }
            Kind::Float { value, .. } => write!(f, "{value:?}"),
            Kind::Text { text, .. } => write!(f, "{text:?}"),
        }
    }
}

/// A name as it is, if it is a word that nothing else is.
fn show_name(f: &mut Formatter<'_>, name: &str) -> Result {
    match is_word(name) && !is_reserved(name) {
        true => f.write_str(name),
        false => write!(f, "{name:?}"),
    }
}

fn separated<T>(
    f: &mut Formatter<'_>,
    separator: &str,
    parts: &[T],
    show: impl Fn(&mut Formatter<'_>, &T) -> Result,
) -> Result {
    for (number, part) in parts.iter().enumerate() {
        f.write_str(if number == 0 { "" } else { separator })?;
        show(f, part)?;
    }
    Ok(())
}
