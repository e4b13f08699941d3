//! Fields: of structs and of variants.
//!
//! They are first asked for one after another, as postcard does. What serde knows by name (which names mean the same
//! field, whether a field may be missing) and what stands behind a field that refuses every sample is found out with
//! maps, one question a pass.

use super::{
    graph::{Kind, NEVER, NodeId, Probe, Record, RecordId},
    refusal,
    walk::Walk,
};
use crate::schema::{
    erased::{Elements, Entries, Given, KeySeed, Named, Seed, Visit},
    trouble::{Of, Result},
};

/// How fields are given in this pass.
enum Way {
    /// One after another.
    InOrder,
    /// This name alone, to see what it means.
    Name(usize),
    /// These fields by name.
    ByName(Vec<usize>),
    /// All but this one, to see whether it may be missing.
    Without(usize),
    /// This one twice, to see what serde calls it.
    Twice(usize),
    /// They cannot be made.
    None,
}

impl Walk {
    /// Fields with these names are asked for.
    pub(super) fn record(
        &mut self,
        node: NodeId,
        names: &'static [&'static str],
        visit: Visit<'_, '_>,
    ) -> Result<()> {
        let known = match self.graph.nodes[node].kind {
            Kind::Record(record) => self.graph.records[record].names == names,
            _ => false,
        };
        let Kind::Record(record) = self.ask(node, |_| known, |graph| Kind::Record(graph.record(names)))?
        else {
            return self.hopeless(node);
        };
        self.find_places(node, record);
        match self.way(record) {
            Way::InOrder => self.in_order(node, record, visit),
            Way::Name(name) => self.try_name(record, name, visit),
            Way::ByName(fields) => visit(Given::Entries(&mut Fields::new(self, record, fields))),
            Way::Without(field) => self.try_without(record, field, visit),
            Way::Twice(field) => self.try_twice(record, field, visit),
            Way::None => self.hopeless(node),
        }
    }

    /// Makes places for fields that are known by name only, because one before them refuses every sample.
    fn find_places(&mut self, node: NodeId, record: RecordId) {
        if self.graph.goes_in_order(&self.graph.records[record]) {
            return;
        }
        let places = self.graph.records[record].without_places();
        let places = self.graph.several_inside(node, places);
        self.learned |= !places.is_empty();
        let fields = &mut self.graph.records[record];
        fields.fields.extend(places);
        fields.widen(fields.fields.len());
    }

    fn way(&self, record: RecordId) -> Way {
        let fields = &self.graph.records[record];
        self.way_to_learn(fields).filter(|_| self.exploring).unwrap_or_else(|| self.way_to_make(fields))
    }

    fn way_to_learn(&self, record: &Record) -> Option<Way> {
        let in_order = self.graph.goes_in_order(record);
        if in_order && record.count.is_none() {
            return Some(Way::InOrder);
        }
        if let Some(name) = record.untried() {
            return Some(Way::Name(name));
        }
        // Before what is inside of the fields, which may be reached from elsewhere only.
        let question = record.untried_default().map(Way::Without);
        if let Some(way) = question.or_else(|| record.untried_primary().map(Way::Twice)) {
            return Some(way);
        }
        let distance = |field: &usize| self.graph.nodes[record.fields[*field]].distance;
        let nearest = (0..record.fields.len()).min_by_key(distance).filter(|field| distance(field) != NEVER);
        match nearest? {
            // The others would only take time.
            field if record.is_named() && record.is_read_by_name() => Some(Way::ByName(vec![field])),
            _ if in_order => Some(Way::InOrder),
            field if record.is_named() => Some(Way::ByName(vec![field])),
            // As far as they can be reached.
            _ if record.in_order => Some(Way::InOrder),
            _ => None,
        }
    }

    fn way_to_make(&self, record: &Record) -> Way {
        if self.graph.goes_in_order(record) {
            Way::InOrder
        } else if record.is_named() {
            Way::ByName(self.makeable(record))
        } else {
            Way::None
        }
    }

    fn makeable(&self, record: &Record) -> Vec<usize> {
        (0..record.fields.len()).filter(|field| self.can_make(record.fields[*field])).collect()
    }

    fn in_order(&mut self, node: NodeId, record: RecordId, visit: Visit<'_, '_>) -> Result<()> {
        let mut given = 0;
        let made = visit(Given::Elements(&mut InOrder { walk: self, node, record, given: &mut given }));
        let complete = made.is_ok() || self.nobody_refused();
        let fields = &mut self.graph.records[record];
        if complete && fields.count.is_none() {
            self.learned = true;
            if made.is_err() && given == 0 && !fields.names.is_empty() {
                fields.in_order = false;
            } else {
                fields.count = Some(given);
                fields.widen(given);
            }
        }
        made
    }

    fn try_name(&mut self, record: RecordId, name: usize, visit: Visit<'_, '_>) -> Result<()> {
        let mut probe = Probe::Untried;
        let name_itself = self.graph.records[record].names[name];
        let made = visit(Given::Entries(&mut Name { name: name_itself, probe: &mut probe }));
        let fields = &mut self.graph.records[record];
        if probe == Probe::Untried {
            fields.by_name = false;
        }
        fields.probes[name] = probe;
        self.learned = true;
        made
    }

    fn try_without(&mut self, record: RecordId, field: usize, visit: Visit<'_, '_>) -> Result<()> {
        let mut given = self.makeable(&self.graph.records[record]);
        given.retain(|other| *other != field);
        let mut access = Fields::new(self, record, given);
        let mut asked = false;
        access.asked = Some(&mut asked);
        let made = visit(Given::Entries(&mut access));
        if made.is_err() && !self.nobody_refused() {
            return made;
        }
        let groups = self.graph.records[record].groups();
        let fields = &mut self.graph.records[record];
        let default = match &made {
            Ok(_) => Some(true),
            Err(error) => match error.of() {
                Some(Of::Missing(name)) if groups[field].contains(&name) => {
                    fields.primary[field] = Some(name);
                    Some(false)
                }
                _ => None,
            },
        };
        fields.by_name &= asked;
        fields.defaults[field] = Some(default.filter(|_| asked));
        self.learned = true;
        made
    }

    fn try_twice(&mut self, record: RecordId, field: usize, visit: Visit<'_, '_>) -> Result<()> {
        let place = self.graph.records[record].fields[field];
        let fields = if self.can_make(place) { vec![field, field] } else { Vec::new() };
        let made = visit(Given::Entries(&mut Fields::new(self, record, fields)));
        if made.is_err() && !self.nobody_refused() {
            return made;
        }
        let groups = self.graph.records[record].groups();
        let fields = &mut self.graph.records[record];
        if let Err(error) = &made
            && let Some(Of::Duplicate(name) | Of::Missing(name)) = error.of()
            && groups[field].contains(&name)
        {
            fields.primary[field] = Some(name);
        }
        fields.asked_primary[field] = true;
        self.learned = true;
        made
    }
}

