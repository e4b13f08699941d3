//! Types of the user's that panic at any point, and commands that hide what they must not.

use std::{
    cell::Cell,
    cmp::Ordering,
    hash::{Hash, Hasher},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Mutex,
};

use serde::{Deserialize, Serialize};

use super::*;
use crate::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet, Vec as List, VecDeque},
    state::{Broken, Visitor},
};

thread_local! {
    static CALLS_LEFT: Cell<Option<u32>> = const { Cell::new(None) };
}

/// Counts down, and panics once when nothing is left.
fn spark() {
    match CALLS_LEFT.get() {
        Some(0) => {
            CALLS_LEFT.set(None);
            bang();
        }
        calls => CALLS_LEFT.set(calls.map(|calls| calls - 1)),
    }
}

/// A value every one of whose traits is code that may panic.
#[derive(Serialize, Deserialize)]
struct Wild {
    id: u32,
    /// Not part of its identity: shows which of two equal keys stands somewhere.
    print: u32,
}

fn wild(id: u8, print: u32) -> Wild {
    Wild { id: id.into(), print }
}

impl Debug for Wild {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.id, self.print)
    }
}

impl Hash for Wild {
    fn hash<H: Hasher>(&self, state: &mut H) {
        spark();
        (self.id % 5).hash(state);
    }
}

impl PartialEq for Wild {
    fn eq(&self, other: &Self) -> bool {
        spark();
        self.id == other.id
    }
}

impl Eq for Wild {}

impl PartialOrd for Wild {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Wild {
    fn cmp(&self, other: &Self) -> Ordering {
        spark();
        self.id.cmp(&other.id)
    }
}

impl Clone for Wild {
    fn clone(&self) -> Self {
        spark();
        Wild { id: self.id, print: self.print }
    }
}

impl Drop for Wild {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            spark();
        }
    }
}

impl State for Wild {
    type Saved = Wild;
    fn save(&self) -> Wild {
        self.clone()
    }
    fn restore(saved: Wild) -> Wild {
        saved
    }
    fn visit(&mut self, _: &mut Visitor) {}
}

type Zoo = (
    HashMap<Wild, List<Wild>>,
    BTreeMap<Wild, Wild>,
    HashSet<Wild>,
    BTreeSet<Wild>,
    List<Wild>,
    VecDeque<Wild>,
);

fn feed((hash, tree, hash_set, tree_set, list, deque): &mut Zoo, (kind, a, b): Op) {
    let key = wild(a, b);
    match kind % 44 {
        0 | 1 => drop(hash.insert(key, [wild(a, b)].into())),
        2 => hash.entry(key).or_default().push(wild(a, b)),
        3 => drop(hash.remove(&key)),
        4 => drop(hash.shift_remove(&key)),
        5 => hash.values_mut().for_each(|list| list.push(key.clone())),
        6 => hash.retain(|other, list| {
            list.push(wild(a, b));
            *other < key
        }),
        7 => hash.extend([(wild(a, b), List::new()), (wild(a / 2, b), [key].into())]),
        8 => {
            let all = std::mem::take(hash);
            hash.extend(all.into_iter().skip(1));
        }
        9 => hash.clear(),
        10 | 11 => drop(tree.insert(key, wild(a, b))),
        12 => *tree.entry(key).or_insert_with(|| wild(a, 0)) = wild(a, 1),
        13 => drop(tree.remove(&key)),
        14 => drop(tree.pop_first()),
        15 => tree.values_mut().for_each(|value| *value = key.clone()),
        16 => tree.retain(|other, value| {
            *value = wild(a, b);
            *other < key
        }),
        17 => {
            let mut tail = tree.split_off(&key);
            tail.insert(wild(a / 2, b), wild(a, b));
            tree.append(&mut tail);
        }
        18 => tree.range_mut(key..).for_each(|(_, value)| *value = wild(a, b)),
        19 => tree.clear(),
        20 | 21 => drop(hash_set.insert(key)),
        22 => drop(hash_set.replace(key)),
        23 => drop(hash_set.take(&key)),
        24 => *hash_set = &*hash_set ^ &[wild(a, b), wild(a / 2, b)].into(),
        25 | 26 => drop(tree_set.insert(key)),
        27 => drop(tree_set.replace(key)),
        28 => drop(tree_set.take(&key)),
        29 => tree_set.retain(|other| *other < key),
        30 => {
            let mut tail = tree_set.split_off(&key);
            *tree_set = &*tree_set | &[wild(a / 2, b), key].into();
            tree_set.append(&mut tail);
        }
        31 | 32 => list.push(key),
        33 => list.sort(),
        34 => list.dedup(),
        35 => list.resize(a.into(), key),
        36 => list.retain(|other| *other != key),
        37 => list.extend_from_within(..),
        38 => drop(list.splice(..list.len() / 2, [key.clone(), key])),
        39 => deque.push_front(key),
        40 => deque.resize(a.into(), key),
        41 => deque.retain(|other| *other < key),
        42 => deque.make_contiguous().sort(),
        _ => deque.extend(list.drain(..)),
    }
}

