//! What goes wrong, and what the one who meets it is told.

use std::path::Path;

use memstate::{Error, NotJournaled, OpenError, journal::JournalError};
use memstate_tests::bank::{Bank, BankClient};

use crate::{replayed, shape};

async fn refused(location: impl Into<memstate::Location>) -> OpenError {
    memstate::open::<Bank>(location).await.expect_err("it is refused")
}

/// The file of the journal with the given end of its name.
fn segment(dir: &Path) -> std::path::PathBuf {
    std::fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.extension().is_some_and(|extension| extension == "seg"))
        .expect("there is a segment")
}

/// A bank with one account in `dir`, closed again.
async fn closed_bank(dir: &Path) {
    let bank = replayed(dir).await;
    bank.open("Ann").await.unwrap();
    bank.deposit(1, 5).await.unwrap();
    bank.close().await.unwrap();
}

#[tokio::test]
async fn a_directory_that_is_no_journal_is_refused_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("holiday.jpg"), "a beach").unwrap();
    let error = refused(dir.path()).await;
    assert!(matches!(error, OpenError::Journal(JournalError::NotAJournal { .. })), "{error:?}");
    let text = error.to_string();
    assert!(text.contains(dir.path().to_str().unwrap()) && text.contains("holiday.jpg"), "{text}");
    let files: Vec<_> =
        std::fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(files, ["holiday.jpg"]);

    let file = dir.path().join("holiday.jpg");
    let text = refused(&file).await.to_string();
    assert!(text.contains("holiday.jpg"), "{text}");
    assert_eq!(std::fs::read(file).unwrap(), b"a beach");
}

#[tokio::test]
async fn a_location_with_an_unknown_scheme_is_refused() {
    for location in ["carrier-pigeon://roof", "memory:bank", "file:bank", ""] {
        let text = refused(location).await.to_string();
        assert!(text.contains(&format!("`{location}`")) && text.contains("give a directory"), "{text}");
    }
    let text = refused("/proc/no/such/place").await.to_string();
    assert!(text.contains("cannot create the directory /proc/no/such/place"), "{text}");
}

mod shop {
    /// Another model.
    #[memstate::model]
    #[derive(Default)]
    pub struct Shop {
        sold: u64,
    }

    #[memstate::model]
    impl Shop {
        pub fn sell(&mut self) -> u64 {
            self.sold += 1;
            self.sold
        }
    }
}

#[tokio::test]
async fn a_journal_of_another_model_is_refused_with_and_without_a_snapshot() {
    for with_snapshot in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        let shop = memstate::open::<shop::Shop>(dir.path()).no_snapshot_on_close().await.unwrap();
        shop.sell().await.unwrap();
        if with_snapshot {
            shop.snapshot().await.unwrap();
        }
        shop.close().await.unwrap();
        let error = refused(dir.path()).await;
        assert!(
            matches!(&error, OpenError::OtherModel { found, expected: "Bank", .. } if found == "Shop"),
            "{error:?}"
        );
        assert!(error.to_string().contains(dir.path().to_str().unwrap()), "{error}");
        let shop = memstate::open::<shop::Shop>(dir.path()).await.unwrap();
        assert_eq!(shop.sell().await, Ok(2), "it was left alone");
    }
}

mod before {
    #[memstate::model]
    #[derive(Default)]
    pub struct Ledger {
        sum: u64,
    }

    #[memstate::model]
    impl Ledger {
        pub fn post(&mut self, amount: u64) {
            self.sum += amount;
        }
        pub fn book(&mut self, amount: u64) {
            self.sum += amount;
        }
        pub fn never(&mut self) {
            self.sum += 1;
        }
    }
}

mod after {
    #[memstate::model]
    #[derive(Default)]
    pub struct Ledger {
        sum: u64,
    }

    #[memstate::model]
    impl Ledger {
        pub fn added(&mut self) {
            self.sum += 1;
        }
        pub fn post(&mut self, amount: u32) {
            self.sum += u64::from(amount);
        }
    }
}

mod reordered {
    #[memstate::model]
    #[derive(Default)]
    pub struct Ledger {
        pub sum: u64,
    }

    #[memstate::model]
    impl Ledger {
        pub fn added(&mut self) {
            self.sum += 1;
        }
        pub fn never(&mut self) {
            self.sum += 1;
        }
        pub fn book(&mut self, amount: u64) {
            self.sum += amount;
        }
        pub fn post(&mut self, amount: u64) {
            self.sum += amount;
        }
    }
}

