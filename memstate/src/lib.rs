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
mod open;
mod position;
mod request;
pub mod state;

pub use client::{Ask, Call, Client, Execute};
pub use error::{Error, NotJournaled, OpenError};
pub use events::Events;
pub use memstate_macros::{data, model};
pub use model::{Ctx, Model};
pub use open::{Location, Open, Opening, Progress, open, open_with};
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
            Ctx, Method, Model, NoEvents, NotResult, Operation, Outcome, Parameter, Probe, Verdict, conclude,
            no_such_method, reply,
        },
        state::State,
    };
    pub use serde;
}
