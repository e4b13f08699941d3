//! [`Filter`]: which events a subscriber wants.
//!
//! A filter is made in Rust or as text, which mean the same, and is evaluated where the events are, on [`Value`]s.
//!
//! ```
//! use memstate::filter::{Filter, field};
//!
//! let large = Filter::any_of(["Deposited", "Transferred"])
//!     .and(field("amount").at_least(100))
//!     .and(field("from").equals(7).or(field("to").equals(7)));
//! let text = "Deposited | Transferred where amount >= 100 and (from == 7 or to == 7)";
//! assert_eq!(text.parse(), Ok(large.clone()));
//! assert_eq!(large.to_string(), text);
//! ```
//!
//! # The text
//!
//! First the events by name, with `|` between; without a name, all. Then `where` and a condition, or nothing. An empty text takes
//! everything. The name of an event is its variant's; where events are no enum, their type's.
//!
//! | | |
//! |-|-|
//! | `amount`, `account.owner` | a field, and a field in it |
//! | `0`, `path.0` | a place of a tuple or a list, from 0, or what a variant with a single value holds |
//! | `balances["Ann"]`, `balances[7]` | the value of a key of a map |
//! | `== != < <= > >=` | compare with a number, a text, `true` or `false` |
//! | `in [1, 2, 3]` | is one of them |
//! | `contains "x"`, `starts with "x"` | of texts |
//! | `is none`, `is some` | of options |
//! | `and`, `or`, `not`, `(…)` | `not` binds the closest, and `or` the least |
//!
//! - A text stands in `"…"` or `'…'`, with the escapes of Rust, or is a single word. So does a name that is no word, or a word of
//!   the filter's own: `"in" == 3`.
//! - A character is compared with a text of one character, a variant with its name, and a time with a text such as
//!   `"2013-02-08T17:05Z"` or with its microseconds. A date alone is its first moment. Variants have no order.
//! - Numbers are compared by what they are, integers of every size and sign and those with a floating point alike: nothing
//!   wraps and nothing is rounded. An `f32` is the number that it is written as: `0.1_f32` equals `0.1`.
//! - Options and variants are looked through: `account.owner` is the owner of an account that is there, in whatever variant it is.
//! - A comparison is false of an event that does not have the field, or has none there: `amount != 3` too. `not` makes it
//!   true, so `not amount == 3` takes events without an amount. `is none` also holds if an option on the way is none, and is false if there is no such field.
//!
//! [`Filter::resolved`] makes a filter ready for events of a type: it says what of it cannot be meant, and finds what goes by
//! other names.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};

use crate::{Value, schema::Type};

mod accept;
mod check;
mod literal;
mod parse;
mod resolve;
mod show;
#[cfg(test)]
mod tests;

pub use literal::Literal;

/// How long the text of a filter or a condition may be, in bytes.
pub const TEXT_BYTES_MAX: usize = 4096;
/// How deep `not` and parentheses may be in each other.
const DEPTH_MAX: usize = 64;
/// How many steps a path may have.
const STEPS_MAX: usize = 64;

/// Which events a subscriber wants; the default takes everything. The [module](self) says what there is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// One of these; all if there are none.
    names: Vec<String>,
    condition: Option<Condition>,
}

impl Filter {
    /// Events of this name.
    pub fn of(name: impl Into<String>) -> Self {
        Filter::any_of([name])
    }

    /// Events of any of these names; all events if there are none.
    pub fn any_of<N: Into<String>>(names: impl IntoIterator<Item = N>) -> Self {
        Filter { names: names.into_iter().map(Into::into).collect(), condition: None }
    }

    /// Those of these events of which the condition holds too.
    #[must_use]
    pub fn and(mut self, condition: impl Into<Condition>) -> Self {
        let condition = condition.into();
        self.condition = Some(match self.condition {
            Some(before) => before.and(condition),
            None => condition,
        });
        self
    }

    /// Whether it takes all events.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty() && self.condition.is_none()
    }

    /// Whether it takes this event. Names are those that the value has; see [`resolved`](Filter::resolved).
    ///
    /// An event that is not a variant does not know its name; then the name is only looked at by [`check`](Filter::check).
    pub fn accepts(&self, event: &Value) -> bool {
        accept::has_name(event, &self.names)
            && self.condition.as_ref().is_none_or(|condition| accept::holds(&condition.0, event))
    }

    /// Whether it can be meant for events of this type.
    ///
    /// # Errors
    /// There is no event of a name, none of the events has a field, it is compared with what it cannot be, or it is asked for
    /// none and always there. The error says what there is.
    pub fn check(&self, events: Type<'_>) -> Result<(), FilterError> {
        self.resolved(events).map(|_| ())
    }
}

/// Events of any name of which the condition holds.
impl From<Condition> for Filter {
    fn from(condition: Condition) -> Self {
        Filter::default().and(condition)
    }
}

/// What has to hold of an event; made by the methods of [`Field`], or from text: what stands behind `where`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "a condition does nothing by itself"]
pub struct Condition(Node);

impl Condition {
    /// Both hold.
    pub fn and(self, other: impl Into<Condition>) -> Self {
        Condition(Node::all(vec![self.0, other.into().0]))
    }

    /// At least one of both holds.
    pub fn or(self, other: impl Into<Condition>) -> Self {
        Condition(Node::any(vec![self.0, other.into().0]))
    }
}

/// It does not hold.
impl std::ops::Not for Condition {
    type Output = Condition;
    fn not(self) -> Condition {
        Condition(Node::not(self.0))
    }
}

