//! Commands that were renamed, retired, given a new version, or moved.

use memstate::{Error, NotJournaled, Position};

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

        pub fn remove(&mut self, item: String, count: i64) -> Result<(), String> {
            let left = self.counts.entry(item).or_default();
            *left -= count;
            if *left < 0 { Err("there are not so many".into()) } else { Ok(()) }
        }

        pub fn note(&mut self, text: String) {
            self.notes.push(text);
        }

        pub fn unused(&mut self, never: u8) {
            self.notes.push(never.to_string());
        }
    }
}

/// Writes with the first version: a dozen pears, seven of which are taken, a note.
async fn write(dir: &std::path::Path) {
    let stock = replayed::<first::Stock>(dir).await.unwrap();
    assert_eq!(stock.add("pear", 1).await.unwrap(), 12);
    stock.remove("pear", 7).await.unwrap();
    stock.remove("pear", 7).await.unwrap_err();
    stock.note("hello").await.unwrap();
    stock.close().await.unwrap();
}

mod reordered {
    pub mod elsewhere {
        #[memstate::model]
        #[derive(Debug, Default)]
        pub struct Stock {
            pub notes: memstate::collections::Vec<String>,
            pub counts: memstate::collections::BTreeMap<String, i64>,
        }

        #[memstate::model]
        impl Stock {
            pub fn new_one(&mut self) {}

            pub fn note(&mut self, text: String) {
                self.notes.push(text);
            }

            pub fn remove(&mut self, item: String, count: i64) -> Result<(), String> {
                let left = self.counts.entry(item).or_default();
                *left -= count;
                if *left < 0 { Err("there are not so many".into()) } else { Ok(()) }
            }

            pub fn add(&mut self, item: String, dozens: u32) -> i64 {
                let count = self.counts.entry(item).or_default();
                *count += i64::from(dozens) * 12;
                *count
            }
        }
    }
}

#[tokio::test]
async fn methods_are_reordered_added_removed_if_unused_and_moved_without_a_word() {
    for with_snapshot in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path()).await;
        if with_snapshot {
            let stock = memstate::open::<first::Stock>(dir.path()).await.unwrap();
            stock.close().await.unwrap();
        }
        let stock = replayed::<reordered::elsewhere::Stock>(dir.path()).await.unwrap();
        stock.new_one().await.unwrap();
        assert_eq!(stock.read(|stock| (stock.counts["pear"], stock.notes.len())), (5, 1));
        stock.close().await.unwrap();
        // And back: what the later version added stands in the way of the first only where it was used.
        assert_eq!(
            shown(&problems::<first::Stock>(dir.path()).await),
            [
                "command `new_one`: the command is not in the code any more (it was `new_one()`); one record, at position 5"
            ]
        );
    }
}

mod renamed {
    #[memstate::model]
    #[derive(Debug, Default)]
    pub struct Stock {
        pub counts: memstate::collections::BTreeMap<String, i64>,
        pub notes: memstate::collections::Vec<String>,
    }

    #[memstate::model]
    impl Stock {
        #[memstate(was = "add")]
        pub fn deliver(&mut self, #[memstate(was = "item")] article: String, dozens: u64) -> i64 {
            let count = self.counts.entry(article).or_default();
            *count += dozens as i64 * 12;
            *count
        }

        #[memstate(was = "take", was = "remove")]
        pub fn pick(&mut self, item: String, count: i64) -> Result<(), String> {
            let left = self.counts.entry(item).or_default();
            *left -= count;
            if *left < 0 { Err("there are not so many".into()) } else { Ok(()) }
        }

        #[memstate(retired)]
        pub fn note(&mut self, text: String) {
            self.notes.push(text);
        }
    }
}

#[tokio::test]
async fn renamed_and_retired_commands_replay_under_their_old_names() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path()).await;
    let stock = replayed::<renamed::Stock>(dir.path()).await.unwrap();
    assert_eq!(stock.read(|stock| (stock.counts["pear"], stock.notes.len())), (5, 1));
    assert_eq!(stock.deliver("pear", 1).await.unwrap(), 17);
    let by_hand = stock.execute(renamed::StockCommand::Note { text: "again".into() }).await;
    assert!(
        matches!(by_hand, Err(Error::NotJournaled(NotJournaled::Retired { method: "note" }))),
        "{by_hand:?}"
    );
    stock.close().await.unwrap();
    let stock = replayed::<renamed::Stock>(dir.path()).replay_all().await.unwrap();
    assert_eq!(stock.read(|stock| stock.counts["pear"]), 17);
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

        pub fn remove(&mut self, item: String, count: i64) -> Result<(), String> {
            let left = self.counts.entry(item).or_default();
            *left -= count;
            if *left < 0 { Err("there are not so many".into()) } else { Ok(()) }
        }

        pub fn note(&mut self, text: String) {
            self.notes.push(text);
        }
    }
}

