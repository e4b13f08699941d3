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

mod depth {
    use crate::schema::{DEEPEST, Shape};

    fn options(depth: usize) -> Vec<u8> {
        let mut shape = Shape::Unit;
        for _ in 0..depth {
            shape = Shape::Option(Box::new(shape));
        }
        postcard::to_stdvec(&shape).expect("shapes can be written")
    }

    #[test]
    fn a_shape_that_is_too_deep_for_the_stack_is_refused() {
        assert!(postcard::from_bytes::<Shape>(&options(DEEPEST)).is_ok());
        assert!(postcard::from_bytes::<Shape>(&options(DEEPEST + 1)).is_err());
        let option_tag = options(1)[0];
        assert!(postcard::from_bytes::<Shape>(&vec![option_tag; 1 << 20]).is_err());
        assert!(postcard::from_bytes::<Shape>(&options(DEEPEST)).is_ok(), "and the next is not blamed");
    }
}
