//! What a writer says of itself.
#![no_main]

use memstate_fuzz::{Model, hostile, target};

target!("schema", hostile::schema::<Model>);
