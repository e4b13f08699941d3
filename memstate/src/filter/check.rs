//! Whether a filter can be meant, by the schema of the events: everything that `accept` finds in values is looked for in their types.

use std::fmt::Write;

use super::{Comparison, Condition, Field, Filter, FilterError, Literal, Node, Step, literal::Kind, resolve};
use crate::{
    near::near,
    schema::{
        Content, Kind as NamedKind, Schema, Shape, Type, Variant,
        form::{Form, Place},
    },
};

type Result<T> = std::result::Result<T, FilterError>;

/// How many names are told.
const TOLD: usize = 12;

pub(super) fn resolve(filter: &Filter, events: Type<'_>) -> Result<Filter> {
    let schema = events.schema;
    let shape = through(schema, events.shape);
    let asked = resolve::names(&filter.names, form(schema, shape));
    let (roots, names) = match form(schema, shape) {
        Form::Enum(variants) => {
            (wanted(variants, &asked), variants.iter().map(|variant| variant.name.as_str()).collect())
        }
        _ => (vec![At::Shape(shape)], names_of(schema, shape)),
    };
    for name in &asked {
        if !names.contains(&name.as_str()) {
            let instead = instead(name, &names, "there are no events");
            return Err(wrong(format!("there is no event {}; {instead}", quoted(name))));
        }
    }
    let check = Check { schema, roots };
    let condition = filter.condition.as_ref().map(|condition| resolve::node(&condition.0, &check));
    if let Some(condition) = &condition {
        check.node(condition)?;
    }
    Ok(Filter { names: asked, condition: condition.map(Condition) })
}

/// The variants of these names, or all.
fn wanted<'a>(variants: &'a [Variant], names: &[String]) -> Vec<At<'a>> {
    let is_wanted = |variant: &&Variant| names.is_empty() || names.contains(&variant.name);
    variants.iter().filter(is_wanted).map(|variant| At::Content(&variant.content)).collect()
}

/// What a type that is no enum is called, and the newtypes that it is in.
fn names_of<'a>(schema: &'a Schema, shape: &'a Shape) -> Vec<&'a str> {
    let mut names = Vec::new();
    let mut shape = Some(shape);
    while let Some(Shape::Named(number)) = shape
        && let Some(named) = schema.named(*number)
        && !names.contains(&named.name.as_str())
    {
        names.push(named.name.as_str());
        shape = match &named.kind {
            NamedKind::Struct(Content::Newtype(inner)) => Some(inner),
            NamedKind::Struct(_) | NamedKind::Enum(_) => None,
        };
    }
    names
}

/// A place in the types of events.
#[derive(Debug, Clone, Copy)]
enum At<'a> {
    Shape(&'a Shape),
    /// In a variant.
    Content(&'a Content),
}

impl At<'_> {
    /// Whether both are the same for certain.
    fn is(self, other: At<'_>) -> bool {
        match (self, other) {
            (At::Shape(Shape::Named(one)), At::Shape(Shape::Named(other))) => one == other,
            (At::Shape(one), At::Shape(other)) => std::ptr::eq(one, other),
            (At::Content(one), At::Content(other)) => std::ptr::eq(one, other),
            _ => false,
        }
    }
}

/// Places without repetition: types may hold themselves.
#[derive(Default)]
struct Places<'a>(Vec<At<'a>>);

impl<'a> Places<'a> {
    fn add(&mut self, at: At<'a>) {
        if !self.0.iter().any(|known| known.is(at)) {
            self.0.push(at);
        }
    }
}

pub(super) struct Check<'a> {
    pub(super) schema: &'a Schema,
    /// The events that are wanted.
    roots: Vec<At<'a>>,
}

/// Where a path leads, in any of the events.
struct Led<'a> {
    to: Vec<&'a Shape>,
    /// Whether there is an option on the way.
    may_be_none: bool,
}

