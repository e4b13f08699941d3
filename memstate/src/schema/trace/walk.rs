//! [`Walk`]: one pass after another over a type, and who is to blame when one fails.

use std::panic::{AssertUnwindSafe, catch_unwind};

use serde::de::DeserializeOwned;

use super::{
    graph::{EntryId, Graph, Key, Kind, NEVER, NodeId},
    refusal, samples,
    source::Place,
};
use crate::schema::{
    erased::{Asked, Leaf, Source},
    trouble::Result,
};

/// How many passes a type may take.
const PASSES_MAX: usize = 50_000;

/// How many places may stand inside each other in a value.
const DEPTH_MAX: usize = 256;

/// How many places a pass may go through.
const STEPS_MAX: usize = 1 << 20;

/// How often a place may panic: each time is printed by the panic hook.
const PANICS_MAX: usize = 8;

/// How many rounds of samples a place is given that is made of several: other numbers of elements, then all parts alike,
/// rising and falling.
const ROUNDS: usize = 4;

/// How many parts of a place are given other samples alone, each in a round of its own.
const ALONE_MAX: usize = 8;

/// Passes over a type, and what was learned in them.
#[derive(Debug, Default)]
pub(super) struct Walk {
    pub(super) graph: Graph,
    /// The named types that the pass is in.
    pub(super) inside: Vec<EntryId>,
    /// The variants that the pass is in.
    pub(super) variants: Vec<(EntryId, usize)>,
    /// The places that the pass is in.
    places: Vec<NodeId>,
    /// Whether the pass is looking for something new, or is in a type that stands in itself and wants to get out.
    pub(super) exploring: bool,
    varied: Option<Varied>,
    /// Whether the pass has found out something.
    pub(super) learned: bool,
    blame: Option<Blame>,
    steps: usize,
}

/// A place that has refused what was made of its parts, which therefore get other samples.
#[derive(Debug, Clone, Copy)]
pub(super) struct Varied {
    place: NodeId,
    variation: usize,
    /// How many parts have got a sample.
    given: usize,
}

/// What varied the parts of a place before one that varies its own; `None` in one that does not.
pub(super) type Outer = Option<Option<Varied>>;

/// Where a pass has failed.
#[derive(Debug, Clone, Copy)]
struct Blame {
    node: NodeId,
    /// The innermost place around that is given other samples.
    varied: Option<NodeId>,
    /// Whether no sample can help.
    hopeless: bool,
}

impl Walk {
    /// Finds out what `T` looks like; the place that stands for it.
    pub(super) fn trace<T: DeserializeOwned>(&mut self) -> NodeId {
        self.trace_by(Self::pass::<T>)
    }

    fn trace_by(&mut self, pass: fn(&mut Walk, NodeId) -> bool) -> NodeId {
        let root = self.graph.place(None);
        for _ in 0..PASSES_MAX {
            self.graph.plan();
            if self.graph.nodes[root].distance == NEVER || !pass(self, root) {
                break;
            }
        }
        root
    }

    /// One pass; whether there was progress.
    fn pass<T: DeserializeOwned>(&mut self, root: NodeId) -> bool {
        // What comes of the samples is nobody's value, and is not dropped, because destructors may do anything.
        self.pass_by(root, &mut |place| T::deserialize(Asked(place)).map(std::mem::forget))
    }

