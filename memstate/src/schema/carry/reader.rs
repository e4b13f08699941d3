//! [`Reader`]: what was written, presented to today's `Deserialize`.

use std::{collections::HashMap, fmt::Display, rc::Rc};

use serde::de::{Deserializer, Visitor};

use super::{enums, sequences, structs};
use crate::{
    codec::reader::{Fault, Reader as Plain},
    schema::{
        form::{Form, Place},
        trouble::{Result, Trouble},
        wire::{Integer, Source, one_char},
    },
};

/// The bytes, and what was found out about the types on the way.
pub(super) struct Carrier<'a, 'de> {
    pub(super) source: Source<'a, 'de>,
    pub(super) names: Names,
}

/// For what was written (by its address, which stays) and today's names the names that it has today.
type Names = HashMap<([usize; 2], [usize; 2]), Rc<[Option<&'static str>]>>;

impl<'a, 'de> Carrier<'a, 'de> {
    pub(super) fn new(source: Source<'a, 'de>) -> Self {
        Carrier { source, names: Names::new() }
    }
}

/// One value that was written.
pub(super) struct Reader<'r, 'a, 'de> {
    pub(super) carrier: &'r mut Carrier<'a, 'de>,
    pub(super) place: Place<'a>,
    pub(super) depth: u32,
}

impl<'r, 'a, 'de> Reader<'r, 'a, 'de> {
    pub(super) fn new(carrier: &'r mut Carrier<'a, 'de>, place: Place<'a>, depth: u32) -> Self {
        Reader { carrier, place, depth }
    }

    /// What stands in the bytes, where `wanted` is asked for, which is no option: options must be there.
    fn form(&mut self, wanted: &dyn Display) -> Result<Form<'a>> {
        self.form_but(wanted, None)
    }

    /// The same; a newtype of the name `kept` is taken for a tuple with one place.
    fn form_but(&mut self, wanted: &dyn Display, kept: Option<&str>) -> Result<Form<'a>> {
        loop {
            self.depth = self.carrier.source.enter(self.depth)?;
            let form = self.place.form_but(self.carrier.source.schema, kept)?;
            let Form::Option(inner) = form else { return Ok(form) };
            if !self.carrier.source.is_some()? {
                return Err(Trouble::new(format!(
                    "none was written, and {wanted} is wanted; make it an `Option` again"
                )));
            }
            self.place = Place::Shape(inner);
        }
    }

    /// Something else was written than is wanted.
    fn mismatch(&self, form: Form<'a>, wanted: &dyn Display) -> Trouble {
        let schema = self.carrier.source.schema;
        let described = self.place.describe(schema);
        match show_scalar(&mut self.carrier.source.fork(), form) {
            Some(value) => Trouble::mismatch(&format!("{value} ({described})"), wanted),
            None => Trouble::mismatch(&described, wanted),
        }
    }

    fn integer<T: TryFrom<i128> + TryFrom<u128>>(&mut self, form: Form<'a>, wanted: &str) -> Result<T> {
        let unfit = |number: &dyn Display| Trouble::new(format!("{number} does not fit {wanted}"));
        match self.carrier.source.integer(form)? {
            Some(Integer::Signed(number)) => T::try_from(number).map_err(|_| unfit(&number)),
            Some(Integer::Unsigned(number)) => T::try_from(number).map_err(|_| unfit(&number)),
            None => Err(self.mismatch(form, &wanted)),
        }
    }

    fn f64(&mut self, form: Form<'a>) -> Result<f64> {
        match form {
            Form::F32 => Ok(self.carrier.source.f32()?.into()),
            Form::F64 => self.carrier.source.f64(),
            // The conversion is exact: `exact` has seen to it.
            Form::Signed(_) | Form::Unsigned(_) => Ok(match self.exact(form, 53, "f64")? {
                Integer::Signed(number) => number as f64,
                Integer::Unsigned(number) => number as f64,
            }),
            _ => Err(self.mismatch(form, &"f64")),
        }
    }

    fn f32(&mut self, form: Form<'a>) -> Result<f32> {
        match form {
            Form::F32 => self.carrier.source.f32(),
            Form::F64 => {
                let wide = self.carrier.source.f64()?;
                let narrow = wide as f32;
                if f64::from(narrow) == wide || wide.is_nan() {
                    return Ok(narrow);
                }
                Err(Trouble::new(format!("{wide:?} is not exact as f32")))
            }
            Form::Signed(_) | Form::Unsigned(_) => Ok(match self.exact(form, 24, "f32")? {
                Integer::Signed(number) => number as f32,
                Integer::Unsigned(number) => number as f32,
            }),
            _ => Err(self.mismatch(form, &"f32")),
        }
    }

    /// An integer that a float with so many bits of precision holds exactly. The exponent of both floats suffices for 128 bits.
    fn exact(&mut self, form: Form<'a>, precision: u32, wanted: &str) -> Result<Integer> {
        let Some(number) = self.carrier.source.integer(form)? else {
            return Err(self.mismatch(form, &wanted));
        };
        let (size, shown) = match number {
            Integer::Signed(number) => (number.unsigned_abs(), number.to_string()),
            Integer::Unsigned(number) => (number, number.to_string()),
        };
        let width = (128 - size.leading_zeros()).saturating_sub(size.trailing_zeros());
        if width <= precision {
            Ok(number)
        } else {
            Err(Trouble::new(format!("{shown} is not exact as {wanted}")))
        }
    }

    /// Hands over to the reader without a schema, for what the schema does not know.
    fn opaque<T>(self, read: impl FnOnce(&mut Plain<'de>) -> std::result::Result<T, Fault>) -> Result<T> {
        let mut plain = Plain::new(self.carrier.source.rest());
        let value = match read(&mut plain) {
            Ok(value) => value,
            Err(fault) => {
                let why = plain.why(fault);
                return Err(Trouble::new(format!(
                    "today's type cannot read what it is said to have written itself: {why}"
                )));
            }
        };
        self.carrier.source.go_on(plain.rest(), plain.free_elements())?;
        Ok(value)
    }
}

