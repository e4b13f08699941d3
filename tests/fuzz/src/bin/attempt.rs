//! The file `attempt`.
#![no_main]

memstate_fuzz::target!(attempt);