    fn pass_by(&mut self, root: NodeId, make: &mut dyn FnMut(&mut dyn Source<'_>) -> Result<()>) -> bool {
        (self.exploring, self.learned, self.varied, self.blame, self.steps) = (true, false, None, None, 0);
        // The user's `Deserialize` runs here.
        let made = catch_unwind(AssertUnwindSafe(|| {
            let _ = self.at(root, |walk| make(&mut Place::new(walk, root, true)));
        }));
        if made.is_err() {
            self.blame_panic();
        }
        (self.inside, self.variants, self.places) = (Vec::new(), Vec::new(), Vec::new());
        self.learned || self.vary()
    }

    fn blame_panic(&mut self) {
        let Some(&node) = self.places.last() else { return };
        let place = &mut self.graph.nodes[node];
        place.panics += 1;
        let hopeless = place.panics >= PANICS_MAX;
        self.blame = Some(Blame { node, varied: self.varied.map(|varied| varied.place), hopeless });
    }

    /// Gives the place that is to blame other samples next time; whether there was a place.
    fn vary(&mut self) -> bool {
        let Some(blame) = self.blame.take() else { return false };
        let node = match blame.varied {
            Some(varied) if self.graph.nodes[blame.node].accepted => varied,
            _ => blame.node,
        };
        let place = &mut self.graph.nodes[node];
        let is_leaf = matches!(place.kind, Kind::Leaf(_));
        self.graph.stale |= !is_leaf || place.refused;
        if place.refused {
            return !std::mem::replace(&mut place.closed, true);
        }
        place.variation += 1;
        let most = match place.kind {
            Kind::Leaf(leaf) => samples::count(leaf.samples()),
            _ => (ROUNDS + place.parts.min(ALONE_MAX)) * samples::MOST,
        };
        if blame.hopeless || place.variation >= most {
            (place.variation, place.refused) = (0, true);
            self.graph.stale = true;
        }
        true
    }

    /// Goes to a place.
    pub(super) fn at<T>(&mut self, node: NodeId, make: impl FnOnce(&mut Walk) -> Result<T>) -> Result<T> {
        let outer = self.enter(node)?;
        let made = make(self);
        self.leave(node, outer, made.is_ok());
        made
    }

    /// Enters a place, which may vary its parts; what varied them before, for [`leave`](Walk::leave).
    pub(super) fn enter(&mut self, node: NodeId) -> Result<Outer> {
        self.steps += 1;
        if self.places.len() > DEPTH_MAX || self.steps > STEPS_MAX {
            return self.hopeless(node);
        }
        let place = &self.graph.nodes[node];
        let varies = place.variation > 0 && !matches!(place.kind, Kind::Leaf(_));
        let outer = varies.then_some(self.varied);
        if varies {
            self.varied = Some(Varied { place: node, variation: place.variation, given: 0 });
        }
        self.places.push(node);
        Ok(outer)
    }

    pub(super) fn leave(&mut self, node: NodeId, outer: Outer, made: bool) {
        self.places.pop();
        if made {
            self.blame = None;
        } else if self.blame.is_none() {
            let varied = self.varied.map(|varied| varied.place);
            self.blame = Some(Blame { node, varied, hopeless: false });
        }
        if let Some(outer) = outer {
            let given = self.varied.map_or(0, |varied| varied.given);
            let place = &mut self.graph.nodes[node];
            place.parts = place.parts.max(given);
            self.varied = outer;
        }
    }

    /// Ends the pass at a place where no sample can help.
    pub(super) fn hopeless<T>(&mut self, node: NodeId) -> Result<T> {
        self.blame = Some(Blame { node, varied: None, hopeless: true });
        Err(refusal::of_sample())
    }

    /// Ends the pass because something was learned.
    pub(super) fn learned<T>(&mut self) -> Result<T> {
        self.learned = true;
        Err(refusal::of_sample())
    }

    /// Whether nothing inside of this place has refused.
    pub(super) fn nobody_refused(&self) -> bool {
        self.blame.is_none()
    }

    /// Has a part made.
    pub(super) fn part<'de>(
        &mut self,
        node: NodeId,
        seed: impl FnOnce(&mut dyn Source<'de>) -> Result<()>,
    ) -> Result<()> {
        self.at(node, |walk| seed(&mut Place::new(walk, node, true)))?;
        self.graph.nodes[node].accepted = true;
        Ok(())
    }

    /// What is asked for at `node` is `kind`, of which `like` says whether something known is the same.
    pub(super) fn ask(
        &mut self,
        node: NodeId,
        like: impl Fn(&Kind) -> bool,
        kind: impl Fn(&mut Graph) -> Kind,
    ) -> Result<Kind> {
        let known = self.graph.nodes[node].kind.clone();
        match known {
            Kind::Unknown => {
                let kind = kind(&mut self.graph);
                self.graph.nodes[node].kind = kind.clone();
                self.learned = true;
                Ok(kind)
            }
            Kind::Opaque => self.hopeless(node),
            known if like(&known) => Ok(known),
            _ => {
                self.graph.conflict(node);
                self.learned()
            }
        }
    }

    /// A simple value is asked for: which sample it gets.
    pub(super) fn ask_leaf(&mut self, node: NodeId, leaf: Leaf) -> Result<usize> {
        self.ask(node, |known| *known == Kind::Leaf(leaf), |_| Kind::Leaf(leaf))?;
        let count = samples::count(leaf.samples());
        let place = &self.graph.nodes[node];
        let own = place.variation;
        match &mut self.varied {
            Some(varied) if place.accepted => {
                varied.given += 1;
                Ok((own + varied.shift(count)) % count)
            }
            _ => Ok(own),
        }
    }

    /// Whether an optional or a repeated part is to be looked into.
    pub(super) fn looks_into(&self, node: NodeId) -> bool {
        self.exploring && self.graph.nodes[node].distance != NEVER
    }

    /// Whether this choice is to be another than usual, and which one.
    pub(super) fn variation(&self) -> Option<usize> {
        self.varied.filter(|_| self.exploring).map(|varied| varied.variation)
    }

    /// How many elements a list gets.
    pub(super) fn elements(&self, inner: NodeId) -> usize {
        let buildable = self.graph.nodes[inner].cost != NEVER;
        match self.varied {
            _ if self.looks_into(inner) => 1,
            Some(varied) if buildable => varied.elements(),
            _ => 0,
        }
    }

    /// Goes into a named type; `make` is told which one it is.
    pub(super) fn named<T>(
        &mut self,
        node: NodeId,
        key: Key,
        make: impl FnOnce(&mut Walk, EntryId) -> Result<T>,
    ) -> Result<T> {
        let entry = self.enter_named(node, key)?;
        let was = self.exploring;
        self.exploring &= !self.inside.contains(&entry);
        self.inside.push(entry);
        let made = make(self, entry);
        self.inside.pop();
        self.exploring = was;
        made
    }

    fn enter_named(&mut self, node: NodeId, key: Key) -> Result<EntryId> {
        let known = match &self.graph.nodes[node].kind {
            Kind::Unknown => None,
            Kind::Named(entry) if self.graph.same_key(*entry, &key) => Some(*entry),
            _ => return self.ask(node, |_| false, |_| Kind::Opaque).and_then(|_| self.hopeless(node)),
        };
        let Some(entry) = self.graph.entry(node, key, &self.inside) else {
            self.graph.make_opaque(node);
            return self.learned();
        };
        if known != Some(entry) {
            self.graph.nodes[node].kind = Kind::Named(entry);
            self.graph.stale |= known.is_some();
            self.learned = true;
        }
        Ok(entry)
    }
}

impl Varied {
    /// How far the sample of the part that was just counted is from the one that it accepted first.
    fn shift(&self, count: usize) -> usize {
        let step = self.variation % samples::MOST;
        match self.variation / samples::MOST {
            0 => 0,
            1 => step,
            2 => step + self.given,
            3 => step + count - self.given % count,
            round if round - ROUNDS + 1 == self.given => step,
            _ => 0,
        }
    }

    fn elements(&self) -> usize {
        let step = self.variation % samples::MOST;
        match self.variation / samples::MOST {
            0 => samples::COUNTS.get(step).copied().unwrap_or(1),
            _ => 1,
        }
    }
}
