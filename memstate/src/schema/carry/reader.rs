//! [`Reader`]: what was written, presented to today's `Deserialize`.

use std::{
    collections::HashMap,
    fmt::{self, Display},
    rc::Rc,
};

use serde::Deserialize;

use super::{enums, sequences, structs};
use crate::{
    codec::reader::Reader as Plain,
    schema::{
        erased::{self, Given, Leaf, Name, Scalar, Visit, Wanted},
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

    /// An integer of so many bits.
    fn signed(&mut self, form: Form<'a>, bits: u8) -> Result<i128> {
        let wanted = format_args!("i{bits}");
        let number = self.integer(form, &wanted)?;
        let room = 128 - u32::from(bits);
        let fits = |number: &i128| number << room >> room == *number;
        let fitting = match number {
            Integer::Signed(number) => Some(number),
            Integer::Unsigned(number) => i128::try_from(number).ok(),
        };
        fitting.filter(fits).ok_or_else(|| does_not_fit(number, &wanted))
    }

    /// An integer of so many bits, without a sign.
    fn unsigned(&mut self, form: Form<'a>, bits: u8) -> Result<u128> {
        let wanted = format_args!("u{bits}");
        let number = self.integer(form, &wanted)?;
        let room = 128 - u32::from(bits);
        let fits = |number: &u128| number << room >> room == *number;
        let fitting = match number {
            Integer::Signed(number) => u128::try_from(number).ok(),
            Integer::Unsigned(number) => Some(number),
        };
        fitting.filter(fits).ok_or_else(|| does_not_fit(number, &wanted))
    }

    fn integer(&mut self, form: Form<'a>, wanted: &dyn Display) -> Result<Integer> {
        match self.carrier.source.integer(form)? {
            Some(number) => Ok(number),
            None => Err(self.mismatch(form, wanted)),
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
    fn opaque(&mut self, visit: Visit<'_, 'de>) -> Result<()> {
        let mut plain = Plain::inside(self.depth, self.carrier.source.rest());
        let mut fault = None;
        let made = visit(Given::Plain(&mut plain, &mut fault));
        if let Some(fault) = fault {
            return Err(not_its_own(&plain.why(fault)));
        }
        made?;
        self.carrier.source.go_on(plain.rest(), plain.free_elements())
    }

    /// A simple value that the schema does not know.
    fn opaque_leaf(&mut self, leaf: Leaf) -> Result<Scalar<'de>> {
        Ok(match leaf {
            Leaf::Unit => Scalar::Unit,
            Leaf::Bool => Scalar::Bool(self.plain()?),
            Leaf::Signed(8) => Scalar::Signed(self.plain::<i8>()?.into()),
            Leaf::Signed(16) => Scalar::Signed(self.plain::<i16>()?.into()),
            Leaf::Signed(32) => Scalar::Signed(self.plain::<i32>()?.into()),
            Leaf::Signed(64) => Scalar::Signed(self.plain::<i64>()?.into()),
            Leaf::Signed(_) => Scalar::Signed(self.plain()?),
            Leaf::Unsigned(8) => Scalar::Unsigned(self.plain::<u8>()?.into()),
            Leaf::Unsigned(16) => Scalar::Unsigned(self.plain::<u16>()?.into()),
            Leaf::Unsigned(32) => Scalar::Unsigned(self.plain::<u32>()?.into()),
            Leaf::Unsigned(64) => Scalar::Unsigned(self.plain::<u64>()?.into()),
            Leaf::Unsigned(_) => Scalar::Unsigned(self.plain()?),
            Leaf::F32 => Scalar::F32(self.plain()?),
            Leaf::F64 => Scalar::F64(self.plain()?),
            Leaf::Char => Scalar::Char(self.plain()?),
            Leaf::Text => Scalar::Text(self.plain()?),
            Leaf::Bytes => Scalar::Bytes(self.plain()?),
        })
    }

    fn plain<T: Deserialize<'de>>(&mut self) -> Result<T> {
        let mut plain = Plain::inside(self.depth, self.carrier.source.rest());
        match T::deserialize(&mut plain) {
            Ok(value) => {
                self.carrier.source.go_on(plain.rest(), plain.free_elements())?;
                Ok(value)
            }
            Err(fault) => Err(not_its_own(&plain.why(fault))),
        }
    }
}

fn not_its_own(why: &str) -> Trouble {
    Trouble::new(format!("today's type cannot read what it is said to have written itself: {why}"))
}

fn does_not_fit(number: Integer, wanted: &dyn Display) -> Trouble {
    match number {
        Integer::Signed(number) => Trouble::new(format!("{number} does not fit {wanted}")),
        Integer::Unsigned(number) => Trouble::new(format!("{number} does not fit {wanted}")),
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

/// What is asked for, in the words of a message.
struct Asked(Leaf);

impl Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Leaf::Unit => f.write_str("()"),
            Leaf::Bool => f.write_str("bool"),
            Leaf::Signed(bits) => write!(f, "i{bits}"),
            Leaf::Unsigned(bits) => write!(f, "u{bits}"),
            Leaf::F32 => f.write_str("f32"),
            Leaf::F64 => f.write_str("f64"),
            Leaf::Char => f.write_str("char"),
            Leaf::Text => f.write_str("String"),
            Leaf::Bytes => f.write_str("bytes"),
        }
    }
}

