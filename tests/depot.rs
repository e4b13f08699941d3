//! The model of the golden journals that use everything there is: each way to change each collection, each kind of value,
//! everything that a command is told. It must never be changed.
#![allow(missing_docs, reason = "the model of a test")]

use std::{mem, vec::Vec as List};

use memstate::{
    Ctx, Position, RequestId, Timestamp, Uuid,
    collections::{BTreeMap, BTreeSet, HashMap, HashSet, Vec, VecDeque, hash_map},
};

/// What the collections hold: with collections of its own, so that changes are in each other.
#[memstate::data]
#[derive(Debug, Default, PartialEq)]
pub struct Shelf {
    pub label: String,
    pub slots: Vec<i32>,
    pub marks: BTreeMap<u8, HashSet<u8>>,
}

impl Shelf {
    fn of(value: i32) -> Self {
        let label = format!("{value}");
        Shelf { label, slots: [value, value / 2].into_iter().collect(), marks: BTreeMap::new() }
    }

    fn sum(&self) -> i64 {
        let marks: usize = self.marks.values().map(HashSet::len).sum();
        self.slots.iter().map(|slot| i64::from(*slot)).sum::<i64>() + self.label.len() as i64 + marks as i64
    }
}

/// Every kind of value.
#[memstate::data]
#[derive(Debug, PartialEq)]
pub struct Plain {
    pub unsigned: (u8, u16, u32, u64, u128, usize),
    pub signed: (i8, i16, i32, i64, i128, isize),
    pub float: (f32, f64),
    pub truth: bool,
    pub character: char,
    pub text: String,
    pub unit: (),
    pub array: [u16; 3],
    pub list: List<Option<u8>>,
    pub boxed: Option<Box<Plain>>,
    pub time: Timestamp,
    pub position: Position,
    pub id: Uuid,
    pub request: Option<RequestId>,
    pub kind: Kind,
}

/// Every kind of variant.
#[memstate::data]
#[derive(Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    #[default]
    Nothing,
    One(u16),
    Two(i8, String),
    Named {
        low: u8,
        high: u8,
    },
}

#[memstate::data(error)]
#[derive(PartialEq, Eq)]
pub enum Refused {
    #[memstate(display = "{0} is a multiple of seven")]
    Seven(i64),
    #[memstate(display = "{what} is not wanted")]
    Unwanted { what: String },
}

#[memstate::data]
#[derive(Debug, PartialEq)]
pub enum Happened {
    Drawn { number: u64, id: Uuid },
    Kept(Box<Plain>),
    Counted(i64),
    Stocked(u32),
}

#[memstate::data]
#[derive(Debug, PartialEq)]
pub enum Stocked {
    Came(u32),
}

impl From<Stocked> for Happened {
    fn from(Stocked::Came(pieces): Stocked) -> Self {
        Happened::Stocked(pieces)
    }
}

/// A model inside.
#[memstate::model]
#[derive(Debug, Default)]
pub struct Stock {
    pub pieces: u32,
    pub seen: Vec<u64>,
}

#[memstate::model(events = Stocked)]
impl Stock {
    pub fn come(&mut self, ctx: &mut Ctx<Stocked>, pieces: u32) -> u64 {
        self.pieces += pieces;
        self.seen.push(ctx.rng().below(1000));
        ctx.emit(Stocked::Came(pieces));
        self.seen[self.seen.len() - 1]
    }
}

#[memstate::model]
#[derive(Debug, Default)]
pub struct Depot {
    pub map: HashMap<u16, Shelf>,
    pub sorted: BTreeMap<u16, Shelf>,
    pub set: HashSet<Kind>,
    pub sorted_set: BTreeSet<Kind>,
    pub list: Vec<Shelf>,
    pub queue: VecDeque<Shelf>,
    pub plain: Option<Plain>,
    pub drawn: Vec<(u64, u64, f64, Uuid)>,
    pub notes: VecDeque<(Position, Timestamp, Option<String>)>,
    #[memstate(model)]
    pub stock: Stock,
}