/// A number, a text and the like, as a message shows it.
pub(super) fn show_scalar(source: &mut Source<'_, '_>, form: Form<'_>) -> Option<String> {
    const LONGEST: usize = 40;
    let shown = match form {
        Form::Bool => source.bool().ok()?.to_string(),
        Form::Signed(_) | Form::Unsigned(_) => match source.integer(form).ok()?? {
            Integer::Signed(number) => number.to_string(),
            Integer::Unsigned(number) => number.to_string(),
        },
        Form::F32 => format!("{:?}", source.f32().ok()?),
        Form::F64 => format!("{:?}", source.f64().ok()?),
        Form::Char => format!("{:?}", source.char().ok()?),
        Form::Text => {
            let text = source.text().ok()?;
            match text.char_indices().nth(LONGEST) {
                None => format!("{text:?}"),
                Some((end, _)) => format!("{:?}…", &text[..end]),
            }
        }
        _ => return None,
    };
    Some(shown)
}

macro_rules! numbers {
    ($($deserialize:ident $visit:ident $read:ident($($name:literal)?);)*) => { $(
        fn $deserialize<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value> {
            match self.form(&&stringify!($deserialize)["deserialize_".len()..])? {
                Form::Opaque => self.opaque(|plain| plain.$deserialize(visitor)),
                form => visitor.$visit(self.$read(form $(, $name)?)?),
            }
        }
    )* };
}

