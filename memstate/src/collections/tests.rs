//! The collections against those of `std` (and `IndexMap`, for the order), in commands that succeed, fail and panic.

#![allow(
    clippy::useless_conversion,
    clippy::redundant_closure,
    clippy::option_map_unit_fn,
    reason = "the same expression runs on our type and on that of std, and is not useless or redundant on both"
)]
#![allow(clippy::op_ref, clippy::cmp_owned, reason = "the comparisons are what is tested")]

use std::fmt::Debug;

use proptest::{collection::vec as list_of, prelude::*};

use crate::state::{Failed, State, shared::THOROUGH_SEARCHES, transaction};

mod models;
mod parity;
mod sequences;
mod sets_and_maps;
mod unruly;

/// What an operation does, and two numbers that it takes what it needs from.
type Op = (u8, u8, u32);

/// How a command ends.
#[derive(Debug, Clone, Copy, PartialEq)]
enum End {
    Well,
    Refused,
    Panicking,
    /// A closure or an iterator that the collection calls panics in the middle of this operation.
    PanickingInside(Op),
}

#[derive(Debug, Clone)]
struct Script {
    before: Vec<Op>,
    command: Vec<Op>,
    end: End,
}

fn script() -> impl Strategy<Value = Script> {
    let op = || (any::<u8>(), 0..12u8, 0..1000u32);
    let end = prop_oneof![
        Just(End::Well),
        Just(End::Refused),
        Just(End::Panicking),
        op().prop_map(End::PanickingInside)
    ];
    (list_of(op(), 0..12), list_of(op(), 0..16), end).prop_map(|(before, command, end)| Script {
        before,
        command,
        end,
    })
}

fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

/// A panic without the noise of the hook.
fn bang() -> ! {
    std::panic::resume_unwind(Box::new("bang"))
}

/// `true` the first `calls` times, then a panic.
fn fuse(mut calls: u32) -> impl FnMut() -> bool {
    move || {
        if calls == 0 {
            bang();
        }
        calls -= 1;
        true
    }
}

/// Plays `script` on ours and on the `mirror`: they are equal, order included, and a command that fails leaves ours
/// as it was.
fn play<T: State + Debug, M: Clone + Debug>(
    script: &Script,
    mut ours: T,
    mut mirror: M,
    apply: impl Fn(&mut T, &mut M, Op),
    panic_inside: impl Fn(&mut T, Op),
) {
    for op in &script.before {
        apply(&mut ours, &mut mirror, *op);
    }
    let before = format!("{ours:?}");
    assert_eq!(before, format!("{mirror:?}"));

    let mut changed = mirror.clone();
    let outcome = transaction(&mut ours, |ours| {
        for op in &script.command {
            apply(ours, &mut changed, *op);
        }
        match script.end {
            End::Well => Ok(()),
            End::Refused => Err(()),
            End::Panicking => bang(),
            End::PanickingInside(op) => {
                panic_inside(ours, op);
                bang()
            }
        }
    });
    match (script.end, outcome) {
        (End::Well, Ok(())) => mirror = changed,
        (End::Refused, Err(Failed::Refused(()))) => {}
        (End::Panicking | End::PanickingInside(_), Err(Failed::Panicked(message))) if message == "bang" => {}
        (_, outcome) => panic!("unexpected: {outcome:?}"),
    }
    assert_eq!(format!("{ours:?}"), format!("{mirror:?}"));
    // What was changed was found where the logs say that it is.
    assert_eq!(THOROUGH_SEARCHES.get(), 0);

    // Not only the looks came back: everything works on as if nothing had happened.
    for op in &script.command {
        apply(&mut ours, &mut mirror, *op);
    }
    assert_eq!(format!("{ours:?}"), format!("{mirror:?}"));
}

/// Does the same to ours and to the mirror, and compares what comes out.
macro_rules! both {
    ($ours:ident, $mirror:ident, $name:ident => $body:expr) => {{
        let from_ours = {
            let $name = &mut *$ours;
            format!("{:?}", $body)
        };
        let from_mirror = {
            let $name = &mut *$mirror;
            format!("{:?}", $body)
        };
        assert_eq!(from_ours, from_mirror);
    }};
}
use both;

/// What is left of elements that were different: their first byte.
#[derive(PartialEq, Eq, PartialOrd, Ord, Hash, Debug, serde::Serialize, serde::Deserialize)]
struct First(u8);

impl State for First {
    type Saved = u8;
    fn save(&self) -> u8 {
        self.0
    }
    fn restore(saved: u8) -> Self {
        First(saved)
    }
    fn put_back(&mut self, saved: u8) {
        self.0 = saved;
    }
    fn visit(&mut self, _: &mut crate::state::Visitor) {}
}

#[test]
fn what_would_become_one_element_or_one_key_is_refused() {
    fn refused<T: serde::de::DeserializeOwned>(bytes: &[u8], text: &str) {
        assert!(postcard::from_bytes::<T>(bytes).is_err());
        let error = serde_json::from_str::<T>(text).err().expect("it is refused").to_string();
        assert!(error.contains("2 equals one before it"), "{error}");
    }
    refused::<super::HashSet<First>>(&[2, 7, 7], "[7, 7]");
    refused::<super::BTreeSet<First>>(&[2, 7, 7], "[7, 7]");
    refused::<super::HashMap<u8, u8>>(&[2, 7, 1, 7, 2], "{\"7\": 1, \"7\": 2}");
    refused::<super::BTreeMap<u8, u8>>(&[2, 7, 1, 7, 2], "{\"7\": 1, \"7\": 2}");
    assert_eq!(postcard::from_bytes::<super::BTreeSet<u8>>(&[2, 8, 7]).unwrap().len(), 2);
    assert_eq!(postcard::from_bytes::<super::HashMap<u8, u8>>(&[2, 8, 7, 7, 7]).unwrap().len(), 2);
}
