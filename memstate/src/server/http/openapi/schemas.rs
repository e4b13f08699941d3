//! JSON schemas of types: exactly what `super::super::json` reads and what a `Value` writes.

use std::collections::HashSet;

use serde_json::{Map, Value as Json, json};

use super::super::json::{F32_MAX, Keys};
use crate::schema::{
    Content, Field, Kind, Schema, Shape, Variant,
    form::{Form, Place},
};

/// The schemas that others refer to.
#[derive(Default)]
pub(super) struct Schemas {
    components: Map<String, Json>,
    /// What each component is of. Two schemas number their types differently.
    named: Vec<(String, Schema, u32)>,
}

/// Whether a type says all of itself, so that it can be told in JSON.
pub(super) fn has_json(schema: &Schema, shape: &Shape) -> bool {
    has_json_but(schema, Place::Shape(shape), &mut HashSet::new())
}

fn has_json_but(schema: &Schema, place: Place<'_>, seen: &mut HashSet<u32>) -> bool {
    if let Place::Shape(Shape::Named(number)) = place
        && !seen.insert(*number)
    {
        return true;
    }
    let mut of = |shape| has_json_but(schema, Place::Shape(shape), seen);
    match place.form(schema) {
        Err(_) | Ok(Form::Opaque) => false,
        Ok(Form::Option(inner) | Form::List(inner)) => of(inner),
        Ok(Form::Tuple(parts)) => parts.iter().all(of),
        Ok(Form::Map(key, value)) => of(key) && of(value),
        Ok(Form::Struct(fields)) => fields.iter().all(|field| of(&field.shape)),
        Ok(Form::Enum(variants)) => {
            variants.iter().all(|variant| has_json_but(schema, variant.content.place(), seen))
        }
        Ok(_) => true,
    }
}

impl Schemas {
    pub(super) fn into_json(self) -> Map<String, Json> {
        self.components
    }

    /// The schema of a type.
    pub(super) fn of(&mut self, schema: &Schema, shape: &Shape) -> Json {
        match shape {
            Shape::Named(_) if schema.of(shape).is_time() => self.shared("Timestamp"),
            Shape::Named(number) => self.named(schema, *number),
            Shape::Signed(bits @ (64 | 128)) => self.shared(&format!("i{bits}")),
            Shape::Unsigned(bits @ (64 | 128)) => self.shared(&format!("u{bits}")),
            plain => self.place(schema, Place::Shape(plain)),
        }
    }

    /// The schema of something without parts that stands in a query string, where everything is text; `None` for what has parts.
    pub(super) fn plain(&mut self, schema: &Schema, shape: &Shape) -> Option<Json> {
        Some(match Place::Shape(shape).form(schema).ok()? {
            Form::Option(inner) => return self.plain(schema, inner),
            Form::Signed(64) if schema.of(shape).is_time() => json!({
                "anyOf": [integer(true, 64), { "type": "string", "format": "date-time" }],
            }),
            Form::Signed(bits) => integer(true, bits),
            Form::Unsigned(bits) => integer(false, bits),
            Form::Bool => json!({ "type": "boolean" }),
            Form::Text => json!({ "type": "string" }),
            Form::Char => json!({ "type": "string", "minLength": 1, "maxLength": 1 }),
            Form::Enum(variants) if variants.iter().all(|variant| is_unit(schema, variant)) => {
                let names: Vec<_> = variants.iter().map(|variant| &variant.name).collect();
                json!({ "type": "string", "enum": names })
            }
            _ => return None,
        })
    }

    /// An object with these fields.
    pub(super) fn fields(&mut self, schema: &Schema, fields: &[Field]) -> Json {
        let is_option =
            |field: &&Field| matches!(Place::Shape(&field.shape).form(schema), Ok(Form::Option(_)));
        let required: Vec<_> =
            fields.iter().filter(|field| !is_option(field)).map(|field| field.name.as_str()).collect();
        let properties: Map<String, Json> =
            fields.iter().map(|field| (field.name.clone(), self.of(schema, &field.shape))).collect();
        let order: Vec<_> = fields.iter().map(|field| field.name.as_str()).collect();
        json!({
            "type": "object",
            "properties": properties,
            "required": required,
            "additionalProperties": false,
            "x-order": order,
        })
    }

    /// Gives a schema a name.
    pub(super) fn put(&mut self, name: &str, schema: Json) -> Json {
        self.components.insert(name.to_owned(), schema);
        reference(name)
    }