/// Fields one after another.
struct InOrder<'a> {
    walk: &'a mut Walk,
    node: NodeId,
    record: RecordId,
    given: &'a mut usize,
}

impl<'de> Elements<'de> for InOrder<'_> {
    fn next(&mut self, seed: Seed<'_, 'de>) -> Result<()> {
        let record = &self.walk.graph.records[self.record];
        // As many as postcard has.
        if *self.given >= record.count.unwrap_or(record.names.len()) {
            return Ok(());
        }
        let known = record.fields.get(*self.given).copied();
        let place = known.unwrap_or_else(|| {
            let place = self.walk.graph.inside(self.node);
            self.walk.graph.records[self.record].fields.push(place);
            place
        });
        *self.given += 1;
        self.walk.part(place, seed)
    }

    fn left(&self) -> Option<usize> {
        let record = &self.walk.graph.records[self.record];
        Some(record.count.unwrap_or(record.names.len()) - *self.given)
    }
}

/// One name; the pass ends with it.
struct Name<'a> {
    name: &'static str,
    probe: &'a mut Probe,
}

impl<'de> Entries<'de> for Name<'_> {
    fn key(&mut self, seed: KeySeed<'_, 'de>) -> Result<()> {
        *self.probe = seed(&mut Named::today(self.name)).map_or(Probe::Refused, Probe::Key);
        Err(refusal::of_sample())
    }

    fn value(&mut self, _: Seed<'_, 'de>) -> Result<()> {
        Err(refusal::of_sample())
    }

    fn left(&self) -> Option<usize> {
        None
    }
}

/// Fields by name.
struct Fields<'a> {
    walk: &'a mut Walk,
    /// Each with its place.
    fields: std::vec::IntoIter<(&'static str, NodeId)>,
    value: Option<NodeId>,
    /// Whether any name was asked for.
    asked: Option<&'a mut bool>,
}

impl<'a> Fields<'a> {
    fn new(walk: &'a mut Walk, record: RecordId, fields: Vec<usize>) -> Self {
        let record = &walk.graph.records[record];
        let groups = record.groups();
        let named = |field: usize| Some((*groups.get(field)?.first()?, *record.fields.get(field)?));
        let fields: Vec<_> = fields.into_iter().filter_map(named).collect();
        Fields { walk, fields: fields.into_iter(), value: None, asked: None }
    }
}

impl<'de> Entries<'de> for Fields<'_> {
    fn key(&mut self, seed: KeySeed<'_, 'de>) -> Result<()> {
        if let Some(asked) = self.asked.as_deref_mut() {
            *asked = true;
        }
        let Some((name, place)) = self.fields.next() else { return Ok(()) };
        self.value = Some(place);
        seed(&mut Named::today(name)).map(|_| ())
    }

    fn value(&mut self, seed: Seed<'_, 'de>) -> Result<()> {
        match self.value.take() {
            Some(place) => self.walk.part(place, seed),
            None => Err(refusal::of_sample()),
        }
    }

    fn left(&self) -> Option<usize> {
        Some(self.fields.len())
    }
}
