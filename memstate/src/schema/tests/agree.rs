//! What is carried over is what was written, and the comparison says so beforehand.

use std::cell::Cell;

use super::{
    evolve::{Evolving, is_recursive},
    random::default_value,
    wire::{carried, plain, written},
    *,
};
use crate::schema::{
    compare::{self, Class},
    form::{Form, Place},
    names::readers,
    value::Value,
};

/// What a value of one type is in another, by name; `None` if it is not there.
struct Meaning<'s> {
    written: &'s Schema,
    today: &'s Schema,
    /// How many options were put around the present value: a type may be an option of itself.
    options: Cell<u32>,
}

impl Meaning<'_> {
    fn of(&self, was: Place<'_>, now: Place<'_>, value: &Value) -> Option<Value> {
        let was = was.form(self.written).expect("the schema is whole");
        let now = now.form(self.today).expect("the schema is whole");
        let inner = |was: &Shape, now: &Shape, value| self.of(Place::Shape(was), Place::Shape(now), value);
        match (was, now, value) {
            (Form::Option(was), Form::Option(now), Value::Option(value)) => match value {
                Some(value) => Some(some(inner(was, now, value)?)),
                None => Some(Value::Option(None)),
            },
            (_, Form::Option(now), value) => {
                self.options.set(self.options.get() + 1);
                let is_endless = self.options.get() > 64;
                let inside = || self.of(Place::Form(was), Place::Shape(now), value);
                let inside = if is_endless { None } else { inside() };
                self.options.set(self.options.get() - 1);
                Some(some(inside?))
            }
            (Form::Option(was), _, Value::Option(value)) => {
                self.of(Place::Shape(was), Place::Form(now), value.as_deref()?)
            }
            (Form::Enum(was), Form::Enum(now), Value::Variant(name, content)) => {
                let number = was.iter().position(|variant| variant.name == *name)?;
                let today = &now[readers(was, now)[number]?];
                let content = self.content(&was[number].content, &today.content, content)?;
                Some(Value::Variant(today.name.clone(), Box::new(content)))
            }
            (Form::Struct(was), Form::Struct(now), Value::Struct(values)) => self.fields(was, now, values),
            (Form::Unit, Form::Struct(now), _) => self.fields(&[], now, &[]),
            (Form::Struct(_), Form::Unit, _) => Some(Value::Unit),
            (Form::Map(was_key, was), Form::Map(now_key, now), Value::Map(entries)) => {
                let entry = |(key, value)| Some((inner(was_key, now_key, key)?, inner(was, now, value)?));
                Some(Value::Map(
                    entries.iter().map(|(key, value)| entry((key, value))).collect::<Option<_>>()?,
                ))
            }
            (Form::List(_) | Form::Tuple(_) | Form::Bytes | Form::Unit, _, value) => {
                self.sequence(was, now, value)
            }
            _ => leaf(now, value),
        }
    }

    fn sequence(&self, was: Form<'_>, now: Form<'_>, value: &Value) -> Option<Value> {
        let byte = Shape::Unsigned(8);
        let values: Vec<(&Shape, Value)> = match (was, value) {
            (Form::List(was), Value::List(values)) => {
                values.iter().map(|value| (was, value.clone())).collect()
            }
            (Form::Tuple(was), Value::Tuple(values)) => was.iter().zip(values.iter().cloned()).collect(),
            (Form::Bytes, Value::Bytes(bytes)) => {
                bytes.iter().map(|one| (&byte, Value::Unsigned((*one).into()))).collect()
            }
            (Form::Unit, Value::Unit) => Vec::new(),
            _ => return None,
        };
        let each = |now: &Shape| {
            let one = |(was, value): &(&Shape, Value)| self.of(Place::Shape(was), Place::Shape(now), value);
            values.iter().map(one).collect::<Option<Vec<_>>>()
        };
        match now {
            Form::Unit if matches!(was, Form::Unit) => Some(Value::Unit),
            Form::List(now) => Some(Value::List(each(now)?)),
            Form::Tuple(now) if now.len() == values.len() => {
                let one = |((was, value), now): (&(&Shape, Value), &Shape)| {
                    self.of(Place::Shape(was), Place::Shape(now), value)
                };
                Some(Value::Tuple(values.iter().zip(now).map(one).collect::<Option<_>>()?))
            }
            Form::Bytes => {
                let one = |(_, value): &(&Shape, Value)| match value {
                    Value::Unsigned(byte) => u8::try_from(*byte).ok(),
                    _ => None,
                };
                Some(Value::Bytes(values.iter().map(one).collect::<Option<_>>()?))
            }
            _ => None,
        }
    }

    /// What a variant holds.
    fn content(&self, was: &Content, now: &Content, value: &Value) -> Option<Value> {
        match (was, now) {
            (_, Content::Unit) => Some(Value::Unit),
            (Content::Newtype(was), Content::Tuple(now)) => {
                let one = Value::Tuple(vec![value.clone()]);
                let was = Form::Tuple(std::slice::from_ref(was));
                self.of(Place::Form(was), Place::Form(Form::Tuple(now)), &one)
            }
            (was, now) => self.of(was.place(), now.place(), value),
        }
    }

    fn fields(&self, was: &[Field], now: &[Field], values: &[(String, Value)]) -> Option<Value> {
        let readers = readers(was, now);
        let field = |(place, field): (usize, &Field)| {
            let mut sources = (0..was.len()).filter(|number| readers[*number] == Some(place));
            let value = match (sources.next(), sources.next()) {
                (Some(number), None) => {
                    let (was, now) = (Place::Shape(&was[number].shape), Place::Shape(&field.shape));
                    self.of(was, now, &values[number].1)?
                }
                (None, _) if matches!(field.shape, Shape::Option(_)) => Value::Option(None),
                (None, _) if field.default == Some(true) => default_value(self.today, &field.shape),
                _ => return None,
            };
            Some((field.name.clone(), value))
        };
        Some(Value::Struct(now.iter().enumerate().map(field).collect::<Option<_>>()?))
    }
}

