//! Bytes from values, as a person means them.

use super::{Value, show::unhex, time};
use crate::{
    codec::put_varint,
    schema::{
        Field, Schema, Shape, Variant,
        form::{Form, Place, is_byte},
        trouble::{Result, Step, Trouble},
        wire::{DEEPEST, one_char},
    },
};

pub(super) fn value(
    schema: &Schema,
    place: Place<'_>,
    given: &Value,
    bytes: &mut Vec<u8>,
    depth: u32,
    unknown: Unknown,
) -> Result<()> {
    if depth >= DEEPEST {
        return Err(Trouble::new(format!("values are nested deeper than {DEEPEST} levels")));
    }
    let form = place.form(schema)?;
    let mut writer = Writer { schema, bytes, depth: depth + 1, unknown };
    let done = match form {
        Form::Opaque => {
            return Err(Trouble::new(
                "the journal does not say what its type looks like, so it cannot be written",
            ));
        }
        Form::Option(inner) => writer.option(inner, given).map(Some),
        Form::List(element) => writer.list(element, given),
        Form::Tuple(parts) => writer.tuple(parts, given),
        Form::Map(key, content) => writer.map(key, content, given),
        Form::Struct(fields) => writer.fields(fields, given),
        Form::Enum(variants) => writer.variant(variants, given),
        form @ Form::Signed(64) if time::is_time(schema, place) => writer.plain(form, &time::meant(given)?),
        plain => writer.plain(plain, given),
    };
    done?.ok_or_else(|| Trouble::new(format!("{given} was given, and {} is wanted", place.describe(schema))))
}

struct Writer<'w> {
    schema: &'w Schema,
    bytes: &'w mut Vec<u8>,
    depth: u32,
    unknown: Unknown,
}

/// What becomes of fields that the type does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unknown {
    /// Somebody has made a mistake.
    Refused,
    /// Another version of the code has them.
    #[cfg_attr(not(feature = "remote"), allow(dead_code, reason = "only versions of the code have them"))]
    Skipped,
}

/// `None` if the value is of no kind that can be taken.
type Done = Result<Option<()>>;

