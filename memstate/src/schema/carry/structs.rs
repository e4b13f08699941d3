//! Structs and struct variants: by name.

use std::rc::Rc;

use super::{
    names,
    reader::{Carrier, Reader},
    sequences::Elements,
};
use crate::bugs::{self, Bug};
use crate::schema::{
    Field,
    erased::{Entries, Given, KeySeed, Named, Seed, Visit},
    form::Place,
    names::{Called, pair},
    trouble::{Result, Step, Trouble},
};

/// Presents the fields of `written` under the names that they have today.
///
/// Where these are today's fields in their order, they are presented without names, as postcard does: a `Deserialize`
/// that somebody wrote may know nothing else.
pub(super) fn present<'a, 'de>(
    carrier: &mut Carrier<'a, 'de>,
    written: &'a [Field],
    today: &'static [&'static str],
    depth: u32,
    visit: Visit<'_, 'de>,
) -> Result<()> {
    if names::same(written, today) || bugs::on(Bug::FieldsByPlace) && written.len() == today.len() {
        return Elements::Fields(written).present(carrier, depth, visit);
    }
    let names = today_names(carrier, written, today);
    let mut fields = Fields { carrier, written, names, next: 0, depth };
    visit(Given::Entries(&mut fields))?;
    match fields.next_kept()? {
        None => Ok(()),
        Some(name) => Err(Trouble::new("was written, and today's type does not take it")
            .within(Step::Field(name.to_owned()))),
    }
}

/// For each of `written` its name among `today`, found out once for all values of a type.
pub(super) fn today_names<T: Called>(
    carrier: &mut Carrier<'_, '_>,
    written: &[T],
    today: &'static [&'static str],
) -> Rc<[Option<&'static str>]> {
    let key = ([written.as_ptr().addr(), written.len()], [today.as_ptr().addr(), today.len()]);
    carrier.names.entry(key).or_insert_with(|| pair(written, today).into()).clone()
}

struct Fields<'r, 'a, 'de> {
    carrier: &'r mut Carrier<'a, 'de>,
    written: &'a [Field],
    names: Rc<[Option<&'static str>]>,
    next: usize,
    depth: u32,
}

impl Fields<'_, '_, '_> {
    /// Skips what today's type does not have, and gives the name of the next field that it has.
    fn next_kept(&mut self) -> Result<Option<&'static str>> {
        while let Some(field) = self.written.get(self.next) {
            if let Some(name) = self.names[self.next] {
                return Ok(Some(name));
            }
            self.carrier
                .source
                .skip(Place::Shape(&field.shape))
                .map_err(|error| error.within(Step::Field(field.name.clone())))?;
            self.next += 1;
        }
        Ok(None)
    }
}

impl<'de> Entries<'de> for Fields<'_, '_, 'de> {
    fn key(&mut self, seed: KeySeed<'_, 'de>) -> Result<()> {
        let Some(name) = self.next_kept()? else { return Ok(()) };
        seed(&mut Named::today(name)).map(|_| ())
    }

    fn value(&mut self, seed: Seed<'_, 'de>) -> Result<()> {
        let Some(field) = self.written.get(self.next) else {
            return Err(Trouble::new("today's type asks for a value after the last field"));
        };
        let name = self.names[self.next].unwrap_or(&field.name);
        self.next += 1;
        seed(&mut Reader::new(self.carrier, Place::Shape(&field.shape), self.depth))
            .map_err(|error| error.within(Step::Field(name.to_owned())))
    }

    fn left(&self) -> Option<usize> {
        Some(self.names[self.next..].iter().flatten().count())
    }
}