    /// What a record of the journal is.
    pub(super) fn record(&mut self) -> Json {
        let record = || {
            let call = json!({
                "type": "object",
                "properties": { "command": { "type": "string" }, "arguments": {} },
                "required": ["command", "arguments"],
            });
            json!({
                "type": "object",
                "properties": {
                    "position": { "type": "integer", "minimum": 1 },
                    "time": { "type": "string" },
                    "caller": { "type": ["string", "null"] },
                    "request": { "type": ["string", "null"] },
                    "command": { "type": "string", "description": "`atomically` for several that happened together." },
                    "arguments": { "description": "With the names that they had then; null for several." },
                    "commands": { "type": "array", "items": call, "description": "Those that happened together." },
                    "outcome": { "type": "string" },
                    "amended": {
                        "type": "object",
                        "properties": { "was": { "type": "string" }, "time": { "type": "string" } },
                        "required": ["was", "time"],
                    },
                    "events": { "type": "array", "items": {} },
                },
                "required": ["position", "time", "caller", "request", "command", "arguments", "outcome"],
            })
        };
        self.components.entry("memstate.Record").or_insert_with(record);
        reference("memstate.Record")
    }

    /// A type of memstate's or of Rust's own that many others are made of.
    fn shared(&mut self, name: &str) -> Json {
        let made = || match name {
            "Timestamp" => json!({
                "description": "Microseconds since 1970-01-01 00:00 UTC. A text with a time may be given too.",
                "anyOf": [integer(true, 64), digits(true, 64), { "type": "string", "format": "date-time" }],
            }),
            name => {
                let bits = name[1..].parse().unwrap_or(64);
                let is_signed = name.starts_with('i');
                let narrow = bits.min(64);
                let told = match bits {
                    64 => "An integer. It may be given as a text too, for who has no such integers.",
                    _ => "An integer, as a text if it has more than 64 bits.",
                };
                let mut number = integer(is_signed, narrow);
                if bits > 64 {
                    number["maximum"] = u64::MAX.into();
                }
                json!({ "description": told, "anyOf": [number, digits(is_signed, bits)] })
            }
        };
        let name = format!("memstate.{name}");
        self.components.entry(name.clone()).or_insert_with(made);
        reference(&name)
    }

    fn named(&mut self, schema: &Schema, number: u32) -> Json {
        let known = self.named.iter().find(|(_, other, of)| is_same(schema, number, other, *of));
        if let Some((name, ..)) = known {
            return reference(name);
        }
        let Some(named) = schema.named(number) else { return json!({}) };
        let is_plain = |one: char| one.is_ascii_alphanumeric() || "._-".contains(one);
        let plain: String = named.name.chars().map(|one| if is_plain(one) { one } else { '_' }).collect();
        let is_taken = |name: &str| name == "Problem" || self.named.iter().any(|(taken, ..)| taken == name);
        let mut name = plain.clone();
        for count in 2.. {
            if !is_taken(&name) {
                break;
            }
            name = format!("{plain}_{count}");
        }
        // Known before its parts, which may be of itself.
        self.named.push((name.clone(), schema.clone(), number));
        let made = match &named.kind {
            Kind::Struct(Content::Newtype(inner)) => self.of(schema, inner),
            _ => self.place(schema, Place::Shape(&Shape::Named(number))),
        };
        self.components.insert(name.clone(), made);
        reference(&name)
    }

    fn place(&mut self, schema: &Schema, place: Place<'_>) -> Json {
        match place.form(schema) {
            Err(_) | Ok(Form::Opaque) => json!({}),
            Ok(Form::Unit) => json!({ "type": "null" }),
            Ok(Form::Bool) => json!({ "type": "boolean" }),
            Ok(Form::Signed(bits)) => integer(true, bits),
            Ok(Form::Unsigned(bits)) => integer(false, bits),
            Ok(Form::F32) => float(json!({ "type": "number", "minimum": -F32_MAX, "maximum": F32_MAX })),
            Ok(Form::F64) => float(json!({ "type": "number" })),
            Ok(Form::Char) => json!({ "type": "string", "minLength": 1, "maxLength": 1 }),
            Ok(Form::Text) => json!({ "type": "string" }),
            Ok(Form::Bytes) => json!({ "type": "string", "pattern": "^0x([0-9a-fA-F]{2})*$" }),
            Ok(Form::Option(inner)) => json!({ "anyOf": [self.of(schema, inner), { "type": "null" }] }),
            Ok(Form::List(element)) => json!({ "type": "array", "items": self.of(schema, element) }),
            Ok(Form::Tuple(parts)) => {
                let items: Vec<_> = parts.iter().map(|part| self.of(schema, part)).collect();
                tuple(items)
            }
            Ok(Form::Map(key, value)) => self.map(schema, key, value),
            Ok(Form::Struct(fields)) => self.fields(schema, fields),
            Ok(Form::Enum(variants)) => self.variants(schema, variants),
        }
    }