/// What is in the zoo, and that each key is found where it stands.
fn look(zoo: &Zoo) -> String {
    let (hash, tree, hash_set, tree_set, ..) = zoo;
    for (key, list) in hash {
        assert!(std::ptr::eq(&hash[key], list));
    }
    for (key, value) in tree {
        assert!(std::ptr::eq(&tree[key], value));
    }
    assert!(hash_set.iter().all(|value| hash_set.contains(value)));
    assert!(tree_set.iter().all(|value| tree_set.contains(value)));
    format!("{zoo:?}")
}

proptest! {
    #![proptest_config(cases(4000))]

    #[test]
    fn panics_of_the_users_code_leave_no_trace(
        before in list_of((any::<u8>(), 0..8u8, 0..9u32), 0..60),
        command in list_of((any::<u8>(), 0..8u8, 0..9u32), 1..20),
        calls in 0..200u32,
        goes_on in any::<bool>(),
    ) {
        let (mut zoo, mut calm) = (Zoo::default(), Zoo::default());
        for op in before {
            feed(&mut zoo, op);
            feed(&mut calm, op);
        }
        let looks = look(&zoo);
        let outcome: Result<(), _> = transaction(&mut zoo, |zoo| {
            CALLS_LEFT.set(Some(calls));
            for op in &command {
                let fed = catch_unwind(AssertUnwindSafe(|| feed(zoo, *op)));
                // A command may catch a panic and go on with what is there.
                if fed.is_err() && !goes_on {
                    bang();
                }
            }
            CALLS_LEFT.set(None);
            Err(())
        });
        assert!(matches!(outcome, Err(Failed::Refused(()) | Failed::Panicked(_))), "{outcome:?}");
        assert_eq!(look(&zoo), looks);
        for op in command {
            feed(&mut zoo, op);
            feed(&mut calm, op);
        }
        assert_eq!(look(&zoo), look(&calm));
    }
}

type Maps = (HashMap<Wild, List<u32>>, BTreeMap<Wild, List<u32>>);

#[test]
fn no_collection_is_leaked_when_its_key_panics_on_the_way_out_or_in() {
    let full = || (0..8).map(|id| (wild(id, 0), List::from([u32::from(id)])));
    for calls in 0..60 {
        let mut root: Maps = (full().collect(), full().collect());
        let before = format!("{root:?}");
        let steps: [fn(&mut Maps); 4] = [
            |root| std::mem::take(&mut root.0).into_values().for_each(|mut list| list.push(1)),
            |root| std::mem::take(&mut root.1).into_values().rev().for_each(|mut list| list.push(1)),
            |root| root.1 = std::mem::take(&mut root.0).into_iter().collect(),
            |root| drop(root.1.split_off(&wild(2, 0))),
        ];
        for step in steps {
            let outcome: Result<(), _> = transaction(&mut root, |root| {
                CALLS_LEFT.set(Some(calls));
                step(root);
                CALLS_LEFT.set(None);
                Err(())
            });
            assert!(matches!(outcome, Err(Failed::Refused(()) | Failed::Panicked(_))), "{outcome:?}");
            assert_eq!(format!("{root:?}"), before);
        }
    }
}

