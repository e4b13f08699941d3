//! The payload of a batch, taken apart and replayed.
#![no_main]

use memstate_fuzz::{Model, hostile, target};

target!("batch", hostile::batch::<Model>);
