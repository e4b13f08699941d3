//! What a writer says of itself.
#![no_main]

memstate_fuzz::target!(schema);
