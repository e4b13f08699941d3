//! Real bytes, changed: each cut, each flip, and random changes from a seed.

use memstate::testing::hostile;
use memstate_tests::random::Random;

use crate::support::{Entrance, real};

/// How many random changes there are, over all entrances.
const CHANGES: u64 = 20_000;
/// How many of the places of a long seed are tried, for a quick test.
const PLACES: usize = 200;

#[test]
fn real_bytes_are_accepted() {
    for (entrance, bytes) in real() {
        // A batch continues the one before it, and so only the first ones are accepted alone.
        if entrance != Entrance::Batch {
            let shown = &bytes[..bytes.len().min(100)];
            assert!(entrance.enter(&bytes), "{entrance:?} {shown:?}");
        }
    }
}

/// The places of a seed that are tried; of the zeros at its end only the first ones.
fn places(bytes: &[u8]) -> impl Iterator<Item = usize> + use<> {
    let used = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| bytes.len().min(last + 512));
    (0..used).step_by(used.div_ceil(PLACES).max(1))
}

/// A segment keeps its checksums only if nobody changes it, so it is given new ones.
fn entered(entrance: Entrance, bytes: &mut [u8]) -> bool {
    if entrance == Entrance::Segment {
        assert!(!entrance.enter(bytes), "a changed segment is refused by its checksums");
        hostile::seal_segment(bytes);
    }
    entrance.enter(bytes)
}

#[test]
fn every_cut_is_survived() {
    let mut cuts = 0;
    for (entrance, bytes) in real() {
        for cut in places(&bytes) {
            let accepted = entrance.enter(&bytes[..cut]);
            let may_end_anywhere = matches!(entrance, Entrance::Payload | Entrance::Attempt | Entrance::Text);
            assert!(!accepted || may_end_anywhere || entrance == Entrance::Batch, "{entrance:?} {cut}");
            cuts += 1;
        }
    }
    println!("{cuts} cuts");
}

#[test]
fn every_changed_byte_is_survived() {
    let (mut flips, mut accepted) = (0, 0);
    for (entrance, real) in real() {
        for place in places(&real) {
            for flip in [0x01, 0x80] {
                let mut bytes = real.clone();
                bytes[place] ^= flip;
                accepted += u32::from(entered(entrance, &mut bytes));
                flips += 1;
            }
        }
    }
    println!("{flips} changed bytes, of which {accepted} were accepted");
    assert!(accepted > 0 && accepted < flips, "{accepted} of {flips}");
}

#[test]
fn random_changes_are_survived() {
    let (mut random, seed) = Random::seeded();
    let real = real();
    let mut accepted = 0;
    for _ in 0..CHANGES {
        let pick =
            |random: &mut Random| usize::try_from(random.below(real.len() as u64)).expect("it is small");
        let (entrance, bytes) = &real[pick(&mut random)];
        let other = &real[pick(&mut random)].1;
        let mut bytes = bytes.clone();
        for _ in 0..=random.below(4) {
            change(&mut bytes, other, &mut random);
        }
        accepted += u64::from(entrance.enter(&bytes));
    }
    println!("{CHANGES} random changes from seed {seed}, of which {accepted} were accepted");
    assert!(accepted > 0 && accepted < CHANGES, "{accepted} of {CHANGES}");
}

/// Changes the bytes in one of the ways in which bytes go wrong.
fn change(bytes: &mut Vec<u8>, other: &[u8], random: &mut Random) {
    let mut place = |length: usize| usize::try_from(random.below(length.max(1) as u64)).expect("it is small");
    let (at, to) = (place(bytes.len()), place(bytes.len() + 1));
    let (from, until) = (at.min(to), at.max(to));
    let (other_from, other_until) = (place(other.len()), place(other.len() + 1));
    match place(7) {
        0 if at < bytes.len() => bytes[at] = [0, 1, 0x7f, 0x80, 0xff][place(5)],
        1 if at < bytes.len() => bytes[at] ^= 1 << place(8),
        2 => drop(bytes.drain(from..until)),
        3 => bytes.splice(from..from, vec![0xff; place(12)]).for_each(drop),
        4 => {
            let again = bytes[from..until].to_vec();
            bytes.splice(until..until, again).for_each(drop);
        }
        5 => {
            let part = other[other_from.min(other_until)..other_from.max(other_until)].to_vec();
            bytes.splice(from..until, part).for_each(drop);
        }
        _ => bytes.truncate(until),
    }
}