/// Refuses every seventh or so, when everything has been changed.
fn unless_seven(seen: List<i64>) -> Result<List<i64>, Refused> {
    let sum: i64 = seen.iter().sum();
    match sum % 7 == 0 && sum != 0 {
        true => Err(Refused::Seven(sum)),
        false => Ok(seen),
    }
}

fn kind(key: u16, value: i32) -> Kind {
    match key % 4 {
        0 => Kind::Nothing,
        1 => Kind::One(value as u16 % 16),
        2 => Kind::Two(value as i8 % 4, format!("{}", key % 8)),
        _ => Kind::Named { low: key as u8 % 8, high: 9 },
    }
}

fn sum_of(shelf: Option<Shelf>) -> i64 {
    shelf.map_or(-1, |shelf| shelf.sum())
}

#[memstate::model(events = Happened)]
impl Depot {
    pub fn on_map(&mut self, steps: List<(u8, u16, i32)>) -> Result<List<i64>, Refused> {
        let mut seen = List::new();
        for (step, key, value) in steps {
            let map = &mut self.map;
            seen.push(match step % 20 {
                0 | 1 => sum_of(map.insert(key, Shelf::of(value))),
                2 => sum_of(map.remove(&key)),
                3 => sum_of(map.shift_remove(&key)),
                4 => map.get_mut(&key).map_or(-1, |shelf| {
                    shelf.slots.push(value);
                    shelf.sum()
                }),
                5 => {
                    let shelf = map.entry(key).or_default();
                    shelf.label.push('x');
                    shelf.slots.insert(0, value);
                    shelf.sum()
                }
                6 => {
                    let entry = map.entry(key).and_modify(|shelf| shelf.slots.clear());
                    entry.or_insert_with(|| Shelf::of(value)).sum()
                }
                7 => {
                    map.retain(|other, shelf| {
                        shelf.slots.push(1);
                        other % 5 != key % 5
                    });
                    map.len() as i64
                }
                8 => map.extract_if(|other, _| other % 7 == key % 7).count() as i64,
                9 => {
                    map.values_mut().for_each(|shelf| shelf.slots.push(value));
                    0
                }
                10 => {
                    for (other, shelf) in map.iter_mut().filter(|(other, _)| *other % 2 == 0) {
                        shelf.label = format!("{other} ß");
                    }
                    1
                }
                11 if key % 4 == 0 => map.drain().map(|(_, shelf)| shelf.sum()).sum(),
                12 if key % 4 == 0 => {
                    map.clear();
                    2
                }
                13 => {
                    let old = mem::replace(map, HashMap::new());
                    map.extend(old.into_iter().filter(|(other, _)| other % 3 != key % 3));
                    map.len() as i64
                }
                14 => match map.get_disjoint_mut([&key, &(key ^ 1)]) {
                    [Some(one), Some(other)] => {
                        mem::swap(&mut one.slots, &mut other.slots);
                        one.sum()
                    }
                    _ => -1,
                },
                15 => match map.entry(key) {
                    hash_map::Entry::Occupied(mut entry) if value % 2 == 0 => {
                        entry.insert(Shelf::of(value)).sum()
                    }
                    hash_map::Entry::Occupied(entry) => entry.shift_remove().sum(),
                    hash_map::Entry::Vacant(entry) => entry.insert(Shelf::of(value)).sum(),
                },
                16 => {
                    let marks = &mut map.entry(key).or_default().marks;
                    i64::from(marks.entry(value as u8 % 4).or_default().insert(key as u8))
                }
                17 => map.get_mut(&key).map_or(-1, |shelf| {
                    let gone = shelf.marks.pop_first().map_or(0, |(_, marks)| marks.len());
                    gone as i64
                }),
                18 => map.remove_entry(&key).map_or(-1, |(key, shelf)| i64::from(key) + shelf.sum()),
                _ => match map.remove(&key) {
                    Some(shelf) => sum_of(self.sorted.insert(key, shelf)),
                    None => sum_of(self.sorted.remove(&key).and_then(|shelf| self.map.insert(key, shelf))),
                },
            });
        }
        unless_seven(seen)
    }

