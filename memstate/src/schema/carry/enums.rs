//! Enums: by the name of the variant.

use super::{
    names,
    reader::{Carrier, Reader},
    structs::today_names,
};
use crate::schema::{
    Content, Variant,
    erased::{self, Given, KeySeed, Named, Seed, Visit},
    form::Form,
    trouble::{Result, Step},
    wire::known_variant,
};

/// Presents the variant that was written under the name that it has today.
///
/// If today's enum does not have it, under the writer's: the enum may have a variant for all others.
pub(super) fn present<'a, 'de>(
    carrier: &mut Carrier<'a, 'de>,
    written: &'a [Variant],
    today: &'static [&'static str],
    depth: u32,
    visit: Visit<'_, 'de>,
) -> Result<()> {
    let number = carrier.source.variant()?;
    let variant = known_variant(written, number)?;
    let name = today_names(carrier, written, today)[number];
    let place = names::same(written, today).then(|| u32::try_from(number).ok()).flatten();
    let tag = Named::written(name.unwrap_or(&variant.name), place);
    visit(Given::Variant(&mut Chosen { carrier, content: &variant.content, tag, depth })).map_err(|error| {
        if name.is_some() { error.within(Step::Variant(variant.name.clone())) } else { error }
    })
}

struct Chosen<'r, 'a, 'de> {
    carrier: &'r mut Carrier<'a, 'de>,
    content: &'a Content,
    /// Which variant it is.
    ///
    /// Its name serves every derived `Deserialize`, and is right also where two of the writer's variants are one today by an
    /// alias. Its number serves one that somebody wrote for numbers, if the variants are the same.
    tag: Named<'a>,
    depth: u32,
}

impl<'r, 'a, 'de> Chosen<'r, 'a, 'de> {
    fn reader(&mut self) -> Reader<'_, 'a, 'de> {
        Reader::new(self.carrier, self.content.place(), self.depth)
    }
}

impl<'de> erased::Chosen<'de> for Chosen<'_, '_, 'de> {
    fn tag(&mut self, seed: KeySeed<'_, 'de>) -> Result<()> {
        seed(&mut self.tag).map(|_| ())
    }

    /// What it held is skipped: today it holds nothing.
    fn unit(&mut self) -> Result<()> {
        self.carrier.source.skip(self.content.place())
    }

    fn newtype(&mut self, seed: Seed<'_, 'de>) -> Result<()> {
        seed(&mut self.reader())
    }

    fn tuple(&mut self, length: usize, visit: Visit<'_, 'de>) -> Result<()> {
        let form = match self.content {
            Content::Unit => Form::Unit,
            Content::Newtype(shape) => Form::Tuple(std::slice::from_ref(shape)),
            Content::Tuple(parts) => Form::Tuple(parts),
            Content::Fields(fields) => Form::Struct(fields),
        };
        let wanted = format_args!("{length} values without names");
        self.reader().by_position(form, length, &wanted, visit)
    }

    fn fields(&mut self, names: &'static [&'static str], visit: Visit<'_, 'de>) -> Result<()> {
        let form = self.content.place().form(self.carrier.source.schema)?;
        self.reader().by_name(form, names, &"fields with names", visit)
    }
}
