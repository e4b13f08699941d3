//! The file `attempt`.
#![no_main]

use memstate_fuzz::{hostile, target};

target!("attempt", hostile::attempt);
