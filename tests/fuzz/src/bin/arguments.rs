//! The number of a command, and its arguments.
#![no_main]

memstate_fuzz::target!(arguments);
