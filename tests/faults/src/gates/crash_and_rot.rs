//! A crash, and damage to what it left.
//!
//! A pair is an image of a crash of a random script, as in the gate `crash`, and up to three things that become of its files,
//! as in the gate `rot`. Half of them are sectors that are as they once were: of an earlier writer, of a batch that a crash cut
//! and a recovery cleared. Where the damaged journal is opened, and rightly, its process goes on, crashes too, and what
//! that leaves is damaged again. It has to be refused, or right.

use std::collections::BTreeMap;

use memstate::testing::disk::FaultyDisk;
use memstate_tests::random::Random;

use super::{
    crash::{
        oracle::Oracle,
        process::{Process, Settings},
        script::{DEATHS_MAX, Left, Script, sent},
        sectors,
    },
    rot::{
        faults::Files,
        judge::{Subject, Verdict},
    },
};
use crate::{
    ensure,
    harness::{Case, Gate, Run},
};

pub const GATE: Gate = Gate {
    name: "crash-and-rot",
    promise: "crash and rot together",
    unit: "pairs",
    counts: [5_000, 100_000, 2_000_000],
    run,
};

/// How many images of a script are damaged, and how often each.
const MOMENTS: u64 = 12;
const DAMAGES: u64 = 8;

fn run(run: &Run) -> Result<(), String> {
    run.cases(crash_and_damage)?;
    for fact in ["refused", "opened, all there", "opened after damage, crashed and damaged again"] {
        ensure!(run.done() < 5_000 || run.fact_so_far(fact) > 0, "there were no pairs that were {fact}");
    }
    Ok(())
}

fn crash_and_damage(case: &Case<'_>) -> Result<(), String> {
    let mut random = case.random();
    let script = Script::random(&mut random);
    let whole = script.run(None).map_err(|why| format!("without a crash: {why}"))?;
    let mut facts: BTreeMap<&str, u64> = BTreeMap::new();
    let mut pairs = 0;
    for _ in 0..MOMENTS {
        let until = 1 + random.below(whole.operations);
        let left = script.run(Some(until))?;
        if left.deaths >= DEATHS_MAX {
            *facts
                .entry("moments left out: a second process in a row has ended while it opened")
                .or_default() += 1;
            continue;
        }
        for _ in 0..DAMAGES {
            let image = left.disk.crash(random.below(u64::MAX));
            let seed = random.below(u64::MAX);
            pairs += pair(&image, &left, &mut Random::new(seed), &mut facts)
                .map_err(|why| format!("a crash at operation {until}, with seed {seed}: {why}"))?;
        }
    }
    case.run.tried(pairs);
    for (fact, number) in facts {
        case.run.fact(fact, number);
    }
    Ok(())
}

/// Damages an image, and once more what becomes of it; gives how many pairs that were.
fn pair(
    image: &FaultyDisk,
    left: &Left,
    random: &mut Random,
    facts: &mut BTreeMap<&str, u64>,
) -> Result<u64, String> {
    let damaged = damage(image, &left.oracle, random, facts)?;
    let Some(disk) = damaged else { return Ok(1) };
    // It is opened once more, goes on for a little, and crashes.
    let mut oracle = left.oracle.clone();
    let settings = Settings::random(random);
    disk.power_off_at(1 + random.below(30));
    let mut has_gone_on = false;
    if let Ok(mut process) = Process::open(&disk, settings, random.below(u64::MAX)) {
        has_gone_on = true;
        let position = process.look(&oracle)?;
        oracle.may_end(position)?;
        oracle.recovered(position);
        for _ in 0..3 {
            let sent = sent(random, &process, &oracle);
            process.call(sent);
            match random.below(3) {
                0 => process.idle(&mut oracle),
                _ => process.settle(&mut oracle),
            }
            process.last_words(&mut oracle)?;
        }
    }
    let image = disk.crash(random.below(u64::MAX));
    let fact = match has_gone_on {
        true => "opened after damage, crashed and damaged again",
        false => "crashed while it opened after damage, and damaged again",
    };
    *facts.entry(fact).or_default() += 1;
    damage(&image, &oracle, random, facts).map_err(|why| format!("crashed after damage: {why}"))?;
    Ok(2)
}

/// Damages a disk and judges it; gives the damaged one, not opened yet, if all was there.
fn damage(
    image: &FaultyDisk,
    oracle: &Oracle,
    random: &mut Random,
    facts: &mut BTreeMap<&str, u64>,
) -> Result<Option<FaultyDisk>, String> {
    let files = Files::of(image, Vec::new());
    let disk = image.fork();
    let mut faults = Vec::new();
    let wanted = 1 + random.below(3) as usize;
    // Some change nothing: a sector of zeros that is zeroed.
    for _ in 0..100 {
        if faults.len() < wanted
            && let Some(fault) = files.random(random)
            && files.happen(fault, &disk)
        {
            faults.push(fault);
        }
    }
    if faults.is_empty() {
        *facts.entry("crashes that left nothing to damage").or_default() += 1;
        return Ok(None);
    }
    let unconfirmed = sectors::groups(image);
    let subject = Subject { files: &files, oracle, unconfirmed };
    let opened = disk.fork();
    let verdict = subject.judge(&opened, &faults, random).map_err(|why| {
        let (was, is) = (sectors::text(image), sectors::text(&disk));
        format!("{why}; {faults:?} in {:?}:{was}\n  made that{is}", files.names)
    })?;
    let fact = match verdict {
        Verdict::Refused => "refused",
        Verdict::Right => "opened, all there",
        Verdict::LostLast => "opened, and the last batch, which nothing confirmed, is missing",
        Verdict::Anew => "opened as a new journal, its only segment being gone",
        Verdict::AsOnce => "opened as it once was",
    };
    *facts.entry(fact).or_default() += 1;
    Ok((verdict == Verdict::Right).then_some(disk))
}
