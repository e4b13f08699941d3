//! Crashes at every operation of a simulated disk, in the lives of random journals.
//!
//! A case is a script: several processes, one after another, each of which closes, is killed or loses its power. It is run
//! again and again, each time up to the next operation of its disk, and each time the images that a loss of power may
//! leave there are opened: all of them, or [`IMAGES_MAX`] where there are more. Some are crashed again while they recover, at
//! each operation of that. What is right is said by an oracle in plain Rust, which knows what was sent and what somebody was
//! told.

pub mod book;
pub mod oracle;
pub mod process;
pub mod script;
pub mod sectors;

use std::{
    collections::{BTreeMap, HashSet},
    path::Path,
};

use memstate::{RecordOutcome, testing::disk::FaultyDisk};
use memstate_tests::random::Random;

use crate::{
    ensure,
    harness::{Case, Gate, Run},
};

use self::{
    book::Answer,
    oracle::Oracle,
    process::{Process, Settings, is_segment},
    script::{DEATHS_MAX, During, Left, Script, sent},
};

pub const GATE: Gate = Gate {
    name: "crash",
    promise: "no acknowledged command is lost at any crash point",
    unit: "crash images",
    counts: [20_000, 1_000_000, 20_000_000],
    run,
};

/// How many images of one moment are opened.
const IMAGES_MAX: usize = 64;
/// How many of a moment in a recovery.
const IMAGES_OF_RECOVERY_MAX: usize = 4;
/// What has to have come about in so many images, or it would not be what it says.
const IMAGES_FOR_ALL: u64 = 10_000;

const MUST_HAPPEN: &[&str] = &[
    "moments of which all images were opened",
    "moments of which some images were opened",
    "images with a torn batch",
    "images with more than one segment",
    "images with a segment that was being made",
    "images with a snapshot",
    "images with a snapshot that was being written",
    "images with a marked attempt",
    "images without the directory",
    "images of a crash in a recovery",
    "images of a crash in a recovery from a torn batch",
    "images of a crash while it opened",
    "images of a crash in a snapshot",
    "images of a crash while it closed",
    "images in which all that was sent is there",
    "images in which what nobody was told of is there",
    "images in which what nobody was told of is lost",
    "images that were written, closed and opened again",
    "requests sent again",
    "requests sent again that had not happened",
    "records accepted",
    "records rejected",
    "records panicked",
    "records repeated",
    "records refused",
];

fn run(run: &Run) -> Result<(), String> {
    run.cases(crash_everywhere)?;
    for fact in MUST_HAPPEN {
        let enough = run.done() >= IMAGES_FOR_ALL;
        ensure!(!enough || run.fact_so_far(fact) > 0, "there were no {fact}");
    }
    Ok(())
}

fn crash_everywhere(case: &Case<'_>) -> Result<(), String> {
    let mut random = case.random();
    let script = Script::random(&mut random);
    let whole = script.run(None).map_err(|why| format!("without a crash: {why}"))?;
    let mut tally = Tally::default();
    for until in 1..=whole.operations {
        let left = script.run(Some(until)).map_err(|why| format!("until operation {until}: {why}"))?;
        if left.deaths > DEATHS_MAX {
            tally.add("moments left out: a third process in a row has ended while it opened");
            continue;
        }
        let images = left.disk.images(IMAGES_MAX, random.below(u64::MAX));
        tally.add(if images.are_all() { MUST_HAPPEN[0] } else { MUST_HAPPEN[1] });
        for (number, image) in images.enumerate() {
            if !tally.is_new(&image, &left.oracle) {
                continue;
            }
            let seed = random.below(u64::MAX);
            check(&image, &left, seed, &mut tally)
                .map_err(|why| format!("image {number} of a crash at operation {until}: {why}"))?;
        }
    }
    case.run.tried(tally.images.max(1));
    for (fact, number) in tally.facts {
        case.run.fact(fact, number);
    }
    Ok(())
}

/// What came about in a case.
#[derive(Debug, Default)]
struct Tally {
    images: u64,
    facts: BTreeMap<&'static str, u64>,
    opened: HashSet<(u64, u64, u64)>,
}

impl Tally {
    /// Whether this was not opened before: what is undecided at one moment often still is at the next.
    fn is_new(&mut self, image: &FaultyDisk, oracle: &Oracle) -> bool {
        self.opened.insert((image.fingerprint(), oracle.known, oracle.end()))
    }

    fn add(&mut self, fact: &'static str) {
        *self.facts.entry(fact).or_default() += 1;
    }
}

/// Opens an image and sees whether it is right.
fn check(image: &FaultyDisk, left: &Left, seed: u64, tally: &mut Tally) -> Result<(), String> {
    let (mut random, oracle) = (Random::new(seed), &left.oracle);
    let is_torn = note_image(image, left.during, tally);
    let position = open_and_go_on(&image.fork(), oracle, &mut random, tally)?;
    if position == oracle.end() {
        tally.add("images in which all that was sent is there");
    }
    if position > oracle.known {
        tally.add("images in which what nobody was told of is there");
    }
    if position < oracle.end() {
        tally.add("images in which what nobody was told of is lost");
    }
    // Whatever a crash left is durable, and so a crash of its recovery leaves the same.
    if left.deaths < DEATHS_MAX && random.below(if is_torn { 4 } else { 16 }) == 0 {
        let mut exactly = oracle.clone();
        exactly.recovered(position);
        crash_recovery(image, &exactly, is_torn, &mut random, tally)?;
    }
    Ok(())
}

