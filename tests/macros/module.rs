//! Models that stand in a module with all that belongs to them.

use memstate::{Model, model::Operation};

#[memstate::model(events = BankEvent, migrate = from_coins)]
/// A bank in several blocks.
#[deny(missing_docs)]
#[cfg(test)]
pub(crate) mod bank {
    use std::fmt;

    use memstate::{Ctx, collections::HashMap};

    /// What happens.
    #[memstate::data]
    #[derive(Debug, PartialEq)]
    pub enum BankEvent {
        /// Money came in.
        Paid { account: u64, amount: u64 },
    }

    /// What is refused.
    #[memstate::data(error)]
    #[derive(PartialEq)]
    pub enum BankError {
        /// There is no such account.
        #[memstate(display = "there is no account {0}")]
        NoAccount(u64),
    }

    /// The state of before.
    #[memstate::data]
    struct OldBank {
        coins: u64,
    }

    const CENTS: u64 = if cfg!(test) { 5 } else { 4 };

    fn from_coins(old: OldBank) -> Bank {
        Bank { accounts: HashMap::new(), total: old.coins * CENTS }
    }

    /// The model.
    #[derive(Default)]
    pub struct Bank {
        accounts: HashMap<u64, u64>,
        #[serde(default)]
        total: u64,
    }

    impl Bank {
        /// A constructor, of which the macro takes no notice.
        pub fn new() -> Self {
            Self::default()
        }

        fn account(&mut self, account: u64) -> Result<&mut u64, BankError> {
            self.accounts.get_mut(&account).ok_or(BankError::NoAccount(account))
        }
    }

    impl fmt::Display for Bank {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "{} in all", self.total)
        }
    }

    /// A trait of the user's.
    pub trait Ledger {
        /// Posts.
        fn post(&mut self, amount: u64) -> u64;
    }

    impl Ledger for Bank {
        fn post(&mut self, amount: u64) -> u64 {
            self.total += amount;
            self.total
        }
    }

    impl Bank {
        /// Opens an account.
        pub fn open(&mut self) -> u64 {
            let account = self.accounts.len() as u64 + 1;
            self.accounts.insert(account, 0);
            account
        }

        /// Pays in.
        #[memstate(was = "put")]
        pub fn pay(
            &mut self,
            ctx: &mut Ctx<BankEvent>,
            account: u64,
            #[memstate(default = 1)] amount: u64,
        ) -> Result<u64, BankError> {
            let balance = self.account(account)?;
            *balance += amount;
            let balance = *balance;
            self.post(amount);
            ctx.emit(BankEvent::Paid { account, amount });
            Ok(balance)
        }
    }

    macro_rules! unrelated {
        ($name:ident) => {
            pub(super) fn $name() -> u64 {
                7
            }
        };
    }

    unrelated! { seven }

    #[memstate::model]
    impl self::Bank {
        /// The total.
        #[must_use]
        pub fn total(&self) -> u64 {
            self.total
        }

        /// As text.
        pub fn text(&self) -> String {
            self.to_string()
        }
    }

    #[memstate(skip)]
    impl Bank {
        /// No command.
        pub fn cheat(&mut self, f: impl FnOnce(&mut u64)) {
            f(&mut self.total);
        }
    }

    #[cfg(not(test))]
    impl Bank {
        pub fn never(&mut self, missing: Missing) {}
    }

    #[cfg(test)]
    impl Bank {
        /// Depends on what is built.
        pub fn count(&self) -> usize {
            self.accounts.len()
        }
    }

    pub(super) mod deeper {
        impl super::Bank {
            pub(in super::super) fn hidden(&self) -> u64 {
                self.total * 2
            }
        }
    }
}

use bank::{Bank, BankClient, BankCommand, BankError, BankEvent, BankQuery, BankReply, Ledger};

#[tokio::test]
async fn every_block_of_a_module_has_its_part_in_the_client() {
    let bank: BankClient = memstate::open::<Bank>("memory:").await.unwrap();
    let mut events = bank.events(memstate::Position::default());
    let account = bank.open().await.unwrap();
    assert_eq!(bank.pay(account, 30).await.unwrap(), 30);
    let refused = bank.pay(9, 30).await.unwrap_err();
    assert!(matches!(refused, memstate::Error::Rejected(BankError::NoAccount(9))), "{refused}");
    assert_eq!(bank.total().await.unwrap(), 30);
    assert_eq!(bank.text().await.unwrap(), "30 in all");
    assert_eq!(bank.count().await.unwrap(), 1);
    assert_eq!(bank.read(|bank| bank.hidden()), 60);
    let event = events.next().await.unwrap().unwrap();
    assert_eq!(event.1, BankEvent::Paid { account: 1, amount: 30 });
    assert_eq!(bank::seven(), 7);
}

