//! Journals and snapshots that earlier versions of memstate wrote, in `tests/golden`: every later version reads them.
//!
//! `MEMSTATE_GOLDEN=write cargo test -p memstate-tests --test evolution golden` writes those of today's format, if they
//! are not there yet. What is there is never written again.

use std::path::{Path, PathBuf};

use memstate::{Position, Timestamp};

/// What the files of format 1 were written with. It must never be changed.
mod archive_1 {
    use memstate::{
        Ctx, Timestamp, Uuid,
        collections::{BTreeMap, BTreeSet, HashMap, HashSet, Vec, VecDeque},
    };

    #[memstate::data]
    #[derive(Debug, PartialEq)]
    pub struct Item {
        pub title: String,
        pub copies: u32,
        pub price: f64,
        pub shelf: Option<(u8, char)>,
        pub status: Status,
        pub tags: BTreeSet<String>,
        pub of: Box<Option<Item>>,
    }

    #[memstate::data]
    #[derive(Debug, PartialEq)]
    pub enum Status {
        Free,
        Lent { to: u64, since: Timestamp },
        Moved(i32, i64),
        Sold(u128),
    }

    #[memstate::data]
    #[derive(Debug, PartialEq)]
    pub enum Happened {
        Added { number: u64, title: String },
        Removed(u64),
    }

    #[memstate::data(error)]
    #[derive(Debug, PartialEq)]
    pub enum Refused {
        #[memstate(display = "there is no item {0}")]
        NoItem(u64),
    }

    #[memstate::model]
    #[derive(Debug, Default)]
    pub struct Archive {
        pub items: HashMap<u64, Item>,
        pub by_title: BTreeMap<String, u64>,
        pub last: u64,
        pub recent: VecDeque<u64>,
        pub readers: HashSet<String>,
        pub log: Vec<(i64, Timestamp, Uuid)>,
        pub checksums: [u16; 3],
    }

    #[memstate::model(events = Happened)]
    impl Archive {
        pub fn add(&mut self, ctx: &mut Ctx<Happened>, title: String, copies: u32, status: Status) -> u64 {
            self.last += 1;
            let number = self.last;
            let of = Box::new(
                self.items.get(&(number - 1)).cloned().map(|item| Item { of: Box::new(None), ..item }),
            );
            let mut tags = BTreeSet::new();
            tags.insert(title.to_lowercase());
            let item =
                Item { title: title.clone(), copies, price: 1.5, shelf: Some((3, 'ß')), status, tags, of };
            self.items.insert(number, item);
            self.by_title.insert(title.clone(), number);
            self.recent.push_front(number);
            self.log.push((-1, ctx.now(), ctx.uuid()));
            self.checksums[(number % 3) as usize] += 1;
            ctx.emit(Happened::Added { number, title });
            number
        }

        pub fn remove(&mut self, ctx: &mut Ctx<Happened>, number: u64) -> Result<String, Refused> {
            self.recent.clear();
            let item = self.items.shift_remove(&number).ok_or(Refused::NoItem(number))?;
            ctx.emit(Happened::Removed(number));
            Ok(item.title)
        }

        pub fn register(&mut self, ctx: &mut Ctx<Happened>, names: std::vec::Vec<String>) {
            self.readers.extend(names);
            if let Some(caller) = ctx.caller() {
                self.readers.insert(caller.to_owned());
            }
        }

        pub fn fail(&mut self) {
            self.items.clear();
            panic!("on purpose");
        }
    }
}

/// The same after some years.
mod archive_later {
    use memstate::{
        Ctx, Timestamp,
        collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque},
    };

    #[memstate::data]
    #[derive(Debug, PartialEq)]
    pub struct Volume {
        #[serde(default)]
        pub isbn: Option<String>,
        pub status: Condition,
        #[serde(alias = "copies")]
        pub count: u64,
        pub title: String,
        pub tags: BTreeSet<String>,
        pub of: Box<Option<Volume>>,
    }

    #[memstate::data]
    #[derive(Debug, PartialEq)]
    pub enum Condition {
        Lost,
        #[serde(alias = "Sold")]
        Gone(u128),
        Moved(i64, i64),
        Lent {
            since: Timestamp,
        },
        Free,
    }

    #[memstate::model]
    #[derive(Debug, Default)]
    pub struct Archive {
        pub readers: HashSet<String>,
        pub by_title: BTreeMap<String, u64>,
        pub items: HashMap<u64, Volume>,
        pub recent: VecDeque<u64>,
        #[serde(alias = "last")]
        pub last_number: u64,
        #[serde(default)]
        pub closed: bool,
    }

    #[memstate::model]
    impl Archive {
        #[memstate(was = "fail")]
        pub fn failing(&mut self) {}

        pub fn register(&mut self, ctx: &mut Ctx, names: std::vec::Vec<String>) {
            self.readers.extend(names);
            if let Some(caller) = ctx.caller() {
                self.readers.insert(caller.to_owned());
            }
        }

        pub fn remove(&mut self, number: u64) -> Result<String, String> {
            self.recent.clear();
            let item = self.items.shift_remove(&number).ok_or("there is none")?;
            Ok(item.title)
        }

        #[memstate(was = "add")]
        pub fn insert(
            &mut self,
            status: Condition,
            #[memstate(default)] isbn: Option<String>,
            #[memstate(was = "copies")] count: u64,
            title: String,
        ) -> u64 {
            self.last_number += 1;
            let number = self.last_number;
            let of = self.items.get(&(number - 1)).cloned().map(|item| Volume { of: Box::new(None), ..item });
            let mut tags = BTreeSet::new();
            tags.insert(title.to_lowercase());
            let volume = Volume { isbn, status, count, title: title.clone(), tags, of: Box::new(of) };
            self.items.insert(number, volume);
            self.by_title.insert(title, number);
            self.recent.push_front(number);
            number
        }
    }
}

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
