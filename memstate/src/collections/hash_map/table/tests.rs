use std::{
    cell::Cell,
    hash::Hasher,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
};

use indexmap::IndexMap;
use proptest::{collection::vec as list_of, prelude::*};

use super::*;
use crate::collections::HashMap;

thread_local! {
    /// After so many calls `Hash` and `Eq` panic.
    static CALLS_LEFT: Cell<Option<u32>> = const { Cell::new(None) };
    /// Into so many classes the hashes of keys fall.
    static CLASSES: Cell<u8> = const { Cell::new(1) };
}

fn called() {
    if let Some(left) = CALLS_LEFT.get() {
        match left.checked_sub(1) {
            Some(left) => CALLS_LEFT.set(Some(left)),
            None => resume_unwind(Box::new("called")),
        }
    }
}

/// A key whose code may panic, and which hashes badly.
#[derive(Debug, Clone)]
struct Key {
    id: u8,
    /// Shows which of two equal keys it is.
    print: u8,
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        called();
        self.id == other.id
    }
}

impl Eq for Key {}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        called();
        (self.id % CLASSES.get()).hash(state);
    }
}

type Mirror = IndexMap<Key, u32>;
type Op = (u8, u8, u8);

/// `act`, in which `Hash` and `Eq` panic after so many calls.
fn with_calls<R>(calls: u32, act: impl FnOnce() -> R) -> std::thread::Result<R> {
    CALLS_LEFT.set(Some(calls));
    let result = catch_unwind(AssertUnwindSafe(act));
    CALLS_LEFT.set(None);
    result
}

/// `act`, in which neither `Hash` nor `Eq` may be called.
fn alone<R>(act: impl FnOnce() -> R) -> R {
    with_calls(0, act).expect("no code of the key's is called")
}

fn shown<'a>(entries: impl IntoIterator<Item = (&'a Key, &'a u32)>) -> Vec<(u8, u8, u32)> {
    entries.into_iter().map(|(key, value)| (key.id, key.print, *value)).collect()
}

fn entries(table: &Table<Key, u32>) -> Vec<(u8, u8, u32)> {
    shown(table.entries().iter().map(|(key, value)| (key, value)))
}

fn taken(entries: impl IntoIterator<Item = (Key, u32)>) -> Vec<(u8, u8, u32)> {
    entries.into_iter().map(|(key, value)| (key.id, key.print, value)).collect()
}

/// The table is the mirror, and in order.
fn check(table: &Table<Key, u32>, mirror: &Mirror) {
    assert_eq!(entries(table), shown(mirror));
    assert_eq!(table.hashes.len(), table.len());
    assert!(table.capacity() >= table.len());
    assert!(table.indices.len() == table.len() || table.indices.is_empty() && table.len() <= UNTABLED_MAX);
    for (index, (key, value)) in table.entries().iter().enumerate() {
        assert_eq!(table.get_index_of(key), Some(index));
        assert_eq!(table.get_key_value(key).map(|found| found.1), Some(value));
        assert_eq!(table.hash_at(index), table.hash_of(key));
    }
    assert_eq!(table.get_index_of(&Key { id: 255, print: 0 }), None);
}

/// What is given a key, and calls its `Hash` and `Eq`.
fn ask(table: &mut Table<Key, u32>, (kind, a, b): Op) -> String {
    let key = Key { id: a, print: b };
    match kind % 4 {
        0 | 1 => format!("{:?}", table.insert(key, b.into())),
        2 => format!("{:?}", table.get_index_of(&key)),
        _ => {
            let keys = [a, a.wrapping_add(1), b].map(|id| Key { id, print: 0 });
            if a.wrapping_add(1) == b || a == b {
                return String::new();
            }
            let values = table.get_disjoint_mut([&keys[0], &keys[1], &keys[2]]);
            format!("{:?}", values.map(|value| value.map(|value| std::mem::replace(value, b.into()))))
        }
    }
}

fn ask_mirror(mirror: &mut Mirror, (kind, a, b): Op) -> String {
    let key = Key { id: a, print: b };
    match kind % 4 {
        0 | 1 => format!("{:?}", mirror.insert(key, b.into())),
        2 => format!("{:?}", mirror.get_index_of(&key)),
        _ => {
            let keys = [a, a.wrapping_add(1), b].map(|id| Key { id, print: 0 });
            if a.wrapping_add(1) == b || a == b {
                return String::new();
            }
            let values = mirror.get_disjoint_mut([&keys[0], &keys[1], &keys[2]]);
            format!("{:?}", values.map(|value| value.map(|value| std::mem::replace(value, b.into()))))
        }
    }
}

