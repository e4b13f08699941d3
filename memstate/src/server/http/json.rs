//! JSON by the type that it has to be of: from JSON to the bytes of a value, as strictly as the OpenAPI description says.
//!
//! Nothing is built in between, so a body takes no more memory than its bytes and those of the value. What is of another type
//! is refused where it stands, and the error says where that is.

use std::{cell::RefCell, collections::HashSet, fmt};

use serde::{
    Deserializer,
    de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor},
};

use crate::{
    Value,
    codec::put_varint,
    schema::{
        Field, Schema, Shape, Variant,
        form::{Form, Place},
        value,
    },
};

/// How many levels there may be, those that do not show in JSON counted too.
const DEEPEST: u32 = 256;

/// Why JSON is not what is wanted.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wrong {
    /// It is no JSON.
    Syntax(String),
    /// Something in it, at this JSON pointer.
    At(String, String),
}

/// Appends the bytes of a value that is given as JSON.
pub(super) fn read(schema: &Schema, place: Place<'_>, json: &[u8], out: &mut Vec<u8>) -> Result<(), Wrong> {
    let reading = Reading { schema, fault: RefCell::new(None) };
    let mut source = serde_json::Deserializer::from_slice(json);
    let done = Typed { reading: &reading, place, out, depth: 0 }.deserialize(&mut source);
    let done = done.and_then(|()| source.end());
    done.map_err(|error| match reading.fault.take() {
        Some(fault) => fault.into_wrong(),
        None => Wrong::Syntax(error.to_string()),
    })
}

struct Reading<'s> {
    schema: &'s Schema,
    /// What is wrong, and where: serde's errors have no place for the way.
    fault: RefCell<Option<Fault>>,
}

struct Fault {
    /// The innermost first.
    steps: Vec<String>,
    why: String,
}

impl Fault {
    fn into_wrong(self) -> Wrong {
        let step = |step: &String| format!("/{}", step.replace('~', "~0").replace('/', "~1"));
        Wrong::At(self.steps.iter().rev().map(step).collect(), self.why)
    }
}

impl Reading<'_> {
    fn wrong<E: serde::de::Error>(&self, why: impl fmt::Display) -> E {
        *self.fault.borrow_mut() = Some(Fault { steps: Vec::new(), why: why.to_string() });
        E::custom("")
    }

    /// The same error, seen from one level further out.
    fn within<T, E>(&self, result: Result<T, E>, step: impl FnOnce() -> String) -> Result<T, E> {
        if result.is_err()
            && let Some(fault) = &mut *self.fault.borrow_mut()
        {
            fault.steps.push(step());
        }
        result
    }
}

/// A value that is to be of a type.
struct Typed<'r, 's> {
    reading: &'r Reading<'s>,
    place: Place<'s>,
    out: &'r mut Vec<u8>,
    depth: u32,
}

impl<'s> Typed<'_, 's> {
    /// One inside of this one.
    fn inner<'b>(&'b mut self, place: Place<'s>) -> Typed<'b, 's> {
        Typed { reading: self.reading, place, out: self.out, depth: self.depth + 1 }
    }

    fn form<E: serde::de::Error>(&self) -> Result<Form<'s>, E> {
        self.place.form(self.reading.schema).map_err(|error| self.reading.wrong(error))
    }

    fn is_time(&self) -> bool {
        matches!(self.place, Place::Shape(shape) if self.reading.schema.of(shape).is_time())
    }

    fn mismatch<E: serde::de::Error>(&self, given: impl fmt::Display) -> E {
        let wanted = self.place.describe(self.reading.schema);
        self.reading.wrong(format!("{given} was given, and {wanted} is wanted"))
    }

    /// A value without parts.
    fn leaf<E: serde::de::Error>(self, given: &Value) -> Result<(), E> {
        let Place::Shape(shape) = self.place else { return Err(self.mismatch(given)) };
        value::write(self.reading.schema.of(shape), given, self.out).map_err(|why| self.reading.wrong(why))
    }
}

impl<'de> DeserializeSeed<'de> for Typed<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, source: D) -> Result<(), D::Error> {
        if self.depth >= DEEPEST {
            return Err(self.reading.wrong(format!("values are nested deeper than {DEEPEST} levels")));
        }
        match self.form()? {
            Form::Option(_) => source.deserialize_option(self),
            _ => source.deserialize_any(self),
        }
    }
}

