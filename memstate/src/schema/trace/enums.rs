//! Enums: one variant a pass.

use super::{
    graph::{Body, EntryId, Enum, Kind, NEVER, NodeId, Probe},
    refusal,
    walk::Walk,
};
use crate::schema::{
    erased::{self, Given, KeySeed, Leaf, Named, Seed, Visit},
    trouble::Result,
};

/// What an enum is answered with in this pass.
enum Choice {
    /// This name alone, to see what it means.
    Name(usize),
    /// The next number that was not tried yet.
    Next,
    /// A known variant.
    Known(usize),
    /// No value can be made.
    None,
}

impl Walk {
    /// An enum is asked for.
    pub(super) fn enumeration(&mut self, node: NodeId, entry: EntryId, visit: Visit<'_, '_>) -> Result<()> {
        match self.choice(entry) {
            Choice::Name(name) => self.try_variant_name(entry, name, visit),
            Choice::Next => self.next_variant(entry, visit),
            Choice::Known(number) => {
                let place = self.enumerated(entry).and_then(|body| Some(body.variants.get(number)?.0));
                match place {
                    Some(place) => self.variant(entry, number, place, None, visit),
                    None => self.hopeless(node),
                }
            }
            Choice::None => self.hopeless(node),
        }
    }

    fn enumerated(&self, entry: EntryId) -> Option<&Enum> {
        match &self.graph.entries[entry].body {
            Body::Enum(body) => Some(body),
            Body::Struct(_) => None,
        }
    }

    fn choice(&self, entry: EntryId) -> Choice {
        let Some(body) = self.enumerated(entry) else { return Choice::None };
        if self.exploring {
            if let Some(name) = body.untried() {
                return Choice::Name(name);
            }
            if !body.counted {
                return Choice::Next;
            }
            let distance = |number: &usize| self.graph.nodes[body.variants[*number].0].distance;
            let nearest = (0..body.variants.len()).min_by_key(distance);
            if let Some(number) = nearest.filter(|number| distance(number) != NEVER) {
                return Choice::Known(number);
            }
        }
        self.cheapest(entry, body)
    }

    /// A variant that a value can be made of, if possible one that the pass is not in.
    fn cheapest(&self, entry: EntryId, body: &Enum) -> Choice {
        let cost = |number: &usize| self.graph.nodes[body.variants[*number].0].cost;
        let is_inside = |number: &usize| self.variants.contains(&(entry, *number));
        let makeable: Vec<usize> = (0..body.variants.len()).filter(|number| cost(number) != NEVER).collect();
        let outside: Vec<usize> = makeable.iter().copied().filter(|number| !is_inside(number)).collect();
        if let Some(variation) = self.variation().filter(|_| !outside.is_empty()) {
            return Choice::Known(outside[variation % outside.len()]);
        }
        if let Some(number) = outside.into_iter().min_by_key(cost) {
            return Choice::Known(number);
        }
        if !body.counted {
            return Choice::Next;
        }
        makeable.into_iter().min_by_key(cost).map_or(Choice::None, Choice::Known)
    }

    fn try_variant_name(&mut self, entry: EntryId, name: usize, visit: Visit<'_, '_>) -> Result<()> {
        let Some(text) = self.enumerated(entry).map(|body| body.names[name]) else { return self.learned() };
        let mut probe = Probe::Refused;
        let made = visit(Given::Variant(&mut Name { name: text, probe: &mut probe }));
        if let Body::Enum(body) = &mut self.graph.entries[entry].body {
            body.probes[name] = probe;
            if body.untried().is_none() {
                body.leave_out_repeated();
            }
        }
        self.learned = true;
        made
    }

