//! Schemas, and values that are read by them.

use crate::{
    Model,
    codec::{self, whole},
    engine::hostile::{
        Preamble, Record, Routes, Today, Way, all_differences, carry, decode, read_state, read_today_state,
        schema_text, values,
    },
    model::Operation,
    schema::{
        Type, compare,
        diff::changes,
        value::{self, Value},
    },
};

/// What a writer says of itself: the model's commands and types. It is compared with those of `M` in both directions.
pub fn schema<M: Model>(bytes: &[u8]) -> bool {
    crate::testing::schema::hostile(bytes);
    let Ok(preamble) = Preamble::decode(bytes) else { return false };
    let again = preamble.encode();
    assert!(again.len() <= bytes.len(), "what is written is the shortest form");
    let same = Preamble::decode(&again).expect("a schema is read back");
    assert_eq!(preamble, same);
    assert_eq!(again, same.encode(), "a schema has one form");
    let text = schema_text(&preamble);
    assert!(text.starts_with("state "));
    let today = Today::of::<M>();
    let routes = Routes::new(&preamble, &today);
    let differences = all_differences(&preamble, &today);
    if preamble.encode() == today.preamble.encode() {
        assert!(routes.state.same && differences.is_empty() && !routes.need_a_check());
    }
    for (subject, difference) in &differences {
        assert!(!subject.is_empty() && !difference.what.is_empty());
    }
    let _ = compare::same(preamble.state(), preamble.state());
    true
}

/// What a writer of today's code says of itself; for seeds of real bytes.
pub fn preamble<M: Model>() -> Vec<u8> {
    Today::of::<M>().bytes.to_vec()
}

/// The arguments of today's command number `method`: read, written again, carried over by their own schema, shown.
pub fn arguments<M: Model>(method: u16, bytes: &[u8]) -> bool {
    let today = Today::of::<M>();
    let record = |arguments| Record { method, caller: None, request: None, arguments };
    let read = decode::<M>(method, bytes);
    let told = values(&today.preamble, &record(bytes));
    let Ok(command) = read else { return false };
    let mut canonical = Vec::new();
    command.put(&mut canonical).expect("what was read can be written");
    assert!(told.is_ok(), "what the type reads is read without it: {told:?}");
    let again = decode::<M>(method, &canonical).expect("arguments are read back");
    let mut twice = Vec::new();
    again.put(&mut twice).expect("what was read can be written");
    assert_eq!(canonical, twice, "arguments have one form");
    let record = record(&canonical);
    let version = today.preamble.command(method).expect("the command is there").version;
    let carried = carry::<M>(&today.preamble, &record, method, version).expect("today's are carried over");
    assert_eq!(carried, canonical, "what is carried over between equal schemas stays as it is");
    let values = values(&today.preamble, &record).expect("canonical arguments are read without a type");
    if let (Value::Struct(fields), Some(command)) = (&values, today.preamble.command(method)) {
        let mut written = Vec::new();
        for ((_, value), field) in fields.iter().zip(&command.arguments) {
            value::write(today.preamble.schema.of(&field.shape), value, &mut written)
                .expect("what was read can be written");
        }
        assert_eq!(written, canonical, "a value without a type is written as it was");
    }
    shown(&values);
    true
}

/// A state of today's types.
pub fn state<M: Model>(bytes: &[u8]) -> bool {
    let today = Today::of::<M>();
    let shape = today.preamble.state();
    let Ok(model) = read_today_state::<M>(bytes) else { return false };
    let canonical = postcard::to_stdvec(&model).expect("a state is written");
    let again = read_today_state::<M>(&canonical).expect("a state is read back");
    assert_eq!(canonical, postcard::to_stdvec(&again).expect("a state is written"));
    let value = whole(&canonical, |bytes| value::read(shape, bytes)).expect("a state is read without a type");
    shown(&value);
    let carried: M = whole(&canonical, |bytes| crate::schema::carry::read(shape, bytes))
        .expect("a state is carried over by its own schema");
    assert_eq!(canonical, postcard::to_stdvec(&carried).expect("a state is written"));
    assert_eq!(changes(shape, &canonical, &canonical).map(|none| none.len()), Ok(0));
    changes(shape, &canonical, bytes).expect("two states that are read are compared");
    true
}

