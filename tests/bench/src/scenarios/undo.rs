//! `undo`: what it costs that a command can be taken back.
//!
//! The same method runs on the same structure, once as a command and once called directly, and on a twin of std's collections.
//! It touches two entries. One that is rejected refuses after it has changed both; without undo the changes stay.
//! std's maps are measured as they come, with std's hasher, and once more with the hasher of ours.
//! The digest of what was changed is no part of undo, but every command pays it, so it has rows of its own.

use std::{cell::RefCell, hint::black_box};

use memstate::{
    State,
    state::transaction,
    testing::undo::{Trace, traced},
};

use super::Rows;
use crate::{
    bank::{Account, Transfers},
    measure::{Aim, Better, Row, take_turns, timed},
    setting::Setting,
};

/// With so many entries the data still fits the cache that a core has for itself: a second-level cache of 1 MiB holds the 24 bytes of
/// each account, the table over them, and the log.
const CACHED: u32 = 10_000;

/// A structure, and the method that is measured.
trait Touch {
    /// Whether there is one.
    const IS_THERE: bool = true;
    /// With so many entries.
    fn filled(entries: u32) -> Self;
    /// Changes two entries, and then may refuse.
    fn touch(&mut self, from: u64, to: u64, amount: i64, refuses: bool) -> Result<(), ()>;
}

