//! in progress
pub mod client;
pub mod codec;
pub mod collections;
pub mod disk;
pub mod engine;
mod error;
mod events;
pub mod journal;
pub mod model;
mod position;
mod request;
pub mod state;

pub use client::{Ask, Call, Client, Execute};
pub use error::{Error, NotJournaled, OpenError};
pub use events::Events;
pub use memstate_macros::{data, model};
pub use model::{Ctx, Model};
pub use position::{Position, Timestamp};
pub use request::{InvalidRequestId, RequestId};
pub use state::State;

/// What expansions of the macros name.
#[doc(hidden)]
pub mod __private {
    pub use crate::{
        client::{Ask, Call, Client},
        codec::{Answer, Argument, Unreadable, Unwritable, put},
        model::{
            AllCommandsAndQueriesInOneImplBlock as Methods, Annotated, ClientInScope, Ctx, Lend, Method,
            Model, NoClient, NoEvents, NotResult, Operation, Outcome, Parameter, Probe, Returned, Spelled,
            Verdict,
            each::{CloneEach, DebugEach, EqEach},
            no_such_method,
        },
        state::{Foreign, ForeignWith, Held, State, replace},
    };
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
