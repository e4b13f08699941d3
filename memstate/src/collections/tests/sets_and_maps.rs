use indexmap::{IndexMap, IndexSet};

use super::*;
use crate::collections::{self, BTreeMap, BTreeSet, HashMap, HashSet};

type List = collections::Vec<u32>;

/// What both kinds of map have; `false` if the operation is not one of it.
macro_rules! apply_map {
    ($v:ident, $ours:ident, $mirror:ident, $op:ident, $std:ident, $remove:ident) => {{
        let (kind, a, b) = $op;
        match kind % 20 {
            0..=4 => both!($ours, $mirror, v => v.insert(a, vec![b].into())),
            5 => both!($ours, $mirror, v => v.get_mut(&a).map(|x| x.push(b))),
            6 => both!($ours, $mirror, v => v.get_mut(&a).map(|x| *x = vec![b].into())),
            7 => both!($ours, $mirror, v => v.entry(a).or_default().push(b)),
            8 => both!($ours, $mirror, v => v.entry(a).and_modify(|x| x.push(b)).or_insert_with_key(|k| vec![u32::from(*k)].into()).push(b)),
            9 => both!($ours, $mirror, v => v.values_mut().skip(1).for_each(|x| x.push(b))),
            10 => both!($ours, $mirror, v => v.iter_mut().take(2).for_each(|(_, x)| *x = vec![b].into())),
            11 => both!($ours, $mirror, v => v.retain(|k, x| { x.push(b); *k > a })),
            12 => both!($ours, $mirror, v => v.extend([(a, vec![].into()), (a / 2, vec![b].into())])),
            13 => both!($ours, $mirror, v => {
                let all = std::mem::take(v);
                v.extend(all.into_iter().filter(|(k, _)| *k != a));
            }),
            14 => both!($ours, $mirror, v => if b % 3 == 0 { v.clear() }),
            15 => both!($ours, $mirror, v => v.entry(a).insert_entry(vec![b].into()).get_mut().push(1)),
            16 => {
                let ours = match $ours.entry(a) {
                    $v::Entry::Occupied(entry) => format!("{:?}", entry.remove_entry()),
                    $v::Entry::Vacant(entry) => format!("{:?}", entry.insert_entry(vec![b].into()).insert(vec![7].into())),
                };
                let mirror = match $mirror.entry(a) {
                    $std::Entry::Occupied(entry) => format!("{:?}", entry.$remove()),
                    $std::Entry::Vacant(entry) => format!("{:?}", entry.insert_entry(vec![b]).insert(vec![7])),
                };
                assert_eq!(ours, mirror);
            }
            _ => return false,
        }
        true
    }};
}

fn apply_hash_map(ours: &mut HashMap<u8, List>, mirror: &mut IndexMap<u8, Vec<u32>>, op: Op) {
    let (kind, a, b) = op;
    let common = |ours: &mut HashMap<u8, List>, mirror: &mut IndexMap<u8, Vec<u32>>| -> bool {
        use collections::hash_map;
        use indexmap::map as index_map;
        apply_map!(hash_map, ours, mirror, op, index_map, swap_remove_entry)
    };
    if common(ours, mirror) {
        return;
    }
    match b % 5 {
        0 => assert_eq!(format!("{:?}", ours.remove(&a)), format!("{:?}", mirror.swap_remove(&a))),
        1 => both!(ours, mirror, v => v.shift_remove_entry(&a)),
        2 => both!(ours, mirror, v => v.get_disjoint_mut([&a, &(a + 1)]).map(|x| x.map(|x| x.push(b)))),
        3 => assert_eq!(
            format!("{:?}", ours.extract_if(|k, _| k % 2 == kind % 2).take(2).collect::<Vec<_>>()),
            format!("{:?}", mirror.extract_if(.., |k, _| k % 2 == kind % 2).take(2).collect::<Vec<_>>())
        ),
        _ => assert_eq!(
            format!("{:?}", ours.drain().take(2).collect::<Vec<_>>()),
            format!("{:?}", mirror.drain(..).take(2).collect::<Vec<_>>())
        ),
    }
}

fn apply_btree_map(
    ours: &mut BTreeMap<u8, List>,
    mirror: &mut std::collections::BTreeMap<u8, Vec<u32>>,
    op: Op,
) {
    let (_, a, b) = op;
    type Mirror = std::collections::BTreeMap<u8, Vec<u32>>;
    let common = |ours: &mut BTreeMap<u8, List>, mirror: &mut Mirror| -> bool {
        use std::collections::btree_map as std_map;

        use collections::btree_map;
        apply_map!(btree_map, ours, mirror, op, std_map, remove_entry)
    };
    if common(ours, mirror) {
        return;
    }
    match b % 8 {
        0 => both!(ours, mirror, v => v.remove(&a)),
        1 => both!(ours, mirror, v => v.pop_first()),
        2 => both!(ours, mirror, v => v.pop_last()),
        3 => both!(ours, mirror, v => v.range_mut(a / 2..=a).rev().for_each(|(_, x)| x.push(b))),
        4 => both!(ours, mirror, v => v.split_off(&a)),
        5 => both!(ours, mirror, v => {
            let mut tail = v.split_off(&a);
            tail.insert(a / 2, vec![b].into());
            v.append(&mut tail);
            tail
        }),
        6 => both!(ours, mirror, v => v.first_entry().map(|mut x| x.insert(vec![b].into()))),
        _ => both!(ours, mirror, v => v.extract_if(..=a, |k, _| k % 2 == 0).take(2).collect::<Vec<_>>()),
    }
}

