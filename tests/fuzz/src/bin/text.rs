//! Request ids, positions and times as texts.
#![no_main]

use memstate_fuzz::{hostile, target};

target!("text", hostile::text);
