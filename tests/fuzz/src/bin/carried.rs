//! What a writer says of itself, with its length in front, and then a state or arguments that it wrote.
#![no_main]

use memstate_fuzz::{Model, hostile, target, two_parts};

target!("carried", |bytes| {
    let (preamble, written) = two_parts(bytes);
    hostile::carried::<Model>(preamble, written)
});
