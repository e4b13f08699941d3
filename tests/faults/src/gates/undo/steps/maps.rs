//! Steps on maps and sets.

use memstate::collections::{BTreeMap, BTreeSet, HashMap, HashSet, Vec as List, btree_map, hash_map};

use super::{
    super::wild::{Trap, Wild, spark},
    Take, list, of, one,
};

fn maybe() {
    spark(Trap::Panic);
}

pub const STEPS: &[(&str, Take)] = &[
    ("HashMap::insert", |zoo, _, step| list(zoo.hash.insert(step.wild(), [step.other()].into()))),
    ("HashMap::get_mut", |zoo, _, step| {
        let Some(found) = zoo.hash.get_mut(&step.wild()) else { return 0 };
        found.push(step.other());
        maybe();
        of(found.iter())
    }),
    ("HashMap::entry", |zoo, _, step| {
        let found = zoo.hash.entry(step.wild()).or_default();
        found.push(step.other());
        found.len() as u64
    }),
    ("HashMap::entry and_modify or_insert_with", |zoo, _, step| {
        let entry = zoo.hash.entry(step.wild()).and_modify(|found| {
            maybe();
            found.clear();
        });
        let make = || {
            maybe();
            [step.other()].into()
        };
        of(entry.or_insert_with(make).iter())
    }),
    ("HashMap::entry of one that is there", |zoo, _, step| match zoo.hash.entry(step.wild()) {
        hash_map::Entry::Occupied(mut entry) => {
            entry.get_mut().push(step.other());
            match step.b % 5 {
                0 => of(entry.insert([step.other()].into()).iter()),
                1 => of(entry.remove().iter()),
                2 => entry.remove_entry().0.whole(),
                3 => of(entry.shift_remove().iter()),
                _ => entry.shift_remove_entry().0.whole(),
            }
        }
        hash_map::Entry::Vacant(entry) => of(entry.insert_entry([step.other()].into()).get().iter()),
    }),
    ("HashMap::remove", |zoo, _, step| list(zoo.hash.remove(&step.wild()))),
    ("HashMap::remove_entry", |zoo, _, step| {
        zoo.hash.remove_entry(&step.wild()).map_or(0, |(key, _)| key.whole())
    }),
    ("HashMap::shift_remove", |zoo, _, step| list(zoo.hash.shift_remove(&step.wild()))),
    ("HashMap::shift_remove_entry", |zoo, _, step| {
        zoo.hash.shift_remove_entry(&step.wild()).map_or(0, |(key, _)| key.whole())
    }),
    ("HashMap::retain", |zoo, _, step| {
        let key = step.wild();
        zoo.hash.retain(|other, found| {
            maybe();
            found.push(step.other());
            *other != key && found.len() < 5
        });
        zoo.hash.len() as u64
    }),
    ("HashMap::extract_if", |zoo, _, step| {
        let key = step.wild();
        let mut gone = zoo.hash.extract_if(|other, _| {
            maybe();
            *other < key
        });
        // The rest stays where it is when this is dropped.
        gone.next().map_or(0, |(_, found)| of(found.iter()))
    }),
    ("HashMap::drain", |zoo, _, step| {
        let mut drain = zoo.hash.drain();
        let first = drain.next();
        maybe();
        let rest: Vec<_> = drain.collect();
        zoo.hash.extend(rest.into_iter().rev().skip(usize::from(step.a % 2)));
        first.map_or(0, |(key, _)| key.whole())
    }),
    ("HashMap::iter_mut", |zoo, _, step| {
        zoo.hash.iter_mut().for_each(|(key, found)| {
            maybe();
            found.push(Wild { id: key.id, print: step.b });
        });
        zoo.hash.len() as u64
    }),
    ("HashMap::values_mut", |zoo, _, step| {
        zoo.hash.values_mut().take(2).for_each(|found| *found = [step.wild()].into());
        zoo.hash.len() as u64
    }),
    ("HashMap::extend", |zoo, _, step| {
        zoo.hash.extend([(step.wild(), List::new()), (step.other(), [step.wild()].into())]);
        zoo.hash.len() as u64
    }),
    ("HashMap::clear", |zoo, _, step| {
        if step.b.is_multiple_of(3) {
            zoo.hash.clear();
        }
        zoo.hash.len() as u64
    }),
    ("HashMap::clone", |zoo, _, step| {
        let copy = zoo.hash.clone();
        if step.b.is_multiple_of(2) {
            zoo.hash = copy;
        }
        zoo.hash.len() as u64
    }),
    ("HashMap::into_iter", |zoo, _, step| {
        let all = std::mem::take(&mut zoo.hash);
        zoo.hash = all.into_iter().skip(usize::from(step.a % 2)).collect();
        zoo.hash.len() as u64
    }),
    ("HashMap::into_values", |zoo, _, _| {
        let all = std::mem::take(&mut zoo.hash);
        zoo.lists.extend(all.into_values().map(Some));
        zoo.lists.len() as u64
    }),
    ("HashMap::get_disjoint_mut", |zoo, _, step| {
        let [first, second] = zoo.counts.get_disjoint_mut([&step.key(), &(step.key() + 1)]);
        if let (Some(first), Some(second)) = (first, second) {
            std::mem::swap(first, second);
            *first += 1;
        }
        maybe();
        *zoo.counts.entry(step.key()).or_default() += u64::from(step.b);
        zoo.counts.len() as u64
    }),
    ("HashMap::shrink_to_fit", |zoo, _, _| {
        zoo.hash.shrink_to_fit();
        zoo.bag.reserve(9);
        0
    }),
    ("BTreeMap::insert", |zoo, _, step| one(zoo.tree.insert(step.wild(), step.other()))),
    ("BTreeMap::get_mut", |zoo, _, step| match zoo.tree.get_mut(&step.wild()) {
        Some(value) => std::mem::replace(value, step.other()).whole(),
        None => 0,
    }),
    ("BTreeMap::entry", |zoo, _, step| {
        let entry = zoo.tree.entry(step.wild()).and_modify(|value| value.print ^= 1);
        let value = entry.or_insert_with(|| {
            maybe();
            step.other()
        });
        value.print = value.print.wrapping_add(1);
        value.whole()
    }),
    ("BTreeMap::entry of one that is there", |zoo, _, step| match zoo.tree.entry(step.wild()) {
        btree_map::Entry::Occupied(mut entry) => {
            entry.get_mut().print ^= 3;
            match step.b % 3 {
                0 => entry.insert(step.other()).whole(),
                1 => entry.remove().whole(),
                _ => entry.remove_entry().0.whole(),
            }
        }
        btree_map::Entry::Vacant(entry) => entry.insert(step.other()).whole(),
    }),
    ("BTreeMap::remove", |zoo, _, step| one(zoo.tree.remove(&step.wild()))),
    ("BTreeMap::remove_entry", |zoo, _, step| {
        zoo.tree.remove_entry(&step.wild()).map_or(0, |(key, _)| key.whole())
    }),
    ("BTreeMap::pop_first", |zoo, _, _| {
        zoo.tree.pop_first().map_or(0, |(key, value)| key.whole() ^ value.whole())
    }),
    ("BTreeMap::pop_last", |zoo, _, _| {
        zoo.tree.pop_last().map_or(0, |(key, value)| key.whole() ^ value.whole())
    }),
    ("BTreeMap::first_entry", |zoo, _, step| match zoo.tree.first_entry() {
        Some(entry) if step.b.is_multiple_of(2) => entry.remove().whole(),
        Some(mut entry) => entry.insert(step.other()).whole(),
        None => 0,
    }),
    ("BTreeMap::last_entry", |zoo, _, step| match zoo.tree.last_entry() {
        Some(entry) if step.b.is_multiple_of(2) => entry.remove_entry().0.whole(),
        Some(entry) => std::mem::replace(entry.into_mut(), step.other()).whole(),
        None => 0,
    }),
    ("BTreeMap::retain", |zoo, _, step| {
        let key = step.wild();
        zoo.tree.retain(|other, value| {
            maybe();
            value.print ^= 5;
            *other < key
        });
        of(zoo.tree.values())
    }),
    ("BTreeMap::extract_if", |zoo, _, step| {
        let key = step.other();
        let mut gone = zoo.tree.extract_if(.., |_, value| {
            maybe();
            *value < key
        });
        gone.next().map_or(0, |(key, _)| key.whole())
    }),
    ("BTreeMap::split_off and append", |zoo, _, step| {
        let mut tail = zoo.tree.split_off(&step.wild());
        tail.insert(step.other(), step.wild());
        maybe();
        zoo.tree.append(&mut tail);
        of(zoo.tree.values())
    }),
    ("BTreeMap::split_off and dropped", |zoo, _, step| zoo.tree.split_off(&step.wild()).len() as u64),
    ("BTreeMap::range_mut", |zoo, _, step| {
        zoo.tree.range_mut(step.wild()..).for_each(|(_, value)| {
            maybe();
            value.print ^= 7;
        });
        of(zoo.tree.values())
    }),
    ("BTreeMap::values_mut", |zoo, _, step| {
        zoo.tree.values_mut().for_each(|value| *value = step.other());
        zoo.tree.len() as u64
    }),
    ("BTreeMap::extend", |zoo, _, step| {
        zoo.tree.extend([(step.wild(), step.other()), (step.other(), step.wild())]);
        zoo.tree.len() as u64
    }),
    ("BTreeMap::clear", |zoo, _, step| {
        if step.b.is_multiple_of(3) {
            zoo.tree.clear();
        }
        zoo.tree.len() as u64
    }),
    ("BTreeMap::into_iter", |zoo, _, step| {
        let all = std::mem::take(&mut zoo.tree);
        zoo.tree = all.into_iter().map(|(key, value)| (value, key)).skip(usize::from(step.a % 2)).collect();
        of(zoo.tree.keys())
    }),
    ("BTreeMap::into_keys", |zoo, _, _| {
        let all: BTreeMap<_, _> = std::mem::take(&mut zoo.tree);
        zoo.list.extend(all.into_keys());
        zoo.list.len() as u64
    }),
    ("BTreeMap of numbers", |zoo, _, step| {
        let tally = zoo.tallies.entry(step.key()).or_default();
        *tally = tally.wrapping_add(step.b);
        if step.b.is_multiple_of(5) {
            zoo.tallies.retain(|key, _| key.is_multiple_of(2));
        }
        zoo.tallies.values().map(|tally| u64::from(*tally)).sum()
    }),
    ("HashSet::insert", |zoo, _, step| zoo.bag.insert(step.wild()).into()),
    ("HashSet::replace", |zoo, _, step| one(zoo.bag.replace(step.wild()))),
    ("HashSet::remove", |zoo, _, step| zoo.bag.remove(&step.wild()).into()),
    ("HashSet::take", |zoo, _, step| one(zoo.bag.take(&step.wild()))),
    ("HashSet::shift_remove", |zoo, _, step| zoo.bag.shift_remove(&step.wild()).into()),
    ("HashSet::shift_take", |zoo, _, step| one(zoo.bag.shift_take(&step.wild()))),
    ("HashSet::retain", |zoo, _, step| {
        zoo.bag.retain(|value| {
            maybe();
            *value != step.wild()
        });
        of(&zoo.bag)
    }),
    ("HashSet::extract_if", |zoo, _, step| {
        let key = step.wild();
        let mut gone = zoo.bag.extract_if(move |value| *value < key);
        one(gone.next())
    }),
    ("HashSet::drain", |zoo, _, _| {
        let gone: Vec<_> = zoo.bag.drain().take(3).collect();
        zoo.bag.extend(gone);
        of(&zoo.bag)
    }),
    ("HashSet of an operator", |zoo, _, step| {
        let other: HashSet<_> = [step.wild(), step.other()].into();
        zoo.bag = match step.b % 4 {
            0 => &zoo.bag ^ &other,
            1 => &zoo.bag & &other,
            2 => &zoo.bag - &other,
            _ => &zoo.bag | &other,
        };
        of(&zoo.bag)
    }),
    ("HashSet::clear", |zoo, _, step| {
        if step.b.is_multiple_of(3) {
            zoo.bag.clear();
        }
        of(&zoo.bag)
    }),
    ("BTreeSet::insert", |zoo, _, step| zoo.sorted.insert(step.wild()).into()),
    ("BTreeSet::replace", |zoo, _, step| one(zoo.sorted.replace(step.wild()))),
    ("BTreeSet::remove", |zoo, _, step| zoo.sorted.remove(&step.wild()).into()),
    ("BTreeSet::take", |zoo, _, step| one(zoo.sorted.take(&step.wild()))),
    ("BTreeSet::pop_first", |zoo, _, _| one(zoo.sorted.pop_first())),
    ("BTreeSet::pop_last", |zoo, _, _| one(zoo.sorted.pop_last())),
    ("BTreeSet::retain", |zoo, _, step| {
        zoo.sorted.retain(|value| {
            maybe();
            *value < step.wild()
        });
        of(&zoo.sorted)
    }),
    ("BTreeSet::extract_if", |zoo, _, step| {
        let key = step.wild();
        let mut gone = zoo.sorted.extract_if(.., move |value| *value != key);
        one(gone.next())
    }),
    ("BTreeSet::split_off and append", |zoo, _, step| {
        let mut tail = zoo.sorted.split_off(&step.wild());
        tail.insert(step.other());
        zoo.sorted.append(&mut tail);
        of(&zoo.sorted)
    }),
    ("BTreeSet of an operator", |zoo, _, step| {
        let other: BTreeSet<_> = [step.wild(), step.other()].into();
        zoo.sorted = match step.b % 4 {
            0 => &zoo.sorted ^ &other,
            1 => &zoo.sorted & &other,
            2 => &zoo.sorted - &other,
            _ => &zoo.sorted | &other,
        };
        of(&zoo.sorted)
    }),
    ("BTreeSet::extend", |zoo, _, step| {
        zoo.sorted.extend([step.wild(), step.other()]);
        of(&zoo.sorted)
    }),
    ("HashMap of maps", |zoo, _, step| {
        let nest: &mut BTreeMap<_, _> = zoo.nests.entry(step.key()).or_default();
        nest.entry(step.a / 32).or_default().push(step.wild());
        nest.len() as u64
    }),
    ("HashMap of maps, removed and put in again", |zoo, _, step| {
        let Some(mut nest) = zoo.nests.shift_remove(&step.key()) else { return 0 };
        nest.values_mut().for_each(|found| found.push(step.other()));
        maybe();
        let was: HashMap<_, _> = zoo.nests.insert(step.key(), nest).into_iter().enumerate().collect();
        was.len() as u64
    }),
];
