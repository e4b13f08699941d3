//! Every bit flipped, every sector zeroed, lost or swapped, every truncation.
//!
//! Small journals of every kind are damaged in every way that [`faults`] lists, one at a time, in all of their files: segments,
//! snapshots, the mark of an attempt and the lock. There is no list of the files in a file: the names in the directory are what
//! plays that part, so files are removed, renamed, exchanged and duplicated too. Then the engine opens the journal. It has
//! to refuse it, naming the file and leaving everything as it was, or to have exactly the right state.
//!
//! What nobody can see is excused, by name, and counted apart; see [`judge::Verdict`].

pub mod faults;
pub mod journals;
pub mod judge;

use std::collections::BTreeMap;

use crate::{
    ensure,
    gates::crash::sectors::last_group,
    harness::{Case, Gate, Run},
};

use self::{
    faults::{Fault, Files},
    journals::KINDS,
    judge::{Subject, Verdict},
};

pub const GATE: Gate = Gate {
    name: "rot",
    promise: "no silent rot, headers included",
    unit: "faults",
    counts: [50_000, 1_600_000, 20_000_000],
    run,
};

/// The faults of a journal are shared among so many cases.
const PARTS: u64 = 32;
const PARTS_TRIED: &str = "parts of journals, of which each has 32";

fn run(run: &Run) -> Result<(), String> {
    run.cases(damage)?;
    // Every bit of every kind of journal is among them, when all parts of one journal of each kind are.
    let (parts, of) = (run.fact_so_far(PARTS_TRIED), PARTS * KINDS.len() as u64);
    ensure!(run.count < 1_500_000 || parts >= of, "{parts} parts of {of} were tried");
    // With fewer, not every kind of journal came about.
    if run.done() >= 500_000 {
        for fact in
            ["faults in what nothing confirmed: the last batch is missing", "faults: opened, all there"]
        {
            ensure!(run.fact_so_far(fact) > 0, "there were no {fact}");
        }
    }
    Ok(())
}

fn damage(case: &Case<'_>) -> Result<(), String> {
    // Of every kind a part, before the next part of any.
    let kinds = KINDS.len() as u64;
    let (round, kind) = (case.index / kinds, case.index % kinds);
    let (journal, part) = (round / PARTS * kinds + kind, round % PARTS);
    let kind = KINDS[kind as usize];
    let mut random =
        memstate_tests::random::Random::new(case.run.seed ^ journal.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let journal = kind.journal(&mut random).map_err(|why| format!("making a journal ({kind:?}): {why}"))?;
    let files = Files::of(&journal.disk, journal.versions);
    let unconfirmed = last_group(&journal.disk).filter(|last| kind.is_unconfirmed() && last.is_batch);
    ensure!(
        unconfirmed.is_some() == kind.is_unconfirmed(),
        "a journal ({kind:?}) does not end as it was left"
    );
    let unconfirmed = unconfirmed.into_iter().collect();
    let subject = Subject { files: &files, oracle: &journal.oracle, unconfirmed };

    let whole = subject.judge(&journal.disk.fork(), &[], &mut random)?;
    ensure!(whole == Verdict::Right, "a whole journal ({kind:?}) is {whole:?}");
    let mut verdicts: BTreeMap<(&str, Verdict), u64> = BTreeMap::new();
    let mut done = 0;
    let mut random = case.random();
    for (number, fault) in files.all().into_iter().enumerate() {
        // The few that are unlike each other are all in the first part.
        let is_alike =
            matches!(fault, Fault::Bit(..) | Fault::Cut(..) | Fault::Copied(..) | Fault::Swapped(..));
        if part != if is_alike { number as u64 % PARTS } else { 0 } {
            continue;
        }
        let disk = journal.disk.fork();
        if !files.happen(fault, &disk) {
            continue;
        }
        let verdict = subject
            .judge(&disk, &[fault], &mut random)
            .map_err(|why| format!("{fault:?} in a journal ({kind:?}) with {:?}: {why}", files.names))?;
        *verdicts.entry((what(fault), verdict)).or_default() += 1;
        done += 1;
    }
    case.run.tried(done.max(1));
    case.run.fact(PARTS_TRIED, 1);
    for ((what, verdict), number) in verdicts {
        let fact = match verdict {
            Verdict::Refused => format!("{what}: refused"),
            Verdict::Right => format!("{what}: opened, all there"),
            _ => {
                let fact = match verdict {
                    Verdict::LostLast => "faults in what nothing confirmed: the last batch is missing",
                    Verdict::Anew => "faults that take the only segment: a new journal",
                    _ => "last segments as they once were: the journal of then",
                };
                case.run.fact(fact, number);
                continue;
            }
        };
        case.run.fact(&fact, number);
        if verdict == Verdict::Right {
            case.run.fact("faults: opened, all there", number);
        }
    }
    Ok(())
}

fn what(fault: Fault) -> &'static str {
    match fault {
        Fault::Bit(..) => "bits flipped",
        Fault::Zeroed(_) => "sectors zeroed",
        Fault::Copied(..) => "sectors replaced by another",
        Fault::Swapped(..) => "sectors swapped",
        Fault::Older(..) => "sectors as they once were",
        Fault::Cut(..) => "files cut off",
        Fault::Longer(..) => "files that are longer",
        Fault::Removed(_) => "files removed",
        Fault::Emptied(_) => "files emptied",
        Fault::Renamed(..) => "files renamed",
        Fault::Duplicated(..) => "files duplicated",
        Fault::Exchanged(..) => "files exchanged",
        Fault::Restored(_) => "files as they once were",
    }
}
