//! The payload of a batch, replayed.
#![no_main]

memstate_fuzz::target!(batch);
