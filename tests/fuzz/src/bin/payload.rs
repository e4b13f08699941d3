//! The payload of a batch, taken apart.
#![no_main]

memstate_fuzz::target!(payload);
