//! [`Model`]: what the engine needs of a user's struct, and [`Ctx`]: what a command learns of its record.
//!
//! `#[memstate::model]` writes the implementations; `examples/without_macro.rs` has the same by hand.

pub(crate) mod carried;
pub(crate) mod collected;
mod ctx;
pub(crate) mod parts;

use std::convert::Infallible;

#[doc(hidden)]
pub use collected::collect;
#[doc(hidden)]
pub use ctx::{Announce, Announced};
pub use ctx::{Ctx, NoEvents, NoEventsAboveTheImplBlock, Rng};
pub use parts::{Listed, Part};

use crate::{
    Past, State,
    client::{Client, Look, TakesCommands},
    codec::{Answer, Unreadable, Unwritable, get_varint, put_varint, whole},
    schema::{Shape, Tracer, Type, Written, carry},
};

/// A domain model: a struct whose `&mut self` methods are commands and whose `&self` methods are queries.
///
/// `#[memstate::model]` on the struct and on its `impl` block implements it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a memstate model",
    label = "not a model",
    note = "put `#[memstate::model]` above `struct {Self}`, and above the `impl {Self}` block with its commands and queries"
)]
pub trait Model: State {
    /// What the journal calls the model: the name of the struct.
    const NAME: &'static str;
    /// The commands with their arguments.
    type Command: Operation;
    /// The queries with their arguments.
    type Query: Operation;
    /// The replies to commands and queries.
    type Reply: Send + 'static;
    /// What commands announce through [`Ctx::emit`].
    type Event: Answer;
    /// The typed client.
    type Client: From<Client<Self>> + Clone + Send + Sync;
    /// The typed client of a state of the past: the queries alone.
    type Past: From<Past<Self>> + Clone + Send + Sync;
    /// The typed client around anything that lends the model: [`Client`](Model::Client) is the one around a
    /// [`Client`], [`Past`](Model::Past) the one around a [`Past`].
    type Around<C>: From<C>;
    /// The version of the state: one more than there are migrations.
    const VERSION: u32 = 1;
    /// The types that [`migrate`](Model::migrate) reads, those of version 1 first.
    const MIGRATIONS: &'static [ShapeOf] = &[];

    /// Runs a command and appends what it returns to `reply`: what a `Result` holds, or the value itself.
    ///
    /// # Errors
    ///
    /// If the reply cannot be written; the caller takes the command's changes back then, as after
    /// [`Verdict::Rejected`] and after a panic.
    fn execute(
        &mut self,
        command: Self::Command,
        ctx: &mut Ctx<Self::Event>,
        reply: &mut Vec<u8>,
    ) -> Result<Verdict, Unwritable>;

    /// Answers a query.
    fn answer(&self, query: Self::Query) -> Self::Reply;

    /// The reply to the command number `method`, from what [`execute`](Model::execute) wrote.
    ///
    /// # Errors
    ///
    /// If the bytes are no such reply.
    fn reply(method: u16, verdict: Verdict, bytes: &mut &[u8]) -> Result<Self::Reply, Unreadable>;

    /// The answer to the query number `method`, from what [`respond`](Model::respond) wrote.
    ///
    /// # Errors
    ///
    /// If the bytes are no such answer. An implementation by hand that leaves this out has no answers to queries that were built
    /// by hand and asked of another process.
    fn answer_of(method: u16, verdict: Verdict, bytes: &mut &[u8]) -> Result<Self::Reply, Unreadable> {
        let _ = (method, verdict, bytes);
        Err(Unreadable::new("this model reads no answers to queries that were built by hand"))
    }

    /// Answers a query, and appends the answer to `reply`: what a `Result` holds, or the value itself.
    ///
    /// # Errors
    ///
    /// If the answer cannot be written.
    fn respond(&self, query: Self::Query, reply: &mut Vec<u8>) -> Result<Verdict, Unwritable>;