fn some(value: Value) -> Value {
    Value::Option(Some(Box::new(value)))
}

fn leaf(now: Form<'_>, value: &Value) -> Option<Value> {
    let within = |bits: u8, number: &dyn std::fmt::Display, signed: bool| {
        let number = number.to_string();
        match (signed, bits) {
            (false, 8) => number.parse::<u8>().is_ok(),
            (false, 16) => number.parse::<u16>().is_ok(),
            (false, 32) => number.parse::<u32>().is_ok(),
            (false, 64) => number.parse::<u64>().is_ok(),
            (false, _) => number.parse::<u128>().is_ok(),
            (true, 8) => number.parse::<i8>().is_ok(),
            (true, 16) => number.parse::<i16>().is_ok(),
            (true, 32) => number.parse::<i32>().is_ok(),
            (true, 64) => number.parse::<i64>().is_ok(),
            (true, _) => number.parse::<i128>().is_ok(),
        }
    };
    match (now, value) {
        (Form::Unsigned(bits), Value::Unsigned(number)) => {
            within(bits, number, false).then_some(Value::Unsigned(*number))
        }
        (Form::Unsigned(bits), Value::Signed(number)) => {
            within(bits, number, false).then(|| Value::Unsigned(number.cast_unsigned()))
        }
        (Form::Signed(bits), Value::Unsigned(number)) => {
            within(bits, number, true).then(|| Value::Signed(number.cast_signed()))
        }
        (Form::Signed(bits), Value::Signed(number)) => {
            within(bits, number, true).then_some(Value::Signed(*number))
        }
        (Form::F32, Value::F32(_)) | (Form::F64, Value::F64(_)) => Some(value.clone()),
        (Form::F64, Value::F32(number)) => Some(Value::F64((*number).into())),
        (Form::F32, Value::F64(number)) => {
            (f64::from(*number as f32) == *number).then_some(Value::F32(*number as f32))
        }
        // Without a point a float shows all of its digits.
        (Form::F64, Value::Unsigned(_) | Value::Signed(_)) => {
            let number: f64 = value.to_string().parse().ok()?;
            (format!("{number:.0}") == value.to_string()).then_some(Value::F64(number))
        }
        (Form::F32, Value::Unsigned(_) | Value::Signed(_)) => {
            let number: f32 = value.to_string().parse().ok()?;
            (format!("{number:.0}") == value.to_string()).then_some(Value::F32(number))
        }
        (Form::Bool, Value::Bool(_)) | (Form::Char, Value::Char(_)) | (Form::Text, Value::Text(_)) => {
            Some(value.clone())
        }
        (Form::Text, Value::Char(one)) => Some(Value::Text(one.to_string())),
        (Form::Char, Value::Text(text)) => text.parse().ok().map(Value::Char),
        _ => None,
    }
}