    pub fn on_sorted(&mut self, steps: List<(u8, u16, i32)>) -> Result<List<i64>, Refused> {
        let mut seen = List::new();
        for (step, key, value) in steps {
            let map = &mut self.sorted;
            seen.push(match step % 18 {
                0 | 1 => sum_of(map.insert(key, Shelf::of(value))),
                2 => sum_of(map.remove(&key)),
                3 => map.get_mut(&key).map_or(-1, |shelf| {
                    shelf.slots.swap_remove(0);
                    shelf.slots.push(value);
                    shelf.sum()
                }),
                4 => {
                    map.entry(key).or_default().slots.push(value);
                    map.len() as i64
                }
                5 => map.pop_first().map_or(-1, |(key, shelf)| i64::from(key) + shelf.sum()),
                6 => map.pop_last().map_or(-1, |(key, shelf)| i64::from(key) + shelf.sum()),
                7 => map.first_entry().map_or(-1, |mut entry| {
                    entry.get_mut().label.push('f');
                    entry.get().sum()
                }),
                8 => map.last_entry().map_or(-1, |entry| entry.remove().sum()),
                9 => {
                    map.retain(|other, shelf| {
                        shelf.label.push('r');
                        other % 3 != key % 3
                    });
                    map.len() as i64
                }
                10 => map.extract_if(..key, |other, _| other % 2 == 0).count() as i64,
                11 if key % 4 == 0 => {
                    map.clear();
                    2
                }
                12 => {
                    let mut other: BTreeMap<u16, Shelf> =
                        (0..3).map(|n| (key + n, Shelf::of(value))).collect();
                    map.append(&mut other);
                    other.len() as i64
                }
                13 => {
                    let rest = map.split_off(&key);
                    rest.values().map(Shelf::sum).sum()
                }
                14 => {
                    map.values_mut().for_each(|shelf| shelf.slots.push(value));
                    map.iter_mut().for_each(|(key, shelf)| shelf.slots.push(i32::from(*key)));
                    0
                }
                15 => {
                    map.range_mut(key..).for_each(|(_, shelf)| shelf.slots.truncate(1));
                    1
                }
                16 => {
                    let old = mem::take(map);
                    map.extend(old.into_iter().filter(|(other, _)| other % 2 != key % 2));
                    map.len() as i64
                }
                _ => map.entry(key).and_modify(|shelf| shelf.marks.clear()).or_insert(Shelf::of(value)).sum(),
            });
        }
        unless_seven(seen)
    }

    pub fn on_sets(&mut self, steps: List<(u8, u16, i32)>) -> Result<List<i64>, Refused> {
        let mut seen = List::new();
        for (step, key, value) in steps {
            let (set, sorted, kind) = (&mut self.set, &mut self.sorted_set, kind(key, value));
            let number = |truth: bool| i64::from(truth);
            seen.push(match step % 20 {
                0 | 1 => number(set.insert(kind)),
                2 | 3 => number(sorted.insert(kind)),
                4 => number(set.remove(&kind)),
                5 => number(set.shift_remove(&kind)),
                6 => number(set.replace(kind).is_some()),
                7 => number(set.take(&kind).is_some()),
                8 => {
                    set.retain(|other| *other != kind);
                    set.len() as i64
                }
                9 => set.extract_if(|other| matches!(other, Kind::One(_))).count() as i64,
                10 if key % 4 == 0 => set.drain().count() as i64,
                11 if key % 4 == 0 => {
                    set.clear();
                    sorted.clear();
                    2
                }
                12 => {
                    set.extend(sorted.iter().cloned());
                    set.len() as i64
                }
                13 => number(sorted.remove(&kind)),
                14 => number(sorted.replace(kind).is_some()),
                15 => number(sorted.pop_first().is_some()) + number(sorted.pop_last().is_some()),
                16 => {
                    sorted.retain(|other| *other != kind);
                    sorted.extract_if(.., |other| *other > Kind::One(9)).count() as i64
                }
                17 => {
                    let mut other: BTreeSet<Kind> = set.iter().cloned().collect();
                    sorted.append(&mut other);
                    sorted.len() as i64
                }
                18 => sorted.split_off(&kind).len() as i64,
                _ => {
                    *set = mem::take(sorted).into_iter().collect();
                    set.len() as i64
                }
            });
        }
        unless_seven(seen)
    }

