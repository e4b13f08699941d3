//! In-memory, event-sourced domain models: a struct and its methods, durable and transactional.
//!
//! Put `#[memstate::model]` on a struct and on its `impl` block, or on a module with a struct and any number of blocks. A `&mut self` method becomes a *command*, which is
//! journaled, applied and answered when it is durable; a `&self` method becomes a *query*, which reads the model in memory.
//! [`open`] brings the model back from its journal and gives a typed client with the same methods. A field under
//! `#[memstate(model)]` is a model inside of a model.
//!
//! ```
//! use memstate::collections::Vec;
//!
//! #[memstate::model]
//! #[derive(Default)]
//! pub struct Guestbook {
//!     names: Vec<String>,
//! }
//!
//! #[memstate::model]
//! impl Guestbook {
//!     /// Signs the book.
//!     pub fn sign(&mut self, name: String) -> Result<usize, String> {
//!         self.names.push(name.clone());
//!         match name.is_empty() {
//!             true => Err("a name, please".to_owned()), // the push is undone
//!             false => Ok(self.names.len()),
//!         }
//!     }
//!
//!     /// Who has signed last.
//!     pub fn last(&self) -> Option<String> {
//!         self.names.last().cloned()
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let book: GuestbookClient = memstate::open::<Guestbook>("memory:").await?;
//! assert_eq!(book.sign("Ann").await?, 1);
//! assert!(book.sign("").await.is_err());
//! assert_eq!(book.last().await?, Some("Ann".to_owned()));
//! # Ok(())
//! # }
//! ```
//!
//! # The words
//!
//! *Journal*: the totally ordered, durable log of commands. *Record*: one journaled command. *Position*: a record's number,
//! from 1, without gaps. *Outcome*: what a record did. *Snapshot*: the state after a position. *Event*: what a command
//! announces through [`Ctx::emit`]. *Request id*: what makes a retry happen once.
//!
//! # Where to look
//!
//! * [`guide`]: [your first model](guide::first_model), [how to read our errors](guide::errors), [how to change a model that
//!   has a journal](guide::changing), [how to watch one at work](guide::observing).
//! * [`model`](macro@model) and [`data`](macro@data), the macros, with every key.
//! * [`Client`]: what every typed client can do besides the model's own methods.
//! * [`Metrics`]: what an open model has done, in numbers.
//! * [`Error`] and [`OpenError`]: what can go wrong, by what to do next.
//! * [`collections`]: what belongs into a model.
//! * [`Ctx`]: time, randomness, identity and events for a command.
//! * [`testing`]: [`given`](testing::given) commands, when one more, then this reply; and whether a model does the same again.
//! * [`journal`]: the contract of a journal and the format of its files; [`testing::journal`]: what a new one has to pass.

#![deny(unsafe_code)]
#![warn(missing_docs)]

// What `#[model]` writes names the crate, which some models for tests are in.
#[cfg(any(test, memstate_loom))]
extern crate self as memstate;

#[cfg(not(memstate_bugs))]
mod bugs;
#[cfg(memstate_bugs)]
#[doc(hidden)]
pub mod bugs;
mod calendar;
mod checked;
#[cfg(feature = "cli")]
pub mod cli;
pub mod client;
pub mod codec;
pub mod collections;
mod diff;
pub mod disk;
mod engine;
#[cfg(memstate_loom)]
#[doc(hidden)]
pub use engine::models;
mod error;
mod events;
#[cfg(feature = "remote")]
pub mod filter;
pub mod guide;
mod history;
pub mod journal;
#[doc(hidden)]
pub mod keys;
pub mod metrics;
pub mod model;
#[cfg(any(feature = "cli", feature = "remote"))]
mod near;
mod open;
mod pace;
mod past;
mod position;
mod prefetch;
#[cfg(feature = "remote")]
mod remote;
mod request;
pub mod schema;
#[cfg(feature = "server")]
pub mod server;
#[cfg(feature = "server")]
mod service;
pub mod state;
mod sync;
pub mod testing;
mod watch;
mod when;

pub use checked::{Checked, check};
#[cfg(feature = "cli")]
pub use cli::program::{main, main_with};
#[cfg(feature = "remote")]
pub use client::WatchQuery;
pub use client::{
    Answering, Ask, Atomically, Call, Client, Execute, Inner, Items, Look, Refused, TakesCommands,
};
pub use diff::Diff;
pub use engine::Retention;
pub use error::{Error, NotJournaled, OpenError, Problem};
pub use events::Events;
#[cfg(feature = "remote")]
pub use filter::Filter;
pub use history::{AmendedOutcome, History, HistoryCommand, HistoryRecord, RecordOutcome};
pub use memstate_macros::{data, model};
pub use metrics::Metrics;
pub use model::{Ctx, Model};
pub use open::{Location, Open, Opening, Progress, open, open_with};
pub use past::{At, Past, PastError};
pub use position::{InvalidTimestamp, Position, Timestamp};
#[cfg(feature = "remote")]
pub use remote::{Connect, ConnectError, Connecting, connect};
pub use request::{InvalidRequestId, RequestId};
pub use schema::diff::Change;
pub use schema::value::Value;
#[cfg(feature = "server")]
pub use server::serve;
pub use state::{State, Visitor};
pub use uuid::Uuid;
pub use watch::Watch;
pub use when::{Span, When};

/// What stands in every journal and snapshot: the version that wrote it.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What expansions of the macros name.
#[doc(hidden)]
pub mod __private {
    pub use crate::{
        client::{Ask, Call, Client, Inner, Items, Look, TakesCommands},
        codec::{
            Answer, Argument, Unreadable, Unwritable,
            counted::{
                Elements, KnownOrder, Order, WritesNothing, WritesSomething, elements_take_bytes,
                order_is_known,
            },
            get_option, put, put_option,
        },
        keys,
        model::{
            AllCommandsAndQueriesInOneImplBlock as Methods, Annotated, Announce, Announced, ClientInScope,
            CommandOf, Ctx, Lend, Method, Model, NoClient, NoEvents, NotResult, Operation, Outcome,
            Parameter, Part, Probe, ReadReply, Returned, ShapeOf, Spelled, Verdict,
            carried::{arguments, conversion, filled},
            collect,
            each::{CloneEach, DebugEach, EqEach},
            no_such_method,
        },
        past::Past,
        schema::{Type, Written, carry::read as read_written},
        state::{Foreign, ForeignWith, Held, State, Visitor, replace},
    };
    pub use memstate_macros::{Configured, compose, written_by_the_derive_above};
    pub use serde;
    pub use std;

    /// serde's two functions for a field whose type has been refused; they are never called.
    pub mod refused {
        use serde::{Deserializer, Serializer};

        #[allow(clippy::missing_errors_doc)]
        pub fn serialize<T, S: Serializer>(_: &T, _: S) -> Result<S::Ok, S::Error> {
            unreachable!("this does not compile")
        }

        #[allow(clippy::missing_errors_doc)]
        pub fn deserialize<'de, T, D: Deserializer<'de>>(_: D) -> Result<T, D::Error> {
            unreachable!("this does not compile")
        }
    }
}

#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