macro_rules! panic_in_map {
    ($ours:ident, $op:ident) => {{
        let (kind, a, b) = $op;
        let mut ok = fuse(a.into());
        match kind % 5 {
            0 => $ours.retain(|_, x| {
                x.push(b);
                ok() && b % 2 == 0
            }),
            1 => {
                $ours.entry(a).or_insert_with(|| bang());
            }
            2 => $ours.extend((0..).map(|k| {
                ok();
                (k, List::from([b]))
            })),
            3 => {
                $ours.entry(a).and_modify(|x| {
                    x.push(b);
                    bang()
                });
            }
            _ => $ours.iter_mut().for_each(|(_, x)| {
                ok();
                x.push(b);
            }),
        }
    }};
}

fn panic_in_hash_map(ours: &mut HashMap<u8, List>, op: Op) {
    panic_in_map!(ours, op)
}

fn panic_in_btree_map(ours: &mut BTreeMap<u8, List>, op: Op) {
    panic_in_map!(ours, op)
}

fn apply_hash_set(ours: &mut HashSet<u32>, mirror: &mut IndexSet<u32>, (kind, a, b): Op) {
    let a = u32::from(a);
    let other = [a, b % 12, 3];
    match kind % 13 {
        0..=4 => both!(ours, mirror, v => v.insert(a)),
        5 => assert_eq!(ours.remove(&a), mirror.swap_remove(&a)),
        6 => both!(ours, mirror, v => v.shift_remove(&a)),
        7 => both!(ours, mirror, v => v.replace(a)),
        8 => both!(ours, mirror, v => v.retain(|x| *x > a)),
        9 => both!(ours, mirror, v => v.extend([a, a + 1, b % 12])),
        10 => {
            *ours = &*ours ^ &HashSet::from(other);
            *mirror = &*mirror ^ &other.into_iter().collect::<IndexSet<u32>>();
        }
        11 => {
            *ours = &(&*ours | &HashSet::from(other)) - &HashSet::from([b % 12]);
            *mirror = &(&*mirror | &other.into_iter().collect::<IndexSet<u32>>())
                - &IndexSet::<u32>::from([b % 12]);
        }
        _ => both!(ours, mirror, v => if b % 3 == 0 { v.clear() }),
    }
}

fn apply_btree_set(ours: &mut BTreeSet<u32>, mirror: &mut std::collections::BTreeSet<u32>, (kind, a, b): Op) {
    let a = u32::from(a);
    let other = [a, b % 12, 3];
    match kind % 16 {
        0..=4 => both!(ours, mirror, v => v.insert(a)),
        5 => both!(ours, mirror, v => v.remove(&a)),
        6 => both!(ours, mirror, v => v.take(&a)),
        7 => both!(ours, mirror, v => v.replace(a)),
        8 => both!(ours, mirror, v => v.retain(|x| *x > a)),
        9 => both!(ours, mirror, v => v.extend([a, a + 1, b % 12])),
        10 => {
            *ours = &*ours ^ &BTreeSet::from(other);
            *mirror = &*mirror ^ &std::collections::BTreeSet::from(other);
        }
        11 => both!(ours, mirror, v => (v.pop_first(), v.pop_last())),
        12 => both!(ours, mirror, v => v.split_off(&a)),
        13 => both!(ours, mirror, v => {
            let mut tail = v.split_off(&a);
            v.append(&mut tail);
        }),
        14 => both!(ours, mirror, v => v.extract_if(..=a, |x| x % 2 == 0).take(2).collect::<Vec<_>>()),
        _ => both!(ours, mirror, v => if b % 3 == 0 { v.clear() }),
    }
}

proptest! {
    #![proptest_config(cases(2000))]

    #[test]
    fn a_hash_map_is_an_index_map_and_comes_back(script in script()) {
        play(&script, HashMap::new(), IndexMap::new(), apply_hash_map, panic_in_hash_map);
    }

    #[test]
    fn a_btree_map_is_that_of_std_and_comes_back(script in script()) {
        play(&script, BTreeMap::new(), Default::default(), apply_btree_map, panic_in_btree_map);
    }

    #[test]
    fn a_hash_set_is_an_index_set_and_comes_back(script in script()) {
        play(&script, HashSet::new(), IndexSet::new(), apply_hash_set, |set, op| {
            let mut ok = fuse(op.1.into());
            set.retain(|_| ok() && op.2 % 2 == 0);
        });
    }

    #[test]
    fn a_btree_set_is_that_of_std_and_comes_back(script in script()) {
        play(&script, BTreeSet::new(), Default::default(), apply_btree_set, |set, op| {
            let mut ok = fuse(op.1.into());
            set.retain(|_| ok() && op.2 % 2 == 0);
        });
    }
}