    pub fn on_list(&mut self, steps: List<(u8, u16, i32)>) -> Result<List<i64>, Refused> {
        let mut seen = List::new();
        for (step, key, value) in steps {
            let list = &mut self.list;
            let len = list.len();
            let (at, upto) = (usize::from(key) % (len + 1), len - len / 3);
            let is_in = at < len;
            seen.push(match step % 28 {
                0 | 1 => {
                    list.push(Shelf::of(value));
                    0
                }
                2 => sum_of(list.pop()),
                3 => {
                    list.insert(at, Shelf::of(value));
                    1
                }
                4 if is_in => list.remove(at).sum(),
                5 if is_in => list.swap_remove(at).sum(),
                6 if is_in => {
                    list.swap(0, at);
                    2
                }
                7 => {
                    list.truncate(upto);
                    3
                }
                8 if key % 4 == 0 => {
                    list.clear();
                    4
                }
                9 => {
                    list.resize(upto + 3, Shelf::of(value));
                    5
                }
                10 => {
                    list.resize_with(upto + 2, Shelf::default);
                    6
                }
                11 => {
                    list.extend_from_slice(&[Shelf::of(1), Shelf::of(value)]);
                    7
                }
                12 => {
                    list.extend_from_within(upto..);
                    8
                }
                13 => {
                    let mut other: Vec<Shelf> = (0..3).map(Shelf::of).collect();
                    list.append(&mut other);
                    9
                }
                14 => list.split_off(at).iter().map(Shelf::sum).sum(),
                15 => list.drain(..at / 2).map(|shelf| shelf.sum()).sum(),
                16 => list.splice(at..at, [Shelf::of(5), Shelf::of(value)]).count() as i64,
                17 => list.extract_if(.., |shelf| shelf.sum() % 3 == 0).count() as i64,
                18 => {
                    list.retain_mut(|shelf| {
                        shelf.slots.push(1);
                        shelf.slots.len() < 6
                    });
                    list.len() as i64
                }
                19 => {
                    list.dedup_by_key(|shelf| shelf.label.clone());
                    list.len() as i64
                }
                20 => {
                    list.dedup();
                    list.retain(|shelf| shelf.label != "0");
                    list.len() as i64
                }
                21 => list.get_mut(at).map_or(-1, |shelf| {
                    shelf.slots.extend([value, 1]);
                    shelf.sum()
                }),
                22 => list.first_mut().map_or(-1, |shelf| mem::replace(shelf, Shelf::of(value)).sum()),
                23 => {
                    list.iter_mut().for_each(|shelf| shelf.label.push('i'));
                    list.last_mut().map_or(-1, |shelf| shelf.slots.pop().map_or(0, i64::from))
                }
                24 => {
                    list.sort_by_key(Shelf::sum);
                    10
                }
                25 if len > 1 => {
                    list[len - 1].label.clear();
                    list[0..2].reverse();
                    11
                }
                26 => {
                    let (one, other) = (&mut self.list, &mut self.queue);
                    let moved: List<Shelf> = mem::take(other).into_iter().collect();
                    other.extend(mem::take(one));
                    one.extend(moved);
                    one.len() as i64
                }
                _ => {
                    list.pop_if(|shelf| shelf.slots.is_empty());
                    list.push_mut(Shelf::of(value)).slots.clear();
                    list.len() as i64
                }
            });
        }
        unless_seven(seen)
    }