/// A condition as it is evaluated. There is no `All` in an `All` and so on, so that one meaning of a text has one tree.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Node {
    All(Vec<Node>),
    Any(Vec<Node>),
    Not(Box<Node>),
    Is(Field, Comparison, Literal),
    In(Field, Vec<Literal>),
    None(Field),
    Some(Field),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Equal,
    Different,
    Less,
    AtMost,
    More,
    AtLeast,
    Contains,
    StartsWith,
}

impl Comparison {
    /// With its sign; one that begins like another stands behind the longer one.
    const ALL: [(Comparison, &str); 8] = [
        (Comparison::Equal, "=="),
        (Comparison::Different, "!="),
        (Comparison::AtMost, "<="),
        (Comparison::AtLeast, ">="),
        (Comparison::Less, "<"),
        (Comparison::More, ">"),
        (Comparison::Contains, "contains"),
        (Comparison::StartsWith, "starts with"),
    ];

    fn sign(self) -> &'static str {
        Comparison::ALL.iter().find(|(comparison, _)| *comparison == self).map_or("", |(_, sign)| sign)
    }
}

impl Node {
    fn all(nodes: Vec<Node>) -> Node {
        let flat = nodes.into_iter().flat_map(|node| match node {
            Node::All(nodes) => nodes,
            other => vec![other],
        });
        Node::All(flat.collect())
    }

    fn any(nodes: Vec<Node>) -> Node {
        let flat = nodes.into_iter().flat_map(|node| match node {
            Node::Any(nodes) => nodes,
            other => vec![other],
        });
        Node::Any(flat.collect())
    }

    fn not(node: Node) -> Node {
        match node {
            Node::Not(node) => *node,
            other => Node::Not(Box::new(other)),
        }
    }
}

/// A place in an event; made by [`field`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "a field does nothing by itself"]
pub struct Field(Vec<Step>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Field(String),
    /// The first of these that there is: fields of several types which are all read under one name.
    AnyField(Vec<String>),
    Place(usize),
    /// Of a map; or a number in a list, as some write it.
    Key(Literal),
}

/// The place in an event that a path leads to, as in the text: `amount`, `account.owner`, `path.0`, `balances["Ann"]`. What is no
/// path is the name of a field.
pub fn field(path: &str) -> Field {
    parse::path(path).unwrap_or_else(|_| Field(vec![Step::Field(path.to_owned())]))
}

impl Field {
    /// The value of this key in the map that is there.
    pub fn key(mut self, key: impl Into<Literal>) -> Self {
        self.0.push(Step::Key(key.into()));
        self
    }

    /// It is this.
    pub fn equals(self, value: impl Into<Literal>) -> Condition {
        self.is(Comparison::Equal, value)
    }

    /// It is there and something else.
    pub fn differs_from(self, value: impl Into<Literal>) -> Condition {
        self.is(Comparison::Different, value)
    }

    /// It is less than this.
    pub fn less_than(self, value: impl Into<Literal>) -> Condition {
        self.is(Comparison::Less, value)
    }

    /// It is this or less.
    pub fn at_most(self, value: impl Into<Literal>) -> Condition {
        self.is(Comparison::AtMost, value)
    }

    /// It is more than this.
    pub fn more_than(self, value: impl Into<Literal>) -> Condition {
        self.is(Comparison::More, value)
    }

    /// It is this or more.
    pub fn at_least(self, value: impl Into<Literal>) -> Condition {
        self.is(Comparison::AtLeast, value)
    }

    /// It is a text that this is a part of.
    pub fn contains(self, text: impl Into<String>) -> Condition {
        self.is(Comparison::Contains, text.into())
    }

    /// It is a text that begins with this.
    pub fn starts_with(self, text: impl Into<String>) -> Condition {
        self.is(Comparison::StartsWith, text.into())
    }

    /// It is one of these.
    pub fn one_of<L: Into<Literal>>(self, values: impl IntoIterator<Item = L>) -> Condition {
        Condition(Node::In(self, values.into_iter().map(Into::into).collect()))
    }

    /// It is an option without a value, or in one.
    pub fn is_none(self) -> Condition {
        Condition(Node::None(self))
    }

    /// It is there, and no option without a value.
    pub fn is_some(self) -> Condition {
        Condition(Node::Some(self))
    }

    fn is(self, comparison: Comparison, value: impl Into<Literal>) -> Condition {
        Condition(Node::Is(self, comparison, value.into()))
    }
}

/// A filter is no filter, or cannot be meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilterError {
    column: Option<usize>,
    what: String,
}

impl FilterError {
    /// Where the text is wrong, in characters from 1; `None` if the text is a filter and does not fit the events.
    pub fn column(&self) -> Option<usize> {
        self.column
    }
}

impl fmt::Display for FilterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.column {
            Some(column) => write!(f, "column {column} of the filter: {}", self.what),
            None => write!(f, "the filter does not fit: {}", self.what),
        }
    }
}

impl std::error::Error for FilterError {}

impl FromStr for Filter {
    type Err = FilterError;

    fn from_str(text: &str) -> Result<Self, FilterError> {
        parse::filter(text)
    }
}

impl FromStr for Condition {
    type Err = FilterError;

    fn from_str(text: &str) -> Result<Self, FilterError> {
        parse::condition(text)
    }
}

/// As its text. One whose text is longer than [`TEXT_BYTES_MAX`] is refused.
impl Serialize for Filter {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = self.to_string();
        if text.len() > TEXT_BYTES_MAX {
            return Err(ser::Error::custom(parse::too_long(&text)));
        }
        serializer.serialize_str(&text)
    }
}

impl<'de> Deserialize<'de> for Filter {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl de::Visitor<'_> for Text {
            type Value = Filter;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the text of a filter")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Filter, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Text)
    }
}
