//! What a [`BTreeMap`](super::BTreeMap) notes, and how it is taken back.
//!
//! A step says what stood under one key before. Taking it back is right whether or not the change behind it has
//! happened, so it does not matter where between the two the user's code panics.

use std::collections::BTreeMap;

use super::super::support::Log;
use crate::bugs::{self, Bug};
use crate::state::{
    State, Visitor, discard,
    shared::{Contents, copy_of},
    trace::Trace,
};

/// One step back of a map.
pub enum Step<K: State, V: State> {
    /// The map did not have this key.
    Absent(K),
    /// The map had this key with this value.
    Present(K, V::Saved),
}

/// The same key once more.
///
/// # Panics
///
/// If the key holds a collection: the roll-back compares keys, and cannot look into collections.
pub fn copy_of_key<K: State>(key: &K) -> K {
    copy_of(key)
}

/// Saves an entry, whose value is about to be handed out or to leave.
#[inline]
pub(super) fn save_present<K: State, V: State>(steps: &mut Log<'_, Step<K, V>>, key: &K, value: &V) {
    steps.push(|| Step::Present(copy_of_key(key), value.save()));
}

impl<K: State + Ord, V: State> Contents for BTreeMap<K, V> {
    type Step = Step<K, V>;

    fn undo(&mut self, step: Step<K, V>) {
        match step {
            Step::Absent(key) => {
                if let Some((stale, value)) = self.remove_entry(&key) {
                    discard(value);
                    discard(stale);
                }
                discard(key);
            }
            Step::Present(key, saved) => match self.get_mut(&key) {
                Some(value) => {
                    value.put_back(saved);
                    discard(key);
                }
                None if bugs::on(Bug::ForgetUndo) => {}
                None => {
                    self.insert(key, V::restore(saved));
                }
            },
        }
    }

    fn visit(&mut self, visitor: &mut Visitor) {
        // Keys hold no collections.
        if std::mem::needs_drop::<V>() {
            self.values_mut().for_each(|value| value.visit(visitor));
        }
    }

    fn visit_changed(&mut self, steps: &[Step<K, V>], visitor: &mut Visitor) {
        if !std::mem::needs_drop::<V>() {
            return;
        }
        if steps.len() >= self.len() {
            return self.visit(visitor);
        }
        for step in steps {
            let (Step::Absent(key) | Step::Present(key, _)) = step;
            if let Some(value) = self.get_mut(key) {
                value.visit(visitor);
            }
        }
    }

    fn trace(&self, step: &Step<K, V>, trace: &mut Trace) {
        let (tag, key) = match step {
            Step::Absent(key) => (1, key),
            Step::Present(key, _) => (2, key),
        };
        trace.tag(tag);
        trace.put(key);
        match self.get(key) {
            Some(value) => {
                trace.tag(1);
                trace.put(value);
            }
            None => trace.tag(0),
        }
    }
}
