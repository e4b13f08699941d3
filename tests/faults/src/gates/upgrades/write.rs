//! Writes the golden journals that have everything in them. Never again once they are there.

use std::{
    env, fs,
    path::Path,
    process::{Command, ExitCode},
};

use memstate::{Open, RecordOutcome, Timestamp};

use super::{
    GOLDEN, damage, golden,
    ledger::{first, second, set_fee},
    look::wait,
    recorded,
};
use crate::ensure;

/// The time of the first record.
const BEGAN: i64 = 1_764_000_000_000_000;
/// How many deaths a poisoned command costs at most.
const DEATHS_MAX: u64 = 8;

/// Writes what is missing; with `explode` and a directory, sends the command that ends this process.
pub fn child(args: &[String]) -> ExitCode {
    let done = match args {
        [] => write_missing(),
        [what, dir] if what == "explode" => wait(explode(Path::new(dir))),
        _ => Err("what is asked for is unknown".to_owned()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    }
}

fn write_missing() -> Result<(), String> {
    let [closed, crashed, torn] =
        ["1-full-closed", "1-full-crashed", "1-full-torn"].map(|name| golden().join(name));
    if !closed.exists() {
        let dir = tempfile::tempdir().map_err(|error| error.to_string())?;
        wait(write(dir.path(), &closed, &crashed, &torn))?;
    }
    for golden_journal in GOLDEN {
        for code in &golden_journal.codes {
            let path = recorded(golden_journal.name, code.name);
            if !path.exists() {
                let dir = damage::copy_of(&golden().join(golden_journal.name))?;
                let seen = (code.look)(dir.path(), false)?;
                fs::write(path, seen).map_err(|error| error.to_string())?;
            }
        }
    }
    Ok(())
}

/// Each opening an hour after the one before, each batch a second after the one before.
fn at_hour<M: memstate::Model>(open: Open<M>, hour: i64) -> Open<M> {
    let mut time = BEGAN + hour * 3_600_000_000;
    open.no_snapshot_on_close().segment_bytes(16 << 10).clock(move || {
        time += 1_000_000;
        Timestamp::from_micros(time)
    })
}

async fn write(dir: &Path, closed: &Path, crashed: &Path, torn: &Path) -> Result<(), String> {
    let (one, two) = (dir.join("one"), dir.join("two"));
    by_the_first(&one, &two).await.map_err(|error| format!("the first code: {error}"))?;
    by_the_second(&two).await.map_err(|error| format!("the second code: {error}"))?;
    poison(&two)?;
    end(&two, closed, crashed, torn).await.map_err(|error| format!("the end: {error}"))
}

type Failure = Box<dyn std::error::Error>;

/// The first version; then with the fee that was charged told anew; then a crash, from which `crashed` is the copy.
async fn by_the_first(dir: &Path, crashed: &Path) -> Result<(), Failure> {
    use first::{Ledger, LedgerCommand as Call};
    set_fee(1);
    let ledger = at_hour(memstate::open::<Ledger>(dir), 0).await?;
    for (owner, cents) in [("Ann", 1000), ("Bob", 500), ("Carol", 0)] {
        ledger.open(owner, cents).await?;
    }
    ledger.as_caller("desk 3").book("Ann", "Bob", 100).await?;
    let request = ledger.new_request();
    ledger.with_request(request).book("Bob", "Carol", 50).await?;
    ledger.with_request(request).book("Bob", "Carol", 50).await?;
    ledger.book("Carol", "Ann", 51).await.expect_err("she has not so much");
    ledger.charge("Ann").await?;
    ledger.charge("Bob").await?;
    ledger.stumble().await.expect_err("it panics");
    let note = |text: &str| Call::Notes(first::NotesCommand::Note { text: text.to_owned() });
    let book = |from: &str, to: &str, cents| Call::Book { from: from.to_owned(), to: to.to_owned(), cents };
    ledger.atomically([book("Ann", "Carol", 5), note("both"), book("Carol", "Bob", 5)]).await?;
    let request = ledger.new_request();
    ledger
        .with_request(request)
        .atomically([note("never"), book("Carol", "Ann", 10_000)])
        .await
        .expect_err("too much");
    ledger.notes().note("inside").await?;
    ledger.forget().await?;
    ledger.book("Ann", "Bob", 1).await?;
    ledger.close().await?;

    set_fee(2);
    let ledger = at_hour(memstate::open::<Ledger>(dir), 1).replay_all().accept_divergence().await?;
    ledger.charge("Carol").await?;
    ledger.snapshot().await?;
    ledger.close().await?;

    let ledger = at_hour(memstate::open::<Ledger>(dir), 2).await?;
    ledger.book("Ann", "Carol", 2).await?;
    damage::copy(dir, crashed)?;
    ledger.close().await?;
    Ok(())
}

/// The second version: everything of the first is carried over, and several segments are filled.
async fn by_the_second(dir: &Path) -> Result<(), Failure> {
    let ledger = at_hour(memstate::open::<second::Ledger>(dir), 3).await?;
    ledger.open("Dora", 10, 300).await?;
    ledger.book("Dora", "Ann", 200, "on credit").await?;
    ledger.take_fee("Dora").await?;
    for number in 0..20 {
        ledger.notes().note(format!("{number} {}", "long ".repeat(number * 20))).await?;
    }
    ledger.snapshot().await?;
    ledger.book("Ann", "Dora", 3, "after the snapshot").await?;
    ledger.close().await?;
    Ok(())
}

/// Processes die of a command until it is left out.
fn poison(dir: &Path) -> Result<(), String> {
    let program = env::current_exe().map_err(|error| error.to_string())?;
    for deaths in 0..=DEATHS_MAX {
        let explode = Command::new(&program).args(["--child", "golden", "explode"]).arg(dir).status();
        if explode.map_err(|error| error.to_string())?.success() {
            ensure!(deaths >= 3, "it was left out after {deaths} deaths");
            return Ok(());
        }
    }
    Err("a crash loop".to_owned())
}

async fn explode(dir: &Path) -> Result<(), String> {
    let ledger =
        at_hour(memstate::open::<second::Ledger>(dir), 4).await.map_err(|error| error.to_string())?;
    let mut history = ledger.history(..).without_events();
    let mut is_left_out = false;
    while let Some(record) = history.next().await {
        let record = record.map_err(|error| error.to_string())?;
        is_left_out |= record.outcome == RecordOutcome::Poisoned;
    }
    if !is_left_out {
        let request = ledger.new_request();
        return Err(format!("it has survived: {:?}", ledger.with_request(request).explode("bang").await));
    }
    ledger.close().await.map_err(|error| error.to_string())
}

/// The last words, and the three ends.
async fn end(dir: &Path, closed: &Path, crashed: &Path, torn: &Path) -> Result<(), Failure> {
    let ledger = at_hour(memstate::open::<second::Ledger>(dir), 5).await?;
    ledger.open("Emil", 7, 0).await?;
    ledger.snapshot().await?;
    let request = ledger.new_request();
    ledger.with_request(request).take_fee("Emil").await?;
    ledger.with_request(request).take_fee("Emil").await?;
    ledger.book("Emil", "Ann", 700, "too much").await.expect_err("he has not so much");
    damage::copy(dir, crashed)?;
    ledger.notes().note("torn ".repeat(300)).await?;
    damage::copy(dir, torn)?;
    damage::tear(torn)?;
    ledger.close().await?;
    damage::copy(dir, closed)?;
    Ok(())
}