#[test]
fn commands_and_queries_are_numbered_through_all_blocks() {
    let names = |methods: &[memstate::model::Method]| -> Vec<_> {
        methods.iter().map(|method| (method.name, method.docs)).collect()
    };
    assert_eq!(names(BankCommand::METHODS), [("open", "Opens an account."), ("pay", "Pays in.")]);
    let queries = [("total", "The total."), ("text", "As text."), ("count", "Depends on what is built.")];
    assert_eq!(names(BankQuery::METHODS), queries);
    let mut bank = Bank::new();
    bank.cheat(|total| *total = 3);
    assert_eq!(bank.post(1), 4);
    assert_eq!(bank.answer(BankQuery::Count), BankReply::Count(0));
    assert_eq!(BankCommand::METHODS[1].was, ["put"]);
    assert_eq!(<Bank as Model>::VERSION, 2);
}

/// The model is the struct that is called like the module.
#[memstate::model]
mod two_words {
    #[derive(serde::Serialize, serde::Deserialize)]
    pub struct Row(pub u8);

    #[derive(Default)]
    pub struct TwoWords(u8);

    impl TwoWords {
        pub fn row(&self) -> Row {
            Row(self.0)
        }
    }

    impl Row {
        pub fn is_zero(&self) -> bool {
            self.0 == 0
        }
    }
}

/// The model is the struct that says so.
#[memstate::model]
mod said {
    #[memstate::data]
    pub struct Held(u8);

    pub struct Said(pub u8);

    #[memstate(model, migrate = of_bytes)]
    pub struct Other {
        pub held: Vec<Held>,
    }

    fn of_bytes(old: Vec<u8>) -> Other {
        Other { held: old.into_iter().map(Held).collect() }
    }

    impl Other {
        pub fn add(&mut self, number: u8) {
            self.held.push(Held(number));
        }
    }

    impl Said {
        pub fn get(&self) -> u8 {
            self.0
        }
    }
}

/// Struct and blocks that were models before they came into a module.
#[memstate::model(events = u8, crate = ::memstate)]
mod before {
    pub struct Helper;

    #[::memstate::model(crate = ::memstate)]
    #[derive(Default)]
    pub struct Model(u8);

    #[::memstate::model(crate = ::memstate, events = u8)]
    impl Model {
        pub fn add(&mut self, ctx: &mut ::memstate::Ctx<u8>) {
            self.0 += 1;
            ctx.emit(self.0);
        }
    }

    impl Model {
        pub fn get(&self, _helper: [u8; 0]) -> u8 {
            let Helper = Helper;
            self.0
        }
    }
}

#[tokio::test]
async fn the_model_of_a_module_is_found() {
    let row = two_words::TwoWordsReply::Row(two_words::Row(1));
    let two_words::TwoWordsReply::Row(row) = row;
    assert!(!row.is_zero());
    let client: two_words::TwoWordsClient = memstate::open::<two_words::TwoWords>("memory:").await.unwrap();
    assert!(client.row().await.unwrap().is_zero());
    assert_eq!(<said::Other as Model>::VERSION, 2);
    assert_eq!(said::Said(3).get(), 3);
    let _: fn(said::OtherClient) -> memstate::Call<()> = |client| client.add(1);
    let client: before::ModelClient = memstate::open::<before::Model>("memory:").await.unwrap();
    client.add().await.unwrap();
    assert_eq!(client.get([]).await.unwrap(), 1);
}

/// A model with one definition for each of two `#[cfg]`s.
#[memstate::model(migrate = twice)]
mod under_conditions {
    #[cfg(not(test))]
    pub struct UnderConditions {
        nowhere: Missing,
    }

    #[cfg(test)]
    #[cfg_attr(test, derive(Default, Debug))]
    pub struct UnderConditions {
        pub count: u32,
    }