impl<'de> Deserializer<'de> for Reader<'_, '_, 'de> {
    type Error = Trouble;

    fn is_human_readable(&self) -> bool {
        false
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value> {
        Err(Trouble::new(
            "today's type asks what was written instead of saying what it wants (as `#[serde(untagged)]`, `tag`, \
             `flatten` and JSON values do); the journal's format could not be read back by such a type",
        ))
    }

    numbers! {
        deserialize_i8 visit_i8 integer("i8");
        deserialize_i16 visit_i16 integer("i16");
        deserialize_i32 visit_i32 integer("i32");
        deserialize_i64 visit_i64 integer("i64");
        deserialize_i128 visit_i128 integer("i128");
        deserialize_u8 visit_u8 integer("u8");
        deserialize_u16 visit_u16 integer("u16");
        deserialize_u32 visit_u32 integer("u32");
        deserialize_u64 visit_u64 integer("u64");
        deserialize_u128 visit_u128 integer("u128");
        deserialize_f32 visit_f32 f32();
        deserialize_f64 visit_f64 f64();
    }

    fn deserialize_bool<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value> {
        match self.form(&"bool")? {
            Form::Opaque => self.opaque(|plain| plain.deserialize_bool(visitor)),
            Form::Bool => visitor.visit_bool(self.carrier.source.bool()?),
            form => Err(self.mismatch(form, &"bool")),
        }
    }

    fn deserialize_char<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value> {
        match self.form(&"char")? {
            Form::Opaque => self.opaque(|plain| plain.deserialize_char(visitor)),
            Form::Char => visitor.visit_char(self.carrier.source.char()?),
            form @ Form::Text => match one_char(self.carrier.source.fork().text()?) {
                Some(_) => visitor.visit_char(self.carrier.source.char()?),
                None => Err(self.mismatch(form, &"char")),
            },
            form => Err(self.mismatch(form, &"char")),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value> {
        match self.form(&"String")? {
            Form::Opaque => self.opaque(|plain| plain.deserialize_str(visitor)),
            // A character is written as a text of one.
            Form::Char | Form::Text => visitor.visit_borrowed_str(self.carrier.source.text()?),
            form => Err(self.mismatch(form, &"String")),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.deserialize_str(visitor)
    }

    fn deserialize_bytes<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value> {
        match self.form(&"bytes")? {
            Form::Opaque => self.opaque(|plain| plain.deserialize_bytes(visitor)),
            form => match sequences::as_bytes(&mut self.carrier.source, form)? {
                Some(bytes) => visitor.visit_borrowed_bytes(bytes),
                None => Err(self.mismatch(form, &"bytes")),
            },
        }
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.deserialize_bytes(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value> {
        self.depth = self.carrier.source.enter(self.depth)?;
        match self.place.form(self.carrier.source.schema)? {
            Form::Opaque => self.opaque(|plain| plain.deserialize_option(visitor)),
            Form::Option(inner) => match self.carrier.source.is_some()? {
                true => visitor.visit_some(Reader { place: Place::Shape(inner), ..self }),
                false => visitor.visit_none(),
            },
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_unit<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value> {
        match self.form(&"()")? {
            Form::Opaque | Form::Unit => visitor.visit_unit(),
            form => Err(self.mismatch(form, &"()")),
        }
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        mut self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value> {
        let wanted = format_args!("the struct `{name}` without fields");
        match self.form(&wanted)? {
            Form::Opaque | Form::Unit => visitor.visit_unit(),
            // All of its fields were removed.
            form @ Form::Struct(_) => {
                self.carrier.source.skip(Place::Form(form))?;
                visitor.visit_unit()
            }
            form => Err(self.mismatch(form, &wanted)),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        mut self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value> {
        self.depth = self.carrier.source.enter(self.depth)?;
        // What it holds may be of this name too, and is not to be taken for it.
        if let Some(inner) = self.place.newtype(self.carrier.source.schema, name) {
            self.place = Place::Shape(inner);
        }
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value> {
        match self.form(&"a list")? {
            Form::Opaque => self.opaque(|plain| plain.deserialize_seq(visitor)),
            form => match sequences::elements(&mut self.carrier.source, form)? {
                Some(elements) => elements.present(self.carrier, self.depth, visitor),
                None => Err(self.mismatch(form, &"a list")),
            },
        }
    }

    fn deserialize_tuple<V: Visitor<'de>>(mut self, length: usize, visitor: V) -> Result<V::Value> {
        let wanted = format_args!("a tuple or an array of {length}");
        match self.form(&wanted)? {
            Form::Opaque => self.opaque(|plain| plain.deserialize_tuple(length, visitor)),
            form => match sequences::elements(&mut self.carrier.source, form)? {
                Some(elements) if elements.length() == length => {
                    elements.present(self.carrier, self.depth, visitor)
                }
                Some(elements) => Err(wrong_length(elements.length(), &wanted)),
                None => Err(self.mismatch(form, &wanted)),
            },
        }
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        mut self,
        name: &'static str,
        length: usize,
        visitor: V,
    ) -> Result<V::Value> {
        let wanted = format_args!("the struct `{name}` with {length} places");
        // A newtype of this name had one place; if it is not another struct of the same name that holds this one.
        let opened = self.place.form(self.carrier.source.schema)?;
        let kept = match opened {
            Form::Tuple(parts) if parts.len() == length => None,
            _ => Some(name),
        };
        match self.form_but(&wanted, kept)? {
            Form::Opaque => self.opaque(|plain| plain.deserialize_tuple_struct(name, length, visitor)),
            form => self.by_position(form, length, &wanted, visitor),
        }
    }

    fn deserialize_map<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value> {
        match self.form(&"a map")? {
            Form::Opaque => self.opaque(|plain| plain.deserialize_map(visitor)),
            Form::Map(key, value) => sequences::entries(self.carrier, key, value, self.depth, visitor),
            form => Err(self.mismatch(form, &"a map")),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        mut self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        let wanted = format_args!("the struct `{name}`");
        match self.form(&wanted)? {
            Form::Opaque => self.opaque(|plain| plain.deserialize_struct(name, fields, visitor)),
            form => self.by_name(form, fields, &wanted, visitor),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        mut self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        let wanted = format_args!("the enum `{name}`");
        match self.form(&wanted)? {
            Form::Opaque => self.opaque(|plain| plain.deserialize_enum(name, variants, visitor)),
            Form::Enum(written) => enums::present(self.carrier, written, variants, self.depth, visitor),
            form => Err(self.mismatch(form, &wanted)),
        }
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.deserialize_any(visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.carrier.source.skip(self.place)?;
        visitor.visit_unit()
    }
}

impl<'a, 'de> Reader<'_, 'a, 'de> {
    /// For a tuple struct or a tuple variant, which may have become longer by places with defaults.
    pub(super) fn by_position<V: Visitor<'de>>(
        self,
        form: Form<'a>,
        length: usize,
        wanted: &dyn Display,
        visitor: V,
    ) -> Result<V::Value> {
        let Some(elements) = sequences::elements(&mut self.carrier.source, form)? else {
            return Err(self.mismatch(form, wanted));
        };
        let fits = match form {
            Form::Tuple(_) | Form::Unit => elements.length() <= length,
            _ => elements.length() == length,
        };
        match fits {
            true => elements.present(self.carrier, self.depth, visitor),
            false => Err(wrong_length(elements.length(), wanted)),
        }
    }

    /// For a struct or a struct variant.
    pub(super) fn by_name<V: Visitor<'de>>(
        self,
        form: Form<'a>,
        fields: &'static [&'static str],
        wanted: &dyn Display,
        visitor: V,
    ) -> Result<V::Value> {
        match form {
            Form::Struct(written) => structs::present(self.carrier, written, fields, self.depth, visitor),
            // It had no fields yet.
            Form::Unit => structs::present(self.carrier, &[], fields, self.depth, visitor),
            form => Err(self.mismatch(form, wanted)),
        }
    }
}

fn wrong_length(written: usize, wanted: &dyn Display) -> Trouble {
    Trouble::new(format!("{written} values were written, and {wanted} is wanted"))
}