/// Everything that has to be true of any two types; gives the worst of their differences.
fn holds(was: Type<'_>, now: Type<'_>, choices: &mut Choices<'_>) -> Result<Class, TestCaseError> {
    let differences = compare::differences(was, now);
    let worst = differences.iter().map(|difference| difference.class).max().unwrap_or(Class::Compatible);
    let same = compare::same(was, now);
    let meaning = Meaning { written: was.schema, today: now.schema, options: Cell::new(0) };
    for _ in 0..6 {
        let value = random::value(choices, was);
        let bytes = written(was, &value);
        let expected = meaning.of(Place::Shape(was.shape), Place::Shape(now.shape), &value);
        match carried(was, now, &bytes) {
            Ok(carried) => {
                prop_assert_eq!(
                    Some(&carried),
                    expected.as_ref(),
                    "{} became another value, from {:?} to {:?}",
                    value,
                    was,
                    now
                )
            }
            Err(error) => {
                prop_assert!(
                    worst > Class::Compatible,
                    "{}: {}, and it is said: {:?}",
                    value,
                    error,
                    differences
                );
            }
        }
        if same {
            let (plain, rest) = plain(now, &bytes).expect("what is the same is read");
            prop_assert!(rest.is_empty());
            prop_assert_eq!(Some(plain), expected);
        }
    }
    Ok(worst)
}

/// A schema, and what became of it.
fn evolve(
    choices: &mut Choices<'_>,
    worst_expected: Class,
    change: impl Fn(&mut Evolving<'_, '_>),
) -> Result<(), TestCaseError> {
    let (was_schema, was) = random::schema(choices);
    let (schema, shape) = (was_schema.clone(), was.clone());
    // Two narrowing changes may be a breaking one together.
    let times = 1 + choices.below(if worst_expected == Class::Checked { 1 } else { 4 });
    let mut evolving = Evolving { choices, schema, shape, fresh: 0 };
    for _ in 0..times {
        evolving.change(&change);
    }
    let Evolving { schema, shape, .. } = evolving;
    let (was, now) = (was_schema.of(&was), schema.of(&shape));
    let worst = holds(was, now, choices)?;
    prop_assert!(
        // One that holds itself is taken apart only so far, and may be refused without need.
        worst <= worst_expected || is_recursive(was.schema) || is_recursive(now.schema),
        "{:#?}\nbetween {:?} and {:?}",
        compare::differences(was, now),
        was,
        now
    );
    Ok(())
}

proptest! {
    #![proptest_config(cases(600))]

    #[test]
    fn after_compatible_changes_every_value_is_carried_over_as_it_was(tape in tape()) {
        evolve(&mut Choices::new(&tape), Class::Compatible, |evolving| evolving.compatibly())?;
    }

    #[test]
    fn after_narrowing_changes_a_value_is_as_it_was_or_refused(tape in tape()) {
        evolve(&mut Choices::new(&tape), Class::Checked, |evolving| evolving.narrowly())?;
    }

    #[test]
    fn after_any_changes_a_value_is_as_it_was_or_refused(tape in tape()) {
        evolve(&mut Choices::new(&tape), Class::Breaking, |evolving| match evolving.choices.below(3) {
            0 => evolving.breakingly(),
            1 => evolving.narrowly(),
            _ => evolving.compatibly(),
        })?;
    }

    #[test]
    fn types_that_have_nothing_to_do_with_each_other_agree_on_what_they_are(tape in tape()) {
        let mut choices = Choices::new(&tape);
        let (was_schema, was) = random::schema(&mut choices);
        let (now_schema, now) = random::schema(&mut choices);
        holds(was_schema.of(&was), now_schema.of(&now), &mut choices)?;
    }
}