#[tokio::test]
async fn commands_that_todays_code_cannot_run_are_reported_and_reordered_ones_found_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = memstate::open::<before::Ledger>(dir.path()).no_snapshot_on_close().await.unwrap();
    ledger.post(1).await.unwrap();
    ledger.book(2).await.unwrap();
    ledger.close().await.unwrap();

    let error = memstate::open::<after::Ledger>(dir.path()).await.expect_err("it is refused");
    let OpenError::Changed { problems, .. } = &error else { panic!("{error:?}") };
    let text = error.to_string();
    assert_eq!(problems.len(), 1, "{text}");
    assert!(text.contains("`book`") && text.contains("position 2") && text.contains("u64"), "{text}");

    // Whether it is refused does not depend on a snapshot that covers those commands.
    let ledger = memstate::open::<before::Ledger>(dir.path()).await.unwrap();
    ledger.snapshot().await.unwrap();
    ledger.close().await.unwrap();
    let error = memstate::open::<after::Ledger>(dir.path()).await.expect_err("it is refused");
    assert!(matches!(error, OpenError::Changed { .. }), "{error:?}");

    let ledger = memstate::open::<reordered::Ledger>(dir.path()).no_snapshot_on_close().await.unwrap();
    assert_eq!(ledger.read(|ledger| ledger.sum), 3);
    ledger.added().await.unwrap();
    ledger.close().await.unwrap();
    let ledger = memstate::open::<reordered::Ledger>(dir.path()).await.unwrap();
    assert_eq!(ledger.read(|ledger| ledger.sum), 4);
}

#[tokio::test]
async fn a_journal_that_is_open_is_refused_to_others() {
    let dir = tempfile::tempdir().unwrap();
    let bank = replayed(dir.path()).await;
    let error = refused(dir.path()).await;
    assert!(matches!(error, OpenError::Journal(JournalError::Locked { .. })), "{error:?}");
    assert!(error.to_string().contains(dir.path().to_str().unwrap()), "{error}");
    bank.open("Ann").await.expect("the first is not disturbed");
}

#[tokio::test]
async fn rot_anywhere_in_the_journal_is_refused_with_file_and_offset_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    closed_bank(dir.path()).await;
    let file = segment(dir.path());
    let good = std::fs::read(&file).unwrap();
    let used = good.iter().rposition(|byte| *byte != 0).unwrap();
    let mut tried = 0;
    for offset in (0..=used).step_by(61) {
        let mut bad = good.clone();
        bad[offset] ^= 0x10;
        std::fs::write(&file, &bad).unwrap();
        let error = refused(dir.path()).await;
        let text = error.to_string();
        assert!(text.contains(file.to_str().unwrap()), "{text}");
        assert!(matches!(error, OpenError::Journal(_)), "offset {offset}: {error:?}");
        assert_eq!(std::fs::read(&file).unwrap(), bad, "nothing was changed");
        tried += 1;
    }
    assert!(tried > 20, "{tried}");
    std::fs::write(&file, &good).unwrap();
    assert_eq!(replayed(dir.path()).await.balance(1).await, Ok(Some(5)));
}

#[tokio::test]
async fn a_journal_that_may_not_be_read_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    closed_bank(dir.path()).await;
    let file = segment(dir.path());
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o000)).unwrap();
    if std::fs::File::open(&file).is_ok() {
        eprintln!("this user may read everything, so the permission cannot be taken away: not tested here");
        return;
    }
    let text = refused(dir.path()).await.to_string();
    assert!(text.contains("ermission denied") && text.contains(dir.path().to_str().unwrap()), "{text}");
}

#[tokio::test]
async fn a_command_over_the_limit_is_refused_before_it_is_journaled() {
    let dir = tempfile::tempdir().unwrap();
    let bank: BankClient =
        memstate::open::<Bank>(dir.path()).max_command_bytes(1000).no_snapshot_on_close().await.unwrap();
    assert_eq!(bank.swallow(vec![0; 900]).await, Ok(900));
    let before = bank.position();
    match bank.swallow(vec![0; 1000]).await {
        Err(Error::NotJournaled(NotJournaled::TooLarge { method: "swallow", bytes: 1002, limit: 1000 })) => {}
        other => panic!("{other:?}"),
    }
    assert_eq!(bank.position(), before);
    bank.close().await.unwrap();
    let bank: BankClient = memstate::open::<Bank>(dir.path()).max_command_bytes(usize::MAX).await.unwrap();
    assert!(bank.swallow(vec![0; 8 << 20]).await.is_err(), "the largest limit is 8 MiB");
    assert_eq!(bank.swallow(vec![0; 7 << 20]).await, Ok(7 << 20));
}