impl<'a> Check<'a> {
    fn node(&self, node: &Node) -> Result<()> {
        match node {
            Node::All(nodes) | Node::Any(nodes) => nodes.iter().try_for_each(|node| self.node(node)),
            Node::Not(node) => self.node(node),
            Node::Is(field, comparison, literal) => self.comparison(field, *comparison, literal),
            Node::In(field, literals) => {
                self.lead(field)?;
                literals.iter().try_for_each(|literal| self.comparison(field, Comparison::Equal, literal))
            }
            Node::None(field) | Node::Some(field) => {
                let led = self.lead(field)?;
                match led.to.as_slice() {
                    [shape, ..] if !led.may_be_none => {
                        Err(wrong(format!("`{field}` is {}, and never none", self.schema.of(shape))))
                    }
                    _ => Ok(()),
                }
            }
        }
    }

    /// It is right if it can be meant in any of the events.
    fn comparison(&self, field: &Field, comparison: Comparison, literal: &Literal) -> Result<()> {
        let led = self.lead(field)?;
        let mut mistake = None;
        for shape in led.to {
            match comparable(self.schema, shape, comparison, literal) {
                Ok(()) => return Ok(()),
                Err(why) => mistake = mistake.or(Some((shape, why))),
            }
        }
        let Some((shape, why)) = mistake else { return Ok(()) };
        let shape = self.schema.of(through(self.schema, shape));
        Err(wrong(format!("`{field} {} {literal}`: `{field}` is {shape}, {why}", comparison.sign())))
    }