    /// Reads a state that other types than today's wrote, in `version` of the state.
    ///
    /// # Errors
    ///
    /// If it has no place in today's types.
    fn migrate(version: u32, written: Type<'_>, bytes: &mut &[u8]) -> Result<Self, Unreadable> {
        let _ = version;
        carry::read(written, bytes)
    }
}

/// The half of [`Model`] that `#[memstate::model]` writes for the `impl` block; the half for the struct forwards to it.
///
/// The name is what the compiler prints when there are two such blocks.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no commands or queries",
    label = "its `impl` block is not known to memstate",
    note = "put `#[memstate::model]` above the `impl {Self}` block too",
    note = "the block of a generic model names all parameters of the struct, those with a default too"
)]
#[allow(clippy::missing_errors_doc)]
pub trait AllCommandsAndQueriesInOneImplBlock: Sized {
    type Command: Operation;
    type Query: Operation;
    type Reply: Send + 'static;
    type Event: Answer;

    fn execute(
        &mut self,
        command: Self::Command,
        ctx: &mut Ctx<Self::Event>,
        reply: &mut Vec<u8>,
    ) -> Result<Verdict, Unwritable>;
    fn answer(&self, query: Self::Query) -> Self::Reply;
    fn respond(&self, query: Self::Query, reply: &mut Vec<u8>) -> Result<Verdict, Unwritable>;
    fn reply(method: u16, verdict: Verdict, bytes: &mut &[u8]) -> Result<Self::Reply, Unreadable>;
    fn answer_of(method: u16, verdict: Verdict, bytes: &mut &[u8]) -> Result<Self::Reply, Unreadable> {
        let _ = (verdict, bytes);
        Err(no_such_method(method))
    }
}

/// Compares a model's client with the type of that name where the `impl` block stands.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "the client of this model is `{Self}`, which is not imported here",
    label = "its methods are written here, so its client must be known here",
    note = "import the client by name, beside the model: `use super::{{Bank, BankClient}};`"
)]
pub trait ClientInScope<C> {
    const OK: () = ();
}

#[diagnostic::do_not_recommend]
impl<C> ClientInScope<C> for C {}

/// The mark of a struct that has `#[memstate::model]` and a mistake for which it is no [`Model`].
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a memstate model",
    label = "not a model",
    note = "put `#[memstate::model]` above `struct {Self}`, and above the `impl {Self}` block with its commands and queries"
)]
pub trait Annotated {
    const OK: () = ();
}

/// What stands in for [`Client`] when the struct is no model, so that this is said once and not for every method.
#[doc(hidden)]
pub struct NoClient;

impl<M> TakesCommands<M> for NoClient {
    fn __call<R: Outcome<K>, const K: bool>(
        &self,
        _: u16,
        _: &mut dyn FnMut(&mut Vec<u8>) -> Result<(), Unwritable>,
        _: ReadReply<R>,
    ) -> crate::Call<R, K> {
        unreachable!("this does not compile")
    }
}

impl<M> Look<M> for NoClient {
    fn __ask<R: Outcome<K>, const K: bool>(&self, _: u16, _: impl FnOnce(&M) -> R) -> crate::Ask<R, K> {
        unreachable!("this does not compile")
    }
}

