//! The arguments of a call: from a body, or from a query string.

use axum::http::Uri;
use percent_encoding::percent_decode_str;

use super::{
    json::{self, Wrong},
    problem::{Kind, Problem},
};
use crate::{
    cli::program::methods::{Method, Methods},
    schema::form::{Form, Place},
};

/// The parameters of a query string, in their order.
#[derive(Debug, Default)]
pub(super) struct Parameters(Vec<(String, String)>);

impl Parameters {
    pub(super) fn of(uri: &Uri) -> Result<Self, Problem> {
        let pairs = uri.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
        let decoded = |text: &str| {
            let text = text.replace('+', " ");
            match percent_decode_str(&text).decode_utf8() {
                Ok(decoded) => Ok(decoded.into_owned()),
                Err(_) => Err(Problem::new(Kind::Malformed, "the query string is not UTF-8")),
            }
        };
        let pair = |pair: &str| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Ok((decoded(name)?, decoded(value)?))
        };
        Ok(Parameters(pairs.map(pair).collect::<Result<_, _>>()?))
    }

    /// Takes the parameter of this name.
    pub(super) fn take(&mut self, name: &str) -> Result<Option<String>, Problem> {
        let Some(place) = self.0.iter().position(|(given, _)| given == name) else { return Ok(None) };
        let (_, value) = self.0.remove(place);
        match self.0.iter().any(|(given, _)| given == name) {
            true => Err(Problem::at_parameter(name, "is given twice")),
            false => Ok(Some(value)),
        }
    }

    /// Takes the parameter of this name, and reads it.
    pub(super) fn parse<T: std::str::FromStr>(
        &mut self,
        name: &str,
        wanted: &str,
    ) -> Result<Option<T>, Problem> {
        match self.take(name)? {
            None => Ok(None),
            Some(text) => match text.parse() {
                Ok(value) => Ok(Some(value)),
                Err(_) => {
                    Err(Problem::at_parameter(name, format!("{text:?} was given, and {wanted} is wanted")))
                }
            },
        }
    }

    /// There must be no more.
    pub(super) fn end(self) -> Result<(), Problem> {
        match self.0.into_iter().next() {
            None => Ok(()),
            Some((name, _)) => Err(Problem::at_parameter(&name, "there is no parameter of this name here")),
        }
    }
}

/// The bytes of the arguments in a body.
pub(super) fn of_body(methods: &Methods, method: &Method, body: &[u8]) -> Result<Vec<u8>, Problem> {
    let arguments = Place::Form(Form::Struct(&method.command.arguments));
    // Who has nothing to say need not say so.
    let body = if body.is_empty() { b"{}" } else { body };
    let mut bytes = Vec::new();
    match json::read(&methods.schema, arguments, body, &mut bytes) {
        Ok(()) => Ok(bytes),
        Err(Wrong::Syntax(why)) => Err(Problem::new(Kind::Malformed, format!("the body is no JSON: {why}"))),
        Err(Wrong::At(pointer, why)) => {
            let place = if pointer.is_empty() { "the body" } else { &pointer };
            Err(Problem::at_pointer(&pointer, format!("`{}`: {place}: {why}", methods.signature(method))))
        }
    }
}

/// The bytes of the arguments in a query string, all of which is arguments.
pub(super) fn of_parameters(
    methods: &Methods,
    method: &Method,
    parameters: &mut Parameters,
) -> Result<Vec<u8>, Problem> {
    let mut bytes = Vec::new();
    for argument in &method.command.arguments {
        let names = std::iter::once(&argument.name).chain(&argument.aliases);
        let mut given = None;
        for name in names {
            if let Some(text) = parameters.take(name)? {
                if given.is_some() {
                    return Err(Problem::at_parameter(name, "is given twice"));
                }
                given = Some(text);
            }
        }
        let written = match &given {
            Some(text) => json::read_text(&methods.schema, &argument.shape, text, &mut bytes),
            None => json::missing(&methods.schema, argument, &mut bytes)
                .map_err(|why| Wrong::At(String::new(), why)),
        };
        written.map_err(|wrong| match wrong {
            Wrong::Syntax(why) => Problem::at_parameter(&argument.name, why),
            Wrong::At(pointer, why) => Problem::at_parameter(&argument.name, why).with("pointer", pointer),
        })?;
    }
    Ok(bytes)
}

/// Whether a method has an argument of this name.
pub(super) fn has(method: &Method, name: &str) -> bool {
    method.command.arguments.iter().any(|argument| argument.is_called(name))
}