/// A number as JSON writes it, for a message.
fn shown(number: f64) -> String {
    serde_json::to_string(&number).unwrap_or_else(|_| number.to_string())
}

/// The largest number of 32 bits, as it is written: a little more than it is.
pub(super) const F32_MAX: f64 = 3.402_823_5e38;

/// The integers that JSON can say with a point or an exponent, and that are exact as such.
const EXACT: f64 = 9_007_199_254_740_992.0;

impl<'de> Visitor<'de> for Typed<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.place.describe(self.reading.schema))
    }

    fn visit_none<E: serde::de::Error>(self) -> Result<(), E> {
        self.out.push(0);
        Ok(())
    }

    fn visit_some<D: Deserializer<'de>>(mut self, source: D) -> Result<(), D::Error> {
        let Form::Option(inner) = self.form()? else { return Err(D::Error::custom("no option")) };
        self.out.push(1);
        self.inner(Place::Shape(inner)).deserialize(source)
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<(), E> {
        match self.form()? {
            // Nothing is nothing in bytes too.
            Form::Unit => Ok(()),
            _ => Err(self.mismatch("null")),
        }
    }

    fn visit_bool<E: serde::de::Error>(self, truth: bool) -> Result<(), E> {
        match self.form()? {
            Form::Bool => self.leaf(&Value::Bool(truth)),
            _ => Err(self.mismatch(truth)),
        }
    }

    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<(), E> {
        match self.form()? {
            Form::Signed(_) | Form::Unsigned(_) => self.leaf(&Value::Unsigned(number.into())),
            Form::F32 | Form::F64 => self.leaf(&Value::F64(number as f64)),
            _ => Err(self.mismatch(number)),
        }
    }

    fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<(), E> {
        match self.form()? {
            Form::Signed(_) | Form::Unsigned(_) => self.leaf(&Value::Signed(number.into())),
            Form::F32 | Form::F64 => self.leaf(&Value::F64(number as f64)),
            _ => Err(self.mismatch(number)),
        }
    }

    fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<(), E> {
        match self.form()? {
            Form::F32 if number.abs() > F32_MAX => {
                Err(self.reading.wrong(format!("{} does not fit f32", shown(number))))
            }
            Form::F32 | Form::F64 => self.leaf(&Value::F64(number)),
            Form::Signed(_) | Form::Unsigned(_) if number.fract() == 0.0 && number.abs() <= EXACT => {
                self.leaf(&Value::Signed(number as i128))
            }
            Form::Signed(_) | Form::Unsigned(_) if number.fract() == 0.0 => Err(self
                .reading
                .wrong(format!("{} is too large for a number of JSON; write it as a text", shown(number)))),
            _ => Err(self.mismatch(shown(number))),
        }
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<(), E> {
        match self.form()? {
            Form::Signed(64) if self.is_time() && !is_integer(text) => {
                self.leaf(&Value::Text(text.to_owned()))
            }
            Form::Signed(64 | 128) | Form::Unsigned(64 | 128) if is_integer(text) => {
                self.leaf(&Value::Text(text.to_owned()))
            }
            Form::F32 | Form::F64 if matches!(text, "NaN" | "Infinity" | "-Infinity") => {
                self.leaf(&Value::Text(text.to_owned()))
            }
            Form::Bytes if text.starts_with("0x") => self.leaf(&Value::Text(text.to_owned())),
            Form::Text | Form::Char => self.leaf(&Value::Text(text.to_owned())),
            Form::Enum(variants) => unit_variant(self, variants, text),
            _ => Err(self.mismatch(format_args!("{text:?}"))),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<(), A::Error> {
        let reading = self.reading;
        match self.form()? {
            Form::List(element) => {
                let (mut bytes, mut count) = (Vec::new(), 0_u64);
                loop {
                    let place = Place::Shape(element);
                    let seed = Typed { reading, place, out: &mut bytes, depth: self.depth + 1 };
                    match reading.within(items.next_element_seed(seed), || count.to_string())? {
                        Some(()) => count += 1,
                        None => break,
                    }
                }
                put_varint(count, self.out);
                self.out.extend(bytes);
                Ok(())
            }
            Form::Tuple(parts) => {
                for (number, part) in parts.iter().enumerate() {
                    let taken = items.next_element_seed(self.inner(Place::Shape(part)));
                    if reading.within(taken, || number.to_string())?.is_none() {
                        let wanted = parts.len();
                        return Err(
                            reading.wrong(format!("{number} values were given, and {wanted} are wanted"))
                        );
                    }
                }
                match items.next_element::<serde::de::IgnoredAny>()? {
                    None => Ok(()),
                    Some(_) => Err(reading.wrong(format!("more than {} values were given", parts.len()))),
                }
            }
            Form::Map(key, content) if Keys::of(reading.schema, key) != Keys::Texts => {
                let mut entries = Entries::default();
                loop {
                    let pair = Pair { reading, key, content, entries: &mut entries, depth: self.depth + 1 };
                    let taken = items.next_element_seed(pair);
                    if reading.within(taken, || entries.count.to_string())?.is_none() {
                        break;
                    }
                }
                entries.put(self.out);
                Ok(())
            }
            _ => Err(self.mismatch("a list")),
        }
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut members: A) -> Result<(), A::Error> {
        let reading = self.reading;
        match self.form()? {
            Form::Struct(of) => fields(&mut self, of, members),
            Form::Map(key, content) => {
                let mut entries = Entries::default();
                while let Some(name) = members.next_key::<String>()? {
                    let start = entries.bytes.len();
                    let read = key_of_text(reading, key, &name, &mut entries.bytes);
                    let read = read.and_then(|()| entries.is_new(start, reading));
                    reading.within(read, || name.clone())?;
                    let place = Place::Shape(content);
                    let seed = Typed { reading, place, out: &mut entries.bytes, depth: self.depth + 1 };
                    reading.within(members.next_value_seed(seed), || name)?;
                }
                entries.put(self.out);
                Ok(())
            }
            Form::Enum(variants) => {
                let Some(name) = members.next_key::<String>()? else { return Err(self.mismatch("{}")) };
                let variant = known(reading, variants, &name)?;
                put_varint(variant as u64, self.out);
                let content = variants[variant].content.place();
                if matches!(content.form(reading.schema), Ok(Form::Unit)) {
                    let why = format!("the variant holds nothing, and is its name alone: {name:?}");
                    return Err(reading.wrong(why));
                }
                let taken = members.next_value_seed(self.inner(content));
                reading.within(taken, || name)?;
                match members.next_key::<serde::de::IgnoredAny>()? {
                    None => Ok(()),
                    Some(_) => Err(reading.wrong("a variant is an object with one member, its name")),
                }
            }
            _ => Err(self.mismatch("an object")),
        }
    }
}

/// Whether a text is an integer as JSON writes one.
fn is_integer(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let is_plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_plain && (digits == text || digits != "0") && (digits == "0" || !digits.starts_with('0'))
}

fn known<E: serde::de::Error>(reading: &Reading<'_>, variants: &[Variant], name: &str) -> Result<usize, E> {
    let of_today = variants.iter().position(|variant| variant.name == name);
    let found = of_today.or_else(|| variants.iter().position(|variant| variant.is_called(name)));
    found.ok_or_else(|| {
        let known: Vec<_> = variants.iter().map(|variant| variant.name.as_str()).collect();
        reading.wrong(format!("there is no variant {name:?}; there are: {}", known.join(", ")))
    })
}

fn unit_variant<E: serde::de::Error>(
    typed: Typed<'_, '_>,
    variants: &[Variant],
    name: &str,
) -> Result<(), E> {
    let Typed { reading, out, .. } = typed;
    let number = known(reading, variants, name)?;
    match variants[number].content.place().form(reading.schema) {
        Ok(Form::Unit) => {
            put_varint(number as u64, out);
            Ok(())
        }
        _ => Err(reading.wrong(format!("the variant {name:?} holds something: write {{{name:?}: …}}"))),
    }
}

/// Writes fields, which may come in any order.
fn fields<'de, A: MapAccess<'de>>(
    typed: &mut Typed<'_, '_>,
    of: &[Field],
    mut members: A,
) -> Result<(), A::Error> {
    let (reading, depth) = (typed.reading, typed.depth);
    let mut bytes = Vec::new();
    let mut places = vec![None; of.len()];
    while let Some(name) = members.next_key::<String>()? {
        let of_today = of.iter().position(|field| field.name == name);
        let Some(number) = of_today.or_else(|| of.iter().position(|field| field.is_called(&name))) else {
            let known: Vec<_> = of.iter().map(|field| field.name.as_str()).collect();
            let why = match known.is_empty() {
                true => "there is nothing of this name, because there is nothing at all".to_owned(),
                false => format!("there is nothing of this name; there are: {}", known.join(", ")),
            };
            return reading.within(Err(reading.wrong(why)), || name);
        };
        if places[number].is_some() {
            return reading.within(Err(reading.wrong("is given twice")), || name);
        }
        let start = bytes.len();
        let place = Place::Shape(&of[number].shape);
        let seed = Typed { reading, place, out: &mut bytes, depth: depth + 1 };
        reading.within(members.next_value_seed(seed), || name)?;
        places[number] = Some(start..bytes.len());
    }
    for (field, place) in of.iter().zip(places) {
        match place {
            Some(range) => typed.out.extend(&bytes[range]),
            None => {
                let missing = missing(reading.schema, field, typed.out).map_err(|why| reading.wrong(why));
                reading.within(missing, || field.name.clone())?;
            }
        }
    }
    Ok(())
}

/// Writes what stands for a field that was not given: an option is none.
pub(super) fn missing(schema: &Schema, field: &Field, out: &mut Vec<u8>) -> Result<(), String> {
    match Place::Shape(&field.shape).form(schema) {
        Ok(Form::Option(_)) => {
            out.push(0);
            Ok(())
        }
        _ => Err(format!("is missing; its type is `{}`", schema.of(&field.shape))),
    }
}

/// The entries of a map, as bytes.
#[derive(Default)]
struct Entries {
    bytes: Vec<u8>,
    count: u64,
    keys: HashSet<Box<[u8]>>,
}

impl Entries {
    /// Takes note of the key that begins at `start` and ends here.
    fn is_new<E: serde::de::Error>(&mut self, start: usize, reading: &Reading<'_>) -> Result<(), E> {
        self.count += 1;
        match self.keys.insert(self.bytes[start..].into()) {
            true => Ok(()),
            false => Err(reading.wrong("the key is given twice")),
        }
    }

    fn put(self, out: &mut Vec<u8>) {
        put_varint(self.count, out);
        out.extend(self.bytes);
    }
}

/// A key with its value.
struct Pair<'r, 's> {
    reading: &'r Reading<'s>,
    key: &'s Shape,
    content: &'s Shape,
    entries: &'r mut Entries,
    depth: u32,
}

impl<'de> DeserializeSeed<'de> for Pair<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, source: D) -> Result<(), D::Error> {
        source.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Pair<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a pair of a key and a value")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let Pair { reading, key, content, entries, depth } = self;
        let start = entries.bytes.len();
        for (number, part) in [key, content].into_iter().enumerate() {
            let seed =
                Typed { reading, place: Place::Shape(part), out: &mut entries.bytes, depth: depth + 1 };
            let taken = reading.within(items.next_element_seed(seed), || number.to_string())?;
            if taken.is_none() {
                return Err(reading.wrong("a pair of a key and a value is wanted"));
            }
            if number == 0 {
                reading.within(entries.is_new(start, reading), || "0".to_owned())?;
            }
        }
        match items.next_element::<serde::de::IgnoredAny>()? {
            None => Ok(()),
            Some(_) => Err(reading.wrong("a pair of a key and a value is wanted")),
        }
    }
}

