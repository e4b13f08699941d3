//! `memory`: bytes an entry, against the collections of std.
//!
//! Both are filled in the same way, one entry after the other, so that each has grown as it does. Counted are the bytes that were asked of
//! the allocator and not given back, with what the entries hold on the heap. That is more than is resident: room that was never written
//! takes no memory yet. std's tables write all of theirs, and of ours and of lists the last part is untouched, so what is counted is rather
//! to the disadvantage of ours. It does not depend on the allocator, and comes out the same each time, so one round is enough.

use std::hint::black_box;

use memstate::collections as ours;

use super::Rows;
use crate::{
    allocator::live,
    bank::Account,
    measure::{Aim, Better, Row},
    setting::Setting,
};

/// Those of std, in one place.
mod theirs {
    pub use std::{
        collections::{BTreeMap, HashMap, HashSet, VecDeque},
        vec::Vec,
    };
}

/// A collection, by its name, and what an entry takes in ours and in that of std, with so many.
type Kind = (&'static str, fn(u64) -> f64, fn(u64) -> f64);

macro_rules! kinds {
    ($($name:literal: $collection:ident<$($of:ty),*>, |$all:ident, $number:ident| $put:expr;)*) => {
        const KINDS: &[Kind] = &[$((
            $name,
            |entries| bytes(entries, |$all: &mut ours::$collection<$($of),*>, $number| { $put; }),
            |entries| bytes(entries, |$all: &mut theirs::$collection<$($of),*>, $number| { $put; }),
        )),*];
    };
}

kinds! {
    "hash_map_u64": HashMap<u64, u64>, |all, number| all.insert(number, number);
    "hash_map_account": HashMap<u64, Account>, |all, number| all.insert(number, ACCOUNT);
    "hash_map_text": HashMap<String, Account>, |all, number| all.insert(format!("account {number}"), ACCOUNT);
    "hash_set_u64": HashSet<u64>, |all, number| all.insert(number);
    "btree_map_account": BTreeMap<u64, Account>, |all, number| all.insert(number, ACCOUNT);
    "vec_u64": Vec<u64>, |all, number| all.push(number);
    "vec_deque_u64": VecDeque<u64>, |all, number| all.push_back(number);
}

const ACCOUNT: Account = Account { balance: 0, transfers: 0 };

pub fn run(setting: &Setting) -> Rows {
    let sizes = setting.sized(&[100_000, 1_000_000, 10_000_000][..], &[1_000]);
    let mut rows = Vec::new();
    for (kind, ours, std) in KINDS {
        for &entries in sizes {
            let name = format!("{kind}_{entries}");
            if setting.wants(&name) {
                setting.says(&format!("memory, {name}"));
                let row = Row::against(name, "bytes", Better::Less, &[ours(entries)], "std", &[std(entries)]);
                rows.push(row.aims(Aim::Ratio(1.0 / 1.3)));
            }
        }
    }
    setting.says("");
    Ok(rows)
}

/// What an entry takes in a collection of so many.
fn bytes<C: Default>(entries: u64, put: impl Fn(&mut C, u64)) -> f64 {
    let before = live();
    let mut all = C::default();
    (0..entries).for_each(|number| put(&mut all, number));
    let taken = live() - before;
    drop(black_box(all));
    taken as f64 / entries as f64
}
