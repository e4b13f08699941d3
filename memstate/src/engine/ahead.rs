//! What the records that come next will ask the model for; see [`Fetch`].

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::{
    evolution::Today,
    record::{Record, Records},
};
use crate::{
    codec::{Unreadable, get_bytes, get_varint},
    schema::{Content, Kind, Schema, Shape},
    state::{
        State, Visitor,
        fetch::{Fetch, Number},
    },
};

/// How many records are looked at before they are applied: few enough that what they ask for is still near when it is their turn.
const RECORDS_AHEAD: usize = 32;
/// How many of a command's arguments are looked at.
const ARGUMENTS_MAX: usize = 4;

/// For each of today's commands, what its arguments begin with.
#[derive(Debug)]
pub(super) struct Ahead {
    commands: Vec<Vec<Argument>>,
}

/// An argument, or a part of one, as it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Argument {
    Number(Number),
    Text,
}

impl Ahead {
    pub(super) fn of(today: &Today) -> Self {
        let preamble = &today.preamble;
        let arguments = |command: &super::preamble::Command| {
            let mut plain = Vec::new();
            let _all =
                command.arguments.iter().all(|argument| flat(&preamble.schema, &argument.shape, &mut plain));
            plain.truncate(ARGUMENTS_MAX);
            plain
        };
        Ahead { commands: preamble.commands.iter().map(arguments).collect() }
    }

    /// Looks for what the next records name in the model, and says how many records later it is worth while to do that again.
    ///
    /// The records must be in the form of today.
    pub(super) fn look<M: State>(&self, model: &mut M, mut records: Records<'_>) -> usize {
        let mut visitor = Visitor::fetching();
        // A model may have a `visit` of its own that panics.
        let looked = catch_unwind(AssertUnwindSafe(|| {
            // The first tells whether there is anything large.
            for count in [1, RECORDS_AHEAD - 1] {
                let fetch = visitor.fetch()?;
                fetch.clear();
                for _ in 0..count {
                    if !records.is_empty() {
                        self.add(&records.take().ok()?, fetch).ok()?;
                    }
                }
                model.visit(&mut visitor);
                if !visitor.fetch()?.found_large() {
                    return None;
                }
            }
            Some(RECORDS_AHEAD)
        }));
        looked.ok().flatten().unwrap_or(usize::MAX)
    }

    /// Adds the arguments of a record that may be keys.
    fn add(&self, record: &Record<'_>, fetch: &mut Fetch) -> Result<(), Unreadable> {
        // An atomic batch has a number that is no command's.
        let Some(arguments) = self.commands.get(usize::from(record.method)) else { return Ok(()) };
        let mut bytes = record.arguments;
        for argument in arguments {
            match *argument {
                Argument::Number(number @ Number::U8) => {
                    fetch.add_number(number, get_bytes(&mut bytes, 1)?[0].into());
                }
                Argument::Number(number @ (Number::U16 | Number::U32 | Number::U64)) => {
                    fetch.add_number(number, get_varint(&mut bytes)?);
                }
                Argument::Number(number @ (Number::I16 | Number::I32 | Number::I64)) => {
                    let zigzag = get_varint(&mut bytes)?;
                    fetch.add_number(number, zigzag >> 1 ^ (zigzag & 1).wrapping_neg());
                }
                Argument::Text => {
                    let length = usize::try_from(get_varint(&mut bytes)?).unwrap_or(usize::MAX);
                    let text = std::str::from_utf8(get_bytes(&mut bytes, length)?);
                    fetch.add_text(text.map_err(|_| Unreadable::new("a text is not UTF-8"))?);
                }
            }
        }
        Ok(())
    }
}

/// Adds what values of this shape begin with; `false` if what comes after is not known.
fn flat(schema: &Schema, shape: &Shape, plain: &mut Vec<Argument>) -> bool {
    if plain.len() >= ARGUMENTS_MAX {
        return false;
    }
    let argument = match shape {
        Shape::Unit => return true,
        Shape::Bool | Shape::Unsigned(8) => Argument::Number(Number::U8),
        Shape::Unsigned(16) => Argument::Number(Number::U16),
        Shape::Unsigned(32) => Argument::Number(Number::U32),
        Shape::Unsigned(64) => Argument::Number(Number::U64),
        Shape::Signed(16) => Argument::Number(Number::I16),
        Shape::Signed(32) => Argument::Number(Number::I32),
        Shape::Signed(64) => Argument::Number(Number::I64),
        Shape::Text => Argument::Text,
        Shape::Tuple(parts) => return parts.iter().all(|part| flat(schema, part, plain)),
        Shape::Named(number) => {
            return match schema.named(*number).map(|named| &named.kind) {
                Some(Kind::Struct(Content::Unit)) => true,
                Some(Kind::Struct(Content::Newtype(inner))) => flat(schema, inner, plain),
                Some(Kind::Struct(Content::Tuple(parts))) => {
                    parts.iter().all(|part| flat(schema, part, plain))
                }
                Some(Kind::Struct(Content::Fields(fields))) => {
                    fields.iter().all(|field| flat(schema, &field.shape, plain))
                }
                _ => false,
            };
        }
        _ => return false,
    };
    plain.push(argument);
    true
}

