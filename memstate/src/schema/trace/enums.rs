//! Enums: one variant a pass.

use serde::de::{DeserializeSeed, EnumAccess, VariantAccess, Visitor};

use super::{
    fields::{by_name, by_number},
    graph::{Body, EntryId, Enum, Kind, Leaf, NEVER, NodeId, Probe, key_of},
    refusal::Refusal,
    walk::Walk,
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
    pub(super) fn enumeration<'de, V: Visitor<'de>>(
        &mut self,
        node: NodeId,
        entry: EntryId,
        visitor: V,
    ) -> Result<V::Value, Refusal> {
        match self.choice(entry) {
            Choice::Name(name) => self.try_variant_name(entry, name, visitor),
            Choice::Next => self.next_variant(entry, visitor),
            Choice::Known(number) => {
                let place = self.enumerated(entry).and_then(|body| Some(body.variants.get(number)?.0));
                match place {
                    Some(place) => self.variant(entry, number, place, None, visitor),
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

    fn try_variant_name<'de, V: Visitor<'de>>(
        &mut self,
        entry: EntryId,
        name: usize,
        visitor: V,
    ) -> Result<V::Value, Refusal> {
        let Some(text) = self.enumerated(entry).map(|body| body.names[name]) else { return self.learned() };
        let mut probe = Probe::Refused;
        let made = visitor.visit_enum(Name { name: text, probe: &mut probe });
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
    fn next_variant<'de, V: Visitor<'de>>(
        &mut self,
        entry: EntryId,
        visitor: V,
    ) -> Result<V::Value, Refusal> {
        let Some(number) = self.enumerated(entry).map(|body| body.variants.len()) else {
            return self.learned();
        };
        let place = self.graph.place(Some(entry));
        let mut key = None;
        self.learned = true;
        let made = self.variant(entry, number, place, Some(&mut key), visitor);
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
    fn variant<'de, V: Visitor<'de>>(
        &mut self,
        entry: EntryId,
        number: usize,
        place: NodeId,
        key: Option<&mut Option<u64>>,
        visitor: V,
    ) -> Result<V::Value, Refusal> {
        self.variants.push((entry, number));
        let made = self.at(place, |walk| visitor.visit_enum(Chosen { walk, entry, number, place, key }));
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

impl<'de> EnumAccess<'de> for Name<'_> {
    type Error = Refusal;
    type Variant = Never;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Never), Refusal> {
        *self.probe = Probe::Key(key_of(&seed.deserialize(by_name(self.name))?));
        Err(Refusal::Other)
    }
}

/// What stands behind a name that ends the pass: there is none.
enum Never {}

impl<'de> VariantAccess<'de> for Never {
    type Error = Refusal;

    fn unit_variant(self) -> Result<(), Refusal> {
        match self {}
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, _: T) -> Result<T::Value, Refusal> {
        match self {}
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, Refusal> {
        match self {}
    }

    fn struct_variant<V: Visitor<'de>>(self, _: &'static [&'static str], _: V) -> Result<V::Value, Refusal> {
        match self {}
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

impl<'de> EnumAccess<'de> for Chosen<'_> {
    type Error = Refusal;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Refusal> {
        let body = self.walk.enumerated(self.entry);
        let name = body.filter(|body| body.by_name).map(|body| body.names.get(self.number).copied());
        let variant = match name {
            None => seed.deserialize(by_number(self.number))?,
            Some(Some(name)) => seed.deserialize(by_name(name))?,
            Some(None) => return Err(Refusal::Other),
        };
        let mut chosen = self;
        if let Some(key) = chosen.key.take() {
            let found = key_of(&variant);
            *key = Some(found);
            if let Body::Enum(body) = &mut chosen.walk.graph.entries[chosen.entry].body {
                body.variants.push((chosen.place, Some(found)));
            }
        }
        Ok((variant, chosen))
    }
}

impl<'de> VariantAccess<'de> for Chosen<'_> {
    type Error = Refusal;

    fn unit_variant(self) -> Result<(), Refusal> {
        let is_unit = |known: &Kind| *known == Kind::Leaf(Leaf::Unit);
        self.walk.ask(self.place, is_unit, |_| Kind::Leaf(Leaf::Unit)).map(|_| ())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Refusal> {
        let inner = self.walk.ask_newtype(self.place)?;
        self.walk.part(inner, seed)
    }

    fn tuple_variant<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, Refusal> {
        self.walk.tuple(self.place, length, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refusal> {
        self.walk.record(self.place, fields, visitor)
    }
}
