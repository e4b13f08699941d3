//! Steps on lists and queues.

use memstate::collections::{Vec as List, VecDeque};

use super::{
    super::wild::{Trap, Wild, spark},
    Take, of, one,
};

fn maybe() {
    spark(Trap::Panic);
}

pub const STEPS: &[(&str, Take)] = &[
    ("Vec::push", |zoo, _, step| {
        zoo.list.push(step.wild());
        zoo.list.len() as u64
    }),
    ("Vec::pop", |zoo, _, _| one(zoo.list.pop())),
    ("Vec::pop_if", |zoo, _, step| {
        one(zoo.list.pop_if(|last| {
            maybe();
            last.print ^= 1;
            *last != step.wild()
        }))
    }),
    ("Vec::insert", |zoo, _, step| {
        let place = step.place(zoo.list.len());
        zoo.list.insert(place, step.wild());
        place as u64
    }),
    ("Vec::remove", |zoo, _, step| match zoo.list.len() {
        0 => 0,
        len => zoo.list.remove(step.place(len - 1)).whole(),
    }),
    ("Vec::swap_remove", |zoo, _, step| match zoo.list.len() {
        0 => 0,
        len => zoo.list.swap_remove(step.place(len - 1)).whole(),
    }),
    ("Vec::swap", |zoo, _, step| {
        if let Some(last) = zoo.list.len().checked_sub(1) {
            zoo.list.swap(step.place(last), last);
        }
        of(zoo.list.iter())
    }),
    ("Vec::truncate", |zoo, _, step| {
        let place = step.place(zoo.list.len());
        zoo.list.truncate(place);
        place as u64
    }),
    ("Vec::clear", |zoo, _, step| {
        if step.b.is_multiple_of(3) {
            zoo.list.clear();
        }
        zoo.list.len() as u64
    }),
    ("Vec::resize", |zoo, _, step| {
        zoo.list.resize(usize::from(step.a % 12), step.other());
        of(zoo.list.iter())
    }),
    ("Vec::resize_with", |zoo, _, step| {
        zoo.list.resize_with(usize::from(step.a % 12), || {
            maybe();
            step.wild()
        });
        of(zoo.list.iter())
    }),
    ("Vec::extend_from_slice", |zoo, _, step| {
        zoo.list.extend_from_slice(&[step.wild(), step.other()]);
        zoo.list.len() as u64
    }),
    ("Vec::extend_from_within", |zoo, _, step| {
        let place = step.place(zoo.list.len().min(5));
        zoo.list.extend_from_within(..place);
        zoo.list.len() as u64
    }),
    ("Vec::append and split_off", |zoo, _, step| {
        let place = step.place(zoo.list.len());
        let mut tail = zoo.list.split_off(place);
        tail.push(step.wild());
        maybe();
        tail.append(&mut zoo.list);
        zoo.list = tail;
        of(zoo.list.iter())
    }),
    ("Vec::drain", |zoo, _, step| {
        let place = step.place(zoo.list.len());
        let mut drain = zoo.list.drain(..place);
        let first = one(drain.next());
        maybe();
        first ^ one(drain.next_back())
    }),
    ("Vec::drain, forgotten", |zoo, _, step| {
        let place = step.place(zoo.list.len());
        std::mem::forget(zoo.list.drain(place..));
        zoo.list.len() as u64
    }),
    ("Vec::splice", |zoo, _, step| {
        let place = step.place(zoo.list.len());
        let gone: Vec<_> = zoo.list.splice(..place, [step.wild(), step.other()]).collect();
        of(&gone)
    }),
    ("Vec::extract_if", |zoo, _, step| {
        let gone = zoo.list.extract_if(.., |value| {
            maybe();
            value.print ^= 1;
            *value == step.wild()
        });
        of(&gone.collect::<Vec<_>>())
    }),
    ("Vec::retain_mut", |zoo, _, step| {
        zoo.list.retain_mut(|value| {
            maybe();
            value.print ^= step.b;
            *value != step.wild()
        });
        of(zoo.list.iter())
    }),
    ("Vec::retain", |zoo, _, step| {
        zoo.list.retain(|value| *value < step.wild());
        of(zoo.list.iter())
    }),
    ("Vec::sort", |zoo, _, _| {
        zoo.list.sort();
        of(zoo.list.iter())
    }),
    ("Vec::sort_by", |zoo, _, _| {
        zoo.list.sort_by(|one, other| {
            maybe();
            one.print.cmp(&other.print)
        });
        of(zoo.list.iter())
    }),
    ("Vec::sort_unstable_by_key", |zoo, _, _| {
        zoo.list.sort_unstable_by_key(|value| (value.id, value.print));
        of(zoo.list.iter())
    }),
    ("Vec::reverse and rotate_left", |zoo, _, step| {
        zoo.list.reverse();
        let place = step.place(zoo.list.len());
        zoo.list.rotate_left(place);
        of(zoo.list.iter())
    }),
    ("Vec::dedup", |zoo, _, _| {
        zoo.list.dedup();
        of(zoo.list.iter())
    }),
    ("Vec::dedup_by_key", |zoo, _, _| {
        zoo.list.dedup_by_key(|value| {
            maybe();
            value.print % 3
        });
        of(zoo.list.iter())
    }),
    ("Vec::iter_mut", |zoo, _, step| {
        for value in &mut zoo.list {
            maybe();
            value.print ^= step.b;
        }
        of(zoo.list.iter())
    }),
    ("Vec by index", |zoo, _, step| {
        let Some(last) = zoo.list.len().checked_sub(1) else { return 0 };
        zoo.list[step.place(last)] = step.wild();
        if let Some(first) = zoo.list.first_mut() {
            first.print = step.b;
        }
        zoo.list[..=last].iter_mut().for_each(|value| value.print ^= 1);
        of(zoo.list.iter())
    }),
    ("Vec::clone", |zoo, _, _| {
        let copy = zoo.list.clone();
        zoo.lists.push(Some(copy));
        zoo.lists.len() as u64
    }),
    ("Vec::into_boxed_slice", |zoo, _, step| {
        let all = std::mem::take(&mut zoo.list).into_boxed_slice();
        zoo.list = all.into_iter().skip(usize::from(step.a % 2)).collect();
        of(zoo.list.iter())
    }),
    ("Vec of numbers", |zoo, _, step| {
        zoo.numbers.extend([step.b, step.b / 2, u32::from(step.a)]);
        zoo.numbers.sort_unstable();
        zoo.numbers.dedup();
        zoo.numbers.retain(|number| !number.is_multiple_of(7));
        zoo.numbers.iter().map(|number| u64::from(*number)).sum()
    }),
    ("VecDeque::push_front", |zoo, _, step| {
        zoo.queue.push_front(step.wild());
        zoo.queue.len() as u64
    }),
    ("VecDeque::push_back", |zoo, _, step| {
        zoo.queue.push_back(step.wild());
        zoo.queue.len() as u64
    }),
    ("VecDeque::pop_front", |zoo, _, _| one(zoo.queue.pop_front())),
    ("VecDeque::pop_back", |zoo, _, _| one(zoo.queue.pop_back())),
    ("VecDeque::insert and remove", |zoo, _, step| {
        let place = step.place(zoo.queue.len());
        zoo.queue.insert(place, step.wild());
        let gone = step.place(zoo.queue.len() / 2);
        one(zoo.queue.remove(gone))
    }),
    ("VecDeque::swap_remove", |zoo, _, step| {
        let place = step.place(zoo.queue.len());
        match step.b % 2 {
            0 => one(zoo.queue.swap_remove_back(place)),
            _ => one(zoo.queue.swap_remove_front(place)),
        }
    }),
    ("VecDeque::rotate", |zoo, _, step| {
        let place = step.place(zoo.queue.len());
        match step.b % 2 {
            0 => zoo.queue.rotate_left(place),
            _ => zoo.queue.rotate_right(place),
        }
        of(&zoo.queue)
    }),
    ("VecDeque::append and split_off", |zoo, _, step| {
        let place = step.place(zoo.queue.len());
        let mut tail = zoo.queue.split_off(place);
        maybe();
        tail.append(&mut zoo.queue);
        zoo.queue = tail;
        of(&zoo.queue)
    }),
    ("VecDeque::drain", |zoo, _, step| {
        let place = step.place(zoo.queue.len());
        of(&zoo.queue.drain(place..).collect::<Vec<_>>())
    }),
    ("VecDeque::retain_mut", |zoo, _, step| {
        zoo.queue.retain_mut(|value| {
            maybe();
            value.print ^= 1;
            *value != step.wild()
        });
        of(&zoo.queue)
    }),
    ("VecDeque::make_contiguous", |zoo, _, _| {
        zoo.queue.make_contiguous().sort();
        of(&zoo.queue)
    }),
    ("VecDeque::iter_mut", |zoo, _, step| {
        zoo.queue.iter_mut().rev().for_each(|value| {
            maybe();
            value.print = value.print.rotate_left(1) ^ step.b;
        });
        if let Some(front) = zoo.queue.front_mut() {
            *front = step.other();
        }
        of(&zoo.queue)
    }),
    ("VecDeque::resize and truncate", |zoo, _, step| {
        zoo.queue.resize(usize::from(step.a % 10), step.other());
        zoo.queue.truncate(usize::from(step.a % 7));
        of(&zoo.queue)
    }),
    ("VecDeque::clear", |zoo, _, step| {
        if step.b.is_multiple_of(3) {
            zoo.queue.clear();
        }
        zoo.queue.len() as u64
    }),
    ("a list into a queue and back", |zoo, _, step| {
        let queue: VecDeque<Wild> = std::mem::take(&mut zoo.list).into();
        let list: List<Wild> = std::mem::replace(&mut zoo.queue, queue).into();
        maybe();
        zoo.list = list;
        let place = step.place(zoo.list.len());
        zoo.queue.extend(zoo.list.drain(..place));
        of(&zoo.queue)
    }),
];
