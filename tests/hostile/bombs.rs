//! Bombs made by hand: a few bytes that mean more than a machine has.

use memstate_tests::{
    everything::{Everything, Expr, seeds::deep},
    meter::measured,
};

use crate::support::{BASE, Entrance, PER_BYTE, SEEDS, command, varint};

/// What a value says of how much comes, which nothing comes up to.
const COUNTS: [u128; 8] = [2, 1 << 16, 1 << 20, 1 << 30, 1 << 32, 1 << 60, 1 << 63, u64::MAX as u128];

#[test]
fn announced_lengths_are_not_believed() {
    for count in COUNTS {
        let count = varint(count);
        for (name, before) in [
            ("keep", &[2][..]),         // a text
            ("keep", &[4]),             // a list of expressions
            ("enqueue", &[]),           // a list of pairs
            ("enqueue", &[1, 7, 1]),    // a text in it
            ("paint", &[0]),            // a set
            ("place", &[]),             // a text
            ("nest", &[0]),             // a map
            ("nest", &[0, 1, 1, b'a']), // a list in it
            ("write", &[]),             // bytes
        ] {
            for after in [&[][..], &[0], &[0; 64]] {
                let bytes = [before, &count, after].concat();
                let entrance = Entrance::Arguments(command(name));
                // Behind a small number there may be as much as it says.
                assert!(!entrance.enter(&bytes) || after == [0; 64], "{name} {bytes:?}");
            }
        }
        // Outcomes, and amended ones.
        assert!(!Entrance::Batch.enter(&[&[2][..], &[0; 24], &[1], &count].concat()));
        assert!(!Entrance::Payload.enter(&[&[3][..], &[0; 8], &count].concat()));
        Entrance::State.enter(&[&[0][..], &count].concat());
        Entrance::Schema.enter(&[&[2, 0, 1, 14, 0][..], &count, &[0; 64]].concat());
    }
}

#[test]
fn lists_in_lists_make_no_room_for_what_each_of_them_announces() {
    let bytes = b"\x04\xff\xff\x03".repeat(500);
    assert!(!Entrance::Arguments(command("keep")).enter(&bytes));
    let bytes = b"\x04\xff\xff\x03".repeat(16_000);
    assert!(!Entrance::Arguments(command("keep")).enter(&bytes));
}

#[test]
fn elements_that_take_no_bytes_are_counted() {
    let many = varint(1 << 40);
    let units = memstate::testing::hostile::units(&many);
    assert!(units.is_err(), "{units:?}");
}

#[test]
fn numbers_are_neither_cut_short_nor_too_long() {
    let tick = command("write");
    for bytes in [&[0x80][..], &[0xff; 9], &[0xff; 11], &[0xff; 400]] {
        assert!(!Entrance::Arguments(tick).enter(bytes));
        assert!(!Entrance::Record.enter(bytes));
        assert!(!Entrance::Batch.enter(&[&[2][..], &[0; 24], bytes].concat()));
    }
    // Longer than need be is read as postcard reads it, and is written in its shortest form.
    assert!(Entrance::Arguments(tick).enter(&[0x80, 0x00, 0x81, 0x00, b'a']));
}

/// Values that are nested so deep, in every way in which the model's type holds itself.
fn nested(levels: usize) -> [Vec<u8>; 3] {
    let close = |open: &[u8], close: &[u8]| [open.repeat(levels), vec![0], close.repeat(levels)].concat();
    [close(&[4, 1], &[]), close(&[3], &[0]), close(&[5, 0, 1], &[])]
}

#[test]
fn values_are_as_deep_as_the_limit_and_no_deeper() {
    let keep = Entrance::Arguments(command("keep"));
    for levels in [1, 50, 100] {
        for bytes in nested(levels) {
            assert!(keep.enter(&bytes), "{levels} levels are read");
        }
    }
    for levels in [600, 5_000, 50_000, 1_000_000] {
        for bytes in nested(levels) {
            assert!(!keep.enter(&bytes), "{levels} levels are refused");
            let state = [&[0, 0, 0, 1][..], &bytes].concat();
            assert!(!Entrance::State.enter(&state));
        }
    }
}

#[test]
fn the_deepest_values_are_read_and_dropped_on_a_small_stack() {
    // As deep as they can be: the last that is read, whatever the limit is.
    let keep = command("keep");
    let thread = std::thread::Builder::new().stack_size(2 << 20).spawn(move || {
        let deepest = (1..600).rev().find(|levels| Entrance::Arguments(keep).enter(&nested(*levels)[0]));
        assert!(deepest.is_some_and(|levels| levels >= 200), "{deepest:?}");
    });
    thread.expect("there is a thread").join().expect("it is not too deep");
}

#[tokio::test]
async fn a_value_that_is_too_deep_is_refused_when_it_is_sent() {
    let model = memstate::open::<Everything>("memory:").await.expect("it is in memory");
    model.keep(deep(100)).await.expect("it is not too deep");
    let error = model.keep(deep(400)).await.expect_err("it is too deep").to_string();
    assert!(error.contains("values are nested deeper than 512 levels"), "{error}");
    assert_eq!(model.keep(Expr::Nothing).await, Ok(2), "nothing else is lost");
}

#[test]
fn types_are_no_deeper_than_the_limit_either() {
    // One in the other without a name between them, and a thousand named ones each in the one before.
    for inner in [10, 11] {
        let shape = vec![inner; 100_000];
        assert!(!Entrance::Schema.enter(&[&[2, 0, 1][..], &shape].concat()));
    }
    let (chain, most) = chain_of_types(2_000);
    let (accepted, peak) = measured(|| Entrance::Schema.enter(&chain));
    assert!(accepted, "a long chain of types is a schema");
    assert!(peak < BASE + most * PER_BYTE);
}

/// A schema of the model's name with a chain of recursive types, as long as `length`, where the model has one that holds itself.
fn chain_of_types(length: usize) -> (Vec<u8>, usize) {
    let bytes = memstate::testing::hostile::chained::<Everything>(length);
    let most = bytes.len();
    (bytes, most)
}

#[test]
fn a_name_is_not_repeated_without_end() {
    // A list of a million structs without bytes, whose only field has a long name.
    let bomb = memstate::testing::hostile::long_name::<Everything>(1000);
    let (accepted, peak) =
        measured(|| memstate::testing::hostile::carried::<Everything>(&bomb, &varint(1 << 19)));
    assert!(!accepted);
    assert!(peak < BASE + (bomb.len() + 3) * PER_BYTE, "{peak} bytes");
}

#[test]
fn requests_that_contradict_themselves_are_no_reason_to_panic() {
    let seeds = &*SEEDS;
    let preamble = &seeds.preamble;
    let state = &seeds.states[0];
    for requests in [
        &[0, 0, 0, 0][..],   // none: fine
        &[0, 0, 200, 1, 0],  // bytes of replies that are not there
        &[0, 1, 1, 1, 0, 0], // an order of what is not there
        &[0, 2, 1, 1, 1, 1, 0, 0],
    ] {
        let content = memstate::testing::hostile::snapshot_content(3, preamble, requests, state);
        assert_eq!(Entrance::Snapshot.enter(&content), requests == [0, 0, 0, 0], "{requests:?}");
    }
}