/// The commands or the queries of a model: an enum with a variant for each method.
///
/// A method's number is its place in [`list`](Operation::list). The journal never holds it; it holds names.
pub trait Operation: Sized + Send + 'static {
    /// The model's own methods, in the order of the variants.
    const METHODS: &'static [Method];
    /// The models inside of the model. Their operations come after its own, in this order.
    const PARTS: &'static [Part] = &[];
    /// How many operations there are in all.
    const COUNT: u16 = parts::count(Self::METHODS, Self::PARTS);

    /// All operations, in the order of their numbers.
    fn list() -> Vec<Listed> {
        parts::list(Self::METHODS, Self::PARTS)
    }

    /// The number of this one's method.
    fn method(&self) -> u16;

    /// Appends the arguments to `bytes`, one after another.
    ///
    /// # Errors
    ///
    /// If an argument's `Serialize` refuses.
    fn put(&self, bytes: &mut Vec<u8>) -> Result<(), Unwritable>;

    /// Takes the arguments of method number `method` from the front of `bytes`.
    ///
    /// # Errors
    ///
    /// If there is no such method, or the bytes are not its arguments.
    fn get(method: u16, bytes: &mut &[u8]) -> Result<Self, Unreadable>;

    /// Reads the arguments of method number `method` as another version of the code wrote them. `version` is that of the
    /// writer's command.
    ///
    /// An implementation by hand that leaves this out reads the journals of its own version only, and refuses others.
    ///
    /// # Errors
    ///
    /// If they have no place in today's arguments.
    fn carry(method: u16, version: u32, written: Written<'_>) -> Result<Self, Unreadable> {
        let _ = (method, version, written);
        Err(Unreadable::new(
            "these commands read only arguments of today's types; implement `Operation::carry` for others",
        ))
    }

    /// The bytes that postcard writes for such an enum.
    ///
    /// # Errors
    ///
    /// If an argument's `Serialize` refuses.
    fn encode(&self) -> Result<Vec<u8>, Unwritable> {
        let mut bytes = Vec::new();
        put_varint(self.method().into(), &mut bytes);
        self.put(&mut bytes)?;
        Ok(bytes)
    }

    /// Reads what [`encode`](Operation::encode) wrote.
    ///
    /// # Errors
    ///
    /// If the bytes are anything else.
    fn decode(bytes: &[u8]) -> Result<Self, Unreadable> {
        whole(bytes, |bytes| {
            let method = get_varint(bytes)?;
            let method = u16::try_from(method).map_err(|_| no_such_method(method))?;
            Self::get(method, bytes)
        })
    }
}

/// Says whose commands these are, so that a list of them is enough to know the model.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a command of this model",
    label = "commands are wanted: of the model `Bank` the enum `BankCommand` has them"
)]
pub trait CommandOf<M>: Operation {}

/// The error for a method number that a model does not have.
pub fn no_such_method(method: impl std::fmt::Display) -> Unreadable {
    Unreadable::new(format!("there is no method number {method}"))
}

/// Traces what a type looks like.
pub type ShapeOf = fn(&mut Tracer) -> Shape;

/// A command or a query, described.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Method {
    /// The method's name in the source.
    pub name: &'static str,
    /// Its arguments, in order.
    pub arguments: &'static [Parameter],
    /// Its result type, as it is written in the source; empty for `()`.
    pub result: &'static str,
    /// Its documentation.
    pub docs: &'static str,
    /// Names that it had before.
    pub was: &'static [&'static str],
    /// The version of the command that it is; records of the same name and another version are not its own.
    pub version: u32,
    /// The command, and its version, whose records it replays instead of its own.
    pub replays: Option<(&'static str, u32)>,
    /// Whether it is kept for records of the past only.
    pub retired: bool,
    /// The arguments of earlier versions that it converts, those of version 1 first.
    pub upcasts: &'static [ShapeOf],
    /// What it returns: what an accepted and what a rejected call give.
    pub returns: Option<Returns>,
    /// Whether it gives one value after another: a query that returns an iterator. In this process they are collected, and
    /// the result is the `Vec` of them.
    pub stream: bool,
}

/// Traces what a method returns: on acceptance, and on rejection if it can reject.
pub type Returns = fn(&mut Tracer) -> (Shape, Option<Shape>);

impl Method {
    /// Describes a method.
    pub const fn new(
        name: &'static str,
        arguments: &'static [Parameter],
        result: &'static str,
        docs: &'static str,
    ) -> Self {
        Method {
            name,
            arguments,
            result,
            docs,
            was: &[],
            version: 1,
            replays: None,
            retired: false,
            upcasts: &[],
            returns: None,
            stream: false,
        }
    }