#[cfg(test)]
mod tests {
    use super::{Ahead, Argument, Fetch, RECORDS_AHEAD, Record, Records, Today};
    use crate::{
        collections::{BTreeMap, HashMap, Vec as Many},
        engine::record::put_record,
        state::fetch::Number as Bits,
    };

    /// A newtype, which is written as what is in it.
    #[crate::data]
    pub struct Number(u64);

    #[crate::data]
    pub struct Pair {
        left: u32,
        right: i16,
    }

    #[crate::model]
    #[derive(Default)]
    pub struct Shelf {
        by_number: HashMap<u64, u64>,
        by_name: BTreeMap<String, [u64; 4]>,
        names: HashMap<String, [u64; 4]>,
    }

    #[crate::model]
    impl Shelf {
        pub fn plain(&mut self, from: u64, to: u64, amount: u32) -> u32 {
            *self.by_number.entry(from).or_default() += to;
            amount
        }
        pub fn named(&mut self, name: String, number: Number) {
            self.names.insert(name.clone(), [number.0; 4]);
            self.by_name.insert(name, [number.0; 4]);
        }
        pub fn inside(&mut self, pair: Pair, yes: bool, _many: Many<u8>, _late: u64) -> bool {
            let _ = (pair.left, pair.right);
            yes
        }
        pub fn nothing_known(&mut self, _maybe: Option<u64>, _number: u64) {}
        pub fn too_many(&mut self, _numbers: (u8, u16, u32, u64, i64)) {}
        pub fn none(&mut self) {}
    }

    fn number(number: Bits) -> Argument {
        Argument::Number(number)
    }

    #[test]
    fn of_each_command_it_knows_what_its_arguments_begin_with() {
        let ahead = Ahead::of(&Today::of::<Shelf>());
        let expected: [&[Argument]; 6] = [
            &[number(Bits::U64), number(Bits::U64), number(Bits::U32)],
            &[Argument::Text, number(Bits::U64)],
            &[number(Bits::U32), number(Bits::I16), number(Bits::U8)],
            &[],
            &[number(Bits::U8), number(Bits::U16), number(Bits::U32), number(Bits::U64)],
            &[],
        ];
        assert_eq!(ahead.commands, expected);
    }

    fn records(commands: impl IntoIterator<Item = ShelfCommand>) -> Vec<u8> {
        let mut bytes = Vec::new();
        for command in commands {
            let mut arguments = Vec::new();
            crate::model::Operation::put(&command, &mut arguments).unwrap();
            let method = crate::model::Operation::method(&command);
            put_record(
                Record { method, caller: Some("somebody"), request: None, arguments: &arguments },
                &mut bytes,
            );
        }
        bytes
    }

    #[test]
    fn it_finds_the_keys_that_the_next_records_name() {
        let ahead = Ahead::of(&Today::of::<Shelf>());
        let commands = [
            ShelfCommand::Plain { from: 300, to: 7, amount: 5 },
            ShelfCommand::Named { name: "Ann".into(), number: Number(9) },
            ShelfCommand::Inside {
                pair: Pair { left: 1, right: -2 },
                yes: true,
                _many: Many::new(),
                _late: 4,
            },
        ];
        let bytes = records(commands);
        let (mut records, mut fetch) = (Records::of(&bytes), Fetch::default());
        while !records.is_empty() {
            ahead.add(&records.take().unwrap(), &mut fetch).unwrap();
        }
        let (mut numbers, mut small, mut texts) = (Vec::new(), Vec::new(), Vec::new());
        fetch.each_key(|number: &u64| numbers.push(*number));
        fetch.each_key(|number: &i16| small.push(*number));
        fetch.each_key(|text: &String| texts.push(text.clone()));
        assert_eq!((numbers, small), (vec![300, 7, 9], vec![-2]));
        assert_eq!(texts, ["Ann"]);
    }

    #[test]
    fn it_looks_again_after_some_records_if_there_is_something_large_and_never_if_not() {
        let ahead = Ahead::of(&Today::of::<Shelf>());
        let bytes = records((0..100).map(|from| ShelfCommand::Plain { from, to: 1, amount: 1 }));
        let mut shelf = Shelf::default();
        assert_eq!(ahead.look(&mut shelf, Records::of(&bytes)), usize::MAX);
        shelf.by_number = (0..20_000).map(|number| (number, number)).collect();
        shelf.names = (0..10_000).map(|number| (number.to_string(), [number; 4])).collect();
        shelf.by_name = (0..10_000).map(|number| (number.to_string(), [number; 4])).collect();
        assert_eq!(ahead.look(&mut shelf, Records::of(&bytes)), RECORDS_AHEAD);
        let bytes =
            records((0..5).map(|number| ShelfCommand::Named { name: number.to_string(), number: Number(1) }));
        assert_eq!(ahead.look(&mut shelf, Records::of(&bytes)), RECORDS_AHEAD);
        assert_eq!(
            ahead.look(&mut shelf, Records::of(&[1, 2])),
            usize::MAX,
            "what cannot be read is told elsewhere"
        );
        assert_eq!((shelf.by_number.len(), shelf.names.len()), (20_000, 10_000));
    }
}