mod treacherous {
    /// Panics when it is dropped with `armed` set.
    #[memstate::data]
    #[derive(Debug, PartialEq)]
    pub struct Bomb {
        pub armed: bool,
    }

    impl Drop for Bomb {
        fn drop(&mut self) {
            if self.armed && !std::thread::panicking() {
                panic!("the bomb went off");
            }
        }
    }

    #[memstate::model]
    #[derive(Default)]
    pub struct Depot {
        pub bombs: memstate::collections::Vec<Bomb>,
        pub handled: u64,
    }

    #[memstate::model]
    impl Depot {
        pub fn store(&mut self, armed: bool) {
            self.handled += 1;
            let mut bomb = Bomb { armed: false };
            bomb.armed = armed;
            self.bombs.push(bomb);
        }

        pub fn defuse(&mut self, index: usize) -> bool {
            self.handled += 1;
            std::mem::replace(&mut self.bombs[index].armed, false)
        }

        /// Drops it in the middle of the command.
        pub fn throw_away(&mut self, index: usize) -> u64 {
            self.handled += 1;
            drop(self.bombs.remove(index));
            self.handled
        }

        /// Drops them all.
        pub fn clear(&mut self) {
            self.handled += 1;
            self.bombs.clear();
        }
    }
}

#[tokio::test]
async fn a_model_that_panics_in_drop_changes_nothing_and_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let depot = memstate::open::<treacherous::Depot>(dir.path()).no_snapshot_on_close().await.unwrap();
    depot.store(false).await.unwrap();
    depot.store(true).await.unwrap();
    depot.store(false).await.unwrap();
    for _ in 0..2 {
        match depot.throw_away(1).await {
            Err(Error::Panicked { message, .. }) => assert_eq!(message, "the bomb went off"),
            other => panic!("{other:?}"),
        }
        assert!(matches!(depot.clear().await, Err(Error::Panicked { .. })));
        assert_eq!(
            depot.read(|depot| (depot.handled, depot.bombs.len(), depot.bombs[1].armed)),
            (3, 3, true)
        );
    }
    depot.snapshot().await.expect("that of the copy that the snapshot is made from is no trouble either");
    depot.defuse(1).await.unwrap();
    assert_eq!(depot.throw_away(1).await, Ok(5));
    depot.close().await.unwrap();
    drop(depot);
    let depot = memstate::open::<treacherous::Depot>(dir.path()).await.unwrap();
    assert_eq!(depot.read(|depot| (depot.handled, depot.bombs.len())), (5, 2));
}

#[tokio::test]
async fn a_model_that_panics_when_it_is_dropped_can_be_closed_and_opened() {
    let dir = tempfile::tempdir().unwrap();
    for round in 1..=3 {
        let depot = memstate::open::<treacherous::Depot>(dir.path()).await.unwrap();
        assert_eq!(depot.read(|depot| depot.handled), round - 1);
        depot.store(true).await.unwrap();
        depot.close().await.unwrap();
    }
}

mod deep {
    /// A list that is as deep as it is long.
    #[memstate::data]
    pub struct Node {
        pub next: Option<Box<Node>>,
    }

    #[memstate::model]
    #[derive(Default)]
    pub struct Deep {
        pub list: Option<Box<Node>>,
        pub depth: u64,
    }

    #[memstate::model(events = u64)]
    impl Deep {
        pub fn grow(&mut self, ctx: &mut memstate::Ctx<u64>, by: u64) -> u64 {
            for _ in 0..by {
                self.list = Some(Box::new(Node { next: self.list.take() }));
                self.depth += 1;
            }
            ctx.emit(self.depth);
            recurse(20_000)
        }
    }

    /// Takes some MiB of stack.
    fn recurse(n: u64) -> u64 {
        if n == 0 { 0 } else { std::hint::black_box([recurse(n - 1); 16])[3] + 1 }
    }
}