/// Whether the keys of a map are names of members.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keys {
    /// All of them: the map is an object.
    Texts,
    /// Variants that hold nothing are, and others are not: one of those makes the map a list of pairs.
    Some,
    /// None: the map is a list of pairs, and an object only when it is empty.
    Never,
}

impl Keys {
    pub(super) fn of(schema: &Schema, key: &Shape) -> Self {
        match Place::Shape(key).form(schema) {
            Ok(Form::Text | Form::Char | Form::Bool | Form::Signed(_) | Form::Unsigned(_)) => Keys::Texts,
            Ok(Form::Enum(variants)) => {
                let is_unit = |one: &&Variant| matches!(one.content.place().form(schema), Ok(Form::Unit));
                match variants.iter().filter(is_unit).count() {
                    0 => Keys::Never,
                    all if all == variants.len() => Keys::Texts,
                    _ => Keys::Some,
                }
            }
            _ => Keys::Never,
        }
    }
}

/// Writes a key that is the name of a member.
fn key_of_text<E: serde::de::Error>(
    reading: &Reading<'_>,
    key: &Shape,
    text: &str,
    out: &mut Vec<u8>,
) -> Result<(), E> {
    let typed = Typed { reading, place: Place::Shape(key), out, depth: 0 };
    match typed.form()? {
        Form::Text | Form::Char => typed.leaf(&Value::Text(text.to_owned())),
        Form::Bool if matches!(text, "true" | "false") => typed.leaf(&Value::Text(text.to_owned())),
        Form::Signed(_) | Form::Unsigned(_) if is_integer(text) => typed.leaf(&Value::Text(text.to_owned())),
        Form::Enum(variants) => unit_variant(typed, variants, text),
        _ => Err(typed.mismatch(format_args!("{text:?}"))),
    }
}