impl Writer<'_> {
    fn put(&mut self, shape: &Shape, given: &Value, step: Step) -> Result<()> {
        value(self.schema, Place::Shape(shape), given, self.bytes, self.depth, self.unknown)
            .map_err(|error| error.within(step))
    }

    fn plain(&mut self, form: Form<'_>, given: &Value) -> Done {
        let given = seen_through(given);
        match form {
            Form::Unit => return Ok(is_nothing(given).then_some(())),
            Form::Bool => match given {
                Value::Bool(truth) => self.bytes.push((*truth).into()),
                Value::Text(text) if text == "true" || text == "false" => {
                    self.bytes.push((text == "true").into())
                }
                _ => return Ok(None),
            },
            Form::Unsigned(bits) => return self.unsigned(bits, given),
            Form::Signed(bits) => return self.signed(bits, given),
            Form::F32 => match float(given).map(|number| (number, number as f32)) {
                Some((wide, narrow)) if narrow.is_infinite() && wide.is_finite() => {
                    return Err(Trouble::new(format!("{given} does not fit f32")));
                }
                Some((_, narrow)) => {
                    let exact = if let Value::F32(number) = given { *number } else { narrow };
                    self.bytes.extend(exact.to_le_bytes());
                }
                None => return Ok(None),
            },
            Form::F64 => match float(given) {
                Some(number) => self.bytes.extend(number.to_le_bytes()),
                None => return Ok(None),
            },
            Form::Char => match given {
                Value::Char(one) => self.text(&one.to_string()),
                Value::Text(text) if one_char(text).is_some() => self.text(text),
                _ => return Ok(None),
            },
            Form::Text => match given {
                Value::Text(text) => self.text(text),
                Value::Char(one) => self.text(&one.to_string()),
                _ => return Ok(None),
            },
            Form::Bytes => return self.list(&Shape::Unsigned(8), given),
            _ => return Ok(None),
        }
        Ok(Some(()))
    }

    fn text(&mut self, text: &str) {
        put_varint(text.len() as u64, self.bytes);
        self.bytes.extend(text.as_bytes());
    }

    fn unsigned(&mut self, bits: u8, given: &Value) -> Done {
        let number: Option<u128> = match given {
            Value::Unsigned(number) => Some(*number),
            Value::Signed(number) => u128::try_from(*number).ok(),
            Value::Text(text) if text.parse::<i128>().is_ok_and(|number| number < 0) => None,
            Value::Text(text) => match text.parse() {
                Ok(number) => Some(number),
                Err(_) => return Ok(None),
            },
            _ => return Ok(None),
        };
        match number {
            Some(number) if bits >= 128 || number >> bits == 0 => self.integer(bits, number),
            _ => return Err(Trouble::new(format!("{given} does not fit u{bits}"))),
        }
        Ok(Some(()))
    }

    fn signed(&mut self, bits: u8, given: &Value) -> Done {
        let number: Option<i128> = match given {
            Value::Signed(number) => Some(*number),
            Value::Time(time) => Some(time.as_micros().into()),
            Value::Unsigned(number) => i128::try_from(*number).ok(),
            Value::Text(text) => match text.parse() {
                Ok(number) => Some(number),
                Err(_) => return Ok(None),
            },
            _ => return Ok(None),
        };
        let spare = 128 - u32::from(bits.clamp(1, 128));
        match number {
            Some(number) if number << spare >> spare == number => {
                let zigzag = ((number << 1) ^ (number >> 127)).cast_unsigned();
                self.integer(bits, if bits == 8 { number.cast_unsigned() & 0xff } else { zigzag });
            }
            _ => return Err(Trouble::new(format!("{given} does not fit i{bits}"))),
        }
        Ok(Some(()))
    }

    /// A byte as it is, and larger ones in variable length.
    fn integer(&mut self, bits: u8, mut number: u128) {
        while bits != 8 && number >= 0x80 {
            self.bytes.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.bytes.push(number as u8);
    }

    fn option(&mut self, inner: &Shape, given: &Value) -> Result<()> {
        let unit = matches!(Place::Shape(inner).form(self.schema), Ok(Form::Unit));
        let some = match given {
            Value::Option(None) => None,
            Value::Unit if !unit => None,
            Value::Option(Some(value)) => Some(&**value),
            value => Some(value),
        };
        self.bytes.push(some.is_some().into());
        some.map_or(Ok(()), |some| {
            value(self.schema, Place::Shape(inner), some, self.bytes, self.depth, self.unknown)
        })
    }

    fn list(&mut self, element: &Shape, given: &Value) -> Done {
        let raw = match seen_through(given) {
            Value::List(values) | Value::Tuple(values) => {
                put_varint(values.len() as u64, self.bytes);
                for (number, value) in values.iter().enumerate() {
                    self.put(element, value, Step::Index(number))?;
                }
                return Ok(Some(()));
            }
            Value::Bytes(bytes) => Some(bytes.clone()),
            Value::Text(text) => unhex(text),
            _ => None,
        };
        let Some(raw) = raw.filter(|_| is_byte(self.schema, element)) else { return Ok(None) };
        put_varint(raw.len() as u64, self.bytes);
        self.bytes.extend(raw);
        Ok(Some(()))
    }

    fn tuple(&mut self, parts: &[Shape], given: &Value) -> Done {
        let values: &[Value] = match seen_through(given) {
            Value::List(values) | Value::Tuple(values) => values,
            given if parts.is_empty() && is_nothing(given) => &[],
            _ => return Ok(None),
        };
        if values.len() != parts.len() {
            let (given, wanted) = (values.len(), parts.len());
            return Err(Trouble::new(format!("{given} values were given, and {wanted} are wanted")));
        }
        for (number, (part, value)) in parts.iter().zip(values).enumerate() {
            self.put(part, value, Step::Place(number))?;
        }
        Ok(Some(()))
    }

    fn map(&mut self, key: &Shape, content: &Shape, given: &Value) -> Done {
        let pairs: Vec<(Value, &Value)> = match seen_through(given) {
            Value::Map(entries) => entries.iter().map(|(key, value)| (key.clone(), value)).collect(),
            Value::Struct(fields) => {
                fields.iter().map(|(name, value)| (Value::Text(name.clone()), value)).collect()
            }
            Value::List(pairs) => {
                let pair =
                    |pair: &'_ Value| matches!(pair, Value::List(two) | Value::Tuple(two) if two.len() == 2);
                if !pairs.iter().all(pair) {
                    return Ok(None);
                }
                pairs.iter().filter_map(|pair| Some((pair.nth(0)?.clone(), pair.nth(1)?))).collect()
            }
            _ => return Ok(None),
        };
        put_varint(pairs.len() as u64, self.bytes);
        for (number, (name, value)) in pairs.iter().enumerate() {
            self.put(key, name, Step::Key(number))?;
            self.put(content, value, Step::Entry(name.to_string()))?;
        }
        Ok(Some(()))
    }

    fn fields(&mut self, fields: &[Field], given: &Value) -> Done {
        let Some(given) = named(given) else { return Ok(None) };
        let mut places = vec![None; fields.len()];
        for (name, value) in given {
            let place = (fields.iter().position(|field| field.name == name))
                .or_else(|| fields.iter().position(|field| field.is_called(name)));
            let Some(place) = place else {
                if self.unknown == Unknown::Skipped {
                    continue;
                }
                let known: Vec<_> = fields.iter().map(|field| field.name.as_str()).collect();
                return Err(Trouble::new(format!(
                    "there is no field `{name}`; there are: {}",
                    known.join(", ")
                )));
            };
            if places[place].replace(value).is_some() {
                return Err(Trouble::new(format!("the field `{}` is given twice", fields[place].name)));
            }
        }
        for (field, value) in fields.iter().zip(places) {
            let step = Step::Field(field.name.clone());
            let optional = matches!(Place::Shape(&field.shape).form(self.schema)?, Form::Option(_));
            match value {
                Some(value) => self.put(&field.shape, value, step)?,
                None if optional => self.bytes.push(0),
                None => return Err(Trouble::new("is missing").within(step)),
            }
        }
        Ok(Some(()))
    }

    fn variant(&mut self, variants: &[Variant], given: &Value) -> Done {
        let (name, content) = match seen_through(given) {
            Value::Variant(name, content) => (name.as_str(), &**content),
            Value::Text(name) => (name.as_str(), &Value::Unit),
            other => match named(other).as_deref() {
                Some([(name, content)]) => (*name, *content),
                _ => return Ok(None),
            },
        };
        let number = (variants.iter().position(|variant| variant.name == name))
            .or_else(|| variants.iter().position(|variant| variant.is_called(name)));
        let Some(number) = number else {
            let known: Vec<_> = variants.iter().map(|variant| variant.name.as_str()).collect();
            return Err(Trouble::new(format!(
                "there is no variant `{name}`; there are: {}",
                known.join(", ")
            )));
        };
        put_varint(number as u64, self.bytes);
        value(self.schema, variants[number].content.place(), content, self.bytes, self.depth, self.unknown)
            .map_err(|error| error.within(Step::Variant(name.to_owned())))?;
        Ok(Some(()))
    }
}

