//! What proves a model or a backend right: suites that every implementation of a contract passes, and storage that
//! fails on purpose.

pub mod disk;
pub mod journal;
pub mod schema;

pub use memstate_macros::schema_lock;
