//! The model with which the first golden journals were written, and the same model some years later.
#![allow(missing_docs, reason = "models of tests")]

/// What the files of format 1 were written with. It must never be changed.
pub mod archive_1 {
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
pub mod archive_later {
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
