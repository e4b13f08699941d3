//! Violations on purpose: the checker has to find each.

use memstate_tests::random::Random;

use super::{
    check::{Call, Did, Operation, Plain, Reply, check},
    model::CELLS,
};
use crate::{ensure, harness::Run};

/// An operation has its effect somewhere in a span of twice this length, and the next one's is ten later.
const HALF_SPAN: u64 = 40;
/// How many operations are certainly over when one begins that comes so much later.
const FAR: usize = 12;

/// What was recorded, and where the journal ends.
#[derive(Clone)]
struct Recorded {
    operations: Vec<Operation>,
    end: u64,
}

type Plant = fn(&mut Recorded, &mut Random) -> bool;

/// Changes something; `false` if there is nothing to change in this one.
const PLANTS: &[(&str, Plant)] = &[
    ("a stale read", |recorded, random| {
        let (from, to) = two_queries(recorded, random);
        copy_sight(recorded, from, to)
    }),
    ("a read from the future", |recorded, random| {
        let (to, from) = two_queries(recorded, random);
        copy_sight(recorded, from, to)
    }),
    ("a torn read", |recorded, random| {
        let Did::Query { saw, .. } = any(recorded, random, |did| matches!(did, Did::Query { .. })) else {
            return false;
        };
        saw.values[1] = saw.values[1].wrapping_add(1);
        true
    }),
    ("a wrong sum", |recorded, random| {
        let Did::Query { saw, .. } = any(recorded, random, |did| matches!(did, Did::Query { .. })) else {
            return false;
        };
        saw.sum ^= 1;
        true
    }),
    ("two replies swapped", |recorded, random| {
        let accepted = |did: &Did| matches!(did, Did::Command { reply: Reply::Accepted(_), .. });
        let (one, other) = (random.below(40) as usize, 60 + random.below(40) as usize);
        let mut places =
            (0..recorded.operations.len()).filter(|place| accepted(&recorded.operations[*place].did));
        let (Some(one), Some(other)) = (places.nth(one), places.nth(other - one)) else { return false };
        let reply = |place: usize, recorded: &Recorded| match &recorded.operations[place].did {
            Did::Command { reply, .. } => reply.clone(),
            _ => Reply::Untold,
        };
        let replies = (reply(one, recorded), reply(other, recorded));
        for (place, new) in [(one, replies.1.clone()), (other, replies.0.clone())] {
            if let Did::Command { reply, .. } = &mut recorded.operations[place].did {
                *reply = new;
            }
        }
        replies.0 != replies.1
    }),
    ("a lost update", |recorded, random| {
        let adds = |did: &Did| matches!(did, Did::Command { calls, .. } if matches!(calls[..], [Call::Add { more: 1.., .. }]));
        let Did::Command { calls, reply: Reply::Accepted(values), .. } = any(recorded, random, adds) else {
            return false;
        };
        let [Call::Add { more, .. }] = calls[..] else { return false };
        values[0] = values[0].wrapping_sub(more);
        true
    }),
    ("half of an atomic batch", |recorded, random| {
        let is_batch = |did: &Did| matches!(did, Did::Command { calls, reply: Reply::Accepted(_), .. } if calls.len() > 1);
        let Did::Command { calls, .. } = any(recorded, random, is_batch) else { return false };
        calls.pop();
        true
    }),
    ("a position that two commands have", |recorded, random| {
        let Did::Command { position, .. } = any(recorded, random, |did| matches!(did, Did::Command { .. }))
        else {
            return false;
        };
        *position = if *position > 1 { *position - 1 } else { 2 };
        true
    }),
    ("a command that happened and nobody sent", |recorded, random| {
        let place = place(recorded, random, |did| matches!(did, Did::Command { .. }));
        recorded.operations.remove(place);
        true
    }),
    ("a command that is acknowledged and lost", |recorded, _| {
        recorded.end -= 1;
        true
    }),
    ("a record at the end that nobody sent", |recorded, _| {
        recorded.end += 1;
        true
    }),
    ("a command that comes before one that had ended", |recorded, random| {
        let place = place(recorded, random, |did| matches!(did, Did::Command { .. }));
        later(recorded, place)
    }),
    ("a query that comes before a command that had ended", |recorded, random| {
        let place = place(recorded, random, |did| matches!(did, Did::Query { .. }));
        later(recorded, place)
    }),
    ("a command that comes after one that had not begun", |recorded, random| {
        let place = place(recorded, random, |did| matches!(did, Did::Command { .. }));
        let operation = &mut recorded.operations[place];
        let by = 10 * FAR as u64 + 3 * HALF_SPAN;
        (operation.began, operation.ended) =
            (operation.began.saturating_sub(by), operation.ended.saturating_sub(by));
        place > 4 * FAR
    }),
    ("a refusal without a reason", |recorded, random| {
        let accepted = |did: &Did| matches!(did, Did::Command { reply: Reply::Accepted(_), .. });
        let Did::Command { reply, .. } = any(recorded, random, accepted) else { return false };
        *reply = Reply::Refused(0, 7);
        true
    }),
    ("a reply where it is refused", |recorded, random| {
        let refused = |did: &Did| matches!(did, Did::Command { reply: Reply::Refused(..), .. });
        let Did::Command { reply, .. } = any(recorded, random, refused) else { return false };
        *reply = Reply::Accepted(vec![0]);
        true
    }),
    ("a refusal that found something else", |recorded, random| {
        let refused = |did: &Did| matches!(did, Did::Command { reply: Reply::Refused(..), .. });
        let Did::Command { reply: Reply::Refused(_, found), .. } = any(recorded, random, refused) else {
            return false;
        };
        *found += 1;
        true
    }),
    ("a position that is told too late", |recorded, random| {
        let place = place(recorded, random, |did| matches!(did, Did::Position(_)));
        recorded.operations[place].did = Did::Position(1);
        place > 4 * FAR
    }),
    ("a position that is not there yet", |recorded, random| {
        let place = place(recorded, random, |did| matches!(did, Did::Position(_)));
        let end = recorded.end;
        recorded.operations[place].did = Did::Position(end);
        place + 4 * FAR < recorded.operations.len()
    }),
    ("an effect of a command of which nobody was told that is another one", |recorded, random| {
        let adds =
            |did: &Did| matches!(did, Did::Command { calls, .. } if matches!(calls[..], [Call::Add { .. }]));
        let place = place(recorded, random, adds);
        if let Did::Command { calls, reply, .. } = &mut recorded.operations[place].did
            && let Call::Add { more, .. } = &mut calls[0]
        {
            (*more, *reply) = (*more + 1, Reply::Untold);
        }
        place + 4 * FAR < recorded.operations.len()
    }),
];