impl<'de> erased::Source<'de> for Reader<'_, '_, 'de> {
    fn leaf(&mut self, leaf: Leaf) -> Result<Scalar<'de>> {
        let wanted = Asked(leaf);
        let form = self.form(&wanted)?;
        Ok(match (leaf, form) {
            (leaf, Form::Opaque) => return self.opaque_leaf(leaf),
            (Leaf::Unit, Form::Unit) => Scalar::Unit,
            (Leaf::Bool, Form::Bool) => Scalar::Bool(self.carrier.source.bool()?),
            (Leaf::Signed(bits), form) => Scalar::Signed(self.signed(form, bits)?),
            (Leaf::Unsigned(bits), form) => Scalar::Unsigned(self.unsigned(form, bits)?),
            (Leaf::F32, form) => Scalar::F32(self.f32(form)?),
            (Leaf::F64, form) => Scalar::F64(self.f64(form)?),
            (Leaf::Char, Form::Char) => Scalar::Char(self.carrier.source.char()?),
            (Leaf::Char, Form::Text) if one_char(self.carrier.source.fork().text()?).is_some() => {
                Scalar::Char(self.carrier.source.char()?)
            }
            // A character is written as a text of one.
            (Leaf::Text, Form::Char | Form::Text) => Scalar::Text(self.carrier.source.text()?),
            (Leaf::Bytes, form) => match sequences::as_bytes(&mut self.carrier.source, form)? {
                Some(bytes) => Scalar::Bytes(bytes),
                None => return Err(self.mismatch(form, &wanted)),
            },
            (_, form) => return Err(self.mismatch(form, &wanted)),
        })
    }

    fn compound(&mut self, wanted: Wanted, _: &'static str, visit: Visit<'_, 'de>) -> Result<()> {
        match wanted {
            Wanted::Option => self.option(visit),
            Wanted::UnitStruct(name) => self.unit_struct(name, visit),
            Wanted::Newtype(name) => self.newtype(name, visit),
            Wanted::List => self.list(visit),
            Wanted::Tuple(length) => self.tuple(length, visit),
            Wanted::TupleStruct(name, length) => self.tuple_struct(name, length, visit),
            Wanted::Map => match self.form(&"a map")? {
                Form::Opaque => self.opaque(visit),
                Form::Map(key, value) => sequences::entries(self.carrier, key, value, self.depth, visit),
                form => Err(self.mismatch(form, &"a map")),
            },
            Wanted::Struct(name, fields) => {
                let wanted = format_args!("the struct `{name}`");
                match self.form(&wanted)? {
                    Form::Opaque => self.opaque(visit),
                    form => self.by_name(form, fields, &wanted, visit),
                }
            }
            Wanted::Enum(name, variants) => {
                let wanted = format_args!("the enum `{name}`");
                match self.form(&wanted)? {
                    Form::Opaque => self.opaque(visit),
                    Form::Enum(written) => enums::present(self.carrier, written, variants, self.depth, visit),
                    form => Err(self.mismatch(form, &wanted)),
                }
            }
        }
    }

    fn name(&mut self) -> Result<Name<'_>> {
        Err(Trouble::new(
            "today's type asks what was written instead of saying what it wants (as `#[serde(untagged)]`, `tag`, \
             `flatten` and JSON values do); the journal's format could not be read back by such a type",
        ))
    }

    fn ignore(&mut self) -> Result<()> {
        self.carrier.source.skip(self.place)
    }
}

