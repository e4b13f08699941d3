//! Lists, tuples, arrays and maps.

use super::reader::{Carrier, Reader, show_scalar};
use crate::schema::{
    Field, Shape,
    erased::{self, Given, KeySeed, Seed, Visit},
    form::{Form, Place, is_byte},
    trouble::{Result, Step, Trouble},
    wire::Source,
};

/// What bytes are when they are asked for as a list.
static BYTE: Shape = Shape::Unsigned(8);

/// Values that were written one after another.
pub(super) enum Elements<'a> {
    List(&'a Shape, usize),
    Tuple(&'a [Shape]),
    Fields(&'a [Field]),
}

/// What stands in the bytes as a sequence, if it is one; a length before it is taken.
pub(super) fn elements<'a>(source: &mut Source<'a, '_>, form: Form<'a>) -> Result<Option<Elements<'a>>> {
    Ok(Some(match form {
        Form::List(element) => Elements::List(element, source.length()?),
        Form::Bytes => Elements::List(&BYTE, source.length()?),
        Form::Tuple(parts) => Elements::Tuple(parts),
        Form::Unit => Elements::Tuple(&[]),
        _ => return Ok(None),
    }))
}

/// What stands in the bytes as bytes, if it is such.
pub(super) fn as_bytes<'de>(source: &mut Source<'_, 'de>, form: Form<'_>) -> Result<Option<&'de [u8]>> {
    Ok(Some(match form {
        Form::Bytes => source.bytes()?,
        Form::List(element) if is_byte(source.schema, element) => source.bytes()?,
        Form::Tuple(parts) if parts.iter().all(|part| is_byte(source.schema, part)) => {
            source.take(parts.len())?
        }
        _ => return Ok(None),
    }))
}

impl<'a> Elements<'a> {
    pub(super) fn length(&self) -> usize {
        match self {
            Elements::List(_, length) => *length,
            Elements::Tuple(parts) => parts.len(),
            Elements::Fields(fields) => fields.len(),
        }
    }

    pub(super) fn present<'de>(
        self,
        carrier: &mut Carrier<'a, 'de>,
        depth: u32,
        visit: Visit<'_, 'de>,
    ) -> Result<()> {
        // What the bytes cannot hold is not announced, so that nothing is allocated for it.
        let is_announced = match self {
            Elements::List(_, length) => carrier.source.make_room(length),
            Elements::Tuple(_) | Elements::Fields(_) => true,
        };
        let mut sequence = Sequence { carrier, elements: self, next: 0, is_announced, depth };
        visit(Given::Elements(&mut sequence))?;
        all_taken(sequence.next, sequence.elements.length())
    }

    fn place(&self, number: usize) -> Place<'a> {
        Place::Shape(match self {
            Elements::List(element, _) => element,
            Elements::Tuple(parts) => &parts[number],
            Elements::Fields(fields) => &fields[number].shape,
        })
    }

    fn step(&self, number: usize) -> Step {
        match self {
            Elements::List(..) => Step::Index(number),
            Elements::Tuple(_) => Step::Place(number),
            Elements::Fields(fields) => Step::Field(fields[number].name.clone()),
        }
    }
}

/// What a type leaves would be lost; and where its aliases make it look like the writer's, the rest would be read wrongly.
pub(super) fn all_taken(taken: usize, written: usize) -> Result<()> {
    if taken == written {
        return Ok(());
    }
    Err(Trouble::new(format!("{written} values were written, and today's type takes only {taken} of them")))
}

struct Sequence<'r, 'a, 'de> {
    carrier: &'r mut Carrier<'a, 'de>,
    elements: Elements<'a>,
    next: usize,
    /// Whether the number of elements is told before they have come.
    is_announced: bool,
    depth: u32,
}

impl<'de> erased::Elements<'de> for Sequence<'_, '_, 'de> {
    fn next(&mut self, seed: Seed<'_, 'de>) -> Result<()> {
        if self.next == self.elements.length() {
            return Ok(());
        }
        let number = self.next;
        self.next += 1;
        seed(&mut Reader::new(self.carrier, self.elements.place(number), self.depth))
            .map_err(|error| error.within(self.elements.step(number)))
    }

    fn left(&self) -> Option<usize> {
        self.is_announced.then(|| self.elements.length() - self.next)
    }
}

/// A map, with its length in front.
pub(super) fn entries<'a, 'de>(
    carrier: &mut Carrier<'a, 'de>,
    key: &'a Shape,
    value: &'a Shape,
    depth: u32,
    visit: Visit<'_, 'de>,
) -> Result<()> {
    let length = carrier.source.length()?;
    let is_announced = carrier.source.make_room(length);
    let at_key = carrier.source.rest();
    let mut entries = Entries { carrier, key, value, next: 0, length, is_announced, at_key, depth };
    visit(Given::Entries(&mut entries))?;
    all_taken(entries.next, length)
}

struct Entries<'r, 'a, 'de> {
    carrier: &'r mut Carrier<'a, 'de>,
    key: &'a Shape,
    value: &'a Shape,
    /// How many keys were read.
    next: usize,
    length: usize,
    /// Whether the number of entries is told before they have come.
    is_announced: bool,
    /// Where the last key begins, to be named if its value cannot be read.
    at_key: &'de [u8],
    depth: u32,
}

impl Entries<'_, '_, '_> {
    fn step(&self) -> Step {
        let mut source = Source::new(self.carrier.source.schema, self.at_key);
        let form = Place::Shape(self.key).form(source.schema).ok();
        match form.and_then(|form| show_scalar(&mut source, form)) {
            Some(key) => Step::Entry(key),
            None => Step::Index(self.next - 1),
        }
    }
}

impl<'de> erased::Entries<'de> for Entries<'_, '_, 'de> {
    fn key(&mut self, seed: KeySeed<'_, 'de>) -> Result<()> {
        if self.next == self.length {
            return Ok(());
        }
        self.at_key = self.carrier.source.rest();
        self.next += 1;
        match seed(&mut Reader::new(self.carrier, Place::Shape(self.key), self.depth)) {
            Ok(_) => Ok(()),
            Err(error) => Err(error.within(Step::Key(self.next - 1))),
        }
    }

    fn value(&mut self, seed: Seed<'_, 'de>) -> Result<()> {
        seed(&mut Reader::new(self.carrier, Place::Shape(self.value), self.depth))
            .map_err(|error| error.within(self.step()))
    }

    fn left(&self) -> Option<usize> {
        self.is_announced.then(|| self.length - self.next)
    }
}