/// Values that another writer wrote, with what it says of itself in front: a state and arguments of each of its commands.
pub fn carried<M: Model>(preamble: &[u8], bytes: &[u8]) -> bool {
    let Ok(preamble) = Preamble::decode(preamble) else { return false };
    let today = Today::of::<M>();
    let routes = Routes::new(&preamble, &today);
    let mut accepted = value(preamble.state(), bytes);
    accepted |= read_state::<M>(&preamble, &routes.state, bytes).is_ok();
    let (before, after) = bytes.split_at(bytes.len() / 2);
    let _ = changes(preamble.state(), before, after);
    let commands = preamble.commands.len().min(COMMANDS_MAX);
    for (method, route) in (0..).zip(&routes.commands[..commands]) {
        let record = Record { method, caller: None, request: None, arguments: bytes };
        if let Ok(values) = values(&preamble, &record) {
            accepted = true;
            shown(&values);
        }
        match route.way {
            Way::Same(today) => accepted |= decode::<M>(today, bytes).is_ok(),
            Way::Carried { method, version } => {
                if let Ok(today) = carry::<M>(&preamble, &record, method, version) {
                    accepted = true;
                    decode::<M>(method, &today).expect("what was carried over is today's");
                }
            }
            Way::None => {}
        }
    }
    accepted
}

/// How many commands of a made-up writer are gone through.
const COMMANDS_MAX: usize = 4;

/// A value of a made-up type at the front of the bytes: read, gone over, shown, written.
fn value(of: Type<'_>, bytes: &[u8]) -> bool {
    let (mut read, mut skipped) = (bytes, bytes);
    let Ok(value) = value::read(of, &mut read) else { return false };
    assert_eq!(value::skip(of, &mut skipped), Ok(()), "what can be read can be gone over");
    assert_eq!(read.len(), skipped.len(), "both end in one place");
    shown(&value);
    let mut written = Vec::new();
    // A made-up type may have two fields of one name, which nobody can give by name.
    if value::write(of, &value, &mut written).is_ok() {
        let mut rest = &written[..];
        let again = value::read(of, &mut rest).expect("a value is read back");
        assert!(rest.is_empty());
        let mut twice = Vec::new();
        value::write(of, &again, &mut twice).expect("a value is written again");
        assert_eq!(written, twice, "a value has one form");
    }
    true
}

/// A value as text and as JSON.
fn shown(value: &Value) {
    assert!(!value.to_string().is_empty());
    let brief = value::show::Shown { value, full: false }.to_string();
    // To say that there is more may take a few characters more than two short elements do.
    let cuts = brief.matches('…').count();
    assert!(brief.chars().count() <= value.to_string().chars().count().max(1) + 8 * cuts);
    #[cfg(feature = "cli")]
    {
        let json = serde_json::to_string(value).expect("every value is JSON");
        assert!(!json.is_empty());
    }
    let _ = codec::put(value, &mut Vec::new());
}

/// The arguments of the command `name` as they are typed: what is accepted is what the command reads.
#[cfg(feature = "cli")]
pub fn typed<M: Model>(name: &str, given: &[String]) -> bool {
    let Some((method, bytes)) = crate::cli::program::typed::<M::Command>(name, given) else { return false };
    // The type's own `Deserialize` may still refuse it.
    let _ = decode::<M>(method, &bytes);
    let today = Today::of::<M>();
    let record = Record { method, caller: None, request: None, arguments: &bytes };
    values(&today.preamble, &record).expect("what was typed is of the command's types");
    true
}
