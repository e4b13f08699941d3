//! The arguments of a method from what was typed.
//!
//! Each is given by its place, or as `name=value`. A text is taken as it is, numbers and truth values as they are
//! written, `none` for an option without a value, and everything with parts as JSON.

use super::methods::{Method, Methods};
use crate::{
    Value,
    cli::failure::{Code, Failure},
    model::Operation,
    schema::{
        Field, Schema, Shape,
        form::{Form, Place},
        value,
    },
};

/// The bytes of a method's arguments.
///
/// # Errors
///
/// If there are too many or too few, or one is of another type; the error names it.
pub(super) fn encode(methods: &Methods, method: &Method, given: &[String]) -> Result<Vec<u8>, Failure> {
    let texts = assign(methods, method, given)?;
    let mut bytes = Vec::new();
    for (argument, text) in method.command.arguments.iter().zip(texts) {
        let of = methods.of_shape(&argument.shape);
        let form = Place::Shape(&argument.shape).form(&methods.schema);
        let value = match text {
            Some(text) => read(&methods.schema, &argument.shape, text),
            None if matches!(form, Ok(Form::Option(_))) => Value::Option(None),
            None => return Err(missing(methods, method, argument)),
        };
        value::write(of, &value, &mut bytes).map_err(|why| {
            let name = &argument.name;
            wrong(methods, method, format!("the argument `{name}` is of type `{of}`: {why}"))
                .help(example(methods, argument))
        })?;
    }
    Ok(bytes)
}

/// The number of the command `name`, and the bytes of its arguments as they are typed; for tests that type anything.
pub(crate) fn typed<O: Operation>(name: &str, given: &[String]) -> Option<(u16, Vec<u8>)> {
    let methods = Methods::of::<O>();
    let method = methods.named(name)?;
    Some((method.number, encode(&methods, method, given).ok()?))
}

/// Each argument's text, if it was given.
fn assign<'a>(
    methods: &Methods,
    method: &Method,
    given: &'a [String],
) -> Result<Vec<Option<&'a str>>, Failure> {
    let arguments = &method.command.arguments;
    let mut texts = vec![None; arguments.len()];
    let mut without_name = Vec::new();
    for text in given {
        let named = text.split_once('=').and_then(|(name, value)| {
            let place = arguments.iter().position(|argument| argument.is_called(name))?;
            Some((place, value))
        });
        match named {
            Some((place, value)) if texts[place].is_none() => texts[place] = Some(value),
            Some((place, _)) => {
                let name = &arguments[place].name;
                return Err(wrong(methods, method, format!("the argument `{name}` is given twice")));
            }
            None => without_name.push(text.as_str()),
        }
    }
    let mut free = texts.iter_mut().filter(|text| text.is_none());
    for text in without_name {
        let Some(place) = free.next() else {
            return Err(wrong(methods, method, format!("there is no argument for `{text}`")));
        };
        *place = Some(text);
    }
    Ok(texts)
}

/// What a text means as a type.
fn read(schema: &Schema, shape: &Shape, text: &str) -> Value {
    let as_json = || serde_json::from_str(text).ok().map(from_json);
    let as_text = || Value::Text(text.to_owned());
    match Place::Shape(shape).form(schema) {
        Ok(Form::Option(_)) if text == "none" || text == "null" => Value::Option(None),
        Ok(Form::Option(inner)) => Value::Option(Some(Box::new(read(schema, inner, text)))),
        // In quotes it is JSON, so that every text can be given.
        Ok(Form::Text | Form::Char) => match text.starts_with('"').then(as_json).flatten() {
            Some(Value::Text(text)) => Value::Text(text),
            _ => as_text(),
        },
        Ok(Form::Bool | Form::Signed(_) | Form::Unsigned(_) | Form::F32 | Form::F64) => as_text(),
        _ => as_json().unwrap_or_else(as_text),
    }
}

/// A value that was given as JSON. Integers that JSON rounds are given as text.
pub(crate) fn from_json(json: serde_json::Value) -> Value {
    match json {
        serde_json::Value::Null => Value::Option(None),
        serde_json::Value::Bool(truth) => Value::Bool(truth),
        serde_json::Value::Number(number) => match (number.as_u64(), number.as_i64()) {
            (Some(number), _) => Value::Unsigned(number.into()),
            (None, Some(number)) => Value::Signed(number.into()),
            (None, None) => Value::F64(number.as_f64().unwrap_or(f64::NAN)),
        },
        serde_json::Value::String(text) => Value::Text(text),
        serde_json::Value::Array(values) => Value::List(values.into_iter().map(from_json).collect()),
        serde_json::Value::Object(fields) => {
            Value::Struct(fields.into_iter().map(|(name, value)| (name, from_json(value))).collect())
        }
    }
}