    /// The types that a path leads to, without options.
    pub(super) fn shapes(&self, field: &Field) -> Result<Vec<&'a Shape>> {
        Ok(self.lead(field)?.to.into_iter().map(|shape| through(self.schema, shape)).collect())
    }

    pub(super) fn form(&self, shape: &'a Shape) -> Form<'a> {
        form(self.schema, shape)
    }

    fn lead(&self, field: &Field) -> Result<Led<'a>> {
        let mut places = Places(self.roots.clone());
        let mut led = Led { to: Vec::new(), may_be_none: false };
        for (number, step) in field.0.iter().enumerate() {
            let mut next = Places::default();
            let seen = self.step(places, step, &mut next, &mut led.may_be_none);
            if next.0.is_empty() {
                return Err(self.missing(field, number, &seen));
            }
            places = next;
        }
        for at in places.0 {
            if let At::Shape(shape) = at {
                led.may_be_none |= matches!(form(self.schema, shape), Form::Option(_));
                led.to.push(shape);
            }
        }
        Ok(led)
    }

    /// Adds where `step` leads to `next`, and gives all that it was looked for in.
    fn step(
        &self,
        from: Places<'a>,
        step: &Step,
        next: &mut Places<'a>,
        may_be_none: &mut bool,
    ) -> Places<'a> {
        let schema = self.schema;
        let mut seen = from;
        let mut number = 0;
        // Options and variants lead to more that it is looked for in.
        while let Some(&at) = seen.0.get(number) {
            number += 1;
            let form = match at {
                At::Content(Content::Newtype(inner)) => match (form(schema, through(schema, inner)), step) {
                    (Form::List(_) | Form::Tuple(_), _) => form(schema, inner),
                    (Form::Struct(_) | Form::Unit | Form::Opaque, Step::Place(_)) => continue,
                    (_, Step::Place(0)) => {
                        next.add(At::Shape(inner));
                        continue;
                    }
                    (_, Step::Place(_)) => continue,
                    _ => form(schema, inner),
                },
                At::Content(content) => content.place().form(schema).unwrap_or(Form::Opaque),
                At::Shape(shape) => form(schema, shape),
            };
            match (form, step) {
                (Form::Option(inner), _) => {
                    *may_be_none = true;
                    seen.add(At::Shape(inner));
                }
                (Form::Enum(variants), _) => {
                    variants.iter().for_each(|variant| seen.add(At::Content(&variant.content)));
                }
                (Form::Struct(fields), Step::Field(name)) => {
                    let named = fields.iter().find(|field| field.name == *name);
                    named.into_iter().for_each(|field| next.add(At::Shape(&field.shape)));
                }
                (Form::Struct(fields), Step::AnyField(names)) => {
                    let named = names.iter().find_map(|name| fields.iter().find(|field| field.name == *name));
                    named.into_iter().for_each(|field| next.add(At::Shape(&field.shape)));
                }
                (Form::Tuple(parts), step) => {
                    let part = step.place().and_then(|place| parts.get(place));
                    part.into_iter().for_each(|part| next.add(At::Shape(part)));
                }
                (Form::List(element), step) if step.place().is_some() => next.add(At::Shape(element)),
                (Form::Map(key, value), Step::Key(literal))
                    if comparable(schema, key, Comparison::Equal, literal).is_ok() =>
                {
                    next.add(At::Shape(value));
                }
                _ => {}
            }
        }
        seen
    }

    /// Says what there is where a step leads nowhere.
    fn missing(&self, field: &Field, number: usize, seen: &Places<'a>) -> FilterError {
        let step = &field.0[number];
        let before = Field(field.0[..number].to_vec());
        let whole = match number {
            0 => "no event that is asked for".to_owned(),
            _ => format!("`{before}`"),
        };
        let forms = seen.0.iter().map(|at| match at {
            At::Shape(shape) => form(self.schema, shape),
            At::Content(content) => content.place().form(self.schema).unwrap_or(Form::Opaque),
        });
        let (mut names, mut others, mut is_opaque) = (Vec::new(), Vec::new(), false);
        for form in forms {
            match form {
                Form::Struct(fields) => names.extend(fields),
                Form::Tuple(parts) => others.push(format!("{} places, from 0", parts.len())),
                Form::List(_) => others.push("elements, by their number".to_owned()),
                Form::Map(key, _) => others.push(format!("keys in brackets, each {}", self.schema.of(key))),
                Form::Opaque => is_opaque = true,
                _ => {}
            }
        }
        let has_no = if number == 0 { "has" } else { "has no" };
        let last = Field(vec![step.clone()]);
        let mut what = match step {
            Step::Field(_) | Step::AnyField(_) => format!("{whole} {has_no} field `{last}`"),
            Step::Place(_) => format!("{whole} {has_no} place `{last}`"),
            Step::Key(_) => format!("{whole} {has_no} key `{last}`"),
        };
        let asked = match step {
            Step::Field(name) => name.as_str(),
            Step::AnyField(_) | Step::Place(_) | Step::Key(_) => "",
        };
        let mut names: Vec<_> = names.into_iter().map(|field| field.name.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        others.sort_unstable();
        others.dedup();
        if !names.is_empty() {
            let _ = write!(what, "; {}", instead(asked, &names, ""));
        }
        if !others.is_empty() {
            let _ = write!(what, "; there are {}", others.join(", or "));
        }
        if names.is_empty() && others.is_empty() {
            what.push_str(match is_opaque {
                true => "; what is there is not in the schema",
                false => "; there are none",
            });
        }
        wrong(what)
    }
}

impl Step {
    /// As a place of a list or a tuple.
    fn place(&self) -> Option<usize> {
        match self {
            Step::Place(place) => Some(*place),
            Step::Key(key) => key.as_place(),
            Step::Field(_) | Step::AnyField(_) => None,
        }
    }
}

