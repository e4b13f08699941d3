//! Real bytes, changed at random, and values that are nested deep, through everything that reads bytes.
//!
//! `tests/fuzz/run` does the same under a fuzzer that looks for new paths, and counts the memory; this is the form that needs
//! nothing but a compiler. The entrances assert themselves that what they accept is read alike in every way there is.

use std::sync::LazyLock;

use memstate::{Model, model::Operation, testing::hostile};
use memstate_tests::{
    everything::{Everything, seeds::Seeds},
    random::Random,
};

use crate::{
    ensure,
    harness::{Case, Gate, Run},
};

pub const GATE: Gate = Gate {
    name: "hostile",
    promise: "no bytes bring it down",
    unit: "inputs",
    counts: [10_000, 300_000, 20_000_000],
    run,
};

/// How many inputs a case has.
const INPUTS: u64 = 50;
/// Depths on both sides of the limit of 512 levels; a level of an expression is two of a value at least.
const DEPTHS: [(usize, bool); 5] = [(1, true), (50, true), (100, true), (600, false), (1_500, false)];

/// Real bytes, made once.
static SEEDS: LazyLock<Seeds> = LazyLock::new(|| {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime on this thread");
    runtime.block_on(Seeds::make())
});

fn run(run: &Run) -> Result<(), String> {
    run.cases(|case| {
        depths(case)?;
        let mut random = case.random();
        for _ in 0..INPUTS {
            let accepted = enter_changed(&mut random);
            case.run.fact("inputs that were accepted, and read alike in every way", u64::from(accepted));
            case.run.tried(1);
        }
        Ok(())
    })
}

/// That values are as deep as the limit, and no deeper.
fn depths(case: &Case<'_>) -> Result<(), String> {
    let commands = <Everything as Model>::Command::list();
    let keep = commands.iter().position(|command| command.name == "keep").expect("the model has it") as u16;
    let (levels, is_read) = DEPTHS[(case.index % DEPTHS.len() as u64) as usize];
    let nested = |open: &[u8], close: &[u8]| [open.repeat(levels), vec![0], close.repeat(levels)].concat();
    for bytes in [nested(&[4, 1], &[]), nested(&[3], &[0]), nested(&[5, 0, 1], &[])] {
        let accepted = hostile::arguments::<Everything>(keep, &bytes);
        ensure!(
            accepted == is_read,
            "arguments that are nested {levels} times were {}",
            match accepted {
                true => "accepted",
                false => "refused",
            }
        );
        case.run.tried(1);
    }
    Ok(())
}

/// Changes real bytes and has them read; whether they were accepted.
fn enter_changed(random: &mut Random) -> bool {
    let seeds = &*SEEDS;
    let any = |all: &[Vec<u8>], random: &mut Random| all[random.below(all.len() as u64) as usize].clone();
    match random.below(16) {
        0..4 => hostile::record::<Everything>(&changed(any(&seeds.records, random), random)),
        4..7 => hostile::payload(&changed(any(&seeds.batches, random), random)).is_some(),
        7..11 => {
            let (method, bytes) = &seeds.arguments[random.below(seeds.arguments.len() as u64) as usize];
            // 65,535 is an atomic batch, which is no command.
            *method != u16::MAX && hostile::arguments::<Everything>(*method, &changed(bytes.clone(), random))
        }
        11 => hostile::state::<Everything>(&changed(any(&seeds.states, random), random)),
        12 => hostile::schema::<Everything>(&changed(seeds.preamble.clone(), random)),
        13 => hostile::carried::<Everything>(&seeds.preamble, &changed(any(&seeds.states, random), random)),
        14 => {
            let file = any(&seeds.snapshots, random);
            let content = changed(file[..file.len() - 32].to_vec(), random);
            hostile::snapshot::<Everything>(&hostile::seal_snapshot(&content))
        }
        _ => hostile::attempt(&changed([7_u64, 7, 3, 41].map(u64::to_le_bytes).concat(), random)),
    }
}

/// Bytes with one to four changes: a byte flipped, replaced, put in or taken out, a part repeated, the end cut.
fn changed(mut bytes: Vec<u8>, random: &mut Random) -> Vec<u8> {
    for _ in 0..=random.below(4) {
        if bytes.is_empty() {
            return bytes;
        }
        let at = random.below(bytes.len() as u64) as usize;
        match random.below(6) {
            0 => bytes[at] ^= 1 << random.below(8),
            1 => bytes[at] = [0, 1, 0x7f, 0x80, 0xff][random.below(5) as usize],
            2 => bytes.insert(at, random.below(256) as u8),
            3 => drop(bytes.remove(at)),
            4 => {
                let part = bytes[at..bytes.len().min(at + 1 + random.below(16) as usize)].to_vec();
                bytes.splice(at..at, part);
            }
            _ => bytes.truncate(at),
        }
    }
    bytes
}
