//! The attribute macros of memstate: a small compiler.
//!
//! `module` splits a module into items, `ast` reads the user's item without looking into method bodies, `attr` reads the keys in `#[memstate(…)]`,
//! `check` turns the item into what can be written out and collects every mistake, `expand` writes it, and
//! `fallback` hands the item back whatever happens, so that one mistake stays one message.

use proc_macro::TokenStream;

/// `quote!` whose locals cannot meet the user's: everything else is looked up where the user's item stands.
macro_rules! quote_mixed {
    ($($tokens:tt)*) => { ::quote::quote_spanned! { ::proc_macro2::Span::mixed_site()=> $($tokens)* } };
}

mod above;
mod ast;
mod attr;
mod check;
mod completion;
mod errors;
mod expand;
mod fallback;
mod module;
mod schema_lock;
mod second;
mod types;

/// Makes a struct and its methods a model: put it above the `struct` and above its one `impl` block, or once above a
/// `mod` with the struct and any number of blocks.
///
/// ```
/// use memstate::Ctx;
///
/// #[memstate::data(error)]
/// pub struct Insufficient { balance: u64 }
///
/// #[memstate::data]
/// pub enum BankEvent { Withdrawn(u64) }
///
/// #[memstate::model]
/// #[derive(Default)]
/// pub struct Bank { balance: u64 }
///
/// #[memstate::model(events = BankEvent)]
/// impl Bank {
///     /// Takes an amount out.
///     pub fn withdraw(&mut self, ctx: &mut Ctx<BankEvent>, amount: u64) -> Result<(), Insufficient> {
///         let balance = self.balance;
///         self.balance = balance.checked_sub(amount).ok_or(Insufficient { balance })?;
///         ctx.emit(BankEvent::Withdrawn(amount));
///         Ok(())
///     }
///
///     /// What is there.
///     pub fn balance(&self) -> u64 {
///         self.balance
///     }
/// }
///
/// let command = BankCommand::Withdraw { amount: 3 };
/// # let _ = command;
/// async fn client(bank: BankClient) {
///     let _ = bank.withdraw(3).await;
/// }
/// ```
///
/// # On the struct
///
/// It writes serde's `Serialize` and `Deserialize` (unless a `#[derive]` below has them), `State` and `Model`, the
/// client `BankClient`, which is made of a `Client<Bank>` and dereferences to it, and the names `BankCommand`,
/// `BankQuery` and `BankReply`, all with the struct's visibility. Of a field whose type is not for models but can be
/// cloned and serialized, `#[memstate(clone)]` says that it is saved as a clone.
///
/// # On the `impl` block
///
/// A method with `&mut self` that is not private is a command, one with `&self` a query; private methods and functions
/// without `self` are left alone. Of each it writes a variant (`transfer` becomes `BankCommand::Transfer { … }`, with
/// the arguments as fields), its bytes, its dispatch, and the client's method of the same name, documentation and
/// visibility. The methods themselves stay as they are and can be called directly in a test.
///
/// - An argument is data: owned, or a reference such as `&str`, `&[T]`, `&Path`, `&T`, or an `Option` of one, such as
///   `Option<&str>`. The client takes a reference as it is, and writes it without a copy; the variant holds what is
///   owned: `Option<String>`. References deeper in a type are refused. For a `String` the client takes `impl Into<String>`.
/// - A query may return `impl Iterator<Item = T>`, under whatever bounds, or `Box<dyn Iterator<Item = T> + '_>`. The
///   method stays an iterator; the client and the reply have the `Vec<T>` that is collected from it. Its items are
///   owned (`.cloned()`). A command returns what is collected.
/// - The client's method has the documentation, `#[cfg]`, `#[deprecated]`, `#[must_use]` and `#[allow]` of the user's,
///   also from under a `#[cfg_attr]`. All other attributes stay with the method itself.
/// - `ctx: &mut Ctx<BankEvent>` (or `&Ctx<BankEvent>`, which only tells) in a command, anywhere among the arguments, is passed in and is no argument. The type
///   must be written `Ctx`, under whatever path.
/// - A command whose result is a `Result`, under whatever name, changes nothing when it returns `Err`. In a generic
///   model it must be spelled `Result<T, E>`.
/// - The generated enums are `Clone`, `PartialEq` and `Debug` if all of their arguments are.
/// - The block may stand in another module than the struct; import both names there: `use super::{Bank, BankClient};`.
///
/// - The client is generic over what lends it the model: `BankClient` stands for `BankClient<Client<Bank>>`, which has
///   the commands and the queries, and `BankClient<Past<Bank>>` is one of the past, with the queries alone. In a generic
///   model this parameter comes after the model's own, all of which the block has to name.
///
/// # A module
///
/// A model that has outgrown one block, or that has helpers of its own, stands in a module. One attribute above it does
/// what the two do above a struct and a block:
///
/// ```
/// #[memstate::model(events = Event)]
/// mod bank {
///     use std::fmt;
///
///     use memstate::Ctx;
///
///     #[memstate::data]
///     pub enum Event { Paid(u64) }
///
///     #[derive(Default)]
///     pub struct Bank { total: u64 }
///
///     impl Bank {
///         /// Pays in.
///         pub fn pay(&mut self, ctx: &mut Ctx<Event>, amount: u64) {
///             self.total += amount;
///             ctx.emit(Event::Paid(amount));
///         }
///     }
///
///     impl Bank {
///         /// What is there.
///         pub fn total(&self) -> u64 { self.total }
///     }
///
///     impl fmt::Display for Bank {
///         fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { write!(f, "{} in all", self.total) }
///     }
///
///     /// What is neither a command nor a query.
///     #[memstate(skip)]
///     impl Bank {
///         pub fn double(&mut self) { self.total *= 2; }
///     }
/// }
///
/// use bank::{Bank, BankClient, BankCommand};
///
/// let command = BankCommand::Pay { amount: 3 };
/// # let _ = (command, Bank::default().double());
/// async fn client(bank: BankClient) {
///     let _ = bank.pay(3).await;
///     let _ = bank.total().await;
/// }
/// ```
///
/// - The model is the struct with `#[memstate(model)]` above it; without such a one it is the only struct that is not under
///   [`data`], or else the one that is called like the module (`BankAccount` in `mod bank_account`).
/// - Every `impl Bank` without a trait has commands and queries, in the order in which they stand; `#[memstate(skip)]` above
///   a block leaves it alone. What else stands in the module stays as it is, and nested modules are not looked into.
/// - What is written stands in the module, with the struct's visibility.
/// - Blocks and methods under `#[cfg]` are there when it holds. The blocks of a generic model have the same parameters and
///   bounds, whatever the order and place of the bounds.
/// - The module has its content in braces. A `mod bank;` is read after its attributes; put the attribute on the struct and on
///   its block there, or `mod bank { … }` around the content.
/// - A method that a `macro_rules!` of the module makes is not seen: a macro call among the methods is refused, and one
///   beside them makes what it makes.
///
/// # When a model changes
///
/// Methods may be reordered, added and moved to other modules, arguments and fields reordered, removed and widened, without
/// a word: a journal says what its types look like, and is read by names. What cannot be told from the code alone is said
/// by keys; what is missing is named when a journal is opened, before anything is replayed.
///
/// ```
/// #[memstate::model]
/// #[derive(Default)]
/// pub struct Shop { stock: u64, price: u64 }
///
/// #[memstate::model]
/// impl Shop {
///     /// It was called `insert`, `amount` was called `number`, and the shelf is new.
///     #[memstate(was = "insert")]
///     pub fn add(
///         &mut self,
///         #[memstate(was = "number")] amount: u64,
///         #[memstate(default = "front")] shelf: String,
///     ) {
///         self.stock += amount + shelf.len() as u64;
///     }
///
///     /// Nobody gives discounts any more, but once somebody did.
///     #[memstate(retired)]
///     fn discount(&mut self, percent: u64) {
///         self.price -= self.price * percent / 100;
///     }
///
///     /// In the first version it took the price in coins; that method is kept as `set_price_v1`.
///     pub fn set_price(&mut self, cents: u64) {
///         self.price = cents;
///     }
///
///     #[memstate(replays = "set_price", version = 1)]
///     fn set_price_v1(&mut self, coins: u64) {
///         self.price = coins * 5;
///     }
///
///     /// In the first version it took pairs; `pairs_to_pieces` makes today's arguments of them.
///     #[memstate(upcast = pairs_to_pieces)]
///     pub fn sell(&mut self, pieces: u64, to: String) {
///         self.stock -= pieces + to.len() as u64;
///     }
/// }
///
/// /// The arguments of `sell` as they were, by their names.
/// #[memstate::data]
/// struct Pairs { pairs: u64, to: String }
///
/// fn pairs_to_pieces(old: Pairs) -> (u64, String) {
///     (old.pairs * 2, old.to)
/// }
/// # use memstate::model::Operation;
/// # let versions: Vec<_> = ShopCommand::METHODS.iter().map(|method| method.version).collect();
/// # assert_eq!(versions, [1, 1, 2, 1, 2]);
/// ```
///
/// On a command:
///
/// - `was = "insert"`: records of `insert` are its own. Several may be given; none may be a command of today.
/// - `retired`: it is there to replay records of the past. The client does not have it, and sending its variant by hand is
///   refused. It may be private.
/// - `replays = "set_price", version = 1`: it replays the records of that version of that command, and nothing else. It is
///   retired. The command has to be one of the same block: of one that is gone, keep the last version under its own name, as
///   `retired`.
/// - `version = 3`: the version that it is of. Without it this is one more than the versions that are replayed or
///   converted, of which none may be left out, so it is seldom needed: when old versions are in no journal any more,
///   or when the arguments are the same and their meaning is another.
/// - `upcast = path`: a function that makes today's arguments of those of an earlier version: `fn(Old) -> T`, where `Old` is
///   a struct with the earlier arguments as its fields, under `#[memstate::data]` or with serde's `Deserialize`, and `T` the
///   argument as the enum holds it, a tuple of several, or `()` for none. The first of them converts version 1, the second version 2,
///   and so on. Not together with methods that replay versions of the same command.
///
/// On an argument of a command:
///
/// - `was = "number"`: what was written under that name is its value. Several may be given.
/// - `default`, `default = value`: the value for records that do not have it, of the type that the enum holds (`String` for
///   `&str`, for which a literal `"front"` will do). An `Option` needs none; it is `None`.
///
/// On the struct, below `#[memstate::model]` or in its parentheses:
///
/// - `migrate = path`: a function from the state of an earlier version to today's, `fn(OldBank) -> Bank`, where `OldBank`
///   is the struct as it was, under `#[memstate::data]` or with serde's `Deserialize`. The first converts version 1, and so on; the state is then of the version after the
///   last. It is needed only when fields mean something else than before; what was added, removed, reordered,
///   widened or renamed (`#[serde(alias = "…")]`) is read without it.
///
/// ```
/// #[memstate::model]
/// #[memstate(migrate = from_coins)]
/// #[derive(Default)]
/// pub struct Till { cents: u64 }
///
/// #[memstate::data]
/// struct TillOfCoins { coins: u64 }
///
/// fn from_coins(old: TillOfCoins) -> Till {
///     Till { cents: old.coins * 5 }
/// }
///
/// # #[memstate::model]
/// # impl Till { pub fn cents(&self) -> u64 { self.cents } }
/// # assert_eq!(<Till as memstate::Model>::VERSION, 2);
/// ```
///
/// # Models made of models
///
/// A field under `#[memstate(model)]` is a model inside of this one. Its commands and queries are there beside those of the
/// whole: in the enums as a variant for the field, in the client behind a method of its name, in the journal as
/// `ledger.post`. A command of the whole may call the methods of the model inside, and when it fails, undo covers both.
///
/// ```
/// use memstate::{Ctx, collections::HashMap};
///
/// #[memstate::model]
/// #[derive(Default)]
/// pub struct Ledger { balances: HashMap<u64, i64> }
///
/// #[memstate::model]
/// impl Ledger {
///     pub fn post(&mut self, account: u64, amount: i64) -> i64 {
///         *self.balances.entry(account).or_default() += amount;
///         self.balances[&account]
///     }
///     pub fn balance(&self, account: u64) -> i64 {
///         self.balances.get(&account).copied().unwrap_or(0)
///     }
/// }
///
/// #[memstate::model]
/// #[derive(Default)]
/// pub struct Shop {
///     stock: u64,
///     /// What customers have to pay.
///     #[memstate(model)]
///     ledger: Ledger,
/// }
///
/// #[memstate::model]
/// impl Shop {
///     pub fn sell(&mut self, to: u64, price: i64) -> Result<(), String> {
///         self.ledger.post(to, -price);
///         self.stock = self.stock.checked_sub(1).ok_or("sold out")?; // takes the posting back too
///         Ok(())
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let shop = memstate::open::<Shop>("memory:").await?;
/// assert_eq!(shop.ledger().post(7, 30).await?, 30);
/// assert!(shop.sell(7, 10).await.is_err());
/// assert_eq!(shop.ledger().balance(7).await?, 30);
/// shop.execute(ShopCommand::Ledger(LedgerCommand::Post { account: 7, amount: 5 })).await?;
/// # Ok(())
/// # }
/// ```
///
/// - The client's method has the field's visibility, or that of the struct if the field is private.
/// - A model inside with events announces them as events of the whole: write `impl From<LedgerEvent> for ShopEvent`. A
///   command that calls one of its commands with a `Ctx` lends it its own: `ctx.within(|ctx| self.ledger.post(ctx, …))`,
///   or `ctx.without_events(…)` for a model that has none. Such a call is a part of the command and no command of its own: when
///   it returns `Err` and the command goes on all the same, what it has changed stays. Pass the error on with `?`.
/// - `#[memstate(model, was = "books")]`: a name that the field had before. Its commands and its state are found under it.
/// - Struct and `impl` block of a model with models inside stand in one module.
/// - In a generic model the block names the parameters as the struct does, and its bounds have to be enough for the models
///   inside.
///
/// # What differs in a replay
///
/// The model is brought back by running its commands again, so a command must do the same every time. Whoever names a clock
/// (`SystemTime::now`), a random source (`rand::random`, `Uuid::new_v4`), the environment, files, threads, the network or
/// other processes in the body of a command, or of a helper with `&mut self` in the block, gets a warning at that token, with
/// what to use instead: `ctx.now()`, `ctx.rng()`, `ctx.uuid()`, or an argument. With `strict` it is an error. A method that
/// is well as it is says `#[memstate(deterministic)]`. Queries are in no journal and may do as they please.
///
/// A body is looked at by its names alone, and not further than the block. For the rest of a crate of models there are
/// clippy's lists; in its `clippy.toml`:
///
/// ```toml
/// disallowed-methods = [
///     { path = "std::time::SystemTime::now", reason = "take `ctx.now()`" },
///     { path = "std::time::Instant::now", reason = "take `ctx.now()`" },
///     { path = "std::env::var", reason = "pass it as an argument" },
///     { path = "std::thread::spawn", reason = "react to an event, outside of the model" },
///     { path = "std::thread::sleep", reason = "a command does not wait" },
///     { path = "uuid::Uuid::new_v4", reason = "take `ctx.uuid()`", allow-invalid = true },
///     { path = "rand::random", reason = "take `ctx.rng()`", allow-invalid = true },
///     { path = "rand::rng", reason = "take `ctx.rng()`", allow-invalid = true },
///     { path = "chrono::Utc::now", reason = "take `ctx.now()`", allow-invalid = true },
/// ]
/// disallowed-types = [
///     { path = "std::collections::HashMap", reason = "its order differs; take the one of `memstate::collections`" },
///     { path = "std::collections::HashSet", reason = "its order differs; take the one of `memstate::collections`" },
///     { path = "std::fs::File", reason = "react to an event, outside of the model" },
///     { path = "std::net::TcpStream", reason = "react to an event, outside of the model" },
/// ]
/// ```
///
/// # Names that the client has
///
/// A client has methods of its own (`read`, `history`, `close` and the others of `memstate::Client`). A model's method of
/// such a name would hide one of them, and is refused. `#[memstate(client = "close_account")]` names the client's method and
/// leaves everything else as it is.
///
/// # Keys
///
/// | where | key | |
/// |---|---|---|
/// | above a `mod` | all those of a struct and of an `impl` block | |
/// | on a struct in it, as `#[memstate(model)]` | `model` | it is the model |
/// | on an `impl` block in it, as `#[memstate(skip)]` | `skip` | its methods are neither commands nor queries |
/// | above the `impl` block | `events = BankEvent` | the type of the model's events; without it there are none |
/// | above either | `crate = path` | where memstate is, if not at `::memstate` |
/// | above the struct, or on it as `#[memstate(migrate = path)]` | `migrate = path` | makes today's state of an earlier version's; several |
/// | above the `impl` block, or on it as `#[memstate(strict)]` | `strict` | what differs in a replay is an error |
/// | on a method, as `#[memstate(skip)]` | `skip` | neither a command nor a query |
/// | on a command or a query | `client = "name"` | what the client calls it; the journal and the enums keep the method's name |
/// | on a command or its helper | `deterministic` | no warning of what its body names |
/// | on a command or its helper | `strict` | what differs in a replay is an error |
/// | on a command | `was = "name"` | a name that it had before; several |
/// | on a command | `retired` | for replay only |
/// | on a command | `replays = "name", version = 1` | for replay of that version of that command only |
/// | on a command | `version = 2` | its version |
/// | on a command | `upcast = path` | makes today's arguments of an earlier version's; several |
/// | on an argument of a command | `was = "name"` | a name that it had before; several |
/// | on an argument of a command | `default`, `default = value` | for records that do not have it |
/// | on a field, as `#[memstate(clone)]` | `clone` | saved as a clone; the type need not be one for models |
/// | on a field of a model | `model` | a model inside of this one |
/// | on a field with `model` | `was = "name"` | a name that the field had before; several |
///
/// serde's attributes may be used on the struct as on those under [`data`].
///
/// # What it writes
///
/// <details><summary>For a model with one command and one query</summary>
///
#[doc = include_str!("expansion.md")]
///
/// </details>
#[proc_macro_attribute]
pub fn model(options: TokenStream, item: TokenStream) -> TokenStream {
    expand::model(options.into(), item.into()).into()
}

