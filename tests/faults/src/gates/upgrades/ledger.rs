//! The model of the golden journals that have everything in them, in three versions of the code. The first two wrote them
//! and must never be changed.
#![allow(missing_docs, reason = "the models of a test")]

use std::sync::atomic::{AtomicI64, Ordering};

/// What a command took in the first version, before its body was changed.
static FEE: AtomicI64 = AtomicI64::new(2);

/// Puts a body in the place of another.
pub fn set_fee(cents: i64) {
    FEE.store(cents, Ordering::SeqCst);
}

fn fee() -> i64 {
    FEE.load(Ordering::SeqCst)
}

pub mod first {
    use memstate::{
        Ctx, Timestamp,
        collections::{BTreeMap, Vec},
    };

    #[memstate::data]
    #[derive(Debug, PartialEq)]
    pub struct Entry {
        pub from: String,
        pub to: String,
        pub cents: i64,
        pub at: Timestamp,
    }

    #[memstate::data]
    #[derive(Debug, PartialEq)]
    pub enum Happened {
        Opened(String),
        Booked { cents: i64, to: String },
    }

    #[memstate::model]
    #[derive(Debug, Default)]
    pub struct Notes {
        pub texts: Vec<String>,
    }

    #[memstate::model]
    impl Notes {
        pub fn note(&mut self, text: String) -> u64 {
            self.texts.push(text);
            self.texts.len() as u64
        }
    }

    #[memstate::model]
    #[derive(Debug, Default)]
    pub struct Ledger {
        pub balances: BTreeMap<String, i64>,
        pub entries: Vec<Entry>,
        pub fees: i64,
        #[memstate(model)]
        pub notes: Notes,
    }

    #[memstate::model(events = Happened)]
    impl Ledger {
        pub fn open(&mut self, ctx: &mut Ctx<Happened>, owner: String, cents: i64) {
            self.balances.insert(owner.clone(), cents);
            ctx.emit(Happened::Opened(owner));
        }

        pub fn book(
            &mut self,
            ctx: &mut Ctx<Happened>,
            from: String,
            to: String,
            cents: i64,
        ) -> Result<i64, String> {
            let left = self.balances.get(&from).copied().unwrap_or(0) - cents;
            *self.balances.entry(to.clone()).or_default() += cents;
            self.balances.insert(from.clone(), left);
            if left < 0 {
                return Err(format!("{from} has not so much"));
            }
            self.entries.push(Entry { from, to: to.clone(), cents, at: ctx.now() });
            ctx.emit(Happened::Booked { cents, to });
            Ok(left)
        }

        pub fn charge(&mut self, owner: String) -> i64 {
            *self.balances.entry(owner).or_default() -= super::fee();
            self.fees += super::fee();
            self.fees
        }

        pub fn forget(&mut self) {
            self.entries.clear();
        }

        pub fn stumble(&mut self) {
            self.balances.clear();
            panic!("on purpose");
        }

        pub fn explode(&mut self, why: String) {
            self.fees += why.len() as i64;
            std::process::abort();
        }
    }
}

pub mod second {
    use memstate::{
        Ctx, Timestamp,
        collections::{BTreeMap, Vec},
    };

    #[memstate::data]
    #[derive(Debug, PartialEq)]
    pub struct Entry {
        pub from: String,
        pub to: String,
        pub cents: i64,
        pub at: Timestamp,
        #[serde(default)]
        pub text: String,
    }

    #[memstate::data]
    #[derive(Debug, PartialEq)]
    pub enum Happened {
        Opened(String),
        Booked { cents: i64, to: String },
    }

    #[memstate::model]
    #[derive(Debug, Default)]
    pub struct Notes {
        pub texts: Vec<String>,
    }

    #[memstate::model]
    impl Notes {
        pub fn note(&mut self, text: String) -> u64 {
            self.texts.push(text);
            self.texts.len() as u64
        }
    }

    #[memstate::model]
    #[derive(Debug, Default)]
    pub struct Ledger {
        pub balances: BTreeMap<String, i64>,
        pub entries: Vec<Entry>,
        pub fees: i64,
        #[serde(default)]
        pub limits: BTreeMap<String, i64>,
        #[memstate(model)]
        pub notes: Notes,
    }

    #[memstate::model(events = Happened)]
    impl Ledger {
        pub fn open(
            &mut self,
            ctx: &mut Ctx<Happened>,
            owner: String,
            cents: i64,
            #[memstate(default)] limit: i64,
        ) {
            self.balances.insert(owner.clone(), cents);
            if limit != 0 {
                self.limits.insert(owner.clone(), limit);
            }
            ctx.emit(Happened::Opened(owner));
        }

