//! [`Form`]: a shape with its names looked up and its newtypes opened.

use super::{
    Content, Field, Kind, Named, Schema, Shape, Variant,
    trouble::{Result, Trouble},
    wire::DEEPEST,
};

/// What stands in the bytes. Newtypes do not show in bytes, and so there are none here.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Form<'a> {
    Opaque,
    Unit,
    Bool,
    Signed(u8),
    Unsigned(u8),
    F32,
    F64,
    Char,
    Text,
    Bytes,
    Option(&'a Shape),
    List(&'a Shape),
    Tuple(&'a [Shape]),
    Map(&'a Shape, &'a Shape),
    Struct(&'a [Field]),
    Enum(&'a [Variant]),
}

/// What is to be read: a shape, or the content of a variant, which has no shape of its own.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Place<'a> {
    Shape(&'a Shape),
    Form(Form<'a>),
}

impl<'a> Place<'a> {
    /// What stands in the bytes.
    pub(crate) fn form(self, schema: &'a Schema) -> Result<Form<'a>> {
        self.form_but(schema, None)
    }

    /// What stands in the bytes. A newtype of the name `kept` is taken for a tuple with one place.
    pub(crate) fn form_but(self, schema: &'a Schema, kept: Option<&str>) -> Result<Form<'a>> {
        let mut place = self;
        for _ in 0..DEEPEST {
            let shape = match place {
                Place::Form(form) => return Ok(form),
                Place::Shape(shape) => shape,
            };
            place = match shape {
                Shape::Named(number) => named(schema, *number, kept)?,
                plain => return Ok(of_plain(plain)),
            };
        }
        Err(Trouble::new("the schema has a newtype that holds itself"))
    }

    /// What a newtype of this name holds, if it is one.
    pub(crate) fn newtype(self, schema: &'a Schema, name: &str) -> Option<&'a Shape> {
        let Place::Shape(Shape::Named(number)) = self else { return None };
        match schema.named(*number)? {
            Named { name: called, kind: Kind::Struct(Content::Newtype(inner)) } if called == name => {
                Some(inner)
            }
            _ => None,
        }
    }

    /// As a message calls it.
    pub(crate) fn describe(self, schema: &Schema) -> String {
        match self {
            Place::Shape(shape) => format!("{}", schema.of(shape)),
            Place::Form(Form::Unit) => "nothing".to_owned(),
            Place::Form(Form::Tuple(parts)) => format!("{} values without names", parts.len()),
            Place::Form(_) => "fields with names".to_owned(),
        }
    }
}

impl Content {
    /// What stands in the bytes for it.
    pub(crate) fn place(&self) -> Place<'_> {
        match self {
            Content::Unit => Place::Form(Form::Unit),
            Content::Newtype(shape) => Place::Shape(shape),
            Content::Tuple(parts) => Place::Form(Form::Tuple(parts)),
            Content::Fields(fields) => Place::Form(Form::Struct(fields)),
        }
    }
}

fn named<'a>(schema: &'a Schema, number: u32, kept: Option<&str>) -> Result<Place<'a>> {
    let Some(named) = schema.named(number) else {
        return Err(Trouble::new(format!("the schema has no type number {number}")));
    };
    Ok(match &named.kind {
        Kind::Enum(variants) => Place::Form(Form::Enum(variants)),
        Kind::Struct(Content::Newtype(shape)) if kept == Some(&named.name) => {
            Place::Form(Form::Tuple(std::slice::from_ref(shape)))
        }
        Kind::Struct(content) => content.place(),
    })
}

fn of_plain(shape: &Shape) -> Form<'_> {
    match shape {
        Shape::Opaque | Shape::Named(_) => Form::Opaque,
        Shape::Unit => Form::Unit,
        Shape::Bool => Form::Bool,
        Shape::Signed(bits) => Form::Signed(*bits),
        Shape::Unsigned(bits) => Form::Unsigned(*bits),
        Shape::F32 => Form::F32,
        Shape::F64 => Form::F64,
        Shape::Char => Form::Char,
        Shape::Text => Form::Text,
        Shape::Bytes => Form::Bytes,
        Shape::Option(inner) => Form::Option(inner),
        Shape::List(inner) => Form::List(inner),
        Shape::Tuple(parts) => Form::Tuple(parts),
        Shape::Map(key, value) => Form::Map(key, value),
    }
}

/// Whether it is `u8`, whose lists are bytes.
pub(crate) fn is_byte(schema: &Schema, shape: &Shape) -> bool {
    matches!(Place::Shape(shape).form(schema), Ok(Form::Unsigned(8)))
}
