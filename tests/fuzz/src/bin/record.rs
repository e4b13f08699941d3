//! One record of a batch.
#![no_main]

memstate_fuzz::target!(record);
