//! Journals and snapshots that earlier versions of memstate wrote, in `tests/golden`: every later version reads them.
//!
//! `tests/golden/README.md` says what there is and how it is written. What was released is never written again.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use memstate::{Position, RecordOutcome, Timestamp};
use memstate_tests::{
    archive::{archive_1, archive_later},
    depot::Depot,
};

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("golden")
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        if entry.file_name() != "lock" {
            std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}

/// A copy of golden files, so that they themselves are never written.
fn of(name: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    copy(&golden().join(name), dir.path());
    dir
}

/// The time before the first record.
const BEGAN: i64 = 1_764_000_000_000_000;

const ARCHIVES: [&str; 2] = ["0.1.0-archive-closed", "0.1.0-archive-crashed"];

#[tokio::test]
async fn golden_journals_are_replayed_by_the_code_of_then() {
    for name in ARCHIVES {
        for all in [false, true] {
            let dir = of(name);
            let open = memstate::open::<archive_1::Archive>(dir.path());
            let archive =
                if all { open.replay_all() } else { open }.await.unwrap_or_else(|e| panic!("{name}: {e}"));
            assert_eq!(archive.position(), Position::new(27), "{name}");
            archive.read(|archive| {
                assert_eq!(archive.items.len(), 20);
                assert_eq!(archive.items[&21].of.as_ref().as_ref().unwrap().title, "Title 20");
                assert_eq!(archive.items[&3].status, archive_1::Status::Sold(u128::MAX));
                assert_eq!(archive.items[&6].status, archive_1::Status::Moved(-3, i64::MIN));
                assert_eq!(archive.items.keys().copied().take(3).collect::<Vec<_>>(), [1, 3, 4]);
                assert_eq!(archive.recent.iter().copied().collect::<Vec<_>>(), [21]);
                assert_eq!(archive.readers.iter().cloned().collect::<Vec<_>>(), ["bob", "ann", "carol"]);
                assert_eq!(archive.log.len(), 21);
                assert_eq!(archive.log[0].1, Timestamp::from_micros(BEGAN + 1_000_000));
                assert_eq!(archive.checksums, [7, 7, 7]);
            });
            let mut events = archive.events(Position::new(24));
            let (position, event) = events.next().await.unwrap().unwrap();
            assert_eq!((position, event), (Position::new(24), archive_1::Happened::Removed(2)));
        }
    }
}

#[tokio::test]
async fn golden_journals_are_carried_over_to_later_code() {
    use archive_later::Condition;
    for name in ARCHIVES {
        for all in [false, true] {
            let dir = of(name);
            let open = memstate::open::<archive_later::Archive>(dir.path());
            let archive =
                if all { open.replay_all() } else { open }.await.unwrap_or_else(|e| panic!("{name}: {e}"));
            assert_eq!(archive.position(), Position::new(27), "{name}");
            archive.read(|archive| {
                assert_eq!(archive.items.len(), 20);
                assert_eq!(archive.items[&21].of.as_ref().as_ref().unwrap().count, 20);
                assert_eq!(archive.items[&3].status, Condition::Gone(u128::MAX));
                assert_eq!(archive.items[&5].status, Condition::Lent { since: Timestamp::from_micros(5) });
                assert_eq!(archive.items[&6].status, Condition::Moved(-3, i64::MIN));
                assert_eq!(archive.last_number, 21);
                assert_eq!(archive.readers.iter().cloned().collect::<Vec<_>>(), ["bob", "ann", "carol"]);
            });
            let mut history = archive.history(1..=1).without_events();
            let record = history.next().await.unwrap().unwrap();
            assert_eq!(record.command, "add", "as it was called");
            assert_eq!(
                record.arguments.to_string(),
                r#"{title: "Title 1", copies: 1, status: Lent {to: 7, since: 1970-01-01T00:00:00.000005Z}}"#
            );
            let number = archive.insert(Condition::Lost, None, u64::MAX, "New").await.unwrap();
            assert_eq!(number, 22);
        }
    }
}

/// A retry of what an earlier version journaled is answered as it was then.
#[tokio::test]
async fn requests_in_golden_journals_are_remembered_with_their_replies() {
    for name in ARCHIVES {
        for all in [false, true] {
            let dir = of(name);
            let open = memstate::open::<archive_1::Archive>(dir.path());
            let archive = if all { open.replay_all() } else { open }.await.unwrap();
            let record = archive.history(24..=24).next().await.unwrap().unwrap();
            let request = record.request.expect("it has a request id");
            assert_eq!(archive.with_request(request).remove(2).await.unwrap(), "Title 2");
            assert!(
                archive.with_request(request).remove(3).await.is_err(),
                "the id was used for something else"
            );
        }
    }
    let dir = of("0.1.0-depot-closed");
    let depot = memstate::open::<Depot>(dir.path()).await.unwrap();
    let mut history = depot.history(..);
    let mut requests = 0;
    while let Some(record) = history.next().await {
        let record = record.unwrap();
        let (Some(request), false) = (record.request, record.outcome == RecordOutcome::Repeated) else {
            continue;
        };
        requests += 1;
        match record.command.as_str() {
            "draw" => {
                let (below, fraction, bytes) = depot.with_request(request).draw(1).await.unwrap();
                let drawn = format!("{below} {fraction} {bytes:?}");
                assert_eq!(drawn, DRAWN);
            }
            "deliver" => {
                let error = depot.with_request(request).deliver(13).await.unwrap_err();
                assert_eq!(error.to_string(), "13 pieces is not wanted");
            }
            _ => assert!(record.command == "atomically", "{}", record.command),
        }
    }
    assert_eq!(requests, 3);
    assert!(depot.read(|depot| depot.plain.as_ref().is_some_and(|plain| plain.unsigned.4 == u128::MAX)));
}

/// What a command drew when it was run first; another program came to the same from what docs/format.md says.
const DRAWN: &str = "0 0.20012910541942552 [219, 23, 149, 117, 153]";

/// `tests/golden/released` has the digest of each file of a released version.
#[test]
fn what_was_released_is_what_it_was() {
    let listed: BTreeMap<String, String> = std::fs::read_to_string(golden().join("released"))
        .unwrap()
        .lines()
        .map(|line| line.split_once("  ").expect("a digest, two spaces, and a file"))
        .map(|(digest, file)| (file.to_owned(), digest.to_owned()))
        .collect();
    let version = |file: &str| file.split('-').next().unwrap().to_owned();
    let released: BTreeSet<String> = listed.keys().map(|file| version(file)).collect();
    assert!(released.contains("0.1.0"), "{released:?}");
    let names = |dir: &Path| -> Vec<String> {
        let entries = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name());
        entries.map(|name| name.into_string().unwrap()).collect()
    };
    // The files of journals, and beside them what was to be seen of each.
    let mut there = BTreeMap::new();
    for name in names(&golden()) {
        let path = golden().join(&name);
        let files = match path.is_dir() {
            true => names(&path).into_iter().map(|file| format!("{name}/{file}")).collect(),
            false => vec![name],
        };
        for file in files.into_iter().filter(|file| released.contains(&version(file))) {
            let digest = blake3::hash(&std::fs::read(golden().join(&file)).unwrap()).to_string();
            there.insert(file, digest);
        }
    }
    let wrong: Vec<_> = there.iter().filter(|(file, digest)| listed.get(*file) != Some(digest)).collect();
    assert!(wrong.is_empty(), "released files were changed or added: {wrong:#?}");
    let gone: Vec<_> = listed.keys().filter(|file| !there.contains_key(*file)).collect();
    assert!(gone.is_empty(), "released files are gone: {gone:?}");
}