        /// With a text, and a fee that the first version did not take.
        pub fn book(
            &mut self,
            ctx: &mut Ctx<Happened>,
            from: String,
            to: String,
            cents: i64,
            text: String,
        ) -> Result<i64, String> {
            self.fees += 1;
            let left = self.balances.get(&from).copied().unwrap_or(0) - cents;
            *self.balances.entry(to.clone()).or_default() += cents;
            self.balances.insert(from.clone(), left);
            if left < -self.limits.get(&from).copied().unwrap_or(0) {
                return Err(format!("{from} has not so much"));
            }
            self.entries.push(Entry { from, to: to.clone(), cents, at: ctx.now(), text });
            ctx.emit(Happened::Booked { cents, to });
            Ok(left)
        }

        #[memstate(replays = "book", version = 1)]
        fn book_v1(
            &mut self,
            ctx: &mut Ctx<Happened>,
            from: String,
            to: String,
            cents: i64,
        ) -> Result<i64, String> {
            let booked = self.book(ctx, from, to, cents, String::new());
            self.fees -= 1;
            booked
        }

        #[memstate(was = "charge")]
        pub fn take_fee(&mut self, owner: String) -> i64 {
            *self.balances.entry(owner).or_default() -= 2;
            self.fees += 2;
            self.fees
        }

        #[memstate(retired)]
        pub fn forget(&mut self) {
            self.entries.clear();
        }

        pub fn stumble(&mut self) {
            self.balances.clear();
            panic!("on purpose");
        }

        pub fn explode(&mut self, why: String) {
            self.fees += why.len() as i64;
            std::process::abort();
        }
    }
}

/// Code of today: fields in another order, wider numbers, other names.
pub mod later {
    use memstate::{
        Ctx, Timestamp,
        collections::{BTreeMap, Vec},
    };

    #[memstate::data]
    #[derive(Debug, PartialEq)]
    pub struct Posting {
        pub to: String,
        pub from: String,
        #[serde(default)]
        pub text: String,
        pub at: Timestamp,
        #[serde(alias = "cents")]
        pub amount: i128,
    }

    #[memstate::data]
    #[derive(Debug, PartialEq)]
    pub enum Happened {
        Booked { to: String, cents: i128 },
        Opened(String),
    }

    #[memstate::model]
    #[derive(Debug, Default)]
    pub struct Notes {
        pub texts: Vec<String>,
    }

    #[memstate::model]
    impl Notes {
        pub fn note(&mut self, text: String) -> u64 {
            self.texts.push(text);
            self.texts.len() as u64
        }
    }

    #[memstate::model]
    #[derive(Debug, Default)]
    pub struct Ledger {
        #[memstate(model)]
        pub notes: Notes,
        #[serde(default)]
        pub limits: BTreeMap<String, i64>,
        pub fees: i64,
        pub balances: BTreeMap<String, i64>,
        #[serde(alias = "entries")]
        pub postings: Vec<Posting>,
    }

    #[memstate::model(events = Happened)]
    impl Ledger {
        pub fn explode(&mut self, why: String) {
            self.fees += why.len() as i64;
        }

        pub fn stumble(&mut self) {}

        #[memstate(was = "charge")]
        pub fn take_fee(&mut self, owner: String) -> i64 {
            *self.balances.entry(owner).or_default() -= 2;
            self.fees += 2;
            self.fees
        }

        #[memstate(retired)]
        pub fn forget(&mut self) {
            self.postings.clear();
        }

        #[memstate(replays = "book", version = 1)]
        fn book_v1(
            &mut self,
            ctx: &mut Ctx<Happened>,
            from: String,
            to: String,
            cents: i128,
        ) -> Result<i64, String> {
            let booked = self.book(ctx, String::new(), from, to, cents);
            self.fees -= 1;
            booked
        }

        pub fn book(
            &mut self,
            ctx: &mut Ctx<Happened>,
            text: String,
            from: String,
            to: String,
            #[memstate(was = "cents")] amount: i128,
        ) -> Result<i64, String> {
            self.fees += 1;
            let left = self.balances.get(&from).copied().unwrap_or(0) - amount as i64;
            *self.balances.entry(to.clone()).or_default() += amount as i64;
            self.balances.insert(from.clone(), left);
            if left < -self.limits.get(&from).copied().unwrap_or(0) {
                return Err(format!("{from} has not so much"));
            }
            self.postings.push(Posting { from, to: to.clone(), amount, at: ctx.now(), text });
            ctx.emit(Happened::Booked { cents: amount, to });
            Ok(left)
        }

        pub fn open(
            &mut self,
            ctx: &mut Ctx<Happened>,
            cents: i64,
            #[memstate(default)] limit: i64,
            owner: String,
        ) {
            self.balances.insert(owner.clone(), cents);
            if limit != 0 {
                self.limits.insert(owner.clone(), limit);
            }
            ctx.emit(Happened::Opened(owner));
        }
    }
}