/// Appends the bytes of a value that is given as a text in a query string: as it is for what has no parts, `none` for an
/// option without a value, and JSON for everything else.
pub(super) fn read_text(schema: &Schema, shape: &Shape, text: &str, out: &mut Vec<u8>) -> Result<(), Wrong> {
    let reading = Reading { schema, fault: RefCell::new(None) };
    let place = Place::Shape(shape);
    let form = place.form(schema).map_err(|error| Wrong::At(String::new(), error.to_string()))?;
    let typed = Typed { reading: &reading, place, out, depth: 0 };
    let given = Value::Text(text.to_owned());
    let done: Result<(), serde_json::Error> = match form {
        Form::Option(_) if text == "none" || text == "null" => {
            out.push(0);
            return Ok(());
        }
        Form::Option(inner) => {
            out.push(1);
            return read_text(schema, inner, text, out);
        }
        // In quotes it is JSON, so that every text can be given.
        Form::Text | Form::Char => match serde_json::from_str::<String>(text) {
            Ok(unquoted) => typed.leaf(&Value::Text(unquoted)),
            Err(_) => typed.leaf(&given),
        },
        Form::Bool if matches!(text, "true" | "false") => typed.leaf(&given),
        Form::Signed(64) if typed.is_time() => typed.leaf(&given),
        Form::Signed(_) | Form::Unsigned(_) if is_integer(text) => typed.leaf(&given),
        Form::F32 | Form::F64 => match text {
            "NaN" | "Infinity" | "-Infinity" => typed.leaf(&given),
            _ => {
                return read(schema, place, text.as_bytes(), out)
                    .map_err(|wrong| not_json(wrong, schema, shape, text));
            }
        },
        Form::Enum(variants) if !text.starts_with(['{', '"']) => unit_variant(typed, variants, text),
        Form::Bytes if text.starts_with("0x") => typed.leaf(&given),
        Form::Bool | Form::Signed(_) | Form::Unsigned(_) => Err(typed.mismatch(format_args!("{text:?}"))),
        _ => {
            return read(schema, place, text.as_bytes(), out)
                .map_err(|wrong| not_json(wrong, schema, shape, text));
        }
    };
    done.map_err(|error| match reading.fault.take() {
        Some(fault) => fault.into_wrong(),
        None => Wrong::At(String::new(), error.to_string()),
    })
}

/// What is no JSON in a query string is of another type: there is no other way to write it.
fn not_json(wrong: Wrong, schema: &Schema, shape: &Shape, text: &str) -> Wrong {
    match wrong {
        Wrong::Syntax(why) => Wrong::At(
            String::new(),
            format!("{text:?} was given, and `{}` is wanted, as JSON: {why}", schema.of(shape)),
        ),
        at @ Wrong::At(..) => at,
    }
}