macro_rules! flat {
    ($($(#[$attribute:meta])* $name:ident: $map:ty;)*) => {$(
        $(#[$attribute])*
        struct $name {
            accounts: $map,
        }

        impl Touch for $name {
            fn filled(entries: u32) -> Self {
                let account = |number| (u64::from(number), Account { balance: 0, transfers: 0 });
                $name { accounts: (0..entries).map(account).collect() }
            }

            fn touch(&mut self, from: u64, to: u64, amount: i64, refuses: bool) -> Result<(), ()> {
                let source = self.accounts.get_mut(&from).ok_or(())?;
                source.balance -= amount;
                source.transfers += 1;
                let target = self.accounts.get_mut(&to).ok_or(())?;
                target.balance += amount;
                target.transfers += 1;
                if refuses { Err(()) } else { Ok(()) }
            }
        }
    )*};
}

flat! {
    #[memstate::data]
    Flat: memstate::collections::HashMap<u64, Account>;
    StdFlat: std::collections::HashMap<u64, Account>;
    FoldhashFlat: std::collections::HashMap<u64, Account, foldhash::fast::RandomState>;
    #[memstate::data]
    Sorted: memstate::collections::BTreeMap<u64, Account>;
    StdSorted: std::collections::BTreeMap<u64, Account>;
}

macro_rules! nested {
    ($($(#[$attribute:meta])* $name:ident of $owner:ident: $map:ty, $list:ty;)*) => {$(
        $(#[$attribute])*
        struct $owner {
            balance: i64,
            accounts: $list,
        }

        $(#[$attribute])*
        struct $name {
            owners: $map,
        }

        impl Touch for $name {
            fn filled(entries: u32) -> Self {
                let owner = |number| (u64::from(number), $owner { balance: 0, accounts: [0; 3].into() });
                $name { owners: (0..entries).map(owner).collect() }
            }

            fn touch(&mut self, from: u64, to: u64, amount: i64, refuses: bool) -> Result<(), ()> {
                let source = self.owners.get_mut(&from).ok_or(())?;
                source.balance -= amount;
                source.accounts[1] -= amount;
                let target = self.owners.get_mut(&to).ok_or(())?;
                target.balance += amount;
                target.accounts[1] += amount;
                if refuses { Err(()) } else { Ok(()) }
            }
        }
    )*};
}

nested! {
    #[memstate::data]
    Nested of Owner: memstate::collections::HashMap<u64, Owner>, memstate::collections::Vec<i64>;
    StdNested of StdOwner: std::collections::HashMap<u64, StdOwner>, Vec<i64>;
    FoldhashNested of FoldhashOwner:
        std::collections::HashMap<u64, FoldhashOwner, foldhash::fast::RandomState>, Vec<i64>;
}

pub fn run(setting: &Setting) -> Rows {
    let sizes = setting.sized(&[1_000, 10_000, 100_000, 1_000_000, 10_000_000][..], &[1_000]);
    let mut rows = Vec::new();
    for (kind, compare) in [
        ("flat", compare::<Flat, StdFlat, FoldhashFlat> as Compare),
        ("nested", compare::<Nested, StdNested, FoldhashNested>),
        ("sorted", compare::<Sorted, StdSorted, Nothing>),
    ] {
        // A list in each entry takes so much memory that ten million of them are no fair demand.
        let entries_max = if kind == "flat" { u32::MAX } else { 1_000_000 };
        for &entries in sizes.iter().filter(|entries| **entries <= entries_max) {
            if setting.wants(&format!("{kind}_{entries}_")) {
                rows.extend(compare(setting, kind, entries)?);
            }
        }
    }
    Ok(rows)
}

type Compare = fn(&Setting, &str, u32) -> Rows;

/// What is not there to be measured.
struct Nothing;

impl Touch for Nothing {
    const IS_THERE: bool = false;
    fn filled(_: u32) -> Self {
        Nothing
    }
    fn touch(&mut self, _: u64, _: u64, _: i64, _: bool) -> Result<(), ()> {
        Ok(())
    }
}

/// Nanoseconds a command.
struct Ours {
    accepted: f64,
    traced: f64,
    rejected: f64,
}

/// The same without undo.
struct Bare {
    accepted: f64,
    rejected: f64,
    std: f64,
    foldhash: f64,
}

fn compare<T: Touch + State, S: Touch, F: Touch>(setting: &Setting, kind: &str, entries: u32) -> Rows {
    let commands = setting.sized(if entries > CACHED { 1 << 19 } else { 1 << 18 }, 200);
    let mut random = Transfers::new(entries.into(), u64::from(entries));
    let commands: Vec<(u32, u32)> = std::iter::repeat_with(|| random.next())
        .map(|transfer| (transfer.from as u32, transfer.to as u32))
        .take(commands)
        .collect();
    let ours = RefCell::new(T::filled(entries));
    let (mut std, mut foldhash) = (S::filled(entries), F::filled(entries));
    let mut trace = Trace::default();
    let (ours, bare) = take_turns(
        setting,
        &format!("undo, {kind}_{entries}"),
        || {
            let root = &mut *ours.borrow_mut();
            let command = |root: &mut T, (from, to), refuses| {
                transaction(root, |root| root.touch(from, to, 1, refuses)).is_ok()
            };
            Ok(Ours {
                accepted: nanos(&commands, |at| command(root, at, false)),
                rejected: nanos(&commands, |at| command(root, at, true)),
                traced: nanos(&commands, |(from, to)| {
                    let done = traced(root, &mut trace, |root| root.touch(from, to, 1, false));
                    (done.is_ok(), trace.digest())
                }),
            })
        },
        || {
            let root = &mut *ours.borrow_mut();
            Ok(Bare {
                accepted: nanos(&commands, |(from, to)| root.touch(from, to, 1, false)),
                rejected: nanos(&commands, |(from, to)| root.touch(from, to, 1, true)),
                std: nanos(&commands, |(from, to)| std.touch(from, to, 1, false)),
                foldhash: nanos(&commands, |(from, to)| foldhash.touch(from, to, 1, false)),
            })
        },
    )?;
    let ours_of = |figure: fn(&Ours) -> f64| ours.iter().map(figure).collect::<Vec<_>>();
    let bare_of = |figure: fn(&Bare) -> f64| bare.iter().map(figure).collect::<Vec<_>>();
    let mut rows = Vec::new();
    for (name, ours, bare) in [
        ("accepted", ours_of(|ours| ours.accepted), bare_of(|bare| bare.accepted)),
        ("rejected", ours_of(|ours| ours.rejected), bare_of(|bare| bare.rejected)),
    ] {
        let name = format!("{kind}_{entries}_{name}");
        let more: Vec<f64> = std::iter::zip(&ours, &bare).map(|(ours, bare)| ours - bare).collect();
        let row = Row::against(&name, "ns", Better::Less, &ours, "without undo", &bare);
        let more = Row::alone(format!("{name}_more"), "ns", &more);
        match entries <= CACHED {
            true => rows.extend([row, more.aims(Aim::AtMost(40.0))]),
            false => rows.extend([row.aims(Aim::Ratio(1.0 / 1.25)), more]),
        }
    }
    let against = |name: &str, ours: &[f64], what, bare: &[f64]| {
        Row::against(format!("{kind}_{entries}_{name}"), "ns", Better::Less, ours, what, bare)
    };
    let (accepted, std) = (ours_of(|ours| ours.accepted), bare_of(|bare| bare.std));
    rows.push(against("accepted_std", &accepted, "std, without undo", &std).aims(Aim::Ratio(1.0 / 3.0)));
    if F::IS_THERE {
        let foldhash = bare_of(|bare| bare.foldhash);
        rows.push(against("accepted_std_foldhash", &accepted, "std with foldhash, without undo", &foldhash));
    }
    let (traced, bare) = (ours_of(|ours| ours.traced), bare_of(|bare| bare.accepted));
    rows.push(against("accepted_traced", &traced, "without undo", &bare));
    Ok(rows)
}

/// What one of these commands takes.
fn nanos<R>(commands: &[(u32, u32)], mut run: impl FnMut((u64, u64)) -> R) -> f64 {
    let ((), took) = timed(|| {
        for &(from, to) in commands {
            black_box(run((from.into(), to.into())));
        }
    });
    took.as_secs_f64() * 1e9 / commands.len() as f64
}
