//! The attribute macros of memstate: a small compiler.
//!
//! `ast` reads the user's item without looking into method bodies, `attr` reads the keys in `#[memstate(…)]`,
//! `check` turns the item into what can be written out and collects every mistake, `expand` writes it, and
//! `fallback` hands the item back whatever happens, so that one mistake stays one message.

use proc_macro::TokenStream;

/// `quote!` whose locals cannot meet the user's: everything else is looked up where the user's item stands.
macro_rules! quote_mixed {
    ($($tokens:tt)*) => { ::quote::quote_spanned! { ::proc_macro2::Span::mixed_site()=> $($tokens)* } };
}

mod ast;
mod attr;
mod check;
mod errors;
mod expand;
mod fallback;
mod schema_lock;
mod types;

/// Makes a struct and its methods a model: put it above the `struct` and above its one `impl` block.
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
/// - An argument is data: owned, or a reference such as `&str`, `&[T]`, `&Path`, `&T`, which the client takes as it
///   is and the variant holds owned. For a `String` the client takes `impl Into<String>`.
/// - `ctx: &mut Ctx<BankEvent>` (or `&Ctx<BankEvent>`, which only tells) in a command, anywhere among the arguments, is passed in and is no argument. The type
///   must be written `Ctx`, under whatever path.
/// - A command whose result is a `Result`, under whatever name, changes nothing when it returns `Err`. In a generic
///   model it must be spelled `Result<T, E>`.
/// - The generated enums are `Clone`, `PartialEq` and `Debug` if all of their arguments are.
/// - The block may stand in another module than the struct; import both names there: `use super::{Bank, BankClient};`.
///
/// # Keys
///
/// | where | key | |
/// |---|---|---|
/// | above the `impl` block | `events = BankEvent` | the type of the model's events; without it there are none |
/// | above either | `crate = path` | where memstate is, if not at `::memstate` |
/// | on a method, as `#[memstate(skip)]` | `skip` | neither a command nor a query |
/// | on a field, as `#[memstate(clone)]` | `clone` | saved as a clone; the type need not be one for models |
#[proc_macro_attribute]
pub fn model(options: TokenStream, item: TokenStream) -> TokenStream {
    expand::model(options.into(), item.into()).into()
}

/// Makes a struct or an enum something that a model may hold, take and return.
///
/// It writes `Clone`, serde's `Serialize` and `Deserialize` (each unless a `#[derive]` below it has it) and `State`.
/// Type parameters that occur in fields must be `State`.
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
/// serde's attributes may be used, but not those that postcard cannot read back (`flatten`, `untagged`, `tag`,
/// `content`, `skip_serializing_if` and the like).
#[proc_macro_attribute]
pub fn data(options: TokenStream, item: TokenStream) -> TokenStream {
    expand::data(options.into(), item.into()).into()
}

/// A test that fails when the types of a model, its commands or their arguments have changed; see
/// `memstate::testing::schema`.
#[proc_macro]
pub fn schema_lock(input: TokenStream) -> TokenStream {
    schema_lock::test(input.into()).into()
}