    fn map(&mut self, schema: &Schema, key: &Shape, value: &Shape) -> Json {
        let value = self.of(schema, value);
        let object = |names: Option<Json>| match names {
            Some(names) => json!({ "type": "object", "propertyNames": names, "additionalProperties": value }),
            None => json!({ "type": "object", "additionalProperties": value }),
        };
        let pairs = |key: Json| json!({ "type": "array", "items": tuple(vec![key, value.clone()]) });
        match Keys::of(schema, key) {
            Keys::Texts => object(names(schema, key)),
            Keys::Some => {
                let object = object(names(schema, key));
                json!({ "anyOf": [object, pairs(self.of(schema, key))] })
            }
            Keys::Never => {
                json!({ "anyOf": [{ "type": "object", "maxProperties": 0 }, pairs(self.of(schema, key))] })
            }
        }
    }

    fn variants(&mut self, schema: &Schema, variants: &[Variant]) -> Json {
        let units: Vec<_> = variants.iter().filter(|variant| is_unit(schema, variant)).collect();
        let units: Vec<_> = units.iter().map(|variant| variant.name.as_str()).collect();
        let mut all = Vec::new();
        if !units.is_empty() {
            all.push(json!({ "type": "string", "enum": units }));
        }
        for variant in variants.iter().filter(|variant| !is_unit(schema, variant)) {
            let content = match &variant.content {
                Content::Newtype(shape) => self.of(schema, shape),
                content => self.place(schema, content.place()),
            };
            all.push(json!({
                "type": "object",
                "title": variant.name,
                "properties": { variant.name.clone(): content },
                "required": [variant.name],
                "additionalProperties": false,
            }));
        }
        match all.len() {
            // There is no value of it.
            0 => json!({ "not": {} }),
            1 => all.remove(0),
            _ => json!({ "anyOf": all }),
        }
    }
}

