//! How types are shown: as a Rust programmer would write them.

use std::fmt;

use super::{Content, Field, Kind, Schema, Shape, Type, Variant};

/// From so many equal parts on, a tuple is shown as an array; the bytes of both are the same.
const ARRAY_MIN: usize = 3;

impl fmt::Display for Type<'_> {
    /// Of several types with one name, the second is shown as `Name#2`, and so on.
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
            Shape::Tuple(parts) => match parts.as_slice() {
                [part] => write!(f, "({},)", of(part)),
                [first, rest @ ..] if parts.len() >= ARRAY_MIN && rest.iter().all(|part| part == first) => {
                    write!(f, "[{}; {}]", of(first), parts.len())
                }
                parts => write!(f, "({})", Parts(self.schema, parts)),
            },
            Shape::Map(key, value) => write!(f, "Map<{}, {}>", of(key), of(value)),
            Shape::Named(number) => write!(f, "{}", Name(self.schema, *number)),
        }
    }
}

/// Types one after another.
struct Parts<'a>(&'a Schema, &'a [Shape]);

impl fmt::Display for Parts<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, part) in self.1.iter().enumerate() {
            let comma = if number == 0 { "" } else { ", " };
            write!(f, "{comma}{}", self.0.of(part))?;
        }
        Ok(())
    }
}

/// The name of a named type, with a number if others have it too.
struct Name<'a>(&'a Schema, u32);

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Name(schema, number) = *self;
        let Some(named) = schema.named(number) else { return f.write_str("?") };
        f.write_str(&named.name)?;
        let before = schema.types.iter().zip(0..number).filter(|(other, _)| other.name == named.name).count();
        if before == 0 { Ok(()) } else { write!(f, "#{}", before + 1) }
    }
}

/// The definition of a named type, which `{}` shows on one line and `{:#}` on several.
///
/// On several lines it says in a comment what a definition has no place for: aliases, and which fields may be missing.
#[derive(Debug, Clone, Copy)]
pub struct Definition<'a> {
    schema: &'a Schema,
    number: u32,
}

impl Schema {
    /// The definition of the named type with this number, to be shown.
    pub fn definition(&self, number: u32) -> Option<Definition<'_>> {
        self.named(number).map(|_| Definition { schema: self, number })
    }

    /// The definitions of all named types, to be shown, in the order of their numbers.
    pub fn definitions(&self) -> impl Iterator<Item = Definition<'_>> {
        (0..).zip(&self.types).map(|(number, _)| Definition { schema: self, number })
    }
}

impl fmt::Display for Definition<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = Name(self.schema, self.number);
        match self.schema.named(self.number).map(|named| &named.kind) {
            None => f.write_str("?"),
            Some(Kind::Struct(content)) => {
                write!(f, "struct {name}")?;
                self.content(f, content, "")?;
                let has_braces = matches!(content, Content::Fields(_));
                if has_braces { Ok(()) } else { f.write_str(";") }
            }
            Some(Kind::Enum(variants)) => {
                write!(f, "enum {name} ")?;
                braces(f, "", variants, |f, variant| self.variant(f, variant))
            }
        }
    }
}

impl Definition<'_> {
    fn variant<'a>(
        &self,
        f: &mut fmt::Formatter<'_>,
        variant: &'a Variant,
    ) -> Result<Remarks<'a>, fmt::Error> {
        f.write_str(&variant.name)?;
        self.content(f, &variant.content, "    ")?;
        Ok(Remarks { aliases: &variant.aliases, default: None })
    }

    fn content(&self, f: &mut fmt::Formatter<'_>, content: &Content, indent: &str) -> fmt::Result {
        match content {
            Content::Unit => Ok(()),
            Content::Newtype(shape) => write!(f, "({})", self.schema.of(shape)),
            Content::Tuple(parts) => write!(f, "({})", Parts(self.schema, parts)),
            Content::Fields(fields) => {
                f.write_str(" ")?;
                braces(f, indent, fields, |f, field| self.field(f, field))
            }
        }
    }

    fn field<'a>(&self, f: &mut fmt::Formatter<'_>, field: &'a Field) -> Result<Remarks<'a>, fmt::Error> {
        write!(f, "{}: {}", field.name, self.schema.of(&field.shape))?;
        Ok(Remarks { aliases: &field.aliases, default: field.default })
    }
}

/// What a definition has no place for.
struct Remarks<'a> {
    aliases: &'a [String],
    default: Option<bool>,
}

