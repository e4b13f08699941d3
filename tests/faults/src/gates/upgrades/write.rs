//! Writes the golden journals that have everything in them. Never again once they are there.

use std::{
    env, fs,
    path::Path,
    process::{Command, ExitCode},
};

use memstate::{Model, Open, RecordOutcome, Timestamp, testing::Simulated};
use memstate_tests::{archive::archive_1, random::Random, till};

use super::{
    GOLDEN, damage, depot, golden,
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
    let at = |name: &str| golden().join(format!("0.1.0-{name}"));
    let dir = tempfile::tempdir().map_err(|error| error.to_string())?;
    let (dir, text) = (dir.path(), |error: Failure| error.to_string());
    if !at("archive-closed").exists() {
        wait(archive(&dir.join("archive"), &at("archive-closed"), &at("archive-crashed"))).map_err(text)?;
    }
    if !at("ledger-closed").exists() {
        let [closed, crashed, torn] = ["ledger-closed", "ledger-crashed", "ledger-torn"].map(at);
        wait(write(dir, &closed, &crashed, &torn))?;
    }
    if !at("depot-closed").exists() {
        depot(&dir.join("depot"), &at("depot-closed"), &at("depot-crashed")).map_err(text)?;
    }
    if !at("till").exists() {
        till(&dir.join("till"), &at("till")).map_err(text)?;
    }
    for golden_journal in GOLDEN {
        for code in golden_journal.codes {
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
    open.no_snapshot_on_close().segment_bytes(16 << 10).fill_bytes(2 << 10, 2 << 10).clock(move || {
        time += 1_000_000;
        Timestamp::from_micros(time)
    })
}

/// Two openings, several segments, a snapshot in the middle, requests, callers, a rejection, a panic; then `closed` as it is
/// after a close, and `crashed` as it is when the process ends: with outcomes that nobody wrote down.
async fn archive(dir: &Path, closed: &Path, crashed: &Path) -> Result<(), Failure> {
    use archive_1::{Archive, Status};
    let archive = at_hour(memstate::open::<Archive>(dir), 0).await?;
    for number in 1..=20 {
        let status = match number % 4 {
            0 => Status::Free,
            1 => Status::Lent { to: 7, since: Timestamp::from_micros(5) },
            2 => Status::Moved(-3, i64::MIN),
            _ => Status::Sold(u128::MAX),
        };
        archive.add(format!("Title {number}"), number, status).await?;
    }
    archive.remove(99).await.expect_err("there is none");
    archive.fail().await.expect_err("it panics");
    archive.as_caller("ann").register(vec!["bob".to_owned()]).await?;
    archive.snapshot().await?;
    let request = archive.new_request();
    archive.with_request(request).remove(2).await?;
    archive.with_request(request).remove(2).await?;
    archive.close().await?;
    let archive = at_hour(memstate::open::<Archive>(dir), 1).await?;
    archive.add("Last", 1, Status::Free).await?;
    archive.register(vec!["carol".to_owned()]).await?;
    damage::copy(dir, crashed)?;
    archive.close().await?;
    damage::copy(dir, closed)?;
    Ok(())
}

/// Some steps of commands that change collections, in an order that is the same each time.
fn rounds(model: &mut Simulated<depot::Depot>, random: &mut Random, rounds: u64) {
    for _ in 0..rounds {
        let mut steps = || {
            let step = |_| (random.below(256) as u8, random.below(12) as u16, random.below(100) as i32 - 50);
            (0..7).map(step).collect::<Vec<_>>()
        };
        let program = [steps(), steps(), steps(), steps(), steps()];
        let [map, sorted, sets, list, queue] = program;
        let client = model.client().clone();
        // Rejections and panics are a part of it. Some stand alone in their batch, and some do not.
        let _ = model.wait(client.on_map(map));
        let _ = model.wait(client.on_sorted(sorted));
        let calls = (client.on_sets(sets), client.on_list(list), client.on_queue(queue));
        let _ = (model.wait(calls.0), model.wait(calls.1), model.wait(calls.2));
    }
}

fn plain(boxed: Option<depot::Plain>) -> depot::Plain {
    let last = boxed.is_none();
    depot::Plain {
        unsigned: (255, 65_535, u32::MAX, u64::MAX, u128::MAX, 127),
        signed: (-128, i16::MIN, i32::MIN, i64::MIN, i128::MIN, -1),
        float: (-0.0, if last { 1e-300 } else { f64::INFINITY }),
        truth: last,
        character: '𝄞',
        text: "änn\0 \u{1F600}".to_owned(),
        unit: (),
        array: [0, 128, 16_384],
        list: vec![None, Some(0), Some(200)],
        boxed: boxed.map(Box::new),
        time: Timestamp::from_micros(-1),
        position: memstate::Position::new(300),
        id: memstate::Uuid::from_u128(1 << 100),
        request: "6fa459ea-ee8a-4ca4-894e-db77e160355e/17@4211".parse().ok(),
        kind: if last { depot::Kind::Named { low: 1, high: 2 } } else { depot::Kind::Two(-1, String::new()) },
    }
}

/// Everything that a model and a command can be.
fn depot(dir: &Path, closed: &Path, crashed: &Path) -> Result<(), Failure> {
    use depot::{Depot, DepotCommand as Call};
    let mut random = Random::new(7);
    let mut model = Simulated::open(at_hour(memstate::open::<Depot>(dir), 0), 1)?;
    let client = model.client().clone();
    rounds(&mut model, &mut random, 5);
    model.wait(client.draw(3))?;
    model.wait(client.keep(plain(None)))?;
    model.wait(client.keep(plain(Some(plain(None)))))?;
    model.wait(client.note())?;
    model.wait(client.as_caller("änn").note())?;
    model.wait(client.deliver(3))?;
    model.wait(client.deliver(13)).expect_err("it is not wanted");
    model.wait(client.spill()).expect_err("it panics");
    let request = client.new_request();
    let drawn = model.wait(client.with_request(request).draw(1))?;
    ensure_same(drawn == model.wait(client.with_request(request).draw(1))?)?;
    let request = client.new_request();
    let refused = || client.with_request(request).deliver(13);
    model.wait(refused()).expect_err("nor this");
    model.wait(refused()).expect_err("nor again");
    let request = client.new_request();
    let batch = || [Call::Note, Call::Draw { times: 2 }, Call::Keep { plain: plain(None) }, Call::Note];
    model.wait(client.as_caller("desk").with_request(request).atomically(batch()))?;
    model.wait(client.as_caller("desk").with_request(request).atomically(batch()))?;
    let batch = [Call::Note, Call::OnSets { steps: vec![(0, 1, 1)] }, Call::Spill];
    model.wait(client.atomically(batch)).expect_err("it panics");
    model.idle();
    model.close()?;
    let mut model = Simulated::open(at_hour(memstate::open::<Depot>(dir), 1), 2)?;
    rounds(&mut model, &mut random, 20);
    model.snapshot()?;
    rounds(&mut model, &mut random, 20);
    let client = model.client().clone();
    model.wait(client.stock().come(4))?;
    model.wait(client.draw(2))?;
    damage::copy(dir, crashed)?;
    model.close()?;
    damage::copy(dir, closed)?;
    Ok(())
}

fn ensure_same(is_same: bool) -> Result<(), String> {
    ensure!(is_same, "a retry was answered otherwise");
    Ok(())
}

/// A journal that is small enough to be looked at byte by byte.
fn till(dir: &Path, done: &Path) -> Result<(), Failure> {
    use till::{Till, TillCommand as Call};
    fn open<M: Model>(open: Open<M>, hour: i64) -> Open<M> {
        at_hour(open, hour).segment_bytes(6 << 10).fill_bytes(1 << 10, 1 << 10)
    }
    let mut model = Simulated::open(open(memstate::open::<Till>(dir), 0), 1)?;
    let client = model.client().clone();
    model.wait(client.sell(250))?;
    let both = (client.as_caller("ann").sell(300), client.sell(0));
    model.wait(both.0)?;
    model.wait(both.1).expect_err("it is nothing");
    let request = client.new_request();
    model.wait(client.with_request(request).sell(7))?;
    model.idle();
    model.snapshot()?;
    model.wait(client.atomically([Call::Sell { cents: 1 }, Call::CloseDay]))?;
    model.close()?;
    let mut model = Simulated::open(open(memstate::open::<Till>(dir), 1), 2)?;
    let client = model.client().clone();
    model.wait(client.with_request(request).sell(7))?;
    damage::copy(dir, done)?;
    Ok(())
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
