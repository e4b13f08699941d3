//! What a writer says of itself, with its length in two bytes in front, and then a state or arguments that it wrote.
#![no_main]

memstate_fuzz::target!(carried);
