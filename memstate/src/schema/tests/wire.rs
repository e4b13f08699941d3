//! Values to bytes and back.

use serde::de::DeserializeSeed;

use super::{dynamic::Wanted, *};
use crate::schema::{
    carry,
    form::Place,
    trouble::Trouble,
    value,
    value::Value,
    wire::{DEEPEST, most_values},
};

/// `value` as `of` writes it.
pub(super) fn written(of: Type<'_>, value: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    value::write(of, value, &mut bytes).unwrap_or_else(|error| panic!("{value} as {of}: {error}"));
    bytes
}

/// What today's type, read by postcard itself, makes of the front of `bytes`, and what it leaves.
pub(super) fn plain<'b>(today: Type<'_>, bytes: &'b [u8]) -> postcard::Result<(Value, &'b [u8])> {
    let mut postcard = postcard::Deserializer::from_bytes(bytes);
    let value = Wanted { schema: today.schema, shape: today.shape }.deserialize(&mut postcard)?;
    Ok((value, postcard.finalize()?))
}

/// What today's type makes of the bytes of another.
pub(super) fn carried(written: Type<'_>, today: Type<'_>, bytes: &[u8]) -> Result<Value, Trouble> {
    let wanted = Wanted { schema: today.schema, shape: today.shape };
    let mut rest = bytes;
    let value = carry::read_seed(wanted, written.schema, Place::Shape(written.shape), &mut rest)?;
    assert!(rest.is_empty(), "{} bytes are left over", rest.len());
    Ok(value)
}

/// How many values it is made of.
fn size(value: &Value) -> u64 {
    let children: u64 = match value {
        Value::Option(Some(inner)) | Value::Variant(_, inner) => size(inner),
        Value::List(all) | Value::Tuple(all) => all.iter().map(size).sum(),
        Value::Struct(fields) => fields.iter().map(|(_, value)| size(value)).sum(),
        Value::Map(entries) => entries.iter().map(|(key, value)| size(key) + size(value)).sum(),
        _ => 0,
    };
    children + 1
}

/// Reads whatever stands in `bytes` in all ways, which have to agree.
fn reads_what_it_can(of: Type<'_>, bytes: &[u8]) -> Result<(), TestCaseError> {
    let (mut read_rest, mut skipped_rest) = (bytes, bytes);
    let read = value::read(of, &mut read_rest);
    let skipped = value::skip(of, &mut skipped_rest);
    let Ok(read) = read else {
        prop_assert_eq!(read_rest, bytes);
        return Ok(());
    };
    prop_assert!(skipped.is_ok(), "{:?}", skipped);
    prop_assert_eq!(read_rest, skipped_rest);
    prop_assert!(size(&read) <= most_values(bytes.len()));
    let (plainly, plain_rest) = plain(of, bytes).expect("postcard reads it");
    prop_assert_eq!(plain_rest, read_rest);
    // Not a number is equal to nothing.
    prop_assert_eq!(format!("{read:?}"), format!("{plainly:?}"));
    let used = &bytes[..bytes.len() - read_rest.len()];
    if let Ok(carried) = carried(of, of, used) {
        prop_assert_eq!(format!("{carried:?}"), format!("{read:?}"));
    }
    Ok(())
}

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn what_is_written_is_read_and_skipped_and_read_by_postcard_itself(tape in tape()) {
        let mut choices = Choices::new(&tape);
        let (schema, shape) = random::schema(&mut choices);
        let of = schema.of(&shape);
        for _ in 0..4 {
            let value = random::value(&mut choices, of);
            let mut bytes = written(of, &value);
            let length = bytes.len();
            prop_assert_eq!(&carried(of, of, &bytes).expect("it is carried over to itself"), &value);
            bytes.extend([0xee; 3]);
            let mut rest = &bytes[..];
            prop_assert_eq!(&value::read(of, &mut rest).expect("it is read"), &value);
            prop_assert_eq!(rest, [0xee; 3]);
            rest = &bytes;
            value::skip(of, &mut rest).expect("it is skipped");
            prop_assert_eq!(rest, [0xee; 3]);
            let (plainly, rest) = plain(of, &bytes).expect("postcard reads it");
            prop_assert_eq!(&plainly, &value);
            prop_assert_eq!(rest.len(), 3);
            prop_assert_eq!(bytes.len(), length + 3);
        }
    }

    #[test]
    fn damaged_bytes_are_read_as_postcard_does_or_refused(tape in tape()) {
        let mut choices = Choices::new(&tape);
        let (schema, shape) = random::schema(&mut choices);
        let of = schema.of(&shape);
        let value = random::value(&mut choices, of);
        let bytes = written(of, &value);
        for end in 0..bytes.len().min(40) {
            let mut cut = &bytes[..end];
            prop_assert!(value::read(of, &mut cut).is_err());
            prop_assert!(value::skip(of, &mut cut).is_err());
            prop_assert!(carried(of, of, cut).is_err());
        }
        for _ in 0..8 {
            let mut damaged = bytes.clone();
            let place = choices.below(damaged.len().max(1));
            if let Some(byte) = damaged.get_mut(place) {
                *byte ^= choices.byte().max(1);
            }
            reads_what_it_can(of, &damaged)?;
        }
    }

    #[test]
    fn whatever_bytes_there_are_and_whatever_they_are_said_to_be_nothing_panics(
        tape in tape(),
        bytes in proptest::collection::vec(any::<u8>(), 0..60),
    ) {
        let mut choices = Choices::new(&tape);
        let (schema, shape) = random::schema(&mut choices);
        reads_what_it_can(schema.of(&shape), &bytes)?;
        let (other, another) = random::schema(&mut choices);
        let _ = carried_from_the_front(schema.of(&shape), other.of(&another), &bytes);
        // A schema that was made up, with numbers of types and of bits that there are not.
        if let Ok(schema) = postcard::from_bytes::<Schema>(&tape) {
            for number in 0..3 {
                let shape = Shape::Named(number);
                let _ = value::read(schema.of(&shape), &mut &bytes[..]);
                let _ = value::skip(schema.of(&shape), &mut &bytes[..]);
                let _ = carried_from_the_front(schema.of(&shape), other.of(&another), &bytes);
            }
        }
    }
}