#[tokio::test]
async fn what_ran_once_has_the_stack_to_run_again_in_snapshots_events_and_recovery() {
    let dir = tempfile::tempdir().unwrap();
    let deep = memstate::open::<deep::Deep>(dir.path()).await.unwrap();
    for _ in 0..4 {
        assert_eq!(deep.grow(500).await, Ok(20_000));
    }
    deep.snapshot().await.unwrap();
    deep.grow(1).await.unwrap();
    deep.close().await.unwrap();
    let deep = memstate::open::<deep::Deep>(dir.path()).await.unwrap();
    let (position, event) = deep.events(memstate::Position::START).next().await.unwrap().unwrap();
    assert_eq!((position.get(), event), (1, 500));
    assert_eq!(deep.read(|deep| deep.depth), 2001);
}

mod unreadable {
    use serde::{Deserialize, Deserializer, Serialize};

    /// Writes what it does not read back.
    #[derive(Debug, Clone, Serialize)]
    pub struct OneWay(pub u32);

    impl<'de> Deserialize<'de> for OneWay {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            let number = u32::deserialize(deserializer)?;
            match number {
                7 => Err(serde::de::Error::custom("seven is not to be had")),
                8 => panic!("eight is too much"),
                _ => Ok(OneWay(number)),
            }
        }
    }

    #[memstate::model]
    #[derive(Default)]
    pub struct Picky {
        taken: u64,
    }

    #[memstate::model]
    impl Picky {
        pub fn take(&mut self, number: OneWay) -> OneWay {
            self.taken += 1;
            OneWay(number.0 + 1)
        }

        pub fn taken(&self) -> u64 {
            self.taken
        }
    }
}

#[tokio::test]
async fn arguments_that_cannot_be_read_back_are_never_journaled() {
    use unreadable::{OneWay, Picky};
    let picky = memstate::open::<Picky>("memory:").await.unwrap();
    assert_eq!(picky.take(OneWay(1)).await.unwrap().0, 2);
    for number in [7, 8] {
        match picky.take(OneWay(number)).await {
            Err(Error::NotJournaled(NotJournaled::Unencodable { method: "take", .. })) => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((picky.position().get(), picky.taken().await), (1, Ok(1)));
    // A reply that cannot be read is lost; what the command did is not.
    assert!(matches!(picky.take(OneWay(6)).await, Err(Error::OutcomeUnknown(_))));
    assert_eq!(picky.taken().await, Ok(2));
}

#[tokio::test]
async fn an_initial_state_that_panics_is_an_error_and_writes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let error =
        memstate::open_with::<Bank>(dir.path(), || panic!("no bank today")).await.expect_err("refused");
    assert!(error.to_string().contains("no bank today"), "{error}");
    let bank = memstate::open_with::<Bank>(dir.path(), Bank::default).await.unwrap();
    bank.open("Ann").await.unwrap();
    let state = shape(&bank);
    bank.close().await.unwrap();
    let bank =
        memstate::open_with::<Bank>(dir.path(), || panic!("only a new journal needs it")).await.unwrap();
    assert_eq!(shape(&bank), state);
}

#[memstate::model]
#[derive(Default)]
pub struct Counter {
    count: u64,
}

#[memstate::model]
impl Counter {
    pub fn add(&mut self, number: u64) -> u64 {
        self.count += number;
        self.count
    }

    #[memstate(replays = "add", version = 1)]
    fn add_v1(&mut self, number: u8) {
        self.count += u64::from(number);
    }

    #[memstate(retired)]
    pub fn reset(&mut self) {
        self.count = 0;
    }
}

#[tokio::test]
async fn a_retired_command_that_is_built_by_hand_is_not_journaled() {
    let counter = memstate::open::<Counter>("memory:").await.unwrap();
    assert_eq!(counter.add(3).await, Ok(3));
    for (command, method) in
        [(CounterCommand::AddV1 { number: 1 }, "add_v1"), (CounterCommand::Reset, "reset")]
    {
        let error = counter.execute(command).await.expect_err("it is refused");
        assert_eq!(error, Error::NotJournaled(NotJournaled::Retired { method }));
        assert!(error.to_string().starts_with(&format!("`{method}` is retired")), "{error}");
    }
    assert_eq!((counter.position().get(), counter.read(|counter| counter.count)), (1, 3));
}
