//! The content of a snapshot, with the checksum that it needs and without.
#![no_main]

memstate_fuzz::target!(snapshot);