    /// Tries the next number; if it is not accepted, all variants are known.
    fn next_variant(&mut self, entry: EntryId, visit: Visit<'_, '_>) -> Result<()> {
        let Some(number) = self.enumerated(entry).map(|body| body.variants.len()) else {
            return self.learned();
        };
        let place = self.graph.place(Some(entry));
        let mut key = None;
        self.learned = true;
        let made = self.variant(entry, number, place, Some(&mut key), visit);
        if let Body::Enum(body) = &mut self.graph.entries[entry].body {
            // Another may have been found inside of this one.
            let found = body.variants.len() > number;
            match key {
                None if number == 0 && !found && !body.by_name => body.by_name = true,
                None => body.counted |= !found,
                Some(_) => body.counted |= body.variants.len() >= body.names.len(),
            }
        }
        made
    }

    /// Answers with a variant. `key` is filled in for one that was not known.
    fn variant(
        &mut self,
        entry: EntryId,
        number: usize,
        place: NodeId,
        key: Option<&mut Option<u64>>,
        visit: Visit<'_, '_>,
    ) -> Result<()> {
        self.variants.push((entry, number));
        let made =
            self.at(place, |walk| visit(Given::Variant(&mut Chosen { walk, entry, number, place, key })));
        self.variants.pop();
        if made.is_ok() && self.graph.nodes[place].kind == Kind::Unknown {
            self.graph.nodes[place].kind = Kind::Leaf(Leaf::Unit);
            self.learned = true;
        }
        made
    }
}

/// One name; the pass ends with it.
struct Name<'a> {
    name: &'static str,
    probe: &'a mut Probe,
}

impl<'de> erased::Chosen<'de> for Name<'_> {
    fn tag(&mut self, seed: KeySeed<'_, 'de>) -> Result<()> {
        *self.probe = Probe::Key(seed(&mut Named::today(self.name))?);
        Err(refusal::of_sample())
    }

    // What stands behind the name is not reached.

    fn unit(&mut self) -> Result<()> {
        Err(refusal::of_sample())
    }

    fn newtype(&mut self, _: Seed<'_, 'de>) -> Result<()> {
        Err(refusal::of_sample())
    }

    fn tuple(&mut self, _: usize, _: Visit<'_, 'de>) -> Result<()> {
        Err(refusal::of_sample())
    }

    fn fields(&mut self, _: &'static [&'static str], _: Visit<'_, 'de>) -> Result<()> {
        Err(refusal::of_sample())
    }
}

/// A variant.
struct Chosen<'a> {
    walk: &'a mut Walk,
    entry: EntryId,
    number: usize,
    place: NodeId,
    key: Option<&'a mut Option<u64>>,
}

impl<'de> erased::Chosen<'de> for Chosen<'_> {
    fn tag(&mut self, seed: KeySeed<'_, 'de>) -> Result<()> {
        let body = self.walk.enumerated(self.entry);
        let name = match body.filter(|body| body.by_name).map(|body| body.names.get(self.number)) {
            None => Named::number(u32::try_from(self.number).unwrap_or(u32::MAX)),
            Some(Some(name)) => Named::today(name),
            Some(None) => return Err(refusal::of_sample()),
        };
        let found = seed(&mut { name })?;
        if let Some(key) = self.key.take() {
            *key = Some(found);
            if let Body::Enum(body) = &mut self.walk.graph.entries[self.entry].body {
                body.variants.push((self.place, Some(found)));
            }
        }
        Ok(())
    }

    fn unit(&mut self) -> Result<()> {
        let is_unit = |known: &Kind| *known == Kind::Leaf(Leaf::Unit);
        self.walk.ask(self.place, is_unit, |_| Kind::Leaf(Leaf::Unit)).map(|_| ())
    }

    fn newtype(&mut self, seed: Seed<'_, 'de>) -> Result<()> {
        let inner = self.walk.ask_newtype(self.place)?;
        self.walk.part(inner, seed)
    }

    fn tuple(&mut self, length: usize, visit: Visit<'_, 'de>) -> Result<()> {
        self.walk.tuple(self.place, length, visit)
    }

    fn fields(&mut self, names: &'static [&'static str], visit: Visit<'_, 'de>) -> Result<()> {
        self.walk.record(self.place, names, visit)
    }
}
