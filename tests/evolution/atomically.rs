//! Atomic batches that another version of the code wrote: each command in them goes its own way.

use memstate::{Error, NotJournaled, OpenError, Position, RecordOutcome, Refused, RequestId};

use super::{problems, replayed, shown};

mod first {
    #[memstate::model]
    #[derive(Debug, Default)]
    pub struct Stock {
        pub counts: memstate::collections::BTreeMap<String, i64>,
        pub notes: memstate::collections::Vec<String>,
    }

    #[memstate::model]
    impl Stock {
        /// Of an item there are so many more, in dozens.
        pub fn add(&mut self, item: String, dozens: u32) -> i64 {
            let count = self.counts.entry(item).or_default();
            *count += i64::from(dozens) * 12;
            *count
        }

        pub fn remove(&mut self, item: String, count: i64) -> Result<i64, String> {
            let left = self.counts.entry(item).or_default();
            *left -= count;
            if *left < 0 { Err(format!("{} are missing", -*left)) } else { Ok(*left) }
        }

        pub fn note(&mut self, text: String) {
            self.notes.push(text);
        }
    }
}

/// What is sent with a request: one that is accepted and one that is refused.
macro_rules! send {
    ($stock:expr, $requests:expr, $Command:ident, $Reply:ident) => {{
        let remove = |count| $Command::Remove { item: "pear".into(), count };
        let [good, bad] = $requests;
        let replies = $stock.with_request(good).atomically([remove(2), remove(3)]).await;
        assert_eq!(replies, Ok(vec![$Reply::Remove(Ok(22)), $Reply::Remove(Ok(19))]));
        let refused = $stock.with_request(bad).atomically([remove(1), remove(20)]).await;
        let reply = $Reply::Remove(Err("2 are missing".into()));
        assert_eq!(refused, Err(Error::Rejected(Refused { index: 1, reply })));
    }};
}

/// Writes with the first version: two dozen pears, five of which are taken, and two notes, in batches.
async fn write(dir: &std::path::Path, with_snapshot: bool) -> [RequestId; 2] {
    use first::{StockCommand as Command, StockReply as Reply};
    let stock = replayed::<first::Stock>(dir).await.unwrap();
    let add = |dozens| Command::Add { item: "pear".into(), dozens };
    let note = |text: &str| Command::Note { text: text.into() };
    let replies = stock.atomically([add(1), note("one"), add(1), note("two")]).await;
    assert_eq!(replies, Ok(vec![Reply::Add(12), Reply::Note(()), Reply::Add(24), Reply::Note(())]));
    let requests = [stock.new_request(), stock.new_request()];
    send!(stock, requests, Command, Reply);
    let refused = stock.atomically([note("three"), Command::Remove { item: "plum".into(), count: 1 }]).await;
    refused.unwrap_err();
    if with_snapshot {
        stock.snapshot().await.unwrap();
    }
    stock.close().await.unwrap();
    requests
}

mod second {
    /// The arguments of `note`, as they were.
    #[memstate::data]
    pub struct OldNote {
        text: String,
    }

    fn loudly(old: OldNote) -> (String, bool) {
        (old.text, true)
    }

    #[memstate::model]
    #[derive(Debug, Default)]
    pub struct Stock {
        pub counts: memstate::collections::BTreeMap<String, i64>,
        pub notes: memstate::collections::Vec<String>,
    }

    #[memstate::model]
    impl Stock {
        pub fn new_one(&mut self) {}

        #[memstate(upcast = loudly)]
        pub fn note(&mut self, text: String, loud: bool) {
            self.notes.push(if loud { text } else { String::new() });
        }

        #[memstate(was = "add")]
        pub fn deliver(
            &mut self,
            #[memstate(default = 0)] loose: i64,
            #[memstate(was = "item")] article: String,
            dozens: u64,
        ) -> i64 {
            let count = self.counts.entry(article).or_default();
            *count += dozens as i64 * 12 + loose;
            *count
        }

        pub fn remove(&mut self, item: String, count: i64) -> Result<i64, String> {
            let left = self.counts.entry(item).or_default();
            *left -= count;
            if *left < 0 { Err(format!("{} are missing", -*left)) } else { Ok(*left) }
        }
    }
}