fn carried_from_the_front(written: Type<'_>, today: Type<'_>, mut bytes: &[u8]) -> Result<Value, Trouble> {
    let wanted = Wanted { schema: today.schema, shape: today.shape };
    carry::read_seed(wanted, written.schema, Place::Shape(written.shape), &mut bytes)
}

/// A type that holds itself; each link is two levels.
fn chain() -> (Schema, Shape) {
    let next = Field::new("next", Shape::Option(Box::new(Shape::Named(0))));
    let kind = Kind::Struct(Content::Fields(vec![Field::new("value", Shape::Unsigned(8)), next]));
    (Schema { types: vec![Named { name: "Chain".into(), kind }] }, Shape::Named(0))
}

fn links(count: usize) -> Vec<u8> {
    let mut bytes = [7, 1].repeat(count - 1);
    bytes.extend([7, 0]);
    bytes
}

/// On the stack that a thread has if nobody says otherwise.
fn on_a_thread(test: fn()) {
    let thread = std::thread::Builder::new().stack_size(2 << 20).spawn(test).expect("a thread starts");
    thread.join().expect("nothing panicked");
}

#[derive(serde::Deserialize)]
#[allow(dead_code, reason = "what counts is how deep it is")]
struct Chain {
    value: u16,
    next: Option<Box<Chain>>,
}

#[test]
fn values_are_read_written_and_shown_as_deep_as_the_limit_says_on_the_stack_of_a_thread() {
    on_a_thread(|| {
        let (schema, shape) = chain();
        let of = schema.of(&shape);
        let deepest = links(DEEPEST as usize / 2);
        let value = value::read(of, &mut &deepest[..]).expect("it is not too deep");
        assert_eq!(written(of, &value), deepest);
        assert!(value.to_string().len() > deepest.len());
        assert!(serde_json::to_string(&value).expect("it is shown").len() > deepest.len());
        carry::read::<Chain>(of, &mut &deepest[..]).expect("it is not too deep");
    });
}

#[test]
fn what_is_too_deep_is_refused_and_still_gone_over() {
    on_a_thread(|| {
        let (schema, shape) = chain();
        let of = schema.of(&shape);
        let deeper = links(DEEPEST as usize);
        let error = value::read(of, &mut &deeper[..]).expect_err("it is too deep").to_string();
        assert!(error.ends_with("values are nested deeper than 512 levels"), "{error}");
        assert!(carry::read::<Chain>(of, &mut &deeper[..]).is_err());
        value::skip(of, &mut &links(100_000)[..]).expect("that takes no stack");
        // A newtype of an option of itself, read from what was none, has no end.
        let kind = Kind::Struct(Content::Newtype(Shape::Option(Box::new(Shape::Named(0)))));
        let endless = Schema { types: vec![Named { name: "Endless".into(), kind }] };
        assert!(carried(Schema::default().of(&Shape::Bool), endless.of(&Shape::Named(0)), &[1]).is_err());
    });
}