/// Whether a literal is ever what is compared with it; or why not.
pub(super) fn comparable(
    schema: &Schema,
    shape: &Shape,
    comparison: Comparison,
    literal: &Literal,
) -> std::result::Result<(), String> {
    let shape = through(schema, shape);
    let is_of_texts = matches!(comparison, Comparison::Contains | Comparison::StartsWith);
    let is_order = !is_of_texts && !matches!(comparison, Comparison::Equal | Comparison::Different);
    let is_time = schema.of(shape).is_time();
    match (form(schema, shape), &literal.0) {
        (Form::Text, Kind::Text { .. }) => Ok(()),
        (_, _) if is_of_texts => Err("and no text".to_owned()),
        (Form::Signed(_), Kind::Text { time: Some(_), .. }) if is_time => Ok(()),
        (Form::Signed(_), Kind::Text { text, .. }) if is_time => match text.parse::<crate::Timestamp>() {
            Ok(_) => Ok(()),
            Err(error) => Err(format!("and {error}")),
        },
        (Form::Signed(_) | Form::Unsigned(_), Kind::Integer(_) | Kind::Float { .. })
        | (Form::F32 | Form::F64, Kind::Integer(_) | Kind::Float { .. })
        | (Form::Bool, Kind::Bool(_)) => Ok(()),
        (Form::Char, Kind::Text { text, .. }) if is_order || text.chars().count() == 1 => Ok(()),
        (Form::Char, Kind::Text { .. }) => Err("and the text is not one character".to_owned()),
        (Form::Enum(_), Kind::Text { .. }) if is_order => Err("and its variants have no order".to_owned()),
        (Form::Enum(variants), Kind::Text { text, .. }) => variant(variants, text),
        (Form::Signed(_) | Form::Unsigned(_) | Form::F32 | Form::F64, _) => {
            Err("and not a number here".to_owned())
        }
        (Form::Text | Form::Char, _) => Err("and is compared with a text in quotes".to_owned()),
        (Form::Bool, _) => Err("and is compared with `true` or `false`".to_owned()),
        (Form::Enum(_), _) => Err("and is compared with the name of a variant".to_owned()),
        (Form::Opaque, _) => Err("and what that is is not in the schema".to_owned()),
        _ => Err("which is compared with nothing; a field or a place in it may be".to_owned()),
    }
}

fn variant(variants: &[Variant], name: &str) -> std::result::Result<(), String> {
    if variants.iter().any(|variant| variant.name == name) {
        return Ok(());
    }
    if let Some(renamed) = variants.iter().find(|variant| variant.is_called(name)) {
        return Err(format!("and the variant is called `{}` now", renamed.name));
    }
    let names: Vec<_> = variants.iter().map(|variant| variant.name.as_str()).collect();
    Err(format!("which has no such variant; {}", instead(name, &names, "it has none")))
}

/// What may have been meant, or else what there is.
fn instead(asked: &str, names: &[&str], none: &str) -> String {
    let listed = |names: &[&str], last: &str| {
        let names: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
        match names.split_last() {
            Some((only, [])) => only.clone(),
            Some((end, others)) => format!("{} {last} {end}", others.join(", ")),
            None => String::new(),
        }
    };
    let near = near(asked, names);
    match (near.as_slice(), names) {
        (_, []) => none.to_owned(),
        ([_, ..], _) => format!("did you mean {}?", listed(&near[..near.len().min(3)], "or")),
        (_, [only]) => format!("there is `{only}`"),
        (_, names) if names.len() <= TOLD => format!("there are {}", listed(names, "and")),
        (_, names) => format!(
            "there are {}, and more",
            names[..TOLD].iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
        ),
    }
}

fn quoted(name: &str) -> String {
    format!("`{}`", name.chars().take(80).collect::<String>())
}

fn wrong(what: String) -> FilterError {
    FilterError { column: None, what }
}

fn form<'a>(schema: &'a Schema, shape: &'a Shape) -> Form<'a> {
    Place::Shape(shape).form(schema).unwrap_or(Form::Opaque)
}

/// What options hold.
fn through<'a>(schema: &'a Schema, mut shape: &'a Shape) -> &'a Shape {
    // A schema from elsewhere may have a type that is an option of itself.
    for _ in 0..super::STEPS_MAX {
        match form(schema, shape) {
            Form::Option(inner) => shape = inner,
            _ => break,
        }
    }
    shape
}