    pub fn on_queue(&mut self, steps: List<(u8, u16, i32)>) -> Result<List<i64>, Refused> {
        let mut seen = List::new();
        for (step, key, value) in steps {
            let queue = &mut self.queue;
            let len = queue.len();
            let (at, upto) = (usize::from(key) % (len + 1), len - len / 3);
            let is_in = at < len;
            seen.push(match step % 26 {
                0 => {
                    queue.push_front(Shelf::of(value));
                    0
                }
                1 | 2 => {
                    queue.push_back(Shelf::of(value));
                    1
                }
                3 => sum_of(queue.pop_front()),
                4 => sum_of(queue.pop_back()),
                5 => {
                    queue.insert(at, Shelf::of(value));
                    2
                }
                6 => sum_of(queue.remove(at)),
                7 => sum_of(queue.swap_remove_back(at)),
                8 => sum_of(queue.swap_remove_front(at)),
                9 if is_in => {
                    queue.swap(at, len - 1);
                    3
                }
                10 => {
                    queue.rotate_left(at);
                    4
                }
                11 => {
                    queue.rotate_right(at);
                    5
                }
                12 => {
                    queue.truncate(upto);
                    6
                }
                13 if key % 4 == 0 => {
                    queue.clear();
                    7
                }
                14 => {
                    queue.resize(upto + 2, Shelf::of(value));
                    8
                }
                15 => {
                    let mut other: VecDeque<Shelf> = (0..2).map(Shelf::of).collect();
                    queue.append(&mut other);
                    9
                }
                16 => queue.split_off(at).iter().map(Shelf::sum).sum(),
                17 => queue.drain(at / 2..at).map(|shelf| shelf.sum()).sum(),
                18 => {
                    queue.retain(|shelf| shelf.sum() % 4 != 0);
                    queue.len() as i64
                }
                19 => {
                    queue.retain_mut(|shelf| {
                        shelf.slots.push(2);
                        shelf.slots.len() < 7
                    });
                    queue.len() as i64
                }
                20 => {
                    queue.make_contiguous().sort_by_key(Shelf::sum);
                    10
                }
                21 => {
                    queue.iter_mut().for_each(|shelf| shelf.label.push('q'));
                    queue.range_mut(..at).for_each(|shelf| shelf.slots.push(value));
                    11
                }
                22 => queue.front_mut().map_or(-1, |shelf| mem::take(&mut shelf.slots).len() as i64),
                23 => queue.back_mut().map_or(-1, |shelf| {
                    shelf.marks.entry(key as u8).or_default().insert(value as u8);
                    shelf.sum()
                }),
                24 => {
                    queue.resize_with(upto + 1, Shelf::default);
                    queue.as_mut_slices().0.iter_mut().for_each(|shelf| shelf.label.push('s'));
                    12
                }
                _ => queue.get_mut(at).map_or(-1, |shelf| {
                    *shelf = Shelf::of(value);
                    shelf.sum()
                }),
            });
        }
        unless_seven(seen)
    }

    /// Random numbers in each way in which they are drawn.
    pub fn draw(&mut self, ctx: &mut Ctx<Happened>, times: u8) -> (u64, f64, [u8; 5]) {
        for _ in 0..times {
            let (number, id) = (ctx.rng().next_u64(), ctx.uuid());
            let (below, fraction) = (ctx.rng().below(number | 1), ctx.rng().fraction());
            self.drawn.push((number, below, fraction, id));
            ctx.emit(Happened::Drawn { number: below, id });
        }
        let mut bytes = [0; 5];
        ctx.rng().fill(&mut bytes);
        (ctx.rng().below(u64::from(times) + 1), ctx.rng().fraction(), bytes)
    }

    /// Every kind of value, there and back.
    pub fn keep(&mut self, ctx: &mut Ctx<Happened>, plain: Plain) -> Option<Plain> {
        ctx.emit(Happened::Kept(Box::new(plain.clone())));
        self.plain.replace(plain)
    }

    /// What a command is told.
    pub fn note(&mut self, ctx: &mut Ctx<Happened>) -> (Position, Timestamp, Option<String>) {
        let told = (ctx.position(), ctx.now(), ctx.caller().map(str::to_owned));
        self.notes.push_back(told.clone());
        told
    }

    /// Through the model inside.
    pub fn deliver(&mut self, ctx: &mut Ctx<Happened>, pieces: u32) -> Result<u64, Refused> {
        let before = ctx.rng().next_u64();
        let drawn = ctx.within(|ctx| self.stock.come(ctx, pieces));
        ctx.emit(Happened::Counted(drawn as i64));
        match pieces == 13 {
            true => Err(Refused::Unwanted { what: format!("{pieces} pieces") }),
            false => Ok(before ^ ctx.rng().next_u64()),
        }
    }

    /// Panics when everything has been changed.
    pub fn spill(&mut self) {
        *self = Depot::default();
        panic!("on purpose");
    }
}