/// An option that is there is as good as its value.
fn seen_through(given: &Value) -> &Value {
    match given {
        Value::Option(Some(value)) => seen_through(value),
        value => value,
    }
}

fn is_nothing(given: &Value) -> bool {
    match given {
        Value::Unit | Value::Option(None) => true,
        Value::Struct(fields) => fields.is_empty(),
        Value::List(values) | Value::Tuple(values) => values.is_empty(),
        _ => false,
    }
}

/// Names with values, if it is a struct or like one.
fn named(given: &Value) -> Option<Vec<(&str, &Value)>> {
    match seen_through(given) {
        Value::Struct(fields) => Some(fields.iter().map(|(name, value)| (name.as_str(), value)).collect()),
        Value::Map(entries) => entries.iter().map(|(key, value)| Some((key.as_str()?, value))).collect(),
        Value::Unit => Some(Vec::new()),
        _ => None,
    }
}

/// A number as a float; of integers only those that it holds exactly.
fn float(given: &Value) -> Option<f64> {
    match given {
        Value::F32(number) => Some((*number).into()),
        Value::F64(number) => Some(*number),
        Value::Signed(number) => (number.unsigned_abs() <= 1 << 53).then_some(*number as f64),
        Value::Unsigned(number) => (*number <= 1 << 53).then_some(*number as f64),
        Value::Text(text) => text.parse().ok(),
        _ => None,
    }
}