#[tokio::test]
async fn each_version_of_a_command_is_replayed_by_its_own_code() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path()).await;
    let stock = replayed::<versioned::Stock>(dir.path()).await.unwrap();
    assert_eq!(stock.read(|stock| stock.counts["pear"]), 5);
    assert_eq!(stock.add("pear", 1).await.unwrap(), 6);
    stock.close().await.unwrap();
    let stock = replayed::<versioned::Stock>(dir.path()).replay_all().await.unwrap();
    assert_eq!(stock.read(|stock| stock.counts["pear"]), 6);
    stock.close().await.unwrap();

    // The first version of the code cannot know what the second version of `add` is.
    let found = shown(&problems::<first::Stock>(dir.path()).await);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].starts_with("command `add`: it is version 2 of the command"), "{found:?}");
    assert!(found[0].ends_with("one record, at position 5"), "{found:?}");
}

mod upcast {
    #[memstate::data]
    #[derive(Debug, PartialEq)]
    pub struct Delivery {
        pub pieces: u64,
        pub from: Option<String>,
    }

    /// The arguments of version 1.
    #[derive(serde::Deserialize)]
    pub struct AddV1 {
        item: String,
        dozens: u32,
    }

    fn from_dozens(old: AddV1) -> (String, Delivery) {
        (old.item, Delivery { pieces: u64::from(old.dozens) * 12, from: None })
    }

    #[derive(serde::Deserialize)]
    pub struct NoteV1 {
        text: String,
    }

    fn shout(old: NoteV1) -> String {
        old.text.to_uppercase()
    }

    #[memstate::model]
    #[derive(Debug, Default)]
    pub struct Stock {
        pub counts: memstate::collections::BTreeMap<String, i64>,
        pub notes: memstate::collections::Vec<String>,
    }

    #[memstate::model]
    impl Stock {
        #[memstate(upcast = from_dozens)]
        pub fn add(&mut self, item: String, delivery: Delivery) -> i64 {
            let count = self.counts.entry(item).or_default();
            *count += delivery.pieces as i64;
            *count
        }

        pub fn remove(&mut self, item: String, count: i64) -> Result<(), String> {
            let left = self.counts.entry(item).or_default();
            *left -= count;
            if *left < 0 { Err("there are not so many".into()) } else { Ok(()) }
        }

        #[memstate(upcast = shout)]
        pub fn note(&mut self, text: String) {
            self.notes.push(text);
        }
    }
}

#[tokio::test]
async fn arguments_of_an_earlier_version_are_converted() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path()).await;
    // The note's text is another one now, which is a change of the state.
    let stock = replayed::<upcast::Stock>(dir.path()).accept_divergence().await.unwrap();
    assert_eq!(stock.read(|stock| (stock.counts["pear"], stock.notes[0].clone())), (5, "HELLO".to_owned()));
    stock.note("quiet").await.unwrap();
    assert_eq!(stock.add("pear", upcast::Delivery { pieces: 3, from: None }).await.unwrap(), 8);
    stock.close().await.unwrap();
    let stock = replayed::<upcast::Stock>(dir.path()).replay_all().await.unwrap();
    assert_eq!(stock.read(|stock| (stock.counts["pear"], stock.notes[1].clone())), (8, "quiet".to_owned()));
}

/// A request of before is known after the code has changed; what it replied is only given if it can still be read.
#[tokio::test]
async fn a_retried_request_happens_once_also_over_a_change_of_the_code() {
    for with_snapshot in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        let stock = replayed::<first::Stock>(dir.path()).await.unwrap();
        let (added, noted) = (stock.new_request(), stock.new_request());
        assert_eq!(stock.with_request(added).add("pear", 1).await.unwrap(), 12);
        stock.with_request(noted).note("once").await.unwrap();
        if with_snapshot {
            stock.snapshot().await.unwrap();
        }
        stock.close().await.unwrap();

        let stock = replayed::<reordered::elsewhere::Stock>(dir.path()).await.unwrap();
        assert_eq!(stock.with_request(added).add("pear", 1).await.unwrap(), 12, "the reply of then");
        stock.with_request(noted).note("once").await.unwrap();
        assert_eq!(stock.read(|stock| (stock.counts["pear"], stock.notes.len())), (12, 1));
        if with_snapshot {
            stock.snapshot().await.unwrap();
        }
        stock.close().await.unwrap();

        let stock = replayed::<replies_otherwise::Stock>(dir.path()).await.unwrap();
        let again = stock.with_request(added).add("pear", 1).await;
        match with_snapshot {
            true => assert!(matches!(again, Err(Error::OutcomeUnknown(_))), "{again:?}"),
            false => assert_eq!(again.unwrap(), "12", "it was run again by today's code"),
        }
        assert_eq!(stock.read(|stock| stock.counts["pear"]), 12);
    }
}

mod replies_otherwise {
    #[memstate::model]
    #[derive(Debug, Default)]
    pub struct Stock {
        pub notes: memstate::collections::Vec<String>,
        pub counts: memstate::collections::BTreeMap<String, i64>,
    }

    #[memstate::model]
    impl Stock {
        pub fn note(&mut self, text: String) {
            self.notes.push(text);
        }

        pub fn add(&mut self, item: String, dozens: u32) -> String {
            let count = self.counts.entry(item).or_default();
            *count += i64::from(dozens) * 12;
            count.to_string()
        }
    }
}

#[tokio::test]
async fn a_position_and_an_order_stay_the_same_whatever_the_code_is() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path()).await;
    let stock = replayed::<renamed::Stock>(dir.path()).await.unwrap();
    assert_eq!(stock.position(), Position::new(4));
}
