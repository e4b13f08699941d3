//! The groups of a segment, from which a file with the right checksums is made.
#![no_main]

use memstate_fuzz::{Model, hostile, target};

target!("segment", |bytes| hostile::segment::<Model>(&hostile::build_segment::<Model>(bytes)));
