//! One record of a batch.
#![no_main]

use memstate_fuzz::{Model, hostile, target};

target!("record", hostile::record::<Model>);
