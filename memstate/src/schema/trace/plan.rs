//! Where to go next: what a value of each place costs, and how far it is from there to something unknown.

use super::graph::{Body, Entry, Enum, Graph, Kind, NEVER, NodeId, Record};

/// What an enum costs of which a variant is not known yet: more than any known one is likely to.
const UNEXPLORED: u64 = 1 << 40;

impl Graph {
    /// Works out costs and distances anew.
    ///
    /// What is complete stays as it is, unless something was refused or turned out to be something else.
    pub(super) fn plan(&mut self) {
        let all = std::mem::take(&mut self.stale);
        let is_open = |node: &NodeId| all || self.nodes[*node].distance != NEVER;
        // Backwards, because what stands inside was met later.
        let open: Vec<NodeId> = (0..self.nodes.len()).rev().filter(is_open).collect();
        for &node in &open {
            (self.nodes[node].cost, self.nodes[node].distance) = (NEVER, NEVER);
        }
        self.until_stable(&open, |graph, node| {
            let cost = graph.cost(node);
            std::mem::replace(&mut graph.nodes[node].cost, cost) != cost
        });
        self.until_stable(&open, |graph, node| {
            let distance = graph.distance(node);
            std::mem::replace(&mut graph.nodes[node].distance, distance) != distance
        });
    }

    fn until_stable(&mut self, nodes: &[NodeId], mut changed: impl FnMut(&mut Self, NodeId) -> bool) {
        while nodes.iter().fold(false, |any, node| changed(self, *node) | any) {}
    }

    fn cost(&self, node: NodeId) -> u64 {
        let place = &self.nodes[node];
        if place.refused {
            return NEVER;
        }
        let cost = |node: NodeId| self.nodes[node].cost;
        let inner = match &place.kind {
            Kind::Unknown | Kind::Leaf(_) | Kind::Option(_) => 0,
            Kind::Opaque => NEVER,
            // One that refused to be empty has something in it.
            Kind::List(_) | Kind::Map(..) if place.variation == 0 => 0,
            Kind::List(inner) | Kind::Newtype(inner) => cost(*inner),
            Kind::Map(key, value) => cost(*key).saturating_add(cost(*value)),
            Kind::Tuple(parts) => sum(parts.iter().map(|part| cost(*part))),
            Kind::Record(record) => self.cost_of_record(&self.records[*record]),
            Kind::Named(entry) => match &self.entries[*entry].body {
                Body::Struct(content) => cost(*content),
                Body::Enum(body) => self.cost_of_enum(body),
            },
        };
        inner.saturating_add(1)
    }

    fn cost_of_enum(&self, body: &Enum) -> u64 {
        let known = body.variants.iter().map(|(node, _)| self.nodes[*node].cost).min().unwrap_or(NEVER);
        if body.has_tasks() { known.min(UNEXPLORED) } else { known }
    }

    fn cost_of_record(&self, record: &Record) -> u64 {
        let all = sum(record.fields.iter().map(|field| self.nodes[*field].cost));
        if record.in_order && all != NEVER {
            return all;
        }
        if !record.is_named() {
            return NEVER;
        }
        let fields = record.fields.iter().zip(&record.defaults);
        sum(fields.map(|(field, default)| match self.nodes[*field].cost {
            NEVER if *default == Some(Some(true)) => 0,
            cost => cost,
        }))
    }

    fn distance(&self, node: NodeId) -> u64 {
        let place = &self.nodes[node];
        if place.closed {
            return NEVER;
        }
        let distance = |node: NodeId| self.nodes[node].distance;
        let inner = match &place.kind {
            Kind::Unknown if place.refused => NEVER,
            Kind::Unknown => return 0,
            Kind::Opaque | Kind::Leaf(_) => NEVER,
            Kind::Option(inner) | Kind::List(inner) | Kind::Newtype(inner) => distance(*inner),
            Kind::Map(key, value) => self.distance_in_order(&[*key, *value]),
            Kind::Tuple(parts) => self.distance_in_order(parts),
            Kind::Record(record) => self.distance_of_record(&self.records[*record]),
            Kind::Named(entry) => self.distance_of_entry(&self.entries[*entry]),
        };
        inner.saturating_add(1)
    }

    fn distance_of_entry(&self, entry: &Entry) -> u64 {
        match &entry.body {
            Body::Struct(content) => self.nodes[*content].distance,
            Body::Enum(body) if body.has_tasks() => 0,
            Body::Enum(body) => {
                body.variants.iter().map(|(node, _)| self.nodes[*node].distance).min().unwrap_or(NEVER)
            }
        }
    }

    /// What stands behind something that cannot be made is not reached.
    fn distance_in_order(&self, parts: &[NodeId]) -> u64 {
        let mut least = NEVER;
        for part in parts {
            least = least.min(self.nodes[*part].distance);
            if self.nodes[*part].cost == NEVER {
                break;
            }
        }
        least
    }

    fn distance_of_record(&self, record: &Record) -> u64 {
        if self.goes_in_order(record) && record.count.is_none() || record.untried().is_some() {
            return 0;
        }
        if record.without_places() > 0
            || record.untried_default().is_some()
            || record.untried_primary().is_some()
        {
            return 0;
        }
        if record.is_named() {
            return record.fields.iter().map(|field| self.nodes[*field].distance).min().unwrap_or(NEVER);
        }
        if record.in_order { self.distance_in_order(&record.fields) } else { NEVER }
    }

    /// Whether the fields can be gone through one after another as far as they are known.
    pub(super) fn goes_in_order(&self, record: &Record) -> bool {
        record.in_order && record.fields.iter().all(|field| self.nodes[*field].cost != NEVER)
    }
}

fn sum(costs: impl Iterator<Item = u64>) -> u64 {
    costs.fold(0, u64::saturating_add)
}
