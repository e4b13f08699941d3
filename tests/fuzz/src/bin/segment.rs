//! The groups of a segment, from which a file with the right checksums is made.
#![no_main]

memstate_fuzz::target!(segment);