#[test]
fn a_command_that_hides_a_collection_breaks_the_state() {
    static HIDDEN: Mutex<Option<List<u32>>> = Mutex::new(None);
    let mut root = (List::from([1, 2, 3]), HashMap::from([(1, List::from([1]))]));
    let outcome: Result<(), _> = transaction(&mut root, |root| {
        *HIDDEN.lock().unwrap() = root.1.remove(&1);
        Err(())
    });
    assert!(matches!(outcome, Err(Failed::Broken(Broken::Escaped))), "{outcome:?}");
    let hidden = HIDDEN.lock().unwrap().take().unwrap();
    assert!(catch_unwind(|| hidden.len()).is_err());
    assert!(catch_unwind(AssertUnwindSafe(|| root.1[&1].len())).is_err());
    assert_eq!(root.0, [1, 2, 3]);
}

#[test]
fn a_command_may_leak_what_it_made_and_what_holds_no_collections() {
    let mut root = (List::from([1, 2, 3]), HashMap::from([(1, 1), (2, 2)]), BTreeMap::from([(1, 1), (2, 2)]));
    let before = format!("{root:?}");
    let outcome: Result<(), _> = transaction(&mut root, |(list, hash, tree)| {
        std::mem::forget(list.drain(1..));
        std::mem::forget(List::from([1]));
        std::mem::forget(list.extract_if(.., |_| true));
        hash.entry(3).insert_entry(3);
        let mut leaving = hash.extract_if(|_, _| true);
        leaving.next();
        std::mem::forget(leaving);
        tree.entry(3).insert_entry(3);
        let mut leaving = tree.extract_if(.., |_, _| true);
        leaving.next();
        std::mem::forget(leaving);
        Err(())
    });
    assert!(matches!(outcome, Err(Failed::Refused(()))), "{outcome:?}");
    assert_eq!(format!("{root:?}"), before);
    assert_eq!((root.1.get(&2), root.2.get(&2)), (Some(&2), Some(&2)));
}

#[test]
fn another_thread_cannot_reach_what_a_command_holds() {
    let mut root = (List::from([1, 2, 3]),);
    let outcome: Result<(), Failed<()>> = transaction(&mut root, |root| {
        assert!(std::thread::scope(|scope| scope.spawn(|| root.0.len()).join().is_err()));
        assert!(std::thread::scope(|scope| scope.spawn(|| root.0.push(1)).join().is_err()));
        Ok(())
    });
    outcome.unwrap();
    assert!(std::thread::scope(|scope| scope.spawn(|| root.0.push(4)).join().is_ok()));
    assert_eq!(root.0, [1, 2, 3, 4]);
}

#[test]
fn what_a_failed_command_built_lets_go_of_what_it_moved_in() {
    let mut root = (List::from([List::from([1]), List::from([2])]), List::<List<List<u32>>>::new());
    let outcome: Result<(), _> = transaction(&mut root, |(from, to)| {
        // Neither of the new lists is known to any log when the old ones move in.
        let mut built: List<List<u32>> = from.drain(..).collect();
        built[0].push(7);
        to.push(built);
        Err(())
    });
    assert!(matches!(outcome, Err(Failed::Refused(()))), "{outcome:?}");
    assert_eq!(format!("{root:?}"), "([[1], [2]], [])");
}

#[test]
fn a_hash_map_may_have_keys_that_hold_collections_and_a_sorted_one_refuses_them() {
    let key = || List::from([1u8, 2]);
    let mut root = (HashMap::from([(key(), 1)]), BTreeMap::from([(key(), 1)]));
    let outcome: Result<(), _> = transaction(&mut root, |(hash, _)| {
        let (mut key, value) = hash.remove_entry(&key()).unwrap();
        key.push(3);
        hash.insert(key, value + 1);
        Err(())
    });
    assert!(matches!(outcome, Err(Failed::Refused(()))), "{outcome:?}");
    assert_eq!(root.0.get(&key()), Some(&1));

    let outcome: Result<(), Failed<()>> = transaction(&mut root, |(_, tree)| {
        tree.remove(&key());
        Ok(())
    });
    assert!(matches!(&outcome, Err(Failed::Panicked(why)) if why.contains("BTreeMap")), "{outcome:?}");
    assert_eq!(root.1.get(&key()), Some(&1));
}

#[test]
fn collections_cross_threads() {
    fn both<T: Send + Sync>() {}
    both::<Zoo>();
}
