//! [`Literal`]: what a field is compared with, and how.

use std::cmp::Ordering;

use crate::{Position, Timestamp, Value};

/// What a field is compared with: a number, a text, `true` or `false`. Times are texts, as RFC 3339, or their microseconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Literal(pub(super) Kind);

#[derive(Debug, Clone)]
pub(super) enum Kind {
    Bool(bool),
    Integer(Integer),
    Float {
        value: f64,
        /// The `f32` that is written like this.
        short: Option<f32>,
    },
    Text {
        text: String,
        /// The time that the text is, worked out once.
        time: Option<Timestamp>,
    },
}

/// Any integer of up to 128 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Integer {
    is_negative: bool,
    magnitude: u128,
}

/// How a value is to a literal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compared {
    /// They are of kinds that are not compared.
    Never,
    /// It is another, and neither more nor less.
    Different,
    Is(Ordering),
}

/// By what it is written as, so that what is not a number is the same as itself.
impl PartialEq for Kind {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Kind::Bool(one), Kind::Bool(other)) => one == other,
            (Kind::Integer(one), Kind::Integer(other)) => one == other,
            (Kind::Float { value: one, .. }, Kind::Float { value: other, .. }) => {
                one.to_bits() == other.to_bits() || (one.is_nan() && other.is_nan())
            }
            (Kind::Text { text: one, .. }, Kind::Text { text: other, .. }) => one == other,
            _ => false,
        }
    }
}

impl Eq for Kind {}

impl Literal {
    pub(super) fn text(text: String) -> Self {
        let time = text.parse().ok();
        Literal(Kind::Text { text, time })
    }

    pub(super) fn float(value: f64) -> Self {
        let short = value as f32;
        let is_written_so = short.is_finite() && format!("{short:?}").parse() == Ok(value);
        Literal(Kind::Float { value, short: is_written_so.then_some(short) })
    }

    pub(super) fn as_text(&self) -> Option<&str> {
        match &self.0 {
            Kind::Text { text, .. } => Some(text),
            _ => None,
        }
    }

    /// As a number of an element.
    pub(super) fn as_place(&self) -> Option<usize> {
        match self.0 {
            Kind::Integer(Integer { is_negative: false, magnitude }) => usize::try_from(magnitude).ok(),
            _ => None,
        }
    }

    /// How `value` is to it. Options are looked through, and none is never compared.
    pub(super) fn compare(&self, value: &Value) -> Compared {
        match (value, &self.0) {
            (Value::Option(Some(value)), _) => self.compare(value),
            (Value::Bool(value), Kind::Bool(literal)) => Compared::Is(value.cmp(literal)),
            (Value::Signed(value), literal) => literal.compare_integer(Integer::from(*value)),
            (Value::Unsigned(value), literal) => literal.compare_integer(Integer::from(*value)),
            (Value::Time(value), Kind::Text { time: Some(time), .. }) => Compared::Is(value.cmp(time)),
            (Value::Time(value), literal) => {
                literal.compare_integer(Integer::from(i128::from(value.as_micros())))
            }
            (Value::F32(value), Kind::Float { short: Some(short), .. }) => {
                Compared::of(value.partial_cmp(short))
            }
            (Value::F32(value), literal) => literal.compare_float(f64::from(*value)),
            (Value::F64(value), literal) => literal.compare_float(*value),
            (Value::Char(value), Kind::Text { text, .. }) => {
                Compared::Is((*value.encode_utf8(&mut [0; 4])).cmp(text.as_str()))
            }
            (Value::Text(value), Kind::Text { text, .. }) => Compared::Is(value.cmp(text)),
            (Value::Variant(name, _), Kind::Text { text, .. }) => match name == text {
                true => Compared::Is(Ordering::Equal),
                false => Compared::Different,
            },
            _ => Compared::Never,
        }
    }
}

impl Kind {
    fn compare_integer(&self, value: Integer) -> Compared {
        match self {
            Kind::Integer(literal) => Compared::Is(value.cmp(literal)),
            Kind::Float { value: literal, .. } => Compared::of(value.partial_cmp_float(*literal)),
            _ => Compared::Never,
        }
    }

