//! Steps that carry whole collections from one place to another, and change what no collection sees.

use std::mem;

use memstate::collections::{HashMap, Vec as List};

use super::{
    super::{
        wild::{Foreign, Trap, spark},
        zoo::{Herd, Shape, Zoo},
    },
    Take, of,
};

fn maybe() {
    spark(Trap::Panic);
}

pub const STEPS: &[(&str, Take)] = &[
    ("trim", |zoo, _, _| {
        zoo.trim();
        0
    }),
    ("a list taken and put elsewhere", |zoo, _, step| {
        let mut list = mem::take(&mut zoo.list);
        list.push(step.wild());
        maybe();
        zoo.lists.push(Some(list));
        zoo.lists.len() as u64
    }),
    ("a list swapped with one in a list", |zoo, _, step| {
        let Some(Some(other)) = zoo.lists.last_mut() else { return 0 };
        mem::swap(&mut zoo.list, other);
        other.push(step.other());
        zoo.list.push(step.wild());
        of(zoo.list.iter())
    }),
    ("a list replaced in a map", |zoo, _, step| {
        let Some(list) = zoo.hash.get_mut(&step.wild()) else { return 0 };
        let mut was = mem::replace(list, [step.other()].into());
        was.push(step.wild());
        of(was.iter())
    }),
    ("a list moved from one map into another", |zoo, _, step| {
        let key = step.wild();
        let Some(mut list) = zoo.hash.shift_remove(&key) else { return 0 };
        list.push(step.other());
        let nest = zoo.nests.entry(step.key()).or_default();
        maybe();
        nest.insert(step.a % 9, list).map_or(0, |was| of(was.iter()))
    }),
    ("a list moved back", |zoo, _, step| {
        let Some(nest) = zoo.nests.get_mut(&step.key()) else { return 0 };
        let Some((_, list)) = nest.pop_first() else { return 0 };
        zoo.hash.insert(step.wild(), list).map_or(0, |was| of(was.iter()))
    }),
    ("a map of maps dissolved", |zoo, _, step| {
        let Some(nest) = zoo.nests.remove(&step.key()) else { return 0 };
        zoo.lists.extend(nest.into_values().map(Some));
        zoo.lists.len() as u64
    }),
    ("a nested map swapped with another", |zoo, _, step| {
        let mut one = mem::take(zoo.nests.entry(step.key()).or_default());
        let other = zoo.nests.entry(step.key() / 2).or_default();
        mem::swap(&mut one, other);
        one.entry(9).or_default().push(step.wild());
        maybe();
        zoo.nests.insert(step.key(), one);
        zoo.nests.len() as u64
    }),
    ("a list moved into a sorted map", |zoo, _, step| {
        let was = zoo.grove.insert(step.wild(), mem::take(&mut zoo.list));
        zoo.grove.entry(step.other()).or_default().push(step.wild());
        was.map_or(0, |was| of(was.iter()))
    }),
    ("a list moved out of a sorted map", |zoo, _, step| {
        // In a variable: rustc leaks a result as well when the destructor of a temporary in its expression panics.
        let key = step.wild();
        let list = match step.b % 3 {
            0 => zoo.grove.remove(&key),
            1 => zoo.grove.first_entry().map(|entry| entry.remove()),
            _ => zoo.grove.pop_last().map(|(key, list)| {
                // Before the list is the result: rustc leaks a result when a destructor that runs after it panics.
                drop(key);
                list
            }),
        };
        let Some(list) = list else { return 0 };
        zoo.lists.push(Some(list));
        zoo.lists.len() as u64
    }),
    ("BTreeMap::into_values", |zoo, _, _| {
        let all = mem::take(&mut zoo.grove).into_values();
        zoo.lists.extend(all.map(Some));
        zoo.lists.len() as u64
    }),
    ("BTreeMap::retain of lists", |zoo, _, step| {
        zoo.grove.retain(|key, list| {
            maybe();
            list.push(step.other());
            *key != step.wild()
        });
        zoo.grove.len() as u64
    }),
    ("a sorted map split and swapped", |zoo, _, step| {
        let mut tail = zoo.grove.split_off(&step.wild());
        mem::swap(&mut tail, &mut zoo.grove);
        tail.values_mut().for_each(|list| list.push(step.other()));
        maybe();
        zoo.grove.extend(tail.into_iter().skip(1));
        zoo.grove.len() as u64
    }),
    ("a collection as a key", |zoo, _, step| {
        let key: List<u8> = [step.key(), 1].into();
        *zoo.keyed.entry(key).or_default() += 1;
        if step.b.is_multiple_of(4) {
            let keys: Vec<_> = mem::take(&mut zoo.keyed).into_keys().collect();
            zoo.keyed = keys
                .into_iter()
                .map(|mut key| {
                    key.push(2);
                    key.truncate(3);
                    (key, 1)
                })
                .collect();
        }
        zoo.keyed.len() as u64
    }),
    ("values of a map swapped with each other", |zoo, _, step| {
        let mut last = List::from([step.wild()]);
        zoo.hash.values_mut().for_each(|list| mem::swap(list, &mut last));
        of(last.iter())
    }),
    ("a slot of a list emptied", |zoo, _, step| {
        let Some(slot) = zoo.lists.last_mut() else { return 0 };
        match slot.take() {
            Some(mut list) => {
                list.push(step.wild());
                zoo.shape = Shape::List(list);
            }
            None => *slot = Some([step.wild()].into()),
        }
        zoo.lists.len() as u64
    }),
    ("lists of a list reordered", |zoo, _, step| {
        let place = step.place(zoo.lists.len());
        zoo.lists.rotate_left(place);
        zoo.lists.retain_mut(|slot| {
            maybe();
            slot.as_mut().is_some_and(|list| {
                list.push(step.other());
                list.len() < 7
            })
        });
        zoo.lists.iter().flatten().fold(0, |seen, list| seen ^ of(list.iter()))
    }),
    ("lists of a list drained into a map", |zoo, _, step| {
        let lists: Vec<_> = zoo.lists.drain(..).flatten().collect();
        let nest = zoo.nests.entry(step.key()).or_default();
        nest.extend((0..).zip(lists));
        nest.values_mut().for_each(|list| list.push(step.wild()));
        nest.len() as u64
    }),
    ("a variant turned into the next", |zoo, _, step| {
        zoo.shape = match mem::take(&mut zoo.shape) {
            Shape::Empty => Shape::Number(step.b.into()),
            Shape::Number(number) => Shape::Tree { tree: [(1, [step.wild()].into())].into(), number },
            Shape::Tree { tree, .. } => match tree.into_iter().next() {
                Some((_, list)) => Shape::List(list),
                None => Shape::Empty,
            },
            Shape::List(list) => Shape::Boxed(Box::new(list), "a box".to_owned()),
            Shape::Boxed(list, _) if list.len() > 3 => Shape::Empty,
            Shape::Boxed(list, text) => Shape::Tree { tree: [(2, *list)].into(), number: text.len() as u64 },
        };
        maybe();
        u64::from(matches!(zoo.shape, Shape::Empty))
    }),
    ("a variant changed inside", |zoo, _, step| {
        match &mut zoo.shape {
            Shape::Empty => zoo.shape = Shape::Boxed(Box::default(), zoo.name.clone()),
            Shape::Number(number) => *number = number.wrapping_add(step.b.into()),
            Shape::List(list) => list.push(step.wild()),
            Shape::Tree { tree, number } => {
                tree.entry(step.key()).or_default().push(step.wild());
                *number = number.wrapping_add(1);
            }
            Shape::Boxed(list, text) => {
                list.push(step.wild());
                text.push('x');
            }
        }
        0
    }),
    ("a variant swapped with a field", |zoo, _, step| {
        if let Shape::List(list) = &mut zoo.shape {
            mem::swap(list, &mut zoo.list);
            list.push(step.wild());
        }
        of(zoo.list.iter())
    }),
    ("a box filled and emptied", |zoo, _, step| {
        match zoo.boxed.take() {
            Some(list) if step.b.is_multiple_of(2) => zoo.lists.push(Some(*list)),
            Some(mut list) => {
                list.push(step.wild());
                zoo.boxed = Some(list);
            }
            None => zoo.boxed = Some(Box::new(mem::take(&mut zoo.list))),
        }
        zoo.boxed.as_ref().map_or(0, |list| of(list.iter()))
    }),
    ("a struct in a map", |zoo, _, step| {
        let herd: &mut Herd = zoo.herds.entry(step.key()).or_default();
        herd.kept.push(step.wild());
        let count = herd.by_name.entry(format!("{}", step.a % 3)).or_default();
        *count = count.wrapping_add(step.b);
        herd.foreign.words.push("word".to_owned());
        herd.foreign.numbers.insert(step.key(), step.b);
        herd.tag = herd.tag.xor(Some(step.a));
        herd.kept.len() as u64
    }),
    ("a struct removed and taken apart", |zoo, _, step| {
        let Some(mut herd) = zoo.herds.remove(&step.key()) else { return 0 };
        zoo.lists.push(Some(mem::take(&mut herd.kept)));
        zoo.foreign = mem::take(&mut herd.foreign);
        maybe();
        herd.by_name.values().map(|number| u64::from(*number)).sum()
    }),
    ("a struct overwritten", |zoo, _, step| {
        let Some(herd) = zoo.herds.get_mut(&step.key()) else { return 0 };
        *herd = Herd { kept: [step.wild()].into(), tag: Some(1), ..Herd::default() };
        1
    }),
    ("a foreign type changed", |zoo, _, step| {
        zoo.foreign.words.insert(0, format!("{}", step.b % 10));
        let number = zoo.foreign.numbers.entry(step.key()).or_insert(step.b);
        *number = number.wrapping_add(1);
        let copy: Foreign = zoo.foreign.clone();
        copy.numbers.len() as u64
    }),
    ("a tuple changed inside", |zoo, _, step| {
        zoo.pair.0.push_front([step.b].into());
        zoo.pair.1.push('y');
        if let Some(back) = zoo.pair.0.back_mut() {
            back.extend([1, 2]);
        }
        zoo.pair.0.len() as u64
    }),
    ("numbers and texts changed", |zoo, _, step| {
        zoo.number = zoo.number.wrapping_mul(31).wrapping_add(step.b.into());
        zoo.name = format!("{}{}", step.a % 10, zoo.name);
        zoo.number
    }),
    ("everything taken and put back in another way", |zoo, _, step| {
        let mut gone = mem::take(zoo);
        gone.hash.insert(step.wild(), [step.other()].into());
        maybe();
        if let Some(Some(list)) = gone.lists.first_mut() {
            mem::swap(&mut gone.list, list);
        }
        let number = gone.number;
        *zoo = Zoo { number: number ^ 1, ..gone };
        number
    }),
    ("a list held in a local", |zoo, held, step| {
        let mut list = mem::take(&mut zoo.list);
        list.push(step.wild());
        held.lists.push(list);
        held.lists.len() as u64
    }),
    ("a list back from a local", |zoo, held, step| {
        let Some(mut list) = held.lists.pop() else { return 0 };
        list.push(step.other());
        zoo.hash.insert(step.wild(), list).map_or(1, |was| of(was.iter()))
    }),
    ("a map held in a local", |zoo, held, step| {
        if step.b.is_multiple_of(2) {
            held.hashes.push(mem::take(&mut zoo.hash));
        }
        if let Some(hash) = held.hashes.last_mut() {
            hash.entry(step.wild()).or_default().push(step.other());
        }
        held.hashes.len() as u64
    }),
    ("a map back from a local", |zoo, held, step| {
        let Some(hash) = held.hashes.pop() else { return 0 };
        match step.b % 2 {
            0 => zoo.hash = hash,
            _ => zoo.hash.extend(hash),
        }
        zoo.hash.len() as u64
    }),
    ("a nested map held in a local and put back", |zoo, held, step| {
        match zoo.nests.shift_remove(&step.key()) {
            Some(nest) => held.nests.push(nest),
            None => {
                let Some(nest) = held.nests.pop() else { return 0 };
                zoo.nests.insert(step.key(), nest);
            }
        }
        held.nests.len() as u64
    }),
    ("a struct held in a local and put back", |zoo, held, step| {
        match zoo.herds.remove(&step.key()) {
            Some(mut herd) => {
                herd.kept.push(step.wild());
                held.herds.push(herd);
            }
            None => {
                let Some(herd) = held.herds.pop() else { return 0 };
                zoo.herds.insert(step.key(), herd);
            }
        }
        held.herds.len() as u64
    }),
    ("a variant held in a local and put back", |zoo, held, step| {
        let mut shape = held.shapes.pop().unwrap_or_default();
        mem::swap(&mut zoo.shape, &mut shape);
        if let Shape::List(list) = &mut shape {
            list.push(step.wild());
        }
        held.shapes.push(shape);
        held.shapes.len() as u64
    }),
    ("half of a tuple held in a local and put back", |zoo, held, step| {
        let mut queue = held.queues.pop().unwrap_or_default();
        queue.push_back([step.b].into());
        mem::swap(&mut zoo.pair.0, &mut queue);
        held.queues.push(queue);
        held.queues.len() as u64
    }),
    ("what a local holds dropped", |_, held, step| {
        held.lists.truncate(step.place(held.lists.len()));
        held.hashes.clear();
        held.nests.pop();
        0
    }),
    ("a map of the command's own filled from the model", |zoo, held, step| {
        // None of its collections is known to any log when those of the model move in.
        let mut own: HashMap<_, _> = zoo.hash.drain().collect();
        own.entry(step.wild()).or_default().push(step.other());
        maybe();
        held.hashes.push(own);
        held.hashes.len() as u64
    }),
];