/// Plants each violation in several histories, which are right without it.
pub fn are_all_caught(run: &Run) -> Result<(), String> {
    let mut random = Random::new(run.seed);
    for (what, plant) in PLANTS {
        let (mut planted, mut tries) = (0, 0);
        while planted < 25 {
            tries += 1;
            ensure!(tries < 1000, "{what}: it cannot be planted");
            let right = record(&mut random);
            let caught = |mut recorded: Recorded| {
                check(&mut Plain::default(), 0, recorded.end, &mut recorded.operations).err()
            };
            if let Some(why) = caught(right.clone()) {
                return Err(format!("what is right is called wrong: {why}"));
            }
            let mut wrong = right;
            if plant(&mut wrong, &mut random) {
                planted += 1;
                ensure!(caught(wrong).is_some(), "planted and not caught: {what}");
            }
        }
    }
    run.fact("planted violations, all caught", 25 * PLANTS.len() as u64);
    Ok(())
}

/// A history that is right: what is done one after another, each with a span of time around its moment.
fn record(random: &mut Random) -> Recorded {
    let (mut plain, mut position, mut operations) = (Plain::default(), 0, Vec::new());
    for number in 0..400 {
        let cell = |random: &mut Random| random.below(CELLS.into()) as u8;
        let call = |random: &mut Random| match random.below(4) {
            0 => Call::Put { cell: cell(random), value: random.below(1000) },
            1 => Call::Add { cell: cell(random), more: random.below(1000) },
            2 => Call::Swap { cell: cell(random), expected: random.below(3), value: random.below(1000) },
            _ => Call::Transfer { from: cell(random), to: cell(random), amount: random.below(2000) },
        };
        let did = match random.below(10) {
            0..4 => {
                let cells = [cell(random), cell(random)];
                Did::Query { cells, saw: plain.sight(cells), sum: true }
            }
            4 => Did::Position(position),
            kind => {
                let calls: Vec<_> = (0..1 + u64::from(kind == 5) * 2).map(|_| call(random)).collect();
                position += 1;
                let reply = plain.apply(position, &calls);
                Did::Command { position, calls, reply }
            }
        };
        let moment = 1000 + 10 * number;
        let (before, after) = (random.below(HALF_SPAN), random.below(HALF_SPAN));
        operations.push(Operation { began: moment - before, ended: moment + after, did });
    }
    // One command more, that everybody sees.
    let reply = plain.apply(position + 1, &[Call::Add { cell: 0, more: 1 }]);
    let did = Did::Command { position: position + 1, calls: vec![Call::Add { cell: 0, more: 1 }], reply };
    operations.push(Operation { began: 6000, ended: 6001, did });
    Recorded { operations, end: position + 1 }
}

/// The place of one of this kind.
fn place(recorded: &Recorded, random: &mut Random, kind: impl Fn(&Did) -> bool) -> usize {
    let places: Vec<_> =
        (0..recorded.operations.len() - 1).filter(|it| kind(&recorded.operations[*it].did)).collect();
    places[random.below(places.len() as u64) as usize]
}

fn any<'a>(recorded: &'a mut Recorded, random: &mut Random, kind: impl Fn(&Did) -> bool) -> &'a mut Did {
    let place = place(recorded, random, kind);
    &mut recorded.operations[place].did
}

/// Two queries, of which the first is over long before the second begins.
fn two_queries(recorded: &Recorded, random: &mut Random) -> (usize, usize) {
    let is_query = |did: &Did| matches!(did, Did::Query { .. });
    loop {
        let (one, other) = (place(recorded, random, is_query), place(recorded, random, is_query));
        if one + 2 * FAR < other {
            return (one, other);
        }
    }
}

/// Lets one query see what the other saw, of its own cells.
fn copy_sight(recorded: &mut Recorded, from: usize, to: usize) -> bool {
    let Did::Query { cells: those, saw: seen, .. } = recorded.operations[from].did.clone() else {
        return false;
    };
    match &mut recorded.operations[to].did {
        Did::Query { cells, saw, .. } if saw.last != seen.last => {
            (*cells, *saw) = (those, seen);
            true
        }
        _ => false,
    }
}

/// Puts an operation later than it was, after others that have changed something.
fn later(recorded: &mut Recorded, place: usize) -> bool {
    let by = 10 * FAR as u64 + 3 * HALF_SPAN;
    let operation = &mut recorded.operations[place];
    (operation.began, operation.ended) = (operation.began + by, operation.ended + by);
    let began = operation.began;
    recorded.operations[place + 1..]
        .iter()
        .any(|it| it.ended < began && matches!(it.did, Did::Command { reply: Reply::Accepted(_), .. }))
}
