//! Random schemas with random values of them, and what becomes of them when the schema changes.
//!
//! A schema has no Rust type here: [`dynamic`] asks a deserializer for what a schema says, as derived code would.

use proptest::prelude::*;

use super::*;

mod agree;
mod choices;
mod dynamic;
mod evolve;
mod random;
mod wire;

use choices::Choices;

/// What a random test takes its decisions from; shorter and smaller is simpler.
fn tape() -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(any::<u8>(), 0..400)
}

/// So many cases, unless `PROPTEST_CASES` says more.
fn cases(usual: u32) -> ProptestConfig {
    let wanted = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok());
    ProptestConfig { cases: wanted.unwrap_or(usual), max_shrink_iters: 20_000, ..ProptestConfig::default() }
}