    /// Says which names it had before.
    pub const fn was(mut self, names: &'static [&'static str]) -> Self {
        self.was = names;
        self
    }

    /// Says which version of the command it is.
    pub const fn version(mut self, version: u32) -> Self {
        self.version = version;
        self
    }

    /// Says that it replays the records of `version` of the command `name`, and nothing else: it is
    /// [`retired`](Method::retired).
    pub const fn replays(mut self, name: &'static str, version: u32) -> Self {
        self.replays = Some((name, version));
        self.retired = true;
        self
    }

    /// Says that it is kept for records of the past only.
    pub const fn retired(mut self) -> Self {
        self.retired = true;
        self
    }

    /// Says which arguments of earlier versions it converts.
    pub const fn upcasts(mut self, shapes: &'static [ShapeOf]) -> Self {
        self.upcasts = shapes;
        self
    }

    /// Says that it gives one value after another.
    pub const fn streams(mut self) -> Self {
        self.stream = true;
        self
    }

    /// Says what it returns.
    pub const fn returns(mut self, returns: Returns) -> Self {
        self.returns = Some(returns);
        self
    }
}

/// An argument, described.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Parameter {
    /// Its name.
    pub name: &'static str,
    /// The type that the journal holds, as it is written in the source.
    pub type_name: &'static str,
    /// What that type looks like.
    pub shape: ShapeOf,
    /// Names that it had before.
    pub was: &'static [&'static str],
    /// Whether it has a default for records that do not have it.
    pub default: bool,
}

impl Parameter {
    /// Describes an argument; `shape` is `<T as Argument>::shape` of its type.
    pub const fn new(name: &'static str, type_name: &'static str, shape: ShapeOf) -> Self {
        Parameter { name, type_name, shape, was: &[], default: false }
    }

    /// Says which names it had before.
    pub const fn was(mut self, names: &'static [&'static str]) -> Self {
        self.was = names;
        self
    }

    /// Says that records without it get a default.
    pub const fn or_default(mut self) -> Self {
        self.default = true;
        self
    }
}

/// What a command made of its call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It returned `Ok`, or something that is no `Result`: its changes stay.
    Accepted,
    /// It returned `Err`: it changed nothing.
    Rejected,
}

/// Whether `R` is a `Result`, found by its type and not by its name: `Probe::<R>::IS_RESULT`.
///
/// The constant of the inherent implementation wins for a `Result`, under whatever alias; for every other type there
/// is only that of [`NotResult`], which must be in scope. `kind` says the same as a type, which a generic model can
/// check.
#[doc(hidden)]
pub struct Probe<R>(std::marker::PhantomData<R>);

impl<T, E> Probe<Result<T, E>> {
    #[doc(hidden)]
    pub const IS_RESULT: bool = true;
    #[doc(hidden)]
    pub const fn kind() -> ResultKind<true> {
        ResultKind
    }
}

#[doc(hidden)]
pub trait NotResult {
    const IS_RESULT: bool = false;
    fn kind() -> ResultKind<false> {
        ResultKind
    }
}

impl<R> NotResult for Probe<R> {}

/// What [`Probe`] found.
#[doc(hidden)]
pub struct ResultKind<const RESULT: bool>;

/// What the spelling of a return type says, which is all there is to go by in a generic model.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "the result of a generic model's method must show whether it is a `Result`",
    label = "by its name it is the one, by its type the other",
    note = "write it out as `Result<T, E>`, and name no other type so"
)]
pub trait Spelled<const RESULT: bool> {
    fn spelled(self);
}

#[diagnostic::do_not_recommend]
impl<const RESULT: bool> Spelled<RESULT> for ResultKind<RESULT> {
    fn spelled(self) {}
}

/// Takes a method's result apart: `K` says whether it is a `Result`.
///
/// Everything has `Outcome<false>`: the value is the answer, and there is no error. A `Result` also has
/// `Outcome<true>`: its `Err` is the model's refusal.
pub trait Outcome<const K: bool>: Sized {
    /// What an accepted call gives.
    type Ok;
    /// What a rejected one gives.
    type Err;
    /// Takes it apart.
    #[allow(clippy::missing_errors_doc)]
    fn split(self) -> Result<Self::Ok, Self::Err>;
    /// Puts it together.
    fn join(parts: Result<Self::Ok, Self::Err>) -> Self;
}