#[tokio::test]
async fn commands_in_a_batch_are_renamed_reordered_and_given_other_arguments_like_any() {
    use second::{StockCommand as Command, StockReply as Reply};
    for with_snapshot in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        let requests = write(dir.path(), with_snapshot).await;
        for round in 0..3 {
            let stock = replayed::<second::Stock>(dir.path()).await.unwrap();
            let state = stock.read(|stock| (stock.counts["pear"], stock.notes.len(), stock.counts.len()));
            assert_eq!(state, (19, 2, 1), "{with_snapshot}, {round}");
            send!(stock, requests, Command, Reply);
            let first = stock.history(..=1).next().await.unwrap().unwrap();
            let names: Vec<_> = first.calls().map(|(name, _)| name.to_owned()).collect();
            assert_eq!(names, ["add", "note", "add", "note"], "as they were called then");
            assert_eq!(first.commands[0].arguments.to_string(), r#"{item: "pear", dozens: 1}"#);
            // A batch under the new names beside those under the old ones.
            let deliver = |loose| Command::Deliver { article: "pear".into(), dozens: 0, loose };
            let added = stock.atomically([deliver(5), deliver(-5)]).await;
            assert_eq!(added, Ok(vec![Reply::Deliver(24), Reply::Deliver(19)]));
            stock.close().await.unwrap();
        }
    }
}

mod versioned {
    #[memstate::model]
    #[derive(Debug, Default)]
    pub struct Stock {
        pub counts: memstate::collections::BTreeMap<String, i64>,
        pub notes: memstate::collections::Vec<String>,
    }

    #[memstate::model]
    impl Stock {
        #[memstate(retired)]
        #[allow(dead_code)]
        fn note(&mut self, text: String) {
            self.notes.push(text);
        }

        /// Of an item there are so many more, and no dozens any more.
        pub fn add(&mut self, item: String, pieces: u32) -> i64 {
            let count = self.counts.entry(item).or_default();
            *count += i64::from(pieces);
            *count
        }

        #[memstate(replays = "add", version = 1)]
        fn add_v1(&mut self, item: String, dozens: u32) -> i64 {
            self.add(item, dozens * 12)
        }

        /// Nothing can be said any more of what is left.
        pub fn remove(&mut self, item: String, count: i64) -> Result<String, String> {
            let left = self.counts.entry(item).or_default();
            *left -= count;
            if *left < 0 { Err(format!("{} are missing", -*left)) } else { Ok(left.to_string()) }
        }
    }
}

#[tokio::test]
async fn versions_and_retired_commands_in_batches_are_replayed_by_the_code_for_them() {
    use versioned::{StockCommand as Command, StockReply as Reply};
    let dir = tempfile::tempdir().unwrap();
    let [good, bad] = write(dir.path(), true).await;
    let stock = replayed::<versioned::Stock>(dir.path()).await.unwrap();
    assert_eq!(stock.read(|stock| (stock.counts["pear"], stock.notes.len())), (19, 2));
    let add = |pieces| Command::Add { item: "pear".into(), pieces };
    let remove = |count| Command::Remove { item: "pear".into(), count };
    // The replies of the snapshot are of another type.
    let lost = stock.with_request(good).atomically([remove(2), remove(3)]).await;
    assert!(matches!(&lost, Err(Error::OutcomeUnknown(why)) if why.contains("another version")), "{lost:?}");
    let lost = stock.with_request(bad).atomically([remove(1), remove(20)]).await;
    assert!(matches!(lost, Err(Error::OutcomeUnknown(_))), "{lost:?}");
    let retired = stock.atomically([add(1), Command::Note { text: "again".into() }]).await;
    let Err(Error::NotJournaled(NotJournaled::InBatch { index: 1, why })) = retired else {
        panic!("{retired:?}")
    };
    assert_eq!(*why, NotJournaled::Retired { method: "note" });
    let replies = stock.atomically([add(1), remove(20)]).await;
    assert_eq!(replies, Ok(vec![Reply::Add(20), Reply::Remove(Ok("0".into()))]));
    stock.close().await.unwrap();
    let stock = replayed::<versioned::Stock>(dir.path()).replay_all().await.unwrap();
    assert_eq!(stock.read(|stock| stock.counts["pear"]), 0);
}

