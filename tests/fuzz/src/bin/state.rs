//! A state of today's types.
#![no_main]

use memstate_fuzz::{Model, hostile, target};

target!("state", hostile::state::<Model>);
