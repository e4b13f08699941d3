//! Request ids, positions and times as texts.
#![no_main]

memstate_fuzz::target!(text);