    fn twice(old: u32) -> UnderConditions {
        UnderConditions { count: old * 2 }
    }

    impl UnderConditions {
        #[cfg(not(test))]
        pub fn add(&mut self, missing: Missing) {}

        #[cfg(test)]
        pub fn add(&mut self) -> u32 {
            self.count += 1;
            self.count
        }
    }

    #[cfg(not(test))]
    impl UnderConditions {
        pub fn get(&self) -> Missing {}
    }

    #[cfg(test)]
    impl UnderConditions {
        pub fn get(&self) -> u32 {
            self.count
        }
    }
}

#[tokio::test]
async fn a_definition_and_a_block_for_each_condition() {
    use under_conditions::{UnderConditions, UnderConditionsClient};
    let client: UnderConditionsClient = memstate::open::<UnderConditions>("memory:").await.unwrap();
    assert_eq!(client.add().await.unwrap(), 1);
    assert_eq!(client.get().await.unwrap(), 1);
    assert_eq!(format!("{:?}", UnderConditions::default()), "UnderConditions { count: 0 }");
    assert_eq!(UnderConditions::VERSION, 2);
}

#[memstate::model]
mod store {
    //! A generic model whose blocks say the same in other words.

    #![allow(clippy::needless_pass_by_value)]

    use std::fmt::Debug;

    use memstate::State;

    #[derive(Default)]
    pub struct Store<T, const N: usize = 2> {
        values: Vec<T>,
    }

    impl<T: Debug + State + Clone, const N: usize> Store<T, N> {
        pub fn put(&mut self, value: T) -> Result<usize, T> {
            if self.values.len() == N {
                return Err(value);
            }
            self.values.push(value);
            Ok(self.values.len())
        }
    }

    impl<T, const N: usize> Store<T, N>
    where
        T: Clone + State,
        T: Debug,
    {
        pub fn get(&self, at: usize) -> Option<T> {
            self.values.get(at).cloned()
        }

        pub fn shown(&self) -> String {
            format!("{:?}", self.values)
        }
    }

    impl<T, const N: usize> Store<T, N> {
        pub fn new() -> Self {
            Store { values: Vec::new() }
        }

        fn _len(&self) -> usize {
            self.values.len()
        }
    }

    impl<T> Store<T, 7> {
        pub fn seven() -> Self {
            Store { values: Vec::with_capacity(7) }
        }
    }

    impl<T, const N: usize> IntoIterator for Store<T, N> {
        type Item = T;
        type IntoIter = std::vec::IntoIter<T>;
        fn into_iter(self) -> Self::IntoIter {
            self.values.into_iter()
        }
    }

    #[memstate(skip)]
    impl<T: Ord, const N: usize> Store<T, N> {
        pub fn greatest(&self) -> Option<&T> {
            self.values.iter().max()
        }
    }
}

#[tokio::test]
async fn the_blocks_of_a_generic_model_are_one() {
    type Store = store::Store<String, 1>;
    let client: store::StoreClient<String, 1> = memstate::open::<Store>("memory:").await.unwrap();
    assert_eq!(client.put("a".to_owned()).await.unwrap(), 1);
    assert!(client.put("b".to_owned()).await.is_err());
    assert_eq!(client.get(0).await.unwrap(), Some("a".to_owned()));
    assert_eq!(client.shown().await.unwrap(), r#"["a"]"#);
    assert_eq!(client.read(|store| store.greatest().cloned()), Some("a".to_owned()));
    let seven = store::Store::<u8, 7>::seven();
    assert_eq!(Store::new().into_iter().count() + seven.into_iter().count(), 0);
}

#[tokio::test]
async fn a_module_in_a_function_holds_a_model() {
    #[memstate::model]
    mod local {
        #[derive(Default)]
        pub struct Local(u64);

        impl Local {
            pub fn add(&mut self, number: u64) {
                self.0 += number;
            }
        }

        impl Local {
            pub fn sum(&self) -> u64 {
                self.0
            }
        }
    }

    let client = memstate::open::<local::Local>("memory:").await.unwrap();
    client.add(3).await.unwrap();
    assert_eq!(client.sum().await.unwrap(), 3);
}

/// Everything that an expansion might name, taken away.
#[deny(warnings, missing_docs, clippy::pedantic)]
#[::memstate::model(events = u8)]
mod bare {
    #![no_implicit_prelude]

    /// A model without a prelude.
    #[derive(::std::default::Default)]
    pub struct Bare {
        count: u8,
    }

    impl Bare {
        /// Adds.
        pub fn add(&mut self, ctx: &mut ::memstate::Ctx<u8>, number: u8, name: &str) {
            let _ = name;
            ctx.emit(number);
            self.count += number;
        }
    }

    impl Bare {
        /// Counts.
        #[must_use]
        pub fn count(&self) -> u8 {
            self.count
        }
    }
}

/// Under another name, which is looked up in the module.
mod other {
    pub use memstate as renamed;
}

#[other::renamed::model(crate = super::other::renamed)]
mod r#type {
    #[cfg(test)]
    #[derive(Default)]
    pub struct Type(u8);

    impl Type {
        pub fn r#fn(&mut self, r#match: u8) -> u8 {
            self.0 += r#match;
            self.0
        }
    }

    impl Type {
        pub(crate) fn get(&self) -> u8 {
            self.0
        }
    }
}

