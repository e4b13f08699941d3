//! How types are shown: as a Rust programmer would write them.

use std::fmt;

use super::{Shape, Type};

impl fmt::Display for Type<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = |shape| self.schema.of(shape);
        match self.shape {
            Shape::Opaque => f.write_str("?"),
            Shape::Unit => f.write_str("()"),
            Shape::Bool => f.write_str("bool"),
            Shape::Signed(bits) => write!(f, "i{bits}"),
            Shape::Unsigned(bits) => write!(f, "u{bits}"),
            Shape::F32 => f.write_str("f32"),
            Shape::F64 => f.write_str("f64"),
            Shape::Char => f.write_str("char"),
            Shape::Text => f.write_str("String"),
            Shape::Bytes => f.write_str("bytes"),
            Shape::Option(inner) => write!(f, "Option<{}>", of(inner)),
            Shape::List(inner) => write!(f, "Vec<{}>", of(inner)),
            Shape::Tuple(parts) => {
                f.write_str("(")?;
                for (number, part) in parts.iter().enumerate() {
                    let comma = if number == 0 { "" } else { ", " };
                    write!(f, "{comma}{}", of(part))?;
                }
                f.write_str(if parts.len() == 1 { ",)" } else { ")" })
            }
            Shape::Map(key, value) => write!(f, "Map<{}, {}>", of(key), of(value)),
            Shape::Named(number) => f.write_str(self.schema.named(*number).map_or("?", |named| &named.name)),
        }
    }
}