impl fmt::Display for Remarks<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let aliases = self.aliases.join(", ");
        match (self.aliases.is_empty(), self.default == Some(true)) {
            (true, false) => Ok(()),
            (true, true) => f.write_str(" // may be missing"),
            (false, false) => write!(f, " // also {aliases}"),
            (false, true) => write!(f, " // also {aliases}; may be missing"),
        }
    }
}

/// Items in braces, on one line or, with `{:#}`, each on a line of its own.
fn braces<'a, T>(
    f: &mut fmt::Formatter<'_>,
    indent: &str,
    items: &'a [T],
    mut item: impl FnMut(&mut fmt::Formatter<'_>, &'a T) -> Result<Remarks<'a>, fmt::Error>,
) -> fmt::Result {
    if items.is_empty() {
        return f.write_str("{}");
    }
    if f.alternate() {
        f.write_str("{\n")?;
        for each in items {
            write!(f, "{indent}    ")?;
            let remarks = item(f, each)?;
            writeln!(f, ",{remarks}")?;
        }
        return write!(f, "{indent}}}");
    }
    f.write_str("{ ")?;
    for (number, each) in items.iter().enumerate() {
        f.write_str(if number == 0 { "" } else { ", " })?;
        item(f, each)?;
    }
    f.write_str(" }")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::Named;

    fn schema() -> Schema {
        let field = |name: &str, shape| Field::new(name, shape);
        let old = Field {
            aliases: vec![String::from("amount")],
            default: Some(true),
            ..field("balance", Shape::Unsigned(64))
        };
        let variant =
            |name: &str, content| Variant { name: String::from(name), aliases: Vec::new(), content };
        let lent = Content::Fields(vec![field("by", Shape::Named(0))]);
        let named = |name: &str, kind| Named { name: String::from(name), kind };
        Schema {
            types: vec![
                named("Account", Kind::Struct(Content::Fields(vec![field("owner", Shape::Text), old]))),
                named(
                    "Status",
                    Kind::Enum(vec![
                        variant("Free", Content::Unit),
                        variant("Lent", lent),
                        variant("Pair", Content::Tuple(vec![Shape::Unsigned(8), Shape::Unsigned(8)])),
                    ]),
                ),
                named("Account", Kind::Struct(Content::Newtype(Shape::Named(1)))),
                named("Marker", Kind::Struct(Content::Unit)),
                named("Never", Kind::Enum(Vec::new())),
            ],
        }
    }

    #[test]
    fn shapes_are_shown_as_they_are_written_in_rust() {
        let schema = schema();
        let shown = |shape: Shape| schema.of(&shape).to_string();
        let byte = || Shape::Unsigned(8);
        assert_eq!(shown(Shape::List(Box::new(Shape::Option(Box::new(Shape::Char))))), "Vec<Option<char>>");
        assert_eq!(shown(Shape::Tuple(vec![byte()])), "(u8,)");
        assert_eq!(shown(Shape::Tuple(Vec::new())), "()");
        assert_eq!(shown(Shape::Tuple(vec![byte(), Shape::Signed(128)])), "(u8, i128)");
        assert_eq!(shown(Shape::Tuple(vec![byte(); 16])), "[u8; 16]");
        assert_eq!(
            shown(Shape::Map(Box::new(Shape::Text), Box::new(Shape::Named(1)))),
            "Map<String, Status>"
        );
        assert_eq!(shown(Shape::Named(9)), "?");
    }

    #[test]
    fn types_of_one_name_are_told_apart_by_a_number() {
        let schema = schema();
        assert_eq!(schema.of(&Shape::Named(0)).to_string(), "Account");
        assert_eq!(schema.of(&Shape::Named(2)).to_string(), "Account#2");
    }

    #[test]
    fn a_definition_is_shown_on_one_line() {
        let schema = schema();
        let shown: Vec<_> = schema.definitions().map(|each| each.to_string()).collect();
        assert_eq!(
            shown,
            [
                "struct Account { owner: String, balance: u64 }",
                "enum Status { Free, Lent { by: Account }, Pair(u8, u8) }",
                "struct Account#2(Status);",
                "struct Marker;",
                "enum Never {}",
            ]
        );
        assert!(schema.definition(5).is_none());
    }

    #[test]
    fn a_definition_is_shown_on_several_lines_with_what_else_is_known() {
        let schema = schema();
        let shown = |number| schema.definition(number).map(|each| format!("{each:#}")).unwrap_or_default();
        assert_eq!(
            shown(0),
            "struct Account {\n    owner: String,\n    balance: u64, // also amount; may be missing\n}"
        );
        assert_eq!(
            shown(1),
            "enum Status {\n    Free,\n    Lent {\n        by: Account,\n    },\n    Pair(u8, u8),\n}"
        );
    }
}