fn missing(methods: &Methods, method: &Method, argument: &Field) -> Failure {
    let (name, of) = (&argument.name, methods.of_shape(&argument.shape));
    wrong(methods, method, format!("the argument `{name}` is missing; its type is `{of}`"))
        .help(example(methods, argument))
}

fn wrong(methods: &Methods, method: &Method, what: String) -> Failure {
    Failure::new(Code::Usage, format!("`{}`: {what}", methods.signature(method)))
}

/// How an argument may be given.
fn example(methods: &Methods, argument: &Field) -> String {
    let text = sample_text(methods, argument);
    let named = quoted(&format!("{}={text}", argument.name));
    format!("for example {} in its place, or {named} anywhere", quoted(&text))
}

/// A call as it may be typed, without and with the names of the arguments: `balance 7`, `balance account=7`. `None` if there
/// is no example for an argument.
pub(super) fn sample_call(methods: &Methods, method: &Method) -> Option<(String, String)> {
    let (mut plain, mut named) = (vec![quoted(&method.command.name)], vec![quoted(&method.command.name)]);
    let mut given = Vec::new();
    for argument in &method.command.arguments {
        let text = sample_text(methods, argument);
        plain.push(quoted(&text));
        named.push(quoted(&format!("{}={text}", argument.name)));
        given.push(text);
    }
    // What cannot be written, because its type is not known, is no example.
    encode(methods, method, &given).ok()?;
    Some((plain.join(" "), named.join(" ")))
}

/// A word as a shell takes it: what it would take apart stands in quotes.
fn quoted(text: &str) -> String {
    match !text.is_empty() && text.chars().all(|one| one.is_alphanumeric() || "-_.:=".contains(one)) {
        true => text.to_owned(),
        false => format!("'{}'", text.replace('\'', r"'\''")),
    }
}

/// A value for an argument, as it may be typed.
fn sample_text(methods: &Methods, argument: &Field) -> String {
    match sample(&methods.schema, Place::Shape(&argument.shape), 0) {
        serde_json::Value::String(text) => text,
        json => json.to_string(),
    }
}

/// How deep an example goes.
const SAMPLE_DEPTH: u32 = 4;

/// A value of a type, as JSON.
pub(crate) fn sample(schema: &Schema, place: Place<'_>, depth: u32) -> serde_json::Value {
    let of = |shape| sample(schema, Place::Shape(shape), depth + 1);
    let is_deep = depth >= SAMPLE_DEPTH;
    if matches!(place, Place::Shape(shape) if schema.of(shape).is_time()) {
        return "2013-02-08T17:05Z".into();
    }
    match place.form(schema) {
        Ok(Form::Bool) => true.into(),
        Ok(Form::Signed(_) | Form::Unsigned(_)) => 7.into(),
        Ok(Form::F32 | Form::F64) => 1.5.into(),
        Ok(Form::Char) => "x".into(),
        Ok(Form::Text) => "Ann".into(),
        Ok(Form::Bytes) => "0x00ff".into(),
        Ok(Form::Option(inner)) if !is_deep => of(inner),
        Ok(Form::List(element)) if !is_deep => serde_json::Value::Array(vec![of(element)]),
        Ok(Form::Tuple(parts)) if !is_deep => parts.iter().map(of).collect(),
        Ok(Form::Map(key, value)) if !is_deep => match of(key) {
            serde_json::Value::String(key) => serde_json::json!({ key: of(value) }),
            key => serde_json::json!([[key, of(value)]]),
        },
        Ok(Form::Struct(fields)) if !is_deep => {
            let fields = fields.iter().map(|field| (field.name.clone(), of(&field.shape)));
            serde_json::Value::Object(fields.collect())
        }
        Ok(Form::Enum([variant, ..])) => match variant.content.place() {
            Place::Form(Form::Unit) => variant.name.clone().into(),
            content => serde_json::json!({ variant.name.clone(): sample(schema, content, depth + 1) }),
        },
        _ => serde_json::Value::Null,
    }
}