#[tokio::test]
async fn without_a_prelude_and_under_another_name() {
    let bare: bare::BareClient = memstate::open::<bare::Bare>("memory:").await.unwrap();
    bare.add(2, "b").await.unwrap();
    assert_eq!(bare.count().await.unwrap(), 2);
    let client: r#type::TypeClient = memstate::open::<r#type::Type>("memory:").await.unwrap();
    assert_eq!(client.r#fn(4).await.unwrap(), 4);
    assert_eq!(client.get().await.unwrap(), 4);
}

macro_rules! of_tokens {
    ($name:ident, $model:ident, { $($tokens:tt)* }) => {
        #[memstate::model]
        mod $name {
            $($tokens)*

            impl $model {
                pub fn get(&self) -> u8 {
                    self.0
                }
            }
        }
    };
}

of_tokens! { of_tokens, OfTokens, {
    #[derive(Default)]
    pub struct OfTokens(u8);

    impl OfTokens {
        pub fn set(&mut self, to: u8) {
            self.0 = to;
        }
    }
} }

macro_rules! of_items {
    ($(#[$meta:meta])* $vis:vis $name:ident, $ty:ty, $set:block, $($item:item)*) => {
        #[memstate::model]
        $(#[$meta])*
        $vis mod $name {
            $($item)*

            impl $ty {
                $vis fn two(&self) -> u8 $set
            }
        }
    };
}

of_items! {
    #[allow(clippy::all)]
    pub of_items, OfItems, { 2 },
    #[derive(Default)]
    #[memstate(model)]
    pub struct OfItems(u8);
    pub struct Another;
    impl OfItems {
        pub fn set(&mut self, #[memstate(default = 5)] to: u8) {
            self.0 = to;
        }
    }
    impl Another {
        pub fn get(&self, model: &OfItems) -> u8 {
            model.0
        }
    }
    #[memstate(skip)]
    impl OfItems {
        pub fn skipped(&mut self) {}
    }
}

macro_rules! of_module {
    ($module:item) => {
        #[memstate::model]
        $module
    };
}

of_module! {
    mod of_module {
        #[derive(Default)]
        pub struct OfModule(u8);

        impl OfModule {
            pub fn set(&mut self, to: u8) -> u8 {
                self.0 = to;
                to
            }
        }
    }
}

#[tokio::test]
async fn modules_that_a_macro_has_written() {
    let client = memstate::open::<of_tokens::OfTokens>("memory:").await.unwrap();
    client.set(3).await.unwrap();
    assert_eq!(client.get().await.unwrap(), 3);
    let client = memstate::open::<of_items::OfItems>("memory:").await.unwrap();
    client.set(4).await.unwrap();
    assert_eq!(client.two().await.unwrap(), 2);
    assert_eq!(client.read(|model| of_items::Another.get(model)), 4);
    assert_eq!(of_items::OfItemsCommand::METHODS.len(), 1);
    assert!(of_items::OfItemsCommand::METHODS[0].arguments[0].default);
    let mut direct = of_items::OfItems::default();
    direct.skipped();
    let client = memstate::open::<of_module::OfModule>("memory:").await.unwrap();
    assert_eq!(client.set(4).await.unwrap(), 4);
}