/// Crashes a recovery at each of its operations.
fn crash_recovery(
    image: &FaultyDisk,
    oracle: &Oracle,
    is_torn: bool,
    random: &mut Random,
    tally: &mut Tally,
) -> Result<(), String> {
    let settings = Settings::random(random);
    for at in 1.. {
        let disk = image.fork();
        disk.power_off_at(at);
        if Process::open(&disk, settings, random.below(u64::MAX)).is_ok() {
            return Ok(());
        }
        ensure!(disk.operations().all >= at, "it opened once, and not again");
        for second in disk.images(IMAGES_OF_RECOVERY_MAX, random.below(u64::MAX)) {
            if !tally.is_new(&second, oracle) {
                continue;
            }
            tally.add("images of a crash in a recovery");
            if is_torn {
                tally.add("images of a crash in a recovery from a torn batch");
            }
            note_image(&second, During::Nothing, tally);
            open_and_go_on(&second, oracle, random, tally)
                .map_err(|why| format!("crashed again at operation {at} of its recovery: {why}"))?;
        }
    }
    unreachable!("a recovery ends")
}

/// Opens it, compares everything with the oracle, and, of some, goes on; gives where the journal ended.
fn open_and_go_on(
    disk: &FaultyDisk,
    oracle: &Oracle,
    random: &mut Random,
    tally: &mut Tally,
) -> Result<u64, String> {
    let settings = Settings::random(random);
    let mut process = Process::open(disk, settings, random.below(u64::MAX))
        .map_err(|error| format!("it does not open: {error}"))?;
    let position = process.look(oracle)?;
    oracle.may_end(position)?;
    if random.below(3) > 0 {
        return Ok(position);
    }
    let mut after = oracle.clone();
    after.recovered(position);
    if let Some(again) = oracle.request(random) {
        let has_happened = after.sent(position).iter().any(|sent| sent.request == again.request);
        tally.add("requests sent again");
        if !has_happened {
            tally.add("requests sent again that had not happened");
        }
        process.call(again.clone());
    }
    for _ in 0..1 + random.below(2) {
        let sent = sent(random, &process, &after);
        process.call(sent);
    }
    process.settle(&mut after);
    process.hear(&mut after)?;
    ensure!(process.is_all_answered(), "a call was not answered");
    if random.below(24) == 0 {
        compare_history(&process.history()?, &after, tally)?;
    }
    if random.below(3) > 0 {
        process.close(&mut after)?;
    } else {
        drop(process);
    }
    let again = Process::open(disk, Settings::random(random), random.below(u64::MAX))
        .map_err(|error| format!("it was opened and written, and does not open again: {error}"))?;
    let end = again.look(&after)?;
    ensure!(end == after.end(), "it was written to {} and ends at {end}", after.end());
    tally.add("images that were written, closed and opened again");
    Ok(position)
}

/// The outcomes that the journal tells are those that were answered.
fn compare_history(outcomes: &[RecordOutcome], oracle: &Oracle, tally: &mut Tally) -> Result<(), String> {
    let end = oracle.end();
    ensure!(outcomes.len() as u64 == end, "the history has {} records and not {end}", outcomes.len());
    for (position, outcome) in (1..).zip(outcomes) {
        let sent = &oracle.sent(position)[position as usize - 1];
        let is_first = sent.request.is_none()
            || !oracle.sent(position - 1).iter().any(|earlier| earlier.request == sent.request);
        let right = match oracle.answer(position) {
            Answer::Reused => RecordOutcome::Refused,
            _ if !is_first => RecordOutcome::Repeated,
            Answer::Replies(_) => RecordOutcome::Accepted,
            Answer::Refused(..) => RecordOutcome::Rejected,
            Answer::Panicked => RecordOutcome::Panicked,
        };
        ensure!(*outcome == right, "the history says that {position} was {outcome}, and it was {right}");
        tally.add(match right {
            RecordOutcome::Accepted => "records accepted",
            RecordOutcome::Rejected => "records rejected",
            RecordOutcome::Panicked => "records panicked",
            RecordOutcome::Repeated => "records repeated",
            _ => "records refused",
        });
    }
    Ok(())
}

/// Counts an image by what is in it; whether it has a torn batch.
fn note_image(image: &FaultyDisk, during: During, tally: &mut Tally) -> bool {
    tally.images += 1;
    match during {
        During::Opening => tally.add("images of a crash while it opened"),
        During::Snapshot => tally.add("images of a crash in a snapshot"),
        During::Closing => tally.add("images of a crash while it closed"),
        During::Running | During::Nothing => {}
    }
    let files = image.files();
    let named = |part: &str, end: &str| {
        files
            .iter()
            .filter_map(|path| path.file_name()?.to_str())
            .any(|it| it.starts_with(part) && it.ends_with(end))
    };
    if files.iter().filter(|path| is_segment(path)).count() > 1 {
        tally.add("images with more than one segment");
    }
    if named("journal-", ".tmp") {
        tally.add("images with a segment that was being made");
    }
    if named("snapshot-", ".tmp") {
        tally.add("images with a snapshot that was being written");
    } else if named("snapshot-", "") {
        tally.add("images with a snapshot");
    }
    if named("attempt", "") {
        tally.add("images with a marked attempt");
    }
    if memstate::disk::Disk::list(image, Path::new(process::DIR)).is_err() {
        tally.add("images without the directory");
    }
    let is_torn = sectors::last_group(image).is_some_and(|last| last.is_batch && !last.is_whole);
    if is_torn {
        tally.add("images with a torn batch");
    }
    is_torn
}