fn reference(name: &str) -> Json {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

fn is_unit(schema: &Schema, variant: &Variant) -> bool {
    matches!(variant.content.place().form(schema), Ok(Form::Unit))
}

fn tuple(items: Vec<Json>) -> Json {
    match items.len() {
        0 => json!({ "type": "array", "maxItems": 0 }),
        count => {
            json!({ "type": "array", "prefixItems": items, "minItems": count, "maxItems": count, "items": false })
        }
    }
}

fn float(number: Json) -> Json {
    json!({ "anyOf": [number, { "type": "string", "enum": ["NaN", "Infinity", "-Infinity"] }] })
}

/// The smallest and the largest integer of so many bits, in digits.
fn bounds(is_signed: bool, bits: u8) -> (String, String) {
    match is_signed {
        true => {
            let max = i128::MAX >> (128 - u32::from(bits.clamp(1, 128)));
            ((-max - 1).to_string(), max.to_string())
        }
        false => ("0".to_owned(), (u128::MAX >> (128 - u32::from(bits.clamp(1, 128)))).to_string()),
    }
}

fn integer(is_signed: bool, bits: u8) -> Json {
    let (min, max) = bounds(is_signed, bits.min(64));
    let number = |digits: String| serde_json::from_str::<Json>(&digits).unwrap_or_default();
    let mut schema = json!({ "type": "integer", "minimum": number(min), "maximum": number(max) });
    if bits <= 64 {
        schema["format"] = format!("{}int{bits}", if is_signed { "" } else { "u" }).into();
    }
    schema
}

/// An integer of so many bits as a text.
fn digits(is_signed: bool, bits: u8) -> Json {
    json!({ "type": "string", "pattern": format!("^({})$", pattern(is_signed, bits)) })
}

fn pattern(is_signed: bool, bits: u8) -> String {
    let (min, max) = bounds(is_signed, bits);
    match is_signed {
        true => format!("0|{}|-({})", at_most(&max), at_most(min.trim_start_matches('-'))),
        false => format!("0|{}", at_most(&max)),
    }
}

/// A pattern of the integers from 1 to `max`, without zeros in front.
fn at_most(max: &str) -> String {
    let more = |count: usize| match count {
        0 => String::new(),
        count => format!("[0-9]{{{count}}}"),
    };
    let mut all = Vec::new();
    // Those with fewer digits.
    if max.len() > 1 {
        all.push(format!("[1-9][0-9]{{0,{}}}", max.len() - 2));
    }
    // Those that are as `max` in front, and smaller from the digit at `place` on.
    for (place, digit) in max.bytes().enumerate() {
        let least = if place == 0 { b'1' } else { b'0' };
        if digit > least {
            let below = digit - 1;
            let one = match below == least {
                true => char::from(least).to_string(),
                false => format!("[{}-{}]", char::from(least), char::from(below)),
            };
            all.push(format!("{}{one}{}", &max[..place], more(max.len() - place - 1)));
        }
    }
    all.push(max.to_owned());
    all.join("|")
}

/// What names the members of a map that is an object may have.
fn names(schema: &Schema, key: &Shape) -> Option<Json> {
    let anchored = |pattern: String| Some(json!({ "pattern": format!("^({pattern})$") }));
    match Place::Shape(key).form(schema).ok()? {
        Form::Bool => Some(json!({ "enum": ["true", "false"] })),
        Form::Char => Some(json!({ "minLength": 1, "maxLength": 1 })),
        Form::Signed(bits) => anchored(pattern(true, bits)),
        Form::Unsigned(bits) => anchored(pattern(false, bits)),
        Form::Enum(variants) => {
            let units: Vec<_> = variants.iter().filter(|variant| is_unit(schema, variant)).collect();
            let names: Vec<_> = units.iter().map(|variant| &variant.name).collect();
            Some(json!({ "enum": names }))
        }
        _ => None,
    }
}

/// Whether two named types are the same in name and content, as far as one can follow them.
fn is_same(one: &Schema, of_one: u32, other: &Schema, of_other: u32) -> bool {
    let mut same = Same { one, other, assumed: HashSet::new() };
    same.named(of_one, of_other)
}

struct Same<'s> {
    one: &'s Schema,
    other: &'s Schema,
    /// What is the same unless a difference is found elsewhere: types may hold themselves.
    assumed: HashSet<(u32, u32)>,
}

impl Same<'_> {
    fn named(&mut self, one: u32, other: u32) -> bool {
        if !self.assumed.insert((one, other)) {
            return true;
        }
        let (Some(one), Some(other)) = (self.one.named(one), self.other.named(other)) else { return false };
        if one.name != other.name {
            return false;
        }
        match (&one.kind, &other.kind) {
            (Kind::Struct(one), Kind::Struct(other)) => self.content(one, other),
            (Kind::Enum(one), Kind::Enum(other)) => {
                let mut pairs = one.iter().zip(other);
                one.len() == other.len()
                    && pairs.all(|(one, other)| {
                        one.name == other.name && self.content(&one.content, &other.content)
                    })
            }
            _ => false,
        }
    }

    fn content(&mut self, one: &Content, other: &Content) -> bool {
        match (one, other) {
            (Content::Unit, Content::Unit) => true,
            (Content::Newtype(one), Content::Newtype(other)) => self.shape(one, other),
            (Content::Tuple(one), Content::Tuple(other)) => self.shapes(one, other),
            (Content::Fields(one), Content::Fields(other)) => {
                let mut pairs = one.iter().zip(other);
                one.len() == other.len()
                    && pairs
                        .all(|(one, other)| one.name == other.name && self.shape(&one.shape, &other.shape))
            }
            _ => false,
        }
    }

    fn shapes(&mut self, one: &[Shape], other: &[Shape]) -> bool {
        one.len() == other.len() && one.iter().zip(other).all(|(one, other)| self.shape(one, other))
    }

    fn shape(&mut self, one: &Shape, other: &Shape) -> bool {
        match (one, other) {
            (Shape::Named(one), Shape::Named(other)) => self.named(*one, *other),
            (Shape::Option(one), Shape::Option(other)) | (Shape::List(one), Shape::List(other)) => {
                self.shape(one, other)
            }
            (Shape::Tuple(one), Shape::Tuple(other)) => self.shapes(one, other),
            (Shape::Map(key, value), Shape::Map(other_key, other_value)) => {
                self.shape(key, other_key) && self.shape(value, other_value)
            }
            (one, other) => one == other,
        }
    }
}