impl<T, E> Outcome<true> for Result<T, E> {
    type Ok = T;
    type Err = E;
    #[inline]
    fn split(self) -> Result<T, E> {
        self
    }
    fn join(parts: Result<T, E>) -> Self {
        parts
    }
}

impl<R> Outcome<false> for R {
    type Ok = R;
    type Err = Infallible;
    #[inline]
    fn split(self) -> Result<R, Infallible> {
        Ok(self)
    }
    fn join(parts: Result<R, Infallible>) -> Self {
        let Ok(value) = parts;
        value
    }
}

/// What a method may return, as bytes: [`Answer`], and for a `Result` (`K` is true) both of its sides.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the result of a memstate method",
    label = "cannot be sent to a client",
    note = "results, their errors and events must be owned, `Send`, and serializable in both directions",
    note = "for a type of your own: put `#[memstate::data]` on it, or derive serde's `Serialize` and `Deserialize`"
)]
pub trait Returned<const K: bool>: Outcome<K> {
    /// Names the bound where a type is to be checked and nothing else.
    #[doc(hidden)]
    const OK: () = ();

    /// Appends what a command returned to `reply`: what a `Result` holds, or the value itself.
    ///
    /// # Errors
    ///
    /// If its `Serialize` refuses.
    fn conclude(self, reply: &mut Vec<u8>) -> Result<Verdict, Unwritable>;

    /// Reads what [`conclude`](Returned::conclude) wrote.
    ///
    /// # Errors
    ///
    /// If the bytes are no such result.
    fn read(verdict: Verdict, bytes: &mut &[u8]) -> Result<Self, Unreadable>;

    /// What both sides look like.
    #[doc(hidden)]
    fn shapes(tracer: &mut Tracer) -> (Shape, Option<Shape>);

    /// Reads what another version's [`conclude`](Returned::conclude) wrote.
    #[doc(hidden)]
    fn carry(verdict: Verdict, written: Type<'_>, bytes: &mut &[u8]) -> Result<Self, Unreadable>;

    /// Both ways to read one, for a client.
    #[doc(hidden)]
    const READ: ReadReply<Self> = ReadReply {
        read: Self::read,
        #[cfg(feature = "remote")]
        carry: Self::carry,
    };
}

/// How a reply becomes what the method returns.
// Pointers instead of a bound on `R`, so that a result that cannot be read is an error at its method and not once more at every
// call.
#[doc(hidden)]
pub struct ReadReply<R> {
    pub(crate) read: fn(Verdict, &mut &[u8]) -> Result<R, Unreadable>,
    #[cfg(feature = "remote")]
    pub(crate) carry: fn(Verdict, Type<'_>, &mut &[u8]) -> Result<R, Unreadable>,
}

impl<R> ReadReply<R> {
    /// One that has nothing to read.
    #[doc(hidden)]
    pub const fn __unread() -> Self {
        ReadReply {
            read: |_, _| unreachable!("this does not compile"),
            #[cfg(feature = "remote")]
            carry: |_, _, _| unreachable!("this does not compile"),
        }
    }
}

impl<R> Clone for ReadReply<R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<R> Copy for ReadReply<R> {}

impl<T: Answer, E: Answer> Returned<true> for Result<T, E> {
    fn conclude(self, reply: &mut Vec<u8>) -> Result<Verdict, Unwritable> {
        match self {
            Ok(value) => value.put(reply).map(|()| Verdict::Accepted),
            Err(error) => error.put(reply).map(|()| Verdict::Rejected),
        }
    }
    fn read(verdict: Verdict, bytes: &mut &[u8]) -> Result<Self, Unreadable> {
        match verdict {
            Verdict::Accepted => T::get(bytes).map(Ok),
            Verdict::Rejected => E::get(bytes).map(Err),
        }
    }
    fn shapes(tracer: &mut Tracer) -> (Shape, Option<Shape>) {
        (T::shape(tracer), Some(E::shape(tracer)))
    }
    fn carry(verdict: Verdict, written: Type<'_>, bytes: &mut &[u8]) -> Result<Self, Unreadable> {
        match verdict {
            Verdict::Accepted => T::carry(written, bytes).map(Ok),
            Verdict::Rejected => E::carry(written, bytes).map(Err),
        }
    }
}

#[diagnostic::do_not_recommend]
impl<R: Answer> Returned<false> for R {
    fn conclude(self, reply: &mut Vec<u8>) -> Result<Verdict, Unwritable> {
        self.put(reply).map(|()| Verdict::Accepted)
    }
    fn read(verdict: Verdict, bytes: &mut &[u8]) -> Result<Self, Unreadable> {
        match verdict {
            Verdict::Accepted => R::get(bytes),
            Verdict::Rejected => Err(Unreadable::new("a method that cannot refuse has refused")),
        }
    }
    fn shapes(tracer: &mut Tracer) -> (Shape, Option<Shape>) {
        (R::shape(tracer), None)
    }
    fn carry(verdict: Verdict, written: Type<'_>, bytes: &mut &[u8]) -> Result<Self, Unreadable> {
        match verdict {
            Verdict::Accepted => R::carry(written, bytes),
            Verdict::Rejected => Err(Unreadable::new("a method that cannot refuse has refused")),
        }
    }
}

/// Lends a command the [`Ctx`] that its signature names.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "the commands of this model have a `{Self}`, not a `{C}`",
    label = "not the event type of this model",
    note = "all commands of a model announce one type of event, which stands in `#[memstate::model(events = BankEvent)]` above the `impl` block, or above the `mod` with the model"
)]
pub trait Lend<C> {
    fn lend(&mut self) -> &mut C;
}