impl<'a, 'de> Reader<'_, 'a, 'de> {
    fn option(&mut self, visit: Visit<'_, 'de>) -> Result<()> {
        self.depth = self.carrier.source.enter(self.depth)?;
        match self.place.form(self.carrier.source.schema)? {
            Form::Opaque => self.opaque(visit),
            Form::Option(inner) => match self.carrier.source.is_some()? {
                true => visit(Given::Inner(&mut Reader::new(self.carrier, Place::Shape(inner), self.depth))),
                false => visit(Given::Nothing),
            },
            _ => visit(Given::Inner(self)),
        }
    }

    fn unit_struct(&mut self, name: &str, visit: Visit<'_, 'de>) -> Result<()> {
        let wanted = format_args!("the struct `{name}` without fields");
        match self.form(&wanted)? {
            Form::Opaque | Form::Unit => {}
            // All of its fields were removed.
            form @ Form::Struct(_) => self.carrier.source.skip(Place::Form(form))?,
            form => return Err(self.mismatch(form, &wanted)),
        }
        visit(Given::Nothing)
    }

    fn newtype(&mut self, name: &str, visit: Visit<'_, 'de>) -> Result<()> {
        self.depth = self.carrier.source.enter(self.depth)?;
        // What it holds may be of this name too, and is not to be taken for it.
        if let Some(inner) = self.place.newtype(self.carrier.source.schema, name) {
            self.place = Place::Shape(inner);
        }
        visit(Given::Inner(self))
    }

    fn list(&mut self, visit: Visit<'_, 'de>) -> Result<()> {
        match self.form(&"a list")? {
            Form::Opaque => self.opaque(visit),
            form => match sequences::elements(&mut self.carrier.source, form)? {
                Some(elements) => elements.present(self.carrier, self.depth, visit),
                None => Err(self.mismatch(form, &"a list")),
            },
        }
    }

    fn tuple(&mut self, length: usize, visit: Visit<'_, 'de>) -> Result<()> {
        let wanted = format_args!("a tuple or an array of {length}");
        match self.form(&wanted)? {
            Form::Opaque => self.opaque(visit),
            form => match sequences::elements(&mut self.carrier.source, form)? {
                Some(elements) if elements.length() == length => {
                    elements.present(self.carrier, self.depth, visit)
                }
                Some(elements) => Err(wrong_length(elements.length(), &wanted)),
                None => Err(self.mismatch(form, &wanted)),
            },
        }
    }

    fn tuple_struct(&mut self, name: &str, length: usize, visit: Visit<'_, 'de>) -> Result<()> {
        let wanted = format_args!("the struct `{name}` with {length} places");
        // A newtype of this name had one place; if it is not another struct of the same name that holds this one.
        let opened = self.place.form(self.carrier.source.schema)?;
        let kept = match opened {
            Form::Tuple(parts) if parts.len() == length => None,
            _ => Some(name),
        };
        match self.form_but(&wanted, kept)? {
            Form::Opaque => self.opaque(visit),
            form => self.by_position(form, length, &wanted, visit),
        }
    }

    /// For a tuple struct or a tuple variant, which may have become longer by places with defaults.
    pub(super) fn by_position(
        &mut self,
        form: Form<'a>,
        length: usize,
        wanted: &dyn Display,
        visit: Visit<'_, 'de>,
    ) -> Result<()> {
        let Some(elements) = sequences::elements(&mut self.carrier.source, form)? else {
            return Err(self.mismatch(form, wanted));
        };
        let fits = match form {
            Form::Tuple(_) | Form::Unit => elements.length() <= length,
            _ => elements.length() == length,
        };
        match fits {
            true => elements.present(self.carrier, self.depth, visit),
            false => Err(wrong_length(elements.length(), wanted)),
        }
    }

    /// For a struct or a struct variant.
    pub(super) fn by_name(
        &mut self,
        form: Form<'a>,
        fields: &'static [&'static str],
        wanted: &dyn Display,
        visit: Visit<'_, 'de>,
    ) -> Result<()> {
        match form {
            Form::Struct(written) => structs::present(self.carrier, written, fields, self.depth, visit),
            // It had no fields yet.
            Form::Unit => structs::present(self.carrier, &[], fields, self.depth, visit),
            form => Err(self.mismatch(form, wanted)),
        }
    }
}

fn wrong_length(written: usize, wanted: &dyn Display) -> Trouble {
    Trouble::new(format!("{written} values were written, and {wanted} is wanted"))
}
