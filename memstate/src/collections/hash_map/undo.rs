//! What a [`HashMap`](super::HashMap) notes, and how it is taken back.
//!
//! Steps know positions and hashes, so that taking them back calls neither `Hash` nor `Eq` of a key: those are the
//! user's code, and a key may hold collections, which nobody can look into during a roll-back.

use super::{
    super::support::{Log, Places, in_place},
    table::Table,
};
use crate::bugs::{self, Bug};
use crate::state::{
    State, Visitor, discard,
    shared::{Contents, save_exclusively},
    trace::Trace,
};

/// One step back of a map.
pub enum Step<K: State, V: State> {
    /// An entry was put at the end, which is this position.
    Inserted(usize),
    /// The value at this position was handed out.
    Changed(usize, V::Saved),
    /// The key at this position was replaced by an equal one.
    Rekeyed(usize, K::Saved),
    /// The entry at this position left, and the last one took its place.
    SwapRemoved(usize, Gone<K, V>),
    /// The entry at this position left, and the later ones moved up.
    ShiftRemoved(usize, Gone<K, V>),
    /// Anything may have happened to what was this.
    Whole(Vec<Gone<K, V>>),
}

/// An entry that left.
pub struct Gone<K: State, V: State> {
    hash: u32,
    key: K::Saved,
    value: V::Saved,
}

impl<K: State, V: State> Gone<K, V> {
    pub(super) fn save(hash: u32, key: &K, value: &V) -> Self {
        Gone { hash, key: key.save(), value: value.save() }
    }

    fn restore(self) -> (u32, K, V) {
        (self.hash, K::restore(self.key), V::restore(self.value))
    }
}

impl<K: State, V: State> Contents for Table<K, V> {
    type Step = Step<K, V>;

    // A part of the loop that calls it: most steps are of one kind, and one that was just written and is read as a whole has to wait
    // until all of its parts have arrived.
    #[inline(always)]
    fn undo(&mut self, step: Step<K, V>) {
        match step {
            Step::Changed(index, saved) => {
                if let Some((_, value)) = self.get_index_mut(index) {
                    value.put_back(saved);
                }
            }
            Step::Inserted(_) => self.uninsert(),
            Step::Rekeyed(index, saved) => {
                if let Some((key, _)) = self.get_index_mut(index) {
                    key.put_back(saved);
                }
            }
            Step::SwapRemoved(index, gone) => self.unremove(index, gone, true),
            Step::ShiftRemoved(index, gone) => self.unremove(index, gone, false),
            Step::Whole(saved) => self.undo_whole(saved),
        }
    }

    fn visit(&mut self, visitor: &mut Visitor) {
        if std::mem::needs_drop::<(K, V)>() {
            for (key, value) in self.entries_mut() {
                key.visit(visitor);
                value.visit(visitor);
            }
        }
    }

    fn visit_changed(&mut self, steps: &[Step<K, V>], visitor: &mut Visitor) {
        if !std::mem::needs_drop::<(K, V)>() {
            return;
        }
        // Where nothing has moved, the places are those that the steps know.
        let changed_in_place = |step: &Step<K, V>| match step {
            Step::Changed(index, _) => Some(*index),
            _ => None,
        };
        if let Some(places) = in_place(steps, changed_in_place) {
            return places.for_each(|index| self.visit_at(index, visitor));
        }
        match changed(steps, self.len()) {
            Some(places) => places.into_iter().for_each(|index| self.visit_at(index, visitor)),
            None => self.visit(visitor),
        }
    }

    fn trace(&self, step: &Step<K, V>, trace: &mut Trace) {
        let mut put = |tag: u8, index: usize, present: bool| {
            trace.tag(tag);
            trace.index(index);
            // Later changes may have taken away what this one put there.
            if present && let Some((key, value)) = self.get_index(index) {
                trace.put(key);
                trace.put(value);
            }
        };
        match step {
            Step::Inserted(index) => put(1, *index, true),
            Step::Changed(index, _) => put(2, *index, true),
            Step::Rekeyed(index, _) => put(3, *index, true),
            Step::SwapRemoved(index, _) => put(4, *index, false),
            Step::ShiftRemoved(index, _) => put(5, *index, false),
            Step::Whole(_) => {
                put(6, self.len(), false);
                (0..self.len()).for_each(|index| put(7, index, true));
            }
        }
    }
}

impl<K: State, V: State> Table<K, V> {
    fn uninsert(&mut self) {
        if let Some((key, value)) = self.pop() {
            discard(value);
            discard(key);
        }
    }

    fn unremove(&mut self, index: usize, gone: Gone<K, V>, is_swapped: bool) {
        let (hash, key, value) = gone.restore();
        if !is_swapped {
            return self.shift_insert(index, hash, key, value);
        }
        let last = self.len();
        self.push(hash, key, value);
        if bugs::on(Bug::UndoLosesOrder) {
            return;
        }
        self.swap_indices(index, last);
    }

    fn undo_whole(&mut self, saved: Vec<Gone<K, V>>) {
        let fresh = Table::with_capacity_and_hasher(saved.len(), self.hasher().clone());
        let stale = std::mem::replace(self, fresh);
        for gone in saved {
            let (hash, key, value) = gone.restore();
            self.push(hash, key, value);
        }
        for (key, value) in stale {
            discard(value);
            discard(key);
        }
    }

    #[inline]
    fn visit_at(&mut self, index: usize, visitor: &mut Visitor) {
        if let Some((key, value)) = self.get_index_mut(index) {
            key.visit(visitor);
            value.visit(visitor);
        }
    }
}

/// Where the entries stand now that the steps behind `steps` changed; `None` for anywhere.
fn changed<K: State, V: State>(steps: &[Step<K, V>], len: usize) -> Option<Places> {
    let mut places = Places::among(len);
    for step in steps {
        match step {
            // What is swapped into the place of another may have been marked where it stood before.
            Step::Inserted(index)
            | Step::Changed(index, _)
            | Step::Rekeyed(index, _)
            | Step::SwapRemoved(index, _) => places.mark(*index..index + 1),
            Step::ShiftRemoved(index, _) => places.move_all(|place| place - usize::from(place > *index)),
            Step::Whole(_) => return None,
        }
        if places.is_too_much() {
            return None;
        }
    }
    Some(places)
}

/// Saves the value at `index`, which is about to be handed out.
#[inline]
pub(super) fn save_changed<K: State, V: State>(steps: &mut Log<'_, Step<K, V>>, index: usize, value: &mut V) {
    // The same value again and nothing between: what was saved first is what comes back.
    steps.push_unless(
        |step| matches!(step, Step::Changed(last, _) if *last == index),
        || Step::Changed(index, save_exclusively(value)),
    );
}

/// Saves all entries, of which anything may become.
pub(super) fn save_whole<K: State, V: State>(entries: &Table<K, V>, steps: &mut Log<'_, Step<K, V>>) {
    // Once more and nothing between: what was saved first is what comes back.
    let gone = |(index, (key, value)): (usize, &(K, V))| Gone::save(entries.hash_at(index), key, value);
    steps.push_unless(
        |step| matches!(step, Step::Whole(_)),
        || Step::Whole(entries.entries().iter().enumerate().map(gone).collect()),
    );
}
