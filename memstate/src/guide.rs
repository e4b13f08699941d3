//! Guides: how to begin, how to read what goes wrong, and how to change what has a journal.
//!
//! * [Your first model](first_model): from an empty file to a restart, with tests, events and a look into the past.
//! * [How to read our errors](errors): of the compiler, of a call, of a journal that does not open, and what to do.
//! * [How to change a model that has a journal](changing): each kind of change, with what it needs.
//! * [Watching a model at work](observing): metrics with their names, logs and traces.
#![cfg_attr(
    feature = "server",
    doc = "* [How to run a server](serving): settings, tokens, roles, TLS, and what to do day by day."
)]
//! * [What is promised, and how it is tried](promises): each promise, what it assumes of the hardware, and the command that
//!   tries it.
#![cfg_attr(feature = "server", doc = "* [HTTP](http): a model for everybody who has no typed client.")]

#[doc = include_str!("guide/first_model.md")]
pub mod first_model {}

#[doc = include_str!("guide/errors.md")]
pub mod errors {}

#[doc = include_str!("guide/changing.md")]
pub mod changing {}

#[doc = include_str!("guide/observing.md")]
pub mod observing {}

#[cfg(feature = "server")]
#[doc = include_str!("guide/serving.md")]
pub mod serving {}

#[doc = include_str!("guide/promises.md")]
pub mod promises {}

#[cfg(feature = "server")]
#[doc = include_str!("guide/http.md")]
pub mod http {}