#[diagnostic::do_not_recommend]
impl<C> Lend<C> for C {
    fn lend(&mut self) -> &mut C {
        self
    }
}

/// `Clone`, `PartialEq` and `Debug` of generated enums, each of which has them if all of its arguments do.
///
/// A bound on a type without parameters is checked where it stands; one that holds for every lifetime is checked
/// where it is used. `N` tells the bounds of one enum apart.
#[doc(hidden)]
pub mod each {
    use std::fmt;

    #[diagnostic::on_unimplemented(
        message = "`{Self}` is not `Clone`, so the enum that holds it is not either",
        label = "wants `#[derive(Clone)]` on your types in it"
    )]
    pub trait CloneEach<'a, const N: usize>: Sized {
        fn clone_each(&self) -> Self;
    }

    #[diagnostic::do_not_recommend]
    impl<T: Clone, const N: usize> CloneEach<'_, N> for T {
        fn clone_each(&self) -> Self {
            self.clone()
        }
    }

    #[diagnostic::on_unimplemented(
        message = "`{Self}` is not `PartialEq`, so the enum that holds it is not either",
        label = "wants `#[derive(PartialEq)]` on your types in it"
    )]
    pub trait EqEach<'a, const N: usize> {
        fn eq_each(&self, other: &Self) -> bool;
    }

    #[diagnostic::do_not_recommend]
    impl<T: PartialEq, const N: usize> EqEach<'_, N> for T {
        fn eq_each(&self, other: &Self) -> bool {
            self == other
        }
    }

    #[diagnostic::on_unimplemented(
        message = "`{Self}` is not `Debug`, so the enum that holds it is not either",
        label = "wants `#[derive(Debug)]` on your types in it"
    )]
    pub trait DebugEach<'a, const N: usize> {
        fn as_debug(&self) -> &dyn fmt::Debug;
    }

    #[diagnostic::do_not_recommend]
    impl<T: fmt::Debug, const N: usize> DebugEach<'_, N> for T {
        fn as_debug(&self) -> &dyn fmt::Debug {
            self
        }
    }
}