/// Makes a struct or an enum something that a model may hold, take and return.
///
/// It writes `Clone`, serde's `Serialize` and `Deserialize` (each unless a `#[derive]` below it has it) and `State`.
/// Type parameters that occur in fields must be `State`. Derives of your own stand below it: one above has run already, and
/// of a trait that is written here there would be two implementations.
///
/// Fields, variants and attributes may stand under a `#[cfg(…)]` or in a `#[cfg_attr(…)]`, `#[memstate(…)]` too: conditions
/// are looked at before anything is written. The same is true of the struct of a model, but not of its `impl` block, in
/// which keys cannot stand under a condition. What a journal holds is read by names, so a field that comes and goes with a
/// feature needs an `Option` or `#[serde(default)]`.
///
/// A stray `#[memstate(…)]`, on what is under neither attribute, is unknown to rustc ("cannot find attribute `memstate` in
/// this scope"): it belongs inside of an item with `#[memstate::model]` or `#[memstate::data]`.
///
/// ```
/// #[memstate::data(error)]
/// #[derive(PartialEq)]
/// pub enum BankError {
///     NoAccount(u64),
///     Insufficient { balance: u64 },
///     #[memstate(display = "{who} may not do this before {day}")]
///     TooEarly { who: String, day: u32 },
///     Closed,
/// }
///
/// assert_eq!(BankError::NoAccount(7).to_string(), "no account: 7");
/// assert_eq!(BankError::Insufficient { balance: 3 }.to_string(), "insufficient: balance 3");
/// assert_eq!(BankError::Closed.to_string(), "closed");
/// ```
///
/// # Keys
///
/// | where | key | |
/// |---|---|---|
/// | in the attribute | `error` | also `Debug`, `Display` and `std::error::Error` |
/// | in the attribute | `crate = path` | where memstate is, if not at `::memstate` |
/// | on a field, as `#[memstate(clone)]` | `clone` | saved as a clone; its type need only be `Clone` and serializable |
/// | on a variant or the struct, as `#[memstate(display = "no account {0}")]` | `display` | its `Display` text, a format string with the fields in scope by name or number |
///
/// serde's attributes may be used, but not those that postcard, the format of journals and snapshots, cannot read back:
/// `flatten`, `untagged`, `tag`, `content`, `skip`, `skip_serializing`, `skip_serializing_if`, `skip_deserializing`,
/// `field_identifier`, `variant_identifier` and `getter`; nor what says only how a value is written or only how it is read:
/// `serialize_with` or `deserialize_with` without the other, `into` without `from` or `try_from` and the reverse,
/// `rename` and its like with two names.
///
/// The macro sees the item that it stands on and none of the types in it. A type in a field or an argument that derives
/// serde's traits itself may have such attributes without a word at compile time; what it writes is then refused when
/// the command is sent or the snapshot is written, or it is read back as something else. Put `#[memstate::data]` on it.
#[proc_macro_attribute]
pub fn data(options: TokenStream, item: TokenStream) -> TokenStream {
    expand::data(options.into(), item.into()).into()
}

/// Called by the expansion of [`model`]; not for use by hand.
#[doc(hidden)]
#[proc_macro]
pub fn compose(input: TokenStream) -> TokenStream {
    expand::compose(input.into()).into()
}

/// Called by the expansion of [`model`] and [`data`], for items with conditions in them; not for use by hand.
#[doc(hidden)]
#[proc_macro_derive(Configured)]
pub fn configured(item: TokenStream) -> TokenStream {
    expand::configured(item.into()).into()
}

/// Takes an item away, which a derive above it has written elsewhere; not for use by hand.
#[doc(hidden)]
#[proc_macro_attribute]
pub fn written_by_the_derive_above(_: TokenStream, _: TokenStream) -> TokenStream {
    TokenStream::new()
}

/// A test that fails when the types of a model, its commands or their arguments have changed; see
/// `memstate::testing::schema`.
#[proc_macro]
pub fn schema_lock(input: TokenStream) -> TokenStream {
    schema_lock::test(input.into()).into()
}
