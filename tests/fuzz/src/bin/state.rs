//! A state of today's types.
#![no_main]

memstate_fuzz::target!(state);