    fn compare_float(&self, value: f64) -> Compared {
        match self {
            Kind::Integer(literal) => Compared::of(literal.partial_cmp_float(value).map(Ordering::reverse)),
            Kind::Float { value: literal, .. } => Compared::of(value.partial_cmp(literal)),
            _ => Compared::Never,
        }
    }
}

impl Compared {
    fn of(ordering: Option<Ordering>) -> Self {
        ordering.map_or(Compared::Different, Compared::Is)
    }
}

impl Integer {
    /// To a number with a floating point, without rounding either; `None` if that is no number.
    fn partial_cmp_float(self, float: f64) -> Option<Ordering> {
        if float.is_nan() {
            return None;
        }
        let to_magnitude = |magnitude: f64| {
            // 2^128, the first that a `u128` does not hold.
            if magnitude >= 340_282_366_920_938_463_463_374_607_431_768_211_456.0 {
                return Ordering::Less;
            }
            let behind_point = 0.0_f64.total_cmp(&magnitude.fract());
            self.magnitude.cmp(&(magnitude.trunc() as u128)).then(behind_point)
        };
        Some(match (self.is_negative, float < 0.0) {
            (false, false) => to_magnitude(float.abs()),
            (true, true) => to_magnitude(-float).reverse(),
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
        })
    }
}

impl Ord for Integer {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self.is_negative, other.is_negative) {
            (false, false) => self.magnitude.cmp(&other.magnitude),
            (true, true) => other.magnitude.cmp(&self.magnitude),
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
        }
    }
}

impl PartialOrd for Integer {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl From<i128> for Integer {
    fn from(number: i128) -> Self {
        Integer { is_negative: number < 0, magnitude: number.unsigned_abs() }
    }
}

impl From<u128> for Integer {
    fn from(number: u128) -> Self {
        Integer { is_negative: false, magnitude: number }
    }
}

impl std::fmt::Display for Integer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}{}", if self.is_negative { "-" } else { "" }, self.magnitude)
    }
}

macro_rules! from_integers {
    ($($type:ty as $wide:ty),*) => {$(
        impl From<$type> for Literal {
            fn from(number: $type) -> Self {
                Literal(Kind::Integer(Integer::from(number as $wide)))
            }
        }
    )*};
}

from_integers!(
    i8 as i128,
    i16 as i128,
    i32 as i128,
    i64 as i128,
    i128 as i128,
    isize as i128,
    u8 as u128,
    u16 as u128,
    u32 as u128,
    u64 as u128,
    u128 as u128,
    usize as u128
);

impl From<f64> for Literal {
    fn from(number: f64) -> Self {
        Literal::float(number)
    }
}

/// The number that it is written as: `0.1_f32` is `0.1`.
impl From<f32> for Literal {
    fn from(number: f32) -> Self {
        Literal::float(format!("{number:?}").parse().unwrap_or(f64::from(number)))
    }
}

impl From<bool> for Literal {
    fn from(value: bool) -> Self {
        Literal(Kind::Bool(value))
    }
}

impl From<char> for Literal {
    fn from(value: char) -> Self {
        Literal::text(value.to_string())
    }
}

impl From<&str> for Literal {
    fn from(text: &str) -> Self {
        Literal::text(text.to_owned())
    }
}

impl From<String> for Literal {
    fn from(text: String) -> Self {
        Literal::text(text)
    }
}

/// Its number.
impl From<Position> for Literal {
    fn from(position: Position) -> Self {
        position.get().into()
    }
}

/// Its text; its microseconds if it is before or after all times that have one.
impl From<Timestamp> for Literal {
    fn from(time: Timestamp) -> Self {
        let literal = Literal::text(time.to_string());
        match literal.0 {
            Kind::Text { time: Some(again), .. } if again == time => literal,
            _ => time.as_micros().into(),
        }
    }
}
