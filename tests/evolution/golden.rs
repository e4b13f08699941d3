//! Journals and snapshots that earlier versions of memstate wrote, in `tests/golden`: every later version reads them.
//!
//! `MEMSTATE_GOLDEN=write cargo test -p memstate-tests --test evolution golden` writes those of today's format, if they
//! are not there yet. What is there is never written again.

use std::path::{Path, PathBuf};

use memstate::{Position, Timestamp};
use memstate_tests::archive::{archive_1, archive_later};

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

/// The time of the first record, and of each later one a second more.
const BEGAN: i64 = 1_763_800_000_000_000;

/// Two openings, three segments, a snapshot in the middle, requests, callers, a rejection, a panic; then `closed` as it is
/// after a close, and `crashed` as it is when the process ends: with outcomes that nobody wrote down.
async fn write(closed: &Path, crashed: &Path) {
    use archive_1::{Archive, Status};
    let dir = tempfile::tempdir().unwrap();
    let open = |from: i64| {
        let mut time = from;
        memstate::open::<Archive>(dir.path()).no_snapshot_on_close().segment_bytes(16 << 10).clock(
            move || {
                time += 1_000_000;
                Timestamp::from_micros(time)
            },
        )
    };
    let archive = open(BEGAN).await.unwrap();
    for number in 1..=20 {
        let status = match number % 4 {
            0 => Status::Free,
            1 => Status::Lent { to: 7, since: Timestamp::from_micros(5) },
            2 => Status::Moved(-3, i64::MIN),
            _ => Status::Sold(u128::MAX),
        };
        assert_eq!(archive.add(format!("Title {number}"), number, status).await.unwrap(), u64::from(number));
    }
    archive.remove(99).await.unwrap_err();
    archive.fail().await.unwrap_err();
    archive.as_caller("ann").register(vec!["bob".to_owned()]).await.unwrap();
    archive.snapshot().await.unwrap();
    let request = archive.new_request();
    assert_eq!(archive.with_request(request).remove(2).await.unwrap(), "Title 2");
    assert_eq!(archive.with_request(request).remove(2).await.unwrap(), "Title 2");
    archive.close().await.unwrap();
    let archive = open(BEGAN + 100_000_000).await.unwrap();
    archive.add("Last", 1, Status::Free).await.unwrap();
    archive.register(vec!["carol".to_owned()]).await.unwrap();
    copy(dir.path(), crashed);
    archive.close().await.unwrap();
    copy(dir.path(), closed);
}

#[tokio::test]
async fn golden_files_are_written_once() {
    let (closed, crashed) = (golden().join("1-closed"), golden().join("1-crashed"));
    if std::env::var_os("MEMSTATE_GOLDEN").is_some_and(|what| what == "write") && !closed.exists() {
        write(&closed, &crashed).await;
    }
    assert!(
        closed.join("journal-0000000001.seg").exists() && crashed.join("journal-0000000001.seg").exists()
    );
}

#[tokio::test]
async fn golden_journals_are_replayed_by_the_code_of_then() {
    for name in ["1-closed", "1-crashed"] {
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
    for name in ["1-closed", "1-crashed"] {
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
                r#"{title: "Title 1", copies: 1, status: Lent {to: 7, since: 5}}"#
            );
            let number = archive.insert(Condition::Lost, None, u64::MAX, "New").await.unwrap();
            assert_eq!(number, 22);
        }
    }
}