mod narrow {
    #[memstate::model]
    #[derive(Debug, Default)]
    pub struct Stock {
        pub counts: memstate::collections::BTreeMap<String, i64>,
        pub notes: memstate::collections::Vec<String>,
    }

    #[memstate::model]
    impl Stock {
        pub fn add(&mut self, item: String, dozens: u32) -> i64 {
            let count = self.counts.entry(item).or_default();
            *count += i64::from(dozens) * 12;
            *count
        }

        pub fn remove(&mut self, item: String, count: i8) -> Result<i64, String> {
            let left = self.counts.entry(item).or_default();
            *left -= i64::from(count);
            Ok(*left)
        }
    }
}

#[tokio::test]
async fn problems_of_commands_in_batches_are_reported_with_the_records_that_they_are_in() {
    use first::StockCommand as Command;
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), false).await;
    let stock = replayed::<first::Stock>(dir.path()).await.unwrap();
    let add = |dozens| Command::Add { item: "pear".into(), dozens };
    let remove = |count| Command::Remove { item: "pear".into(), count };
    stock.atomically([add(30), remove(200), remove(128), remove(1)]).await.unwrap();
    stock.remove("pear", 1000).await.unwrap_err();
    stock.note("alone").await.unwrap();
    stock.close().await.unwrap();
    let found = problems::<narrow::Stock>(dir.path()).await;
    assert_eq!(
        shown(&found),
        [
            // In three records, though in one of them twice.
            "command `note`: the command is not in the code any more (it was `note(text: String)`); 3 records, the first \
             at position 1",
            "command `remove`, argument `count`: 200 does not fit i8 (it was `i64` and is `i8`); 2 records, the first at \
             position 5",
        ]
    );
}

mod broken {
    #[memstate::model]
    #[derive(Debug, Default)]
    pub struct Stock {
        pub counts: memstate::collections::BTreeMap<String, i64>,
        pub notes: memstate::collections::Vec<String>,
    }

    #[memstate::model]
    impl Stock {
        pub fn add(&mut self, item: String, dozens: u32) -> i64 {
            let count = self.counts.entry(item).or_default();
            *count += i64::from(dozens) * 12;
            *count
        }

        /// Three are not removed any more.
        pub fn remove(&mut self, item: String, count: i64) -> Result<i64, String> {
            let left = self.counts.entry(item).or_default();
            *left -= count;
            match count {
                3 => Err("three is an unlucky number".into()),
                _ if *left < 0 => Err(format!("{} are missing", -*left)),
                _ => Ok(*left),
            }
        }

        pub fn note(&mut self, text: String) {
            self.notes.push(text);
        }
    }
}

#[tokio::test]
async fn a_batch_that_comes_out_differently_is_shown_with_its_commands_and_can_be_accepted() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), false).await;
    let error = replayed::<broken::Stock>(dir.path()).await.expect_err("it differs");
    assert!(
        matches!(&error, OpenError::Diverged { position, .. } if *position == Position::new(2)),
        "{error:?}"
    );
    let text = error.to_string();
    for part in [
        r#"command   an atomic batch of 2 commands: remove(item: "pear", count: 2), remove(item: "pear", count: 3)"#,
        "recorded  accepted",
        r#"replayed  rejected with "three is an unlucky number" by `remove` at index 1 of the batch"#,
        "`#[memstate(replays = \"…\", version = 1)]`, of the one of its commands that has changed",
    ] {
        assert!(text.contains(part), "{text}");
    }
    assert!(!text.contains("atomically_v1"), "{text}");

    let stock = replayed::<broken::Stock>(dir.path()).accept_divergence().await.unwrap();
    assert_eq!(stock.read(|stock| stock.counts["pear"]), 24);
    stock.close().await.unwrap();
    let stock = replayed::<broken::Stock>(dir.path()).await.unwrap();
    assert_eq!(stock.read(|stock| stock.counts["pear"]), 24);
    let record = stock.history(2..).next().await.unwrap().unwrap();
    let was = record.amended.map(|amended| amended.was);
    assert_eq!((record.outcome, was), (RecordOutcome::Rejected, Some(RecordOutcome::Accepted)));
}