/// What knows places and hashes, and calls nothing of the key's; on both.
fn rearrange(table: &mut Table<Key, u32>, mirror: &mut Mirror, (kind, a, b): Op) {
    let (len, at) = (table.len(), usize::from(a) % (table.len() + 1));
    let key = Key { id: a, print: b };
    let is_new = !mirror.contains_key(&key);
    let hash = table.hash_of(&key);
    let even = |key: &Key, value: &mut u32| {
        *value += 1;
        key.id.is_multiple_of(2)
    };
    match kind % 12 {
        0 if is_new => {
            alone(|| table.push(hash, key.clone(), b.into()));
            mirror.insert(key, b.into());
        }
        1 if is_new => {
            alone(|| table.shift_insert(at, hash, key.clone(), b.into()));
            mirror.shift_insert(at, key, b.into());
        }
        2 => assert_eq!(taken(alone(|| table.pop())), taken(mirror.pop())),
        3 => assert_eq!(taken(alone(|| table.swap_remove(at))), taken(mirror.swap_remove_index(at))),
        4 => assert_eq!(taken(alone(|| table.shift_remove(at))), taken(mirror.shift_remove_index(at))),
        5 if at < len => {
            let other = usize::from(b) % len;
            alone(|| table.swap_indices(at, other));
            mirror.swap_indices(at, other);
        }
        6 => {
            let kept: Vec<bool> = mirror.keys().map(|key| key.id % 3 != b % 3).collect();
            let mut gone = kept.iter();
            let of_mirror: Vec<_> = mirror.extract_if(.., |_, _| gone.next() == Some(&false)).collect();
            assert_eq!(taken(alone(|| table.take_others(&kept))), taken(of_mirror));
        }
        7 => assert_eq!(
            taken(alone(|| table.extract_if(even).take(b.into()).collect::<Vec<_>>())),
            taken(mirror.extract_if(.., even).take(b.into()).collect::<Vec<_>>())
        ),
        8 => alone(|| table.reserve(b.into())),
        9 => alone(|| table.shrink_to(b.into())),
        10 => *table = alone(|| table.clone()),
        11 if b % 8 == 0 => assert_eq!(
            taken(alone(|| table.drain().collect::<Vec<_>>())),
            taken(mirror.drain(..).collect::<Vec<_>>())
        ),
        _ => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_table_is_an_index_map_whatever_its_keys_do(
        classes in prop_oneof![Just(1u8), Just(2), Just(7), Just(251)],
        ids in prop_oneof![Just(12u8), Just(40), Just(250)],
        ops in list_of((any::<bool>(), any::<Op>(), 0..12u32), 0..200),
    ) {
        CLASSES.set(classes);
        let (mut table, mut mirror) = (Table::default(), Mirror::default());
        for (asks, (kind, a, b), calls) in ops {
            let op = (kind, a % ids, b);
            if asks {
                match with_calls(calls, || ask(&mut table, op)) {
                    Ok(answer) => assert_eq!(answer, ask_mirror(&mut mirror, op)),
                    // It is as it was, which is checked below, and gives the same answer when it is asked again.
                    Err(_) => {
                        check(&table, &mirror);
                        assert_eq!(ask(&mut table, op), ask_mirror(&mut mirror, op));
                    }
                }
            } else {
                rearrange(&mut table, &mut mirror, op);
            }
            check(&table, &mirror);
        }
    }
}

#[test]
fn it_grows_and_shrinks_over_every_edge() {
    let mut table = Table::<u32, u32>::default();
    assert_eq!((table.len(), table.capacity().min(1)), (0, 0));
    for count in 0..5000 {
        let before = table.capacity();
        assert_eq!(table.insert(count, count), None);
        assert!(before > count as usize || table.capacity() > before);
        assert_eq!(table.is_tabled(), table.len() > UNTABLED_MAX);
        if count % 97 == 0 || count < 40 {
            assert!((0..=count).all(|key| table.get_index_of(&key) == Some(key as usize)), "{count}");
            assert_eq!(table.get_index_of(&(count + 1)), None);
        }
    }
    for count in (0..5000).rev() {
        assert_eq!(table.pop(), Some((count, count)));
        if count % 97 == 0 || count < 40 {
            table.shrink_to(0);
            assert!((0..count).all(|key| table.get_index_of(&key) == Some(key as usize)), "{count}");
        }
    }
    table.shrink_to(0);
    assert_eq!((table.pop(), table.entries.capacity(), table.indices.capacity()), (None, 0, 0));
}

#[test]
fn what_is_announced_fits_without_an_allocation() {
    for capacity in (0..70).chain([100, 1000, 1793]) {
        let mut table = Table::<u32, u32>::with_capacity(capacity);
        let [first, more] = [table.capacity(), 3].map(|capacity| capacity as u32);
        assert!(table.capacity() >= capacity);
        let lists = (table.entries.capacity(), table.hashes.capacity(), table.indices.num_buckets());
        (0..capacity as u32).for_each(|key| assert_eq!(table.insert(key, first), None));
        assert_eq!(lists, (table.entries.capacity(), table.hashes.capacity(), table.indices.num_buckets()));
        table.reserve(more as usize);
        assert!(table.capacity() >= capacity + more as usize);
        assert!((0..capacity as u32).all(|key| table.get_index_of(&key) == Some(key as usize)));
    }
}

#[test]
fn room_that_is_asked_for_again_and_again_is_made_seldom() {
    let (mut table, mut grown) = (Table::<u64, [u64; 4]>::default(), 0);
    for key in 0..100_000 {
        let before = table.entries.capacity();
        table.reserve(1);
        grown += usize::from(table.entries.capacity() != before);
        table.insert(key, [key; 4]);
    }
    assert!(grown < 60, "{grown}");
}

#[test]
fn the_table_does_not_grow_by_removals() {
    let mut table = Table::<u64, ()>::default();
    (0..100).for_each(|key| assert_eq!(table.insert(key, ()), None));
    for key in 100..20_000 {
        match key % 2 {
            0 => table.swap_remove(key as usize % 100),
            _ => table.shift_remove(key as usize % 100),
        };
        table.insert(key, ());
    }
    assert_eq!(table.len(), 100);
    assert!(table.indices.num_buckets() <= 256, "{}", table.indices.num_buckets());
    for (index, (key, ())) in table.entries().iter().enumerate() {
        assert_eq!(table.get_index_of(key), Some(index));
    }
}

#[test]
fn after_a_predicate_panics_everything_is_there_that_was_not_taken() {
    let mut table: Table<u32, u32> = (0..100).map(|key| (key, key)).collect();
    let taken = catch_unwind(AssertUnwindSafe(|| {
        let mut taken =
            table.extract_if(|key, _| if *key == 50 { resume_unwind(Box::new("50")) } else { key % 2 == 0 });
        (&mut taken).take(20).for_each(drop);
        taken.for_each(drop);
    }));
    assert!(taken.is_err());
    let left: Vec<u32> = table.entries().iter().map(|(key, _)| *key).collect();
    let expected: Vec<u32> = (0..100).filter(|key| *key >= 50 || key % 2 == 1).collect();
    assert_eq!(left, expected);
    assert!(left.iter().enumerate().all(|(index, key)| table.get_index_of(key) == Some(index)));
}

#[test]
fn a_leaked_extraction_takes_what_it_did_not_look_at() {
    let mut table: Table<u32, u32> = (0..100).map(|key| (key, key)).collect();
    let mut taken = table.extract_if(|key, _| *key == 30);
    assert_eq!(taken.next(), Some((30, 30)));
    std::mem::forget(taken);
    assert_eq!((table.len(), table.get_index_of(&29), table.get_index_of(&31)), (30, Some(29), None));
    table.insert(31, 31);
    assert_eq!((table.len(), table.get_index_of(&29), table.get_index_of(&31)), (31, Some(29), Some(30)));
    assert!(table.is_tabled());
}

#[test]
fn keys_are_likely_where_their_hashes_are() {
    let table: Table<u64, u64> = (0..1000).map(|key| (key, key)).collect();
    let hashes: Vec<u32> = (0..2000u64).map(|key| table.hash_of(&key)).collect();
    let found = table.likely_keys(&hashes);
    let right = std::iter::zip(0..1000, &found).filter(|(key, found)| **found == Some(key)).count();
    // One in 128 of those that are looked at has the same tag by chance.
    assert!(right > 800, "{right}");
    assert!(std::iter::zip(0..2000, &found).filter(|(_, found)| found.is_some()).count() < 1500);
}

#[test]
#[should_panic(expected = "duplicate keys found")]
fn two_equal_keys_have_no_two_values() {
    let mut table: Table<u32, u32> = (0..20).map(|key| (key, key)).collect();
    table.get_disjoint_mut([&3, &100, &7, &3]);
}

#[test]
#[should_panic(expected = "at most 4,294,967,294 entries")]
fn there_are_no_more_entries_than_an_index_can_tell_apart() {
    assert_eq!(next_index(ENTRIES_MAX - 1), u32::MAX - 2);
    next_index(ENTRIES_MAX);
}

#[test]
fn room_for_more_entries_than_there_can_be_is_refused() {
    let refused = |additional| {
        let mut table: Table<u32, u32> = [(1, 1)].into_iter().collect();
        let panic = catch_unwind(AssertUnwindSafe(|| table.reserve(additional))).expect_err("it is refused");
        assert!(panic.downcast_ref::<String>().is_some_and(|text| text.contains("4,294,967,294")));
        assert_eq!(table.get_index_of(&1), Some(0));
    };
    [usize::MAX, usize::MAX - 1, ENTRIES_MAX].into_iter().for_each(refused);
}

#[test]
fn a_map_gives_its_table_back_when_everything_was_taken_out() {
    type Map = HashMap<u32, u32>;
    let drain = |map: &mut Map| drop(map.drain());
    let extract = |map: &mut Map| map.extract_if(|_, _| true).for_each(drop);
    for take in [drain, extract as fn(&mut Map)] {
        let mut map: HashMap<u32, u32> = (0..1000).map(|number| (number, number)).collect();
        take(&mut map);
        let buckets = |map: &HashMap<u32, u32>| map.0.get().unwrap().indices.num_buckets();
        assert!(buckets(&map) > 1000);
        map.shrink_to_fit();
        assert!(buckets(&map) <= 8, "{}", buckets(&map));
        map.insert(1, 2);
        assert_eq!(map.get(&1), Some(&2));
    }
}
